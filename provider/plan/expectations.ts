import type { Unit } from "../facts/units";
import { readHostsTable } from "../formats/hosts/hostsTable";
import { neededFiles } from "../formats/ipxe/neededFiles";
import { namesFile, tftpdDefaults } from "../os/paths";
import { firmwares } from "../values/bootChain";
import { upMends } from "../values/mending";
import { type AskedMachine, chainOf, isTftpMoved, isUndone, loaderOf, machinesToAsk, type PutMachines } from "./chains";
import { type Change, machinesOf } from "./change";
import { backendIn } from "./dhcpServer";
import type { NamedMachine } from "./facts";
import { othersOf } from "./otherServers";
import type { Expectation, MachinesPlan, Plan, Socket } from "./plan";
import { type Held, heldOf, type Register } from "./records";
import type { Refusal } from "./refusal";

/** What the expectations of a change follow from. */
export interface Expected {
  readonly change: Change;
  readonly register: Register;
  /** The chains that were good at the last change. */
  readonly proved: ReadonlySet<string>;
  readonly names: readonly NamedMachine[];
  /** The text of the script that iPXE will run, if it lies on node 0. */
  readonly script: string | undefined;
  /** Whether a file will be in the folder of the TFTP server. */
  has(name: string): boolean;
  /** Why the DHCP server does not run now, where this change does not start it. */
  readonly dhcpdSilent?: string | undefined;
  /** Why the TFTP server does not. */
  readonly tftpSilent?: string | undefined;
  /** Whether machines are sent to this host for their files, be it to a TFTP server that is not ours. */
  readonly bootServerIsHere: boolean;
  /** Machines that are written anew for another DHCP server: all of them are asked for. */
  readonly machines?: readonly MachinesPlan[];
}

/** What must be seen after the swap, in the order in which it is asked; and the chains that it proves. */
export function planExpectations(expected: Expected): {
  readonly expectations: readonly Expectation[];
  readonly proves: Plan["proves"];
} {
  const boots = expectBoots(expected);
  const expectations = [
    ...expectUnits(expected),
    ...expectTime(expected),
    ...expectNames(expected),
    ...expectFiles(expected),
    ...boots.expectations,
  ];
  // What only goes is not held up by what is wrong with node 0: it would be as wrong with what comes back.
  const onlyGoes = expected.change.puts.size === 0 && expected.change.drops.size > 0;
  return {
    expectations: onlyGoes ? expectations.map((each) => ({ ...each, undoIf: [] })) : expectations,
    proves: boots.proves,
  };
}

/** The sockets that a unit's main process must have. */
export function socketsOf(entries: Register["after"], unit: string): readonly Socket[] {
  return heldOf(entries, "listen").flatMap(({ held }) => (held.unit === unit ? [socketOf(held.on)] : []));
}

function socketOf(on: Extract<Held, { readonly want: "listen" }>["on"]): Socket {
  return on.kind === "packet" ? `packet ${on.interface}` : `${on.kind} ${on.address} ${on.port}`;
}

function expectUnits({ change, register }: Expected): readonly Expectation[] {
  return heldOf(register.after, "unit")
    .toSorted((one, other) => (one.held.name < other.held.name ? -1 : 1))
    .map(({ id, held: { name, reloadedBy = [] } }) => ({
      ask: "unit",
      id,
      unit: name,
      sockets: socketsOf(register.after, name),
      ...(change.puts.has(id) ? {} : { if: [`unit:${name}`, ...reloadedBy] }),
    }));
}

function unitOf(entries: Register["after"], id: string): string {
  return entries.get(id)?.held.find((held) => held.want === "unit")?.name ?? "";
}

function expectTime({ change, register }: Expected): readonly Expectation[] {
  return heldOf(register.after, "ntp").map(({ id, held: { address } }) => {
    const unit = unitOf(register.after, id);
    return { ask: "ntp", id, address, unit, ...(change.puts.has(id) ? {} : { if: [`unit:${unit}`] }) };
  });
}

/** As many names as are asked for: a few tell whether they are read. */
const mostNames = 32;

