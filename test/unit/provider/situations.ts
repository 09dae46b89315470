import { whyNotAdmitted } from "../../../provider/admitted/whyNotAdmitted";
import { whyServerRefuses } from "../../../provider/admitted/whyServerRefuses";
import { whyNotStarted } from "../../../provider/conversation/notStarted";
import type { Holder, Seen } from "../../../provider/facts/question";
import { servers } from "../../../provider/facts/servers";
import { tftpPeers } from "../../../provider/facts/tftpPeers";
import type { Unit } from "../../../provider/facts/units";
import { type Drift, renderDrift } from "../../../provider/kinds/drift";
import type { Declaration, Want } from "../../../provider/kinds/want";
import { isBootServerHere, whyFilesAreUnknown, whyNobodyGivesFiles } from "../../../provider/plan/bootServer";
import { whyChainsBreak } from "../../../provider/plan/chains";
import { whyNotAsDeclared, whyStartedOtherwise } from "../../../provider/plan/daemons";
import { decide } from "../../../provider/plan/decide";
import { whyBootPartsStay, whyNoServer, whyServerStays } from "../../../provider/plan/dependants";
import { whyDhcpConfStays } from "../../../provider/plan/dhcpConf";
import { driftOf } from "../../../provider/plan/drift";
import { whyFilesAreNotProved, whyStopped } from "../../../provider/plan/expectations";
import { planFirewall } from "../../../provider/plan/firewall";
import { whyNotMounted } from "../../../provider/plan/folder";
import { ailmentsOf } from "../../../provider/plan/health";
import { fitFirewallInterface, fitNetworkInterface, type Interfaces } from "../../../provider/plan/interfaces";
import { whyRecordsContradict } from "../../../provider/plan/nameRecords";
import { warnOfMovedNetwork, whyNetworkStays } from "../../../provider/plan/network";
import { whyOccupied } from "../../../provider/plan/occupied";
import { renderDifference, renderFailure, renderUndone, whyInvalid, whyWrong } from "../../../provider/plan/outcome";
import { refuseClash, warnOfTaken, whyNotOurs, whyOtherRecord } from "../../../provider/plan/ownership";
import { type BringPlan, refuseBring, renderBrought, renderPurged, warnOfApt } from "../../../provider/plan/packages";
import type { DhcpExpectation, Expectation } from "../../../provider/plan/plan";
import { whyAddressesArePooled, whyPoolIsTooSmall } from "../../../provider/plan/pool";
import { ancestorKey } from "../../../provider/plan/questions";
import type { Held } from "../../../provider/plan/records";
import type { Refusal } from "../../../provider/plan/refusal";
import { whyTftpFolderIsSomebodys } from "../../../provider/plan/tftpAncestors";
import { type FileUse, type InFolder, whyNotServed } from "../../../provider/plan/tftpFolder";
import {
  refuseGivenBack,
  refuseTimeDaemon,
  renderRemaining,
  whyClockIsNotOurs,
} from "../../../provider/plan/timeDaemon";
import { factsOf, firewallCase, firewallCaseNames, labPath } from "../../support/firewallCases";
import { packageCase } from "../../support/packageCases";
import { answered, program } from "./formats/program";
import { entry, machine, placed, register, serve, tftpd } from "./plan/registered";
import { changeOf, facts, hostAnswers, noPlan, put, seenFile, sha256, shownUnits, type Told } from "./plan/told";
import { changeSituations } from "./situations/changes";
import { cliSituations } from "./situations/cli";
import { sdkSituations } from "./situations/sdk";
import type { Situation } from "./situations/situation";
import { sshSituations } from "./situations/ssh";

const dhcpId = "DhcpServer/p/one/dhcp";
const tftpId = "TftpServer/p/one/tftp";
const nic: Held = {
  want: "interface",
  interface: "name:eno2",
  address: "192.168.1.1",
  prefixLength: 28,
  allowDefaultRoute: false,
};
const dhcp = entry(dhcpId, [nic, serve()]);
const tftp = entry(tftpId, [tftpd]);
const node = entry("OlaNode/p/one/db-1", [], [machine("db-1")]);
const others = [entry("OlaNode/p/two/web-1", [], [machine("web-1", { address: "192.168.1.3" })])];
const theirs = others[0]?.id ?? "";

const link = (name: string, mac: string, addresses: readonly string[], master?: string) => ({
  ...{ name, mac: `52:54:00:00:00:0${mac}`, addresses, master, isVrf: false },
});
const host: Interfaces = {
  links: [
    link("eno1", "1", ["203.0.113.7/24"]),
    link("eno2", "2", ["192.168.1.1/28"]),
    link("eno3", "3", ["192.168.3.1/28"], "br0"),
    link("eno4", "4", []),
  ],
  defaultRoutes: ["eno1"],
};

const served: readonly Situation[] = [
  ...[
    ["an interface that is not there", "name:eno9", "192.168.1.1"],
    ["an interface without its address", "name:eno4", "192.168.1.1"],
    ["an interface with another address", "name:eno2", "192.168.1.5"],
    ["the public side", "name:eno1", "203.0.113.7"],
    ["a member of a bridge", "name:eno3", "192.168.3.1"],
  ].map(([what = "", wanted = "", address = ""]) => {
    const prefixLength = address.startsWith("203") ? 24 : 28;
    const want = { want: "interface", interface: wanted, address, prefixLength, allowDefaultRoute: false } as const;
    return { what, said: refusalOf(fitNetworkInterface(dhcpId, want, host)) };
  }),
  {
    what: "a firewall on the public side",
    said: refusalOf(
      fitFirewallInterface("Firewall/p/one/f", { interface: "name:eno1", allowDefaultRoute: false }, host),
    ),
  },
];

