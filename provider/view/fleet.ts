import type { Boot } from "../facts/bootLog";
import { neededFiles } from "../formats/ipxe/neededFiles";
import { loaderOf } from "../plan/chains";
import type { ProofBesides, ProvedFile } from "../plan/proof";
import { bootChainFile, type Firmware } from "../values/bootChain";
import { linesByKey, type NodeRow, parseRow } from "../values/nodeRow";
import { printableValue } from "../values/printable";
import { type Mark, timelineOf } from "./timeline";

/** What is known of something: it was shown, it is wrong, it can't be told, or nobody asked. */
export type Known = "proved" | "wrong" | "doubt" | "unasked";

/** A moment of a boot. The same ones stand once in a page, and boots name them by their place. */
export type MarkView = Omit<Mark, "seconds">;

/** One step of a chain. */
export interface StepView {
  readonly title: string;
  readonly sha256?: string;
  readonly known: Known;
  /** What was seen, in words. */
  readonly said: string;
}

/** What machines with the same firmware and loader go through on one node 0. */
export interface ChainView {
  readonly server: number;
  /** `x64 ipxe.efi`. */
  readonly name: string;
  readonly machines: number;
  readonly steps: readonly StepView[];
}

/** A machine, as one row. */
export interface MachineView {
  readonly name: string;
  readonly server: number;
  readonly chain: number;
  /** The resource that declares it, by its place. */
  readonly by: number;
  /** Absent if it comes from the pool. */
  readonly address?: string;
  readonly macs: readonly string[];
  readonly comment?: string;
  readonly known: Known;
  readonly said: string;
}

/** One boot of a machine. */
export interface BootView {
  readonly machine: number;
  /** The NIC, by its place among the machine's. */
  readonly nic: number;
  /** The second since 1970 of its first sign. */
  readonly from: number;
  readonly reached: Boot["reached"];
  readonly address?: string;
  /** A mark by its place, the milliseconds since the first sign, and so on. */
  readonly marks: readonly number[];
}

/** Who asked and is no machine that node 0 knows. */
export interface StrangerView {
  readonly server: number;
  readonly mac: string;
  readonly asked: number;
  readonly from: number;
  readonly to: number;
  readonly end: string;
}

/** A node 0, and what was found there. */
export interface ServerView {
  readonly host: string;
  /** Where it serves: `eno2, 192.168.1.1/28`; absent where the DHCP server is another stack's. */
  readonly place?: string;
  /** What is to be told of it: other servers, a log with gaps, why it could not be asked. */
  readonly notes: readonly { readonly known: Known; readonly text: string }[];
  /** What was looked for and is not there. */
  readonly fine: readonly string[];
}

/** A stack, as its page shows it: plain values without a secret, in which each long text stands once. */
export interface FleetView {
  readonly stack: string;
  /** The second since 1970 at which it was asked. */
  readonly at: number;
  /** Whether node 0 was asked; else all of it is out of the state. */
  readonly wasAsked: boolean;
  /** The second at which the history begins. */
  readonly since: number;
  readonly resources: readonly string[];
  readonly servers: readonly ServerView[];
  readonly chains: readonly ChainView[];
  readonly machines: readonly MachineView[];
  readonly marks: readonly MarkView[];
  /** How a boot ends, by how far it came. */
  readonly ends: Readonly<Record<string, string>>;
  /** Of each machine the last ones, the newest first. */
  readonly boots: readonly BootView[];
  readonly strangers: readonly StrangerView[];
  /** How many more of each there are than the page has. */
  readonly leftOut: { readonly boots: number; readonly strangers: number };
}