/** The name server knows the machines that are new or changed, forward and back, and those no more that went. */
function expectNames({ change, register, names }: Expected): readonly Expectation[] {
  const [server] = heldOf(register.after, "names");
  if (server === undefined || server.held.mode === "hosts" || server.held.address === undefined) return [];
  const { id } = server;
  const { address, domain, records } = server.held;
  const isPut = change.puts.has(id);
  const concerned = isPut ? {} : { if: [namesFile, `unit:${unitOf(register.after, id)}`] };
  const common = { ask: "dns", server: address, ...concerned } as const;
  const whole = (hostname: string): string =>
    domain === undefined || hostname.includes(".") ? hostname : `${hostname}.${domain}`;
  const come = names.filter(({ how }) => how === "comes");
  const asked = isPut || come.length === 0 ? names.filter(({ how }) => how === "stays") : come;
  const isRecorded = (hostname: string): boolean =>
    records.split(/\s+/).some((word) => word === hostname || word.startsWith(`${hostname}.`));
  const gone = names.filter(({ how, hostname }) => how === "goes" && !isRecorded(hostname));
  return [
    ...(["udp", "tcp"] as const).map((how) => ({
      ...common,
      id,
      name: "netboot.invalid",
      type: 1 as const,
      how,
      wanted: "that there is no such name",
    })),
    ...(isPut ? recordsIn(records) : []).slice(0, mostNames).map((record) => ({
      ...common,
      id,
      name: whole(record.name),
      type: 1 as const,
      how: "udp" as const,
      has: record.address,
      wanted: record.address,
    })),
    ...asked.slice(0, mostNames).flatMap((named): readonly Expectation[] => {
      const name = whole(named.hostname);
      const back = `${named.address.split(".").toReversed().join(".")}.in-addr.arpa`;
      const of = { ...common, id: named.id, how: "udp" as const };
      return [
        { ...of, name, type: 1, has: named.address, wanted: named.address },
        { ...of, name: back, type: 12, has: name, wanted: name },
      ];
    }),
    ...gone.slice(0, mostNames).map((named) => ({
      ...common,
      id,
      name: whole(named.hostname),
      type: 1 as const,
      how: "udp" as const,
      lacks: named.address,
      wanted: "that there is no such name",
    })),
  ];
}

/** A file below the TFTP folder that changed comes as it is on the disk. */
function expectFiles({ register, tftpSilent }: Expected): readonly Expectation[] {
  const [tftp] = heldOf(register.after, "tftpd");
  if (tftp === undefined) return [];
  // Somebody stopped it, and its own change in this up, or the next, starts it.
  if (tftpSilent !== undefined) return [];
  const { address, directory } = tftp.held;
  return heldOf(register.after, "file").flatMap(({ id, held: { path, sha256 } }) =>
    path.startsWith(`${directory}/`)
      ? [{ ask: "tftp", id, if: [path], address, name: path.slice(directory.length + 1), path, sha256 }]
      : [],
  );
}

/** The first name of each address of IPv4. */
function recordsIn(records: string): readonly { readonly address: string; readonly name: string }[] {
  return readHostsTable(records).flatMap(({ address, names: [name] }) =>
    name === undefined || !/^[\d.]+$/.test(address) ? [] : [{ address, name }],
  );
}

