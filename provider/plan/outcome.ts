import { type ErrorCode, unreached } from "../errors";
import { folderOf } from "../facts/fixedPaths";
import { dhcpBackends } from "../formats/dhcpBackend";
import { namesFile } from "../os/paths";
import { masked } from "../preview/masked";
import { upMends } from "../values/mending";
import { whyOtherServers } from "./otherServers";
import type { Expectation, Plan } from "./plan";
import type { Register } from "./records";
import type { Refusal } from "./refusal";
import { renderCheckerWords } from "./transaction";
import type { Warning } from "./warning";

/** An expectation that was not met, as node 0 tells it. */
export interface Wrong {
  readonly n: number;
  readonly undoes: boolean;
  /** What was seen, by name; what is absent was not. */
  readonly seen: Readonly<Record<string, string>>;
}

/** Whether a file did not come, or not in time: packets may have been lost. */
export function isUnheard({ seen }: Wrong): boolean {
  return /^no answer$|^it did not come whole/.test(seen["said"] ?? "");
}

/** What is wrong with what was seen, in words. */
export function whyWrong(expectation: Expectation, { seen }: Wrong): Refusal {
  const refusal = (message: string, code: Refusal["code"] = "NOT_SERVING"): Refusal => ({
    code,
    id: expectation.id,
    message,
  });
  switch (expectation.ask) {
    case "unit": {
      const { unit, sockets } = expectation;
      const why =
        seen["active"] === "active"
          ? `runs but does not listen on ${sockets.join(" and ")}`
          : `does not stay up (${[...new Set([seen["active"], seen["sub"]])].join(", ")})`;
      return refusal(`${unit} ${why}; it said:\n${lastWords(seen["said"])}`);
    }
    case "ntp":
      return refusal(
        `chrony does not give the time: an NTP request to ${expectation.address} got no answer, or none that a clock can be set by;\n` +
          lastWords(seen["said"]),
      );
    case "dns": {
      const { server, how, name, wanted } = expectation;
      const answers = (seen["answers"] ?? "").split("\0").filter((answer) => answer !== "");
      const answered =
        seen["silent"] !== undefined
          ? "nothing at all"
          : answers.length > 0
            ? answers.join(", ")
            : `nothing (code ${seen["rcode"]})`;
      return refusal(`${server} was asked by DNS (${how}) for ${name} and answered ${answered}, not ${wanted}`);
    }
    case "heads":
    case "run": {
      const missing = expectation.ask === "run" ? expectation.what : (seen["missing"] ?? "").split("\0").join("; ");
      return refusal(`the rules are not in the firewall as they should be: ${missing}`, "FIREWALL_REFUSED");
    }
    case "tftp":
      if (expectation.stands !== true) return refusal(whyWrongFile(expectation, seen));
      return { code: "NOT_SERVING", message: `${whyWrongFile(expectation, seen)}${standing(true, expectation.id)}` };
    case "dhcp":
      return whyWrongDhcp(expectation, seen);
  }
}

function whyWrongFile(
  { name, address, sha256, path, script, chain, silent }: Extract<Expectation, { readonly ask: "tftp" }>,
  seen: Wrong["seen"],
): string {
  const by = script === undefined ? "" : `; ${script} fetches it`;
  if (seen["sha256"] === undefined) {
    // in.tftpd says no more, be it the file or a folder above it.
    const isKept = seen["said"] === "Permission denied" && path !== undefined;
    const look = isKept ? ` (the user tftp may not read it: \`namei -l ${path}\` there shows what keeps him out)` : "";
    const isSlow = /^it did not come whole/.test(seen["said"] ?? "");
    const cause = isSlow
      ? ", though a client that waits longer may get it"
      : seen["said"] === "no answer" && silent !== undefined
        ? `, for ${silent}`
        : look;
    return `${name} could not be fetched by TFTP from ${address}: ${seen["said"]}${cause}${by}`;
  }
  if (chain === undefined) return `TFTP served another ${name} than ${path} (sha256 ${seen["sha256"]}, not ${sha256})`;
  return `TFTP served another ${name} than was declared (sha256 ${seen["sha256"]}, not ${sha256}); ${upMends("mends what somebody changed")}${by}`;
}