/** A resource as the stack's state has it, without its connection. */
export interface Stored {
  readonly kind: string;
  readonly id: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** A node 0 of the stack, and what it said if it was asked. */
export interface SeenServer {
  readonly host: string;
  readonly resources: readonly Stored[];
  /** What is proved of each machine (`<resource> <host name>`), or of a resource as a whole (`<resource> -`). */
  readonly proof?: { readonly said: ReadonlyMap<string, string>; readonly besides?: ProofBesides };
  readonly boots?: readonly (Boot & { readonly machine?: string })[];
  readonly gaps?: readonly string[];
  /** Why it could not be asked. */
  readonly failures: readonly string[];
}

/** As many boots of a machine, and in all, as a page shows: it stays a few megabytes. */
const mostBoots = { each: 5, all: 20_000 };
const mostStrangers = 500;

/**
 * Makes of what the state, the proof and the logs tell what a stack's page shows.
 *
 * @param sha256 - hashes a text, for a state has the text of a file that is made of settings, and no hash of it
 */
export function fleetViewOf(
  stack: string,
  seen: readonly SeenServer[],
  when: { readonly at: number; readonly since: number; readonly wasAsked: boolean },
  sha256: (text: string) => string,
): FleetView {
  const resources = new Places<string>();
  const marks = new Places<MarkView>();
  const chains: ChainView[] = [];
  const machines: MachineView[] = [];
  const boots: BootView[] = [];
  const strangers: StrangerView[] = [];
  const ends: Record<string, string> = {};
  let olderBoots = 0;
  for (const [server, of] of seen.entries()) {
    const first = machines.length;
    // A state has its resources in the order in which they came to be.
    const declared = of.resources
      .flatMap(machinesOf)
      .sort((one, other) => (one.hostname < other.hostname ? -1 : one.hostname === other.hostname ? 0 : 1));
    const settings = settingsOf(of, sha256);
    const placed = declared.map((row) => ({ ...row, chain: chainNameOf(row, settings.loaders) }));
    const chainPlaces = new Map<string, number>();
    const byChain = [...Map.groupBy(placed, ({ chain }) => chain)].sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [name, own] of byChain) {
      chainPlaces.set(name, chains.length);
      chains.push({ server, name, machines: own.length, steps: stepsOf(name, own, of, settings) });
    }
    for (const { id, hostname, address, macs, comment, chain } of placed) {
      machines.push({
        name: hostname,
        server,
        chain: chainPlaces.get(chain) ?? -1,
        by: resources.of(id),
        ...(address === undefined ? {} : { address }),
        macs,
        ...(comment === undefined ? {} : { comment }),
        ...machineSaid(of, id, hostname),
      });
    }
    const byName = new Map(machines.slice(first).map(({ name }, index) => [name, first + index] as const));
    const shown = new Map<number, number>();
    for (const boot of (of.boots ?? []).toReversed()) {
      const timeline = timelineOf(boot);
      ends[boot.reached] = timeline.end;
      if (boot.machine === undefined) {
        const { mac, asked, from, to } = boot;
        strangers.push({ server, mac, asked, from, to, end: timeline.end });
        continue;
      }
      const machine = byName.get(boot.machine);
      // Another stack's.
      if (machine === undefined) continue;
      const count = (shown.get(machine) ?? 0) + 1;
      shown.set(machine, count);
      if (count > mostBoots.each) olderBoots++;
      else boots.push(bootViewOf(boot, timeline.marks, machine, machines[machine], marks));
    }
  }
  const newest = boots.toSorted((one, other) => other.from - one.from);
  const latest = strangers.toSorted((one, other) => other.to - one.to);
  return printableValue({
    stack,
    ...when,
    resources: resources.all,
    servers: seen.map(serverViewOf),
    chains,
    machines,
    marks: marks.all,
    ends,
    boots: newest.slice(0, mostBoots.all),
    strangers: latest.slice(0, mostStrangers),
    leftOut: {
      boots: olderBoots + Math.max(0, newest.length - mostBoots.all),
      strangers: Math.max(0, latest.length - mostStrangers),
    },
  });
}

/** Whether all that was asked was as it should be. */
export function isAllProved({ machines, servers }: FleetView): boolean {
  return machines.every(({ known }) => known === "proved") && servers.every(({ notes }) => notes.length === 0);
}

/** Values that come often, each once. */
class Places<T> {
  readonly all: T[] = [];
  readonly #places = new Map<string, number>();

  of(value: T): number {
    const key = JSON.stringify(value);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    this.#places.set(key, this.all.length);
    return this.all.push(value) - 1;
  }
}

function bootViewOf(
  { mac, from, reached, address }: Boot,
  marks: readonly Mark[],
  machine: number,
  of: MachineView | undefined,
  places: Places<MarkView>,
): BootView {
  return {
    machine,
    nic: of?.macs.indexOf(mac) ?? -1,
    from: Math.round(from * 1000) / 1000,
    reached,
    ...(address === undefined || address === of?.address ? {} : { address }),
    marks: marks.flatMap(({ seconds, ...mark }) => [places.of(mark), Math.round(seconds * 1000)]),
  };
}

// ---- Machines ----

/** A machine out of a state. */
interface Row extends Pick<NodeRow, "hostname" | "address" | "macs" | "firmware" | "loader" | "comment"> {
  readonly id: string;
}

