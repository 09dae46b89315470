import { type Drift, renderDrift } from "../../../../provider/kinds/drift";
import { withoutLines } from "../../../../provider/lifecycle/changes";
import { whyAddressIsGone, whyFilesAreUnknown } from "../../../../provider/plan/bootServer";
import { whyNotAsDeclared } from "../../../../provider/plan/daemons";
import { whyEditComesIntoForce } from "../../../../provider/plan/dhcpConf";
import { driftOf } from "../../../../provider/plan/drift";
import { whyFilesAreNotProved } from "../../../../provider/plan/expectations";
import { planFirewall } from "../../../../provider/plan/firewall";
import { ailmentsOf } from "../../../../provider/plan/health";
import { warnOfMovedNetwork } from "../../../../provider/plan/network";
import { renderDifference } from "../../../../provider/plan/outcome";
import { whyOtherRecord } from "../../../../provider/plan/ownership";
import { renderBrought, renderPurged, warnOfApt } from "../../../../provider/plan/packages";
import { warnOfLostPool } from "../../../../provider/plan/pool";
import { renderFound } from "../../../../provider/plan/shownDrift";
import { renderRemaining } from "../../../../provider/plan/timeDaemon";
import { asRefreshed, upMends } from "../../../../provider/values/mending";
import { factsOf, firewallCase } from "../../../support/firewallCases";
import { entry, machine, placed, register, serve } from "../plan/registered";
import { changeOf, facts, hostAnswers, put, seenFile, sha256 } from "../plan/told";
import { allRules } from "./firewall";
import { apt } from "./packages";
import { dhcp, dhcpId, node, tftp, tftpId } from "./register";
import type { Situation } from "./situation";

const drift = (what: string, seen: Drift): Situation => ({ what, said: renderDrift(seen) });
const daemon = {
  words: "/usr/sbin/in.tftpd --foreground /srv/tftp",
  ...{ root: "/", reload: "no", pid: 7, dropIn: "", state: "S (sleeping)", freezer: "running" },
};