function standing(stands: boolean, id: string): string {
  return stands ? ` (${id}, which stands for all machines with this chain)` : "";
}

function whyWrongDhcp(expectation: Extract<Expectation, { readonly ask: "dhcp" }>, seen: Wrong["seen"]): Refusal {
  const { id } = expectation;
  if (seen["is"] === "server") {
    const other = { server: seen["server"] ?? "", hardware: seen["hardware"] ?? "" };
    return { code: "OTHER_DHCP_SERVER", id, message: whyOtherServers(expectation.interface, [other]) };
  }
  if (seen["is"] === "stranger") {
    const message =
      `a machine that no program names (${seen["mac"]}) was offered the address ${seen["address"]}; ` +
      'take out what lets unknown clients in (extraConfig, a drop-in of the unit), or say unknownMachines: "serve"';
    return { code: "NOT_SERVING", id, message };
  }
  if (seen["is"] === "partner") return { code: "NOT_SERVING", id, message: whyNoPartner(expectation, seen["state"]) };
  if (seen["is"] === "peer")
    return { code: "NOT_SERVING", id: seen["id"] ?? id, message: whyWrongPeer(expectation, seen) };
  const whose = seen["id"] ?? id;
  const stands = seen["stands"] === "1";
  const message = `${whyWrongOffer(expectation.next, seen, expectation.silent)}${standing(stands, whose)}`;
  return { code: "NOT_SERVING", ...(stands ? {} : { id: whose }), message };
}

/** Why one of two servers that share their leases would not take the other's place, or does it for no reason; `state` is Kea's word. */
export function whyNoPartner(
  { partner }: Extract<Expectation, { readonly ask: "dhcp" }>,
  state: string | undefined,
): string {
  const other = partner?.address ?? "its partner";
  const letThrough = `let tcp ${partner?.port} through between the two ("kea-ha" among the firewall's services)`;
  if (state === "partner-down") {
    return `it takes ${other} for dead (Kea: partner-down), which answers as well, so both may lend one address; ${letThrough}, and make sure that ${other} says highAvailability, too`;
  }
  if (state === "terminated") {
    return `it and ${other} watch each other no more (Kea: terminated), most often for clocks that are more than a minute apart; \`journalctl -u kea-dhcp4-server\` on node 0 says why. Set the clocks, and restart that unit on both`;
  }
  return `it answers nobody, for it was neither serving nor standing by after 15 s (Kea: ${state}), as where ${other} does not hear it; ${letThrough}, and look by \`journalctl -u kea-dhcp4-server\` how it is on both`;
}

/** What another node 0 told a machine, or somebody in its name. */
export function whyWrongPeer(
  { next, peers = [] }: Extract<Expectation, { readonly ask: "dhcp" }>,
  seen: Wrong["seen"],
): string {
  const { server = "" } = seen;
  const right = peers.find(({ address }) => address === server)?.next ?? next;
  return `${whyWrongOffer(right, { ...seen, from: server })}: another node 0 by the program, and a machine takes either answer`;
}

/** What a machine was told instead of what is right; `silent` says why nobody answers, where that is known. */
export function whyWrongOffer(next: string, seen: Wrong["seen"], silent?: string): string {
  const { hostname, mac, ipxe, address, wanted, file, wantedFile, from, late } = seen;
  const who = `${ipxe === "1" ? "iPXE" : "the firmware"} of ${hostname} (${mac})`;
  if (late === "1") return "not asked: a minute was over";
  if (from === undefined)
    return `${who} asked by DHCP and got no answer${silent === undefined ? "" : `, for ${silent}`}`;
  if (wanted !== "-" && address !== wanted)
    return `${who} was offered the address ${address}, not ${wanted}, by ${from}`;
  if (file !== wantedFile) return `${who} was told the file "${file}", not "${wantedFile}", by ${from}`;
  return `${who} was sent to the boot server ${seen["next"]}, not ${next}, by ${from}`;
}

