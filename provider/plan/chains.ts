import type { Firmware } from "../values/bootChain";
import { backendIn } from "./dhcpServer";
import { isInNetwork } from "./network";
import { hasAddress } from "./pool";
import { type Held, heldOf, type Machine, type Placed, type Register } from "./records";
import type { Refusal } from "./refusal";
import { type FileUse, type InFolder, type TftpView, type WrongFile, whyNotServed } from "./tftpFolder";

type Serve = Extract<Held, { readonly want: "serve" }>;

/** The machines that a change puts, by the ids of the resources that declare them; for other resources an empty list. */
export type PutMachines = ReadonlyMap<string, readonly Machine[]>;

/** The boot file that a machine is named; undefined if its firmware is not served. */
export function loaderOf(
  { firmware, loader }: Pick<Machine, "firmware" | "loader">,
  loaders: Serve["loaders"],
): string | undefined {
  return loader ?? loaders[firmware];
}

/** The chain that a machine goes through: `x64 ipxe.efi`. Machines with the same one stand for each other. */
export function chainOf(machine: Pick<Machine, "firmware" | "loader">, loaders: Serve["loaders"]): string {
  return `${machine.firmware} ${loaderOf(machine, loaders) ?? ""}`;
}

/** A machine that must be seen served. */
export interface AskedMachine extends Placed {
  /** It is not in the change, and stands for all machines with its chain. */
  readonly stands: boolean;
  readonly chain: string;
  /** The chain that it would have had before the change. */
  readonly chainBefore: string;
}

/**
 * Who is asked for: the machines that a change puts, of a large fleet those that are new or changed, and one of each chain
 * that node 0 has, whatever stack it is from. `unchanged`: the hostnames of put machines that stand in the register in the
 * same words already.
 */
export function machinesToAsk(
  register: Register,
  puts: PutMachines,
  unchanged: ReadonlySet<string>,
): readonly AskedMachine[] {
  const [server] = heldOf(register.after, "serve");
  if (server === undefined) return [];
  const { held } = server;
  const { cidr, loaders } = held;
  const loadersBefore = heldOf(register.before, "serve")[0]?.held.loaders ?? {};
  const asked: AskedMachine[] = [];
  const chains = new Set<string>();
  const ask = (placed: Placed, stands: boolean): void => {
    const chain = chainOf(placed.machine, loaders);
    asked.push({ ...placed, stands, chain, chainBefore: chainOf(placed.machine, loadersBefore) });
    chains.add(chain);
  };
  for (const { id, machine } of placedOf(puts)) {
    if (machine.proof === false) continue;
    const isOneOfMany = (puts.get(id)?.length ?? 0) > 1;
    const isKnown = isOneOfMany && unchanged.has(machine.hostname);
    if (!isKnown || !chains.has(chainOf(machine, loaders))) ask({ id, machine }, false);
  }
  for (const placed of standIns(register, puts)) {
    const { machine } = placed;
    // One outside the network, or without a pool, waits for its own change.
    const isServed = isInNetwork(machine.address, cidr) && hasAddress(machine, held);
    if (isServed && !chains.has(chainOf(machine, loaders))) ask(placed, true);
  }
  return asked;
}

/** Machines of which one may stand for its chain; one that asks not to be proved does so only if no other can. */
function standIns({ after }: Register, puts: PutMachines): readonly Placed[] {
  const machines = new Map([...after.values()].map(({ id, examples }) => [id, puts.get(id) ?? examples] as const));
  return placedOf(machines).toSorted(
    (one, other) => Number(one.machine.proof === false) - Number(other.machine.proof === false),
  );
}

function placedOf(machines: PutMachines): readonly Placed[] {
  return [...machines.keys()].toSorted().flatMap((id) => (machines.get(id) ?? []).map((machine) => ({ id, machine })));
}

/** How parts that need each other are changed. */
export const inOneChange =
  "let both change in one run, handed over together: without --target, and with a --parallel for all parts at once";

/** Whether the TFTP server serves another folder or address than before this change: then all that it gives is touched. */
export function isTftpMoved({ before, after }: Register): boolean {
  const [had] = heldOf(before, "tftpd");
  const [has] = heldOf(after, "tftpd");
  if (had === undefined || has === undefined) return false;
  return had.held.address !== has.held.address || had.held.directory !== has.held.directory;
}

/** What tells whether a chain that fails undoes a change. */
export interface Failing {
  readonly chain: string;
  /** The chain that its machines would have had before the change. */
  readonly chainBefore: string;
  /** What fails is something that this change touched. */
  readonly isOurs: boolean;
  /** The change gave the DHCP server another configuration. */
  readonly isMoved: boolean;
}

/**
 * Whether what fails was good and this change broke it: by what it touched, or by moving machines to another loader. A chain
 * that was bad before, or by what somebody else has done, is only told of: else two things that are broken would keep each
 * other from being mended. `proved`: the chains that were good at the last change.
 */
export function isUndone({ chain, chainBefore, isOurs, isMoved }: Failing, proved: ReadonlySet<string>): boolean {
  const wasGood = proved.has(chain) && isOurs;
  const hadGood = chainBefore !== chain && proved.has(chainBefore) && isMoved;
  return wasGood || hadGood;
}

/** How a sentence says that a machine is not the change's own. */
export function standsFor({ id }: Placed): string {
  return ` (${id}, which stands for all machines with this chain)`;
}

