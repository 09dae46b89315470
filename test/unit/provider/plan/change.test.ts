import { describe, expect, it } from "vitest";
import type { Want } from "../../../../provider/kinds/want";
import {
  heldBy,
  machinesOf,
  mergeHeld,
  nameInterface,
  pathsHeld,
  placedIn,
  wantsOf,
  whyClash,
} from "../../../../provider/plan/change";
import type { Held, RegisterEntry } from "../../../../provider/plan/records";
import { entry, machine, register, serve, tftpd } from "./registered";
import { changeOf, put } from "./told";

const file = (path: string, sha256 = "aa"): Extract<Held, { want: "file" }> => ({
  want: "file",
  path,
  mode: "0644",
  sha256,
});
const wanted = (path: string): Want => ({ want: "file", path, mode: "0644", content: "x" });
const unit = (name: string): Extract<Held, { want: "unit" }> => ({ want: "unit", name, restartedBy: [] });
const node = (hostname: string, more: Partial<Extract<Want, { want: "node" }>> = {}): Want => ({
  want: "node",
  hostname,
  macs: ["52:54:00:00:00:01"],
  firmware: "x64",
  proof: true,
  blocks: "",
  ...more,
});

describe("wantsOf", () => {
  it("has all wants of a kind in the order of the ids", () => {
    const { puts } = changeOf([put("B", wanted("/b")), put("A", wanted("/a2"), node("n"), wanted("/a1"))]);
    expect(wantsOf(puts, "file").map(({ id, want }) => `${id} ${want.path}`)).toEqual(["A /a2", "A /a1", "B /b"]);
  });
});

describe("machinesOf", () => {
  it("has the machines, those of unknown firmware as of 64 bits", () => {
    const declaration = put("A", node("a", { firmware: "ia32" }), wanted("/a"), node("b", { firmware: "arm64" }));
    expect(machinesOf(declaration).map(({ hostname, firmware }) => [hostname, firmware])).toEqual([
      ["a", "ia32"],
      ["b", "x64"],
    ]);
    expect(
      placedIn(changeOf([declaration, put("B", node("c"))]).puts).map(({ id, machine: { hostname } }) => id + hostname),
    ).toEqual(["Aa", "Ab", "Bc"]);
  });
});

describe("nameInterface", () => {
  it("puts the name into texts wherever they are, but not into what machines are given nor into bytes", () => {
    const bytes = new TextEncoder().encode("@interface@");
    const blocks = "# @interface@\n";
    const named = nameInterface(
      put(
        "A",
        { want: "listen", unit: "a.service", on: { kind: "packet", interface: "@interface@" } },
        {
          want: "firewall",
          interface: "name:eno2",
          allowDefaultRoute: false,
          rules: ["in on @interface@, @interface@"],
        },
        { want: "file", path: "/a", mode: "0644", content: bytes },
        node("a", { blocks }),
      ),
      "eno2",
    );
    expect(named.wants).toMatchObject([
      { on: { interface: "eno2" } },
      { rules: ["in on eno2, eno2"] },
      { content: bytes },
      { blocks },
    ]);
  });
});

describe("heldBy", () => {
  it("holds files by their hashes, and neither machines nor what is only done once", () => {
    const declaration = put(
      "A",
      wanted("/etc/a"),
      { want: "take", path: "/srv/tftp/ipxe.efi", mode: "0644", package: "ipxe", members: ["/a"] },
      { want: "take", path: "/srv/tftp/x", mode: "0644", package: "x", version: "1", members: ["/a"] },
      node("a"),
      { want: "fetch", package: "ipxe", files: 1 },
      { want: "listenFor", interface: "name:eno2", address: "192.168.1.1" },
      { want: "registered" },
      { want: "purge" },
    );
    const sums = new Map([
      ["/etc/a", "aa"],
      ["/srv/tftp/x", "bb"],
    ]);
    const held = heldBy(declaration, (path) => {
      const sha256 = sums.get(path);
      return sha256 === undefined ? undefined : { sha256 };
    });
    expect(held).toEqual([
      file("/etc/a"),
      { want: "taken", path: "/srv/tftp/ipxe.efi", package: "ipxe", version: undefined },
      file("/srv/tftp/ipxe.efi", ""),
      { want: "taken", path: "/srv/tftp/x", package: "x", version: "1" },
      file("/srv/tftp/x", "bb"),
      { want: "purge" },
    ]);
  });
});

