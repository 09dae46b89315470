import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type NodeRow,
  parseHostBlocks,
  parseNode,
  parseRow,
  renderHostBlocks,
  renderRow,
} from "../../../../provider/values/node";
import { anyRow } from "./rows";
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

describe("renderHostBlocks", () => {
  it.each<[string, NodeRow]>([
    ["bond", db1],
    ["pool", { name: "web", hostname: "web.example.net", macs: ["52:54:00:12:34:56"], firmware: "x64" }],
    ["loader", { ...db1, name: "db-2", hostname: "db-2", loader: "snponly.efi" }],
    [
      "options",
      {
        ...db1,
        options: {
          "root-path": '/srv/"root"',
          "time-servers": ["10.20.0.1", "10.20.0.2"],
          "time-offset": 3600,
          "ip-forwarding": false,
        },
        comment: "rack 7, height 12",
      },
    ],
    ["ia32", { ...db1, firmware: "ia32", macs: ["52:54:00:12:34:56"] }],
  ])("writes a block for each NIC: %s", async (file, row) => {
    await expect(renderHostBlocks(row)).toMatchFileSnapshot(`../../../golden/dhcpdHosts/${file}.conf`);
  });

  it("needs about a hundred bytes for a NIC", () => {
    expect(renderHostBlocks(db1).length / 2).toBeLessThan(110);
  });

  it("writes one line a NIC, whatever the machine", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        const lines = renderHostBlocks(row).split("\n");
        expect(lines.pop()).toBe("");
        if (row.comment !== undefined) expect(lines.shift()).toBe(`# ${row.comment}`);
        expect(lines).toHaveLength(row.macs.length);
        for (const line of lines) expect(line).toMatch(/^host \S+ \{ hardware ethernet .* \}$/);
      }),
    );
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

describe("parseHostBlocks", () => {
  it("reads back what renderHostBlocks wrote", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        // The firmware is the server's matter; options and comments are for dhcpd and people only.
        const { name: _name, firmware: _firmware, options: _options, comment: _comment, ...blocks } = row;
        expect(parseHostBlocks(renderHostBlocks(row))).toEqual([blocks]);
      }),
    );
  });

  it("reads several machines in the order of the file, and passes over what is not ours", () => {
    const db2 = { ...db1, name: "db-2", hostname: "db-2", macs: ["52:54:00:12:34:56"] };
    const text = `# a fragment\n${renderHostBlocks(db1)}\nsubnet 10.0.0.0 netmask 255.0.0.0 { }\n${renderHostBlocks(db2)}`;
    expect(parseHostBlocks(text).map(({ hostname }) => hostname)).toEqual(["db-1", "db-2"]);
  });
});

describe("renderRow", () => {
  it.each<[Partial<NodeRow>, string]>([
    [{}, "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02"],
    [{ loader: "ipxe.efi" }, "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02 ipxe.efi"],
    [{ firmware: "ia32" }, "10.20.0.11 db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02 ia32"],
  ])("writes a machine's line: %j", (change, line) => {
    expect(renderRow({ ...db1, ...change })).toBe(line);
  });

  it("says pool where there is no address", () => {
    const { address: _, ...row } = db1;
    expect(renderRow(row)).toBe("pool db-1 04:3f:72:aa:00:01,04:3f:72:aa:00:02");
  });
});

describe("parseRow", () => {
  it("reads back what renderRow wrote", () => {
    fc.assert(
      fc.property(anyRow, (row) => {
        expect(parseRow(row.name, renderRow(row))).toEqual(row);
      }),
    );
  });

  it.each(["", "10.20.0.11", "10.20.0.11 db-1", "10.20.0.11 db-1 zz", "x db-1 52:54:00:12:34:56"])(
    "takes %j for no row",
    (line) => {
      expect(parseRow("db-1", line)).toBeUndefined();
    },
  );
});
