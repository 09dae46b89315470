/** How far a boot got, in its order; `refused` got no answer because no program declares the machine. */
export type Reached = "refused" | "asked" | "lease" | "loader" | "script" | "rEFInd" | "system";

/** A file that a machine asked for. */
export interface Fetched {
  readonly name: string;
  /** The second at which it was asked for first, since 1970. */
  readonly at: number;
  /** What was served then, as 64 hex digits; absent if the log does not go back so far. */
  readonly sha256?: string;
  /** Why it was not given, in the TFTP server's words. */
  readonly refusal?: string;
  /** How often it was asked for, if that is more than a boot does for which its packets come through. */
  readonly asked?: number;
}

/**
 * Who asked by DHCP, or had an answer: the firmware, iPXE, and the system on the disk, of which nothing but its address is in
 * the log.
 */
export type Asked = "firmware asked" | "firmware answered" | "iPXE asked" | "iPXE answered" | "system answered";

/** One machine's way through the network, as node 0's log tells it. */
export interface Boot {
  /** The NIC that asked. */
  readonly mac: string;
  /** The second of its first and of its last sign, since 1970. */
  readonly from: number;
  readonly to: number;
  readonly reached: Reached;
  readonly address?: string;
  /** Its firmware by the first architecture that it names (RFC 4578): 7 and 9 are x64, 6 is ia32, 0 is BIOS. */
  readonly architecture?: number;
  /** In the order in which it asked, each once. */
  readonly files: readonly Fetched[];
  /** How often it asked for an address. */
  readonly asked: number;
  /** The second since 1970 at which each of these came first. */
  readonly dhcp: Readonly<Partial<Record<Asked, number>>>;
}

/** What node 0 tells: lines of its log, each after its second, and `name ctime sha256` for each boot file as it is. */
export interface HistoryTexts {
  readonly log: string;
  readonly files: string;
}

type Event =
  | { readonly at: number; readonly tells: "loader"; readonly mac: string; readonly architecture: number }
  | { readonly at: number; readonly tells: "script"; readonly mac: string }
  | { readonly at: number; readonly tells: "refused"; readonly mac: string }
  | { readonly at: number; readonly tells: "lease"; readonly mac: string; readonly address: string }
  | {
      readonly at: number;
      readonly tells: "file";
      readonly address: string;
      readonly name: string;
      readonly by: string;
    }
  | { readonly at: number; readonly tells: "no file"; readonly by: string; readonly refusal: string }
  | { readonly at: number; readonly tells: "serves"; readonly name: string; readonly sha256: string }
  | { readonly at: number; readonly tells: "gap"; readonly lines: number };

/** Reads one line of the log; undefined if it tells nothing of a boot. */
export function parseLogLine(line: string): Event | undefined {
  const found = /^(?<at>\d+\.\d+) (?<by>[\w.-]+(?:\[\d+\])?): (?<text>.*)$/.exec(line)?.groups;
  if (found === undefined) return undefined;
  const { by = "", text = "" } = found;
  const at = Number(found["at"]);
  const words = (pattern: RegExp): Readonly<Record<string, string>> | undefined => pattern.exec(text)?.groups;
  const stage = words(/^netboot stage=(?<stage>\w+) mac=(?<mac>[0-9a-f:]+)(?: arch=(?<architecture>[0-9a-f]+))?/);
  if (stage !== undefined) {
    const mac = plainMac(stage["mac"] ?? "");
    if (stage["stage"] === "script") return { at, tells: "script", mac };
    return { at, tells: "loader", mac, architecture: Number.parseInt(stage["architecture"] ?? "", 16) };
  }
  const lease = words(/^DHCPACK on (?<address>\S+) to (?<mac>[0-9a-f:]+)/);
  if (lease !== undefined) return { at, tells: "lease", mac: lease["mac"] ?? "", address: lease["address"] ?? "" };
  const refused = words(/^DHCPDISCOVER from (?<mac>[0-9a-f:]+) .*: (?:no free leases|unknown client)/);
  if (refused !== undefined) return { at, tells: "refused", mac: refused["mac"] ?? "" };
  const file = words(/^RRQ from (?<address>\S+) filename (?<name>.+)$/);
  if (file !== undefined) {
    const name = (file["name"] ?? "").replace(/ remapped to .*$/, "").replace(/^\/+/, "");
    return { at, tells: "file", address: file["address"] ?? "", name, by };
  }
  const nak = words(/^sending NAK \(\d+, (?<refusal>.*)\) to \S+$/);
  if (nak !== undefined) return { at, tells: "no file", by, refusal: nak["refusal"] ?? "" };
  const gap = words(/^Suppressed (?<lines>\d+) messages/);
  if (gap !== undefined) return { at, tells: "gap", lines: Number(gap["lines"]) };
  const serves = words(/^serves (?<name>\S+) sha256:(?<sha256>[0-9a-f]{64})$/);
  if (serves !== undefined) {
    return { at, tells: "serves", name: serves["name"] ?? "", sha256: serves["sha256"] ?? "" };
  }
  return undefined;
}