function refusalOf(fit: { readonly refusal: Refusal } | { readonly name: string }): Refusal | undefined {
  return "refusal" in fit ? fit.refusal : undefined;
}

const holder = (port: number, programName: string, more: Partial<Holder> = {}): Holder => ({
  ...{ protocol: "udp", address: "0.0.0.0", port, pid: 7, program: programName, unit: `${programName}.service` },
  ...more,
});

function occupied(id: string, told: Told): Refusal | undefined {
  const all = register([
    dhcp,
    tftp,
    entry("TimeServer/p/one/time", [nic, { want: "ntp", address: "192.168.1.1" }]),
    entry("NameServer/p/one/names", [nic, { want: "names", mode: "dnsmasq", address: "192.168.1.1", records: "" }]),
  ]);
  return whyOccupied(all, changeOf([put(id)]).puts, host, servers.read(hostAnswers(told)));
}

/** What `systemctl show` says of a server that a boot starts. */
function enabled(name: string): Told {
  const question = servers.questions["servers.units"];
  const asked = question?.ask === "run" ? question.argv.slice(question.argv.indexOf("--") + 1) : [];
  const said = asked.map((unit) =>
    unit === name
      ? `Id=${unit}\nLoadState=loaded\nActiveState=inactive\nWantedBy=multi-user.target\n`
      : `Id=${unit}\nLoadState=not-found\n`,
  );
  return { "servers.units": { status: 0, said: said.join("\n") } };
}

const runningDhcpd = new Map([
  ["isc-dhcp-server.service", { activeState: "active", unitFileState: "enabled" } as Unit],
]);
const puttingDhcp: Declaration = { id: dhcpId, generation: "1", wants: [serve() as Want] };
const puttingTftp = put(tftpId, { want: "tftpd", address: "192.168.1.1", directory: "/srv/tftp" });
const puttingTime = (allowed: boolean): readonly Declaration[] => [
  {
    id: "TimeServer/p/one/time",
    generation: "1",
    wants: [
      {
        want: "standIn",
        package: "chrony",
        usual: ["systemd-timesyncd"],
        others: ["ntp", "ntpsec", "openntpd"],
        allowed,
      },
      { want: "ntp", address: "192.168.1.1" },
    ],
  },
];

const inTheWay: readonly Situation[] = [
  { what: "another DHCP server on node 0", said: occupied(dhcpId, { "servers.holders": [holder(67, "dnsmasq")] }) },
  { what: "another TFTP server on node 0", said: occupied(tftpId, { "servers.holders": [holder(69, "atftpd")] }) },
  {
    what: "another time server on node 0",
    said: occupied("TimeServer/p/one/time", { "servers.holders": [holder(123, "gpsd")] }),
  },
  {
    what: "systemd-resolved, whose listener an administrator opened, or BIND",
    said: occupied("NameServer/p/one/names", { "servers.holders": [holder(53, "named")] }),
  },
  {
    what: "dnsmasq has DHCP in its file, which it has not read yet",
    said: occupied(dhcpId, {
      ...enabled("dnsmasq.service"),
      "servers.dnsmasq": { status: 0, said: "/etc/dnsmasq.d/lan.conf:dhcp-range=192.168.1.9,192.168.1.14\n" },
    }),
  },
  { what: "atftpd would start at the next boot", said: occupied(tftpId, enabled("atftpd.service")) },
  {
    what: "a dhcpd.conf that serves other networks too",
    said: whyDhcpConfStays(
      changeOf([puttingDhcp]),
      register([]),
      runningDhcpd,
      'include "/etc/dhcp/more.conf";\nsubnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.2; }\n',
    ),
  },
  {
    what: "a drop-in that starts in.tftpd otherwise",
    said: whyStartedOtherwise(
      changeOf([
        put(
          tftpId,
          {
            want: "file",
            path: "/etc/systemd/system/tftpd-hpa.service",
            mode: "0644",
            content: "[Service]\nExecStart=/usr/sbin/in.tftpd --foreground /srv/tftp\n",
          },
          { want: "unit", name: "tftpd-hpa.service", restartedBy: [] },
        ),
      ]),
      hostAnswers({
        "daemons.overrides": {
          status: 0,
          said: "/etc/systemd/system/tftpd-hpa.service.d/override.conf:ExecStart=/usr/sbin/in.tftpd -L -s /data\n",
        },
      }),
    ),
  },
  {
    what: "ntpsec keeps the time",
    said: refuseTimeDaemon(puttingTime(false), packageCase("bookworm-ntpsec").packages),
  },
  {
    what: "a chrony of the user's",
    said: refuseTimeDaemon(puttingTime(false), packageCase("bookworm-chrony").packages),
  },
  {
    what: "node 0 is a container that may not set its clock",
    said: whyClockIsNotOurs(changeOf(puttingTime(false)), false),
  },
  {
    what: "a setting for all units of the host",
    said: {
      code: "TRANSACTION_FAILED",
      message: renderFailure("cannot open /run/pulumi-netboot.lock: Read-only file system"),
    },
  },
  {
    what: "a full disk, or one without inodes",
    said: {
      code: "TRANSACTION_FAILED",
      message: renderFailure("cannot write /srv/tftp/.refind.conf.netboot-new: No space left on device"),
    },
  },
  { what: "the disk of the boot files is not mounted", said: notMounted() },
  ...["0777", "0755"].map((mode) => ({
    what: mode === "0777" ? "everybody may write to the boot files" : "the boot files are in a user's folder",
    said: whyTftpFolderIsSomebodys(changeOf([puttingTftp]), {
      path: (key: string): Seen | undefined => {
        const isFolder = key === ancestorKey("/srv/tftp");
        return isFolder ? seenFile("/srv/tftp", { type: "folder", mode, uid: mode === "0777" ? 0 : 1000 }) : undefined;
      },
    } as never),
  })),
  {
    what: "the boot files are below a user's folder",
    said: whyTftpFolderIsSomebodys(
      changeOf([put(tftpId, { want: "tftpd", address: "192.168.1.1", directory: "/home/me/tftp" })]),
      {
        path: (key: string) =>
          key === ancestorKey("/home/me") ? seenFile("/home/me", { type: "folder", uid: 1000 }) : undefined,
      } as never,
    ),
  },
  {
    what: "chrony.conf does not read what we would write",
    said: refusedBy(puttingTime(true), {
      "time.chronyConf": seenFile("/etc/chrony/chrony.conf", { content: "pool x\n" }),
    }),
  },
  {
    what: "another machine answers by node 0's name",
    said: refusedBy([puttingTftp], {}, "beef"),
  },
  {
    what: "another DHCP server on the network, before ours is started",
    said: refusedBy([servingDhcp()], {
      "dhcp.others": [{ server: "192.168.1.14", hardware: "52:54:00:00:00:99" }],
      "ip.links": undefined,
    }),
  },
];

