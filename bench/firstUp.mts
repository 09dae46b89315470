import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Lab } from "../lab/index.mts";
import type { ExportedState } from "../tools/scratch.mts";
import { bringPeer } from "./peers.mts";
import { fleetProgram, fleetProject, roomy, withLab, withProject } from "./projects.mts";
import { type Comparison, compare, seconds } from "./samples.mts";

/** What is done to a node 0, from nothing on. */
const jobs = ["first", "oneMore", "nothing"] as const;
type Job = (typeof jobs)[number];

/** Ours and pyinfra's seconds for each job, pair by pair. */
export type FirstUp = Readonly<Record<Job, Comparison>>;

type Times = Record<Job, number>;

/** Three machines first, then one more, then nothing more. */
const fleets: Readonly<Record<Job, number>> = { first: 3, oneMore: 4, nothing: 4 };

/**
 * Brings up node 0 on a pristine host, by `pulumi up` and by a pyinfra deploy that does the same work, in turns; each time
 * on a lab of its own.
 *
 * @param like - a node 0 that is up: the peer serves the files that it serves, and does these parts of its work
 */
export async function measureFirstUp(
  like: { readonly lab: Lab; readonly parts: readonly string[] },
  times: number,
): Promise<FirstUp> {
  const pyinfra = await bringPeer("pyinfra");
  const bootFiles = await bootFilesOf(like.lab);
  const theirs = (lab: Lab, machines: number) => pyinfra(lab, { machines, bootFiles, parts: like.parts });
  const seen: readonly [ours: Times[], theirs: Times[]] = [[], []];
  try {
    for (let round = 0; round < times; round++) {
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        seen[which].push(await (which === 0 ? timesOfOurs() : withLab(roomy, (lab) => timesOf((n) => theirs(lab, n)))));
      }
    }
  } finally {
    rmSync(bootFiles, { recursive: true, force: true });
  }
  const [ours, others] = seen;
  const comparison = (job: Job) =>
    compare(
      ours.map((one) => one[job]),
      others.map((one) => one[job]),
    );
  return { first: comparison("first"), oneMore: comparison("oneMore"), nothing: comparison("nothing") };
}

async function timesOfOurs(): Promise<Times> {
  const nics = (machines: number) => ({ nics: Array.from({ length: machines }, () => 1) });
  return await withLab(roomy, (lab) =>
    withProject(fleetProject(lab, nics(fleets.first)), async (project) => {
      // The stack is made before the clock runs, as the peer's environment is.
      await project.succeed(["stack"]);
      return await timesOf(async (machines) => {
        project.write({ "index.ts": fleetProgram(lab, nics(machines)) });
        await project.succeed(["up", "--yes", "--skip-preview"]);
      });
    }),
  );
}

async function timesOf(reach: (machines: number) => Promise<void>): Promise<Times> {
  const times: Times = { first: Number.NaN, oneMore: Number.NaN, nothing: Number.NaN };
  for (const job of jobs) times[job] = await seconds(() => reach(fleets[job]));
  return times;
}

/** The four files as node 0 serves them, in a folder here. */
export async function bootFilesOf(lab: Lab): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "netboot-boot-files-"));
  for (const name of ["ipxe.efi", "refind_x64.efi", "refind.pxe", "refind.conf"]) {
    const { stdout } = await lab.node0.run(`base64 -w0 /srv/tftp/${name}`);
    writeFileSync(join(folder, name), Buffer.from(stdout, "base64"));
  }
  return folder;
}

/** What a stack's node 0 does besides DHCP and TFTP. */
export function partsOf({ deployment }: ExportedState): readonly string[] {
  const kinds = new Set((deployment.resources ?? []).map(({ type }) => type.split(":").at(-1) ?? ""));
  return ["TimeServer", "NameServer", "Firewall"].filter((kind) => kinds.has(kind));
}