/** The end of what a unit said, without what every start says. */
function lastWords(said = ""): string {
  const usual =
    /^(Started|Starting|Stopped|Stopping|\S+: Scheduled restart job|Internet Systems Consortium|Copyright|All rights|For info)/;
  // dhcpd ends with seven lines on whom to write to if that should be a bug, before which stands what is wrong.
  const advice = /^If you think you have received this message[\s\S]*?^exiting\.$/gm;
  const lines = said
    .replaceAll(advice, "")
    .split("\n")
    .filter((line) => line !== "" && !usual.test(line));
  // A unit that is started again and again says the same each time.
  return [...new Set(lines)]
    .slice(-12)
    .map((line) => `  ${masked(line)}`)
    .join("\n");
}

/** What a daemon's own checker refused. */
export function whyInvalid({ checks }: Plan, n: number, said: string): Refusal {
  const check = checks[n];
  if (check === undefined) return { code: "BUG", message: `node 0 tells of a check that was not asked for: ${said}` };
  const { id, program } = check;
  const message = `${program} refused the new configuration:\n${masked(renderCheckerWords(check, said))}`;
  return { code: "CONFIG_REFUSED", ...(id === undefined ? {} : { id }), message };
}

/** Lines of a file that went, for whoever wrote them. */
export function renderDifference(seen: Readonly<Record<string, string>>): Warning {
  const { why, id = "-", path, copy, lines = "" } = seen;
  const headline =
    why === "edited"
      ? `${path} was changed by hand since the last run; it is overwritten, and kept as ${copy}`
      : why === "adopted"
        ? `${path} was there already, as a package or somebody left it; it is kept, and comes back on destroy. What changes:`
        : `lines that somebody wrote into our block in ${path} are taken out of it:`;
  // Machines of any stack, of which a program may have made secrets.
  const isOfMachines = path === namesFile || dhcpBackends.some(({ machines }) => machines.path === path);
  if (isOfMachines && why === "edited") {
    return {
      id,
      text: `${headline}. Its lines are not shown, for machines may be secrets: \`diff ${copy} ${path}\` there`,
    };
  }
  return { id, text: `${headline}\n${masked(lines)}` };
}

/** What became of node 0 when a change was undone. */
export function renderUndone(seen: Readonly<Record<string, string>>): string {
  if (seen["failed"] !== undefined) return `putting the previous configuration back failed: ${seen["failed"]}`;
  const ran = (seen["ran"] ?? "").split("\0").filter((unit) => unit !== "");
  const down = (seen["down"] ?? "").split("\0").filter((unit) => unit !== "");
  if (down.length > 0) {
    return `the previous configuration was put back, but these do not run with it either: ${down.join(", ")}`;
  }
  // Not that node 0 serves: what the proof found may have been so before.
  return `the previous configuration was put back${ran.length > 0 ? `, and runs: ${ran.join(", ")}` : ""}`;
}

/** What node 0 could not do, in its own words, and what lies behind it where these do not say it. */
export function renderFailure(text: string): string {
  const [, unread, said] = /^(\S+ did not read its files anew:)\n([\s\S]*)$/.exec(text) ?? [];
  if (unread !== undefined) return `${unread}\n${lastWords(said)}`;
  const full = /(?:^| )(\/\S+): No space left on device$/m.exec(text)?.[1];
  if (full !== undefined) {
    const folder = folderOf(full);
    return `${text}; \`df ${folder}\` and \`df -i ${folder}\` there show of what there is none left`;
  }
  const [, made, why] = /^cannot make (\/\S+): (Operation not permitted|Read-only file system)$/m.exec(text) ?? [];
  if (made !== undefined && !made.startsWith("/run/")) {
    const folder = folderOf(made);
    const shows = why === "Read-only file system" ? `findmnt -T ${folder}` : `lsattr -d ${folder}`;
    return `${text}; \`${shows}\` there shows what keeps root from it`;
  }
  if (!/ \/run\/\S+: Read-only file system$/m.test(text)) return text;
  return (
    `${text}; nothing but a setting for all units keeps root from writing to /run there: ` +
    "look at ProtectSystem= in /etc/systemd/system/service.d, and set ProtectSystem=no by a file of the same name in " +
    "/etc/systemd/system/pulumi-netboot-.service.d"
  );
}

/** As many names as a line takes. */
const mostNames = 8;

