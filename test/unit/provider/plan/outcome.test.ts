import { describe, expect, it } from "vitest";
import {
  outputsOf,
  renderDifference,
  renderMeaning,
  renderUndone,
  whyInvalid,
  whyWrong,
  whyWrongOffer,
} from "../../../../provider/plan/outcome";
import type { DhcpExpectation, Expectation, Plan } from "../../../../provider/plan/plan";
import { entry, machine, register } from "./registered";
import { noPlan } from "./told";

const dhcp: DhcpExpectation & Expectation = {
  ask: "dhcp",
  id: "DhcpServer/p/one/dhcp",
  interface: "eno2",
  next: "192.168.1.1",
  script: "refind.pxe",
  loaders: { x64: "ipxe.efi", script: "refind.pxe" },
  puts: [],
  every: false,
  stands: [],
  stranger: true,
  othersAllowed: false,
};

const wrong = (expectation: Expectation, seen: Readonly<Record<string, string>>) =>
  whyWrong(expectation, { n: 0, undoes: true, seen });

const unit: Expectation = { ask: "unit", id: "A", unit: "a.service", sockets: ["packet eno2", "udp 192.168.1.1 69"] };
const file: Expectation = {
  ask: "tftp",
  id: "B",
  address: "192.168.1.1",
  name: "a",
  path: "/srv/tftp/a",
  sha256: "aa",
};
const ofChain: Expectation = { ...file, chain: "x64 a" };
const dns: Expectation = {
  ask: "dns",
  id: "N",
  server: "192.168.1.1",
  name: "a.b",
  type: 1,
  how: "tcp",
  has: "192.168.1.2",
  wanted: "192.168.1.2",
};
const offer = {
  is: "machine",
  id: "OlaNode/p/one/a",
  hostname: "a",
  mac: "52:54:00:00:00:01",
  wanted: "192.168.1.2",
  wantedFile: "ipxe.efi",
};
const right = { ...offer, address: "192.168.1.2", file: "ipxe.efi", next: "192.168.1.1", from: "192.168.1.1" };

