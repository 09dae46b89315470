import { describe, expect, it } from "vitest";
import {
  type Before,
  beforeReplaced,
  type Comes,
  filesOf,
  whatGoes,
  whatIsLost,
} from "../../../../provider/preview/whatGoes";

const urn = (kind: string, name: string) => `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/netboot:${kind}::${name}`;
const state = (...resources: readonly (readonly [kind: string, name: string])[]) =>
  Object.fromEntries(
    resources.map(([kind, name]) => [urn(kind, name), { type: `pulumi-nodejs:dynamic/netboot:${kind}` }]),
  );

/** Declared as they were. */
const by = (...urns: readonly string[]): ReadonlyMap<string, string> => new Map(urns.map((each) => [each, each]));

describe("whatGoes", () => {
  it("names machines and fleets that the program has no more, and nothing else of the state", () => {
    const before = state(["OlaNode", "a"], ["OlaNode", "b"], ["OlaFleet", "rack"], ["BootFile", "x"]);
    expect(whatGoes(before, by(urn("OlaNode", "a")), new Set(["a"]))).toEqual([
      "no more in this program: b, all of fleet rack (but for what the program declares elsewhere). Node 0 serves no machine by these names after this up, unless --target or --exclude leaves them out, or retainOnDelete or deletedWith keeps them",
    ]);
    expect(whatGoes(state(["OlaNode", "b"]), by(), new Set())).toEqual([
      "no more in this program: b. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete or deletedWith keeps it",
    ]);
  });

  it("says nothing where nothing goes: also of what has an alias, or is in a fleet now", () => {
    const before = state(["OlaNode", "a"], ["OlaNode", "b"]);
    expect(whatGoes(before, by(urn("OlaNode", "a")), new Set(["c", "b"]))).toEqual([]);
    expect(whatGoes({}, by(), new Set())).toEqual([]);
  });

  it("tells of machines that the second of two servers serves no more, beside those that go", () => {
    const onSecond = (kind: string, name: string) => urn(`${kind}$pulumi-nodejs:dynamic/netboot:${kind}`, name);
    const before = {
      ...state(["OlaNode", "a"], ["OlaNode", "b"], ["OlaFleet", "rack"]),
      [onSecond("OlaNode", "a@node0-b")]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode" },
      [onSecond("OlaNode", "b@node0-b")]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode" },
      [onSecond("OlaFleet", "rack@node0-b")]: { type: "pulumi-nodejs:dynamic/netboot:OlaFleet" },
    };
    const declared = by(urn("OlaNode", "a"), urn("OlaFleet", "rack"));
    expect(whatGoes(before, declared, new Set(["a"]))).toEqual([
      expect.stringMatching(/^no more in this program: b\. Node 0 serves no machine/),
      "node0-b serves a no more after this up",
      "node0-b serves rack no more after this up",
    ]);
  });

  it("says nothing of a fleet of which all machines come with another one, and goes by host names, too", () => {
    const fleet = { type: "pulumi-nodejs:dynamic/netboot:OlaFleet", outputs: { __drawn: "d1" } };
    const before = { [urn("OlaFleet", "rack")]: fleet };
    const comes = { name: "m1", urn: urn("OlaFleet", "racks"), place: "one", isOnTwo: false };
    const goes = (drawn: string) => whatGoes(before, by(), new Set(["m1"]), new Map(), [{ ...comes, drawn }]);
    expect(goes("d1")).toEqual([]);
    expect(goes("d2")).toEqual([expect.stringMatching(/^no more in this program: all of fleet rack \(but for/)]);
    // As after \`pulumi state rename\`.
    const renamed = {
      [urn("OlaNode", "c5")]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode", outputs: { hostname: "b5" } },
    };
    expect(whatGoes(renamed, by(), new Set(["b5"]))).toEqual([]);
    expect(whatGoes(renamed, by(), new Set(["c"]))).toEqual([expect.stringMatching(/: c5\. Node 0 serves/)]);
  });

  it("says that it can't be told", () => {
    expect(whatGoes(new Error("no backend client is available"), by(), new Set())).toEqual([
      "whether machines go with this up can't be told: no backend client is available",
    ]);
  });
});

describe("whatGoes of two servers that change places", () => {
  it("tells of no second that is the first now", () => {
    const second = urn("OlaNode$pulumi-nodejs:dynamic/netboot:OlaNode", "a@node0-a");
    const before = { ...state(["OlaNode", "a"]), [second]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode" } };
    const declared = by(urn("OlaNode", "a"));
    expect(whatGoes(before, declared, new Set(["a"]), new Map([["a", "node0-a"]]))).toEqual([]);
    expect(whatGoes(before, declared, new Set(["a"]), new Map([["a", "node0-b"]]))).toEqual([
      "node0-a serves a no more after this up",
    ]);
  });
});

describe("beforeReplaced", () => {
  const type = "pulumi-nodejs:dynamic/netboot:OlaNode";
  const outputs = { hostname: "a", address: "10.20.0.11", macs: ["m1"], connection: { host: "one" } };
  const after = "10.20.0.11 a (m1)\nUEFI x64 → ipxe.efi sha256:1…";
  const other = "10.20.0.12 a (m1)\nUEFI x64 → ipxe.efi sha256:1…";
  const comes = { name: "a", after, urn: urn("OlaNode", "a"), place: "one", isOnTwo: false };

  it("is what the state has of a machine whose resource is replaced, and where it was if that was another node 0", () => {
    const state = { [comes.urn]: { type, outputs } };
    expect(beforeReplaced(comes, state, by(comes.urn))).toEqual({ before: after });
    expect(beforeReplaced({ ...comes, place: "two" }, state, by())).toEqual({ before: after, moved: "one → two" });
    expect(beforeReplaced({ ...comes, place: "two", isOnTwo: true }, state, by())).toEqual({ before: after });
    expect(beforeReplaced({ ...comes, after: "unknown" }, state, by())).toEqual({ before: "10.20.0.11 a (m1)" });
  });

  it("is what the state has of a resource that is replaced under another name", () => {
    const was = urn("OlaNode", "n2");
    const declared = new Map([[was, comes.urn]]);
    const of = (after: string) => beforeReplaced({ ...comes, after }, { [was]: { type, outputs } }, declared);
    expect(of(after)).toEqual({ before: after });
    expect(of(other)).toEqual({ isReplaced: true, others: ["another address"] });
  });

  it("shows no value of the state, of which one may be a secret", () => {
    const state = { [comes.urn]: { type, outputs } };
    const replaced = (more: object) => beforeReplaced({ ...comes, ...more }, state, by());
    expect(replaced({ after: other })).toEqual({ isReplaced: true, others: ["another address"] });
    expect(replaced({ after: other.replace("a (m1)", "b (m2)") })).toEqual({
      isReplaced: true,
      others: ["another address", "another host name", "other NICs"],
    });
    expect(replaced({ after: other.replace("10.20.0.12", "[address known only after this up]") })).toEqual({
      isReplaced: true,
      others: [],
    });
    expect(replaced({ after: other, isSecret: true })).toEqual({ isReplaced: true });
  });

  it("is what the state has of an OlaNode that goes, where a fleet has the machine now", () => {
    const inFleet = { ...comes, urn: urn("OlaFleet", "rack") };
    const fleet = { type: "pulumi-nodejs:dynamic/netboot:OlaFleet", outputs: {} };
    const state = { [urn("OlaNode", "a")]: { type, outputs }, [inFleet.urn]: fleet };
    expect(beforeReplaced(inFleet, state, by())).toEqual({ before: after });
    expect(beforeReplaced(inFleet, state, by(urn("OlaNode", "a"), inFleet.urn))).toEqual({});
  });

  it("is perhaps what a fleet had that goes, whatever has the machine now", () => {
    const gone = { [urn("OlaFleet", "webs")]: { type: "pulumi-nodejs:dynamic/netboot:OlaFleet", outputs: {} } };
    const inFleet = { ...comes, urn: urn("OlaFleet", "rack") };
    for (const each of [comes, inFleet]) {
      expect(beforeReplaced(each, gone, by(each.urn))).toEqual({ perhapsOf: "webs" });
    }
  });

  it("is told of a fleet as far as its machines are the same, and is nothing of what is new, or was told", () => {
    const fleet = { ...comes, urn: urn("OlaFleet", "rack"), drawn: "d1" };
    const of = (__drawn: string) => ({
      [fleet.urn]: {
        type: "pulumi-nodejs:dynamic/netboot:OlaFleet",
        outputs: { __drawn, connection: { host: "one" } },
      },
    });
    expect(beforeReplaced(fleet, of("d2"), by())).toEqual({ isReplaced: true });
    expect(beforeReplaced(fleet, of("d1"), by())).toEqual({ before: after });
    expect(beforeReplaced({ ...fleet, place: "two" }, of("d1"), by())).toEqual({
      before: after,
      moved: "one → two",
    });
    const renamed = { ...fleet, urn: urn("OlaFleet", "racks") };
    expect(beforeReplaced(renamed, of("d1"), by(renamed.urn))).toEqual({ before: after });
    expect(beforeReplaced(renamed, of("d2"), by(renamed.urn))).toEqual({ perhapsOf: "rack" });
    expect(beforeReplaced(renamed, of("d1"), by(renamed.urn, fleet.urn))).toEqual({});
    expect(beforeReplaced(comes, {}, by())).toEqual({});
    expect(beforeReplaced({ ...comes, before: "b" }, { [comes.urn]: { type, outputs } }, by())).toEqual({});
    expect(beforeReplaced(comes, new Error("no state"), by())).toEqual({});
  });
});

describe("whatIsLost", () => {
  const type = "pulumi-nodejs:dynamic/netboot:OlaNode";
  const stored = (hostname: string, address: string, mac: string, host = "one") => ({
    type,
    outputs: { hostname, address, macs: [mac], connection: { host } },
  });
  const [a, b] = [urn("OlaNode", "a"), urn("OlaNode", "b")];
  const state = { [a]: stored("a", "10.20.0.11", "m1"), [b]: stored("b", "10.20.0.12", "m2") };
  const declared = new Map([
    [a, a],
    [b, b],
  ]);
  const comes = (address: string, mac: string, more: Partial<Comes> = {}): Comes => ({
    ...{ name: "a", urn: a, place: "one", isOnTwo: false },
    after: `${address} ${more.name ?? "a"} (${mac})\nUEFI x64 → ipxe.efi sha256:1…`,
    ...more,
  });
  const lost = (...all: readonly Comes[]) => whatIsLost(state, declared, new Set(["a", "b"]), all);

  it("names a machine that stays as it is in the state, and from which another one takes something", () => {
    expect(lost(comes("10.20.0.12", "m1"))).toEqual([
      "b is served no more after this up: a takes its address 10.20.0.12, and b does not change in this run",
    ]);
    expect(lost(comes("10.20.0.11", "m1, m2"))).toEqual([expect.stringContaining(": a takes its MAC m2, and b ")]);
    expect(lost(comes("10.20.0.12", "m1", { isSecret: true }))).toEqual([
      expect.stringContaining(": a takes its address, and b "),
    ]);
  });

  it("says nothing where it changes itself, is on another node 0, or is the same under another name", () => {
    const second = comes("10.20.0.11", "m2", { name: "b", urn: b });
    expect(lost(comes("10.20.0.12", "m1"), second)).toEqual([]);
    expect(lost(comes("10.20.0.12", "m1", { place: "two" }))).toEqual([]);
    expect(lost(comes("10.20.0.13", "m1"), comes("10.20.0.14", "m9", { after: "unknown" }))).toEqual([]);
    const now = urn("OlaNode", "b2");
    const renamed = comes("10.20.0.12", "m2", { name: "b2", urn: now });
    expect(whatIsLost(state, new Map([...declared, [now, now], [b, now]]), new Set(["b2"]), [renamed])).toEqual([]);
    expect(whatIsLost(new Error("no state"), declared, new Set(), [comes("10.20.0.12", "m1")])).toEqual([]);
  });

  it("says of a machine that goes, and that something else declares without a change, that this one may have lost it", () => {
    const gone = (all: readonly Comes[], names = ["a", "b"]) =>
      whatIsLost(state, new Map([[a, a]]), new Set(names), all);
    expect(gone([])).toEqual([
      "OlaNode b goes, and what else declares b does not change in this run: if that lost the machine to OlaNode b before, node 0 serves it no more until `pulumi up --refresh`",
    ]);
    expect(gone([comes("10.20.0.12", "m2", { name: "b", urn: urn("OlaFleet", "rack") })])).toEqual([]);
    expect(gone([], ["a"])).toEqual([]);
  });
});

describe("filesOf", () => {
  const file = {
    name: "refind.pxe",
    directory: "/srv/tftp",
    place: "one",
    after: "cd",
    before: undefined,
    isMade: true,
  };
  const outputs = { name: "refind.pxe", directory: "/srv/tftp", sha256: "ab", connection: { host: "one" } };
  const of = (more: object) => ({
    [urn("BootFile", "x")]: { type: "pulumi-nodejs:dynamic/netboot:BootFile", outputs: { ...outputs, ...more } },
  });
  const comes: Comes = { name: "m1", urn: urn("OlaNode", "m1"), place: "one", isOnTwo: true };
  const told = (state: Before, files = [file], declared: readonly string[] = [], coming = [comes]) =>
    Object.fromEntries(filesOf(files, state, by(...declared), coming));

  it("has of one that is made what the state has of it, whatever its resource was called", () => {
    expect(told(of({}))).toEqual({ "refind.pxe": { before: "ab", after: "cd" } });
  });

  it.each([[{ name: "refind.conf" }], [{ directory: "/srv/boot" }], [{ connection: { host: "two" } }]])(
    "has nothing of another file: %j",
    (more) => {
      expect(told(of(more))).toEqual({ "refind.pxe": { before: undefined, after: "cd" } });
    },
  );

  it("does not know what was where the engine does not tell, and leaves none out", () => {
    const unknown = { "refind.pxe": { before: undefined, after: "cd" } };
    expect(told(new Error("no state"), [{ ...file, place: "two" }])).toEqual(unknown);
  });

  const there = { ...file, place: "two" };

  it("leaves out one that comes to a host which is no machine's first server", () => {
    expect(told({}, [there])).toEqual({});
    const machine = { type: "pulumi-nodejs:dynamic/netboot:OlaNode", outputs: { connection: { host: "two" } } };
    const state = { [urn("OlaNode", "m2")]: machine };
    expect(told(state, [there], [], [])).toEqual({});
    expect(told(state, [there], [urn("OlaNode", "m2")], [])).toHaveProperty(["refind.pxe"]);
    // The second of two is no first server, and a file that was there is another one.
    expect(told({}, [there], [], [{ ...comes, on: "two", place: "two" }])).toEqual({});
    expect(told({}, [{ ...there, isMade: false }])).toHaveProperty(["refind.pxe"]);
  });

  it("tells of the first server's where both have another one", () => {
    const both = [
      { ...file, after: "first" },
      { ...there, isMade: false, after: "second" },
    ];
    expect(told({}, both)).toMatchObject({ "refind.pxe": { after: "first" } });
    expect(told({}, both.toReversed())).toMatchObject({ "refind.pxe": { after: "first" } });
  });
});
