import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { vi } from "vitest";
import { runCommand } from "../../../../provider/cli/commands";
import { findingsOf, renderFindings } from "../../../../provider/cli/doctor";
import {
  askWhether,
  chooseDrill,
  type Drilled,
  drillSays,
  renderDrilled,
  whyNotSilent,
} from "../../../../provider/cli/drill";
import { drawLastBoot, renderHistory } from "../../../../provider/cli/history";
import { renderImported, whyNotWhole } from "../../../../provider/cli/import";
import { machinesNamed } from "../../../../provider/cli/machinesNamed";
import { renderPlans } from "../../../../provider/cli/plan";
import { connectionOf, type Step } from "../../../../provider/cli/preview";
import { clearRecords, lostRecords, renderOthers, renderRecords } from "../../../../provider/cli/records";
import type { Verified } from "../../../../provider/cli/verify";
import { renderError } from "../../../../provider/errors";
import type { Imported } from "../../../../provider/plan/importing";
import { planSilence, whyNotDone } from "../../../../provider/plan/silence";
import { closeHosts } from "../../../../provider/ssh/pool";
import { hidden } from "../../../../provider/values/hidden";
import { hands, type Say } from "../../../support/playedNode0";
import { bare, hostKey, makeFolder, startServer, userKey } from "../../../support/sshServer";
import { facts, shownUnits } from "../plan/told";
import type { Said, Situation } from "./situation";

const byName = ({ machine }: Verified): [string] => [machine];
const id = (kind: string, name: string): string => `${kind}/shop/prod/${name}`;

/** A resource as `pulumi stack export` has it. */
const resource = (kind: string, name: string, more: object = {}): object => ({
  type: `pulumi-nodejs:dynamic/netboot:${kind}`,
  urn: `urn:pulumi:prod::shop::pulumi-nodejs:dynamic/netboot:${kind}::${name}`,
  id: id(kind, name),
  inputs: {},
  outputs: {
    connection: { host: "node0.example", privateKey: userKey.private, hostKey: bare(hostKey.public) },
    __generation: "aaaaaaaa00000001",
    ...more,
  },
});

interface Around {
  readonly state?: readonly object[];
  /** What `pulumi` says, in the place of a state. */
  readonly pulumi?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly play?: (say: Say, turn: number) => void;
  readonly isTerminal?: boolean;
}

/** What somebody types, and reads. */
function typed(what: string, argv: readonly string[], around: Around = {}): Situation {
  const said = async () => {
    const folder = makeFolder();
    const server = around.play === undefined ? undefined : await startServer({ exec: hands(around.play) });
    const export_ = JSON.stringify({ deployment: { resources: around.state ?? [] } });
    const files: Readonly<Record<string, string>> = {
      "state.json": export_,
      ...(around.pulumi !== "" && { "bin/pulumi": `#!/bin/sh\n${around.pulumi ?? `/bin/cat ${folder}/state.json`}\n` }),
      ".ssh/known_hosts": `[127.0.0.1]:${server?.port} ${hostKey.public}\n`,
      ".ssh/id_ed25519": userKey.private,
      ".ssh/config": `Host node0.example\nHostName 127.0.0.1\nPort ${server?.port ?? 1}\n`,
      "bin/none": "",
      ...around.files,
    };
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), text, { mode: 0o755 });
    }
    vi.stubEnv("HOME", folder);
    vi.stubEnv("PATH", join(folder, "bin"));
    const lines: string[] = [];
    const put = (words: unknown): void => void lines.push(String(words));
    const [log, error] = [vi.spyOn(console, "log"), vi.spyOn(console, "error")];
    for (const each of [log, error]) each.mockImplementation(put);
    const { isTTY } = process.stdout;
    const { isTTY: isAsked } = process.stdin;
    process.stdout.isTTY = process.stdin.isTTY = around.isTerminal === true;
    try {
      await runCommand(argv.map((word) => word.replace("FOLDER", folder)));
    } catch (thrown) {
      put(renderError(thrown));
    } finally {
      process.stdout.isTTY = isTTY;
      process.stdin.isTTY = isAsked;
      for (const each of [log, error]) each.mockRestore();
      vi.unstubAllEnvs();
      await closeHosts();
    }
    const shown = lines.join("\n").replaceAll(folder, "/home/me").replaceAll("127.0.0.1:1", "192.0.2.7:22");
    return `$ pulumi-netboot ${argv.join(" ").replace("FOLDER", "/home/me")}\n${shown}`;
  };
  return { what, said };
}