function notMounted(): Refusal | undefined {
  const said =
    "Where=/srv/tftp\nId=srv-tftp.mount\nRequiredBy=\nWantedBy=local-fs.target\nLoadState=loaded\nActiveState=inactive\n";
  return whyNotMounted(
    register([tftp]),
    changeOf([puttingTftp]),
    hostAnswers({ "folder.mounts": { status: 0, said } }),
  );
}

function servingDhcp(): Declaration {
  return put(dhcpId, nic as Want, serve() as Want);
}

/** What a decision says of a change where node 0 answers so. */
function refusedBy(puts: readonly Declaration[], told: Told, known?: string): Refusal | undefined {
  const change = changeOf(puts);
  const installed = ["isc-dhcp-server", "tftpd-hpa", "chrony"].map((name) => `ii \t${name}\t1\t\n`).join("");
  const units = ["chrony", "isc-dhcp-server", "netboot-names", "tftpd-hpa"].map((name) => [
    `${name}.service`,
    "inactive",
  ]);
  const answers = {
    ...firewallCase("bookworm-no-firewall-at-all").answers,
    "packages.status": { status: 0, said: installed },
    "units.shown": shownUnits(Object.fromEntries(units)),
    ...told,
  };
  const given = { change, machine: known, brought: undefined, asked: new Set(["dhcp.others"]), sha256 };
  const step = decide(given, facts([], answers, { after: puts.map(({ id }) => entry(id)) }));
  return step.step === "refuse" ? step.refusal : undefined;
}

const stack = (token: string) => ({ tokens: new Set([token]), takesOver: undefined });
const alike = { id: node.id, generation: "aaaaaaaa00000002", wants: [], stack: stack("aaaaaaaa") };
const ofOther = { ...node, generation: "bbbbbbbb00000001", held: [{ want: "settled" } as const] };

const wantedNode: Want = { want: "node", hostname: "a", macs: [], firmware: "x64", proof: true, blocks: "" };
const settledNode = { ...node, generation: "aaaaaaaa00000001", held: [{ want: "settled" } as const] };