/** What a refresh and doctor say of in.tftpd that runs so. */
function runningOtherwise(what: string, more: Partial<typeof daemon> & { readonly changed?: number } = {}): Situation {
  const { words, root, reload, pid, dropIn, state, freezer, changed = 0 } = { ...daemon, ...more };
  const name = "tftpd-hpa.service";
  const put_ = put(
    tftpId,
    { want: "file", path: `/etc/systemd/system/${name}`, mode: "0644", content: `ExecStart=${daemon.words}\n` },
    { want: "unit", name, restartedBy: ["/etc/default/tftpd-hpa"] },
    { want: "listen", unit: name, on: { kind: "udp", address: "192.168.1.1", port: 69 } },
  );
  const said = `Id=${name}\nMainPID=${pid}\nNeedDaemonReload=${reload}\nExecMainStartTimestamp=Sun 2026-11-22 10:00:00 UTC\nRoot=${root}\nState=${state}\nFreezerState=${freezer}\nWords=${words.replaceAll(" ", "\t")}\t\n`;
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

function confines(): string | undefined {
  const facts = factsOf(firewallCase("bookworm-no-firewall-at-all").answers);
  const plan = planFirewall(["drop in on all but eno2 udp 69"], facts, "Firewall/p/one/f");
  return "code" in plan ? undefined : plan.warnings[0];
}

const recovery = (line: string) =>
  ailmentsOf(facts([dhcp], { "health.units": { status: 0, said: `Id=x\nLoadState=loaded\n${line}\n` } }))
    .map(({ what, text }) => `${what}: ${text}`)
    .join("\n");

const nextTime = (what: string, boot: string): Situation => {
  const unit = { want: "unit", name: "tftpd-hpa.service", restartedBy: [] } as const;
  const found = ailmentsOf(
    facts([entry(tftpId, [unit])], {
      "health.units": { status: 0, said: "Id=x\nLoadState=loaded\nWantedBy=multi-user.target\n" },
      "nextStart.boot": { status: 0, said: boot },
    }),
  );
  return { what, said: found.map((each) => `${each.what}: ${each.text}`).join("\n") };
};

/** What `doctor` says of node 0 itself. */
const ailing = (what: string, told: Parameters<typeof facts>[1]): Situation => {
  const nic = { want: "interface", interface: "name:eno2", address: "192.168.1.1", prefixLength: 28 } as const;
  const served = { want: "tftpd", address: "192.168.1.1", directory: "/srv/tftp" } as const;
  const chrony = { want: "unit", name: "chrony.service", restartedBy: [] } as const;
  const found = ailmentsOf(
    facts([entry(tftpId, [{ ...nic, allowDefaultRoute: false }, served, chrony])], {
      "health.units": { status: 0, said: "Id=x\nLoadState=loaded\nWantedBy=multi-user.target\n" },
      ...told,
    }),
  );
  return { what, said: found.map((each) => `${each.what}: ${each.text}`).join("\n") };
};

const leased = JSON.stringify([
  { ifname: "eno2", addr_info: [{ local: "192.168.1.1", dynamic: true, valid_life_time: 3540 }] },
]);

export const warnings: readonly Situation[] = [
  ailing("the user of chrony was deleted", { "daemonUsers.gone": { status: 0, said: "gone chrony.service\n" } }),
  ...["", "client dhclient /sbin/dhclient -4 eno2\n"].map((givers) =>
    ailing(`node 0's address is there for a time only${givers === "" ? "" : ", by DHCP"}`, {
      "links.addresses": { status: 0, said: leased },
      "addressLifetimes.givers": { status: 0, said: givers },
    }),
  ),
  ...(
    [
      ["the user tftp has the boot files", "755 106 113 tftp tftp /srv/tftp\n755 0 0 root root /srv\n"],
      ["a user has the folder above the boot files", "755 0 0 root root /srv/tftp\n755 1000 0 me root /srv\n"],
      ["all may exchange the boot files", "777 0 0 root root /srv/tftp\n755 0 0 root root /srv\n"],
      ["a group may exchange the boot files", "2775 0 50 root staff /srv/tftp\n755 0 0 root root /srv\n"],
    ] as const
  ).map(([what, said]) => ailing(what, { "folder.owners": { status: 0, said } })),
  nextTime("a boot that goes elsewhere", "target rescue.target\nstarts sysinit.target\n"),
  nextTime(
    "a unit that another one of a boot conflicts with",
    "target multi-user.target\nstarts tftpd-hpa.service\nstarts maint.service\nconflict tftpd-hpa.service maint.service\n",
  ),
  runningOtherwise("in.tftpd runs with other options", { words: "/usr/sbin/in.tftpd -L /data" }),
  runningOtherwise("in.tftpd is frozen", { freezer: "frozen" }),
  runningOtherwise("in.tftpd was halted by a signal", { state: "T (stopped)" }),
  runningOtherwise("in.tftpd runs in a jail", {
    root: "/srv/jail",
    dropIn: "/etc/systemd/system/tftpd-hpa.service.d/jail.conf:RootDirectory=/srv/jail\n",
  }),
  runningOtherwise("in.tftpd read another file", { changed: 1 }),
  runningOtherwise("in.tftpd has lost its port", { pid: 8 }),
  runningOtherwise("a drop-in that systemd has not read", { reload: "yes" }),
  {
    what: "a run that has refreshed, of what its up mends",
    said: (["mends what somebody changed", "starts it", "puts them back"] as const)
      .map((does) => asRefreshed(`not proved: …; ${upMends(does)}`))
      .join("\n"),
  },
  {
    what: "the machines of a host that somebody changed by hand",
    said: renderDifference({ why: "edited", path: "/etc/dhcp/netboot/hosts.conf", copy: "/var/x", lines: "-host a" })
      .text,
  },
  {
    what: "a secret text that somebody changed",
    said: withoutLines(
      renderDifference({ why: "edited", path: "/srv/tftp/a.txt", copy: "/var/x", lines: "--- a\n+++ a\n-one\n+two\n" })
        .text,
    ),
  },
  {
    what: "a refresh, of a text that somebody changed and of what else it found",
    said: renderFound(
      [{ want: "file", path: "/srv/tftp/refind.conf", mode: "0644", content: "timeout 1\n", input: "content" }],
      [
        { what: "/srv/tftp/refind.conf", how: "changed", seen: "timeout 9\n" },
        { what: "tftpd-hpa.service", how: "stopped", seen: "inactive (dead)" },
      ],
    ),
  },
  drift("a file that went", { what: "/srv/tftp/ipxe.efi", how: "missing", seen: "" }),
  drift("a file that was changed", { what: "/srv/tftp/refind.conf", how: "changed", seen: "timeout 9\n" }),
  drift("a file of another owner", { what: "/srv/tftp/refind.conf", how: "owner", seen: "0600 7:8" }),
  drift("a unit that does not run", { what: "tftpd-hpa.service", how: "stopped", seen: "failed (failed)" }),
  drift("another firewall", { what: "the firewall", how: "became", seen: "managed by ufw" }),
  drift("another firewall, which has not our rules yet", {
    ...{ what: "the firewall", how: "became" },
    seen: "managed by ufw; until it has these rules itself, pulumi-netboot-firewall.service holds them",
  }),
  drift("no firewall any more", { what: "the firewall", how: "became", seen: "managed by nobody" }),
  ...(["aaaaaaaa00000002", "bbbbbbbb00000002"] as const).map((generation) =>
    drift(generation.startsWith("a") ? "a record that was made anew" : "a record of another stack's", {
      ...{ what: "the resource", how: "other" },
      seen: whyOtherRecord({ ...node, generation }, { generation: "aaaaaaaa00000001" }) ?? "",
    }),
  ),
  ...[undefined, "node0-b was down"].map((undone) =>
    drift(
      undone === undefined ? "a record of a later run than the state" : "a record that the last run did not reach",
      {
        ...{ what: "the resource", how: "other" },
        seen:
          whyOtherRecord(
            { ...node, generation: "aaaaaaaa00000001", held: [{ want: "declared", by: "0b" }] },
            { generation: "aaaaaaaa00000001", by: "0a", undone },
          ) ?? "",
      },
    ),
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
  ...["active", "inactive"].flatMap((state) => maskedChrony(state)),
  { what: "an interface that leaves its zone of firewalld", said: leavesZone() },
  { what: "what is to be confined on a host without a firewall", said: confines() },
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
    what: "a pool that goes before its machines",
    said: warnOfLostPool(
      register([
        entry(dhcpId, [serve()]),
        entry(
          "OlaFleet/shop/prod/rack",
          [],
          [machine("old-1", { address: undefined }), machine("old-2", { address: undefined })],
        ),
      ]),
      new Set([dhcpId]),
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
    what: "somebody's edit of dhcpd.conf that a machine's change has read",
    said: whyEditComesIntoForce(
      changeOf([
        put("OlaNode/p/one/a", { want: "node", hostname: "a", macs: [], firmware: "x64", proof: true, blocks: "" }),
      ]),
      register([entry(dhcpId, [serve(), { want: "file", path: "/etc/dhcp/dhcpd.conf", mode: "0644", sha256: "" }])]),
      hostAnswers({ "look /etc/dhcp/dhcpd.conf": seenFile("/etc/dhcp/dhcpd.conf", { sha256: "edited" }) }),
    ),
  },
  {
    what: "boot files from another host",
    said: whyFilesAreUnknown(register([entry(dhcpId, [serve({ bootServer: "192.168.1.9" })])]), false),
  },
  { what: "an address that somebody took off node 0", said: whyAddressIsGone(register([dhcp, tftp]), false) },
  { what: "boot files of a TFTP server that is not ours", said: whyFilesAreUnknown(register([dhcp]), true) },
  {
    what: "files that nobody serves now",
    said: whyFilesAreNotProved({
      change: changeOf([]),
      register: register([tftp]),
      tftpSilent: "tftpd-hpa.service does not run; `pulumi up --refresh` starts it",
    } as never),
  },
];

function maskedChrony(state: string): readonly Situation[] {
  const id = "TimeServer/p/one/time";
  const said = `Id=chrony.service\nLoadState=masked\nUnitFileState=masked\nActiveState=${state}\n`;
  const found = driftOf(
    [put(id, { want: "unit", name: "chrony.service", restartedBy: [] })],
    facts([entry(id)], { "units.shown": { status: 0, said } }),
    sha256,
  );
  return (found.get(id) ?? []).map((seen) => drift(`chrony is masked, and ${state}`, seen));
}
