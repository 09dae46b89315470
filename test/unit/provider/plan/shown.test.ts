import { describe, expect, it } from "vitest";
import { packagesFact } from "../../../../provider/facts/packages";
import type { HostAnswers, Ran, Seen } from "../../../../provider/facts/question";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import { asIfBrought, broughtInPlan } from "../../../../provider/plan/asIfBrought";
import type { Decided } from "../../../../provider/plan/decide";
import type { Facts } from "../../../../provider/plan/facts";
import type { BringPlan } from "../../../../provider/plan/packages";
import type { Expectation, JoinPlan, PathPlan, Plan } from "../../../../provider/plan/plan";
import type { Machine } from "../../../../provider/plan/records";
import { changesSomething, type Planned, questionsOfPlan, showPlan } from "../../../../provider/plan/shown";
import { renderShownPlan } from "../../../../provider/plan/shownText";
import { entry, machine, register } from "./registered";
import { noPlan, sha256 } from "./told";

/** What node 0 says: programs and paths by their keys, and which joined files are as the register has them. */
function answers(
  ran: Readonly<Record<string, Ran>> = {},
  paths: Readonly<Record<string, Seen>> = {},
  joined: Readonly<Record<string, "same" | "missing" | "changed">> = {},
  lacks: readonly { readonly id: string; readonly hostname: string; readonly how: "missing" | "changed" }[] = [],
): HostAnswers {
  const none = () => undefined;
  return {
    ran: (key) => ran[key],
    path: (key) => paths[key],
    joined: (key) => (joined[key] === undefined ? undefined : { how: joined[key], lacks }),
    ...{ ranFor: none, folder: none, holders: none, packetSockets: none },
    ...{ machines: none, others: none, boots: none, recorded: none, roster: none },
  };
}

function facts(said: HostAnswers): Facts {
  const { before, after, clashes } = register([]);
  return { machineId: "m", recovered: false, before, after, clashes, proved: [], names: [], answers: said };
}

function file(path: string, content: string, more: Partial<Seen> = {}): Readonly<Record<string, Seen>> {
  const plain = { mode: "0644", uid: 0, gid: 0, mtime: 1, ctime: 1, bytes: content.length } as const;
  return { [`look ${path}`]: { path, type: "file", ...plain, content, sha256: sha256(content), ...more } };
}

const running = (...states: readonly string[]): Ran => ({
  status: 0,
  said: states.map((state) => `ActiveState=${state}\n`).join("\n"),
});

function decided(plan: Partial<Plan>, more: Partial<Decided> = {}): Decided {
  return {
    plan: { ...noPlan, ...plan },
    firewall: undefined,
    heads: undefined,
    broken: [],
    after: { giveBack: [], returning: [], purge: [], unmask: [], taken: [] },
    register: register([]),
    sizes: new Map(),
    warnings: [],
    doubts: new Map(),
    ...more,
  };
}

function planned(plan: Partial<Plan>, said: HostAnswers, more: Partial<Planned> = {}): Planned {
  return {
    change: { puts: new Map(), drops: new Map() },
    decided: decided(plan),
    facts: facts(said),
    bring: undefined,
    machinesBefore: new Map(),
    originals: new Map(),
    hidden: new Map(),
    ...more,
  };
}

function path(name: string, content: string | Uint8Array, more: Partial<PathPlan> = {}): PathPlan {
  const sum = sha256(content);
  const to = { is: "file", mode: "0644", content, sha256: sum } as const;
  return { path: name, id: "BootFile/p/s/f", to, isOurs: false, had: true, ...more };
}

const nodeOf = ({ hostname, address, macs, firmware, loader, proof, blocks }: Machine): Want => ({
  want: "node",
  ...{ hostname, address, macs, firmware, loader, proof, blocks },
});

const fleet = (...machines: readonly Machine[]): ReadonlyMap<string, Declaration> =>
  new Map([["OlaFleet/p/s/rack", { id: "OlaFleet/p/s/rack", generation: "1", wants: machines.map(nodeOf) }]]);