describe("whyWrong", () => {
  it.each<[string, Expectation, Readonly<Record<string, string>>, string]>([
    [
      "a unit that does not listen",
      unit,
      {
        active: "active",
        sub: "running",
        said: `Started a.service - A.\n\nbind: no such address\na.service: Scheduled restart job, restart counter is at 8.\nbind: no such address\n`,
      },
      "a.service runs but does not listen on packet eno2 and udp 192.168.1.1 69; it said:\n  bind: no such address",
    ],
    [
      "a unit that fails",
      unit,
      {
        active: "failed",
        sub: "failed",
        said: "Internet Systems Consortium DHCP\nCopyright x\nAll rights reserved.\nFor info\nno subnet\n",
      },
      "a.service does not stay up (failed); it said:\n  no subnet",
    ],
    [
      "no DHCP server, which ends with seven lines of advice",
      unit,
      {
        active: "activating",
        sub: "auto-restart",
        said: [
          ...["Can't bind to dhcp address: Address already in use", "Please make sure there is no other dhcp server"],
          ...["If you think you have received this message due to a bug rather", "than a configuration issue", ""],
          ...["process and the information we find helpful for debugging.", "", "exiting.", "Main process exited"],
        ].join("\n"),
      },
      "a.service does not stay up (activating, auto-restart); it said:\n" +
        "  Can't bind to dhcp address: Address already in use\n" +
        "  Please make sure there is no other dhcp server\n  Main process exited",
    ],
    [
      "no time",
      { ask: "ntp", id: "T", address: "192.168.1.1", unit: "chrony.service" },
      { said: "no sources\n" },
      "chrony does not give the time: an NTP request to 192.168.1.1 got no answer, or none that a clock can be set by;\n  no sources",
    ],
    [
      "no name server",
      dns,
      { silent: "1" },
      "192.168.1.1 was asked by DNS (tcp) for a.b and answered nothing at all, not 192.168.1.2",
    ],
    [
      "a name that nobody knows",
      dns,
      { answers: "", rcode: "3" },
      "192.168.1.1 was asked by DNS (tcp) for a.b and answered nothing (code 3), not 192.168.1.2",
    ],
    [
      "other addresses of a name",
      { ...dns, how: "udp", wanted: "that there is no such name" },
      { answers: "192.168.1.3\u0000192.168.1.4", rcode: "0" },
      "192.168.1.1 was asked by DNS (udp) for a.b and answered 192.168.1.3, 192.168.1.4, not that there is no such name",
    ],
    [
      "a file that does not come",
      file,
      { said: "File not found" },
      "a could not be fetched by TFTP from 192.168.1.1: File not found",
    ],
    ["another file", file, { sha256: "bb" }, "TFTP served another a than /srv/tftp/a (sha256 bb, not aa)"],
    [
      "another file of a chain",
      ofChain,
      { sha256: "bb" },
      "TFTP served another a than was declared (sha256 bb, not aa); `pulumi up --refresh` mends what somebody changed",
    ],
    [
      "a stranger",
      dhcp,
      { is: "stranger", mac: "52:54:00:00:00:99", address: "192.168.1.7" },
      'a machine that no program names (52:54:00:00:00:99) was offered the address 192.168.1.7; take out what lets unknown clients in (extraConfig, a drop-in of the unit), or say unknownMachines: "serve"',
    ],
  ])("says of %s what was seen", (_name, expectation, seen, message) => {
    expect(wrong(expectation, seen)).toEqual({ code: "NOT_SERVING", id: expectation.id, message });
  });

  it("shows of a long log its last lines", () => {
    const said = [...Array(20).keys()].map((at) => `line ${at}\n`).join("");
    const { message } = wrong(unit, { active: "failed", sub: "failed", said });
    expect(message.split("\n").slice(1)).toEqual([...Array(12).keys()].map((at) => `  line ${at + 8}`));
  });

  it("says which rules are missing", () => {
    const heads: Expectation = { ask: "heads", id: "F", heads: "" };
    const message = "the rules are not in the firewall as they should be: chain inet a input; chain inet b input";
    expect(wrong(heads, { missing: "chain inet a input\0chain inet b input" })).toEqual({
      code: "FIREWALL_REFUSED",
      id: "F",
      message,
    });
    const run: Expectation = { ask: "run", id: "F", argv: ["ufw", "status"], matches: [], what: "allow in on eno2" };
    expect(wrong(run, { said: "x" })).toMatchObject({
      code: "FIREWALL_REFUSED",
      message: "the rules are not in the firewall as they should be: allow in on eno2",
    });
  });

  it("names another DHCP server", () => {
    expect(wrong(dhcp, { is: "server", server: "192.168.1.9", hardware: "52:54:00:00:00:09" })).toEqual({
      code: "OTHER_DHCP_SERVER",
      id: dhcp.id,
      message:
        "another DHCP server answers on eno2: 192.168.1.9 (52:54:00:00:00:09); which of the two a machine takes is chance. " +
        'Switch it off, or say otherDhcpServers: "allow" if it leaves these machines alone; or its address there if it is a node 0 of yours for them',
    });
  });

  it("tells what another node 0 offers otherwise, or somebody in its name", () => {
    const two = { ...dhcp, peers: [{ address: "192.168.1.14", next: "192.168.1.14" }] };
    const seen = { ...right, is: "peer", server: "192.168.1.14", next: "192.168.1.14", from: "192.168.1.99" };
    expect(wrong(two, { ...seen, file: "evil.efi" })).toEqual({
      code: "NOT_SERVING",
      id: "OlaNode/p/one/a",
      message:
        'the firmware of a (52:54:00:00:00:01) was told the file "evil.efi", not "ipxe.efi", by 192.168.1.14: ' +
        "another node 0 by the program, and a machine takes either answer",
    });
    expect(wrong(two, { ...seen, next: "192.168.1.9" }).message).toMatch(
      /^the firmware of a \(52:54:00:00:00:01\) was sent to the boot server 192\.168\.1\.9, not 192\.168\.1\.14, by 192\.168\.1\.14: another/,
    );
  });

  it("puts a file that is fetched for one that stands for many on no row", () => {
    const stands = wrong(
      { ...ofChain, script: "refind.pxe", stands: true, id: "OlaNode/p/two/m" },
      { said: "timeout" },
    );
    expect(stands).not.toHaveProperty("id");
    expect(stands.message).toBe(
      "a could not be fetched by TFTP from 192.168.1.1: timeout; refind.pxe fetches it (OlaNode/p/two/m, which stands for all machines with this chain)",
    );
  });

  it("puts a machine's offer on the machine's row, and that of one that stands for many on none", () => {
    const own = wrong(dhcp, offer);
    expect(own).toEqual({ code: "NOT_SERVING", id: offer.id, message: whyWrongOffer("192.168.1.1", offer) });
    const stands = wrong(dhcp, { ...offer, stands: "1" });
    expect(stands).not.toHaveProperty("id");
    expect(stands.message).toBe(`${own.message} (OlaNode/p/one/a, which stands for all machines with this chain)`);
  });
});