const shared: readonly Situation[] = [
  {
    what: "a MAC that another stack has",
    said: refuseClash({ claim: "the MAC 52:54:00:00:00:01", id: node.id, other: theirs }, new Map(), new Map()),
  },
  {
    what: "a stack that is named alike, or whose state was lost",
    said: whyNotOurs(new Map([[node.id, alike]]), { ...register([ofOther]), clashes: [] } as never),
  },
  {
    what: "a machine that only --target has in the run, where node 0 has it of this stack's name",
    said: whyNotOurs(new Map([[node.id, { ...alike, stack: { ...alike.stack, isSettled: false } }]]), {
      ...register([ofOther]),
      clashes: [],
    } as never),
  },
  {
    what: "a machine that was another one's of the same stack",
    said: warnOfTaken(
      { puts: new Map([[node.id, alike]]), drops: new Map() },
      {
        clashes: [{ claim: "the MAC 52:54:00:00:00:01", id: node.id, other: "OlaNode/shop/prod/old" }],
        before: new Map(),
      },
    )[0]?.text,
  },
  {
    what: "a renamed resource has the id, with other machines",
    said: whyNotOurs(new Map([[node.id, { ...alike, wants: [wantedNode] }]]), register([settledNode])),
  },
  { what: "destroy of a server that others' machines need", said: whyServerStays(register([dhcp, ...others], others)) },
  {
    what: "destroy of the TFTP server that others' machines need",
    said: whyBootPartsStay(register([dhcp, tftp, ...others], [dhcp, ...others])),
  },
  { what: "a machine where no server is", said: whyNoServer(register([], [node]), new Set([node.id])) },
  {
    what: "a machine where nobody serves files",
    said: whyNobodyGivesFiles(
      register([], [dhcp, node]),
      new Set([node.id]),
      placed(node),
      isBootServerHere(register([], [dhcp, node]), host),
      [],
    ),
  },
  {
    what: "a TFTP server that moves without the DHCP server",
    said: whyNobodyGivesFiles(
      register(
        [dhcp, tftp, node],
        [dhcp, entry(tftp.id, [{ want: "tftpd", address: "192.168.1.14", directory: "/srv/tftp" }]), node],
      ),
      new Set([tftp.id]),
      [],
      true,
      [{ protocol: "udp", address: "192.168.1.1", port: 69, pid: 1, program: "in.tftpd", unit: "tftpd-hpa.service" }],
    ),
  },
  {
    what: "a TFTP server that moves to a folder without its files",
    said: whyChainsBreak({
      register: register(
        [dhcp, tftp, node],
        [dhcp, entry(tftp.id, [{ want: "tftpd", address: "192.168.1.1", directory: "/srv/boot" }]), node],
      ),
      puts: new Map([[tftp.id, []]]),
      unchanged: new Set(),
      changed: new Set(),
      proved: new Set(["x64 ipxe.efi"]),
      files: new Map(),
    }),
  },
  {
    what: "a network that others' machines are not in",
    said: whyNetworkStays(
      register([entry(dhcpId, [serve({ cidr: "192.168.9.0/28" })]), ...others]),
      new Set([dhcpId]),
      placed(...others),
    ),
  },
  {
    what: "a pool that is too small",
    said: whyPoolIsTooSmall(
      register([
        entry(dhcpId, [serve({ pool: "192.168.1.9-192.168.1.9" })]),
        ...["a", "b"].map((name) => entry(`OlaNode/p/one/${name}`, [], [machine(name, { address: undefined })])),
      ]),
      new Set([dhcpId, "OlaNode/p/one/a", "OlaNode/p/one/b"]),
      ["a", "b"].map((name) => ({ id: `OlaNode/p/one/${name}`, machine: machine(name, { address: undefined }) })),
    ),
  },
  ...[node.id, dhcpId].map((id) => ({
    what: id === dhcpId ? "a pool around others' machines" : "an address in the pool",
    said: whyAddressesArePooled(
      register([
        entry(id === dhcpId ? dhcpId : "DhcpServer/p/two/dhcp", [serve({ pool: "192.168.1.2-192.168.1.5" })]),
        node,
        ...others,
      ]),
      new Set([id]),
      placed(node, ...others),
    ),
  })),
  {
    what: "a record with a machine's name",
    said: whyRecordsContradict(
      register([
        entry("NameServer/p/one/names", [
          { want: "names", mode: "dnsmasq", address: "192.168.1.1", records: "192.168.1.9 db-1\n" },
        ]),
        node,
      ]),
      new Set([node.id]),
      placed(node),
    ),
  },
];

const bring: BringPlan = {
  freshSeconds: 0,
  ...{
    install: ["tftpd-hpa"],
    rows: [],
    standIns: [],
    masks: [],
    configured: [],
    keep: [],
    fetch: [],
    listen: [],
    tell: [],
  },
  take: [
    { id: "BootFile/p/one/ipxe.efi", path: "/srv/tftp/ipxe.efi", package: "ipxe", members: ["/usr/lib/ipxe/ipxe.efi"] },
  ],
};
const fresh = packageCase("bookworm-fresh").packages;
const installed = packageCase("bookworm-installed").packages;
const taken = { path: "/srv/tftp/ipxe.efi", from: "/x", sha256: "5", bytes: 1 };
const apt = (said: string) => ({ apt: { status: 100, said }, brought: [], taken: [taken] });

const packages: readonly Situation[] = [
  { what: "no mirror", said: refuseBring(bring, apt("E: Unable to locate package tftpd-hpa\n"), fresh) },
  {
    what: "a package that would have to go",
    said: refuseBring(
      bring,
      apt(
        "The following packages will be REMOVED:\n  atftpd\nE: Packages need to be removed but remove is disabled.\n",
      ),
      fresh,
    ),
  },
  {
    what: "a package of somebody else's that can't be configured",
    said: refuseBring(
      bring,
      apt(
        "dpkg: error processing package broken (--configure):\n installed broken package post-installation script subprocess returned error exit status 1\nErrors were encountered while processing:\n broken\nE: Sub-process /usr/bin/dpkg returned an error code (1)\n",
      ),
      fresh,
    ),
  },
  {
    what: "a package that can't be fetched",
    said: refuseBring(
      bring,
      {
        brought: [],
        taken: [],
        unfetched: { package: "ipxe", status: 100, said: "E: Failed to fetch http://x/ipxe.deb\n" },
      },
      installed,
    ),
  },
  { what: "a package that has not the file", said: refuseBring(bring, { brought: [], taken: [] }, installed) },
  {
    what: "the time daemon of before does not come back",
    said: refuseGivenBack([
      {
        ...{ package: "chrony", lost: ["systemd-timesyncd"], status: 100, stays: true },
        said: "E: Unable to locate package systemd-timesyncd\n",
      },
    ]),
  },
];

const allRules = ["67", "69", "established", "123", "53"].map((what) => `allow in on eno2 udp ${what}`);
const firewallOf = (name: string, more: object = {}) => {
  const plan = planFirewall(allRules, { ...factsOf(firewallCase(name).answers), ...more }, "Firewall/p/one/f");
  return "code" in plan ? plan : undefined;
};
const withFirewalld = (more: object) => {
  const { firewalld } = factsOf(firewallCase("bookworm-firewalld").answers);
  return firewallOf("bookworm-firewalld", { firewalld: { ...firewalld, ...more } });
};

