/**
 * The measurements of docs/reports/performance.md. Each is a difference or a ratio of two things measured in turns in one run,
 * for times of their own say little about another machine.
 *
 *     npm run bench                    all of it, some two hours; writes docs/reports/performance.md, section by section
 *     npm run bench -- --quick         fewer repetitions and machines, some minutes; writes nothing
 *     npm run bench -- --only firstUp  some of: nothing, line, profile, state, firstUp, scale, preview, proof,
 *                                      growth, limits, storm
 *     npm run bench -- --counts        what is the same on each machine (connections, bytes, files, modules), beside what is
 *                                      accepted in bench/counts.json; with --accept, that is what is seen now
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Lab } from "../lab/index.mts";
import { wireTo } from "../lab/wire.mts";
import { runCommand } from "../tools/command.mts";
import type { ExportedState, ScratchProject } from "../tools/scratch.mts";
import { measureChangedLine, watchRefresh } from "./changedLine.mts";
import { acceptCounts, knownCounts, measureCounts, whyGrown } from "./counts.mts";
import { measureFirstUp, partsOf } from "./firstUp.mts";
import { type FleetProof, measureFleetProof, vast, vastProgram, vastProject } from "./fleetProof.mts";
import { measureGrowth, measureMemory, measurePreview, measureRefresh } from "./growth.mts";
import { measureFarLink, measureLoading, measureManyHosts } from "./limits.mts";
import { measureNothingToChange, type NothingToChange } from "./nothingToChange.mts";
import { versions } from "./peers.mts";
import { measureProfile, type Profiled, type ProfileSize } from "./profile.mts";
import { fleetProgram, fleetProject, guideProject, roomy, tidy, withLab, withProject } from "./projects.mts";
import {
  changedLineSection,
  firstUpSection,
  growthSection,
  limitsSection,
  nothingSection,
  previewSection,
  profileSection,
  proofSection,
  renderSection,
  type Section,
  scalePlotName,
  scaleSection,
  stateSection,
  stormSection,
  withSections,
} from "./report.mts";
import { measureScale, type Scale } from "./scale.mts";
import { renderScalePlot } from "./scalePlot.mts";
import { measureFleetSize, measureStateSize } from "./stateSize.mts";
import { type DhcpStorm, measureDhcpStorm, measureTftpStorm, type TftpStorm } from "./storm.mts";

const measurements = [
  "nothing",
  "line",
  "profile",
  "state",
  "firstUp",
  "scale",
  "preview",
  "proof",
  "growth",
  "limits",
  "storm",
] as const;
type Measurement = (typeof measurements)[number];

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    counts: { type: "boolean", default: false },
    accept: { type: "boolean", default: false },
  },
});
const wanted = options.only.length === 0 ? measurements : options.only.map(measurementNamed);
const repetitions = options.quick
  ? {
      guide: 4,
      fleet: 2,
      line: 2,
      profile: 1,
      firstUp: 1,
      machines: 100,
      scale: 1,
      sizes: [3, 1000],
      proof: 1,
      proved: 1000,
      growth: { from: 100, to: 1000, nodes: 30 },
      hosts: 2,
      loads: 5,
      storm: { machines: 1000, rates: [], rounds: 1 },
      clients: [50],
    }
  : {
      guide: 10,
      fleet: 14,
      line: 5,
      profile: 5,
      firstUp: 5,
      machines: 300,
      scale: 5,
      sizes: [3, 1000, 10_000],
      proof: 5,
      proved: 10_000,
      growth: { from: 1000, to: 10_000, nodes: 300 },
      hosts: 10,
      loads: 25,
      storm: { machines: 10_000, rates: [5000, 2000, 1000, 500], rounds: 5 },
      clients: [200, 1000],
    };

function measurementNamed(name: string): Measurement {
  const found = measurements.find((measurement) => measurement === name);
  if (found === undefined) throw new Error(`there is no measurement "${name}": choose of ${measurements.join(", ")}`);
  return found;
}

const reports = join(import.meta.dirname, "../docs/reports");
const wants = (...names: readonly Measurement[]) => names.some((name) => wanted.includes(name));
const up = ["up", "--yes", "--skip-preview"];

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** A stack that is up, for as long as the work takes. */
async function withStack<T>(made: Promise<ScratchProject>, work: (project: ScratchProject) => Promise<T>): Promise<T> {
  return await withProject(made, async (project) => {
    await project.succeed(up);
    return await work(project);
  });
}