/** dhcpd's expressions print a byte without its leading zero. */
function plainMac(mac: string): string {
  return mac.replaceAll(/(?<=^|:)(?=[0-9a-f](?::|$))/g, "0");
}

/** A machine that is silent for so long and then asks as its firmware does has been switched on again. */
const pauseSeconds = 60;

interface Course extends Boot {
  to: number;
  reached: Reached;
  address?: string;
  files: (Fetched & { readonly by: string; readonly times: number })[];
  asked: number;
  dhcp: Partial<Record<Asked, number>>;
}

/** The boots that the log tells of, the oldest first. */
export function parseHistory({ log, files }: HistoryTexts): readonly Boot[] {
  const events = log.split("\n").flatMap((line) => parseLogLine(line) ?? []);
  const sums = sumsOf(events, files);
  const boots: Course[] = [];
  const current = new Map<string, Course>();
  const byAddress = new Map<string, Course>();
  // in.tftpd has a process of its own for each request.
  const byRequest = new Map<string, Course>();
  const begin = (mac: string, at: number, more: Partial<Boot>): Course => {
    const boot: Course = { mac, from: at, to: at, reached: "asked", asked: 0, ...more, files: [], dhcp: {} };
    boots.push(boot);
    current.set(mac, boot);
    return boot;
  };
  for (const event of events) {
    if (event.tells === "serves" || event.tells === "gap") continue;
    if (event.tells === "file") {
      const boot = byAddress.get(event.address);
      if (boot === undefined) continue;
      fetch(boot, event.name, event, sums(event.name, event.at));
      byRequest.set(event.by, boot);
    } else if (event.tells === "no file") {
      const boot = byRequest.get(event.by);
      if (boot !== undefined) refuse(boot, event);
    } else {
      const boot = follow(current.get(event.mac), event, begin);
      if (boot?.address !== undefined) byAddress.set(boot.address, boot);
      // The address has gone to a machine of which nothing else is known.
      else if (event.tells === "lease") byAddress.delete(event.address);
    }
  }
  return boots.map(({ files: fetched, ...boot }) => ({ ...boot, files: fetched.map(shownFile) }));
}

/** Lines that the log does not have: a flood of questions is more than journald takes, or than is read at once. */
export interface Gap {
  /** The second since 1970 at which it was told; they were to come before. */
  readonly at: number;
  readonly lines: number;
}

/** The gaps that the log tells of, the oldest first: boots may be missing there, or look cut short. */
export function parseGaps(log: string): readonly Gap[] {
  return log.split("\n").flatMap((line) => {
    const event = parseLogLine(line);
    return event?.tells === "gap" ? [{ at: event.at, lines: event.lines }] : [];
  });
}

/** Any host writes something into its log within an hour: one that begins later does not go back so far. */
const quietSeconds = 3700;