describe("whyWrongOffer", () => {
  it.each<[string, Readonly<Record<string, string>>, string]>([
    ["no answer", offer, "the firmware of a (52:54:00:00:00:01) asked by DHCP and got no answer"],
    ["iPXE, no answer", { ...offer, ipxe: "1" }, "iPXE of a (52:54:00:00:00:01) asked by DHCP and got no answer"],
    ["not asked any more", { ...offer, late: "1" }, "not asked: a minute was over"],
    [
      "another address",
      { ...right, address: "192.168.1.9" },
      "the firmware of a (52:54:00:00:00:01) was offered the address 192.168.1.9, not 192.168.1.2, by 192.168.1.1",
    ],
    [
      "another file",
      { ...right, wanted: "-", address: "192.168.1.9", file: "x" },
      'the firmware of a (52:54:00:00:00:01) was told the file "x", not "ipxe.efi", by 192.168.1.1',
    ],
    [
      "another boot server",
      { ...right, next: "192.168.1.7", ipxe: "1" },
      "iPXE of a (52:54:00:00:00:01) was sent to the boot server 192.168.1.7, not 192.168.1.1, by 192.168.1.1",
    ],
  ])("says what was told instead: %s", (_name, seen, text) => {
    expect(whyWrongOffer("192.168.1.1", seen)).toBe(text);
  });
});

describe("whyInvalid", () => {
  it("has the checker's words, on the row of whose daemon it is", () => {
    const checks: Plan["checks"] = [
      { program: "dhcpd", argv: [], if: [] },
      { program: "dnsmasq", id: "N", argv: [], if: ["/etc/x"] },
    ];
    const plan = { ...noPlan, checks };
    expect(whyInvalid(plan, 1, "bad option in /etc/.x.netboot-new\n")).toEqual({
      code: "CONFIG_REFUSED",
      id: "N",
      message: "dnsmasq refused the new configuration:\n  bad option in /etc/x",
    });
    expect(whyInvalid(plan, 0, "line 1: no")).toEqual({
      code: "CONFIG_REFUSED",
      message: "dhcpd refused the new configuration:\n  line 1: no",
    });
    expect(whyInvalid(plan, 2, "x")).toMatchObject({ code: "BUG" });
  });
});

describe("renderDifference", () => {
  const seen = { id: "A", path: "/etc/a", copy: "/var/x", lines: "-old\n+new" };
  it.each([
    ["edited", "/etc/a was changed by hand since the last run; it is overwritten, and kept as /var/x"],
    [
      "adopted",
      "/etc/a was there already, as a package or somebody left it; it is kept, and comes back on destroy. What changes:",
    ],
    ["block", "lines that somebody wrote into our block in /etc/a are taken out of it:"],
  ])("says why lines go: %s", (why, headline) => {
    expect(renderDifference({ ...seen, why })).toEqual({ id: "A", text: `${headline}\n-old\n+new` });
  });

  it("shows no secret of somebody's", () => {
    expect(renderDifference({ ...seen, why: "adopted", lines: '-  secret "abc";' }).text).toMatch(
      /\n- {2}secret \[secret\];$/,
    );
  });

  it("is on no row where nobody's it is", () => {
    const { id: _, ...nobodys } = seen;
    expect(renderDifference({ ...nobodys, why: "edited" }).id).toBe("-");
  });

  it("shows no machines, which a program may have made secrets", () => {
    const edited = { why: "edited", id: "A", path: "/etc/dhcp/netboot/hosts.conf", copy: "/var/x", lines: "-host a" };
    expect(renderDifference(edited).text).toBe(
      "/etc/dhcp/netboot/hosts.conf was changed by hand since the last run; it is overwritten, and kept as /var/x. Its lines are not " +
        "shown, for machines may be secrets: `diff /var/x /etc/dhcp/netboot/hosts.conf` there",
    );
  });
});

describe("renderUndone", () => {
  it.each([
    [{}, "the previous configuration was put back"],
    [
      { ran: "a.service\0b.service", down: "" },
      "the previous configuration was put back, and runs: a.service, b.service",
    ],
    [
      { ran: "a.service\0b.service", down: "b.service" },
      "the previous configuration was put back, but these do not run with it either: b.service",
    ],
    [{ failed: "cannot rename" }, "putting the previous configuration back failed: cannot rename"],
  ])("says what became of node 0: %j", (seen, text) => {
    expect(renderUndone(seen)).toBe(text);
  });
});