describe("showPlan", () => {
  it("shows a file's lines that differ from what is on the host, and leaves out what is as it should be", () => {
    const said = answers({}, { ...file("/srv/tftp/refind.conf", "timeout 1\n"), ...file("/srv/tftp/same", "x\n") });
    const { files } = showPlan(
      planned({ paths: [path("/srv/tftp/refind.conf", "timeout 3\n"), path("/srv/tftp/same", "x\n")] }, said),
    );
    expect(files).toEqual([
      {
        path: "/srv/tftp/refind.conf",
        id: "BootFile/p/s/f",
        how: "changes",
        diff: "@@ -1 +1 @@\n-timeout 1\n+timeout 3\n",
        notes: [],
      },
    ]);
  });

  it("says of a file that it was there, that somebody changed it, or that only its mode differs", () => {
    const notesOf = (more: Partial<PathPlan>, seen: Partial<Seen> = {}, content = "b\n") =>
      showPlan(planned({ paths: [path("/etc/a", content, more)] }, answers({}, file("/etc/a", "a\n", seen)))).files[0]
        ?.notes;
    expect(notesOf({ had: false })).toEqual(["it was there before us; it is kept, and comes back on destroy"]);
    expect(notesOf({ recorded: "other" })).toEqual(["somebody changed it since the last run; that is kept beside"]);
    expect(notesOf({}, { mode: "0600", uid: 7 }, "a\n")).toEqual(["mode 0600 of 7:0 becomes 0644 of 0:0"]);
  });

  it("shows what is no text by its hashes", () => {
    const bytes = new Uint8Array([0x4d, 0x5a, 0xff, 0]);
    const said = answers({}, file("/srv/tftp/ipxe.efi", "MZ\0"));
    const [shown] = showPlan(planned({ paths: [path("/srv/tftp/ipxe.efi", bytes)] }, said)).files;
    expect(shown?.diff).toBeUndefined();
    expect(shown?.sha256).toEqual({ before: sha256("MZ\0"), after: sha256(bytes) });
  });

  it("shows nothing of a secret, neither what comes nor what is there", () => {
    const said = answers({}, file("/etc/dhcp/dhcpd.conf", "key hunter2\n"));
    const hidden = new Map([["/etc/dhcp/dhcpd.conf", "a secret, which is not shown"]]);
    const shown = showPlan(planned({ paths: [path("/etc/dhcp/dhcpd.conf", "key hunter3\n")] }, said, { hidden }));
    expect(shown.files[0]?.notes).toEqual(["a secret, which is not shown"]);
    expect(JSON.stringify(shown)).not.toMatch(/hunter/);
  });

  const hosts: JoinPlan = {
    path: "/etc/dhcp/netboot/hosts.conf",
    id: "DhcpServer/p/s/d",
    is: "file",
    of: "blocks",
    ...{ before: "", after: "", domain: "", had: true, domainBefore: "", afterBefore: "" },
  };
  const dhcpd = {
    ...{ unit: "isc-dhcp-server.service", id: "DhcpServer/p/s/d", isPut: false, isStale: false, had: true },
    ...{ restartedBy: ["/etc/dhcp/netboot/hosts.conf"], reloadedBy: [] },
  } as const;

  it("names the machines that come, go and change, and the restart that follows", () => {
    const [m1, m2, m3] = ["m1", "m2", "m3"].map((name) => machine(name, { macs: [name], blocks: `host ${name}` })) as [
      Machine,
      Machine,
      Machine,
    ];
    const moved = { ...m2, address: "192.168.1.9", blocks: "host m2 at 9" };
    const said = answers(
      { "units.shown": running("inactive", "active") },
      {},
      { "plan.joined /etc/dhcp/netboot/hosts.conf": "same" },
    );
    const more = {
      change: { puts: fleet(m1, moved), drops: new Map() },
      machinesBefore: new Map([["OlaFleet/p/s/rack", [m2, m3]]]),
    };
    const shown = showPlan(planned({ joins: [hosts], units: [dhcpd] }, said, more));
    expect(shown.machines.map(({ hostname, how }) => `${hostname} ${how}`)).toEqual([
      "m1 comes",
      "m2 changes",
      "m3 goes",
    ]);
    expect(shown.files.map((each) => each.path)).toEqual(["/etc/dhcp/netboot/hosts.conf"]);
    expect(shown.units).toEqual([{ unit: "isc-dhcp-server.service", how: "restarts" }]);
    expect(shown.dhcpIsSilentForSeconds).toBe(0.1);
    const large = register([{ ...entry("OlaFleet/p/s/rack"), machines: 10_000 }]);
    const ofMany = planned({ joins: [hosts], units: [dhcpd] }, said, more);
    const silence = showPlan({ ...ofMany, decided: { ...ofMany.decided, register: large } }).dhcpIsSilentForSeconds;
    expect(silence).toBe(0.2);

    const same = showPlan(
      planned({ joins: [hosts], units: [dhcpd] }, said, { ...more, change: { puts: fleet(m2, m3), drops: new Map() } }),
    );
    expect([same.machines, same.files, same.units, same.dhcpIsSilentForSeconds]).toEqual([[], [], [], undefined]);
    expect(changesSomething(same)).toBe(false);
  });

  it("tells a machine that another resource declares now, and one of which only the comment is another", () => {
    const [m1, m2] = ["m1", "m2"].map((name) => machine(name, { macs: [name], blocks: `# a\nhost ${name}` })) as [
      Machine,
      Machine,
    ];
    const said = answers({}, {}, { "plan.joined /etc/dhcp/netboot/hosts.conf": "changed" });
    const shown = showPlan(
      planned({ joins: [hosts] }, said, {
        change: { puts: fleet(m1, { ...m2, blocks: "# b\nhost m2" }), drops: new Map() },
        machinesBefore: new Map([
          ["OlaNode/p/s/m1", [m1]],
          ["OlaFleet/p/s/rack", [m2]],
        ]),
      }),
    );
    expect(renderShownPlan(shown)).toContain(`machines:
  ~ m1  declared by OlaNode/p/s/m1 until now, and told the same by DHCP  (OlaFleet/p/s/rack)
  ~ m2  its comment  (OlaFleet/p/s/rack)`);
  });

  it("tells machines whose lines somebody changed, or took out, and asks for them afterwards", () => {
    const machines = ["m1", "m2", "m3"].map((name) => machine(name, { macs: [name], blocks: `host ${name}` }));
    const id = "OlaFleet/p/s/rack";
    const proof: Expectation = {
      ...{ ask: "dhcp", id: "DhcpServer/p/s/dhcp", interface: "eno2", next: "192.168.1.1", script: "refind.pxe" },
      ...{ loaders: {}, puts: [id], every: false, stands: [], stranger: true, othersAllowed: false },
    };
    const said = answers({}, {}, { "plan.joined /etc/dhcp/netboot/hosts.conf": "changed" }, [
      { id, hostname: "m2", how: "changed" },
      { id, hostname: "m3", how: "missing" },
    ]);
    const shown = showPlan(
      planned({ joins: [hosts], expectations: [proof] }, said, {
        change: { puts: fleet(...machines), drops: new Map() },
        machinesBefore: new Map([[id, machines]]),
      }),
    );
    expect(renderShownPlan(shown)).toContain(`machines:
  ~ m2  somebody changed it on node 0; it is put back as declared  (${id})
  ~ m3  somebody took it out on node 0; it is put back as declared  (${id})`);
    expect(shown.asked.machines).toEqual(["m1", "m2", "m3"]);
  });

  it("writes the names anew where a machine has another one, or another address", () => {
    const names: JoinPlan = { ...hosts, path: "/etc/netboot-names/hosts", id: "NameServer/p/s/n", of: "names" };
    const said = answers({}, {}, { "plan.joined /etc/netboot-names/hosts": "same" });
    const was = machine("m1", { blocks: "host m1" });
    const filesFor = (next: Machine) =>
      showPlan(
        planned({ joins: [names] }, said, {
          change: { puts: fleet(next), drops: new Map() },
          machinesBefore: new Map([["OlaFleet/p/s/rack", [was]]]),
        }),
      ).files.map(({ path: of }) => of);
    expect(filesFor({ ...was, hostname: "m2", blocks: "host m2" })).toEqual([names.path]);
    expect(filesFor({ ...was, address: "192.168.1.9", blocks: "host m1 at 9" })).toEqual([names.path]);
    expect(filesFor({ ...was, loader: "snponly.efi", blocks: "host m1 by snponly" })).toEqual([]);
  });

  it("tells a machine that is renamed as one, and the record that has another name from now on", () => {
    const [id, to] = ["OlaNode/p/s/db-1", "OlaNode/p/s/database-1"];
    const [was, is] = ["db-1", "database-1"].map((name) => machine(name, { blocks: `host ${name}` }));
    if (was === undefined || is === undefined) throw new Error("no machines");
    const renamed = (next: Machine): string => {
      const put: Declaration = { id, generation: "1", wants: [nodeOf(next), { want: "named", as: to }] };
      const before = register([entry(id, [], [was])]);
      const more = {
        change: { puts: new Map([[id, put]]), drops: new Map() },
        facts: { ...facts(answers()), before: before.before },
        machinesBefore: new Map([[id, [was]]]),
      };
      return renderShownPlan(showPlan(planned({}, answers(), more)));
    };
    const record = `records:\n  ${id} is called ${to} from now on; what node 0 has of it stays`;
    expect(renamed(is)).toBe(`machines:\n  ~ database-1  host name db-1 → database-1  (${id})\n${record}`);
    expect(renamed(was)).toBe(record);
    expect(renamed(machine("other", { macs: ["52:54:00:00:00:99"] }))).toContain("  - db-1 ");
  });

  it("starts what should run and does not, without a silence", () => {
    const said = answers(
      { "units.shown": running("inactive", "inactive") },
      {},
      { "plan.joined /etc/dhcp/netboot/hosts.conf": "same" },
    );
    const shown = showPlan(planned({ joins: [hosts], units: [{ ...dhcpd, isPut: true }] }, said));
    expect(shown.units).toEqual([{ unit: "isc-dhcp-server.service", how: "starts" }]);
    expect(shown.dhcpIsSilentForSeconds).toBeUndefined();
  });

  it("tells only those questions that will be asked", () => {
    const tftp = { ask: "tftp", id: "BootFile/p/s/f", address: "192.168.1.1" } as const;
    const expectations = [
      { ...tftp, name: "a", if: ["/srv/tftp/a"] },
      { ...tftp, name: "b", if: ["/srv/tftp/b"] },
      { ...tftp, name: "c", if: ["/srv/tftp/*"] },
      { ...tftp, name: "d" },
    ];
    const shown = showPlan(planned({ paths: [path("/srv/tftp/a", "a\n")], expectations }, answers()));
    expect(shown.asked.files).toEqual(["a", "c", "d"]);
  });
});