async function thrown(act: () => unknown): Promise<string> {
  try {
    await act();
  } catch (error) {
    return renderError(error);
  }
  throw new Error("it did not fail");
}

const throwing = (what: string, act: () => unknown): Situation => ({ what, said: () => thrown(act) });

const machineId = "0123456789abcdef0123456789abcdef";
const begins = (say: Say, turn: number, more: () => void = () => {}): void => {
  if (turn > 0) return;
  say("machineId", { text: machineId });
  more();
  say("asked");
};
/** A node 0 with a record of one stack. */
const holding = (say: Say, turn: number): void =>
  begins(say, turn, () =>
    say("entry", { id: id("OlaNode", "db-1"), generation: "aaaaaaaa00000001", head: "", machines: 1 }),
  );

const commands: readonly Situation[] = [
  typed("help", ["--help"]),
  typed("a word that is no command", ["verfiy"]),
  typed("an option that is none", ["verify", "--jsn"]),
  typed("an option without its value", ["plan", "--stack"]),
  typed("a value for an option that has none", ["plan", "--json=yes"]),
  typed("a word too many", ["doctor", "db-1"]),
  typed("a folder that is not there", ["view", "--output", "/nope/fleet.html"]),
  typed("a folder that is a file", ["view", "--output", "package.json/a/fleet.html"]),
  typed("no time", ["history", "--since", "yesterday"], { state: [resource("OlaNode", "db-1")] }),
  typed("a page at a terminal", ["view"], { isTerminal: true }),
  typed("no pulumi", ["verify"], { pulumi: "" }),
  typed("no stack", ["verify"], { pulumi: "echo 'error: no stack selected' >&2; exit 255" }),
  typed("a stack without resources of ours", ["doctor"]),
  typed("a stack without machines", ["verify"], { state: [resource("DhcpServer", "node0")] }),
  typed("a program that is refused", ["plan"], { pulumi: "echo 'error: TypeError: x is undefined' >&2; exit 255" }),
  typed("nothing to do", ["plan"], { pulumi: "echo '{}'" }),
  typed("a plan outside of a project", ["plan"], {
    pulumi: "echo 'error: no Pulumi.yaml project file found' >&2; exit 255",
  }),
  typed("import without a host", ["import"]),
  typed("a port that is none", ["import", "--host", "node0.example", "--port", "ssh"]),
  typed("import into a project", ["import", "--host", "node0.example", "--output", "FOLDER"], {
    files: { "Pulumi.yaml": "name: a\n" },
  }),
];

const verified = (count: number): readonly Verified[] =>
  Array.from({ length: count }, (_, at) => ({
    ...{ host: "node0.example", resource: id("OlaFleet", "rack"), machine: `db-${at}`, served: false },
    seen: "no answer by DHCP",
  }));

const unanswered = (kind: string, ...machines: readonly string[]): readonly Verified[] =>
  machines.map((machine) => ({
    ...{ host: "node0.example", resource: id(kind, kind === "OlaNode" ? machine : "rack"), machine, served: false },
    seen: `the firmware of ${machine} (52:54:00:00:00:0${machine.at(-1)}) asked by DHCP and got no answer, for isc-dhcp-server.service does not run; \`pulumi up --refresh\` starts it`,
  }));

