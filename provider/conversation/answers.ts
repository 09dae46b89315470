import type {
  AddressedMachine,
  Holder,
  HostAnswers,
  LackedMachine,
  OtherServer,
  PacketSocket,
  Question,
  Ran,
  Seen,
} from "../facts/question";
import type { Machine } from "../plan/records";
import { type Line, line, parseMachineLine, type Said } from "./protocol";

/** A question as node 0 reads it. */
export function renderQuestion(key: string, question: Question): Line {
  const { ask, when, ...asked } = question;
  // On the wire `bytes` is what follows a line.
  const { bytes: most, ...values } = { bytes: undefined, ...asked };
  return line("question", {
    key,
    ask,
    most,
    ...values,
    ...(when === undefined ? {} : { whenKey: when.key, whenMatches: when.matches }),
  });
}

/** Collects what node 0 answers, a line at a time. */
export class Collected implements HostAnswers {
  readonly #lines = new Map<string, Said[]>();

  /** Takes a line that answers a question; others are left alone. */
  take(said: Said): void {
    const { key } = said.values;
    if (key === undefined) return;
    // A question that is asked anew has one answer: the latest.
    if (
      said.word !== "seen" &&
      !/^(holder|placed|other|unjoined)$/.test(said.word) &&
      said.values["for"] === undefined
    ) {
      this.#lines.set(key, []);
    }
    const lines = this.#lines.get(key) ?? [];
    lines.push(said);
    this.#lines.set(key, lines);
  }

  #of(key: string, word: string): readonly Readonly<Record<string, string>>[] {
    return (this.#lines.get(key) ?? []).filter((said) => said.word === word).map(({ values }) => values);
  }

  ran(key: string): Ran | undefined {
    const [ran] = this.#of(key, "ran");
    return ran === undefined ? undefined : ranOf(ran);
  }

  ranFor(key: string): ReadonlyMap<string, Ran> | undefined {
    if (!this.#lines.has(key)) return undefined;
    return new Map(this.#of(key, "ran").map((ran) => [ran["for"] ?? "", ranOf(ran)]));
  }

  path(key: string): Seen | undefined {
    const seen = this.#of(key, "seen").at(-1);
    return seen === undefined ? undefined : seenOf(seen);
  }

  folder(key: string): readonly Seen[] | undefined {
    return this.#lines.has(key) ? this.#of(key, "seen").map(seenOf) : undefined;
  }

  holders(key: string): readonly Holder[] | undefined {
    if (!this.#lines.has(key)) return undefined;
    const ofPorts = this.#of(key, "holder").filter(({ protocol }) => protocol === "udp" || protocol === "tcp");
    return ofPorts.map((values) => ({
      protocol: values["protocol"] === "tcp" ? "tcp" : "udp",
      ...boundTo(values["local"] ?? ""),
      port: Number(values["port"]),
      ...ownerOf(values),
    }));
  }

  packetSockets(key: string): readonly PacketSocket[] | undefined {
    if (!this.#lines.has(key)) return undefined;
    const raw = this.#of(key, "holder").filter(({ protocol }) => protocol?.startsWith("p_"));
    return raw.map((values) => ({ interface: values["port"] ?? "", ...ownerOf(values) }));
  }

  /** Machines of other resources, which were asked for by their addresses. */
  machines(key: string): readonly AddressedMachine[] | undefined {
    if (!this.#lines.has(key)) return undefined;
    return this.#of(key, "placed").map(({ id = "", hostname = "", address = "" }) => ({ id, hostname, address }));
  }

  /** Other DHCP servers that were heard; undefined if nobody listened. */
  others(key: string): readonly OtherServer[] | undefined {
    if (!this.#lines.has(key)) return undefined;
    return this.#of(key, "other").map(({ server = "", hardware = "" }) => ({ server, hardware }));
  }

  joined(key: string): ReturnType<HostAnswers["joined"]> {
    const [joined] = this.#of(key, "joined");
    if (joined === undefined) return undefined;
    const lacks = this.#of(key, "unjoined").map(
      ({ id = "", hostname = "", how }): LackedMachine => ({
        id,
        hostname,
        how: how === "missing" ? how : "changed",
      }),
    );
    return { how: joined["how"] as "same" | "missing" | "changed", lacks };
  }

  boots(key: string): string | undefined {
    return this.#of(key, "boots")[0]?.["log"];
  }

  recorded(key: string): readonly Machine[] | undefined {
    const lines = this.path(key)?.content?.split("\n");
    return lines?.filter((text) => text.startsWith("node ")).map(parseMachineLine);
  }

  roster(key: string): string | undefined {
    return this.#of(key, "roster")[0]?.["machines"];
  }
}

function ranOf(values: Readonly<Record<string, string>>): Ran {
  return { status: Number(values["status"]), said: values["said"] ?? "" };
}

/** Reads what ss(8) calls a local address: `0.0.0.0%eno2`, `[::ffff:192.168.1.1]`, `*`. */
function boundTo(local: string): Pick<Holder, "address" | "interface"> {
  const [address = "", name] = local.split("%");
  const plain = address.replace(/^\[(.*)\]$/, "$1");
  return { address: plain === "*" ? "::" : plain, ...(name === undefined ? {} : { interface: name }) };
}

function ownerOf(values: Readonly<Record<string, string>>): Pick<Holder, "pid" | "program" | "unit"> {
  const { pid, program = "", unit } = values;
  return { pid: Number(pid), program, ...(unit === undefined ? {} : { unit }) };
}

function seenOf(values: Readonly<Record<string, string>>): Seen {
  const { path = "", type, mode = "0000", uid, gid, mtime, ctime, size, target, sha256, content, link } = values;
  return {
    path,
    type: (type ?? "absent") as Seen["type"],
    mode,
    uid: Number(uid ?? 0),
    gid: Number(gid ?? 0),
    bytes: Number(size ?? 0),
    mtime: Number(mtime ?? 0),
    ctime: Number(ctime ?? 0),
    ...(target === undefined ? {} : { target }),
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(content === undefined ? {} : { content }),
    ...(link === undefined ? {} : { foreignLink: link }),
  };
}
