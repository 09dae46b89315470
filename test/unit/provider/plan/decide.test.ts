import { describe, expect, it } from "vitest";
import type { Ran } from "../../../../provider/facts/question";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import { whyKeptOut } from "../../../../provider/plan/admission";
import { type Decided, decide, type Step } from "../../../../provider/plan/decide";
import type { Brought, Given } from "../../../../provider/plan/ground";
import { questionsOf } from "../../../../provider/plan/questions";
import type { Held, RegisterEntry } from "../../../../provider/plan/records";
import { firewallCase } from "../../../support/firewallCases";
import { answered, program } from "../formats/program";
import { entry, machine, register, serve, tftpd } from "./registered";
import { changeOf, facts, hostAnswers, put, seenFile, sha256, shownUnits, type Told } from "./told";

// ---- A node 0 that serves, and one more machine for it ----

const dhcpId = "DhcpServer/p/one/dhcp";
const tftpId = "TftpServer/p/one/tftp";
const nodeId = "OlaNode/p/one/a";
const script = "#!ipxe\nchain refind_x64.efi\n";
const config = "# on @interface@\n";

const dhcp = put(
  dhcpId,
  { want: "package", name: "isc-dhcp-server", units: ["isc-dhcp-server.service"] },
  { want: "interface", interface: "name:eno2", address: "192.168.1.1", prefixLength: 28, allowDefaultRoute: false },
  { want: "file", path: "/etc/dhcp/dhcpd.conf", mode: "0644", content: config },
  { want: "unit", name: "isc-dhcp-server.service", restartedBy: ["/etc/dhcp/dhcpd.conf"] },
  { want: "listen", unit: "isc-dhcp-server.service", on: { kind: "packet", interface: "@interface@" } },
  { ...serve({ interface: "@interface@" }) } as Want,
);
const node = put(nodeId, {
  want: "node",
  hostname: "a",
  address: "192.168.1.2",
  macs: ["52:54:00:00:00:01"],
  firmware: "x64",
  proof: true,
  blocks: "",
});
const again: Declaration = put(nodeId, ...node.wants.map((want) => ({ ...want, proof: "2026-11-22" }) as Want));
const rules = ["67", "69", "established"].map((what) => `allow in on @interface@ udp ${what}`);
const firewall = put("Firewall/p/one/firewall", {
  want: "firewall",
  interface: "name:eno2",
  allowDefaultRoute: false,
  rules,
});

const files: readonly RegisterEntry[] = ["ipxe.efi", "refind.pxe", "refind_x64.efi"].map((name) =>
  entry(`BootFile/p/one/${name}`, [{ want: "file", path: `/srv/tftp/${name}`, mode: "0644", sha256: name }]),
);
const serving: readonly RegisterEntry[] = [entry(dhcpId, [serve()]), entry(tftpId, [tftpd]), ...files];

