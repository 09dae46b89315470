import { describe, expect, it } from "vitest";
import type { Want } from "../../../../provider/kinds/want";
import type { CheckerPlan } from "../../../../provider/plan/plan";
import type { Held, RegisterEntry } from "../../../../provider/plan/records";
import {
  type Groundwork,
  planTransaction,
  renderCheckerWords,
  stagedName,
} from "../../../../provider/plan/transaction";
import { entry, register, serve, tftpd } from "./registered";
import { changeOf, put } from "./told";

const file = (path: string, sha256 = "aa"): Held => ({ want: "file", path, mode: "0644", sha256 });
const unit = (name: string, restartedBy: readonly string[] = [], reloadedBy?: readonly string[]): Held => ({
  want: "unit",
  name,
  restartedBy,
  ...(reloadedBy && { reloadedBy }),
});

interface Situation extends Partial<Omit<Groundwork, "change" | "register">> {
  readonly puts?: readonly ReturnType<typeof put>[];
  readonly drops?: readonly string[];
  readonly before?: readonly RegisterEntry[];
  readonly after?: readonly RegisterEntry[];
}

function planned({ puts = [], drops = [], before = [], after = before, ...more }: Situation) {
  return planTransaction({
    change: changeOf(puts, drops),
    register: register(before, after),
    stripped: [],
    proved: new Set(),
    names: [],
    script: undefined,
    has: () => true,
    bootServerIsHere: true,
    staleUnits: [],
    fileAt: () => undefined,
    firewallPaths: [],
    ...more,
  });
}