const looks: readonly Situation[] = [
  typed("an OlaNode that is gone", ["verify"], {
    state: [resource("OlaNode", "db-1")],
    play: (say, turn) => begins(say, turn),
  }),
  throwing("a machine that the stack has not", () => machinesNamed(["db-10"], verified(3), byName)),
  throwing("a pattern that no machine has", () => machinesNamed(["web-*"], verified(3), byName)),
  throwing("a machine that is none of many", () => machinesNamed(["mail"], verified(30), byName)),
  typed("a TimeServer that is gone, and a transaction that was cut short", ["doctor"], {
    state: [resource("TimeServer", "node0", { interface: "name:eno2", address: "192.168.1.1/28", config: "" })],
    play: (say, turn) =>
      begins(say, turn, () =>
        say("seen", {
          ...{ key: "journal.text", path: "/var/lib/pulumi-netboot/journal", type: "file" },
          content: "undo file /etc/dhcp/dhcpd.conf\nundo absent /srv/tftp/ipxe.efi\n",
        }),
      ),
  }),
  typed("a node 0 that is off", ["doctor"], {
    state: [
      resource("OlaNode", "db-1", {
        connection: { host: "node0.example", privateKey: userKey.private, dialErrorLimit: 0 },
      }),
    ],
  }),
  { what: "a whole fleet that is not served", said: renderFindings(findingsOf("node0.example", [], verified(10))) },
  {
    what: "more machines than a screen takes, each with another fault",
    said: renderFindings(
      findingsOf(
        "node0.example",
        [],
        verified(12).map((each) => ({ ...each, seen: `was offered the address of ${each.machine}` })),
      ),
    ),
  },
  {
    what: "machines that somebody took out of node 0, or changed there",
    said: renderFindings(
      findingsOf(
        "node0.example",
        [
          ...["db-1", "db-2"].map((what) => ({
            ...{ id: id("OlaNode", what), kind: "OlaNode" },
            drift: { what, how: "missing", seen: "" } as const,
          })),
          {
            ...{ id: id("OlaNode", "db-3"), kind: "OlaNode" },
            drift: { what: "db-3", how: "changed", seen: "" } as const,
          },
          {
            ...{ id: id("OlaNode", "db-4"), kind: "OlaNode" },
            drift: { what: "db-4", how: "changed", seen: "" } as const,
          },
        ],
        [],
      ),
    ),
  },
  {
    what: "a server that does not run, and the machines of two resources that suffer from it",
    said: renderFindings(
      findingsOf(
        "node0.example",
        [
          {
            ...{ id: id("DhcpServer", "node0-dhcp"), kind: "DhcpServer" },
            drift: { what: "isc-dhcp-server.service", how: "stopped", seen: "inactive (dead)" },
          },
        ],
        [...unanswered("OlaFleet", "db-1", "db-2"), ...unanswered("OlaNode", "web-1")],
      ),
    ),
  },
  { what: "all is well", said: renderFindings([]) },
  {
    what: "nobody booted",
    said: renderHistory({ since: 1_764_000_000, machines: [], boots: [], gaps: [] }, false),
  },
  {
    what: "a machine that did not boot",
    said: renderHistory({ since: 1_764_000_000, machines: ["db-1"], boots: [], gaps: [] }, false),
  },
  throwing("a picture of a machine that did not boot", () =>
    drawLastBoot({ since: 1_764_000_000, machines: ["db-1"], boots: [], gaps: [] }, "db-1"),
  ),
  throwing("a picture of a machine that nobody knows", () =>
    drawLastBoot({ since: 1_764_000_000, machines: ["db-1"], boots: [], gaps: [] }, "mail"),
  ),
];