/** Both stages of every machine, every file that they name and that the script names, and a machine that nobody declared. */
function expectBoots(expected: Expected): {
  readonly expectations: readonly Expectation[];
  readonly proves: Plan["proves"];
} {
  const { change, register, proved, dhcpdSilent, machines = [] } = expected;
  const [server] = heldOf(register.after, "serve");
  // What only goes is not held up by what is wrong with the rest: so a node 0 that another one has replaced can be destroyed.
  if (server === undefined || change.puts.size === 0) return { expectations: [], proves: undefined };
  const { interface: nic, bootServer, loaders, unknownMachines } = server.held;
  const [tftp] = heldOf(register.after, "tftpd");
  const puts = putMachines(change);
  const asked = machinesToAsk(register, puts, knownOfMany(puts));
  const written = new Map([...puts, ...machines.map((each) => [each.id, each.machines] as const)]);
  const own = [...written].filter(([, own]) => own.some(({ proof }) => proof !== false)).map(([id]) => id);
  const { unit, conf, machines: joined } = backendIn(register.after);
  const touchesBoot = ["unit:*", "firewall", conf, joined.path, ...(tftp ? [`${tftp.held.directory}/*`] : [])];
  const concerned = own.length > 0 ? {} : { if: touchesBoot };
  const script = loaders["script"] ?? "";
  const byDhcpd = (machine: AskedMachine): readonly string[] =>
    undoIf(machine, proved, conf, [`unit:${unit}`, conf, joined.path]);
  const stands = asked.filter((machine) => machine.stands);
  const chains = [...new Set(asked.map(({ chain }) => chain))];
  const dhcp: Expectation = {
    ask: "dhcp",
    id: server.id,
    ...concerned,
    interface: nic,
    next: bootServer,
    script,
    loaders,
    puts: own,
    every: false,
    stands: stands.map((machine) => ({
      id: machine.id,
      machine: machine.machine,
      undoIf: byDhcpd(machine),
    })),
    stranger: unknownMachines === "refuse",
    ...othersOf(register),
    ...whySilent(dhcpdSilent),
  };
  return { expectations: [dhcp, ...expectChainFiles(expected, asked, concerned)], proves: { chains, ...concerned } };
}

export function putMachines(change: Change): PutMachines {
  return new Map([...change.puts.values()].map((put) => [put.id, machinesOf(put)] as const));
}

/** Of a fleet one machine of each chain is enough to look at files. */
export function knownOfMany(puts: PutMachines): ReadonlySet<string> {
  return new Set(
    [...puts.values()].flatMap((machines) => (machines.length > 1 ? machines.map((each) => each.hostname) : [])),
  );
}

/** When a wrong answer about a chain undoes the change: if it was good, and one of these was touched. */
function undoIf(
  machine: AskedMachine,
  proved: ReadonlySet<string>,
  conf: string,
  touched: readonly string[],
): readonly string[] {
  const { chain, chainBefore } = machine;
  return [
    ...(isUndone({ chain, chainBefore, isOurs: true, isMoved: false }, proved) ? touched : []),
    ...(isUndone({ chain, chainBefore, isOurs: false, isMoved: true }, proved) ? [conf] : []),
  ];
}

/** The files of each chain, by TFTP. */
function expectChainFiles(
  {
    register,
    proved,
    script: scriptText,
    bootServerIsHere,
    tftpSilent,
    has,
  }: Omit<Expected, "change" | "names" | "dhcpdSilent" | "machines">,
  asked: readonly AskedMachine[],
  concerned: { readonly if?: readonly string[] },
): readonly Expectation[] {
  const [server] = heldOf(register.after, "serve");
  if (server === undefined || !bootServerIsHere) return [];
  const { conf } = backendIn(register.after);
  const address = server.held.bootServer;
  const isMoved = heldOf(register.before, "serve")[0]?.held.bootServer !== address;
  const directory = heldOf(register.after, "tftpd").find(({ held }) => held.address === address)?.held.directory;
  const silent = whySilent(directory === undefined ? undefined : tftpSilent);
  const script = server.held.loaders["script"] ?? "";
  const sums = new Map(heldOf(register.after, "file").map(({ held }) => [held.path, held.sha256] as const));
  const oneOfEach = new Map<string, AskedMachine>();
  for (const machine of asked) if (!oneOfEach.has(machine.chain)) oneOfEach.set(machine.chain, machine);
  return [...oneOfEach.values()].flatMap((machine) => {
    const host = { bootServer: address, firmware: machine.machine.firmware, has };
    const fetched = directory === undefined ? [] : neededFiles(scriptText ?? "", host);
    const files = [
      { name: loaderOf(machine.machine, server.held.loaders) ?? "" },
      { name: script },
      ...fetched.map((name) => ({ name, by: script })),
    ];
    return files.map(({ name, by }: { readonly name: string; readonly by?: string }): Expectation => {
      const path = `${directory}/${name}`;
      const sha256 = directory === undefined ? undefined : sums.get(path);
      const touched = [
        ...(directory === undefined ? [] : [path, ...(by === undefined ? [] : [`${directory}/${by}`])]),
        ...(isMoved ? [conf] : []),
        ...(isTftpMoved(register) ? [tftpdDefaults] : []),
      ];
      return {
        ask: "tftp",
        id: machine.id,
        ...concerned,
        ...(machine.stands ? { undoIf: undoIf(machine, proved, conf, touched), stands: true } : {}),
        address,
        name,
        ...(directory === undefined ? {} : { path }),
        ...(sha256 === undefined || sha256 === "" ? {} : { sha256 }),
        chain: machine.chain,
        ...(by === undefined ? {} : { script: by }),
        ...silent,
      };
    });
  });
}