describe("planTransaction", () => {
  it("does nothing where nothing is wanted", () => {
    const plan = planned({});
    const lists = Object.entries(plan).filter(([, value]) => Array.isArray(value));
    expect(lists.length).toBeGreaterThan(8);
    for (const [, value] of lists) expect(value).toEqual([]);
    expect(plan.proves).toBeUndefined();
  });

  it("writes what the register holds of what is put, and of what lost something to it", () => {
    const stripped = entry("B", [tftpd]);
    const plan = planned({ puts: [put("A")], after: [entry("A", [file("/a")]), stripped], stripped: [stripped] });
    expect(plan.records).toEqual([{ id: "A", held: [file("/a")] }]);
    expect(plan.stripped).toEqual([{ id: "B", held: [tftpd] }]);
  });

  it("has files that travel, files that lie on node 0, and links", () => {
    const wants: readonly Want[] = [
      { want: "file", path: "/etc/a", mode: "0640", content: "x" },
      { want: "take", path: "/srv/tftp/ipxe.efi", mode: "0644", package: "ipxe", members: [] },
      { want: "take", path: "/srv/tftp/kept", mode: "0644", package: "ipxe", members: [] },
      { want: "link", path: "/etc/l", target: "a" },
      { want: "enabled", unit: "a.service" },
      { want: "enabled", unit: "unknown.service" },
      { want: "dir", path: "/etc/d", mode: "0755" },
    ];
    const path = "/etc/systemd/system/multi-user.target.wants/a.service";
    const enabling: Held = { want: "link", path, target: "/lib/systemd/system/a.service" };
    const known = new Map([
      ["/etc/a", { sha256: "aa" }],
      ["/srv/tftp/ipxe.efi", { sha256: "bb", from: "/var/x" }],
      ["/srv/tftp/kept", { sha256: "cc" }],
    ]);
    const { paths } = planned({
      puts: [put("A", ...wants)],
      fileAt: (path) => known.get(path),
      after: [entry("A", [enabling])],
    });
    const plain = { id: "A", isOurs: false, had: false };
    expect(paths).toEqual([
      { ...plain, path: "/etc/a", to: { is: "file", mode: "0640", content: "x", sha256: "aa" } },
      { ...plain, path: "/srv/tftp/ipxe.efi", to: { is: "file", mode: "0644", from: "/var/x", sha256: "bb" } },
      { ...plain, path: "/srv/tftp/kept", to: { is: "file", mode: "0644", from: "/srv/tftp/kept", sha256: "cc" } },
      { ...plain, path: "/etc/l", to: { is: "link", target: "a" } },
      {
        ...plain,
        path,
        to: { is: "link", target: "/lib/systemd/system/a.service" },
      },
    ]);
  });

  it("says what was ours, and what was written then", () => {
    const wants: readonly Want[] = [
      { want: "file", path: "/etc/a", mode: "0644", content: "x" },
      { want: "link", path: "/etc/l", target: "b" },
    ];
    const before = [entry("A", [file("/etc/a", "old"), { want: "link", path: "/etc/l", target: "a" }])];
    const { paths } = planned({ puts: [put("A", ...wants)], before });
    expect(paths).toMatchObject([{ had: true, recorded: "old" }, { had: true }]);
    expect(paths[1]).not.toHaveProperty("recorded");
  });

  it("brings back what was there before us where nobody wants anything any more", () => {
    const before = [
      entry("A", [file("/etc/a", "old"), { want: "link", path: "/etc/l", target: "a" }, file("/etc/theirs")]),
      entry("B", [file("/etc/b")]),
    ];
    const after = [entry("B", [file("/etc/b"), file("/etc/theirs")])];
    const { paths } = planned({ drops: ["A"], before, after });
    expect(paths).toEqual([
      { path: "/etc/a", id: "A", to: { is: "original" }, isOurs: false, had: true, recorded: "old" },
      { path: "/etc/l", id: "A", to: { is: "original" }, isOurs: false, had: true },
    ]);
  });

  it("adds the firewall's paths as they are", () => {
    const path = { path: "/var/x", id: "F", to: { is: "absent" }, isOurs: true, had: false } as const;
    expect(planned({ firewallPaths: [path] }).paths).toEqual([path]);
  });

  it("keeps every folder that anybody wants", () => {
    const after = [entry("A", [{ want: "dir", path: "/etc/d", mode: "0755" }])];
    expect(planned({ after }).folders).toEqual([{ path: "/etc/d", mode: "0755" }]);
  });

  it("has every unit, those of the change to be started, and stops those that nobody wants any more", () => {
    const before = [entry("A", [unit("a.service", ["/etc/a"])]), entry("B", [unit("b.service")])];
    const after = [entry("A", [unit("a.service", ["/etc/a"])]), entry("C", [unit("c.service", [], ["/etc/c"])])];
    const plan = planned({ puts: [put("C")], drops: ["B"], before, after, staleUnits: ["c.service"] });
    expect(plan.units).toEqual([
      { unit: "a.service", id: "A", restartedBy: ["/etc/a"], reloadedBy: [], isPut: false, isStale: false, had: true },
      { unit: "c.service", id: "C", restartedBy: [], reloadedBy: ["/etc/c"], isPut: true, isStale: true, had: false },
    ]);
    expect(plan.stops).toEqual([{ unit: "b.service" }]);
  });

  it("knows the sockets of units as they were, each unit once", () => {
    const listen: Held = { want: "listen", unit: "a.service", on: { kind: "packet", interface: "eno2" } };
    const before = [entry("A", [unit("a.service"), listen]), entry("B", [unit("a.service")])];
    expect(planned({ before, after: [] }).socketsBefore).toEqual([{ unit: "a.service", sockets: ["packet eno2"] }]);
  });

  it("has each daemon's own checker read the candidate, if something of it changes", () => {
    const after = [
      entry("D", [serve()]),
      entry("T", [{ want: "ntp", address: "192.168.1.1" }]),
      entry("N", [{ want: "names", mode: "dnsmasq", address: "192.168.1.1", records: "" }]),
    ];
    expect(planned({ after }).checks).toEqual([
      {
        program: "dhcpd",
        argv: ["dhcpd", "-t", "-4", "-cf", "/etc/dhcp/.netboot-candidate.conf"],
        if: ["/etc/dhcp/dhcpd.conf", "/etc/dhcp/netboot/hosts.conf"],
        candidate: {
          path: "/etc/dhcp/.netboot-candidate.conf",
          file: "/etc/dhcp/dhcpd.conf",
          includes: ["/etc/dhcp/netboot/hosts.conf"],
          before: "",
        },
      },
      {
        program: "chronyd",
        id: "T",
        argv: ["chronyd", "-p", "-f", "/etc/chrony/.netboot-candidate.conf"],
        if: ["/etc/chrony/conf.d/netboot.conf"],
        candidate: {
          path: "/etc/chrony/.netboot-candidate.conf",
          file: "/etc/chrony/chrony.conf",
          includes: [],
          before: "include @staged:/etc/chrony/conf.d/netboot.conf@\n",
        },
      },
      {
        program: "dnsmasq",
        id: "N",
        argv: ["dnsmasq", "--test", "--conf-file=@staged:/etc/netboot-names/dnsmasq.conf@"],
        if: ["/etc/netboot-names/dnsmasq.conf"],
      },
    ]);
  });

  it("writes into the log what is served from now on, where its hash is known", () => {
    const after = [
      entry("T", [tftpd]),
      entry("B", [file("/srv/tftp/a", "aa"), file("/srv/tftp/b", ""), file("/srv/tftpx/c")]),
    ];
    expect(planned({ after }).log).toEqual([{ path: "/srv/tftp/a", text: "serves a sha256:aa" }]);
    expect(planned({ after: after.slice(1) }).log).toEqual([]);
  });

  it("tells the rows of machines of restarts", () => {
    const node: Want = { want: "node", hostname: "a", macs: ["x"], firmware: "x64", proof: true, blocks: "" };
    expect(planned({ puts: [put("A", node), put("B")] }).tell).toEqual(["A"]);
  });
});