const step = (connection: object): Step => ({
  ...{ how: "put", kind: "OlaNode", urn: "urn:pulumi:prod::shop::OlaNode::db-1", id: id("OlaNode", "db-1") },
  ...{ inputs: { connection }, outputs: {}, dependencies: [], secretBefore: [] },
});
const nothingAsked = {
  ...{ sockets: [], machines: [], standing: [], files: [], names: [], time: [] },
  ...{ stranger: false, others: false, firewall: false },
};
const plans: readonly Situation[] = [
  throwing("a connection that the up makes", () =>
    connectionOf(step({ host: "04da6b54-80e4-46f7-96ec-b56ff0331ba9" }), async () => []),
  ),
  throwing("a connection with a new secret", () =>
    connectionOf(step({ host: "node0.example", privateKey: "[secret]" }), async () => []),
  ),
  {
    what: "nothing but records",
    said: renderPlans([
      {
        ...{ host: "node0.example", refused: [], notPlanned: [] },
        plan: { files: [], machines: [], renamed: [], units: [], asked: nothingAsked, warnings: [] },
      },
    ]),
  },
  {
    what: "a restart of one of two that hear each other",
    said: renderPlans([
      {
        ...{ host: "node0.example", refused: [], notPlanned: [] },
        plan: {
          ...{ files: [], machines: [], renamed: [], asked: nothingAsked, warnings: [] },
          units: [{ unit: "kea-dhcp4-server.service", how: "reads anew" }],
          ...{ dhcpIsSilentForSeconds: 0.1, hasPartner: true },
        },
      },
    ]),
  },
  {
    what: "a resource that is renamed",
    said: renderPlans([
      {
        ...{ host: "node0.example", refused: [], notPlanned: [] },
        plan: {
          ...{ files: [], machines: [], units: [], asked: nothingAsked, warnings: [] },
          renamed: [{ id: id("OlaNode", "db-1"), from: id("OlaNode", "db-1"), to: id("OlaNode", "database-1") }],
        },
      },
    ]),
  },
  {
    what: "a plan of which a part is refused",
    said: renderPlans([
      {
        host: "node0.example",
        refused: [
          { code: "OCCUPIED", resource: id("DhcpServer", "node0"), message: "dnsmasq has port 67" },
          ...["node0-artifacts-ipxe.efi", "node0-artifacts-refind.conf"].map((name) => {
            const message = "a stack that is named shop/prod has this resource here";
            return { code: "CLASH", resource: id("BootFile", name), message };
          }),
        ],
        notPlanned: [{ resource: id("OlaNode", "db-1"), why: "waits for node0" }],
      },
    ]),
  },
];

const record = (name: string, isKnown: boolean) => ({
  ...{ id: id("OlaNode", name), as: id("OlaNode", name), generation: "aaaaaaaa00000001", machines: 1, isKnown },
});
const ofStack = (stack: string, records: readonly ReturnType<typeof record>[], isOwn: boolean) => ({
  host: "node0.example",
  stacks: [{ stack, key: `${stack}#aaaaaaaa`, label: stack, records, written: 1_764_000_000, isOwn }],
  connection: { host: "node0.example" },
  machine: "0123456789ab",
});
const own = ofStack("shop/prod", [record("db-1", true), record("db-2", false)], true);
const lost = ofStack(
  "shop/prod",
  Array.from({ length: 8 }, (_, at) => record(`db-${at}`, false)),
  true,
);
const emptied = ofStack("shop/prod", [{ ...record("db-1", false), machines: 0 }], true);
const theirs = ofStack("shop/old", [record("web-1", false)], false);

const records: readonly Situation[] = [
  { what: "no records", said: renderRecords([{ host: "node0.example", stacks: [] }]) },
  { what: "records of this stack and another one", said: renderRecords([own, theirs]) },
  { what: "records that the state has lost", said: renderFindings(lostRecords(lost)) },
  { what: "a lost record without its machine", said: renderFindings(lostRecords(emptied)) },
  { what: "other stacks, as doctor tells of them", said: renderOthers([theirs]).join("\n").trim() },
  throwing("clear what is not there", () => clearRecords([theirs], "shop/dev", async () => true)),
  throwing("clear where nothing is", () => clearRecords([], "shop/dev", async () => true)),
  throwing("clear what the state has", () =>
    clearRecords([ofStack("shop/prod", [record("db-1", true)], true)], "shop/prod", async () => true),
  ),
  typed("clear, and nobody is there to be asked", ["records", "--host", "node0.example", "--clear", "shop/prod"], {
    play: holding,
  }),
  typed("clear, and somebody says no", ["records", "--host", "node0.example", "--clear", "shop/prod"], {
    play: holding,
    isTerminal: true,
  }),
];

const imports: readonly Situation[] = [
  typed("import of a node 0 of ours", ["import", "--host", "node0.example", "--output", "FOLDER/new"], {
    play: holding,
  }),
  typed("import from hands that say nothing", ["import", "--host", "node0.example", "--output", "FOLDER/new"], {
    play: (say) => say("end"),
  }),
  {
    what: "import with something left to do",
    said: renderImported({
      folder: "/home/me/node0",
      files: ["Pulumi.yaml", "index.ts"],
      imported: {
        before: [{ command: "systemctl disable --now dnsmasq", why: "it has port 67" }],
        notes: [{ text: whyNotWhole("/srv/tftp", "linux.efi") }],
      } as unknown as Imported,
    }),
  },
];