function machinesOf({ kind, id, inputs }: Stored): readonly Row[] {
  if (kind === "OlaFleet") {
    return Object.entries(linesByKey(inputs["rows"])).flatMap(([name, text]) => {
      const row = parseRow(name, text);
      return row === undefined ? [] : [{ id, ...row }];
    });
  }
  if (kind !== "OlaNode") return [];
  const machine = (inputs["machine"] ?? inputs) as Partial<Row>;
  const { hostname = nameIn(id), macs = [], address, firmware = "x64", loader, comment } = machine;
  return [
    {
      id,
      hostname,
      macs,
      firmware,
      ...(address === undefined ? {} : { address }),
      ...(loader === undefined ? {} : { loader }),
      ...(comment === undefined ? {} : { comment }),
    },
  ];
}

/** The resource's name, by its id. */
function nameIn(id: string): string {
  return id.slice(id.lastIndexOf("/") + 1).replace(/~[0-9a-f]{8}$/, "");
}

function machineSaid(
  { proof, resources, failures }: SeenServer,
  id: string,
  hostname: string,
): Pick<MachineView, "known" | "said"> {
  if (proof !== undefined) {
    const said = proof.said.get(`${id} ${hostname}`) ?? proof.said.get(`${id} -`) ?? "node 0 told nothing of it";
    return { known: knownBy(said), said };
  }
  if (failures.length > 0) return { known: "doubt", said: "node 0 could not be asked" };
  const verified = resources.find((each) => each.id === id)?.outputs["verified"];
  return { known: "unasked", said: typeof verified === "string" ? `in the last up of it: ${verified}` : "never asked" };
}

/** A proof's words begin with what they say. */
function knownBy(said: string): Known {
  if (said.startsWith("served: ")) return "proved";
  return /^(?:not proved|not asked|served)\b/.test(said) ? "doubt" : "wrong";
}

// ---- Chains ----

/** What a node 0 serves, as its proof tells or, where that was not asked, the state. */
interface Settings {
  readonly loaders: Readonly<Record<string, string>>;
  /** The files of the state, by their names. */
  readonly files: ReadonlyMap<string, { readonly sha256?: string; readonly content?: string }>;
  readonly bootServer: string;
}

function settingsOf({ resources, proof }: SeenServer, sha256: (text: string) => string): Settings {
  const dhcp = resources.find(({ kind }) => kind === "DhcpServer")?.inputs ?? {};
  const loaders = proof?.besides?.loaders ?? {};
  const files = resources.flatMap(({ kind, inputs, outputs }) => {
    if (kind !== "BootFile") return [];
    const [told, content] = [outputs["sha256"] ?? inputs["sha256"], inputs["content"]];
    const file = {
      ...(typeof told === "string" ? { sha256: told } : {}),
      ...(typeof content === "string" ? { content, sha256: sha256(content) } : {}),
    };
    return [[String(inputs["name"]), file] as const];
  });
  return {
    loaders: Object.keys(loaders).length > 0 ? loaders : ((dhcp["loaders"] ?? {}) as Settings["loaders"]),
    files: new Map(files),
    bootServer: String(dhcp["bootServer"] ?? ""),
  };
}

function chainNameOf({ firmware, loader }: Row, loaders: Settings["loaders"]): string {
  return `${firmware} ${loaderOf({ firmware, loader }, loaders) ?? ""}`.trimEnd();
}

/** UEFI, each file that the machine comes to, and its disk. */
function stepsOf(chain: string, machines: readonly Row[], of: SeenServer, settings: Settings): readonly StepView[] {
  const [firmware = "x64", loader = "its usual loader"] = chain.split(" ");
  const script = settings.loaders["script"] ?? "the script";
  const besides = of.proof?.besides;
  const asked = besides?.chains.get(chain);
  const files: readonly ProvedFile[] = asked ?? filesInState(firmware as Firmware, loader, script, settings);
  const broken = besides?.broken.get(chain);
  const brokenAt = placeOf(broken, files);
  return [
    { title: `UEFI ${firmware}`, ...offersIn(machines, of, `${loader}, then ${script}`) },
    ...files.map((file, at): StepView => {
      const about = { title: file.name, ...(file.sha256 === undefined ? {} : { sha256: file.sha256 }) };
      if (besides === undefined) return { ...about, known: "unasked", said: "as the state has it" };
      return { ...about, ...fileSaid(file, asked !== undefined, at === brokenAt ? broken : undefined, besides) };
    }),
    { title: "local disk", known: "unasked", said: "what rEFInd finds on the disk, no proof can see" },
  ];
}

