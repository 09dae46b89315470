import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import type { Wire } from "../lab/wire.mts";
import type { ScratchProject } from "../tools/scratch.mts";
import { type FleetOptions, fleetProgram, loginsOf } from "./projects.mts";
import { type AfterAuthentication, countAfterAuthentication, type Message } from "./roundTrips.mts";

/** What it took to bring one changed line to node 0. */
export interface ChangedLine {
  /** Connections through the wire, and logins by sshd's own log. */
  readonly connections: number;
  readonly logins: number;
  /** Of the first connection. */
  readonly after: AfterAuthentication;
}

/** Changes the lease time, once for each run, and watches the way there. The project's machines stay as they are. */
export async function measureChangedLine(
  lab: Lab,
  project: ScratchProject,
  wire: Wire,
  options: FleetOptions,
  times: number,
): Promise<readonly ChangedLine[]> {
  const seen: ChangedLine[] = [];
  for (let round = 0; round < times; round++) {
    const leaseSeconds = 3600 + round;
    project.write({ "index.ts": fleetProgram(lab, { ...options, leaseSeconds }) });
    const before = await loginsOf(lab);
    const watched = await watchRun(project, wire, ["up", "--yes", "--skip-preview"]);
    const { stdout } = await lab.node0.run("grep default-lease-time /etc/dhcp/dhcpd.conf");
    if (!stdout.includes(String(leaseSeconds)))
      throw new Error(`the lease time on node 0 is not ${leaseSeconds}: ${stdout}`);
    seen.push({ ...watched, logins: (await loginsOf(lab)) - before });
  }
  return seen;
}

/** What goes to node 0 and back in a run. */
export type Watched = Pick<ChangedLine, "connections" | "after">;

/** How a refresh is run. */
const refresh: readonly string[] = ["refresh", "--yes", "--skip-preview", "--expect-no-changes"];

/** Watches a refresh of a stack that is as declared; the engine asks for `parallel` resources at once. */
export async function watchRefresh(project: ScratchProject, wire: Wire, parallel: number): Promise<Watched> {
  return await watchRun(project, wire, [...refresh, "--parallel", String(parallel)]);
}

async function watchRun(project: ScratchProject, wire: Wire, args: readonly string[]): Promise<Watched> {
  const trace = join(project.root, "ssh-trace");
  rmSync(trace, { force: true });
  wire.taken();
  await project.succeed(args, {
    env: { NODE_OPTIONS: `--require=${join(import.meta.dirname, "sshTrace.cjs")}`, NETBOOT_SSH_TRACE: trace },
  });
  const connections = wire.taken();
  return {
    connections: connections.length,
    after: countAfterAuthentication(messagesOf(trace), connections[0] ?? []),
  };
}

/** The messages of the first connection in the trace. */
function messagesOf(trace: string): readonly Message[] {
  if (!existsSync(trace)) throw new Error("the provider wrote no trace: NODE_OPTIONS did not reach it");
  const lines = readFileSync(trace, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as { connection: string; at: string; text: string });
  return lines
    .filter(({ connection }) => connection === lines[0]?.connection)
    .map(({ at, text }) => ({ at: BigInt(at), text }));
}
