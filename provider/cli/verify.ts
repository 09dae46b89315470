import { proveNow } from "../conversation/look";
import { renderError } from "../errors";
import { declaresMachines } from "../kinds/node";
import { declaredBy } from "../lifecycle/comparison";
import { whyUndone } from "../lifecycle/ofTwo";
import { whyNotBrought } from "../plan/ownership";
import { type ProofBesides, type Provable, whyLost } from "../plan/proof";
import { hidden } from "../values/hidden";
import { linesByKey, parseRow } from "../values/nodeRow";
import { placeOf } from "../values/place";
import { printable } from "../values/printable";
import { byHost, openStackHost, type StackResource, whyPassedOver } from "./stack";

/** What the proof said of one machine. */
export interface Verified {
  readonly host: string;
  /** The resource that declares it. */
  readonly resource: string;
  /** `-` for a resource of which node 0 knows nothing. */
  readonly machine: string;
  readonly served: boolean;
  /** What was seen, or what is wrong. */
  readonly seen: string;
}

/**
 * Proves all machines of a stack, now: both DHCP stages from each of their MACs, and every file that they meet. Changes
 * nothing, on node 0 or in the stack.
 *
 * @throws a `NetbootError` when a node 0 can't be reached
 */
export async function verify(resources: readonly StackResource[]): Promise<readonly Verified[]> {
  const hosts = [...byHost(resources.filter(declaresMachines)).values()];
  const seen: Verified[] = [];
  for (const on of hosts) seen.push(...(await verifyOneOf(hosts.length, on)));
  const rows = onlyOnOne(seen, serversIn(resources));
  return rows.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
}

function keyOf({ machine, host }: Verified): string {
  return `${machine}\0${host}`;
}

/** The machines of one node 0; where there are others, one that can't be reached keeps nobody from asking those. */
async function verifyOneOf(hosts: number, on: readonly StackResource[]): Promise<readonly Verified[]> {
  try {
    return (await verifyHost(on)).machines;
  } catch (reason) {
    const seen = renderError(whyPassedOver(hosts, on[0]?.connection, reason));
    return on.flatMap(({ kind, id, urn, connection, inputs }) =>
      machinesOf(kind, urn, inputs).map((machine) => ({
        host: placeOf(connection) ?? "",
        resource: id,
        machine,
        served: false,
        seen,
      })),
    );
  }
}

/** What a state says of the machines of a resource. */
export function machinesOf(kind: string, urn: string, { rows, hostname }: StackResource["inputs"]): readonly string[] {
  if (kind === "OlaFleet") return Object.keys(linesByKey(rows));
  return [typeof hostname === "string" ? hostname : urn.replace(/.*::/, "")];
}

/** The machines that a fleet has by the state, and not on node 0, each with why. */
export function lostOf(
  fleet: string,
  { rows }: StackResource["inputs"],
  there: ReadonlyMap<string, string>,
): readonly (readonly [hostname: string, why: string])[] {
  const names = Object.entries(linesByKey(rows)).flatMap(([name, text]) => parseRow(name, text)?.hostname ?? []);
  return names.filter((name) => !there.has(name)).map((name) => [name, whyLost(fleet)]);
}

/** Host → the address of its DHCP server, and those of other node 0s that serve the same machines. */
type Servers = ReadonlyMap<string, { readonly address: string; readonly others: readonly string[] }>;

function serversIn(resources: readonly StackResource[]): Servers {
  return new Map(
    resources.flatMap(({ kind, connection, outputs: { address, otherDhcpServers: others } }) =>
      kind === "DhcpServer" && Array.isArray(others)
        ? [
            [
              placeOf(connection) ?? "",
              { address: String(address).replace(/\/.*/, ""), others: others as readonly string[] },
            ] as const,
          ]
        : [],
    ),
  );
}