/**
 * What a failed change means for node 0, and what of the same run stands there all the same.
 *
 * @param undone - what became of node 0 where the change had begun; undefined where it had not
 * @param stands - the resources whose changes this run has committed there
 * @param gone - those that it has taken off
 */
export function renderMeaning(
  code: ErrorCode,
  undone: string | undefined,
  stands: readonly string[],
  gone: readonly string[] = [],
): string {
  const isAlone = stands.length + gone.length === 0;
  const parts = [
    undone ?? whatDidNotHappen(code, isAlone),
    stands.length === 0 ? "" : `of this run stands on node 0: ${renderIds(stands)}`,
    gone.length === 0 ? "" : `this run has taken off node 0: ${renderIds(gone)}`,
  ];
  return parts.filter((each) => each !== "").join("; ");
}

function whatDidNotHappen(code: ErrorCode, isAlone: boolean): string {
  if (code === "CONNECTION_LOST") {
    return "if the change had arrived whole, node 0 finishes or undoes it by itself; run it again";
  }
  // Their own words say it.
  if (code === "COMMAND_FAILED" || code === "BUG") return "";
  // Of a host that can't be reached nobody knows what it serves.
  if (unreached.has(code)) return `This change did not reach node 0${isAlone ? ", and changed nothing there" : ""}`;
  return isAlone ? "Nothing was changed, and node 0 serves what it served" : "Nothing of this change was done";
}

function renderIds(ids: readonly string[]): string {
  const more = ids.length - mostNames;
  return `${ids.slice(0, mostNames).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** What only node 0 can tell of each resource of a change that stands: by id, then by the output's name. */
export function outputsOf(
  plan: Plan,
  register: Register,
  puts: readonly string[],
  doubtOf: (id: string) => string | undefined,
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const outputs = new Map<string, Record<string, string>>();
  const put = (id: string, more: Record<string, string>): void => {
    outputs.set(id, { ...outputs.get(id), ...more });
  };
  for (const expectation of plan.expectations) {
    if (expectation.ask === "unit" && expectation.sockets.length > 0 && puts.includes(expectation.id)) {
      put(expectation.id, { listening: expectation.sockets.map(shownSocket).join(", ") });
    }
    if (expectation.ask === "dhcp") {
      for (const id of expectation.puts) put(id, { verified: renderVerified(expectation, register, id, doubtOf(id)) });
    }
  }
  for (const id of puts) {
    const entry = register.after.get(id);
    const names = entry?.held.find((held) => held.want === "names");
    if (names?.mode === "hosts") put(id, { listening: "/etc/hosts" });
    const asked = plan.expectations.some((each) => each.ask === "dhcp" && each.puts.includes(id));
    if ((entry?.machines ?? 0) > 0 && !asked && entry?.examples.every(({ proof }) => proof === false) === true) {
      put(id, { verified: "not asked: verify is false" });
    }
    for (const held of entry?.held ?? []) {
      if (held.want !== "taken") continue;
      const file = entry?.held.find((each) => each.want === "file" && each.path === held.path);
      if (file?.want === "file") put(id, { sha256: file.sha256 });
    }
  }
  return outputs;
}

/** `eno2 udp 67`, `192.168.1.1:69 udp`. */
function shownSocket(socket: string): string {
  const [how, where, port] = socket.split(" ");
  return how === "packet" ? `${where} udp 67` : `${where}:${port} ${how}`;
}

function renderVerified(
  { loaders, script }: Extract<Expectation, { readonly ask: "dhcp" }>,
  { before, after }: Register,
  id: string,
  doubt: string | undefined,
): string {
  const entry = after.get(id);
  const [machine] = entry?.examples ?? [];
  const macs = entry?.macs ?? 0;
  const nics = `(${macs} MAC${macs === 1 ? "" : "s"})`;
  const several = `${entry?.machines} machines ${nics}`;
  const told =
    machine !== undefined && entry?.machines === 1
      ? `${machine.address ?? "an address of the pool"}, ${machine.loader ?? loaders[machine.firmware]}, then ${script} ${nics}`
      : before.has(id)
        ? `their addresses and files to the new and changed of ${several}, and to one of each chain`
        : `their addresses and files to ${several}`;
  return `DHCP offered ${told}${doubt === undefined ? "" : `; not proved: ${doubt}`}`;
}