/** The second from which on the log tells of boots: the one that was asked for, or a later one at which it begins. */
export function tellsSince(log: string, asked: number): number {
  const begins = Number(/^(\d+)\.\d+ pulumi-netboot: begins$/m.exec(log)?.[1] ?? 0);
  return begins > asked + quietSeconds ? begins : asked;
}

/** What is to be said of gaps; nothing where there are none. */
export function renderGaps(gaps: readonly Gap[]): string {
  const last = gaps.at(-1);
  if (last === undefined) return "";
  const lines = gaps.reduce((sum, gap) => sum + gap.lines, 0);
  return `the log has gaps, ${lines} lines until ${timeOf(last.at)}: boots before that may be missing, or look cut short`;
}

/** Firmware asks for a file's size, and then for the file; who asks more often does not get it. */
const mostTimes = 3;

function shownFile({ by: _, times: asked, ...file }: Course["files"][number]): Fetched {
  return asked > mostTimes && file.refusal === undefined ? { ...file, asked } : file;
}

type Asking = Exclude<Event, { readonly tells: "file" | "no file" | "serves" | "gap" }>;

/** What a question or answer of DHCP adds to a machine's boot, or begins. */
function follow(
  known: Course | undefined,
  event: Asking,
  begin: (mac: string, at: number, more: Partial<Boot>) => Course,
): Course | undefined {
  const { mac, at } = event;
  switch (event.tells) {
    case "refused": {
      // One row for a machine that asks in vain, however long it does.
      const boot = known?.reached === "refused" ? known : begin(mac, at, { reached: "refused" });
      return Object.assign(boot, { to: at, asked: boot.asked + 1 });
    }
    case "loader": {
      const goesOn = known !== undefined && at - known.to <= pauseSeconds && ["asked", "lease"].includes(known.reached);
      const boot = goesOn ? known : begin(mac, at, { architecture: event.architecture });
      boot.dhcp["firmware asked"] ??= at;
      return Object.assign(boot, { to: at, asked: boot.asked + 1 });
    }
    case "script": {
      // Also one whose loader came from elsewhere, as from a disk.
      const boot = known === undefined || known.reached === "refused" ? begin(mac, at, {}) : known;
      boot.dhcp["iPXE asked"] ??= at;
      return Object.assign(boot, { to: at });
    }
    case "lease":
      return lease(known, event);
  }
}

function lease(known: Course | undefined, { at, address }: { at: number; address: string }): Course | undefined {
  if (known === undefined || known.reached === "refused") return undefined;
  // Later a system only renews what it has.
  if (known.reached === "system") return known;
  // A system asks as neither firmware nor iPXE do, so that nothing but its lease is in the log.
  if (known.reached === "rEFInd") known.reached = "system";
  else if (known.reached === "asked") known.reached = "lease";
  known.dhcp[answeredIn(known)] ??= at;
  return Object.assign(known, { to: at, address });
}

function answeredIn({ reached, dhcp }: Course): Asked {
  if (reached === "system") return "system answered";
  return dhcp["iPXE asked"] === undefined ? "firmware answered" : "iPXE answered";
}

const mostFiles = 64;

/** A file that was asked for; a machine may ask for its size first, or again. */
function fetch(boot: Course, name: string, { at, by }: { at: number; by: string }, sha256: string | undefined): void {
  // A boot needs five or six; who asks for more is looking around.
  if (boot.files.length >= mostFiles) return;
  const again = boot.files.findIndex((file) => file.name === name);
  const times = (boot.files[again]?.times ?? 0) + 1;
  const first = boot.files[again]?.at ?? at;
  if (again >= 0) boot.files.splice(again, 1);
  boot.files.push({ name, at: first, by, times, ...(sha256 === undefined ? {} : { sha256 }) });
  boot.to = at;
  if (boot.reached === "system") return;
  boot.reached = reachedBy(boot);
}