const drillRow = (machine: string, host: string, wrong?: string) => ({
  ...{ host, resource: `OlaNode/shop/prod/${machine}`, machine, served: wrong === undefined },
  seen: wrong ?? "served: 192.168.1.3, ipxe.efi, then refind.pxe (1 MAC)",
});
const drilled: Drilled = {
  silent: { name: "node0-a", host: "a.example", seconds: 58 },
  machines: [drillRow("db-1", "b.example")],
  after: [drillRow("db-1", "a.example")],
};
const silenced = (dhcpd: string, tftpd: string): Said => {
  const states = {
    "isc-dhcp-server.service": dhcpd,
    "kea-dhcp4-server.service": "inactive",
    "tftpd-hpa.service": tftpd,
  };
  const planned = planSilence(facts([], { "silence.units": shownUnits(states) }));
  return "code" in planned ? planned : planned.join(" ");
};
const paired = (name: string, host: string, is?: "first" | "second", names = ["node0-a", "node0-b"]) => ({
  ...{ kind: "OlaNode", urn: `urn:pulumi:prod::shop::x::${name}`, id: `OlaNode/shop/prod/${name}`, outputs: {} },
  ...{ connection: { host }, inputs: is === undefined ? {} : { [hidden.pair]: { is, names } } },
});
const two = [paired("db-1", "a.example", "first"), paired("db-1@node0-b", "b.example", "second")];
const others = [
  paired("web-1", "c.example", "first", ["node0-c", "node0-d"]),
  paired("web-1@node0-d", "d.example", "second", ["node0-c", "node0-d"]),
];

const asking = { name: "node0-a", address: "a.example", seconds: 60, machines: 3 };

const drills: readonly Situation[] = [
  throwing("a drill without two node 0s", () => chooseDrill([paired("db-1", "a.example")], undefined)),
  throwing("a drill of a node 0 that is none of two", () => chooseDrill(two, "node0-x")),
  throwing("a drill where there are several pairs", () => chooseDrill([...two, ...others], undefined)),
  throwing("a drill of a node 0 that has machines alone", () =>
    chooseDrill([...two, ...Array.from({ length: 8 }, (_, at) => paired(`web-${at}`, "a.example"))], undefined),
  ),
  {
    what: "a drill where the other node 0 lacks a machine, and does not serve another",
    said: whyNotSilent(
      "node0-a",
      [drillRow("db-1", "a.example"), drillRow("db-2", "a.example")],
      [drillRow("db-1", "b.example", "the firmware of db-1 (52:54:00:00:00:01) asked by DHCP and got no answer")],
    ),
  },
  { what: "what is asked before a drill", said: askWhether({ ...asking, strangers: [] }) },
  {
    what: "what is asked before a drill where other stacks have machines",
    said: askWhether({ ...asking, machines: 1, strangers: theirs.stacks }),
  },
  { what: "a drill that nobody wants", said: drillSays.notBegun },
  { what: "a drill of a node 0 whose TFTP server is down", said: silenced("active", "inactive") },
  { what: "a drill of a node 0 that does not serve", said: silenced("failed", "inactive") },
  {
    what: "a second drill",
    said: whyNotDone("Failed to start transient timer unit: Unit pulumi-netboot-drill.timer was already loaded.\n"),
  },
  { what: "a drill that systemd refuses", said: whyNotDone("Failed to stop tftpd-hpa.service: Operation refused\n") },
  {
    what: "a drill, while it goes on",
    said: [
      drillSays.silent("node0-a", ["isc-dhcp-server.service", "tftpd-hpa.service"]),
      drillSays.asked("node0-a"),
      drillSays.notWoken("node0-a", 60),
    ].join("\n"),
  },
  { what: "a drill, at its end", said: renderDrilled(drilled) },
  {
    what: "a drill after which a machine is not served",
    said: renderDrilled({ ...drilled, after: [drillRow("db-1", "a.example", "there is no DHCP server on this host")] }),
  },
];

/** All that `npx pulumi-netboot` says, by the golden file. */
export const cliSituations: Readonly<Record<string, readonly Situation[]>> = {
  "cliCommands.txt": commands,
  "cliLooks.txt": looks,
  "cliPlans.txt": plans,
  "cliRecords.txt": records,
  "cliDrill.txt": drills,
  "cliImport.txt": imports,
};