const bring: BringPlan = {
  install: ["chrony", "isc-dhcp-server"],
  tell: [],
  masks: [{ path: "/etc/systemd/system/isc-dhcp-server.service", early: "", package: "isc-dhcp-server", hides: [] }],
  configured: [],
  standIns: ["chrony"],
  rows: [
    {
      standIn: "chrony",
      package: "systemd-timesyncd",
      version: "1",
      unit: "systemd-timesyncd.service",
      fileState: "enabled",
      activeState: "active",
    },
  ],
  keep: [],
  fetch: [],
  listen: [],
  take: [{ id: "BootFile/p/s/f", path: "/srv/tftp/ipxe.efi", package: "ipxe", members: ["/usr/lib/ipxe/ipxe.efi"] }],
  freshSeconds: 3600,
};

describe("packages in a plan", () => {
  it("are told with what apt would bring along", () => {
    const apt =
      "Remv systemd-timesyncd [252]\nInst chrony (4.3 Debian)\nInst libirs (9 Debian)\nInst isc-dhcp-server (4.4 Debian)\nConf chrony (4.3 Debian)\n";
    const shown = showPlan(planned({}, answers({ "plan.apt": { status: 0, said: apt } }), { bring }));
    expect(shown.packages).toMatchObject({ along: { install: ["libirs"], remove: ["systemd-timesyncd"] } });
    const refused = showPlan(
      planned({}, answers({ "plan.apt": { status: 100, said: "E: Unable to locate package chrony" } }), { bring }),
    );
    expect(refused.packages).not.toHaveProperty("along");
  });

  it("are asked of apt so that it writes nothing", () => {
    const question = questionsOfPlan(decided({}), bring, [])["plan.apt"];
    expect(question).toMatchObject({
      ask: "run",
      argv: expect.arrayContaining(["-s", "Dir::Cache::pkgcache=", "chrony"]),
    });
    expect(questionsOfPlan(decided({}), undefined, [])).toEqual({});
  });

  it("count as installed for the rest, with what Debian has in them", () => {
    const status = { status: 0, said: "un \tchrony\t\t\nii \tnftables\t1\t\n" };
    const as = asIfBrought(facts(answers({ "packages.status": status })), bring);
    const packages = packagesFact.read(as.answers);
    expect(["chrony", "isc-dhcp-server", "nftables", "ntp"].map(packages.installed)).toEqual([true, true, true, false]);
    expect(as.answers.path("time.chronyConf")?.content).toMatch(/^confdir/);
    expect(broughtInPlan(bring).report.taken).toEqual([
      { path: "/srv/tftp/ipxe.efi", from: "/var/lib/pulumi-netboot/taking/ipxe/usr/lib/ipxe/ipxe.efi" },
    ]);
  });
});