const folder: Told = {
  "tftp.folder": files.map(({ held: [file] }) => {
    const path = file?.want === "file" ? file.path : "";
    return seenFile(path, { sha256: path.replace(/.*\//, "") });
  }),
  "tftp ipxe.efi": seenFile("/srv/tftp/ipxe.efi", { content: answered(program(0x8664)) }),
  "tftp refind.pxe": seenFile("/srv/tftp/refind.pxe", { content: script }),
};
const units = (dhcpd: string, tftp = "active"): Ran =>
  shownUnits({
    "chrony.service": "active",
    "isc-dhcp-server.service": dhcpd,
    "kea-dhcp4-server.service": "inactive",
    "netboot-names.service": "inactive",
    "tftpd-hpa.service": tftp,
  });
const installed = (...names: readonly string[]): Ran => ({
  status: 0,
  said: names.map((name) => `ii \t${name}\t1\t\n`).join(""),
});
const host: Told = {
  ...firewallCase("bookworm-no-firewall-at-all").answers,
  ...folder,
  "units.shown": units("active"),
  "packages.status": installed("isc-dhcp-server", "tftpd-hpa", "chrony"),
};
const closed: Told = { ...host, ...firewallCase("bookworm-nftables").answers };
const limited: Told = { ...host, ...firewallCase("bookworm-a-limit").answers };

interface Situation {
  readonly puts?: readonly Declaration[];
  readonly drops?: readonly string[];
  readonly before?: readonly RegisterEntry[];
  readonly told?: Told;
  readonly more?: Parameters<typeof facts>[2];
  readonly given?: Partial<Given>;
}

function decided({ puts = [node], drops = [], before = serving, told = host, more = {}, given = {} }: Situation): Step {
  const fresh = puts.filter(({ id }) => before.every((each) => each.id !== id)).map(({ id }) => entry(id));
  const after = [...before, ...fresh].filter(({ id }) => !drops.includes(id));
  return decide(
    { change: changeOf(puts, drops), machine: "c0ffee00c0ff", brought: undefined, asked: new Set(), sha256, ...given },
    facts(before, told, { after, ...more }),
  );
}

function transacted(situation: Situation): Decided {
  const step = decided(situation);
  if (step.step !== "transact") throw new Error(`not a transaction: ${JSON.stringify(step)}`);
  return step.decided;
}

function refusal(situation: Situation) {
  const step = decided(situation);
  return step.step === "refuse" ? step.refusal : step.step;
}

/** What is asked for by TFTP, because machines will. */
const filesOfChains = ({ plan }: Decided): readonly string[] =>
  plan.expectations.flatMap((each) => (each.ask === "tftp" && each.chain !== undefined ? [each.name] : []));

const outside = { id: "OlaNode/p/two/o", hostname: "o", address: "192.168.9.9" };
const others = entry("OlaNode/p/two/o", [], [machine("o", { address: "192.168.9.9" })]);

describe("decide", () => {
  it("makes a machine known where everything serves already, without a warning", () => {
    const { plan, firewall: part, warnings, doubts } = transacted({});
    expect({ part, warnings, doubts }).toEqual({ part: undefined, warnings: [], doubts: new Map() });
    expect(plan.records).toEqual([{ id: nodeId, held: [] }]);
    expect(plan.expectations.map(({ ask, id }) => `${ask} ${id}`)).toContain(`dhcp ${dhcpId}`);
    expect(plan.proves).toEqual({ chains: ["x64 ipxe.efi"] });
  });

  it("knows the script that lies on node 0, and asks for what it fetches", () => {
    expect(filesOfChains(transacted({}))).toEqual(["ipxe.efi", "refind.pxe", "refind_x64.efi"]);
  });

  it("knows the script that comes with the change, before the one that lies there", () => {
    const file: Want = {
      want: "file",
      path: "/srv/tftp/refind.pxe",
      mode: "0644",
      content: "#!ipxe\nchain refind.conf\n",
    };
    const told = { ...host, "tftp.folder": [...(folder["tftp.folder"] as []), seenFile("/srv/tftp/refind.conf")] };
    const decision = transacted({ puts: [put("BootFile/p/one/refind.pxe", file), node], told });
    expect(filesOfChains(decision)).toEqual(["ipxe.efi", "refind.pxe", "refind.conf"]);
  });

  it("takes no machine for another one than it was made on", () => {
    expect(refusal({ given: { machine: "badc0de" } })).toEqual({
      code: "OTHER_MACHINE",
      message:
        "this is another machine than the one these resources were made on (machine-id c0ffee00c0ffee00c0ffee00c0ffee00, not " +
        "badc0de…): correct `connection`, or declare a new server for it. If the old machine is gone for good, make all of them " +
        "anew: `pulumi up` with the old one's name in PULUMI_NETBOOT_FORGET, as `connection.host` had it",
    });
    expect(decided({ given: { machine: undefined } }).step).toBe("transact");
  });

  it.each<[string, Situation, object]>([
    [
      "an interface that is not there",
      {
        puts: [
          put(
            dhcpId,
            ...dhcp.wants.map((want) => (want.want === "interface" ? { ...want, interface: "name:eno9" } : want)),
          ),
        ],
      },
      { code: "INTERFACE_UNFIT", id: dhcpId },
    ],
    [
      "an interface of the firewall's that leads outside",
      { puts: [put(firewall.id, { want: "firewall", interface: "name:eno1", allowDefaultRoute: false, rules })] },
      { code: "INTERFACE_UNFIT", id: firewall.id },
    ],
    [
      "a claim that node 0 found",
      { more: { clashes: [{ claim: "the MAC 52:54:00:00:00:01", id: nodeId, other: others.id }] } },
      { code: "CLASH", id: nodeId },
    ],
    [
      "a claim of one file by two stacks",
      {
        puts: [put("BootFile/p/two/x", { want: "file", path: "/srv/tftp/refind.pxe", mode: "0644", content: script })],
      },
      {
        code: "CLASH",
        id: "BootFile/p/two/x",
        message: /^the file \/srv\/tftp\/refind.pxe belongs to BootFile\/p\/one/,
      },
    ],
    ["a machine without a server", { before: [] }, { code: "NOT_SERVING", id: nodeId }],
    [
      "a server that goes with machines left",
      { puts: [], drops: [dhcpId], before: [...serving, others] },
      { code: "IN_USE", id: dhcpId },
    ],
    [
      "a network that leaves others' machines behind",
      { puts: [dhcp], before: [...serving, others], told: { ...host, "machines.outside": [outside] } },
      {
        code: "IN_USE",
        id: dhcpId,
        message: /outside the new network 192\.168\.1\.0\/28: o \(192\.168\.9\.9, OlaNode\/p\/two\/o\)/,
      },
    ],
    [
      "an address in the pool",
      { before: [entry(dhcpId, [serve({ pool: "192.168.1.2-192.168.1.5" })]), ...serving.slice(1)] },
      { code: "CLASH", id: nodeId, message: /^a: 192\.168\.1\.2 lies in the pool/ },
    ],
    [
      "a pool that is too small",
      { puts: [put(nodeId, { ...node.wants[0], address: undefined } as Want)] },
      {
        code: "CLASH",
        id: nodeId,
        message: /, 1 in all, and it has 0: a \(OlaNode/,
      },
    ],
    [
      "a record with a machine's name",
      { puts: [node, put("NameServer/p/one/n", { want: "names", mode: "hosts", records: "192.168.1.9 a\n" })] },
      { code: "CLASH", message: /^the name "a" is a machine's/ },
    ],
    [
      "a name port that somebody holds",
      {
        puts: [put("NameServer/p/one/n", { want: "names", mode: "dnsmasq", address: "192.168.1.1", records: "" })],
        told: {
          ...host,
          "servers.holders": [
            { protocol: "udp", address: "0.0.0.0", port: 53, pid: 9, program: "named", unit: "named.service" },
          ],
        },
      },
      { code: "OCCUPIED", id: "NameServer/p/one/n" },
    ],
  ])("refuses, before anything is brought, %s", (_name, situation, expected) => {
    const told = { ...host, ...situation.told, "packages.status": installed() };
    const { message, ...rest } = expected as { readonly message?: RegExp };
    const refused = refusal({ ...situation, told });
    expect(refused).toMatchObject(rest);
    if (message !== undefined) expect(refused).toMatchObject({ message: expect.stringMatching(message) });
  });

  it("says nothing of pools to a server of an older release, which did not write one down", () => {
    const old = entry(dhcpId, [serve({ unknownMachines: undefined })]);
    const pooled = put(nodeId, { ...node.wants[0], address: undefined } as Want);
    expect(decided({ puts: [pooled], before: [old, ...serving.slice(1)] }).step).toBe("transact");
  });

  it("brings what is missing, and asks again what is another then", () => {
    const told = { ...host, "packages.status": installed("tftpd-hpa") };
    const step = decided({ puts: [dhcp], told });
    expect(step).toMatchObject({ step: "bring", bring: { install: ["isc-dhcp-server"], tell: [dhcpId] } });
    const keys = step.step === "bring" ? Object.keys(step.questions) : [];
    expect(keys).toEqual(expect.arrayContaining(["packages.status", "units.shown"]));
    expect(keys).not.toContain("time.chronyConf");
  });

  const brought = (report: Partial<Brought["report"]>, take: Brought["plan"]["take"] = []): Brought => {
    const step = decided({ puts: [dhcp], told: { ...host, "packages.status": installed("tftpd-hpa") } });
    if (step.step !== "bring") throw new Error("nothing was to be brought");
    return { plan: { ...step.bring, take }, report: { brought: [], taken: [], ...report } };
  };

  it("brings once: what is missing then is a refusal", () => {
    const told = { ...host, "packages.status": installed("tftpd-hpa") };
    const apt = { status: 100, said: "E: no such package\n" };
    expect(refusal({ puts: [dhcp], told, given: { brought: brought({ apt }) } })).toMatchObject({
      code: "PACKAGES_FAILED",
      message: expect.stringContaining("apt could not install isc-dhcp-server:\n  E: no such package"),
    });
    const all = brought({ apt: { status: 0, said: "" }, brought: ["isc-dhcp-server"] });
    expect(decided({ puts: [dhcp], given: { brought: all } }).step).toBe("transact");
  });

  it("asks how files begin that were taken out of packages, and holds them by what they are", () => {
    const taken = { path: "/srv/tftp/ipxe.efi", from: "/var/x/ipxe.efi", sha256: "bb", bytes: 7 };
    const take: Want = { want: "take", path: taken.path, mode: "0644", package: "ipxe", members: ["/boot/ipxe.efi"] };
    const puts = [put("BootFile/p/one/ipxe.efi", take)];
    const plan = [{ id: "BootFile/p/one/ipxe.efi", path: taken.path, package: "ipxe", members: ["/boot/ipxe.efi"] }];
    const given = {
      brought: { ...brought({ taken: [taken] }, plan), plan: { ...brought({}).plan, install: [], take: plan } },
    };
    expect(decided({ puts }).step).toBe("bring");
    const key = "taken /srv/tftp/ipxe.efi";
    expect(decided({ puts, given })).toEqual({
      step: "ask",
      questions: { [key]: { ask: "path", path: "/var/x/ipxe.efi", bytes: 4096 } },
    });
    const asked = new Set([key]);
    const good = { ...host, [key]: seenFile("/var/x/ipxe.efi", { content: answered(program(0x8664)) }) };
    const { sizes, plan: transaction } = transacted({ puts, told: good, given: { ...given, asked } });
    expect([...sizes]).toEqual([["/srv/tftp/ipxe.efi", 7]]);
    expect(transaction.paths).toMatchObject([{ path: taken.path, to: { is: "file", from: taken.from, sha256: "bb" } }]);
    const bad = { ...host, [key]: seenFile("/var/x/ipxe.efi", { content: answered(program(0xaa64)) }) };
    expect(refusal({ puts: [...puts, node], told: bad, given: { ...given, asked } })).toMatchObject({
      code: "NOT_SERVING",
      id: nodeId,
      message: expect.stringContaining("ipxe.efi is a program for arm64"),
    });
  });

  const idle = { ...host, "units.shown": units("inactive") };
  const listening = {
    "dhcp.others": { ask: "others", interface: "eno2", address: "192.168.1.1", seconds: 1.6, told: [dhcpId] },
  };

  it.each<[string, Situation, Step["step"]]>([
    ["listens for other DHCP servers before its own is started", { puts: [dhcp], told: idle }, "ask"],
    ["does not listen where its own runs", { puts: [dhcp] }, "transact"],
    ["does not listen for a machine's sake", { told: idle }, "transact"],
    [
      "does not listen where others are allowed",
      { puts: [put(dhcpId, ...dhcp.wants, { want: "otherServers" })], told: idle },
      "transact",
    ],
    ["listens once", { puts: [dhcp], told: idle, given: { asked: new Set(["dhcp.others"]) } }, "transact"],
  ])("%s", (_name, situation, expected) => {
    const step = decided(situation);
    expect(step.step).toBe(expected);
    if (step.step === "ask") expect(step.questions).toEqual(listening);
  });

  it("takes another node 0 that the program names for known, and refuses a third", () => {
    const [other, third] = [
      { server: "192.168.1.14", hardware: "52:54:00:00:00:14" },
      { server: "192.168.1.9", hardware: "52:54:00:00:00:09" },
    ];
    const puts = [put(dhcpId, ...dhcp.wants, { want: "peers", addresses: ["192.168.1.14"] })];
    const given = { asked: new Set(["dhcp.others"]) };
    expect(decided({ puts, told: { ...idle, "dhcp.others": [other] }, given }).step).toBe("transact");
    expect(refusal({ puts, told: { ...idle, "dhcp.others": [other, third] }, given })).toMatchObject({
      code: "OTHER_DHCP_SERVER",
      message: expect.stringMatching(/^another DHCP server answers on eno2: 192\.168\.1\.9 \(52:54:00:00:00:09\);/),
    });
  });

  it("takes one for known that this run has taken out of the program, until its end", () => {
    const told = { ...idle, "dhcp.others": [{ server: "192.168.1.14", hardware: "52:54:00:00:00:14" }] };
    const given = { asked: new Set(["dhcp.others"]), peers: ["192.168.1.14"] };
    expect(decided({ puts: [dhcp], told, given }).step).toBe("transact");
  });

  it("refuses where another DHCP server answers", () => {
    const told = { ...idle, "dhcp.others": [{ server: "192.168.1.9", hardware: "52:54:00:00:00:09" }] };
    expect(refusal({ puts: [dhcp], told, given: { asked: new Set(["dhcp.others"]) } })).toMatchObject({
      code: "OTHER_DHCP_SERVER",
      id: dhcpId,
      message: expect.stringMatching(/^another DHCP server answers on eno2: 192\.168\.1\.9 \(52:54:00:00:00:09\);/),
    });
  });

  const time = put("TimeServer/p/one/time", { want: "ntp", address: "192.168.1.1" });

  it.each([
    ["has neither", "pool 2.debian.pool.ntp.org iburst\n", false],
    ["comments it out", "#confdir /etc/chrony/conf.d\n", false],
    ["is not there", undefined, false],
    ["includes another folder", "confdir /etc/chrony/other.d\n", false],
    ["reads the folder", "pool x\nconfdir /etc/chrony/conf.d\n", true],
    ["reads several folders", "confdir /run/chrony /etc/chrony/conf.d\n", true],
    ["includes what is in it", "include /etc/chrony/conf.d/*.conf\n", true],
  ])("wants of chrony.conf that it reads the drop-in's folder: one that %s", (_name, content, isRead) => {
    const told = {
      ...host,
      ...(content !== undefined && { "time.chronyConf": seenFile("/etc/chrony/chrony.conf", { content }) }),
    };
    const step = decided({ puts: [time], told });
    expect(step.step).toBe(isRead ? "transact" : "refuse");
    if (step.step !== "refuse") return;
    expect(step.refusal).toEqual({
      code: "CONFIG_REFUSED",
      id: time.id,
      message:
        "/etc/chrony/chrony.conf does not read /etc/chrony/conf.d, as Debian's does; add the line `confdir /etc/chrony/conf.d` to it",
    });
  });

  it("refuses a machine whose files are not there", () => {
    const told = { ...host, "tftp.folder": [] };
    expect(refusal({ told })).toMatchObject({
      code: "NOT_SERVING",
      id: nodeId,
      message: expect.stringMatching(
        /^ipxe\.efi could not be fetched by TFTP from 192\.168\.1\.1: .*; a would not boot$/,
      ),
    });
  });

  it("refuses a machine that a firewall keeps out, on its row", () => {
    expect(refusal({ told: closed })).toEqual({
      code: "NOT_SERVING",
      id: nodeId,
      message: firewallCase("bookworm-nftables").said.replace("kept out: ", ""),
    });
  });

  it("refuses where in.tftpd answers node 0 and no machine: the server itself if it is in the change", () => {
    const wrapped = (content: string): Told => ({ ...host, "peers.deny": seenFile("/etc/hosts.deny", { content }) });
    const message = expect.stringMatching(
      /^in\.tftpd answers no machine of .* by \/etc\/hosts\.deny, line 1 \(ALL: ALL\)/,
    );
    expect(refusal({ told: wrapped("ALL: ALL\n") })).toEqual({ code: "NOT_SERVING", id: nodeId, message });
    const server = put(tftpId, tftpd as Want);
    expect(refusal({ puts: [server], told: wrapped("ALL: ALL\n") })).toEqual({
      code: "NOT_SERVING",
      id: tftpId,
      message,
    });
    expect(transacted({ told: wrapped("ALL: PARANOID\n") }).doubts.get(nodeId)).toMatch(
      /^it can't be told whether in\.tftpd answers/,
    );
  });

  it("writes no file below a file system that is not mounted", () => {
    const said = "Where=/srv\nId=srv.mount\nWantedBy=local-fs.target\nLoadState=loaded\nActiveState=failed\n";
    const told = { ...host, "folder.mounts": { status: 0, said } };
    const boot = put("BootFile/p/one/new", { want: "file", path: "/srv/tftp/new", mode: "0644", content: "x" });
    for (const each of [put(tftpId, tftpd as Want), boot]) {
      expect(refusal({ puts: [each], told })).toEqual({
        code: "NOT_SERVING",
        id: each.id,
        message: expect.stringMatching(
          /^\/srv\/tftp is to be on the file system that srv\.mount mounts on \/srv, and that is failed now: files would go below it\. Mount it/,
        ),
      });
    }
    expect(decided({ told }).step).toBe("transact");
  });

  it("starts in.tftpd anew where it serves a folder that another has taken the place of", () => {
    const tftp = entry(tftpId, [tftpd, { want: "unit", name: "tftpd-hpa.service", restartedBy: [] }]);
    const before = [...serving.filter(({ id }) => id !== tftpId), tftp];
    const stale = (said: string) =>
      transacted({ before, told: { ...host, "folder.view": { status: 0, said } } }).plan.units.map(
        (unit) => unit.isStale,
      );
    expect(stale("1:2\n3:2\n")).toEqual([true]);
    expect(stale("1:2\n1:2\n")).toEqual([false]);
  });

  it("takes the firewall of the same change for open", () => {
    const { firewall: part, warnings, doubts, register: after } = transacted({ puts: [node, firewall], told: closed });
    expect({ warnings, doubts }).toEqual({ warnings: [], doubts: new Map() });
    expect(part?.plan).toMatchObject({ manager: "nftables", differs: true });
    expect(after.after.get(firewall.id)?.held).toContainEqual({ want: "managed", manager: "nftables" });
  });

  it("gives the files of the firewall's their hashes, and asks for its rules last", () => {
    const { plan } = transacted({ puts: [firewall], told: closed });
    const written = plan.paths.flatMap(({ to }) => (to.is === "file" && "content" in to ? [to] : []));
    expect(written.length).toBeGreaterThan(0);
    for (const { content, sha256: sum } of written) expect(sum).toBe(sha256(content));
    expect(plan.expectations.at(-1)).toMatchObject({ ask: "heads", id: firewall.id });
  });

  const elsewhere = put(firewall.id, {
    want: "firewall",
    interface: "name:eno2",
    allowDefaultRoute: false,
    rules: ["allow in on @interface@ udp 67"],
  });
  const settled = [...serving, entry("OlaNode/p/one/b", [], [machine("b", { address: "192.168.1.3" })])];
  const opened = { ...host, ...firewallCase("bookworm-nftables-opened").answers };

  it("refuses to take a firewall's rules away from a chain that was good, and only tells of one that was not", () => {
    const situation = { puts: [elsewhere], before: settled, told: opened };
    const text = firewallCase("bookworm-nftables").said.replace("kept out: ", "");
    expect(refusal({ ...situation, more: { proved: ["x64 ipxe.efi"] } })).toEqual({
      code: "NOT_SERVING",
      message: text,
    });
    const { warnings } = transacted(situation);
    expect(warnings).toEqual([{ id: firewall.id, text: `not proved: ${text}` }]);
  });

  it("refuses that a Firewall goes by which a good chain comes through, and lets go one that nothing needs", () => {
    const rules = entry(firewall.id, [
      {
        want: "firewall",
        interface: "name:eno2",
        allowDefaultRoute: false,
        rules: ["allow in on eno2 udp 67", "allow in on eno2 udp 69", "allow in on eno2 udp established"],
      },
    ]);
    const goes = { puts: [], drops: [firewall.id], before: [...settled, rules], told: opened };
    const good = { proved: ["x64 ipxe.efi"] };
    expect(refusal({ ...goes, more: good })).toEqual({
      code: "NOT_SERVING",
      id: firewall.id,
      message: firewallCase("bookworm-nftables").said.replace("kept out: ", ""),
    });
    expect(refusal(goes)).toBe("transact");
    expect(refusal({ ...goes, told: host, more: good })).toBe("transact");
    expect(refusal({ ...goes, before: [...serving, rules], more: good })).toBe("transact");
  });

  it("warns where it can't tell whether a firewall keeps machines out", () => {
    const text = firewallCase("bookworm-a-limit").said.replace("in doubt: ", "");
    const { warnings, doubts } = transacted({ told: limited });
    expect(warnings).toEqual([{ id: nodeId, text: `not proved: ${text}` }]);
    expect(doubts).toEqual(new Map([[nodeId, text]]));
  });

  it("refuses where it can't tell and was asked for it anew", () => {
    const text = firewallCase("bookworm-a-limit").said.replace("in doubt: ", "");
    expect(refusal({ puts: [again], told: limited })).toEqual({
      code: "NOT_SERVING",
      id: nodeId,
      message: `${text}; with verify.again, what can't be told is an error`,
    });
    expect(decided({ puts: [again] }).step).toBe("transact");
  });

  it("says nothing of a firewall where no machine comes", () => {
    expect(transacted({ puts: [dhcp], told: closed }).warnings).toEqual([]);
  });

  it("can't tell what machines get from a boot server elsewhere", () => {
    const away = [entry(dhcpId, [serve({ bootServer: "192.168.1.9" })]), ...serving.slice(1)];
    const text = "the boot files come from 192.168.1.9, which is not this host";
    const { doubts, warnings } = transacted({ before: away, told: closed });
    expect(doubts).toEqual(new Map([[nodeId, text]]));
    expect(warnings).toEqual([{ id: nodeId, text: `not proved: ${text}` }]);
    expect(refusal({ puts: [again], before: away })).toMatchObject({
      code: "NOT_SERVING",
      message: `${text}; with verify.again, what can't be told is an error`,
    });
  });

  it("refuses machines that are sent to this host where nobody serves files", () => {
    const alone = [entry(dhcpId, [serve()])];
    expect(refusal({ before: alone })).toEqual({
      code: "NOT_SERVING",
      id: nodeId,
      message:
        "nobody serves TFTP on 192.168.1.1, where DHCP sends machines for refind.pxe; declare a TftpServer there " +
        "(a NetbootServer has one) and let the node depend on it, or say bootServer if the files are elsewhere",
    });
    const withMachine = [...alone, entry("OlaNode/p/two/b", [], [machine("b")])];
    expect(refusal({ puts: [dhcp], before: withMachine })).toMatchObject({ id: dhcpId });
    expect(decided({ puts: [dhcp], before: alone }).step).toBe("transact");
    // A TFTP server of ours on another address does not help.
    const other = entry(tftpId, [{ ...tftpd, address: "192.168.1.2" } as typeof tftpd]);
    expect(refusal({ before: [...alone, other] })).toMatchObject({ id: nodeId });
  });

  it("asks a TFTP server of somebody else's on this host, and does not know what the script fetches from it", () => {
    const held = { protocol: "udp", address: "0.0.0.0", port: 69, pid: 9, program: "uftpd" };
    const done = transacted({ before: [entry(dhcpId, [serve()])], told: { ...host, "servers.holders": [held] } });
    expect(filesOfChains(done)).toEqual(["ipxe.efi", "refind.pxe"]);
    expect(done.doubts.get(nodeId)).toMatch(
      /^what refind\.pxe fetches from 192\.168\.1\.1 is not known here; declare a TftpServer/,
    );
  });

  it("judges no files that it has not asked for, in a change that can't touch them", () => {
    const { "tftp.folder": _, ...told } = host;
    expect(transacted({ puts: [put("Packages/p/one/all")], told }).warnings).toEqual([]);
    expect(Object.keys(questionsOf(changeOf([], [nodeId])))).toContain("tftp.folder");
    expect(Object.keys(questionsOf(changeOf([put("Packages/p/one/all")], [])))).not.toContain("tftp.folder");
  });

  it("lets go whatever else is wrong", () => {
    const told = { ...closed, "tftp.folder": [], "units.shown": units("failed", "failed") };
    expect(decided({ puts: [], drops: serving.map(({ id }) => id), told }).step).toBe("transact");
  });

  it("warns of files that nobody serves now, on their row", () => {
    const file: Want = { want: "file", path: "/srv/tftp/extra", mode: "0644", content: "x" };
    const puts = [put("BootFile/p/one/extra", file)];
    const text = "not proved: tftpd-hpa.service does not run; `pulumi up --refresh` starts it";
    const stopped = { ...host, "units.shown": units("active", "inactive") };
    expect(transacted({ puts, told: stopped }).warnings).toEqual([{ id: "BootFile/p/one/extra", text }]);
    expect(transacted({ puts }).warnings).toEqual([]);
    const same = { ...stopped, "look /srv/tftp/extra": seenFile("/srv/tftp/extra", { sha256: sha256("x") }) };
    expect(transacted({ puts, told: same }).warnings).toEqual([]);
  });

  it("tells that what somebody wrote into dhcpd.conf comes into force with the machine", () => {
    const key = "look /etc/dhcp/dhcpd.conf";
    const conf: Held = { want: "file", path: "/etc/dhcp/dhcpd.conf", mode: "0644", sha256: sha256(config) };
    const before = [entry(dhcpId, [serve(), conf]), ...serving.slice(1)];
    const edited = { ...host, [key]: seenFile(conf.path, { sha256: sha256("edited") }) };
    const text = expect.stringMatching(/^\/etc\/dhcp\/dhcpd\.conf was changed by hand .* in force from then on\./);
    expect(transacted({ before, told: edited }).warnings).toEqual([{ id: nodeId, text }]);
    const gone = transacted({
      puts: [],
      drops: [nodeId],
      before: [...before, entry(nodeId)],
      told: edited,
    });
    expect(gone.warnings).toEqual([{ id: nodeId, text }]);
    // What goes without a machine has nothing read anew.
    const file = "BootFile/p/one/x";
    expect(transacted({ puts: [], drops: [file], before: [...before, entry(file)], told: edited }).warnings).toEqual(
      [],
    );
    // The server's own change overwrites it, and tells that.
    expect(transacted({ puts: [dhcp], before, told: edited }).warnings).toEqual([]);
    const same = { ...host, [key]: seenFile(conf.path, { sha256: sha256(config) }) };
    expect(transacted({ before, told: same }).warnings).toEqual([]);
    expect(Object.keys(questionsOf(changeOf([node])))).toContain(key);
  });

  it.each(["inactive", "failed"])(
    "does not begin with a machine where the TFTP server is %s and nothing here starts it",
    (state) => {
      const told = { ...host, "units.shown": units("active", state) };
      expect(refusal({ told })).toMatchObject({
        code: "NOT_SERVING",
        id: nodeId,
        message: expect.stringMatching(
          /^its firmware would ask 192\.168\.1\.1 for ipxe\.efi by TFTP, and get no answer: tftpd-hpa\.service does not (run|come up); `/,
        ),
      });
      const unproved = put(nodeId, ...node.wants.map((want) => ({ ...want, proof: false }) as Want));
      expect(decided({ puts: [unproved], told }).step).toBe("transact");
    },
  );

  it("warns of machines of its own stack that a moved network leaves behind", () => {
    const own = { ...outside, id: "OlaNode/p/one/o" };
    const before = [...serving, entry(own.id, [], [machine("o", { address: "192.168.9.9" })])];
    const { warnings } = transacted({ puts: [dhcp], before, told: { ...host, "machines.outside": [own] } });
    expect(warnings).toMatchObject([{ id: dhcpId, text: expect.stringContaining("o (192.168.9.9, OlaNode/p/one/o)") }]);
  });

  it("puts the interface's name where texts say @interface@", () => {
    const { plan, register: after } = transacted({ puts: [dhcp] });
    expect(plan.paths).toMatchObject([{ to: { content: "# on eno2\n", sha256: sha256("# on eno2\n") } }]);
    expect(after.after.get(dhcpId)?.held).toContainEqual(serve());
  });
});

describe("whyKeptOut", () => {
  it("says nothing where nothing is served, and does not know where files come from elsewhere", () => {
    const answers = hostAnswers(closed);
    expect(whyKeptOut(register([...serving]), answers, undefined)?.all).toMatchObject({ sure: true });
    expect(whyKeptOut(register([entry(tftpId, [tftpd])]), answers, undefined)).toBeUndefined();
    const away = entry(dhcpId, [serve({ bootServer: "192.168.1.9" })]);
    expect(whyKeptOut(register([away, entry(tftpId, [tftpd])]), answers, undefined)?.all?.sure).toBe(false);
  });

  it.each([
    ["the kernel's", {}, true],
    [
      "the server's own",
      { "admitted.defaults": seenFile("/x", { content: 'TFTP_OPTIONS="--port-range 40000:40009"\n' }) },
      false,
    ],
    ["another range of the kernel's", { "admitted.ports": seenFile("/x", { content: "40000\t40009\n" }) }, false],
  ])("looks whether acknowledgements come in to the ports from which files are sent: %s", (_name, told, isKeptOut) => {
    const json = JSON.stringify({
      nftables: [
        { table: { family: "inet", name: "mine", handle: 1 } },
        {
          chain: {
            family: "inet",
            table: "mine",
            name: "input",
            handle: 1,
            type: "filter",
            hook: "input",
            prio: 0,
            policy: "drop",
          },
        },
        ...[69, { range: [40_000, 40_009] }].map((right, at) => ({
          rule: {
            family: "inet",
            table: "mine",
            chain: "input",
            handle: at + 2,
            expr: [
              { match: { op: "==", left: { payload: { protocol: "udp", field: "dport" } }, right } },
              { accept: null },
            ],
          },
        })),
      ],
    });
    const text =
      "table inet mine { # handle 1\n\tchain input { # handle 1\n\t\ttype filter hook input priority filter; policy drop;\n" +
      "\t\tudp dport 69 accept # handle 2\n\t\tudp dport 40000-40009 accept # handle 3\n\t}\n}\n";
    const answers = hostAnswers({
      ...host,
      "nftables.tables": { status: 0, said: "inet mine\n" },
      "nftables.text": { status: 0, said: text },
      "nftables.json": { status: 0, said: json },
      ...told,
    });
    expect(whyKeptOut(register([...serving]), answers, undefined)?.all !== undefined).toBe(isKeptOut);
  });
});
