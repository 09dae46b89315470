import { describe, expect, it } from "vitest";
import type { Seen } from "../../../../provider/facts/question";
import { renderDrift } from "../../../../provider/kinds/drift";
import type { Want } from "../../../../provider/kinds/want";
import { driftOf, lookQuestions } from "../../../../provider/plan/drift";
import type { RegisterEntry } from "../../../../provider/plan/records";
import { firewallCase } from "../../../support/firewallCases";
import { entry, serve } from "./registered";
import { facts, put, seenFile, sha256, shownUnits, type Told } from "./told";

const id = "X/p/one/x";
const file: Want = { want: "file", path: "/etc/a", mode: "0644", content: "declared\n" };
const take: Want = { want: "take", path: "/srv/tftp/a", mode: "0644", package: "ipxe", members: [] };
const taken: RegisterEntry = entry(id, [{ want: "file", path: "/srv/tftp/a", mode: "0644", sha256: "aa" }]);

const drift = (want: Want, told: Told, held: RegisterEntry = entry(id)) =>
  driftOf([put(id, want)], facts([held], told), sha256).get(id);
const look = (path: string, more: Partial<Seen>): Told => ({ [`look ${path}`]: seenFile(path, more) });

describe("lookQuestions", () => {
  it("asks for the texts of files, for hashes of what comes out of packages, and for links", () => {
    const questions = lookQuestions([
      put("A", file, take),
      put("B", { want: "link", path: "/etc/l", target: "a" }, { want: "enabled", unit: "a.service" }),
    ]);
    expect(questions).toEqual({
      "look /etc/a": { ask: "path", path: "/etc/a", bytes: 4_000_000, hashed: true },
      "look /srv/tftp/a": { ask: "path", path: "/srv/tftp/a", bytes: 0, hashed: true },
      "look /etc/l": { ask: "path", path: "/etc/l", bytes: 0, hashed: true },
      "look /etc/systemd/system/multi-user.target.wants/a.service": {
        ask: "path",
        path: "/etc/systemd/system/multi-user.target.wants/a.service",
        bytes: 0,
        hashed: true,
      },
    });
  });

  it("asks for packages, units and the firewall only where they are wanted", () => {
    expect(lookQuestions([])).toEqual({});
    const all = lookQuestions([
      put(
        "A",
        { want: "package", name: "chrony", units: [] },
        { want: "unit", name: "b.service", restartedBy: [] },
        { want: "unit", name: "a.service", restartedBy: [] },
        { want: "firewall", interface: "name:eno2", allowDefaultRoute: false, rules: [] },
      ),
    ]);
    expect(all).toHaveProperty(["packages.status"]);
    expect(all["units.shown"]).toMatchObject({ argv: expect.arrayContaining(["a.service", "b.service"]) });
    expect(all).toHaveProperty(["nftables.json"]);
    expect(all).toHaveProperty(["look /var/lib/pulumi-netboot/firewall"]);
  });

  it("asks which machines a joined file lacks, and how names differ", () => {
    const node: Want = { want: "node", hostname: "a", macs: ["m"], firmware: "x64", proof: true, blocks: "" };
    const names: Want = { want: "names", mode: "hosts", domain: "b", records: "r\n" };
    expect(lookQuestions([put("A", node), put("B", { want: "registered" }), put("C", names)])).toMatchObject({
      "look.machines": { ask: "joined", path: "/etc/dhcp/netboot/hosts.conf", of: "blocks", ids: ["A", "B"] },
      "look.names": {
        ask: "joined",
        path: "/etc/hosts",
        of: "names",
        after: "r\n",
        domain: "b",
        begin: "# pulumi-netboot begin",
        end: "# pulumi-netboot end",
      },
    });
  });
});