const planned = planFirewall(allRules, factsOf(firewallCase("bookworm-firewalld").answers), "Firewall/p/one/f");
const firewalldCommands = "code" in planned ? [] : planned.commands.map(({ refused }) => refused);

const firewalls: readonly Situation[] = [
  { what: "firewalld does not answer", said: withFirewalld({ unread: "Failed to connect to D-Bus" }) },
  {
    what: "the ruleset can't be read",
    said: firewallOf("bookworm-nftables", {
      nftables: { ...factsOf(firewallCase("bookworm-nftables").answers).nftables, unread: "nft: out of memory" },
    }),
  },
  {
    what: "ufw holds the opposite",
    said: firewallOf("bookworm-ufw", {
      ufw: {
        ...factsOf(firewallCase("bookworm-ufw").answers).ufw,
        tuples: [
          {
            ...{ action: "deny", protocol: "udp", ports: "53,67,69,123", interface: "eno2", comment: "" },
            anywhere: true,
          },
        ],
      },
    }),
  },
  {
    what: "the interface shares a zone of firewalld",
    said: withFirewalld({
      zoneFiles: new Map([["office", '<zone>\n  <interface name="eno1"/>\n  <interface name="eno2"/>\n</zone>\n']]),
    }),
  },
  {
    what: "a policy of firewalld holds for the zone",
    said: withFirewalld({ policyFiles: new Map([["theirs", '<policy><ingress-zone name="public"/></policy>']]) }),
  },
  ...firewalldCommands.map((message) => ({
    what: "firewalld refuses what is new",
    said: { code: "FIREWALL_REFUSED", message: `${message}; it said:\n  Error: INVALID_ZONE` } as const,
  })),
  { what: "rules of firewalld that are not permanent", said: withFirewalld({ allPermanent: false }) },
  { what: "a zone of firewalld that is nowhere", said: withFirewalld({ defaultZone: "lost" }) },
  // What a machine's packets meet: one of each sentence that the captured rulesets have.
  ...[...new Map(firewallCaseNames.map((name) => [firewallCase(name).said, name] as const))]
    .filter(([said]) => /^(?:kept out|in doubt): /.test(said))
    .map(([said, name]) => {
      const what = name.replaceAll("-", " ");
      if (said.startsWith("in doubt: ")) return { what, said: said.replace("in doubt", "not proved") };
      return { what, said: { code: "NOT_SERVING", message: said.replace("kept out: ", "") } as const };
    }),
  ...(
    [
      ["hosts.deny", { deny: "ALL: ALL\n" }],
      ["hosts.allow with a name", { allow: "in.tftpd: LOCAL\n", deny: "ALL: ALL\n" }],
      ["IPAddressDeny= of the unit", { units: "IPAddressDeny=192.168.0.0/16\n" }],
      ["a part of the network in IPAddressDeny=", { units: "IPAddressDeny=192.168.1.8/29\n" }],
      ["RestrictNetworkInterfaces= of the unit", { units: "RestrictNetworkInterfaces=eno1\n" }],
    ] as const
  ).map(([what, files]) => ({ what, said: deafServer(files) })),
  ...[
    { what: "a member of a VRF", links: { master: "vrf-lan" } },
    { what: "a program of XDP", links: { hasXdp: true } },
    { what: "a filter of BPF", links: {} },
    { what: "two interfaces in one network", links: {} },
  ].map(({ what, links }) => ({ what, said: doubtAbout(what, links) })),
];

function deafServer({ allow = "", deny = "", units = "" }: { allow?: string; deny?: string; units?: string }) {
  const told = {
    "peers.allow": seenFile("/etc/hosts.allow", { content: allow }),
    "peers.deny": seenFile("/etc/hosts.deny", { content: deny }),
    "peers.units": { status: 0, said: units },
  };
  const why = whyServerRefuses(tftpPeers.read(hostAnswers(told)), labPath);
  return why?.sure === true ? ({ code: "NOT_SERVING", message: why.text } as const) : why && `not proved: ${why.text}`;
}

function doubtAbout(what: string, more: object): string | undefined {
  const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
  const on = (name: string, addresses: readonly string[], values: object) => ({
    ...{ name, mac: "", addresses, master: undefined, isVrf: false, hasXdp: false, below: [], ...values },
  });
  const links = [
    on("eno2", ["192.168.1.1/28"], more),
    on("vrf-lan", [], { isVrf: true }),
    ...(what.startsWith("two") ? [on("eno4", ["192.168.1.5/28"], {})] : []),
  ];
  const trafficControl = { ...facts.trafficControl, attached: what === "a filter of BPF" ? ["eno2"] : [] };
  const why = whyNotAdmitted({ ...facts, trafficControl, links: { ...facts.links, links } } as never, labPath);
  return why && `not proved: ${why.text}`;
}

const fromFolder = (
  what: string,
  files: Readonly<Record<string, Partial<InFolder>>>,
  name: string,
  use: FileUse,
): Situation => {
  const wrong = whyNotServed(
    {
      address: "192.168.1.1",
      directory: "/srv/tftp",
      files: new Map(Object.entries(files).map(([path, more]) => [path, { type: "file", mode: "0644", ...more }])),
      declared: new Map([["/srv/tftp/ipxe.efi", "aa"]]),
    },
    name,
    use,
  );
  return { what, said: wrong && { code: "NOT_SERVING", message: `${wrong.text}; db-1 would not boot` } };
};
const script = { content: "#!ipxe\nchain refind_x64.efi\n" };

