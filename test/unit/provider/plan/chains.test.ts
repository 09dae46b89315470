import { describe, expect, it } from "vitest";
import { type ChainsCheck, chainOf, isUndone, machinesToAsk, whyChainsBreak } from "../../../../provider/plan/chains";
import type { Machine } from "../../../../provider/plan/records";
import type { InFolder } from "../../../../provider/plan/tftpFolder";
import { program } from "../formats/program";
import { entry, machine, register, serve, tftpd } from "./registered";

const loaders = { x64: "ipxe.efi", ia32: "ipxe32.efi", script: "refind.pxe" };
const dhcp = entry("DhcpServer/p/one/dhcp", [serve({ loaders })]);
const none = new Set<string>();

describe("chainOf", () => {
  it("is firmware and loader, a machine's own before what the server gives", () => {
    expect(chainOf(machine("a"), loaders)).toBe("x64 ipxe.efi");
    expect(chainOf(machine("a", { loader: "snponly.efi" }), loaders)).toBe("x64 snponly.efi");
    expect(chainOf(machine("a", { firmware: "ia32" }), { x64: "ipxe.efi" })).toBe("ia32 ");
  });
});

describe("machinesToAsk", () => {
  const asked = (
    puts: Readonly<Record<string, readonly Machine[]>>,
    entries: Parameters<typeof register>[0] = [],
    unchanged: readonly string[] = [],
  ) =>
    machinesToAsk(register([dhcp, ...entries]), new Map(Object.entries(puts)), new Set(unchanged)).map(
      ({ machine: { hostname }, stands, chain }) => `${hostname} ${chain}${stands ? " stands" : ""}`,
    );

  it("asks for every machine of the change that is not of a fleet, in the order of the ids", () => {
    const puts = { "OlaNode/p/one/b": [machine("b")], "OlaNode/p/one/a": [machine("a")] };
    expect(asked(puts, [], ["a", "b"])).toEqual(["a x64 ipxe.efi", "b x64 ipxe.efi"]);
  });

  it("asks for those of a fleet that are new or changed, and for one of each chain", () => {
    const fleet = [machine("a"), machine("b"), machine("c"), machine("d", { loader: "snponly.efi" })];
    expect(asked({ "OlaFleet/p/one/f": fleet }, [], ["a", "b", "d"])).toEqual([
      "a x64 ipxe.efi",
      "c x64 ipxe.efi",
      "d x64 snponly.efi",
    ]);
  });

  it("asks for one machine of each other chain, whatever stack it is from", () => {
    const others = [
      entry("OlaNode/p/two/m", [], [machine("m"), machine("n", { loader: "snponly.efi" })]),
      entry("OlaNode/p/two/o", [], [machine("o", { loader: "snponly.efi" }), machine("p", { firmware: "ia32" })]),
    ];
    expect(asked({ "OlaNode/p/one/a": [machine("a")] }, others)).toEqual([
      "a x64 ipxe.efi",
      "n x64 snponly.efi stands",
      "p ia32 ipxe32.efi stands",
    ]);
  });

  it("lets one that asks not to be proved stand for its chain only if no other can", () => {
    const shy = entry("OlaNode/p/two/a", [], [machine("shy", { proof: false })]);
    const bold = entry("OlaNode/p/two/b", [], [machine("bold")]);
    expect(asked({ "BootFile/p/one/x": [] }, [shy, bold])).toEqual(["bold x64 ipxe.efi stands"]);
    expect(asked({ "BootFile/p/one/x": [] }, [shy])).toEqual(["shy x64 ipxe.efi stands"]);
    expect(asked({ "OlaNode/p/two/a": shy.examples }, [shy])).toEqual(["shy x64 ipxe.efi stands"]);
  });

  it("takes a resource's machines as the change puts them, not as the register had them", () => {
    const had = entry("OlaNode/p/one/a", [], [machine("a", { loader: "snponly.efi" })]);
    expect(asked({ "OlaNode/p/one/a": [machine("a")] }, [had])).toEqual(["a x64 ipxe.efi"]);
  });

  it("lets one outside the network, and one without a pool, wait for its own change", () => {
    const outside = entry("OlaNode/p/one/a", [], [machine("a", { address: "192.168.9.2" })]);
    const pooled = entry("OlaNode/p/one/b", [], [machine("b", { address: undefined })]);
    expect(asked({ "BootFile/p/one/x": [] }, [outside])).toEqual([]);
    expect(asked({ "BootFile/p/one/x": [] }, [outside, pooled])).toEqual([]);
    const withPool = entry(dhcp.id, [serve({ pool: "192.168.1.9-192.168.1.10" })]);
    const all = register([withPool, outside, pooled]);
    expect(machinesToAsk(all, new Map(), none).map(({ machine: { hostname } }) => hostname)).toEqual(["b"]);
  });

  it("tells the chain that a machine would have had before", () => {
    const before = entry(dhcp.id, [serve({ loaders: { x64: "snponly.efi" } })]);
    const puts = new Map([["OlaNode/p/one/a", [machine("a")]]]);
    expect(machinesToAsk(register([before], [dhcp]), puts, none)).toMatchObject([
      { chain: "x64 ipxe.efi", chainBefore: "x64 snponly.efi" },
    ]);
    expect(machinesToAsk(register([], [dhcp]), puts, none)).toMatchObject([{ chainBefore: "x64 " }]);
    expect(machinesToAsk(register([dhcp], []), puts, none)).toEqual([]);
  });
});