describe("outputsOf", () => {
  const asked = (...puts: readonly string[]): Plan => ({ ...noPlan, expectations: [unit, { ...dhcp, puts }] });
  const outputs = (plan: Plan, entries: Parameters<typeof register>[0], ids: readonly string[], doubt?: string) =>
    Object.fromEntries(outputsOf(plan, register(entries), ids, () => doubt));

  it("tells on what a unit of the change listens", () => {
    expect(outputs(asked(), [entry("A")], ["A"])).toEqual({ A: { listening: "eno2 udp 67, 192.168.1.1:69 udp" } });
    expect(outputs(asked(), [entry("A")], [])).toEqual({});
  });

  it("tells that names are in /etc/hosts", () => {
    expect(outputs(noPlan, [entry("N", [{ want: "names", mode: "hosts", records: "" }])], ["N"])).toEqual({
      N: { listening: "/etc/hosts" },
    });
  });

  it.each<[string, Parameters<typeof entry>[2], string]>([
    ["one machine", [machine("a")], "DHCP offered 192.168.1.2, ipxe.efi, then refind.pxe (1 MAC)"],
    [
      "one with a loader and two NICs, of the pool",
      [machine("a", { address: undefined, loader: "snponly.efi", macs: ["x", "y"] })],
      "DHCP offered an address of the pool, snponly.efi, then refind.pxe (2 MACs)",
    ],
  ])("tells what DHCP offered: %s", (_name, machines, verified) => {
    expect(outputs(asked("M"), [entry("M", [], machines)], ["M"])).toEqual({ M: { verified } });
    expect(outputs(asked("M"), [entry("M", [], machines)], ["M"], "no idea")).toEqual({
      M: { verified: `${verified}; not proved: no idea` },
    });
  });

  it("tells of a fleet that was there which of its machines were asked", () => {
    const two = [entry("M", [], [machine("a"), machine("b")])];
    const outputs = (before: typeof two) =>
      outputsOf(asked("M"), register(before, two), ["M"], () => undefined).get("M")?.["verified"];
    expect(outputs([])).toBe("DHCP offered their addresses and files to 2 machines (2 MACs)");
    expect(outputs(two)).toBe(
      "DHCP offered their addresses and files to the new and changed of 2 machines (2 MACs), and to one of each chain",
    );
  });

  it("tells that machines were not asked for, as they said", () => {
    const silent = entry("M", [], [machine("a", { proof: false })]);
    expect(outputs(asked(), [silent], ["M"])).toEqual({ M: { verified: "not asked: verify is false" } });
    expect(outputs(noPlan, [entry("M", [], [machine("a")]), entry("X")], ["M", "X"])).toEqual({});
  });

  it("tells the hash of a file that was taken out of a package", () => {
    const taken = entry("B", [
      { want: "taken", path: "/srv/tftp/a", package: "ipxe", version: undefined },
      { want: "file", path: "/srv/tftp/b", mode: "0644", sha256: "bb" },
      { want: "file", path: "/srv/tftp/a", mode: "0644", sha256: "aa" },
    ]);
    expect(outputs(noPlan, [taken], ["B"])).toEqual({ B: { sha256: "aa" } });
  });
});

describe("renderMeaning", () => {
  const names = Array.from({ length: 10 }, (_, at) => `OlaNode/p/one/n${at}`);

  it("says what node 0 serves where this run has changed nothing there", () => {
    expect(renderMeaning("CLASH", undefined, [])).toBe("Nothing was changed, and node 0 serves what it served");
    expect(renderMeaning("HOST_KEY_CHANGED", undefined, [])).toBe(
      "This change did not reach node 0, and changed nothing there",
    );
    expect(renderMeaning("NOT_SERVING", "the previous configuration was put back", [])).toBe(
      "the previous configuration was put back",
    );
    expect(renderMeaning("CONNECTION_LOST", undefined, [])).toMatch(/^if the change had arrived whole/);
    expect(renderMeaning("COMMAND_FAILED", undefined, [])).toBe("");
  });

  it("names what of this run stands all the same, and says no more that nothing was changed", () => {
    expect(renderMeaning("CLASH", undefined, ["OlaNode/p/one/a"])).toBe(
      "Nothing of this change was done; of this run stands on node 0: OlaNode/p/one/a",
    );
    expect(renderMeaning("HOST_UNREACHABLE", undefined, ["OlaNode/p/one/a"])).toBe(
      "This change did not reach node 0; of this run stands on node 0: OlaNode/p/one/a",
    );
    expect(renderMeaning("IN_USE", undefined, [], ["OlaNode/p/one/a"])).toBe(
      "Nothing of this change was done; this run has taken off node 0: OlaNode/p/one/a",
    );
    expect(renderMeaning("NOT_SERVING", "all was put back", names)).toMatch(
      /^all was put back; of this run stands on node 0: OlaNode\/p\/one\/n0, .*n7 and 2 more$/,
    );
  });
});