describe("driftOf", () => {
  const same = sha256("declared\n");
  it.each<[string, Partial<Seen> | undefined, object[]]>([
    ["as declared", { sha256: same }, []],
    ["not answered", undefined, [{ what: "/etc/a", how: "missing", seen: "" }]],
    ["not there", { type: "absent" }, [{ what: "/etc/a", how: "missing", seen: "" }]],
    ["a link", { type: "link", target: "b" }, [{ what: "/etc/a", how: "missing", seen: "" }]],
    ["another text", { sha256: "bb", content: "edited\n" }, [{ what: "/etc/a", how: "changed", seen: "edited\n" }]],
    [
      "a text with a secret",
      { sha256: "bb", content: 'secret "abc";\n' },
      [{ what: "/etc/a", how: "changed", seen: "secret [secret];\n" }],
    ],
    [
      "a text that is too long",
      { sha256: "bb", bytes: 4_000_001, content: "…" },
      [{ what: "/etc/a", how: "changed", seen: "bb" }],
    ],
    ["another mode", { sha256: same, mode: "0600" }, [{ what: "/etc/a", how: "owner", seen: "0600 0:0" }]],
    ["another owner", { sha256: same, uid: 7, gid: 8 }, [{ what: "/etc/a", how: "owner", seen: "0644 7:8" }]],
    ["the same mode in fewer digits", { sha256: same, mode: "644" }, []],
  ])("compares a file with what is declared: %s", (_name, seen, expected) => {
    expect(drift(file, seen === undefined ? {} : look("/etc/a", seen))).toEqual(expected);
  });

  it("compares a text with the interface's name in it, as the register has it", () => {
    const want: Want = { ...file, content: "on @interface@\n" };
    const served = entry(id, [serve()]);
    expect(drift(want, look("/etc/a", { sha256: sha256("on eno2\n") }), served)).toEqual([]);
    expect(drift(want, look("/etc/a", { sha256: sha256("on @interface@\n") }), served)).toHaveLength(1);
  });

  it("compares what came out of a package with its hash in the register, and tells no bytes of it", () => {
    expect(drift(take, look("/srv/tftp/a", { sha256: "aa" }), taken)).toEqual([]);
    expect(drift(take, look("/srv/tftp/a", { sha256: "bb", content: "MZ" }), taken)).toEqual([
      { what: "/srv/tftp/a", how: "changed", seen: "bb" },
    ]);
  });

  const enabling = "/etc/systemd/system/multi-user.target.wants/a.service";
  it.each<[string, Want, Told, object[]]>([
    ["a link that is right", { want: "link", path: "/l", target: "a" }, look("/l", { type: "link", target: "a" }), []],
    [
      "a link to elsewhere",
      { want: "link", path: "/l", target: "a" },
      look("/l", { type: "link", target: "b" }),
      [{ what: "/l", how: "missing", seen: "" }],
    ],
    [
      "a unit that is enabled",
      { want: "enabled", unit: "a.service" },
      look(enabling, { type: "link", target: "/x" }),
      [],
    ],
    ["one that is not", { want: "enabled", unit: "a.service" }, {}, [{ what: enabling, how: "missing", seen: "" }]],
    [
      "a unit that runs",
      { want: "unit", name: "a.service", restartedBy: [] },
      { "units.shown": shownUnits({ "a.service": "active" }) },
      [],
    ],
    [
      "one that does not",
      { want: "unit", name: "a.service", restartedBy: [] },
      { "units.shown": shownUnits({ "a.service": "failed" }) },
      [{ what: "a.service", how: "stopped", seen: "failed (x); `journalctl -n 20 -u a.service` there says why" }],
    ],
    [
      "a package that is there",
      { want: "package", name: "chrony", units: [] },
      { "packages.status": { status: 0, said: "ii \tchrony\t1\t\n" } },
      [],
    ],
    [
      "one of which only the configuration is",
      { want: "package", name: "chrony", units: [] },
      { "packages.status": { status: 0, said: "rc \tchrony\t1\t\n" } },
      [{ what: "chrony", how: "missing", seen: "" }],
    ],
    [
      "names that are right",
      { want: "names", mode: "hosts", records: "" },
      { "look.names": { how: "same", lacks: [] } },
      [],
    ],
    [
      "names that are not",
      { want: "names", mode: "dnsmasq", records: "" },
      { "look.names": { how: "missing", lacks: [] } },
      [{ what: "/etc/netboot-names/hosts", how: "missing", seen: "" }],
    ],
    [
      "its own machines that a file lacks",
      { want: "registered" },
      {
        "look.machines": {
          how: "changed",
          lacks: [
            { id, hostname: "a", how: "changed" },
            { id, hostname: "c", how: "missing" },
            { id: "Y", hostname: "b", how: "missing" },
          ],
        },
      },
      [
        { what: "a", how: "changed", seen: "" },
        { what: "c", how: "missing", seen: "" },
      ],
    ],
    [
      "a machine that another resource of its stack took over",
      { want: "registered", machines: 1 },
      {},
      [{ what: "the machine", how: "other", seen: "another resource took it over, and node 0 does not serve it" }],
    ],
    [
      "machines of a fleet that other resources of its stack took over",
      { want: "registered", machines: 3 },
      {},
      [
        {
          what: "3 of its 3 machines",
          how: "other",
          seen: "other resources took them over, and node 0 does not serve them",
        },
      ],
    ],
    ["a fleet of an older release's state", { want: "registered" }, {}, []],
    [
      "what somebody wrote beside the machines",
      serve(),
      { "look.machines": { how: "changed", lacks: [] } },
      [{ what: "/etc/dhcp/netboot/hosts.conf", how: "changed", seen: "" }],
    ],
    ["a file of machines that is as it was", serve(), { "look.machines": { how: "same", lacks: [] } }, []],
    ["what is not looked at", { want: "history" }, {}, []],
  ])("tells of %s", (_name, want, told, expected) => {
    expect(drift(want, told)).toEqual(expected);
  });

  it("tells of a firewall that has not the rules any more", () => {
    const rules = ["67", "69", "established", "123"].map((what) => `allow in on eno2 udp ${what}`);
    const want: Want = { want: "firewall", interface: "name:eno2", allowDefaultRoute: false, rules };
    const held = entry(id, [
      { want: "firewall", interface: "name:eno2", allowDefaultRoute: false, rules },
      { want: "managed", manager: "nftables" },
    ]);
    const seen = drift(want, firewallCase("bookworm-nftables").answers, held);
    expect(seen?.length).toBeGreaterThan(0);
  });

  it("tells of a unit of the distribution that somebody masked, also while it runs", () => {
    const masked = (state: string) => {
      const found = driftOf(
        [put(id, { want: "unit", name: "chrony.service", restartedBy: [] })],
        facts([entry(id)], {
          "units.shown": { status: 0, said: `Id=chrony.service\nLoadState=masked\nUnitFileState=masked\n${state}` },
        }),
        sha256,
      );
      return found.get(id)?.map((each) => [renderDrift(each), each.isByHand]);
    };
    const how = "for somebody has masked it: `systemctl unmask chrony.service` takes that away";
    expect(masked("ActiveState=active")).toEqual([
      [`chrony.service: it runs, and would not start again, ${how}`, true],
    ]);
    expect(masked("ActiveState=inactive")).toEqual([[`chrony.service: it does not run, ${how}`, true]]);
  });

  it("tells nothing of a resource that the register has not, and of each its own", () => {
    const other = put("Y/p/one/y", { want: "unit", name: "a.service", restartedBy: [] });
    const found = driftOf(
      [put(id, file), other],
      facts([entry(other.id)], { "units.shown": shownUnits({ "a.service": "failed" }) }),
      sha256,
    );
    expect([...found].map(([of, drifts]) => [of, drifts.length])).toEqual([
      [id, 0],
      [other.id, 1],
    ]);
  });
});

describe("driftOf, of in.tftpd", () => {
  const want: Want = { want: "tftpd", address: "192.168.1.1", directory: "/srv/tftp" };
  const mount =
    "Where=/srv\nId=srv.mount\nRequiredBy=\nWantedBy=local-fs.target\nLoadState=loaded\nActiveState=inactive\n";

  it("looks at the folder that it runs in, and not only at what lies there", () => {
    expect(lookQuestions([put(id, want)])).toHaveProperty(["folder.view"]);
    expect(drift(want, { "folder.view": { status: 0, said: "1:2\n1:2\n" } })).toEqual([]);
    const [old] = drift(want, { "folder.view": { status: 0, said: "1:2\n3:2\n" } }) ?? [];
    expect(old && renderDrift(old)).toBe(
      "tftpd-hpa.service: it serves another folder than /srv/tftp is now, for a file system was mounted there since",
    );
  });

  it("says which file system its folder waits for", () => {
    const [waits] = drift(want, { "folder.mounts": { status: 0, said: mount } }) ?? [];
    expect(waits && renderDrift(waits)).toBe("srv.mount does not run: inactive, and /srv/tftp is to be on it");
  });
});