const folder: readonly Situation[] = [
  fromFolder("a loader that is not there", {}, "ipxe.efi", "x64"),
  fromFolder("a loader that somebody replaced", { "ipxe.efi": { sha256: "bb" } }, "ipxe.efi", "x64"),
  fromFolder("a loader that the user tftp may not read", { "ipxe.efi": { mode: "0600" } }, "ipxe.efi", "x64"),
  fromFolder(
    "a loader that is a link out",
    { "ipxe.efi": { type: "link", target: "/usr/lib/ipxe/ipxe.efi" } },
    "ipxe.efi",
    "x64",
  ),
  fromFolder("a loader that is a pipe", { "ipxe.efi": { type: "other" } }, "ipxe.efi", "x64"),
  fromFolder("a loader for another machine", { "i.efi": { content: answered(program(0x014c)) } }, "i.efi", "x64"),
  fromFolder("a loader that is no program", { "i.efi": { content: "hello" } }, "i.efi", "x64"),
  fromFolder("a script that is none", { "refind.pxe": { content: "chain x\n" } }, "refind.pxe", "script of x64"),
  fromFolder("a script that fetches what is not there", { "refind.pxe": script }, "refind.pxe", "script of x64"),
  fromFolder(
    "a stray autoexec.ipxe",
    { "refind.pxe": script, "refind_x64.efi": {}, "autoexec.ipxe": {} },
    "refind.pxe",
    "script of x64",
  ),
  fromFolder(
    "two names that iPXE takes for one",
    { "refind.pxe": script, "refind_x64.efi": {}, "REFIND_X64.EFI": {} },
    "refind.pxe",
    "script of x64",
  ),
];

const asked: DhcpExpectation & Expectation = {
  ...({ ask: "dhcp", id: dhcpId, interface: "eno2", next: "192.168.1.1", script: "refind.pxe" } as const),
  ...{ loaders: { x64: "ipxe.efi", script: "refind.pxe" }, puts: [], every: false, stands: [], stranger: true },
  othersAllowed: false,
};
const offer = {
  ...{ is: "machine", id: node.id, hostname: "db-1", mac: "52:54:00:00:00:01", wanted: "192.168.1.2" },
  wantedFile: "ipxe.efi",
};
const from = { address: "192.168.1.2", file: "ipxe.efi", next: "192.168.1.1", from: "192.168.1.1" };
const file: Expectation = {
  ...{ ask: "tftp", id: "BootFile/p/one/ipxe.efi", address: "192.168.1.1", name: "ipxe.efi" },
  ...{ path: "/srv/tftp/ipxe.efi", sha256: "aa" },
};
const dns: Expectation = {
  ...({ ask: "dns", id: "NameServer/p/one/names", server: "192.168.1.1", name: "db-1", type: 1, how: "udp" } as const),
  wanted: "192.168.1.2",
};
const unit: Expectation = { ask: "unit", id: dhcpId, unit: "isc-dhcp-server.service", sockets: ["packet eno2"] };

const putBack = renderUndone({ ran: "isc-dhcp-server.service\0tftpd-hpa.service" });
const seen = (what: string, expectation: Expectation, values: Readonly<Record<string, string>>): Situation => ({
  what,
  said: whyWrong(expectation, { n: 0, undoes: true, seen: values }),
  undone: putBack,
});

const proof: readonly Situation[] = [
  seen("a daemon that does not stay up", unit, { active: "failed", sub: "failed", said: "no subnet for eno2\n" }),
  seen("a daemon that does not listen", unit, { active: "active", sub: "running", said: "bind: no such address\n" }),
  seen(
    "no time",
    { ask: "ntp", id: "TimeServer/p/one/time", address: "192.168.1.1", unit: "chrony.service" },
    { said: "no sources\n" },
  ),
  seen("no name", dns, { rcode: "3", answers: "" }),
  seen("another address for a name", dns, { rcode: "0", answers: "192.168.1.9" }),
  seen("a name that should be gone", { ...dns, wanted: "that there is no such name" }, { answers: "192.168.1.9" }),
  seen("no name server", dns, { silent: "1" }),
  seen("no file", file, { said: "File not found" }),
  seen(
    "a TFTP server that somebody stopped",
    { ...file, silent: whyStopped("tftpd-hpa.service") },
    { said: "no answer" },
  ),
  seen("a folder that the user tftp may not enter", file, { said: "Permission denied" }),
  seen("another file", file, { sha256: "bb" }),
  seen("another file of a chain", { ...file, chain: "x64 ipxe.efi", stands: true }, { sha256: "bb" }),
  seen("no answer by DHCP", asked, offer),
  seen("a DHCP server that somebody stopped", { ...asked, silent: whyStopped("isc-dhcp-server.service") }, offer),
  seen("a proof that takes too long", asked, { ...offer, late: "1" }),
  seen("another address", asked, { ...offer, ...from, address: "192.168.1.9" }),
  seen("another file by DHCP", asked, { ...offer, ...from, file: "other.efi", from: "192.168.1.14" }),
  seen("another boot server", asked, { ...offer, ...from, next: "192.168.1.9", ipxe: "1" }),
  seen("another DHCP server", asked, { is: "server", server: "192.168.1.14", hardware: "52:54:00:00:00:99" }),
  seen("an answer for a stranger", asked, { is: "stranger", mac: "02:6e:62:01:02:03", address: "192.168.1.9" }),
  seen(
    "rules that are not there",
    { ask: "heads", id: "Firewall/p/one/f", heads: "" },
    { missing: "inet filter input: udp dport 69" },
  ),
  {
    what: "a daemon's own checker",
    said: whyInvalid(
      { ...noPlan, checks: [{ program: "dhcpd", id: dhcpId, argv: ["dhcpd"], if: ["/etc/dhcp/dhcpd.conf"] }] },
      0,
      "/etc/dhcp/dhcpd.conf line 3: unknown statement no-such-statement\nConfiguration file errors encountered -- exiting\n",
    ),
  },
  {
    what: "what was there before does not run either",
    said: whyWrong(asked, { n: 0, undoes: true, seen: offer }),
    undone: renderUndone({ ran: "a.service", down: "isc-dhcp-server.service" }),
  },
  {
    what: "what was there before can't be put back",
    said: whyWrong(asked, { n: 0, undoes: true, seen: offer }),
    undone: renderUndone({ failed: "cannot put /etc/dhcp/dhcpd.conf back: Operation not permitted" }),
  },
];

