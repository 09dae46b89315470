import { describe, expect, it } from "vitest";
import type { Wrong } from "../../../../provider/plan/outcome";
import { besidesOf, planProofOf, proofQuestions, renderProof } from "../../../../provider/plan/proof";
import type { RegisterEntry } from "../../../../provider/plan/records";
import { firewallCase } from "../../../support/firewallCases";
import { entry, machine, serve, tftpd } from "./registered";
import { facts, seenFile } from "./told";

const fleet = entry("OlaFleet/p/one/f", [], [machine("a"), machine("b", { loader: "snponly.efi" })]);
const serving = [entry("DhcpServer/p/one/dhcp", [serve()]), entry("TftpServer/p/one/tftp", [tftpd]), fleet];
const open = {
  ...firewallCase("bookworm-no-firewall-at-all").answers,
  "tftp.folder": ["ipxe.efi", "snponly.efi", "refind.pxe", "menu.efi"].map((name) => seenFile(`/srv/tftp/${name}`)),
  "tftp refind.pxe": seenFile("/srv/tftp/refind.pxe", { content: "#!ipxe\nchain menu.efi\n" }),
};
const told = (hostname: string, more: Readonly<Record<string, string>> = {}) => ({
  id: fleet.id,
  hostname,
  address: "192.168.1.2",
  firmware: "x64",
  loader: hostname === "b" ? "snponly.efi" : "-",
  macs: "1",
  ...more,
});

interface Situation {
  readonly ids?: readonly string[];
  /** As the state has it. */
  readonly generation?: string;
  readonly before?: readonly RegisterEntry[];
  readonly answers?: Readonly<Record<string, unknown>>;
  readonly machines?: readonly Readonly<Record<string, string>>[];
  readonly wrongs?: readonly Omit<Wrong, "undoes">[];
}

/** What is said of each machine. */
function proved({
  ids = [fleet.id],
  generation,
  before = serving,
  answers = open,
  machines = [told("a"), told("b")],
  wrongs = [],
}: Situation) {
  const plan = planProofOf(
    facts(before, answers),
    ids.map((id) => ({ id, generation })),
  );
  const proof = renderProof(
    plan,
    machines,
    wrongs.map((wrong) => ({ undoes: false, ...wrong })),
  );
  return Object.fromEntries([...proof].map(([id, of]) => [id, typeof of === "string" ? of : Object.fromEntries(of)]));
}

const served = {
  a: "served: 192.168.1.2, ipxe.efi, then refind.pxe (1 MAC)",
  b: "served: 192.168.1.2, snponly.efi, then refind.pxe (1 MAC)",
};

describe("proofQuestions", () => {
  it("asks for the firewall, and for what lies in the folder that is served", () => {
    const questions = proofQuestions();
    expect(questions).toHaveProperty(["nftables.json"]);
    expect(questions["tftp.folder"]).toMatchObject({ ask: "folder", path: "@held:tftpd:2@" });
  });
});

describe("planProofOf", () => {
  it("asks the boot server on this host for files though it is not ours, and knows nothing of one elsewhere", () => {
    const of = (bootServer: string) => {
      const before = [entry("DhcpServer/p/one/dhcp", [serve({ bootServer })]), fleet];
      const { expectations, keptOut } = planProofOf(facts(before, open), [{ id: fleet.id }]);
      return { names: expectations.flatMap((each) => (each.ask === "tftp" ? [each.name] : [])), keptOut: keptOut?.all };
    };
    expect(of("192.168.1.1").names).toEqual(["ipxe.efi", "refind.pxe", "snponly.efi", "refind.pxe"]);
    expect(of("192.168.1.1").keptOut?.text).toMatch(/^what refind\.pxe fetches from 192\.168\.1\.1 is not known here/);
    const text = "the boot files come from 192.168.1.9, which is not this host";
    expect(of("192.168.1.9")).toEqual({ names: [], keptOut: { of: "server", sure: false, text } });
    const ours = planProofOf(facts(serving, open), [{ id: fleet.id }]);
    expect(ours.keptOut?.all).toBeUndefined();
  });

  it("asks for the machines and their files, also those of the script that lies on node 0", () => {
    const { expectations, keptOut } = planProofOf(facts(serving, open), [{ id: fleet.id }]);
    const asked = expectations.map((each) => (each.ask === "tftp" ? each.name : each.ask));
    expect(asked).toEqual(["dhcp", "ipxe.efi", "refind.pxe", "menu.efi", "snponly.efi", "refind.pxe", "menu.efi"]);
    expect(keptOut?.all).toBeUndefined();
  });

  it("asks for nothing, and does not look at the firewall, where there are no such machines", () => {
    const closed = firewallCase("bookworm-nftables").answers;
    expect(planProofOf(facts(serving, closed), [{ id: "OlaNode/p/one/gone" }])).toMatchObject({
      expectations: [],
      keptOut: undefined,
    });
    expect(planProofOf(facts(serving, closed), [{ id: fleet.id }]).keptOut?.all).toMatchObject({ sure: true });
  });
});