async function nothing(): Promise<Section> {
  const measured = new Map<string, NothingToChange>();
  say(`nothing to change: the guide's program, ${repetitions.guide} times each`);
  const guide = await withLab({}, (lab) =>
    withStack(guideProject(lab), (project) => measureNothingToChange(lab, project, repetitions.guide)),
  );
  measured.set("the guide's program", guide);
  const { machines, fleet: times } = repetitions;
  say(`nothing to change: ${machines} OlaNodes, ${times} times each`);
  const nics = Array.from({ length: machines }, () => 1);
  const fleet = await withLab(roomy, (lab) =>
    withStack(fleetProject(lab, { nics }), (project) => measureNothingToChange(lab, project, times)),
  );
  measured.set(`${machines} OlaNodes`, fleet);
  return nothingSection(measured);
}

/** The three that need a node 0 with three machines, or begin from what one is like. */
async function small(): Promise<readonly Section[]> {
  const nics = [1, 2, 4];
  return await withLab(roomy, async (lab) => {
    const wire = await wireTo(lab.node0.host, lab.node0.port);
    const { host, port } = wire;
    const fleet = { nics, at: { host, port } };
    const measure = async (project: ScratchProject): Promise<readonly Section[]> => {
      const sections: Section[] = [];
      if (wants("line")) {
        say(`a changed line: ${repetitions.line} times`);
        const changed = await measureChangedLine(lab, project, wire, fleet, repetitions.line);
        const refreshes = [];
        for (const parallel of [8, 16]) refreshes.push({ parallel, ...(await watchRefresh(project, wire, parallel)) });
        sections.push(changedLineSection(changed, refreshes));
      }
      if (wants("state")) sections.push(stateSection(await measureStateSize(project)));
      if (wants("firstUp")) sections.push(await firstUp(lab, await project.state()));
      return sections;
    };
    try {
      return await withStack(fleetProject(lab, fleet), measure);
    } finally {
      wire.close();
    }
  });
}

async function preview(): Promise<Section> {
  const { scale: times, proved: from } = repetitions;
  say(`a preview of one machine more than ${from}: ${times} times each`);
  return await withLab(vast, (lab) => {
    const program = (machines: number) => vastProgram(lab, machines);
    return withStack(vastProject(lab, from), async (project) =>
      previewSection(from, await measurePreview(lab, project, { from, to: from + 1, program }, times)),
    );
  });
}

async function proof(): Promise<Section> {
  const { proof: times, proved: machines } = repetitions;
  say(`the proof of ${machines} machines: ${times} times`);
  return await withLab(vast, (lab) =>
    withStack(vastProject(lab, machines, "names: false,"), async (project) => {
      const measured: FleetProof[] = [];
      for (let run = 0; run < times; run++) measured.push(await measureFleetProof(lab, project, machines));
      return proofSection(measured);
    }),
  );
}

async function growth(): Promise<Section> {
  const { proof: times, growth: sizes } = repetitions;
  const { from, to, nodes } = sizes;
  say(`from ${from} machines to ${to}: ${times} times`);
  const ofFleet = await withLab(vast, (lab) => {
    const program = (machines: number) => vastProgram(lab, machines, "names: false,");
    return withStack(vastProject(lab, from, "names: false,"), async (project) => ({
      added: await measureGrowth(project, { from, to, program, changes: "OlaFleet" }, times),
      refreshed: await measureRefresh(project, times),
      memory: await measureMemory(project, program(to + 1)),
      bytes: await measureFleetSize(project),
    }));
  });
  say(`${nodes} OlaNodes in one up: ${times} times`);
  const ofNodes = await withLab(roomy, (lab) => {
    const fleet = (machines: number) => ({ nics: Array.from({ length: machines }, () => 1) });
    const program = (machines: number) => fleetProgram(lab, fleet(machines));
    const growing = { from: 3, to: nodes + 3, program };
    return withStack(fleetProject(lab, fleet(3)), async (project) => ({
      asTheyCome: await measureGrowth(project, growing, times),
      allAtOnce: await measureGrowth(project, { ...growing, parallel: nodes }, times),
    }));
  });
  return growthSection(sizes, ofFleet, ofNodes);
}

async function limits(): Promise<Section> {
  const { proof: times, hosts, loads } = repetitions;
  say(`a far link: ${times} times`);
  const farLink = await measureFarLink(100, times);
  say(`loading: ${loads} times`);
  const loading = await withLab(roomy, (lab) =>
    withProject(fleetProject(lab, { nics: [1] }), (project) => measureLoading(project, loads)),
  );
  say(`${hosts} node 0s in one stack: ${times} times`);
  return limitsSection(farLink, loading, hosts, await measureManyHosts(hosts, 300, times));
}

