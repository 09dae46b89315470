import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeWord,
  line,
  parseHeld,
  parseMachineLine,
  parseSaid,
  partsOf,
  renderHeld,
  renderMachineLine,
  renderMessage,
} from "../../../../provider/conversation/protocol";
import type { Held, Machine } from "../../../../provider/plan/records";

const text = fc.string({ unit: "binary" });
const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");
const rendered = (...lines: Parameters<typeof renderMessage>[0]): string => latin1(renderMessage(lines));

describe("encodeWord", () => {
  it.each([
    ["/etc/dhcp/a-b_c.conf,x:1@2+3=4", "/etc/dhcp/a-b_c.conf,x:1@2+3=4"],
    ["a b", "a%20b"],
    ["50 %", "50%20%25"],
    ["hällo\n", "h%C3%A4llo%0A"],
    ["", "%"],
  ])("writes %j as a word of its own", (word, expected) => {
    expect(encodeWord(word)).toBe(expected);
  });
});

describe("renderMessage", () => {
  it("writes a line for each, with the bytes of its content after it", () => {
    const lines = [
      line("request", { lock: true }),
      line("path", { path: "/etc/motd", mode: "0644" }, "hällo\n"),
      line("path", { path: "/srv/tftp/x" }, new Uint8Array([0xff, 0x0a])),
      line("stop", { unit: "a b.service" }),
    ];
    expect(rendered(...lines)).toBe(
      latin1(Buffer.from("request lock=1\npath path=/etc/motd mode=0644 bytes=7\nhällo\n")).concat(
        "path path=/srv/tftp/x bytes=2\n\xff\nstop unit=a%20b.service\n",
      ),
    );
  });

  it("leaves out what is undefined or false, and keeps what is empty or 0", () => {
    expect(rendered(line("x", { a: undefined, b: false, c: "", d: 0, e: [] }))).toBe("x c=% d=0 e=%\n");
  });

  it("never lets a value start a line or a word of its own", () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(rendered(line("x", { one, other }), line("y"))).toMatch(/^x one=[!-~]+ other=[!-~]+\ny\n$/);
      }),
    );
  });
});

describe("parseSaid", () => {
  it("reads any values as they were written", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z][A-Za-z0-9]*$/), text), (values) => {
        const [row = ""] = rendered(line("said", values)).split("\n");
        const expected = Object.entries(values).map(([name, value]) => [name, value.toWellFormed()]);
        expect(parseSaid(`abc ${row}`, "abc")).toEqual({ word: "said", values: Object.fromEntries(expected) });
      }),
    );
  });

  it("reads bytes that are no UTF-8 one by one, and keeps a byte order mark", () => {
    expect(parseSaid("abc seen content=%FF%FEa%00", "abc")?.values).toEqual({ content: "\xff\xfea\0" });
    expect(parseSaid("abc seen content=%EF%BB%BFa", "abc")?.values).toEqual({ content: "\ufeffa" });
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const isUtf8 = Buffer.from(Buffer.from(bytes).toString("utf8")).equals(Buffer.from(bytes));
        const word =
          Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("") || "%";
        const content = isUtf8 ? Buffer.from(bytes).toString("utf8") : latin1(bytes);
        expect(parseSaid(`abc seen content=${word}`, "abc")?.values).toEqual({ content });
      }),
    );
  });

  it("has a word without values", () => {
    expect(parseSaid("abc end", "abc")).toEqual({ word: "end", values: {} });
  });

  it.each(["", "Welcome to node 0!", "end", "abd end", " abc end", "abc", "xabc end"])(
    "passes over %j, which is noise of a login shell",
    (noise) => {
      expect(parseSaid(noise, "abc")).toBeUndefined();
    },
  );
});

describe("partsOf", () => {
  it("reads lists of any texts that are not empty and have no NUL", () => {
    const part = fc.string({ unit: "binary", minLength: 1 }).filter((each) => !each.includes("\0"));
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        const said = parseSaid(`abc ${rendered(line("x", { parts })).trimEnd()}`, "abc");
        expect(partsOf(said?.values["parts"])).toEqual(parts.map((each) => each.toWellFormed()));
      }),
    );
    expect(partsOf(undefined)).toEqual([]);
  });
});