describe("besidesOf", () => {
  it("tells each chain's files with their hashes, and which of them is wrong", () => {
    const plan = planProofOf(facts(serving, open), [{ id: fleet.id }]);
    const n = plan.expectations.findIndex((each) => each.ask === "tftp" && each.name === "menu.efi");
    const wrongs = [
      { n, undoes: false, seen: { said: "File not found" } },
      { n: 0, undoes: false, seen: { is: "machine", id: fleet.id, hostname: "b" } },
      { n: 0, undoes: false, seen: { is: "server", server: "192.168.1.9", hardware: "52:54:00:00:00:09" } },
    ];
    const { chains, wrongOffers, others, loaders } = besidesOf(plan, wrongs);
    expect([...chains].map(([chain, files]) => [chain, files.map(({ name, wrong }) => [name, wrong])])).toEqual([
      [
        "x64 ipxe.efi",
        [
          ["ipxe.efi", undefined],
          ["refind.pxe", undefined],
          ["menu.efi", "menu.efi could not be fetched by TFTP from 192.168.1.1: File not found; refind.pxe fetches it"],
        ],
      ],
      [
        "x64 snponly.efi",
        [
          ["snponly.efi", undefined],
          ["refind.pxe", undefined],
          ["menu.efi", undefined],
        ],
      ],
    ]);
    expect([...wrongOffers]).toEqual([`${fleet.id} b`]);
    expect(others).toEqual(["another DHCP server answers on the private network: 192.168.1.9 (52:54:00:00:00:09)"]);
    expect(loaders).toMatchObject({ x64: "ipxe.efi", script: "refind.pxe" });
  });

  it("knows no chains where there is no DHCP server", () => {
    const { chains, loaders, tellsServers } = besidesOf(planProofOf(facts([fleet], {}), []), []);
    expect([chains.size, loaders, tellsServers]).toEqual([0, {}, false]);
  });

  it("says whether another DHCP server would have been told", () => {
    const tells = (before: readonly RegisterEntry[], ids: readonly string[]): boolean =>
      besidesOf(
        planProofOf(
          facts(before, open),
          ids.map((id) => ({ id })),
        ),
        [],
      ).tellsServers;
    expect(tells(serving, [fleet.id])).toBe(true);
    expect(tells(serving, [])).toBe(false);
    const allowing = entry("DhcpServer/p/one/dhcp", [serve(), { want: "otherServers" }]);
    expect(tells([allowing, ...serving.slice(1)], [fleet.id])).toBe(false);
  });
});