describe("stagedName", () => {
  it.each([
    ["/etc/dhcp/dhcpd.conf", "/etc/dhcp/.dhcpd.conf.netboot-new"],
    ["/a", "/.a.netboot-new"],
  ])("is beside %s", (path, expected) => {
    expect(stagedName(path)).toBe(expected);
  });
});

describe("renderCheckerWords", () => {
  const checks: Readonly<Record<"dhcpd" | "chronyd" | "dnsmasq", CheckerPlan>> = {
    dhcpd: {
      program: "dhcpd",
      argv: [],
      if: ["/etc/dhcp/dhcpd.conf", "/etc/dhcp/netboot/hosts.conf"],
      candidate: { path: "/etc/dhcp/.candidate", file: "/etc/dhcp/dhcpd.conf", includes: [], before: "" },
    },
    chronyd: {
      program: "chronyd",
      argv: [],
      if: ["/etc/chrony/conf.d/netboot.conf"],
      candidate: { path: "/etc/chrony/.candidate", file: "/etc/chrony/chrony.conf", includes: [], before: "" },
    },
    dnsmasq: { program: "dnsmasq", argv: [], if: ["/etc/netboot-names/dnsmasq.conf"] },
  };

  it("leaves out what every dhcpd says, and names the real files", () => {
    const said = [
      "Internet Systems Consortium DHCP Server 4.4.3-P1",
      "Copyright 2004-2022 Internet Systems Consortium.",
      "All rights reserved.",
      "For info, please visit https://www.isc.org/software/dhcp/",
      "/etc/dhcp/.candidate line 3: semicolon expected.",
      "option x",
      "/etc/dhcp/netboot/.hosts.conf.netboot-new line 1: expecting a declaration.",
      "Configuration file errors encountered -- exiting",
      "",
      "If you think you have received this message due to a bug rather",
      "exiting.",
    ].join("\n");
    expect(renderCheckerWords(checks.dhcpd, said)).toBe(
      "  /etc/dhcp/dhcpd.conf line 3: semicolon expected.\n  option x\n  /etc/dhcp/netboot/hosts.conf line 1: expecting a declaration.",
    );
  });

  it("has of chronyd its errors only", () => {
    const said =
      "pool x\nFatal error : Invalid directive at line 2 in file /etc/chrony/conf.d/.netboot.conf.netboot-new\nmakestep 1 3\n";
    expect(renderCheckerWords(checks.chronyd, said)).toBe(
      "  Fatal error : Invalid directive at line 2 in file /etc/chrony/conf.d/netboot.conf",
    );
  });

  it("has all that dnsmasq says", () => {
    const said = "\ndnsmasq: bad option at line 3 of /etc/netboot-names/.dnsmasq.conf.netboot-new\n";
    expect(renderCheckerWords(checks.dnsmasq, said)).toBe(
      "  dnsmasq: bad option at line 3 of /etc/netboot-names/dnsmasq.conf",
    );
  });
});