/** The file of which it is said what is wrong in the folder, unless the proof found one itself; else the script's place. */
function placeOf(broken: string | undefined, files: readonly ProvedFile[]): number | undefined {
  if (broken === undefined || files.some(({ wrong }) => wrong !== undefined)) return undefined;
  const places = files.map(({ name }) => ` ${broken}`.indexOf(` ${name} `));
  const named = places.indexOf(Math.min(...places.filter((place) => place >= 0)));
  return named < 0 ? Math.min(1, files.length - 1) : named;
}

function fileSaid(
  { sha256, wrong }: ProvedFile,
  wasFetched: boolean,
  broken: string | undefined,
  { keptOut }: ProofBesides,
): Pick<StepView, "known" | "said"> {
  if (wrong !== undefined) return { known: "wrong", said: wrong };
  const fetched = sha256 === undefined ? "no hash of it is declared" : "with this hash";
  const said = wasFetched ? `fetched by TFTP, ${fetched}` : "not fetched";
  if (broken !== undefined) return { known: "wrong", said: `${said}; ${broken}` };
  // What node 0 fetched itself may not come to a machine.
  if (keptOut?.sure === true) return { known: "wrong", said: `${said}; ${keptOut.text}` };
  if (keptOut !== undefined) return { known: "doubt", said: `${said}; not proved: ${keptOut.text}` };
  return { known: wasFetched ? "proved" : "doubt", said };
}

function offersIn(machines: readonly Row[], { proof }: SeenServer, what: string): Pick<StepView, "known" | "said"> {
  if (proof?.besides === undefined) return { known: "unasked", said: `DHCP is to offer ${what}` };
  const { besides, said } = proof;
  const isOffered = ({ id, hostname }: Row): boolean =>
    said.has(`${id} ${hostname}`) && !besides.wrongOffers.has(`${id} ${hostname}`);
  const wasAsked = ({ id, hostname }: Row): boolean => said.get(`${id} ${hostname}`)?.startsWith("not asked") !== true;
  const offered = machines.filter(isOffered).length;
  const whom = machines.length === 1 ? "the machine" : `all ${machines.length} machines`;
  if (offered === machines.length) return { known: "proved", said: `DHCP offers ${what}, to ${whom}` };
  const isWrong = machines.some((row) => !isOffered(row) && wasAsked(row));
  return {
    known: isWrong ? "wrong" : "doubt",
    said: `DHCP offers ${what}, to ${offered} of ${machines.length} machines`,
  };
}

/** The files of a chain as far as the state tells: the script's are those that it fetches. */
function filesInState(
  firmware: Firmware,
  loader: string,
  script: string,
  { files, bootServer }: Settings,
): readonly ProvedFile[] {
  const text = files.get(script)?.content ?? "";
  const fetched = neededFiles(text, { bootServer, firmware, has: (name) => files.has(name) });
  const isOfFirmware = (name: string): boolean => (bootChainFile(name)?.firmware ?? firmware) === firmware;
  return [loader, script, ...fetched.filter(isOfFirmware)].map((name) => {
    const sha256 = files.get(name)?.sha256;
    return { name, ...(sha256 === undefined ? {} : { sha256 }) };
  });
}

// ---- Servers ----

function serverViewOf({ host, resources, proof, gaps, failures }: SeenServer): ServerView {
  const dhcp = resources.find(({ kind }) => kind === "DhcpServer")?.inputs;
  const nic = String(dhcp?.["interface"] ?? "").replace(/^name:/, "");
  return {
    host,
    ...(dhcp === undefined ? {} : { place: `${nic}, ${String(dhcp["address"])}` }),
    notes: [
      ...failures.map((text) => ({ known: "doubt" as const, text: withoutHost(text, host) })),
      ...(proof?.besides?.others ?? []).map((text) => ({ known: "wrong" as const, text })),
      ...(gaps ?? []).map((text) => ({ known: "doubt" as const, text: withoutHost(text, host) })),
    ],
    fine: [
      ...(proof?.besides?.tellsServers === true && proof.besides.others.length === 0
        ? ["no other DHCP server answered the proof's questions"]
        : []),
      ...(gaps?.length === 0 ? ["its log has no gaps"] : []),
    ],
  };
}

/** A sentence that begins with its host, where that is said beside it. */
function withoutHost(text: string, host: string): string {
  return text.startsWith(`${host}: `) ? text.slice(host.length + 2) : text;
}
