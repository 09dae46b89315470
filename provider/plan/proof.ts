import { whyNoLink } from "../admitted/whyNotFound";
import { daemonFacts } from "../facts/daemons";
import { links } from "../facts/links";
import type { Question } from "../facts/question";
import { holdersKey, servers } from "../facts/servers";
import { unitFacts } from "../facts/units";
import { dhcpBackends } from "../formats/dhcpBackend";
import { tftpdUnit } from "../os/paths";
import { type KeptOut, whyKeptOut } from "./admission";
import { isBootServerHere } from "./bootServer";
import { chainOf, whyFilesFail } from "./chains";
import { whyHalted } from "./daemons";
import { backendIn } from "./dhcpServer";
import { planProof, whyStopped } from "./expectations";
import type { Facts } from "./facts";
import { folderNow } from "./folder";
import { whoElseServes } from "./occupied";
import { namesOfServers } from "./otherServers";
import { isUnheard, type Wrong, whyNoPartner, whyWrong, whyWrongOffer, whyWrongPeer } from "./outcome";
import { type Recorded, whyOtherRecord } from "./ownership";
import type { Expectation } from "./plan";
import { chainFileKey, folderQuestions, rulesetQuestions, wayQuestions } from "./questions";
import { heldOf, kindIn, type Register, type RegisterEntry } from "./records";
import { isInFolder } from "./tftpFolder";

/** What is known of each machine that was asked for: by the resource, then by its host name, or once for all of them; or `gone`. */
export type Proof = ReadonlyMap<string, string | ReadonlyMap<string, string>>;

/** A file of a chain, as the proof fetched it. */
export interface ProvedFile {
  readonly name: string;
  /** What it was found to be; absent where nothing says what it is to be. */
  readonly sha256?: string;
  /** What is wrong with it; else it came as it should. */
  readonly wrong?: string;
}

/** What the proof found beside what it says of each machine. */
export interface ProofBesides {
  /** By firmware, and `script`; empty where node 0 has no DHCP server. */
  readonly loaders: Readonly<Record<string, string>>;
  /** The files of each chain (`x64 ipxe.efi`), in the order in which a machine comes to them. */
  readonly chains: ReadonlyMap<string, readonly ProvedFile[]>;
  /** What is wrong with the files of a chain as they lie there. */
  readonly broken: ReadonlyMap<string, string>;
  /** Why machines' packets do not come through, or why that can't be told. */
  readonly keptOut?: { readonly sure: boolean; readonly text: string };
  /** The machines, as `<resource> <host name>`, that were not offered what is right. */
  readonly wrongOffers: ReadonlySet<string>;
  /** Who else answers, and strangers that get an answer, in words. */
  readonly others: readonly string[];
  /** Whether another DHCP server would have been told: somebody was asked for, and the program does not allow others. */
  readonly tellsServers: boolean;
}

const bootUnits = [...dhcpBackends.map(({ unit }) => unit), tftpdUnit];
const units = unitFacts(bootUnits, "proof.units");
const daemons = daemonFacts(bootUnits);

/** What a proof on demand needs to know before it asks as machines do. */
export function proofQuestions(): Readonly<Record<string, Question>> {
  const asMachines = { ...rulesetQuestions, ...wayQuestions(), ...servers.questions };
  return { ...asMachines, ...units.questions, ...daemons.questions, ...folderQuestions("@held:tftpd:2@") };
}

export interface ProofPlan {
  /** Why nothing is to be asked about a resource: `gone` if node 0 knows of none. */
  readonly without: ReadonlyMap<string, string>;
  readonly ids: readonly string[];
  readonly register: Register;
  readonly expectations: readonly Expectation[];
  /** What is wrong with the files of a chain, as they lie there. */
  readonly broken: ReadonlyMap<string, string>;
  /** Why machines' packets do not come through, or why that can't be told. */
  readonly keptOut: KeptOut | undefined;
  /** Who else on this host serves what machines boot by. */
  readonly occupied: string | undefined;
}

/** A resource whose machines are to be proved. Without a generation, whatever node 0 has by this id is. */
export interface Provable extends Recorded {
  readonly id: string;
}