describe("mergeHeld", () => {
  const mine = "BootFile/p/one/mine";
  const theirs = "BootFile/p/one/theirs";
  const foreign = "BootFile/p/two/theirs";

  /** What becomes of a register by what resources hold from now on. */
  const merged = (
    before: readonly RegisterEntry[],
    held: Readonly<Record<string, readonly Held[]>>,
    machines = before,
  ) => {
    const puts = Object.keys(held).map((id) => put(id));
    const fresh = puts.map(({ id }) => entry(id)).filter(({ id }) => before.every((each) => each.id !== id));
    const told = { ...register(before, [...machines, ...fresh]), clashes: [] };
    return mergeHeld(told, changeOf(puts), new Map(Object.entries(held)));
  };
  const heldAfter = (result: ReturnType<typeof merged>, id: string) => result.register.after.get(id)?.held;

  it("has what is put with its generation and its machines as they will be, and the rest as it was", () => {
    const [had, other] = [entry(mine, [file("/a")], [machine("a")]), entry(foreign, [file("/b")])];
    const result = merged([had, other], { [mine]: [file("/c")] });
    expect(result.register.after.get(mine)).toEqual({ ...had, generation: "2", held: [file("/c")] });
    expect(result.register.after.get(foreign)).toBe(other);
    expect(result.register.before.get(mine)).toBe(had);
    expect(result.stripped).toEqual([]);
    expect(result.register.clashes).toEqual([]);
  });

  it("has a resource no more that goes", () => {
    const result = merged([entry(mine), entry(foreign)], {}, [entry(foreign)]);
    expect([...result.register.after.keys()]).toEqual([foreign]);
  });

  it("lets whoever writes last take a file over within one stack, and with it what was said of its daemon", () => {
    const dhcp = [file("/etc/dhcp/dhcpd.conf"), unit("isc-dhcp-server.service"), serve()];
    const listen: Held = { want: "listen", unit: "isc-dhcp-server.service", on: { kind: "packet", interface: "eno2" } };
    const own: Held = { want: "listen", unit: "else.service", on: { kind: "packet", interface: "eno2" } };
    const kept: readonly Held[] = [
      { want: "package", name: "isc-dhcp-server", units: [] },
      unit("else.service"),
      own,
      tftpd,
    ];
    const result = merged([entry(theirs, [...dhcp, listen, ...kept])], {
      [mine]: [file("/etc/dhcp/dhcpd.conf", "bb"), unit("isc-dhcp-server.service"), listen, serve()],
    });
    expect(heldAfter(result, theirs)).toEqual(kept);
    expect(result.stripped).toEqual([result.register.after.get(theirs)]);
    expect(result.register.clashes).toEqual([]);
    expect(whyClash(changeOf([]), result.register)).toBeUndefined();
  });

  it("takes over links and the name server in the same way", () => {
    const link: Held = { want: "link", path: "/etc/l", target: "a" };
    const names: Held = { want: "names", mode: "hosts", records: "" };
    const result = merged([entry(theirs, [link, names, { want: "history" }])], {
      [mine]: [
        { ...link, target: "b" },
        { ...names, records: "x" },
      ],
    });
    expect(heldAfter(result, theirs)).toEqual([{ want: "history" }]);
  });

  it("leaves a daemon alone whose file stays", () => {
    const result = merged([entry(theirs, [file("/etc/a"), unit("a.service")])], {
      [mine]: [file("/etc/b"), unit("a.service")],
    });
    expect(heldAfter(result, theirs)).toEqual([file("/etc/a"), unit("a.service")]);
    expect(result.stripped).toEqual([]);
  });

  it("is a clash between stacks, and the other one keeps what it has", () => {
    const other = entry(foreign, [file("/etc/a"), unit("a.service")]);
    const result = merged([other], { [mine]: [file("/etc/a"), unit("a.service")] });
    expect(result.register.clashes).toEqual([{ claim: "the file /etc/a", id: mine, other: foreign }]);
    expect(result.register.after.get(foreign)).toBe(other);
    expect(result.stripped).toEqual([]);
    expect(whyClash(changeOf([]), result.register)).toMatchObject({ code: "CLASH", id: mine });
  });

  it("is a clash within one change, also of one stack", () => {
    const result = merged([], { [theirs]: [file("/etc/a")], [mine]: [file("/etc/a", "bb")] });
    expect(result.register.clashes).toEqual([{ claim: "the file /etc/a", id: theirs, other: mine }]);
  });

  it("lets one resource say the same twice", () => {
    expect(merged([], { [mine]: [file("/etc/a"), file("/etc/a")] }).register.clashes).toEqual([]);
  });

  it("keeps the clashes that node 0 told of", () => {
    const told = { claim: "the MAC 52:54:00:00:00:01", id: mine, other: foreign };
    const result = mergeHeld({ ...register([]), clashes: [told] }, changeOf([]), new Map());
    expect(result.register.clashes).toEqual([told]);
  });

  it("takes a resource that is made anew with a machine of its own record for one that goes on, and for no clash", () => {
    const told = { claim: "the MAC 52:54:00:00:00:01", id: mine, other: mine };
    const { clashes, goOn } = mergeHeld({ ...register([]), clashes: [told] }, changeOf([]), new Map()).register;
    expect({ clashes, goOn }).toEqual({ clashes: [], goOn: new Set([mine]) });
  });
});

describe("whyClash", () => {
  it("tells of the first by the ids, and of nothing where there is none", () => {
    const clashes = ["B", "A", "C"].map((id) => ({ claim: "the name server", id, other: "X" }));
    expect(whyClash(changeOf([]), { ...register([]), clashes })?.id).toBe("A");
    expect(whyClash(changeOf([]), register([]))).toBeUndefined();
  });

  it("tells of all that one resource wants of others", () => {
    const mine = "OlaFleet/p/one/rack";
    const clashes = [
      { claim: "the MAC 52:54:00:00:00:01", id: mine, other: "OlaNode/p/two/x" },
      { claim: 'the name "web-2"', id: mine, other: "OlaFleet/p/two/y" },
      { claim: "the address 192.168.1.4", id: "OlaNode/p/one/z", other: "OlaNode/p/two/z" },
    ];
    expect(whyClash(changeOf([]), { ...register([]), clashes })?.message).toMatch(
      /^the MAC 52:54:00:00:00:01 belongs to OlaNode\/p\/two\/x already, the name "web-2" to OlaFleet\/p\/two\/y; take it out/,
    );
  });
});

describe("pathsHeld", () => {
  it("has files and links, each with its resource", () => {
    const { after } = register([
      entry("A", [file("/a"), unit("a.service")]),
      entry("B", [{ want: "link", path: "/b", target: "c" }]),
    ]);
    expect([...pathsHeld(after)]).toEqual([
      ["/a", "A"],
      ["/b", "B"],
    ]);
  });
});
