import type { Holder, Seen } from "../../../../provider/facts/question";
import { servers } from "../../../../provider/facts/servers";
import type { Unit } from "../../../../provider/facts/units";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import { whyNoAddressToListen } from "../../../../provider/plan/bootServer";
import { whyPassedOver, whyStartedOtherwise, whyUserIsGone } from "../../../../provider/plan/daemons";
import { decide } from "../../../../provider/plan/decide";
import { whyDhcpConfStays } from "../../../../provider/plan/dhcpConf";
import { whyFormerServerReturns } from "../../../../provider/plan/dhcpServer";
import { whyNotMounted } from "../../../../provider/plan/folder";
import { fitFirewallInterface, fitNetworkInterface, type Interfaces } from "../../../../provider/plan/interfaces";
import { whyOccupied } from "../../../../provider/plan/occupied";
import { renderFailure } from "../../../../provider/plan/outcome";
import { ancestorKey } from "../../../../provider/plan/questions";
import type { Held } from "../../../../provider/plan/records";
import type { Refusal } from "../../../../provider/plan/refusal";
import { whyTftpFolderIsSomebodys } from "../../../../provider/plan/tftpAncestors";
import { refuseTimeDaemon, whyClockIsNotOurs } from "../../../../provider/plan/timeDaemon";
import { firewallCase } from "../../../support/firewallCases";
import { packageCase } from "../../../support/packageCases";
import { entry, register, serve } from "../plan/registered";
import { changeOf, facts, hostAnswers, put, seenFile, sha256, shownUnits, type Told } from "../plan/told";
import { dhcp, dhcpId, nic, tftp, tftpId } from "./register";
import type { Situation } from "./situation";

const link = (name: string, mac: string, addresses: readonly string[], master?: string) => ({
  ...{ name, mac: `52:54:00:00:00:0${mac}`, addresses, master, isVrf: false },
});
const inTftpd = put(
  tftpId,
  {
    want: "file",
    path: "/etc/systemd/system/tftpd-hpa.service",
    mode: "0644",
    content: "[Service]\nExecStart=/usr/sbin/in.tftpd --foreground /srv/tftp\n",
  },
  { want: "unit", name: "tftpd-hpa.service", restartedBy: [] },
);

export const host: Interfaces = {
  links: [
    link("eno1", "1", ["203.0.113.7/24"]),
    link("eno2", "2", ["192.168.1.1/28"]),
    link("eno3", "3", ["192.168.3.1/28"], "br0"),
    link("eno4", "4", []),
  ],
  defaultRoutes: ["eno1"],
};

export const served: readonly Situation[] = [
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

function occupied(id: string, told: Told, more: readonly Held[] = []): Refusal | undefined {
  const all = register([
    { ...dhcp, held: [...dhcp.held, ...more] },
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
const listening = (address: string) =>
  put(tftpId, { want: "listen", unit: "tftpd-hpa.service", on: { kind: "udp", address, port: 69 } });
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

export const inTheWay: readonly Situation[] = [
  { what: "another DHCP server on node 0", said: occupied(dhcpId, { "servers.holders": [holder(67, "dnsmasq")] }) },
  {
    what: "another DHCP server of another network",
    said: occupied(dhcpId, { "servers.holders": [holder(67, "kea-dhcp4", { address: "10.0.0.1" })] }),
  },
  {
    what: "a server of another interface beside Kea",
    said: occupied(dhcpId, { "servers.holders": [holder(67, "dnsmasq", { interface: "virbr0" })] }, [
      { want: "daemon", daemon: "kea" },
    ]),
  },
  { what: "another TFTP server on node 0", said: occupied(tftpId, { "servers.holders": [holder(69, "atftpd")] }) },
  {
    what: "another program where two Kea hear each other",
    said: occupied(dhcpId, { "servers.holders": [holder(8001, "python3", { protocol: "tcp" })] }, [
      { want: "daemon", daemon: "kea" },
      { want: "hotStandby" },
    ]),
  },
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
    what: "Kea in the place of dhcpd, which was there before us",
    said: whyFormerServerReturns(
      register([dhcp], [entry(dhcpId, [...dhcp.held, { want: "daemon", daemon: "kea" }])]),
      hostAnswers({ "dhcp.before isc-dhcp-server.service": { content: "active\n" } }),
    ),
  },
  {
    what: "a condition that keeps in.tftpd from its next start",
    said: whyPassedOver(
      changeOf([inTftpd]),
      hostAnswers({
        "nextStart.conditions": {
          status: 0,
          said: "…/tftpd-hpa.service.d/m.conf:ConditionPathExists=!/etc/maintenance",
        },
        "nextStart.unmet": {
          status: 0,
          said: "tftpd-hpa.service: ConditionPathExists=!/etc/maintenance failed.\nunmet tftpd-hpa.service\n",
        },
      }),
    ),
  },
  {
    what: "the address of in.tftpd was taken off",
    said: whyNoAddressToListen(changeOf([listening("192.168.1.9")]), host),
  },
  {
    what: "the user of in.tftpd was deleted",
    said: whyUserIsGone(
      changeOf([inTftpd]),
      hostAnswers({ "daemonUsers.gone": { status: 0, said: "gone tftpd-hpa.service\n" } }),
    ),
  },
  {
    what: "a drop-in that starts in.tftpd otherwise",
    said: whyStartedOtherwise(
      changeOf([inTftpd]),
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
  ...["Operation not permitted", "Read-only file system"].map((why) => ({
    what: why === "Operation not permitted" ? "an immutable folder" : "a folder that is mounted read-only",
    said: {
      code: "TRANSACTION_FAILED" as const,
      message: renderFailure(`cannot make /etc/dhcp/netboot/.hosts.conf.netboot-new: ${why}`),
    },
  })),
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