const login = { name: "node0.example", user: "debian", isRoot: false };
const root = { ...login, user: "root", isRoot: true };
const started = (
  what: string,
  who: typeof login,
  code: number | undefined,
  words: string,
  echo?: { came: boolean; words: string },
) => {
  const error = whyNotStarted(who, { code, words }, echo);
  return { what, said: error };
};

const notStarted: readonly Situation[] = [
  started("no sudo", login, 127, "bash: line 1: sudo: command not found\n"),
  started("sudo asks for a password", login, 1, "sudo: a password is required\n"),
  started(
    "a cloud image that lets root in by name only",
    root,
    142,
    'Please login as the user "debian" rather than the user "root".\n',
    { came: false, words: "" },
  ),
  started("a login shell that runs another program", root, 0, "netboot: a shell reads this\n"),
  started("start files that run another shell", root, 0, "netboot: a shell reads this if 0\n"),
  started(
    "start files that begin a terminal",
    root,
    0,
    `welcome\r\n${["eval 'exec echo netboot: a shell reads this' if 0;", "use strict;", "use warnings;"].join("\r\n")}`,
  ),
  started("nologin", root, 1, "This account is currently not available.\n", {
    came: false,
    words: "This account is currently not available.\n",
  }),
  started("killed", root, undefined, ""),
  started("no D-Bus", root, 1, "Failed to connect to bus: Connection refused\n", { came: true, words: "" }),
  started("init starts nothing", root, 1, "Failed to start transient service unit: No space left on device\n", {
    came: true,
    words: "",
  }),
  started("no perl", root, 127, "Failed to find executable /usr/bin/perl: No such file or directory\n", {
    came: true,
    words: "",
  }),
];

const drift = (what: string, seen: Drift): Situation => ({ what, said: renderDrift(seen) });
const daemon = { words: "/usr/sbin/in.tftpd --foreground /srv/tftp", root: "/", reload: "no", pid: 7, dropIn: "" };

/** What a refresh and doctor say of in.tftpd that runs so. */
function runningOtherwise(what: string, more: Partial<typeof daemon> & { readonly changed?: number } = {}): Situation {
  const { words, root, reload, pid, dropIn, changed = 0 } = { ...daemon, ...more };
  const name = "tftpd-hpa.service";
  const put_ = put(
    tftpId,
    { want: "file", path: `/etc/systemd/system/${name}`, mode: "0644", content: `ExecStart=${daemon.words}\n` },
    { want: "unit", name, restartedBy: ["/etc/default/tftpd-hpa"] },
    { want: "listen", unit: name, on: { kind: "udp", address: "192.168.1.1", port: 69 } },
  );
  const said = `Id=${name}\nMainPID=${pid}\nNeedDaemonReload=${reload}\nExecMainStartTimestamp=Sun 2026-11-22 10:00:00 UTC\nRoot=${root}\nWords=${words.replaceAll(" ", "\t")}\t\n`;
  const answers = hostAnswers({
    "daemons.running": { status: 0, said },
    "daemons.overrides": { status: 0, said: dropIn },
    "daemons read /etc/default/tftpd-hpa": seenFile("/etc/default/tftpd-hpa", { ctime: changed * 2e9 }),
    "servers.holders": [{ protocol: "udp", address: "192.168.1.1", port: 69, pid: 7, program: "in.tftpd" }],
  });
  const why = whyNotAsDeclared(put_, answers).get(name)?.text;
  return { what, said: why && renderDrift({ what: name, how: "other", seen: why }) };
}

const unmounted = facts([tftp], {
  "folder.mounts": {
    status: 0,
    said: "Where=/srv/tftp\nId=srv-tftp.mount\nRequiredBy=\nWantedBy=local-fs.target\nLoadState=loaded\nActiveState=failed\n",
  },
});
const overmounted = facts([tftp], { "folder.view": { status: 0, said: "1:2\n3:2\n" } });

function leavesZone(): string | undefined {
  const all = factsOf(firewallCase("bookworm-firewalld").answers);
  const zone = "<zone>\n  <forward/>\n</zone>\n";
  const firewalld = { ...all.firewalld, forwards: true, zoneFiles: new Map([["public", zone]]) };
  const plan = planFirewall(allRules, { ...all, firewalld }, "Firewall/p/one/f");
  return "code" in plan ? undefined : plan.warnings[0];
}