/** Plans the proof of these resources' machines. */
export function planProofOf(facts: Facts, resources: readonly Provable[]): ProofPlan {
  const without = new Map(
    resources.flatMap(({ id, ...recorded }) => {
      const entry = facts.before.get(id);
      const why = entry === undefined ? "gone" : (whyOtherRecord(entry, recorded) ?? whyEmpty(entry));
      return why === undefined ? [] : [[id, why] as const];
    }),
  );
  const ids = resources.flatMap(({ id }) => (without.has(id) ? [] : [id]));
  const register: Register = { before: facts.before, after: facts.before, clashes: [] };
  const [server] = heldOf(facts.before, "serve");
  const script = facts.answers.path(chainFileKey(server?.held.loaders["script"] ?? ""))?.content;
  const interfaces = links.read(facts.answers);
  const isHere = isBootServerHere(register, interfaces);
  const noLink = whyNoLink(interfaces.links, server?.held.interface ?? "");
  const directory = heldOf(facts.before, "tftpd")[0]?.held.directory ?? "";
  const files = folderNow(directory, facts.answers);
  const { holders, packetSockets } = servers.read(facts.answers);
  const areKnown = facts.answers.holders(holdersKey) !== undefined;
  const { running } = daemons.read(facts.answers);
  const whySilent = (name: string, listens: boolean): string | undefined => {
    const daemon = running.get(name);
    const halted = daemon && whyHalted(daemon);
    if (halted !== undefined) return `${name} ${halted}`;
    const unit = units.read(facts.answers).get(name);
    return listens || unit === undefined ? undefined : whyStopped(unit);
  };
  const { unit: dhcpUnit } = backendIn(facts.before);
  const expectations = planProof(register, ids, {
    script,
    bootServerIsHere: isHere,
    dhcpdSilent: noLink?.text ?? whySilent(dhcpUnit, !areKnown || packetSockets.some(({ unit }) => unit === dhcpUnit)),
    tftpSilent: whySilent(tftpdUnit, !areKnown || holders.some((each) => each.unit === tftpdUnit && each.port === 69)),
    has: (name) => isInFolder({ directory, files }, name),
  });
  const keptOut = expectations.length === 0 ? undefined : whyKeptOut(register, facts.answers, undefined);
  const examples = [...facts.before.values()].flatMap((entry) => entry.examples);
  const broken = whyFilesFail(register, files, examples);
  const occupied = whoElseServes(register, servers.read(facts.answers));
  return { without, ids, register, expectations, broken, keptOut, occupied };
}

/** A fleet may be empty; a machine's own resource is not, unless another one took its machine over. */
function whyEmpty({ id, machines }: RegisterEntry): string | undefined {
  if (machines > 0 || kindIn(id) !== "OlaNode") return undefined;
  return whyLost(id);
}

/** Of a machine that a resource has by the state, and not on node 0. */
export function whyLost(id: string): string {
  return `node 0 has it of ${id} no more: another resource has its MAC, its address or its name; \`pulumi up --refresh\` declares it anew`;
}

/** What was seen, machine by machine, in words: `served: 192.168.1.2, ipxe.efi, then refind.pxe (1 MAC)`. */
export function renderProof(
  { without, ids, register, expectations, broken, keptOut, occupied }: ProofPlan,
  machines: readonly Readonly<Record<string, string>>[],
  wrongs: readonly Wrong[],
): Proof {
  const proof = new Map<string, string | Map<string, string>>(without);
  const [server] = heldOf(register.after, "serve");
  for (const id of ids) proof.set(id, server === undefined ? "there is no DHCP server on this host" : new Map());
  if (server === undefined) return proof;
  const { loaders, bootServer } = server.held;
  const besides = othersIn(expectations, wrongs, occupied).join("; ");
  const dhcp = expectations.find((each) => each.ask === "dhcp");
  const silent = dhcp?.silent;
  const offers = new Map(
    wrongs
      .filter(({ seen }) => seen["is"] === "machine")
      .map(({ seen }) => [`${seen["id"]} ${seen["hostname"]}`, whyWrongOffer(bootServer, seen, silent)] as const),
  );
  // The first that is wrong with a machine is told.
  const peers = new Map(
    wrongs
      .toReversed()
      .flatMap(({ seen }) =>
        dhcp !== undefined && seen["is"] === "peer"
          ? [[`${seen["id"]} ${seen["hostname"]}`, whyWrongPeer(dhcp, seen)] as const]
          : [],
      ),
  );
  const chains = wrongChains(expectations, wrongs);
  for (const { id = "", hostname = "", address, firmware, loader, macs } of machines) {
    const told = proof.get(id);
    if (!(told instanceof Map)) continue;
    const machine = {
      firmware: firmware === "ia32" ? "ia32" : "x64",
      loader: loader === "-" ? undefined : loader,
    } as const;
    const chain = chainOf(machine, loaders);
    const file = chain.slice(chain.indexOf(" ") + 1);
    const why = keptOut?.of(address === "-" ? undefined : address);
    const kept = why && `${why.sure ? "" : "not proved: "}${why.text}`;
    const fetched = chains.get(chain);
    const because = fetched?.isUnheard === true ? (why?.text ?? keptOut?.own) : undefined;
    const unfetched = because === undefined ? fetched?.text : `${fetched?.text}; ${because}`;
    const own = offers.get(`${id} ${hostname}`) ?? unfetched ?? broken.get(chain) ?? kept;
    const wrong = own ?? peers.get(`${id} ${hostname}`);
    const count = `${macs} MAC${macs === "1" ? "" : "s"}`;
    const place = address === "-" ? "an address of the pool" : address;
    const served = `served: ${place}, ${file}, then ${loaders["script"]} (${count})`;
    const beside = wrong === undefined ? `served, but ${besides}` : `${wrong}; ${besides}`;
    told.set(hostname, besides === "" ? (wrong ?? served) : beside);
  }
  return proof;
}

