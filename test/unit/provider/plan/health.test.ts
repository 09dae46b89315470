import { describe, expect, it } from "vitest";
import { servers } from "../../../../provider/facts/servers";
import { ailmentsOf } from "../../../../provider/plan/health";
import { entry, serve, tftpd } from "./registered";
import { facts } from "./told";

const name = "pulumi-netboot-recovery.service";
const before = [entry("DhcpServer/p/one/dhcp", [serve(), tftpd])];
const recovery = (more: string) => ({
  "health.units": {
    status: 0,
    said: `Id=${name}\nLoadState=loaded\nActiveState=inactive\nWantedBy=multi-user.target\n${more}`,
  },
});

describe("ailmentsOf", () => {
  it("has nothing against a node 0 that is well, or of which nothing is ours", () => {
    expect(ailmentsOf(facts(before, recovery("")))).toEqual([]);
    expect(ailmentsOf(facts([], recovery("WantedBy=\n")))).toEqual([]);
    const unread = recovery("")["health.units"].said.replace(/^WantedBy=.*$/m, "WantedBy=\nUnitFileState=enabled");
    expect(ailmentsOf(facts(before, { "health.units": { status: 0, said: unread } }))).toEqual([]);
  });

  it.each([
    [
      "ActiveState=failed",
      "failed when node 0 booted: `journalctl -b -u pulumi-netboot-recovery.service` there says why",
    ],
    ["WantedBy=", "is not enabled, so nothing would undo"],
    ["LoadState=masked", "is masked, so nothing would undo"],
    ["LoadState=not-found", "is not-found, so nothing would undo"],
  ])("tells of a recovery that a boot would miss: %s", (line, text) => {
    const [key = ""] = line.split("=");
    const told = recovery("");
    const said = told["health.units"].said.replace(new RegExp(`^${key}=.*$`, "m"), line);
    const [ailment] = ailmentsOf(facts(before, { "health.units": { status: 0, said } }));
    expect(ailment?.what).toBe(name);
    expect(ailment?.text).toContain(text);
  });

  it.each([
    ["is at home", "192.168.1.1/28", []],
    ["is gone", "192.168.1.9/28", ["node 0 does not have 192.168.1.1 any more, from which machines fetch their files"]],
  ])("holds up every `up` where the address of node 0 is taken off: it %s", (_what, address, texts) => {
    const [local = "", prefixlen = ""] = address.split("/");
    const said = (links: unknown) => ({ status: 0, said: JSON.stringify(links) });
    const found = ailmentsOf(
      facts(before, {
        ...recovery(""),
        "links.links": said([{ ifname: "eno2", flags: ["UP", "LOWER_UP"] }]),
        "links.addresses": said([
          { ifname: "eno2", addr_info: [{ family: "inet", local, prefixlen: Number(prefixlen) }] },
        ]),
      }),
    );
    expect(found.map(({ text }) => text.replace(/:.*/s, ""))).toEqual(texts);
    expect(found.every(({ holdsUp }) => holdsUp === true)).toBe(true);
  });

  it("tells of a drill, for which DHCP and TFTP are silent", () => {
    const said = "Id=pulumi-netboot-drill.timer\nLoadState=loaded\nActiveState=active\n";
    expect(ailmentsOf(facts(before, { ...recovery(""), "health.drill": { status: 0, said } }))).toEqual([
      {
        what: "pulumi-netboot-drill.timer",
        text: "a drill keeps DHCP and TFTP silent here; this timer starts them again within a minute, and an `up` that changes them ends it before",
      },
    ]);
  });

  const unit = { want: "unit", name: "tftpd-hpa.service", restartedBy: [] } as const;
  const starting = (boot: string, unmet = "") =>
    ailmentsOf(
      facts([entry("TftpServer/p/one/tftp", [tftpd, unit])], {
        ...recovery(""),
        "nextStart.boot": { status: 0, said: boot },
        "nextStart.conditions": {
          status: 0,
          said: "/etc/systemd/system/tftpd-hpa.service.d/x.conf:ConditionPathExists=!/x",
        },
        "nextStart.unmet": { status: 0, said: unmet },
      }),
    );

  it("has nothing against a boot that starts all of ours, or whose systemd tells nothing", () => {
    const boot = "target graphical.target\nstarts multi-user.target\nstarts tftpd-hpa.service\n";
    expect(starting(`${boot}conflict tftpd-hpa.service shutdown.target\n`)).toEqual([]);
    expect(starting("")).toEqual([]);
    expect(
      starting(boot, "systemd-analyze: unrecognized option '--unit=tftpd-hpa.service'\nunmet tftpd-hpa.service"),
    ).toEqual([]);
    expect(starting(boot, "tftpd-hpa.service: ConditionPathExists=/y failed.\nunmet tftpd-hpa.service")).toEqual([]);
  });

  it.each([
    ["target rescue.target\nstarts sysinit.target\n", "", /^the next boot of node 0 goes to rescue\.target/],
    [
      "target multi-user.target\nstarts multi-user.target\nstarts tftpd-hpa.service\nstarts maint.service\nconflict tftpd-hpa.service maint.service\n",
      "",
      /^a boot of node 0 starts maint\.service too, and by Conflicts=/,
    ],
    [
      "",
      "tftpd-hpa.service: ConditionPathExists=!/x failed.\nConditions failed.\nunmet tftpd-hpa.service\n",
      /^systemd would not start tftpd-hpa\.service now, for this does not hold: ConditionPathExists=!\/x; /,
    ],
  ])("tells of a daemon that would not run next time: %j %j", (boot, unmet, told) => {
    const [ailment, ...more] = starting(boot, unmet);
    expect([ailment?.what, more]).toEqual(["tftpd-hpa.service", []]);
    expect(ailment?.text).toMatch(told);
  });

  const ailing = (told: Parameters<typeof facts>[1]) =>
    ailmentsOf(facts([entry("TftpServer/p/one/tftp", [tftpd, unit])], { ...recovery(""), ...told }));

  it("tells of a user that was deleted, of a daemon that is node 0's", () => {
    const gone = (name: string) => ailing({ "daemonUsers.gone": { status: 0, said: `gone ${name}\n` } });
    expect(gone("tftpd-hpa.service")).toMatchObject([
      {
        what: "tftpd-hpa.service",
        text: expect.stringMatching(/^somebody has deleted the user tftp, as whom tftpd-hpa\.service runs/),
      },
    ]);
    expect(gone("chrony.service")).toEqual([]);
  });

  it("tells of an address of node 0's that goes by itself, and of no other", () => {
    const address = (local: string, seconds: number) => [
      { ifname: "eno2", addr_info: [{ local, valid_life_time: seconds }] },
    ];
    const told = (local: string, seconds: number, givers = "") =>
      ailing({
        "links.addresses": { status: 0, said: JSON.stringify(address(local, seconds)) },
        "addressLifetimes.givers": { status: 0, said: givers },
      });
    expect(told("192.168.1.1", 4_294_967_295)).toEqual([]);
    expect(told("192.168.1.9", 60)).toEqual([]);
    const given = "client dhclient dhclient eno1\nmanager systemd-networkd eno2\n";
    expect(told("192.168.1.1", 60, given)).toEqual([
      {
        what: "eno2",
        text: "192.168.1.1 goes in 60 seconds unless it is renewed; systemd-networkd gives it there: give eno2 that address for good, in the host's own network configuration",
      },
    ]);
  });

  it.each([
    ["755 0 0 root root /srv/tftp\n755 0 0 root root /srv\n", undefined],
    ["2775 0 0 root root /srv/tftp\n1777 0 0 root root /srv\n", undefined],
    [
      "755 106 113 tftp tftp /srv/tftp\n",
      /^\/srv\/tftp is .*: it belongs to the user tftp\. Run `chown root \/srv\/tftp`/,
    ],
    ["755 1234 0 UNKNOWN root /srv/tftp\n", /the user 1234\. /],
    ["1777 0 0 root root /srv/tftp\n", /everybody may write to it \(mode 1777\)\. Run `chmod o-w \/srv\/tftp`/],
    [
      "755 0 0 root root /srv/tftp\n775 0 7 root lp /srv\n",
      /^\/srv is .* the group lp may write .*, and \/srv\/tftp lies/,
    ],
  ])("tells who may exchange boot files: %j", (said, told) => {
    const found = ailing({ "folder.owners": { status: 0, said } });
    if (told === undefined) expect(found).toEqual([]);
    else expect(found).toMatchObject([{ what: "/srv/tftp", text: expect.stringMatching(told) }]);
  });

  it("tells of a server that does the same, now or after the next boot", () => {
    const holder = {
      protocol: "udp",
      address: "0.0.0.0",
      port: 69,
      pid: 7,
      program: "dnsmasq",
      unit: "dnsmasq.service",
    };
    expect(ailmentsOf(facts(before, { ...recovery(""), "servers.holders": [holder] }))).toEqual([
      { what: "another server", text: "dnsmasq (dnsmasq.service) has port 69 of 192.168.1.1 already (udp 0.0.0.0:69)" },
    ]);
  });

  it("tells of a name server that is enabled and fails, for it may get the port before ours at a later boot", () => {
    const names = entry("NameServer/p/one/names", [
      { want: "names", mode: "dnsmasq", address: "192.168.1.1", domain: undefined, records: "" } as never,
    ]);
    const question = servers.questions["servers.units"];
    const asked = question?.ask === "run" ? question.argv.slice(question.argv.indexOf("--") + 1) : [];
    const units = (state: string, wanted: string) => {
      const paragraphs = asked.map((id) =>
        id === "dnsmasq.service" ? `Id=${id}\nActiveState=${state}\nWantedBy=${wanted}\n` : `Id=${id}\n`,
      );
      return { ...recovery(""), "servers.units": { status: 0, said: paragraphs.join("\n") } };
    };
    expect(ailmentsOf(facts([names], units("failed", "multi-user.target")))).toEqual([
      {
        what: "another server",
        text: expect.stringMatching(
          /^dnsmasq\.service does not run now, and would serve names after the next boot: it is enabled\. Let it listen on other/,
        ),
      },
    ]);
    expect(ailmentsOf(facts([names], units("failed", "")))).toEqual([]);
    // Without names of ours there is nothing that it takes away.
    expect(ailmentsOf(facts(before, units("failed", "multi-user.target")))).toEqual([]);
  });
});