const recovery = (line: string) =>
  ailmentsOf(facts([dhcp], { "health.units": { status: 0, said: `Id=x\nLoadState=loaded\n${line}\n` } }))
    .map(({ what, text }) => `${what}: ${text}`)
    .join("\n");

const warnings: readonly Situation[] = [
  runningOtherwise("in.tftpd runs with other options", { words: "/usr/sbin/in.tftpd -L /data" }),
  runningOtherwise("in.tftpd runs in a jail", {
    root: "/srv/jail",
    dropIn: "/etc/systemd/system/tftpd-hpa.service.d/jail.conf:RootDirectory=/srv/jail\n",
  }),
  runningOtherwise("in.tftpd read another file", { changed: 1 }),
  runningOtherwise("in.tftpd has lost its port", { pid: 8 }),
  runningOtherwise("a drop-in that systemd has not read", { reload: "yes" }),
  drift("a file that went", { what: "/srv/tftp/ipxe.efi", how: "missing", seen: "" }),
  drift("a file that was changed", { what: "/srv/tftp/refind.conf", how: "changed", seen: "timeout 9\n" }),
  drift("a file of another owner", { what: "/srv/tftp/refind.conf", how: "owner", seen: "0600 7:8" }),
  drift("a unit that does not run", { what: "tftpd-hpa.service", how: "stopped", seen: "failed (failed)" }),
  drift("another firewall", { what: "manager", how: "became", seen: "ufw" }),
  ...(["aaaaaaaa00000002", "bbbbbbbb00000002"] as const).map((generation) =>
    drift(generation.startsWith("a") ? "a record that was made anew" : "a record of another stack's", {
      ...{ what: "the resource", how: "other" },
      seen: whyOtherRecord({ ...node, generation }, "aaaaaaaa00000001") ?? "",
    }),
  ),
  drift("the rules would go with the next ruleset", {
    ...{ what: "pulumi-netboot-firewall.service", how: "stopped" },
    seen: "nothing puts the rules back if somebody loads others",
  }),
  drift("rules in another order", { what: "the order of the rules", how: "changed", seen: "" }),
  ...(driftOf([put(tftpId, { want: "tftpd", address: "192.168.1.1", directory: "/srv/tftp" })], unmounted, sha256)
    .get(tftpId)
    ?.map((seen) => drift("the disk of the boot files went", seen)) ?? []),
  ...(driftOf([put(tftpId, { want: "tftpd", address: "192.168.1.1", directory: "/srv/tftp" })], overmounted, sha256)
    .get(tftpId)
    ?.map((seen) => drift("the disk of the boot files came late", seen)) ?? []),
  { what: "an interface that leaves its zone of firewalld", said: leavesZone() },
  { what: "the recovery failed", said: recovery("ActiveState=failed") },
  { what: "the recovery would not run", said: recovery("WantedBy=") },
  {
    what: "machines that move later",
    said: warnOfMovedNetwork(
      register([entry(dhcpId, [serve({ cidr: "192.168.9.0/28" })]), node]),
      new Set([dhcpId]),
      placed(node),
    )?.text,
  },
  {
    what: "apt failed for somebody else's package",
    said: warnOfApt(apt("Errors were encountered while processing:\n broken\nE: Sub-process failed\n"), { id: "A" })[0]
      ?.text,
  },
  { what: "what apt brought for a refused change", said: renderBrought(["isc-dhcp-server"]) },
  {
    what: "packages that others need",
    said: renderPurged({ packages: ["tftpd-hpa"], others: ["theirs"], apt: { status: 0, said: "" } }),
  },
  {
    what: "packages that apt can't purge",
    said: renderPurged({
      packages: ["tftpd-hpa"],
      others: [],
      apt: { status: 100, said: "E: dpkg was interrupted\n" },
    }),
  },
  {
    what: "a package that dpkg can't remove",
    said: renderRemaining([
      { ...{ package: "chrony", lost: [], status: 0, said: "", stays: true }, remains: "its prerm failed" },
    ])[0],
  },
  ...["edited", "adopted", "block"].map((why) => ({
    what: `lines of somebody's: ${why}`,
    said: renderDifference({
      why,
      id: "A",
      path: "/etc/dhcp/dhcpd.conf",
      copy: "/var/lib/pulumi-netboot/edits/1",
      lines: "  - x",
    }).text,
  })),
  {
    what: "boot files from another host",
    said: whyFilesAreUnknown(register([entry(dhcpId, [serve({ bootServer: "192.168.1.9" })])]), false),
  },
  { what: "boot files of a TFTP server that is not ours", said: whyFilesAreUnknown(register([dhcp]), true) },
  {
    what: "files that nobody serves now",
    said: whyFilesAreNotProved({ change: changeOf([]), register: register([tftp]), tftpRuns: false } as never),
  },
];

/** All of them, by the golden file that they stand in. */
export const situations: Readonly<Record<string, readonly Situation[]>> = {
  "login.txt": notStarted,
  "interface.txt": served,
  "inTheWay.txt": inTheWay,
  "packages.txt": packages,
  "firewall.txt": firewalls,
  "stacks.txt": shared,
  "folder.txt": folder,
  "proof.txt": proof,
  "warnings.txt": warnings,
  ...sshSituations,
  ...cliSituations,
  ...changeSituations,
  ...sdkSituations,
};
