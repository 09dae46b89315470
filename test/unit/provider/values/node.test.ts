import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNode } from "../../../../provider/values/node";
import type { NodeRow } from "../../../../provider/values/nodeRow";
import { unknownText } from "../../../../provider/values/unknown";
import { right, sentences } from "./sentences";

const macs = ["04:3f:72:aa:00:01", "04:3f:72:aa:00:02"];
const db1: NodeRow = { name: "db-1", hostname: "db-1", macs, address: "10.20.0.11", firmware: "x64" };

describe("parseNode", () => {
  it("takes the name for the host name", () => {
    expect(parseNode("db-1", { macs, address: "10.20.0.11" }).value).toEqual(db1);
  });

  it("writes a host name in lower case, as names are compared", () => {
    expect(right(parseNode("DB-1", { macs })).hostname).toBe("db-1");
    expect(right(parseNode("x", { macs, hostname: "DB-1.Example.net" })).hostname).toBe("db-1.example.net");
  });

  it.each<[string, string, unknown, string[]]>([
    [
      "a MAC of 5 octets",
      "db-1",
      { macs: [macs[0], "52:54:00:12:34"] },
      [
        'macs[1]: "52:54:00:12:34" is no hardware address: it has 5 octets; write six pairs of hex digits, as in "52:54:00:12:34:56"',
      ],
    ],
    [
      "a multicast MAC",
      "db-1",
      { macs: ["33:33:00:00:00:01"] },
      [
        'macs[0]: "33:33:00:00:00:01" is a multicast address, its first octet is odd; write one machine\'s, such as "32:33:00:00:00:01"',
      ],
    ],
    [
      "a MAC of zeros",
      "db-1",
      { macs: ["00:00:00:00:00:00"] },
      [
        'macs[0]: "00:00:00:00:00:00" is no machine\'s hardware address, all of it is zero; write six pairs of hex digits, as in "52:54:00:12:34:56"',
      ],
    ],
    [
      "the same NIC twice",
      "db-1",
      { macs: [macs[0], "04-3F-72-AA-00-01"] },
      ['macs[1]: "04:3f:72:aa:00:01" stands here twice (macs[0]); write each NIC once'],
    ],
    ["no NIC", "db-1", { macs: [] }, ['macs: the list is empty; write at least one NIC, as in ["52:54:00:12:34:56"]']],
    [
      "no list of NICs",
      "db-1",
      {},
      ['macs: is required; write the hardware addresses of the machine\'s NICs, as in ["52:54:00:12:34:56"]'],
    ],
    [
      "one NIC without a list",
      "db-1",
      { macs: macs[0] },
      ['macs: "04:3f:72:aa:00:01" is no list; write it as ["52:54:00:12:34:56"]'],
    ],
    [
      "nine NICs",
      "db-1",
      { macs: Array.from({ length: 9 }, (_, nic) => `52:54:00:12:34:0${nic}`) },
      ["macs: 9 hardware addresses are too many for one machine; write 1 to 8"],
    ],
    [
      "an address that is none",
      "db-1",
      { macs, address: "10.20.0" },
      ['address: "10.20.0" is no IPv4 address; write four numbers with dots, as in "192.168.1.1"'],
    ],
    [
      "an address with a length",
      "db-1",
      { macs, address: "10.20.0.11/24" },
      ['address: "10.20.0.11/24" is a network, and one address belongs here; write "10.20.0.11"'],
    ],
    [
      "a resource's name that is no host name",
      "node_1",
      { macs },
      ['hostname: the name "node_1" is no host name, so give one: hostname: "node-1"'],
    ],
    [
      "a name that is an address",
      "10.20.0.11",
      { macs },
      ['hostname: the name "10.20.0.11" is no host name, so give one: hostname: "node-10-20-0-11"'],
    ],
    ["an empty name", "", { macs }, ['hostname: the name "" is no host name, so give one: hostname: "db-1"']],
    [
      "a host name with a space",
      "db-1",
      { macs, hostname: "db 1" },
      ['hostname: "db 1" is no host name; use letters, digits and hyphens, as in "db-1"'],
    ],
    [
      "a host name that ends in a hyphen",
      "db-1",
      { macs, hostname: "db-" },
      ['hostname: "db-" is no host name; use letters, digits and hyphens, as in "db"'],
    ],
    [
      "a host name that begins a statement",
      "db-1",
      { macs, hostname: 'db"; }\nhost evil {' },
      ['hostname: "db\\"; }\\nhost evil {" is no host name; use letters, digits and hyphens, as in "db-host-evil"'],
    ],
    [
      "a label of 64",
      "db-1",
      { macs, hostname: "a".repeat(64) },
      [expect.stringContaining("has 64 characters and may have 63") as string],
    ],
    ["another firmware", "db-1", { macs, firmware: "bios" }, ['firmware: "bios" is none of "x64", "ia32"']],
    [
      "another loader",
      "db-1",
      { macs, loader: "pxelinux.0" },
      ['loader: "pxelinux.0" is none of "ipxe.efi", "snponly.efi"'],
    ],
    [
      "a 64-bit loader for 32-bit firmware",
      "db-1",
      { macs, firmware: "ia32", loader: "ipxe.efi" },
      ['loader: "ipxe.efi" is a 64-bit program, and the firmware "ia32" starts ipxe32.efi only; leave loader out'],
    ],
    [
      "a property that is none",
      "db-1",
      { macs, adress: "10.20.0.11" },
      ["adress: there is no such property; did you mean address?"],
    ],
    [
      "a property by another name",
      "db-1",
      { macs, ip: "10.20.0.11" },
      ["ip: there is no such property; did you mean address?"],
    ],
    [
      "several mistakes",
      "node_1",
      { macs: ["1"], address: "x" },
      [
        'macs[0]: "1" is no hardware address; write six pairs of hex digits, as in "52:54:00:12:34:56"',
        'address: "x" is no IPv4 address; write four numbers with dots, as in "192.168.1.1"',
        'hostname: the name "node_1" is no host name, so give one: hostname: "node-1"',
      ],
    ],
    [
      "what is known elsewhere to be wrong with it, beside its own mistakes",
      "db-1",
      { macs: [], problems: ["ns1: its NIC is not declared", "ns1: it is off"] },
      [
        "ns1: its NIC is not declared",
        "ns1: it is off",
        'macs: the list is empty; write at least one NIC, as in ["52:54:00:12:34:56"]',
      ],
    ],
    ["no object", "db-1", [], ['[] is no object; write it as { macs: ["52:54:00:12:34:56"], address: "192.168.1.2" }']],
  ])("refuses %s", (_, name, args, expected) => {
    expect(sentences(parseNode(name, args))).toEqual(expected);
  });

  it("takes a machine of which nothing wrong is known", () => {
    expect(right(parseNode("db-1", { macs, address: "10.20.0.11", problems: [] }))).toEqual(db1);
  });

  it("offers a host name that it would take", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (name) => {
        const [sentence] = sentences(parseNode(name, { macs }));
        const offered = /hostname: "(.*)"$/.exec(sentence ?? "")?.[1];
        if (offered !== undefined) expect(parseNode(offered, { macs }).problems).toEqual([]);
        else expect(sentence).toBeUndefined();
      }),
    );
  });

  it("reads ten thousand machines in less than a second", () => {
    const start = performance.now();
    for (let index = 0; index < 10_000; index++) parseNode(`n${index}`, { macs, address: "10.20.0.11" });
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe("what only the up will know", () => {
  it("is passed on as it is, beside what is wrong with the rest", () => {
    const given = { macs: [unknownText, unknownText, macs[0]], address: unknownText, firmware: unknownText };
    expect(right(parseNode("db-1", given))).toMatchObject({ ...given, hostname: "db-1" });
    expect(right(parseNode("db-1", { macs: unknownText, problems: unknownText })).macs).toEqual([unknownText]);
    expect(sentences(parseNode("db-1", { ...given, loader: "x" }))).toEqual([expect.stringMatching(/^loader: "x" /)]);
  });
});

describe("options and comment", () => {
  it.each<[string, unknown, RegExp]>([
    ["a host name", { options: { "host-name": "x" } }, /^options\["host-name"\]: .*hostname/],
    ["a name that dhcpd can't have", { options: { "x; }": 1 } }, /^options\["x; \}"\]: .*"root-path"/],
    ["a text of two lines", { options: { "root-path": "a\nb" } }, /^options\["root-path"\]: .*one line/],
    [
      "no text at all, which dhcpd would not send",
      { options: { "root-path": "" } },
      /^options\["root-path"\]: "" is no option/,
    ],
    [
      "more bytes than an option carries",
      { options: { "root-path": "é".repeat(128) } },
      /^options\["root-path"\]: .*255 bytes/,
    ],
    ["half a character", { options: { "root-path": "a\ud800" } }, /^options\["root-path"\]/],
    ["no addresses", { options: { "time-servers": ["x"] } }, /^options\["time-servers"\]/],
    ["a comment of two lines", { comment: "a\nhost b { }" }, /^comment: .*one line/],
  ])("are refused as %s", (_name, more, expected) => {
    const mistakes = sentences(parseNode("db-1", { macs, ...(more as object) }));
    expect(mistakes).toHaveLength(1);
    expect(mistakes[0]).toMatch(expected);
  });
});
