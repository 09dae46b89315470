import { describe, expect, it } from "vitest";
import { beforeReplaced, whatGoes } from "../../../../provider/preview/whatGoes";

const urn = (kind: string, name: string) => `urn:pulumi:dev::shop::pulumi-nodejs:dynamic/netboot:${kind}::${name}`;
const state = (...resources: readonly (readonly [kind: string, name: string])[]) =>
  Object.fromEntries(
    resources.map(([kind, name]) => [urn(kind, name), { type: `pulumi-nodejs:dynamic/netboot:${kind}` }]),
  );

describe("whatGoes", () => {
  it("names machines and fleets that the program has no more, and nothing else of the state", () => {
    const before = state(["OlaNode", "a"], ["OlaNode", "b"], ["OlaFleet", "rack"], ["BootFile", "x"]);
    expect(whatGoes(before, new Set([urn("OlaNode", "a")]), new Set(["a"]))).toEqual([
      "no more in this program: b, all of fleet rack (but for what the program declares elsewhere). Node 0 serves no machine by these names after this up, unless --target or --exclude leaves them out, or retainOnDelete keeps them",
    ]);
    expect(whatGoes(state(["OlaNode", "b"]), new Set(), new Set())).toEqual([
      "no more in this program: b. Node 0 serves no machine by this name after this up, unless --target or --exclude leaves it out, or retainOnDelete keeps it",
    ]);
  });

  it("says nothing where nothing goes: also of what has an alias, or is in a fleet now", () => {
    const before = state(["OlaNode", "a"], ["OlaNode", "b"]);
    expect(whatGoes(before, new Set([urn("OlaNode", "a")]), new Set(["c", "b"]))).toEqual([]);
    expect(whatGoes({}, new Set(), new Set())).toEqual([]);
  });

  it("tells of machines that the second of two servers serves no more, beside those that go", () => {
    const onSecond = (kind: string, name: string) => urn(`${kind}$pulumi-nodejs:dynamic/netboot:${kind}`, name);
    const before = {
      ...state(["OlaNode", "a"], ["OlaNode", "b"], ["OlaFleet", "rack"]),
      [onSecond("OlaNode", "a@node0-b")]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode" },
      [onSecond("OlaNode", "b@node0-b")]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode" },
      [onSecond("OlaFleet", "rack@node0-b")]: { type: "pulumi-nodejs:dynamic/netboot:OlaFleet" },
    };
    const declared = new Set([urn("OlaNode", "a"), urn("OlaFleet", "rack")]);
    expect(whatGoes(before, declared, new Set(["a"]))).toEqual([
      expect.stringMatching(/^no more in this program: b\. Node 0 serves no machine/),
      "node0-b serves a no more after this up",
      "node0-b serves rack no more after this up",
    ]);
  });

  it("says that it can't be told", () => {
    expect(whatGoes(new Error("no backend client is available"), new Set(), new Set())).toEqual([
      "whether machines go with this up can't be told: no backend client is available",
    ]);
  });
});

describe("whatGoes of two servers that change places", () => {
  it("tells of no second that is the first now", () => {
    const second = urn("OlaNode$pulumi-nodejs:dynamic/netboot:OlaNode", "a@node0-a");
    const before = { ...state(["OlaNode", "a"]), [second]: { type: "pulumi-nodejs:dynamic/netboot:OlaNode" } };
    const declared = new Set([urn("OlaNode", "a")]);
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
    expect(beforeReplaced(comes, state, new Set([comes.urn]))).toEqual({ before: after });
    expect(beforeReplaced({ ...comes, place: "two" }, state, new Set())).toEqual({ before: after, moved: "one → two" });
    expect(beforeReplaced({ ...comes, place: "two", isOnTwo: true }, state, new Set())).toEqual({ before: after });
    expect(beforeReplaced({ ...comes, after: "unknown" }, state, new Set())).toEqual({ before: "10.20.0.11 a (m1)" });
  });

  it("shows no value of the state, of which one may be a secret", () => {
    const state = { [comes.urn]: { type, outputs } };
    expect(beforeReplaced({ ...comes, after: other }, state, new Set())).toEqual({ isReplaced: true });
  });

  it("is what the state has of an OlaNode that goes, where a fleet has the machine now", () => {
    const inFleet = { ...comes, urn: urn("OlaFleet", "rack") };
    const fleet = { type: "pulumi-nodejs:dynamic/netboot:OlaFleet", outputs: {} };
    const state = { [urn("OlaNode", "a")]: { type, outputs }, [inFleet.urn]: fleet };
    expect(beforeReplaced(inFleet, state, new Set())).toEqual({ before: after });
    expect(beforeReplaced(inFleet, state, new Set([urn("OlaNode", "a")]))).toEqual({});
  });

  it("is told of a fleet as far as its machines are the same, and is nothing of what is new, or was told", () => {
    const fleet = { ...comes, urn: urn("OlaFleet", "rack"), drawn: "d1" };
    const of = (__drawn: string) => ({
      [fleet.urn]: {
        type: "pulumi-nodejs:dynamic/netboot:OlaFleet",
        outputs: { __drawn, connection: { host: "one" } },
      },
    });
    expect(beforeReplaced(fleet, of("d2"), new Set())).toEqual({ isReplaced: true });
    expect(beforeReplaced(fleet, of("d1"), new Set())).toEqual({ before: after });
    expect(beforeReplaced({ ...fleet, place: "two" }, of("d1"), new Set())).toEqual({
      before: after,
      moved: "one → two",
    });
    const renamed = { ...fleet, urn: urn("OlaFleet", "racks") };
    expect(beforeReplaced(renamed, of("d1"), new Set([renamed.urn]))).toEqual({ before: after });
    expect(beforeReplaced(renamed, of("d2"), new Set([renamed.urn]))).toEqual({});
    expect(beforeReplaced(renamed, of("d1"), new Set([renamed.urn, fleet.urn]))).toEqual({});
    expect(beforeReplaced(comes, {}, new Set())).toEqual({});
    expect(beforeReplaced({ ...comes, before: "b" }, { [comes.urn]: { type, outputs } }, new Set())).toEqual({});
    expect(beforeReplaced(comes, new Error("no state"), new Set())).toEqual({});
  });
});