/** A text that is not what stands for none. */
const word = text.map((each) => each.toWellFormed()).filter((each) => each !== "" && each !== "-");
const list = fc.array(word.filter((each) => !each.includes(",")));
const someList = fc.array(
  word.filter((each) => !each.includes(",")),
  { minLength: 1 },
);
const optional = fc.option(word, { nil: undefined });
const port = fc.record({
  kind: fc.constantFrom("udp" as const, "tcp" as const),
  address: word,
  port: fc.nat({ max: 65_535 }),
});

const everyHeld: { readonly [W in Held["want"]]: fc.Arbitrary<Extract<Held, { readonly want: W }>> } = {
  daemon: fc.record({ want: fc.constant("daemon"), daemon: fc.constant("kea") }),
  package: fc.record({ want: fc.constant("package"), name: word, units: list }),
  standIn: fc.record({
    want: fc.constant("standIn"),
    package: word,
    usual: list,
    others: list,
    allowed: fc.boolean(),
  }),
  dir: fc.record({ want: fc.constant("dir"), path: word, mode: word }),
  file: fc.record({ want: fc.constant("file"), path: word, mode: word, sha256: fc.constantFrom("", "0a") }),
  link: fc.record({ want: fc.constant("link"), path: word, target: word }),
  taken: fc.record({ want: fc.constant("taken"), path: word, package: word, version: optional }),
  interface: fc.record({
    want: fc.constant("interface"),
    interface: word,
    address: word,
    prefixLength: fc.nat({ max: 32 }),
    allowDefaultRoute: fc.boolean(),
  }),
  unit: fc
    .record({ want: fc.constant("unit" as const), name: word, restartedBy: list, reloadedBy: someList })
    .chain((unit) => {
      const { reloadedBy: _, ...less } = unit;
      return fc.constantFrom(unit, less);
    }),
  enabled: fc.record({ want: fc.constant("enabled"), unit: word }),
  named: fc.record({ want: fc.constant("named"), as: word }),
  settled: fc.record({ want: fc.constant("settled") }),
  declared: fc.record({ want: fc.constant("declared"), by: word }),
  begun: fc.record({ want: fc.constant("begun"), at: word }),
  listen: fc.record({
    want: fc.constant("listen"),
    unit: word,
    on: fc.oneof(fc.record({ kind: fc.constant("packet" as const), interface: word }), port),
  }),
  ntp: fc.record({ want: fc.constant("ntp"), address: word }),
  names: fc.record({
    want: fc.constant("names"),
    mode: fc.constantFrom("dnsmasq", "hosts"),
    address: optional,
    domain: optional,
    records: text.map((each) => each.toWellFormed()),
  }),
  serve: fc.record({
    want: fc.constant("serve"),
    interface: word,
    bootServer: word,
    cidr: word,
    loaders: fc.dictionary(fc.constantFrom("x64", "ia32", "script"), word),
    pool: optional,
    unknownMachines: fc.constantFrom(undefined, "refuse" as const, "serve" as const),
  }),
  firewall: fc.record({
    want: fc.constant("firewall"),
    interface: word,
    allowDefaultRoute: fc.boolean(),
    rules: fc.array(word),
  }),
  managed: fc.record({ want: fc.constant("managed"), manager: word }),
  tftpd: fc.record({ want: fc.constant("tftpd"), address: word, directory: word }),
  otherServers: fc.record({ want: fc.constant("otherServers") }),
  hotStandby: fc.record({ want: fc.constant("hotStandby") }),
  peers: fc.record({ want: fc.constant("peers"), addresses: fc.array(fc.ipV4(), { minLength: 1 }) }),
  history: fc.record({ want: fc.constant("history") }),
  purge: fc.record({ want: fc.constant("purge") }),
};

describe("renderHeld", () => {
  it.each(Object.entries(everyHeld))("writes a line of words that is read as it was: %s", (_want, held) => {
    fc.assert(
      fc.property(held as fc.Arbitrary<Held>, (each) => {
        const row = renderHeld(each);
        expect(row).toMatch(/^[!-~]+(?: [!-~]+)*$/);
        expect(parseHeld(row)).toEqual(each);
      }),
    );
  });
});