describe("renderProof", () => {
  it("says of a resource that node 0 has it of another stack, or has no machine of it, and asks for nothing", () => {
    const id = "OlaNode/p/one/a~0badcafe";
    const others = { ...entry(id, [], [machine("a")]), generation: "bbbbbbbb00000002" };
    const of = { ids: [id], generation: "aaaaaaaa00000001", machines: [] };
    expect(proved({ ...of, before: [...serving, others] })).toEqual({
      [id]: "node 0 has it of another stack of this name, which took it over",
    });
    const empty = { ...entry(id), generation: of.generation };
    expect(proved({ ...of, before: [...serving, empty] })).toEqual({
      [id]: `node 0 has it of ${id} no more: another resource has its MAC, its address or its name; \`pulumi up --refresh\` declares it anew`,
    });
    expect(
      proved({ ids: ["OlaFleet/p/one/g"], before: [...serving, entry("OlaFleet/p/one/g")], machines: [] }),
    ).toEqual({
      "OlaFleet/p/one/g": {},
    });
  });

  it("says of each machine with what it is served", () => {
    expect(proved({})).toEqual({ [fleet.id]: served });
    const machines = [told("a", { address: "-", macs: "2" })];
    expect(proved({ machines })).toEqual({
      [fleet.id]: { a: "served: an address of the pool, ipxe.efi, then refind.pxe (2 MACs)" },
    });
  });

  it("says of a machine what another node 0 told it first that is wrong, unless this one does not serve it either", () => {
    const peer = {
      ...{ is: "peer", id: fleet.id, hostname: "a", mac: "52:54:00:00:00:01", server: "192.168.1.14" },
      ...{
        wanted: "192.168.1.2",
        wantedFile: "ipxe.efi",
        address: "192.168.1.2",
        file: "evil.efi",
        next: "192.168.1.14",
      },
    };
    const second = { ...peer, ipxe: "1", file: "other", wantedFile: "refind.pxe" };
    const wrongs = [peer, second].map((seen) => ({ n: 0, seen }));
    const two = entry("DhcpServer/p/one/dhcp", [serve(), { want: "peers", addresses: ["192.168.1.14"] }]);
    const said = proved({ before: [two, ...serving.slice(1)], wrongs })[fleet.id] as Readonly<Record<string, string>>;
    expect(said["a"]).toMatch(
      /^the firmware of a .* was told the file "evil\.efi", .*, by 192\.168\.1\.14: another node 0/,
    );
    expect(said["b"]).toBe(served.b);
    const own = { ...peer, is: "machine", file: "no.efi", from: "192.168.1.1" };
    const both = proved({ before: [two, ...serving.slice(1)], wrongs: [...wrongs, { n: 0, seen: own }] });
    expect((both[fleet.id] as Readonly<Record<string, string>>)["a"]).toMatch(/"no\.efi", .*, by 192\.168\.1\.1$/);
  });

  it("says beside every machine that the other of two takes this one for dead, and answers", () => {
    const two = entry("DhcpServer/p/one/dhcp", [
      serve(),
      { want: "daemon", daemon: "kea" },
      { want: "peers", addresses: ["192.168.1.14"] },
      { want: "hotStandby" },
    ]);
    const wrongs = [{ n: 0, seen: { is: "partner", state: "partner-down" } }];
    const said = proved({ before: [two, ...serving.slice(1)], wrongs })[fleet.id] as Readonly<Record<string, string>>;
    expect(Object.values(said)).toEqual(
      Array(Object.keys(served).length).fill(
        expect.stringMatching(
          /^served, but it takes 192\.168\.1\.14 for dead \(Kea: partner-down\), which answers as well/,
        ),
      ),
    );
  });

  it("says that a resource is gone, and that there is no server", () => {
    expect(proved({ ids: ["X"], machines: [] })).toEqual({ X: "gone" });
    const text = "there is no DHCP server on this host";
    expect(proved({ before: [fleet], machines: [] })).toEqual({ [fleet.id]: text });
  });

  it("says nothing of machines of which was not asked", () => {
    expect(proved({ machines: [{ ...told("x"), id: "Y" }] })).toEqual({ [fleet.id]: {} });
  });

  it("says of one machine what it was told instead", () => {
    const seen = { is: "machine", id: fleet.id, hostname: "a", mac: "52:54:00:00:00:01" };
    expect(proved({ wrongs: [{ n: 0, seen }] })).toEqual({
      [fleet.id]: { ...served, a: "the firmware of a (52:54:00:00:00:01) asked by DHCP and got no answer" },
    });
  });

  it("says of all machines of a chain which file does not come, the first one only", () => {
    const wrongs = [
      { n: 1, seen: { said: "File not found" } },
      { n: 3, seen: { said: "timeout" } },
    ];
    expect(proved({ wrongs })).toEqual({
      [fleet.id]: { ...served, a: "ipxe.efi could not be fetched by TFTP from 192.168.1.1: File not found" },
    });
  });

  it("says what is wrong with files as they lie there, also where they can be fetched", () => {
    const folder = open["tftp.folder"];
    const beside = { ...open, "tftp.folder": [...folder, seenFile("/srv/tftp/autoexec.ipxe")] };
    const { a = "", b = "" } = proved({ answers: beside })[fleet.id] as Readonly<Record<string, string>>;
    expect(a).toContain("autoexec.ipxe");
    expect(b).toContain("autoexec.ipxe");
    const one = { ...open, "tftp.folder": folder.filter(({ path }) => !path.endsWith("snponly.efi")) };
    const gone = "snponly.efi could not be fetched by TFTP from 192.168.1.1: File not found";
    expect(proved({ answers: one })).toEqual({ [fleet.id]: { ...served, b: gone } });
  });

  it("says which rule may have kept a file from coming in time", () => {
    const answers = { ...open, ...firewallCase("bookworm-a-limit").answers };
    const rule = firewallCase("bookworm-a-limit").said.replace("in doubt: ", "");
    const slow = { n: 1, seen: { said: "it did not come whole in 30 s" } };
    const text = "it did not come whole in 30 s, though a client that waits longer may get it";
    expect(proved({ answers, wrongs: [slow] })).toMatchObject({
      [fleet.id]: { a: `ipxe.efi could not be fetched by TFTP from 192.168.1.1: ${text}; ${rule}` },
    });
    const silent = { n: 1, seen: { said: "no answer" } };
    // What goes out by eno2 is let out, and nothing else.
    const own = { ...open, ...firewallCase("bookworm-all-let-out-on-this-interface").answers };
    expect(proved({ answers: own })).toEqual({ [fleet.id]: served });
    expect(proved({ answers: own, wrongs: [silent] })).toMatchObject({
      [fleet.id]: {
        a: expect.stringMatching(
          /: no answer; node 0's own question, which goes over lo, meets the policy of chain inet mine output, /,
        ),
      },
    });
    expect(proved({ wrongs: [slow] })).toMatchObject({
      [fleet.id]: { a: `ipxe.efi could not be fetched by TFTP from 192.168.1.1: ${text}` },
    });
  });

  it("says that a daemon was halted, which listens all the same", () => {
    const said = "Id=tftpd-hpa.service\nMainPID=7\nFreezerState=frozen\nRoot=/\nWords=in.tftpd\t\n\n";
    const answers = { ...open, "daemons.running": { status: 0, said } };
    const text =
      "no answer, for tftpd-hpa.service is frozen, and answers nobody until `systemctl thaw tftpd-hpa.service`";
    expect(proved({ answers, wrongs: [{ n: 1, seen: { said: "no answer" } }] })).toMatchObject({
      [fleet.id]: { a: `ipxe.efi could not be fetched by TFTP from 192.168.1.1: ${text}` },
    });
  });

  it("says of a way that is wrong for one machine only that one", () => {
    const ran = (value: readonly object[]) => ({ status: 0, said: JSON.stringify(value) });
    const answers = {
      ...open,
      "routing.rules": ran([
        { priority: 0, src: "all", table: "local" },
        { priority: 32766, src: "all", table: "main" },
      ]),
      "routing.inside": ran([
        { type: "local", dst: "192.168.1.1", dev: "eno2", table: "local", flags: [] },
        { dst: "192.168.1.0/28", dev: "eno2", flags: [] },
        { type: "blackhole", dst: "192.168.1.3", flags: [] },
      ]),
      "routing.around": ran([]),
    };
    const astray =
      "node 0 sends nothing to a machine at 192.168.1.3: by the route `blackhole 192.168.1.3/32` of table main; mend its routes (`ip route get 192.168.1.3`)";
    const machines = [told("a"), { ...told("b"), address: "192.168.1.3" }];
    expect(proved({ answers, machines })).toEqual({ [fleet.id]: { a: served.a, b: astray } });
    // Which address of the network it gets nobody knows.
    expect(proved({ answers, machines: [told("a", { address: "-" })] })).toEqual({ [fleet.id]: { a: astray } });
  });

  it("says what is wrong with a machine before what is wrong with its files and with the firewall", () => {
    const answers = { ...open, ...firewallCase("bookworm-nftables").answers };
    const kept = firewallCase("bookworm-nftables").said.replace("kept out: ", "");
    expect(proved({ answers })).toEqual({ [fleet.id]: { a: kept, b: kept } });
    const seen = { is: "machine", id: fleet.id, hostname: "a", mac: "m" };
    const wrongs = [
      { n: 0, seen },
      { n: 1, seen: { said: "x" } },
      { n: 4, seen: { said: "y" } },
    ];
    expect(proved({ answers, wrongs })).toEqual({
      [fleet.id]: {
        a: "the firmware of a (m) asked by DHCP and got no answer",
        b: "snponly.efi could not be fetched by TFTP from 192.168.1.1: y",
      },
    });
  });

  it("says where it can't be told whether the firewall lets machines in", () => {
    const answers = { ...open, ...firewallCase("bookworm-a-limit").answers };
    const text = `not proved: ${firewallCase("bookworm-a-limit").said.replace("in doubt: ", "")}`;
    expect(proved({ answers })).toEqual({ [fleet.id]: { a: text, b: text } });
  });

  it("says besides of other servers and of strangers that got an answer", () => {
    const wrongs = [
      { n: 0, seen: { is: "server", server: "192.168.1.9", hardware: "52:54:00:00:00:09" } },
      { n: 0, seen: { is: "stranger", mac: "52:54:00:00:00:99", address: "192.168.1.7" } },
    ];
    const text =
      "served, but another DHCP server answers on the private network: 192.168.1.9 (52:54:00:00:00:09); a machine that no program names (52:54:00:00:00:99) was offered 192.168.1.7";
    expect(proved({ wrongs })).toEqual({ [fleet.id]: { a: text, b: text } });
  });
});