async function storm(): Promise<Section> {
  const { storm: how, clients } = repetitions;
  const dhcp: DhcpStorm[] = [];
  const tftp: TftpStorm[] = [];
  for (const [daemon, name] of [["isc", "dhcpd"] as const, ["kea", "Kea"] as const]) {
    say(`a storm of ${how.machines} machines on ${name}`);
    await withLab(vast, (lab) =>
      withStack(vastProject(lab, how.machines, `names: false, dhcp: { daemon: "${daemon}" },`), async () => {
        dhcp.push(await measureDhcpStorm(lab, name, how));
        if (name === "dhcpd") for (const each of clients) tftp.push(await measureTftpStorm(lab, "ipxe.efi", each));
      }),
    );
  }
  return stormSection(dhcp, tftp);
}

async function profile(): Promise<Section> {
  const sizes: readonly ProfileSize[] = options.quick
    ? [
        { kind: "OlaNode", machines: 3 },
        { kind: "OlaFleet", machines: 1000 },
      ]
    : [
        { kind: "OlaNode", machines: 3 },
        { kind: "OlaNode", machines: 300 },
        { kind: "OlaFleet", machines: 1000 },
        { kind: "OlaFleet", machines: 10_000 },
      ];
  const measured: Profiled[] = [];
  for (const size of sizes) {
    say(`where the time goes, with ${size.machines} machines (${size.kind}): ${repetitions.profile} times`);
    measured.push(await measureProfile(size, repetitions.profile));
  }
  return profileSection(measured);
}

async function scale(): Promise<Section> {
  const measured: Scale[] = [];
  for (const machines of repetitions.sizes) {
    say(`a fleet of ${machines} beside pyinfra and Ansible: ${repetitions.scale} times each`);
    measured.push(await measureScale(machines, repetitions.scale));
  }
  if (!options.quick) writeFileSync(join(reports, scalePlotName), renderScalePlot(measured));
  return scaleSection(measured, versions);
}

async function firstUp(lab: Lab, state: ExportedState): Promise<Section> {
  say(`a first up beside pyinfra: ${repetitions.firstUp} times each`);
  const parts = partsOf(state);
  return firstUpSection(await measureFirstUp({ lab, parts }, repetitions.firstUp), versions.pyinfra, parts);
}

/** What the numbers hold for, if this was the load when they were begun. */
function circumstances(load: number | undefined): string {
  const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { cwd: import.meta.dirname, encoding: "utf8" });
  const [cpu] = cpus();
  const command = `npm run bench${process.argv.slice(2).length > 0 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`;
  return (
    `Measured on ${new Date().toISOString().slice(0, 10)} at commit ${commit.trim()} by \`${command}\`, on a machine with ` +
    `${cpus().length} cores (${cpu?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB of memory, Node ${process.version}; ` +
    `load before ${load?.toFixed(1)}, after ${loadavg()[0]?.toFixed(1)}. Where several values were seen, the one in the middle stands, with the least and the most.`
  );
}

async function counts(): Promise<void> {
  const seen = await measureCounts();
  console.log(JSON.stringify(seen, null, 2));
  if (options.accept) return acceptCounts(seen);
  const grown = whyGrown(seen, knownCounts());
  for (const sentence of grown) say(sentence);
  if (grown.length > 0) process.exitCode = 1;
}

const target = join(reports, "performance.md");
async function main(): Promise<void> {
  const [load] = loadavg();
  const { code, output } = await runCommand(["npm", "run", "--silent", "build"], {
    cwd: join(import.meta.dirname, ".."),
  });
  if (code !== 0) throw new Error(`npm run build failed\n${output}`);
  if (options.counts) return await counts();
  const sections = [
    ...(wants("nothing") ? [await nothing()] : []),
    ...(wants("line", "state", "firstUp") ? await small() : []),
    ...(wants("profile") ? [await profile()] : []),
    ...(wants("scale") ? [await scale()] : []),
    ...(wants("preview") ? [await preview()] : []),
    ...(wants("proof") ? [await proof()] : []),
    ...(wants("growth") ? [await growth()] : []),
    ...(wants("limits") ? [await limits()] : []),
    ...(wants("storm") ? [await storm()] : []),
  ];
  const rendered = sections.map((section) => renderSection(section, circumstances(load)));
  console.log(rendered.join("\n\n"));
  if (options.quick) return;
  writeFileSync(target, withSections(readFileSync(target, "utf8"), rendered));
  say(`written to ${target}`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    say(`${signal}: taking the lab down`);
    void tidy().finally(() => process.exit(130));
  });
}

await main();