describe("parseHeld", () => {
  it.each<[string, Held]>([
    [
      "serve eno2 192.168.1.1 192.168.1.0/28 x64 ipxe.efi ia32 ipxe32.efi script refind.pxe",
      {
        want: "serve",
        interface: "eno2",
        bootServer: "192.168.1.1",
        cidr: "192.168.1.0/28",
        loaders: { x64: "ipxe.efi", ia32: "ipxe32.efi", script: "refind.pxe" },
        pool: undefined,
        unknownMachines: undefined,
      },
    ],
    [
      "unit tftpd-hpa.service /etc/default/tftpd-hpa",
      { want: "unit", name: "tftpd-hpa.service", restartedBy: ["/etc/default/tftpd-hpa"] },
    ],
    [
      "listen isc-dhcp-server.service packet eno2",
      { want: "listen", unit: "isc-dhcp-server.service", on: { kind: "packet", interface: "eno2" } },
    ],
    [
      "listen tftpd-hpa.service udp 192.168.1.1 69",
      { want: "listen", unit: "tftpd-hpa.service", on: { kind: "udp", address: "192.168.1.1", port: 69 } },
    ],
    [
      "names dnsmasq 192.168.1.1 - 192.168.1.9%20nas%0A",
      { want: "names", mode: "dnsmasq", address: "192.168.1.1", domain: undefined, records: "192.168.1.9 nas\n" },
    ],
    [
      "firewall name:eno2 0 allow%20in%20on%20eno2%20udp%2067",
      { want: "firewall", interface: "name:eno2", allowDefaultRoute: false, rules: ["allow in on eno2 udp 67"] },
    ],
    ["firewall name:eno2 1", { want: "firewall", interface: "name:eno2", allowDefaultRoute: true, rules: [] }],
    [
      "taken /srv/tftp/ipxe.efi ipxe -",
      { want: "taken", path: "/srv/tftp/ipxe.efi", package: "ipxe", version: undefined },
    ],
    ["file /srv/tftp/a%20b 0644 0a1b", { want: "file", path: "/srv/tftp/a b", mode: "0644", sha256: "0a1b" }],
    ["package tftpd-hpa %", { want: "package", name: "tftpd-hpa", units: [] }],
  ])("reads %s, as releases before this one wrote it", (row, held) => {
    expect(parseHeld(row)).toEqual(held);
    expect(renderHeld(held)).toBe(row);
  });

  it.each(["", "generation 1", "node a - 52:54:00:00:00:01 x64 - + %", "tomorrow x y"])("passes over %j", (row) => {
    expect(parseHeld(row)).toBeUndefined();
  });
});

describe("parseMachineLine", () => {
  it("reads any machine as it was written", () => {
    const macs = fc.array(fc.stringMatching(/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/), { minLength: 1 });
    const machine: fc.Arbitrary<Machine> = fc.record({
      hostname: word,
      address: optional,
      macs,
      firmware: fc.constantFrom("x64", "ia32"),
      loader: optional,
      proof: fc.oneof(fc.boolean(), word),
      blocks: text.map((each) => each.toWellFormed()),
    });
    fc.assert(
      fc.property(machine, (each) => {
        const row = renderMachineLine(each);
        expect(row).toMatch(/^node(?: [!-~]+){7}$/);
        expect(parseMachineLine(row)).toEqual(each);
      }),
    );
  });

  it("is the line that releases before this one wrote", () => {
    const machine: Machine = {
      hostname: "db-1",
      address: undefined,
      macs: ["52:54:00:00:00:01", "52:54:00:00:00:02"],
      firmware: "ia32",
      loader: "ipxe32.efi",
      proof: "again-2",
      blocks: "host a { }\n",
    };
    const row = "node db-1 - 52:54:00:00:00:01,52:54:00:00:00:02 ia32 ipxe32.efi +again-2 host%20a%20%7B%20%7D%0A";
    expect(renderMachineLine(machine)).toBe(row);
    expect(parseMachineLine(row)).toEqual(machine);
  });
});
