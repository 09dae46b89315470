import type { Change, Want } from "../kinds/want";

/** What is asked of the agent on node 0. */
export interface Request {
  /**
   * `apply` changes the host; `look` tells how it differs, `prove` what it serves to the machines of these resources, and
   * `history` who booted.
   */
  readonly mode: "apply" | "look" | "prove" | "history";
  /** The machine-id's first digits that these resources were made on; another machine is refused. */
  readonly machine?: string | undefined;
  /** How far back the history goes, as journalctl reads a time: `@1790000000`. */
  readonly since?: string;
  readonly changes: readonly Change[];
}

/**
 * Writes a request as the agent reads it: a line per fact, its words percent-encoded and separated by one space, the
 * bytes of a file directly after its line.
 */
export function renderRequest({ mode, machine, since, changes }: Request): Uint8Array {
  const parts: Uint8Array[] = [line("mode", mode)];
  if (machine !== undefined) parts.push(line("machine", machine));
  if (since !== undefined) parts.push(line("since", since));
  for (const change of changes) {
    if (change.kind === "drop") {
      parts.push(line("drop", change.id, change.generation));
      continue;
    }
    parts.push(line("put", change.declaration.id, change.declaration.generation));
    for (const want of change.declaration.wants) parts.push(...renderWant(want));
  }
  return concatenate(parts);
}

function renderWant(want: Want): readonly Uint8Array[] {
  switch (want.want) {
    case "package":
      return [line("package", want.name, want.units.join(","))];
    case "fetch":
      return [line("fetch", want.package, String(want.files))];
    case "listenFor":
      return [line("listenFor", want.interface, want.address)];
    case "standIn":
      return [line("standIn", want.package, want.usual.join(","), want.others.join(","), want.allowed ? "1" : "0")];
    case "dir":
      return [line("dir", want.path, want.mode)];
    case "file": {
      const bytes = typeof want.content === "string" ? utf8.encode(want.content) : want.content;
      return [line("file", want.path, want.mode, String(bytes.length)), bytes];
    }
    case "link":
      return [line("link", want.path, want.target)];
    case "take":
      return [line("take", want.path, want.mode, want.package, want.version ?? "-", want.members.join(","))];
    case "interface": {
      const { address, prefixLength, allowDefaultRoute } = want;
      return [line("interface", want.interface, address, String(prefixLength), allowDefaultRoute ? "1" : "0")];
    }
    case "unit":
      return [
        line(
          "unit",
          want.name,
          want.restartedBy.join(","),
          ...(want.reloadedBy === undefined ? [] : [want.reloadedBy.join(",")]),
        ),
      ];
    case "enabled":
      return [line("enabled", want.unit)];
    case "listen":
      return want.on.kind === "packet"
        ? [line("listen", want.unit, "packet", want.on.interface)]
        : [line("listen", want.unit, want.on.kind, want.on.address, String(want.on.port))];
    case "ntp":
      return [line("ntp", want.address)];
    case "names":
      return [line("names", want.mode, want.address ?? "-", want.domain ?? "-", want.records)];
    case "serve":
      return [line("serve", want.interface, want.bootServer, want.cidr, ...Object.entries(want.loaders).flat())];
    case "firewall":
      return [line("firewall", want.interface, want.allowDefaultRoute ? "1" : "0", ...want.rules)];
    case "tftpd":
      return [line("tftpd", want.address, want.directory)];
    case "node": {
      const { hostname, address = "-", macs, firmware, loader = "-", proof, blocks } = want;
      const proved = typeof proof === "string" ? `+${proof}` : proof ? "+" : "-";
      return [line("node", hostname, address, macs.join(","), firmware, loader, proved, blocks)];
    }
    case "otherServers":
    case "registered":
    case "history":
    case "purge":
      return [line(want.want)];
  }
}

const utf8 = new TextEncoder();

function line(...words: readonly string[]): Uint8Array {
  return utf8.encode(`${words.map(encodeWord).join(" ")}\n`);
}

/** Everything but what the agent itself leaves plain becomes `%XX`, byte by byte of its UTF-8. */
function encodeWord(word: string): string {
  if (word === "") return "%";
  if (/^[A-Za-z0-9_.:/,@+=-]+$/.test(word)) return word;
  return Array.from(utf8.encode(word), (byte) => {
    const character = String.fromCharCode(byte);
    if (/[A-Za-z0-9_.:/,@+=-]/.test(character)) return character;
    return `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
