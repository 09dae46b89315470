import type { ChangedLine, Watched } from "./changedLine.mts";
import type { FirstUp } from "./firstUp.mts";
import type { FleetProof } from "./fleetProof.mts";
import type { Previewing } from "./growth.mts";
import type { NothingToChange } from "./nothingToChange.mts";
import type { Profiled } from "./profile.mts";
import { comparing } from "./profileStages.mts";
import { type Comparison, type Contest, type Samples, samplesOf } from "./samples.mts";
import { type Scale, type ScaleJob, scaleJobs } from "./scale.mts";
import { type DhcpStorm, leftOf, lostOf, roomyBytes, type TftpStorm, type Wave } from "./storm.mts";

/** A table of docs/reports/performance.md, with what stands above and below it. */
export interface Section {
  readonly title: string;
  readonly intro: string;
  /** Column → cell; all with the same columns. */
  readonly rows: readonly Readonly<Record<string, string>>[];
  readonly notes?: readonly string[];
}

interface Row extends Readonly<Record<string, string>> {
  readonly what: string;
  readonly goal: string;
  readonly seen: string;
}

/** `0.12 (0.08 to 0.31)`: the median, the least, the most. */
export function renderSamples({ median, min, max }: Samples, unit = "", digits = 2): string {
  const text = (value: number) => value.toFixed(digits);
  if (text(min) === text(max)) return `${text(median)}${unit}`;
  return `${text(median)}${unit} (${text(min)} to ${text(max)})`;
}

/** A section as Markdown; `circumstances` say what its numbers hold for. */
export function renderSection({ title, intro, rows, notes = [] }: Section, circumstances: string): string {
  const columns = Object.keys(rows[0] ?? {});
  const line = (cells: readonly (string | undefined)[]) => `| ${cells.join(" | ")} |`;
  return [
    `## ${title}`,
    "",
    intro,
    "",
    circumstances,
    "",
    line(columns),
    `|${columns.map(() => "---").join("|")}|`,
    ...rows.map((row) => line(columns.map((column) => row[column]))),
    ...(notes.length === 0 ? [] : ["", ...notes]),
  ].join("\n");
}