/** Of two node 0s one may have a machine that the other has not: it boots only while that one answers. */
export function onlyOnOne(machines: readonly Verified[], servers: Servers): Verified[] {
  const known = new Set(machines.map(keyOf));
  return machines.map((row) => {
    const lacking = [...servers].filter(
      ([host, { address }]) =>
        servers.get(row.host)?.others.includes(address) === true && !known.has(keyOf({ ...row, host })),
    );
    const names = lacking.map(([host]) => host).join(", ");
    return lacking.length === 0 || row.machine === noMachine
      ? row
      : { ...row, seen: `${row.seen}; not declared on ${names}` };
  });
}

/** The same for resources of one node 0, with what the proof found there beside the machines. */
export async function verifyHost(
  on: readonly StackResource[],
): Promise<{ readonly machines: readonly Verified[]; readonly besides?: ProofBesides }> {
  const [first] = on;
  if (first === undefined) return { machines: [] };
  const host = await openStackHost(first);
  const machine = first.outputs[hidden.machine];
  const proving = proveNow(host, on.map(provable), typeof machine === "string" ? machine : undefined);
  const waiting = setTimeout(() => console.error(printable(`${host.name}: ${stillAsking}`)), patience);
  const { proof, besides } = await proving.finally(() => clearTimeout(waiting));
  const machines = on.flatMap(({ id: resource, kind, urn, inputs, outputs }): readonly Verified[] => {
    const about = { host: placeOf(first.connection) ?? host.name, resource };
    const told = proof.get(resource) ?? "gone";
    if (told === "gone") {
      const undone = whyUndone(outputs);
      const seen = undone === undefined ? goneWords : whyNotBrought(undone);
      return [{ ...about, machine: noMachine, served: false, seen }];
    }
    if (typeof told === "string")
      return machinesOf(kind, urn, inputs).map((machine) => ({ ...about, machine, served: false, seen: told }));
    const proved = [...told, ...(kind === "OlaFleet" ? lostOf(resource, inputs, told) : [])];
    return proved.map(([name, seen]) => ({ ...about, machine: name, served: seen.startsWith("served: "), seen }));
  });
  return { machines, besides };
}

/** For so many milliseconds a proof goes on without a word: most take less. */
const patience = 5000;
const stillAsking =
  "asks its DHCP and TFTP servers as the machines do; what does not answer is asked again, for up to half a minute";

/** By what the resource of the second of two servers is told from that of the first: `db-1@node0-b`. */
export const onSecond: RegExp = /@[^@/]*$/;

/** In the place of the machines of a resource that is gone. */
const noMachine = "-";
const goneWords = "is not on node 0; run `pulumi up --refresh`";

function provable({ kind, id, outputs }: StackResource): Provable {
  const generation = outputs[hidden.generation];
  return {
    id,
    generation: typeof generation === "string" ? generation : undefined,
    by: declaredBy(kind, outputs),
    undone: whyUndone(outputs),
  };
}

/** The machines as people read them: a line each, and a last one that counts. */
export function renderVerified(machines: readonly Verified[]): string {
  const hosts = new Set(machines.map(({ host }) => host)).size;
  const nameOf = ({ machine, resource }: Verified): string => (machine === noMachine ? resource : machine);
  const width = Math.max(0, ...machines.map((each) => nameOf(each).length));
  const hostWidth = hosts < 2 ? 0 : Math.max(...machines.map(({ host }) => host.length));
  const whereOf = ({ host }: Verified): string => (hosts < 2 ? "" : `  ${host.padEnd(hostWidth)}`);
  // One that two node 0s serve is one machine.
  const byMachine = [...Map.groupBy(machines, (each) => nameOf(each).replace(onSecond, "")).values()];
  const bad = byMachine.filter((rows) => rows.some(({ served }) => !served)).length;
  const by = hosts < 2 || bad === 0 ? "" : " by all of its node 0s";
  const count = `${byMachine.length} ${byMachine.length === 1 ? "machine" : "machines"}`;
  return [
    ...machines.map(
      (each) => `${each.served ? "ok     " : "FAILED "} ${nameOf(each).padEnd(width)}${whereOf(each)}  ${each.seen}`,
    ),
    "",
    `${count}, ${bad === 0 ? "all served" : `${bad} not served${by}`}`,
  ].join("\n");
}