describe("a file out of a package, in a plan", () => {
  const ipxe = "/srv/tftp/ipxe.efi";
  const take: BringPlan = { ...bring, install: [] };
  const paths = [path(ipxe, "", { had: false, to: { is: "file", mode: "0644", from: "/x", sha256: "" } })];
  const version = "1.0.0+git-2019-5.1";
  const known: Readonly<Record<string, Ran>> = {
    "packages.status": { status: 0, said: `ii \tipxe\t${version}\t\n` },
    "plan.wouldFetch ipxe": {
      status: 0,
      said: `'http://mirror/ipxe_1.0.0%2bgit-2019-5.1_all.deb' ipxe_${version}_all.deb 1171912 SHA256:49dc\n`,
    },
    "plan.altered ipxe": { status: 0, said: "missing     /usr/share/doc/ipxe/README\n" },
    "plan.sums ipxe": { status: 1, said: `${sha256("new")}  /usr/lib/ipxe/ipxe.efi\nsha256sum: /x: No such file\n` },
  };
  const shown = (there: string, more: Readonly<Record<string, Ran>> = {}): string => {
    const said = answers({ ...known, ...more }, file(ipxe, there));
    return renderShownPlan(showPlan(planned({ paths }, said, { bring: take })));
  };
  const kept = "it was there before us; it is kept, and comes back on destroy";
  const short = (text: string): string => `${sha256(text).slice(0, 10)}…`;

  it("is told with the hash that it will have, where that very version is installed", () => {
    expect(shown("old")).toMatch(`~ ${ipxe}  (sha256 ${short("old")} → ${short("new")}; out of its package; ${kept})`);
  });

  it("is left out where it stays as it is, byte for byte", () => {
    expect(shown("new")).not.toContain(`~ ${ipxe}`);
  });

  it.each<[string, Readonly<Record<string, Ran>>]>([
    ["nothing of it is installed", { "packages.status": { status: 0, said: "un \tipxe\t\t\n" } }],
    ["apt would fetch another version", { "packages.status": { status: 0, said: "ii \tipxe\t1.0.0\t\n" } }],
    ["apt knows of none", { "plan.wouldFetch ipxe": { status: 100, said: "E: Unable to locate package ipxe" } }],
    ["somebody changed its files", { "plan.altered ipxe": { status: 1, said: "??5??????   /boot/ipxe.efi\n" } }],
  ])("has a hash that nobody knows yet, where %s", (_, more) => {
    expect(shown("new", more)).toContain(
      `~ ${ipxe}  (sha256 ${short("new")} → ?; out of its package, whose hash is known once it is fetched: it stays as it is if that is the same; ${kept})`,
    );
  });

  it("is asked about so that nothing is fetched, unless it is no package's", () => {
    const questions = questionsOfPlan(decided({}), take, []);
    expect(questions["plan.wouldFetch ipxe"]).toMatchObject({
      argv: expect.arrayContaining(["--print-uris", "Dir::Cache::pkgcache="]),
    });
    const local = { ...take, take: take.take.map((each) => ({ ...each, package: "/home/me/ipxe.efi" })) };
    expect(questionsOfPlan(decided({}), local, [])).toEqual({});
  });
});