/** The proof on demand: all machines of these resources, and every file that they meet. Nothing is undone by it. */
export function planProof(
  register: Register,
  ids: readonly string[],
  more: Pick<Expected, "script" | "bootServerIsHere" | "dhcpdSilent" | "tftpSilent" | "has">,
): readonly Expectation[] {
  const [server] = heldOf(register.after, "serve");
  const own = ids.filter((id) => (register.after.get(id)?.machines ?? 0) > 0);
  if (server === undefined || own.length === 0) return [];
  const { interface: nic, bootServer, loaders, unknownMachines } = server.held;
  // An example of each kind is told once, whichever resource it is of.
  const asked = [...register.after.values()].flatMap(({ id, examples }) =>
    examples.map((machine): AskedMachine => {
      const chain = chainOf(machine, loaders);
      return { id, machine, stands: true, chain, chainBefore: chain };
    }),
  );
  const expected = { ...more, register, proved: new Set<string>() };
  return [
    {
      ask: "dhcp",
      id: server.id,
      undoIf: [],
      interface: nic,
      next: bootServer,
      script: loaders["script"] ?? "",
      loaders,
      puts: own,
      every: true,
      stands: [],
      stranger: unknownMachines === "refuse",
      ...othersOf(register),
      ...whySilent(more.dhcpdSilent),
    },
    ...expectChainFiles(expected, asked, {}),
  ];
}

/** As which architecture a machine with such a firmware is asked for (option 93). */
export function askedAs(firmware: string): number {
  return firmware === "ia32" ? firmwares.ia32.askedAs : firmwares.x64.askedAs;
}

/** Warns where files changed that nobody serves now. */
export function whyFilesAreNotProved({ register, tftpSilent }: Expected): string | undefined {
  if (tftpSilent === undefined || heldOf(register.after, "tftpd").length === 0) return undefined;
  return `not proved: ${tftpSilent}`;
}

/** What the proof would undo for sure: a machine of this change, and a TFTP server that is down and that nothing here starts. */
export function whyNobodyServes(expectations: Plan["expectations"]): Refusal | undefined {
  for (const each of expectations) {
    if (each.ask !== "tftp" || each.silent === undefined || each.stands === true || each.if !== undefined) continue;
    const { id, name, address, silent } = each;
    return {
      code: "NOT_SERVING",
      id,
      message: `its firmware would ask ${address} for ${name} by TFTP, and get no answer: ${silent}`,
    };
  }
  return undefined;
}

function whySilent(silent: string | undefined): { readonly silent?: string } {
  return silent === undefined ? {} : { silent };
}

/** Why nobody answers where a daemon of ours has not what it listens on, and what mends it. */
export function whyStopped({ name, activeState, dropIns: [dropIn] }: Unit): string {
  const runs = activeState === "active";
  const fails = activeState === "failed" || activeState === "activating";
  const state = runs ? "runs and does not listen where it should" : fails ? "does not come up" : "does not run";
  if (dropIn !== undefined) {
    const after = runs ? `\`systemctl daemon-reload; systemctl restart ${name}\`` : upMends("starts it");
    return `${name} ${state}, and ${dropIn} changes how it is started; take that file away, then ${after}`;
  }
  if (fails || runs) return `${name} ${state}; \`journalctl -u ${name}\` on node 0 says why`;
  return `${name} ${state}; ${upMends("starts it")}`;
}