function refuse(boot: Course, { by, refusal }: { by: string; refusal: string }): void {
  const index = boot.files.findLastIndex((file) => file.by === by);
  const file = boot.files[index];
  if (file === undefined) return;
  // iPXE asks for its own script of that name, which is not there and need not be.
  if (file.name === "autoexec.ipxe") boot.files.splice(index, 1);
  else boot.files[index] = { name: file.name, at: file.at, by, times: file.times, refusal };
  boot.reached = reachedBy(boot);
}

/** How far the files that it was given brought it: a loader, a script, and a program after the script. */
function reachedBy({ files }: Course): Reached {
  const given = files.filter(({ refusal, name }) => refusal === undefined && name !== "autoexec.ipxe");
  const isProgram = ({ name }: Fetched): boolean => /\.efi$/i.test(name);
  const script = given.findIndex((file) => !isProgram(file));
  if (script < 0) return given.length > 0 ? "loader" : "lease";
  return given.slice(script).some(isProgram) ? "rEFInd" : "script";
}

/** What a file's content was at a time: as it is now if it has not changed since, else as the log says. */
function sumsOf(events: readonly Event[], files: string): (name: string, at: number) => string | undefined {
  const now = new Map(
    files.split("\n").map((line) => {
      const [name = "", since = "", sha256 = ""] = line.split(" ");
      return [name, { since: Number(since), sha256 }];
    }),
  );
  const served = events.filter((event) => event.tells === "serves");
  return (name, at) => {
    const file = now.get(name);
    if (file !== undefined && file.since <= at) return file.sha256;
    return served.findLast((event) => event.name === name && event.at <= at)?.sha256;
  };
}

/**
 * One boot in a line: how far it got, its address, and every file with the beginning of its hash.
 *
 * @example
 * ```
 * 2026-11-22T10:04:33Z rEFInd: 10.20.0.11, ipxe.efi 67c7f1f8a1, refind.pxe 9a12c0ffee, refind.conf 51c0de5eed, refind_x64.efi 862e782512
 * ```
 */
export function renderBoot(boot: Boot): string {
  return `${timeOf(boot.from)} ${boot.reached}: ${renderCourse(boot, true)}`;
}

/** A second since 1970, as people and programs write it: `2026-11-22T10:04:33Z`. */
export function timeOf(second: number): string {
  return new Date(Math.floor(second) * 1000).toISOString().replace(".000Z", "Z");
}

/** What a machine that a program declares, or that none does, was told and given, and where that ended. */
export function renderCourse({ reached, address, architecture, files, asked }: Boot, isDeclared: boolean): string {
  if (reached === "refused") {
    const why = isDeclared ? "there was no address for it, or it was not declared then" : "no program declares it";
    return `${why}; it asked ${times(asked)}`;
  }
  if (reached === "asked") return `it was offered an address ${times(asked)} and took none`;
  const given = files.map(({ name, sha256, refusal, asked: often }, index) => {
    if (refusal !== undefined) return `${name}: ${refusal}`;
    const one = [name, ...(sha256 === undefined ? [] : [sha256.slice(0, 10)])].join(" ");
    // After it there is nothing, so it did not come.
    const isLast = index === files.length - 1 && reached !== "rEFInd" && reached !== "system";
    return often === undefined || !isLast ? one : `${one} (asked for ${times(often)}: ${lost})`;
  });
  if (given.length === 0) given.push(`no request for a file came in${unusual(architecture) ?? unlogged}`);
  return [address, ...given].join(", ");
}

/** What a firewall drops reaches no server, so that nobody can write it down. */
const unlogged =
  ": its firmware asked for none, or a firewall dropped what it asked, of which the log has no line (`npx pulumi-netboot verify` reads node 0's own)";

const lost = "do its packets come through? network.mtu makes them smaller";

function times(count: number): string {
  return count === 1 ? "once" : `${count} times`;
}

/** Why a firmware asks for nothing. */
function unusual(architecture: number | undefined): string | undefined {
  if (architecture === undefined || [6, 7, 9].includes(architecture)) return undefined;
  return architecture === 0
    ? " (its firmware is set to BIOS, not UEFI)"
    : ` (its firmware says architecture ${architecture}, for which nothing is served)`;
}