describe("isUndone", () => {
  const chain = "x64 snponly.efi";
  const stays = { chain, chainBefore: chain, isOurs: true, isMoved: false };
  const moved = { chain, chainBefore: "x64 ipxe.efi", isOurs: false, isMoved: true };
  const good = new Set([chain]);

  it.each([
    ["a good chain is broken by what was touched", stays, good, true],
    ["a good chain is broken by somebody else", { ...stays, isOurs: false }, good, false],
    ["a chain was bad before", stays, none, false],
    ["machines are moved from a good chain", moved, new Set(["x64 ipxe.efi"]), true],
    ["machines are moved from a bad chain", moved, none, false],
    [
      "a good chain is broken by somebody else, and the server changes",
      { ...stays, isOurs: false, isMoved: true },
      good,
      false,
    ],
    ["the other loader is not this change's doing", { ...moved, isMoved: false }, new Set(["x64 ipxe.efi"]), false],
  ])("says where %s: %s, %s, %s", (_name, failing, proved, expected) => {
    expect(isUndone(failing, proved)).toBe(expected);
  });
});

describe("whyChainsBreak", () => {
  const file = (content: string | Uint8Array): InFolder => ({ type: "file", mode: "0644", content });
  const folder: Readonly<Record<string, InFolder>> = {
    "ipxe.efi": file(program(0x8664)),
    "refind.pxe": file("#!ipxe\nchain refind_x64.efi || shell\n"),
    "refind_x64.efi": file(program(0x8664)),
  };
  const tftp = entry("TftpServer/p/one/tftp", [tftpd]);
  const own = machine("a");
  const other = entry("OlaNode/p/two/z", [], [machine("z")]);
  const conf = "/etc/dhcp/dhcpd.conf";

  const check = (more: Partial<ChainsCheck> & { readonly without?: string } = {}) =>
    whyChainsBreak({
      register: register([dhcp, tftp, other]),
      puts: new Map([["OlaNode/p/one/a", [own]]]),
      unchanged: none,
      changed: none,
      proved: none,
      files: new Map(Object.entries(folder).filter(([name]) => name !== more.without)),
      ...more,
    });

  it("says nothing where everything that a machine is named is there", () => {
    expect(check()).toBeUndefined();
  });

  it("refuses a machine that would not get its loader, its script, or what the script fetches", () => {
    expect(check({ without: "ipxe.efi" })).toEqual({
      code: "NOT_SERVING",
      id: "OlaNode/p/one/a",
      message: "ipxe.efi could not be fetched by TFTP from 192.168.1.1: File not found; a would not boot",
    });
    expect(check({ without: "refind.pxe" })?.message).toMatch(
      /^refind\.pxe could not be fetched .*; a would not boot$/,
    );
    expect(check({ without: "refind_x64.efi" })?.message).toBe(
      "refind_x64.efi could not be fetched by TFTP from 192.168.1.1: File not found; refind.pxe fetches it; a would not boot",
    );
  });

  it("refuses a loader that the firmware can't run", () => {
    const files = new Map(Object.entries({ ...folder, "ipxe32.efi": file(program(0x8664)) }));
    const puts = new Map([["OlaNode/p/one/a", [machine("a", { firmware: "ia32" })]]]);
    expect(check({ puts, files })?.message).toBe(
      "ipxe32.efi is a program for x64, and firmware of ia32 can't run it; a would not boot",
    );
  });

  it("judges a file anew for each firmware that is named it", () => {
    const puts = new Map([["OlaNode/p/one/b", [machine("b"), machine("c", { firmware: "ia32", loader: "ipxe.efi" })]]]);
    expect(check({ puts })?.message).toBe(
      "ipxe.efi is a program for x64, and firmware of ia32 can't run it; c would not boot",
    );
  });

  const part = new Map([["BootFile/p/one/ipxe.efi", []]]);

  it("takes all that TFTP gives for touched where it moves to another folder", () => {
    const moved = entry(tftp.id, [{ want: "tftpd", address: "192.168.1.1", directory: "/srv/boot" }]);
    const left = { puts: part, files: new Map<string, InFolder>(), proved: new Set(["x64 ipxe.efi"]) };
    expect(check({ ...left, register: register([dhcp, tftp, other], [dhcp, moved, other]) })?.message).toMatch(
      /^ipxe\.efi could not be fetched .*; z would not boot\. The TFTP server moves, and this file does not: let both change/,
    );
    expect(check({ ...left, register: register([dhcp, tftp, other]) })).toBeUndefined();
  });

  it("undoes for machines of others what breaks their good chain, naming whose machine stands for them", () => {
    const broken = { puts: part, without: "ipxe.efi", changed: new Set(["/srv/tftp/ipxe.efi"]) };
    expect(check({ ...broken, proved: new Set(["x64 ipxe.efi"]) })).toEqual({
      code: "NOT_SERVING",
      message:
        "ipxe.efi could not be fetched by TFTP from 192.168.1.1: File not found (OlaNode/p/two/z, which stands for all machines with this chain); z would not boot",
    });
    expect(check(broken)).toBeUndefined();
  });

  it("lets a chain of others stay broken that this change did not touch", () => {
    const more = { puts: part, without: "ipxe.efi", proved: new Set(["x64 ipxe.efi"]) };
    expect(check({ ...more, changed: new Set(["/srv/tftp/other"]) })).toBeUndefined();
  });

  it("takes the script's own change for the cause of what it fetches", () => {
    const more = { puts: part, proved: new Set(["x64 ipxe.efi"]), without: "refind_x64.efi" };
    expect(check({ ...more, changed: new Set(["/srv/tftp/refind.pxe"]) })?.message).toMatch(/refind\.pxe fetches it/);
  });

  it("refuses a new loader for all machines that nobody can start", () => {
    const moved = entry(dhcp.id, [serve({ loaders: { ...loaders, x64: "snponly.efi" } })]);
    const more = {
      register: register([dhcp, tftp, other], [moved, tftp, other]),
      puts: new Map([[dhcp.id, []]]),
      proved: new Set(["x64 ipxe.efi"]),
    };
    expect(check({ ...more, changed: new Set([conf]) })?.message).toMatch(/^snponly\.efi could not be fetched/);
    expect(check({ ...more, changed: new Set([conf]), proved: none })).toBeUndefined();
  });

  it("refuses that a file goes which machines get, beside that file, and lets go what they do not need", () => {
    const owner = entry("BootFile/p/one/menu", [
      { want: "file", path: "/srv/tftp/refind_x64.efi", mode: "0644", sha256: "aa" },
    ]);
    const goes = {
      register: register([dhcp, tftp, other, owner], [dhcp, tftp, other]),
      puts: new Map(),
      changed: new Set(["/srv/tftp/refind_x64.efi"]),
      proved: new Set(["x64 ipxe.efi"]),
    };
    expect(check({ ...goes, without: "refind_x64.efi" })).toEqual({
      code: "NOT_SERVING",
      id: owner.id,
      message: expect.stringMatching(
        /^refind_x64\.efi could not be fetched .*; z would not boot\. Take it out of what names it, or declare it again$/,
      ),
    });
    expect(check(goes)).toBeUndefined();
    // What was broken before keeps nothing.
    expect(check({ ...goes, without: "refind_x64.efi", proved: none })).toBeUndefined();
    expect(
      check({ ...goes, without: "refind_x64.efi", register: register([dhcp, tftp, owner], [dhcp, tftp]) }),
    ).toBeUndefined();
  });

  it("looks at nothing where the change is not about boots, or the files are another server's", () => {
    const broken = { without: "ipxe.efi", proved: new Set(["x64 ipxe.efi"]) };
    const time = new Map([["TimeServer/p/one/t", []]]);
    expect(check({ ...broken, puts: time, changed: new Set(["/etc/chrony/conf.d/netboot.conf"]) })).toBeUndefined();
    const elsewhere = entry(dhcp.id, [serve({ loaders, bootServer: "192.168.1.13" })]);
    expect(check({ ...broken, register: register([elsewhere, tftp]) })).toBeUndefined();
    expect(check({ ...broken, register: register([dhcp]) })).toBeUndefined();
  });
});