/** What the same answers say beside what they say of each machine. */
export function besidesOf(
  { register, expectations, broken, keptOut, occupied }: ProofPlan,
  wrongs: readonly Wrong[],
): ProofBesides {
  const chains = new Map<string, ProvedFile[]>();
  for (const [n, expectation] of expectations.entries()) {
    if (expectation.ask !== "tftp" || expectation.chain === undefined) continue;
    const { chain, name, sha256 } = expectation;
    const wrong = wrongs.find((each) => each.n === n);
    const file = {
      name,
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(wrong === undefined ? {} : { wrong: whyWrong({ ...expectation, stands: false }, wrong).message }),
    };
    chains.set(chain, [...(chains.get(chain) ?? []), file]);
  }
  return {
    loaders: heldOf(register.after, "serve")[0]?.held.loaders ?? {},
    chains,
    broken,
    ...(keptOut?.all === undefined ? {} : { keptOut: keptOut.all }),
    wrongOffers: new Set(
      wrongs.flatMap(({ seen }) =>
        seen["is"] === "machine" || seen["is"] === "peer" ? [`${seen["id"]} ${seen["hostname"]}`] : [],
      ),
    ),
    others: othersIn(expectations, wrongs, occupied),
    tellsServers: expectations.some((each) => each.ask === "dhcp" && !each.othersAllowed),
  };
}

/** What is wrong beside the machines themselves: other servers, and strangers that get an answer. */
function othersIn(
  expectations: readonly Expectation[],
  wrongs: readonly Wrong[],
  occupied: string | undefined,
): readonly string[] {
  const others = wrongs
    .filter(({ seen }) => seen["is"] === "server")
    .map(({ seen }) => ({ server: seen["server"] ?? "", hardware: seen["hardware"] ?? "" }));
  const strangers = wrongs.filter(({ seen }) => seen["is"] === "stranger");
  return [
    ...(others.length === 0 ? [] : [`another DHCP server answers on the private network: ${namesOfServers(others)}`]),
    ...strangers.map(({ seen }) => `a machine that no program names (${seen["mac"]}) was offered ${seen["address"]}`),
    ...wrongs.flatMap(({ n, seen }) => {
      const asked = expectations[n];
      return asked?.ask === "dhcp" && seen["is"] === "partner" ? [whyNoPartner(asked, seen["state"])] : [];
    }),
    ...(occupied === undefined ? [] : [occupied]),
  ];
}

interface WrongChain {
  readonly text: string;
  /** Nothing came, or not in time: packets may have been lost. */
  readonly isUnheard: boolean;
}

/** The first thing that is wrong with the files of each chain. */
function wrongChains(expectations: readonly Expectation[], wrongs: readonly Wrong[]): ReadonlyMap<string, WrongChain> {
  const chains = new Map<string, WrongChain>();
  for (const wrong of wrongs) {
    const expectation = expectations[wrong.n];
    if (expectation?.ask !== "tftp" || expectation.chain === undefined || chains.has(expectation.chain)) continue;
    chains.set(expectation.chain, {
      text: whyWrong({ ...expectation, stands: false }, wrong).message,
      isUnheard: isUnheard(wrong),
    });
  }
  return chains;
}
