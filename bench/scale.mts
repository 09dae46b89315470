import { rmSync } from "node:fs";
import { bootFilesOf, partsOf } from "./firstUp.mts";
import { vast, vastProgram, vastProject } from "./fleetProof.mts";
import { measureNothingToChange, type NothingToChange } from "./nothingToChange.mts";
import { bringPeer, type PeerName } from "./peers.mts";
import { withLab, withProject } from "./projects.mts";
import { type Comparison, compare, seconds } from "./samples.mts";

/** What is done to a node 0 that has its machines: one more, nothing more, and a look at what one more would change. */
export const scaleJobs = ["oneMore", "nothing", "preview"] as const;
export type ScaleJob = (typeof scaleJobs)[number];

/** Our seconds beside those of each peer, by job. */
export interface Scale {
  readonly machines: number;
  readonly jobs: Readonly<Record<ScaleJob, Readonly<Record<PeerName, Comparison>>>>;
  /** With nothing to change, beside the engine's floor. */
  readonly floor: NothingToChange;
}

type Contestant = "ours" | PeerName;
type Times = Record<ScaleJob, number>;

const nics = 2;

/** How long a run takes where node 0 has so many machines, with ours and the peers in turns, each on a lab of its own. */
export async function measureScale(machines: number, times: number): Promise<Scale> {
  const pyinfra = await bringPeer("pyinfra");
  const ansible = await bringPeer("ansible");
  return await withLab(vast, (lab) =>
    withProject(vastProject(lab, machines), async (project) => {
      await project.succeed(["up", "--yes", "--skip-preview"]);
      const floor = await measureNothingToChange(lab, project, times);
      const bootFiles = await bootFilesOf(lab);
      const parts = partsOf(await project.state());
      const ours = (dryRun: boolean) => async (count: number) => {
        project.write({ "index.ts": vastProgram(lab, count) });
        await project.succeed(dryRun ? ["preview"] : ["up", "--yes", "--skip-preview"]);
      };
      try {
        return await withLab(vast, (second) =>
          withLab(vast, async (third) => {
            // What Ansible needs on a host, and pyinfra and ours do not.
            await third.node0.run("apt-get -q -y install --no-install-recommends python3 python3-apt");
            const asPeer = (peer: typeof pyinfra, on: typeof lab) => (dryRun: boolean) => (count: number) =>
              peer(on, { machines: count, nics, bootFiles, parts, dryRun });
            const contestants = { ours, pyinfra: asPeer(pyinfra, second), ansible: asPeer(ansible, third) };
            for (const each of [contestants.pyinfra, contestants.ansible]) await each(false)(machines);
            return { machines, jobs: await inTurns(contestants, machines, times), floor };
          }),
        );
      } finally {
        rmSync(bootFiles, { recursive: true, force: true });
      }
    }),
  );
}

type Run = (dryRun: boolean) => (count: number) => Promise<void>;

/** Each round adds a machine, and another one of the three begins. */
async function inTurns(
  contestants: Readonly<Record<Contestant, Run>>,
  machines: number,
  times: number,
): Promise<Scale["jobs"]> {
  const names = Object.keys(contestants) as readonly Contestant[];
  const seen: Record<Contestant, Times[]> = { ours: [], pyinfra: [], ansible: [] };
  for (let round = 0; round < times; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] as Contestant;
      const count = machines + round + 1;
      const run = contestants[name];
      seen[name].push({
        oneMore: await seconds(() => run(false)(count)),
        nothing: await seconds(() => run(false)(count)),
        preview: await seconds(() => run(true)(count + 1)),
      });
    }
  }
  const besides = (job: ScaleJob, peer: PeerName) =>
    compare(
      seen.ours.map((one) => one[job]),
      seen[peer].map((one) => one[job]),
    );
  const byPeer = (job: ScaleJob) => ({ pyinfra: besides(job, "pyinfra"), ansible: besides(job, "ansible") });
  return { oneMore: byPeer("oneMore"), nothing: byPeer("nothing"), preview: byPeer("preview") };
}