/** What is looked at before anything is swapped. */
export interface ChainsCheck {
  readonly register: Register;
  readonly puts: PutMachines;
  /** As in {@link machinesToAsk}. */
  readonly unchanged: ReadonlySet<string>;
  /** The paths that this change writes or takes away. */
  readonly changed: ReadonlySet<string>;
  /** The chains that were good at the last change. */
  readonly proved: ReadonlySet<string>;
  /** What the TFTP folder will hold after the change, by the paths below it. */
  readonly files: ReadonlyMap<string, InFolder>;
}

/**
 * Why a machine would not boot after the change: for every machine that it puts, and one of each other chain, the files that
 * DHCP and the script would name, their kind, who may read them, and what lies beside them.
 */
export function whyChainsBreak(check: ChainsCheck): Refusal | undefined {
  const broken = wrongChains(check).find(({ undoes }) => undoes);
  if (broken === undefined) return undefined;
  const { asked, text, by } = broken;
  const goes =
    check.puts.size > 0 ? undefined : heldOf(check.register.before, "file").find((each) => by === each.held.path);
  const hint = isTftpMoved(check.register)
    ? `. The TFTP server moves, and this file does not: ${inOneChange}`
    : goes === undefined
      ? ""
      : ". Take it out of what names it, or declare it again";
  const message = `${text}; ${asked.machine.hostname} would not boot${hint}`;
  const id = goes?.id ?? (asked.stands ? undefined : asked.id);
  return { code: "NOT_SERVING", ...(id === undefined ? {} : { id }), message };
}

/** Chains of machines beside the change that are broken, and were so before, or by what somebody else has done. */
export function brokenChains(check: ChainsCheck): readonly { readonly chain: string; readonly text: string }[] {
  return wrongChains(check).flatMap(({ asked, text, undoes }) => (undoes ? [] : [{ chain: asked.chain, text }]));
}

interface WrongChain {
  readonly asked: AskedMachine;
  readonly text: string;
  /** The path that is wrong. */
  readonly by: string | undefined;
  readonly undoes: boolean;
}

/** Each machine that would miss something, with the first thing that it would. */
function wrongChains({ register, puts, unchanged, changed, proved, files }: ChainsCheck): readonly WrongChain[] {
  const [server] = heldOf(register.after, "serve");
  const [tftp] = heldOf(register.after, "tftpd");
  // With a boot server elsewhere the files are not node 0's.
  if (server === undefined || server.held.bootServer !== tftp?.held.address) return [];
  const view: TftpView = { ...tftp.held, files, declared: declaredIn(register) };
  const whyNot = remembered(view);
  const isMoved = isTftpMoved(register);
  return machinesToAsk(register, puts, unchanged).flatMap((asked): readonly WrongChain[] => {
    const wrongs = filesOf(asked.machine, server.held.loaders).flatMap(({ name, use }) => whyNot(name, use) ?? []);
    const judged = wrongs.map((wrong) => {
      const isOurs = isMoved || [wrong.by, wrong.besides].some((path) => path !== undefined && changed.has(path));
      const failing = { ...asked, isOurs, isMoved: changed.has(backendIn(register.after).conf) };
      return { wrong, undoes: !asked.stands || isUndone(failing, proved) };
    });
    const worst = judged.find(({ undoes }) => undoes) ?? judged[0];
    if (worst === undefined) return [];
    return [
      {
        asked,
        text: `${worst.wrong.text}${asked.stands ? standsFor(asked) : ""}`,
        by: worst.wrong.by,
        undoes: worst.undoes,
      },
    ];
  });
}

/** What is wrong with the files of chains as they are now: chain → the first thing. One machine stands for each. */
export function whyFilesFail(
  register: Register,
  files: ReadonlyMap<string, InFolder>,
  machines: readonly Machine[],
): ReadonlyMap<string, string> {
  const [server] = heldOf(register.after, "serve");
  const [tftp] = heldOf(register.after, "tftpd");
  if (server === undefined || server.held.bootServer !== tftp?.held.address) return new Map();
  const { loaders } = server.held;
  const whyNot = remembered({ ...tftp.held, files, declared: declaredIn(register) });
  return new Map(
    machines.flatMap((machine) => {
      const [wrong] = filesOf(machine, loaders).flatMap(({ name, use }) => whyNot(name, use) ?? []);
      return wrong === undefined ? [] : [[chainOf(machine, loaders), wrong.text] as const];
    }),
  );
}

/** What DHCP names to a machine's firmware, and then to its iPXE. */
function filesOf(
  machine: Machine,
  loaders: Serve["loaders"],
): readonly { readonly name: string; readonly use: FileUse }[] {
  const firmware: Firmware = machine.firmware;
  return [
    { name: loaderOf(machine, loaders) ?? "", use: firmware },
    { name: loaders["script"] ?? "", use: `script of ${firmware}` },
  ];
}

/** Thousands of machines are named the same files. */
function remembered(view: TftpView): (name: string, use: FileUse) => WrongFile | undefined {
  const known = new Map<string, WrongFile | undefined>();
  return (name, use) => {
    const key = `${use} ${name}`;
    if (!known.has(key)) known.set(key, whyNotServed(view, name, use));
    return known.get(key);
  };
}

function declaredIn({ after }: Register): ReadonlyMap<string, string> {
  return new Map(heldOf(after, "file").map(({ held }) => [held.path, held.sha256]));
}