describe("renderShownPlan", () => {
  const asked = {
    sockets: [{ unit: "tftpd-hpa.service", on: ["udp 192.168.1.1 69"] }],
    ...{ machines: ["m1", "m2"], standing: ["db"], stranger: true, others: true },
    ...{ files: ["ipxe.efi"], names: ["m1"], time: ["192.168.1.1"], firewall: true },
  };
  const words = { address: "192.168.1.4", macs: "52:54:00:00:00:04", firmware: "x64", loader: "the loader of all" };

  it("of a first up", async () => {
    const apt = "Inst chrony (4.3 Debian)\nInst libirs (9 Debian)\nInst isc-dhcp-server (4.4 Debian)\n";
    const taken = path("/srv/tftp/ipxe.efi", "", { to: { is: "file", mode: "0644", from: "/x", sha256: "" } });
    const said = answers({ "plan.apt": { status: 0, said: apt } });
    const shown = showPlan(planned({ paths: [path("/etc/dhcp/dhcpd.conf", "a\nb\n"), taken] }, said, { bring }));
    const firewall = {
      manager: "nftables",
      chains: ["the chain inet filter input"],
      commands: [],
      ...{ comes: ["allow in on eno2 udp 67"], goes: [], isChanged: true },
    };
    await expect(`${renderShownPlan({ ...shown, firewall, asked })}\n`).toMatchFileSnapshot(
      "../../../golden/plan/first.txt",
    );
  });

  it("of a change", async () => {
    const shown = showPlan(
      planned(
        { paths: [path("/srv/tftp/refind.conf", "timeout 3\n")] },
        answers({}, file("/srv/tftp/refind.conf", "timeout 1\n")),
      ),
    );
    const machines = [
      { hostname: "m1", id: "OlaFleet/p/s/rack", how: "comes", after: words },
      {
        hostname: "m2",
        id: "OlaFleet/p/s/rack",
        how: "changes",
        before: words,
        after: { ...words, address: "192.168.1.6" },
      },
      { hostname: "m3", id: "OlaFleet/p/s/rack", how: "goes", before: words },
    ] as const;
    const text = renderShownPlan({
      ...shown,
      ...{ machines, asked, dhcpIsSilentForSeconds: 0.1 },
      units: [{ unit: "isc-dhcp-server.service", how: "restarts" }],
      firewall: { manager: "ufw", chains: [], commands: [], comes: [], goes: [], isChanged: false },
      warnings: [{ id: "OlaNode/p/s/m1", text: "not proved: a rule\nof somebody's" }],
    });
    await expect(`${text}\n`).toMatchFileSnapshot("../../../golden/plan/change.txt");
  });

  it("of what goes", async () => {
    const released = (name: string): PathPlan => ({ ...path(name, ""), to: { is: "original" } });
    const after = {
      ...{ giveBack: [], purge: [], unmask: [], taken: [] },
      returning: [{ standIn: "chrony", package: "systemd-timesyncd", version: "1", unit: "u", fileState: "enabled" }],
    };
    const plan = {
      ...noPlan,
      paths: [released("/etc/dhcp/dhcpd.conf"), released("/srv/tftp/ipxe.efi")],
      stops: [{ unit: "tftpd-hpa.service" }],
    };
    const originals = new Map([["/etc/dhcp/dhcpd.conf", "the file that was there before us"]]);
    const shown = showPlan(planned({}, answers(), { decided: decided(plan, { after }), originals }));
    await expect(`${renderShownPlan(shown)}\n`).toMatchFileSnapshot("../../../golden/plan/destroy.txt");
  });

  it("names some of a long list", () => {
    const names = Array.from({ length: 40 }, (_, at) => `m${at}`);
    const shown = showPlan(planned({}, answers()));
    expect(renderShownPlan({ ...shown, asked: { ...shown.asked, machines: names } })).toMatch(/m11 and 28 more$/);
  });
});