/** A page of sections in which those are put in the place of the ones with their title, and new ones at the end. */
export function withSections(page: string, sections: readonly string[]): string {
  const [head = "", ...old] = page.split(/^(?=## )/m).map((part) => part.trimEnd());
  const titleOf = (section: string): string => section.split("\n", 1)[0] ?? "";
  const fresh = new Map(sections.map((section) => [titleOf(section), section.trimEnd()]));
  const kept = old.map((section) => {
    const title = titleOf(section);
    const anew = fresh.get(title);
    fresh.delete(title);
    return anew ?? section;
  });
  return `${[head, ...kept, ...fresh.values()].join("\n\n")}\n`;
}

/** Name of a program → what its runs cost. */
export function nothingSection(measured: ReadonlyMap<string, NothingToChange>): Section {
  return {
    title: "`pulumi up` with nothing to change",
    intro:
      "`pulumi up --skip-preview`, in turns with the engine's floor: the same project, stack, state and program, where the " +
      "package was exchanged for one ([bench/floor](../../bench/floor/index.js)) that registers the same resources with the same " +
      "inputs, parents, dependencies and provider text, all read from a file; its `check` and `diff` answer at once. The " +
      "floor so holds all that the engine, its SDK and a dynamic provider cost, and none of our rendering and checking.",
    rows: [...measured].flatMap(([name, { resources, cost, logins }]) => [
      { what: `${name}, ${resources} resources: ours`, goal: "", seen: renderSamples(cost.clock.ours, " s") },
      { what: "the floor", goal: "", seen: renderSamples(cost.clock.theirs, " s") },
      {
        what: "**ours less the floor**, pair by pair",
        goal: "0.15 s",
        seen: `**${renderSamples(cost.clock.difference, " s")}**`,
      },
      {
        what: "the same in processor time of all processes",
        goal: "",
        seen: renderSamples(cost.processor.difference, " s"),
      },
      { what: "SSH logins on node 0, all runs together", goal: "0", seen: String(logins) },
    ]),
    notes: [
      "A difference on the clock is what both were beside whatever else the machine did; processor time is not so easily moved.",
    ],
  };
}

/** A refresh in which the engine asked for so many resources at once. */
interface Refresh extends Watched {
  readonly parallel: number;
}

export function changedLineSection(measured: readonly ChangedLine[], refreshes: readonly Refresh[]): Section {
  const span = (values: readonly number[]) => [...new Set(values)].sort((one, other) => one - other).join(", ");
  const [first] = measured;
  const besides = [...new Set(measured.flatMap(({ after }) => Object.keys(after.besides)))];
  return {
    title: "A changed line on its way to node 0",
    intro:
      "The lease time changes in a program with three machines, and `pulumi up` brings it to node 0 over a TCP proxy. " +
      "Round trips are counted by two witnesses: ssh2's own trace in the provider's process, which names each message " +
      "before it is encrypted, and the changes of direction on the wire since the client read USERAUTH_SUCCESS. A round " +
      "trip is something that the client says and then waits for an answer. Then `pulumi refresh` of the same stack, by the same witnesses: with as " +
      "many resources at once as the engine asks for by default on two cores, four for each, and as it does on four.",
    rows: [
      { what: "connections, by the proxy", goal: "1", seen: span(measured.map(({ connections }) => connections)) },
      { what: "logins, by sshd's log", goal: "1", seen: span(measured.map(({ logins }) => logins)) },
      {
        what: "**round trips after authentication**",
        goal: "4",
        seen: `**${span(measured.map(({ after }) => after.roundTrips))}**`,
      },
      {
        what: "times the client sent after the server, on the wire",
        goal: "",
        seen: span(measured.map(({ after }) => after.turnsOnTheWire)),
      },
      {
        what: "messages of the client among these that wait for no answer",
        goal: "",
        seen: besides
          .map((word) => `${word} ${span(measured.map(({ after }) => after.besides[word] ?? 0))}`)
          .join("; "),
      },
      ...refreshes.flatMap(({ parallel, connections, after }) => [
        { what: `a refresh, --parallel ${parallel}: connections, by the proxy`, goal: "1", seen: String(connections) },
        { what: "**round trips after authentication**", goal: "4", seen: `**${after.roundTrips}**` },
      ]),
    ],
    notes: first === undefined ? [] : [`The messages of one run: ${runs(first.after.messages)}.`],
  };
}

/** `> CHANNEL_DATA, > CHANNEL_DATA` → `> CHANNEL_DATA ×2`. */
function runs(messages: readonly string[]): string {
  const counted: { text: string; times: number }[] = [];
  for (const text of messages) {
    const last = counted.at(-1);
    if (last?.text === text) last.times++;
    else counted.push({ text, times: 1 });
  }
  return counted.map(({ text, times }) => `\`${text}\`${times > 1 ? ` ×${times}` : ""}`).join(", ");
}

/** What a machine may take in a state. */
const mostBytes = 1024;

/** Number of NICs → bytes. */
export function stateSection(measured: ReadonlyMap<number, number>): Section {
  return {
    title: "State of an OlaNode",
    intro:
      "From `pulumi stack export`: inputs and outputs as JSON, beside `__provider` (the same text for every resource of a " +
      "kind) and `connection`.",
    rows: [...measured].map(([nics, bytes]) => ({
      what: nics === 1 ? "1 NIC" : `${nics} NICs`,
      goal: `${mostBytes} bytes`,
      seen: `${bytes} bytes${bytes > mostBytes ? `, ${bytes - mostBytes} over the goal` : ""}`,
    })),
    notes: [
      "Each NIC has a host block of its own among the inputs, and its MAC among inputs and outputs, for a machine's arguments are " +
        "its properties ([decision 0016](../decisions/0016-properties-are-the-arguments.md)).",
    ],
  };
}

export function proofSection(measured: readonly FleetProof[]): Section {
  const [first] = measured;
  const seen = (value: (one: FleetProof) => number) => renderSamples(samplesOf(measured.map(value)), "", 1);
  return {
    title: "The proof of a large fleet, on demand",
    intro:
      `\`npx pulumi-netboot verify\` on a stack with one OlaFleet of ${first?.machines} machines with two NICs each, ` +
      `from its start to its table: \`pulumi stack export\`, one connection, ${first?.questions} questions to dhcpd and every file ` +
      "of the chain. Beside it the processor time that dhcpd needed for its answers, of which nobody can take less.",
    rows: [
      { what: "**seconds in all**", goal: "5", seen: `**${seen(({ seconds }) => seconds)}**` },
      { what: "dhcpd's own seconds of a processor", goal: "", seen: seen(({ dhcpdSeconds }) => dhcpdSeconds) },
      {
        what: "all of it by dhcpd's own",
        goal: "",
        seen: seen(({ seconds, dhcpdSeconds }) => seconds / dhcpdSeconds),
      },
    ],
  };
}

/** What is measured of a fleet that grows. */
export interface FleetGrowth {
  readonly added: Contest;
  readonly refreshed: Contest;
  /** The most that the provider's process had in memory, in megabytes. */
  readonly memory: { readonly ours: number; readonly floor: number };
  /** In the state, for each machine. */
  readonly bytes: number;
}

export function growthSection(
  { from, to, nodes }: { readonly from: number; readonly to: number; readonly nodes: number },
  { added, refreshed, memory, bytes }: FleetGrowth,
  ofNodes: { readonly asTheyCome: Contest; readonly allAtOnce: Contest },
): Section {
  const rows = (what: string, { clock }: Contest): readonly Row[] => [
    { what: `${what}: ours`, goal: "", seen: renderSamples(clock.ours, " s") },
    { what: "the floor", goal: "", seen: renderSamples(clock.theirs, " s") },
  ];
  const less = (goal: string, { clock, processor }: Contest): readonly Row[] => [
    { what: "**ours less the floor**, pair by pair", goal, seen: `**${renderSamples(clock.difference, " s")}**` },
    {
      what: "the same in processor time, without node 0's",
      goal: "",
      seen: renderSamples(processor.difference, " s"),
    },
  ];
  const by = (goal: string, { clock }: Contest): Row => ({
    what: "**ours by the floor**, pair by pair",
    goal,
    seen: `**${renderSamples(clock.ratio)}**`,
  });
  return {
    title: "Very many machines at once",
    intro:
      `An OlaFleet of ${from} machines with two NICs each becomes one of ${to} by one \`pulumi up --skip-preview\`: node 0 has them ` +
      "all, and each new machine is proved, by both NICs, as firmware and as iPXE. Then `pulumi refresh` of that stack, which finds " +
      `all as declared; and ${nodes} new resources \`OlaNode\` in one \`up\`, as the engine hands ` +
      "them over by itself and all at once. The floor is that of the first table; here its resources " +
      "change as well, and nothing is done for them.",
    rows: [
      ...rows(`${to - from} machines more, proved`, added),
      ...less("15 s", added),
      ...rows(`a refresh of ${to}, no drift`, refreshed),
      ...less("1 s", refreshed),
      ...rows(`${nodes} OlaNodes more, proved`, ofNodes.asTheyCome),
      by("2", ofNodes.asTheyCome),
      ...rows(`the same with \`--parallel ${nodes}\``, ofNodes.allAtOnce),
      by("2", ofNodes.allAtOnce),
      {
        what: `memory of the provider's process, one machine more of ${to}: ours; the floor`,
        goal: "",
        seen: `${memory.ours.toFixed(0)} MB; ${memory.floor.toFixed(0)} MB`,
      },
      { what: "**ours less the floor**", goal: "120 MB", seen: `**${(memory.ours - memory.floor).toFixed(0)} MB**` },
      { what: "bytes of the state for each machine of the fleet", goal: "100", seen: bytes.toFixed(0) },
    ],
  };
}

export function previewSection(machines: number, { cost, logins }: Previewing): Section {
  const { clock, processor } = cost;
  return {
    title: "A preview of a large fleet",
    intro:
      `\`pulumi preview\` of a program whose OlaFleet has one machine more than the ${machines} of the stack, with two NICs each, in turns ` +
      "with the floor of the first table, whose fleet has the same change.",
    rows: [
      { what: "ours", goal: "", seen: renderSamples(clock.ours, " s") },
      { what: "the floor", goal: "", seen: renderSamples(clock.theirs, " s") },
      {
        what: "**ours less the floor**, pair by pair",
        goal: "0.5 s",
        seen: `**${renderSamples(clock.difference, " s")}**`,
      },
      { what: "the same in processor time", goal: "", seen: renderSamples(processor.difference, " s") },
      { what: "SSH logins on node 0, all runs together", goal: "0", seen: `${logins}` },
    ],
  };
}

export function limitsSection(
  farLink: Comparison,
  { classes, provider }: Readonly<Record<"classes" | "provider", Samples>>,
  hosts: number,
  manyHosts: Comparison,
): Section {
  return {
    title: "Links, loading, and many node 0s",
    intro:
      "Through a proxy that holds each byte back for half of a round trip. What a process needs to load the package is measured in a Node of " +
      `its own that has loaded \`@pulumi/pulumi\` before. All of the ${hosts} node 0s of one stack, and this program, share the cores of one machine here.`,
    rows: [
      { what: "one machine more, a round trip of 100 ms", goal: "", seen: renderSamples(farLink.ours, " s") },
      { what: "the same without", goal: "", seen: renderSamples(farLink.theirs, " s") },
      { what: "**the one less the other**", goal: "0.6 s", seen: `**${renderSamples(farLink.difference, " s")}**` },
      { what: "the classes are loaded", goal: "60 ms", seen: renderSamples(classes, " ms", 0) },
      { what: "the provider is loaded", goal: "60 ms", seen: renderSamples(provider, " ms", 0) },
      {
        what: `one changed line on each of ${hosts} node 0s, a round trip of 300 ms, \`--parallel 300\``,
        goal: "",
        seen: renderSamples(manyHosts.ours, " s"),
      },
      { what: "the same on one of them", goal: "", seen: renderSamples(manyHosts.theirs, " s") },
      { what: "**the one by the other**", goal: "2", seen: `**${renderSamples(manyHosts.ratio)}**` },
    ],
  };
}

const wordsFor: Readonly<Record<string, string>> = {
  TimeServer: "chrony serving time",
  NameServer: "dnsmasq serving names",
  Firewall: "the firewall",
};

export function firstUpSection(
  { first, oneMore, nothing }: FirstUp,
  pyinfra: string,
  parts: readonly string[],
): Section {
  const job = (what: string, goal: string, { ours, theirs, ratio }: FirstUp["first"]): readonly Row[] => [
    { what: `${what}: \`pulumi up\``, goal: "", seen: renderSamples(ours, " s") },
    { what: "the pyinfra deploy", goal: "", seen: renderSamples(theirs, " s") },
    { what: "**ours by pyinfra's**, pair by pair", goal, seen: `**${renderSamples(ratio)}**` },
  ];
  return {
    title: "A first `pulumi up`, beside pyinfra",
    intro:
      `Node 0 with three machines on a pristine Debian with near package mirrors, by \`pulumi up --skip-preview\` and by a ` +
      `deploy of pyinfra ${pyinfra} ([bench/peers/pyinfra](../../bench/peers/pyinfra/deploy.py)) that does the same work ` +
      `(packages, dhcpd.conf, host blocks, four boot files, services${parts.length > 0 ? `; ${parts.map((part) => wordsFor[part] ?? part).join(", ")}` : ""}), ` +
      "in turns, each on a lab of its own. Not the same: pyinfra uploads the boot files, ours has node 0 take two of them out of " +
      "their packages; only ours proves that each machine is served, and can be undone.",
    rows: [
      ...job("first run", "0.7", first),
      ...job("one machine more", "0.7", oneMore),
      ...job("nothing to change", "", nothing),
    ],
  };
}

const scaleWords: Readonly<Record<ScaleJob, { readonly words: string; readonly goal: string }>> = {
  oneMore: { words: "one machine more", goal: "0.7" },
  nothing: { words: "nothing to change", goal: "" },
  preview: { words: "a preview of one machine more, beside a dry run", goal: "1" },
};

/** The picture beside the table. */
export const scalePlotName = "scale.svg";

/** Size by size, ours and each peer's. */
export function scaleSection(
  measured: readonly Scale[],
  versions: { readonly pyinfra: string; readonly ansible: string },
): Section {
  return {
    title: "From three machines to ten thousand, beside pyinfra and Ansible",
    intro:
      "An OlaFleet of machines with two NICs each, `pulumi up --skip-preview` and `pulumi preview`, in turns with a deploy of " +
      `pyinfra ${versions.pyinfra} ([bench/peers/pyinfra](../../bench/peers/pyinfra/deploy.py)) and a playbook of Ansible ` +
      `${versions.ansible} ([bench/peers/ansible](../../bench/peers/ansible/playbook.yml)) that reach the same end state, each on a ` +
      "lab of its own, which has all machines but one when the clock starts. The floor is that of the table above.",
    rows: measured.flatMap(({ machines, jobs, floor }) => {
      const size = machines.toLocaleString("en-US");
      return [
        ...scaleJobs.flatMap((job) => {
          const { pyinfra, ansible } = jobs[job];
          const { words, goal } = scaleWords[job];
          return [
            { what: `${size} machines, ${words}: ours`, goal: "", seen: renderSamples(pyinfra.ours, " s") },
            { what: "pyinfra", goal: "", seen: renderSamples(pyinfra.theirs, " s") },
            { what: "Ansible", goal: "", seen: renderSamples(ansible.theirs, " s") },
            { what: "**ours by pyinfra's**, round by round", goal, seen: `**${renderSamples(pyinfra.ratio)}**` },
            { what: "ours by Ansible's", goal: job === "oneMore" ? "0.33" : "", seen: renderSamples(ansible.ratio) },
          ];
        }),
        {
          what: `${size} machines, nothing to change: ours less the floor`,
          goal: machines < 10_000 ? "0.15 s" : "0.5 s",
          seen: renderSamples(floor.cost.clock.difference, " s"),
        },
      ];
    }),
    notes: [`![Seconds that one machine more takes, by the size of the fleet](${scalePlotName})`],
  };
}

const count = (number: number): string => number.toLocaleString("en-US");

/** All machines come back at once: a node 0 by each of the DHCP daemons, and TFTP. */
export function stormSection(dhcp: readonly DhcpStorm[], tftp: readonly TftpStorm[]): Section {
  const machines = count(dhcp[0]?.machines ?? 0);
  const [first] = tftp;
  return {
    title: "The morning after a power cut",
    intro:
      `perfdhcp on the private segment is ${machines} machines of an OlaFleet, each with its own MAC, that all ask within a second: DISCOVER, ` +
      "and with the offer REQUEST. Who has no address 4 s later asks again, within a second as before, four times in all: so firmware does it " +
      "(EDK2 after 4, 8, 16 s; iPXE after 1, 2, 4 s). Then TFTP clients that fetch a boot file as EDK2 does: blocks of 1468 bytes, asked for " +
      "again after 4 s, six times in all. Node 0's daemons have the processor before whatever else the machine does, and the clients before " +
      "them, so that no answer is lost where no machine would lose it. Of several rounds the best one stands.",
    rows: [...dhcp.flatMap(dhcpRows), ...tftp.flatMap(tftpRows)],
    notes: [
      "What was lost was lost before a daemon read it: by `net.core.rmem_default` (212,992 bytes) the buffer of its socket holds 166 packets of " +
        "1,280 bytes, as the kernel counts them. (perfdhcp speaks as a relay does, and dhcpd's socket then takes in dhcpd's own answers, too.) " +
        "With room for all of them the limit is the processor: one thread of the daemon, and journald, which takes its lines. Of TFTP " +
        "it is the processor, too: a process for each client, and here also the clients' own program, which was busy for " +
        `${first?.processorSeconds.toFixed(1)} of the ${first?.seconds.toFixed(1)} s.`,
    ],
  };
}

function dhcpRows({ daemon, machines, tries, slower, roomy }: DhcpStorm): readonly Row[] {
  const [once] = tries;
  const calm = [once, ...slower].find((wave) => wave !== undefined && lostOf(wave) === 0);
  const slowest = ({ report: { offers, acks } }: Wave): number => Math.max(offers.slowestMs, acks.slowestMs) / 1000;
  const lost = ({ offers, acks }: Wave["report"]): string =>
    `${count(offers.asked - offers.answered)} of ${count(offers.asked)} DISCOVER, ${count(acks.asked - acks.answered)} of ${count(acks.asked)} REQUEST`;
  const perSecond = (wave: Wave): number =>
    (wave.report.offers.answered + wave.report.acks.answered) / (wave.report.offers.asked / wave.rate + slowest(wave));
  const { processor, perfdhcpCores } = roomy;
  return [
    {
      what: `**${daemon}: of ${count(machines)} within a second without an address, try by try**`,
      goal: "0 after the fourth",
      seen: `**${tries.map((wave) => count(leftOf(wave))).join(", ")}**`,
    },
    ...(once === undefined
      ? []
      : [
          { what: "of the first try: lost", goal: "", seen: lost(once.report) },
          { what: "packets for which the daemon's socket had no room", goal: "", seen: count(once.full) },
          { what: "slowest answer", goal: "", seen: `${slowest(once).toFixed(2)} s` },
        ]),
    {
      what: "machines a second of which nothing is lost",
      goal: "",
      seen: calm === undefined ? `less than ${count(slower.at(-1)?.rate ?? 0)}` : count(calm.rate),
    },
    {
      what: `**${daemon} with a buffer of ${roomyBytes / 2 ** 20} MiB, ${count(machines)} within a second: lost**`,
      goal: "0",
      seen: `**${lost(roomy.report)}**`,
    },
    { what: "slowest answer", goal: "4 s", seen: `${slowest(roomy).toFixed(2)} s` },
    { what: "answers in a second", goal: "", seen: count(Math.round(perSecond(roomy))) },
    {
      what: "seconds of a processor: the daemon, journald",
      goal: "",
      seen: `${processor.daemon.toFixed(2)}, ${processor.journald.toFixed(2)}`,
    },
    { what: "cores that perfdhcp kept busy", goal: "", seen: perfdhcpCores.toFixed(1) },
  ];
}

function tftpRows(storm: TftpStorm): readonly Row[] {
  const { clients, whole, bytes, seconds, askedAgain, cameAgain, full, serverSeconds, processorSeconds } = storm;
  return [
    {
      what: `**TFTP: ${count(clients)} clients at once, ${count(bytes)} bytes each: without the file**`,
      goal: "0",
      seen: `**${count(clients - whole)}**`,
    },
    { what: "until the last has it", goal: "", seen: `${seconds.toFixed(1)} s` },
    {
      what: "asked again by a client; sent again by in.tftpd; requests for which its socket had no room",
      goal: "",
      seen: [askedAgain, cameAgain, full].map(count).join("; "),
    },
    {
      what: "seconds of a processor: in.tftpd, the clients",
      goal: "",
      seen: `${serverSeconds.toFixed(1)}, ${processorSeconds.toFixed(1)}`,
    },
  ];
}

/** Size by size, stage by stage. */
export function profileSection(measured: readonly Profiled[]): Section {
  const nameOf = ({ size: { kind, machines } }: Profiled): string =>
    kind === "OlaNode" ? `${machines} OlaNodes` : `OlaFleet of ${machines.toLocaleString("en-US")}`;
  type OfRun = (run: Profiled["runs"][number]) => number;
  const middle = ({ runs }: Profiled, of: OfRun): number => samplesOf(runs.map(of)).median;
  const row = (stage: string, whose: string, cell: (profiled: Profiled) => string) => ({
    stage,
    whose,
    ...Object.fromEntries(measured.map((profiled) => [nameOf(profiled), cell(profiled)])),
  });
  const timed = (stage: string, whose: string, of: OfRun) =>
    row(stage, whose, (profiled) => {
      const share = middle(profiled, (run) => of(run) / run.whole);
      return `${middle(profiled, of).toFixed(0)} ms, ${(100 * share).toFixed(0)} %`;
    });
  const stages = measured[0]?.runs[0]?.stages ?? [];
  const ofStage =
    (index: number): OfRun =>
    (run) =>
      run.stages[index]?.ms ?? Number.NaN;
  const rows = stages.flatMap(({ stage, whose }, index) => {
    const own = timed(stage, whose, ofStage(index));
    return stage === comparing ? [own, timed("of that: ours", "ours", ({ compared }) => compared)] : [own];
  });
  const together = (whose: string, owners: RegExp) =>
    timed(`together: ${whose}`, "", ({ stages: all }) =>
      all.reduce((sum, each) => (owners.test(each.whose) ? sum + each.ms : sum), 0),
    );
  const bytes = (what: string, whose: string, of: (profiled: Profiled) => number) =>
    row(what, whose, (profiled) => `${(of(profiled) / 1000).toFixed(0)} kB`);
  return {
    title: "Where a run's time goes",
    intro:
      "One machine more, by `pulumi up --skip-preview`: a stack of so many resources `OlaNode`, or of one `OlaFleet` of so many " +
      "machines with two NICs each, gets another one. Each process of the run writes down when it comes to what " +
      "([bench/profileTrace.cjs](../../bench/profileTrace.cjs), and of the hands [bench/HandsTrace.pm](../../bench/HandsTrace.pm)), " +
      "all by one clock. What the program, the engine and the provider's process do by turns is shared out by a sample of the program's " +
      "process twice a millisecond: where it waits, the provider works, and where that waits, the engine. The language host is the " +
      "stand-in of [tools/languageHost.mts](../../tools/languageHost.mts), where Pulumi's own is not to be had; that is no program of " +
      "Node's, and starts sooner. Shares count, for others use the machine, too.",
    rows: [
      ...rows,
      row("the rest, for each row is a median by itself", "", (profiled) => {
        const told = stages.reduce((sum, _, index) => sum + middle(profiled, ofStage(index)), 0);
        return `${(middle(profiled, ({ whole }) => whole) - told).toFixed(0)} ms`;
      }),
      together("the engine", /^engine/),
      together("Pulumi's SDK and host, and Node", /^(Pulumi|SDK|Node)/),
      together("ours, here and on node 0", /^ours/),
      together("SSH, node 0's systemd", /^ssh/),
      together("dhcpd", /^dhcpd/),
      row("**the whole run**", "", (profiled) => `**${middle(profiled, ({ whole }) => whole).toFixed(0)} ms**`),
      row("besides, where Pulumi compiles the program (`typescript: true`)", "TypeScript", (profiled) => {
        return `${middle(profiled, ({ compiling }) => compiling).toFixed(0)} ms`;
      }),
      bytes("sent to node 0", "ours, ssh", (profiled) => middle(profiled, ({ sentBytes }) => sentBytes)),
      bytes("received from there", "ours, ssh", (profiled) => middle(profiled, ({ receivedBytes }) => receivedBytes)),
      bytes("inputs of all resources, as JSON", "ours", ({ inputBytes }) => inputBytes),
      bytes("the state's file", "engine", ({ stateBytes }) => stateBytes),
    ],
    notes: [
      "Where several are named, the first has the largest part. What grows with the fleet though the change does not: with a resource " +
        "for each machine it is the engine's part and the SDK's, for each is serialised, registered, checked and compared, one after " +
        "another, whether it changes or not. With one resource for all of them it is ours: the rendering in the program, the plan, and the " +
        "joining, comparing and copying of the files on node 0; the engine handles them as one text. " +
        "The largest things that are ours are the proof (0.3 s of it are a wait, by intention, for the answer of another DHCP server), " +
        "the facts (some thirty programs are asked) and the loading of our code in two processes. " +
        "The largest of all is Node, which starts three times (twice more for the stand-in), and loads the SDK in two processes: a " +
        "folder of one's own in the variable " +
        "`NODE_COMPILE_CACHE` takes a quarter of a second of processor time off each run.",
    ],
  };
}
