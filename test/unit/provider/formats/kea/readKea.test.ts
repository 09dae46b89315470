import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readKea } from "../../../../../provider/formats/kea/readKea";

const conf = "/etc/kea/kea-dhcp4.conf";
const read = (text: string, more: Readonly<Record<string, string>> = {}) =>
  readKea(conf, new Map([[conf, text], ...Object.entries(more)]));
const left = ({ leftOut }: ReturnType<typeof read>) => leftOut.map(({ line, what }) => `${line}: ${what}`);
const classes = (...tests: readonly string[]) =>
  `{ "Dhcp4": { "client-classes": [${tests.map((test, n) => `{ "name": "c${n}", "test": "${test}", "boot-file-name": "${"abc"[n]}" }`).join(", ")}], "subnet4": [{ "subnet": "10.0.0.0/24" }] } }`;

describe("readKea", () => {
  it("reads a node 0 that was set up after the guide's edition for Kea", () => {
    const found = read(readFileSync("test/cases/import/kea-dhcp4.conf", "utf8"));
    expect(found).toEqual({
      networks: [
        {
          file: conf,
          line: 37,
          cidr: "192.168.1.0/28",
          routers: ["192.168.1.1"],
          domain: "rack.example.net",
          dnsServers: [],
          ntpServers: ["192.168.1.1"],
          leaseSeconds: 7200,
          ranges: [{ file: conf, line: 41, from: "192.168.1.10", to: "192.168.1.13" }],
          servesUnknown: true,
          bootServer: "192.168.1.1",
          files: { x64: "ipxe.efi", x64Ipxe: "refind.pxe", ia32: "ipxe32.efi", ia32Ipxe: "refind.pxe" },
          statements: [],
        },
      ],
      hosts: [
        {
          file: conf,
          line: 48,
          name: "node-1",
          hostname: "node-1",
          mac: "52:54:00:12:34:56",
          addresses: ["192.168.1.2"],
          options: { "time-offset": 3600 },
          files: {},
        },
        {
          file: conf,
          line: 54,
          name: "node-2",
          hostname: "node-2",
          mac: "52:54:00:12:34:57",
          addresses: [],
          options: {},
          files: {},
        },
      ],
      leftOut: [],
      missing: [],
    });
  });

  it.each<[string, string, readonly string[]]>([
    ["the same", '"valid-lifetime": 600, "max-valid-lifetime": 600,', []],
    ["a longer one", '"valid-lifetime": 600,\n"max-valid-lifetime": 7200,', ["2: max-valid-lifetime 7200"]],
  ])("names a longest lease that is not the usual one: %s", (_, text, expected) => {
    expect(left(read(`{ "Dhcp4": { ${text} "subnet4": [{ "subnet": "10.0.0.0/24" }] } }`))).toEqual(expected);
  });

  it.each([
    [
      ["substring(option[60].hex,0,9) == 'PXEClient' and not option[175].exists", "option[user-class].text == 'iPXE'"],
      { x64: "a", x64Ipxe: "b", ia32: "a", ia32Ipxe: "b" },
    ],
    [
      ["option[93].hex == 0x0007 or option[client-system].hex == 0x0009", "option[93].hex == 0x6"],
      { x64: "a", x64Ipxe: "a" },
    ],
    [
      ["substring(option[77].hex,0,4)=='iPXE'", "not member('c0') and (option[93].hex == 0x0006)"],
      { x64Ipxe: "a", ia32: "b", ia32Ipxe: "a" },
    ],
    [["member('KNOWN')"], {}],
    [["pkt4.mac == 0x525400123456"], {}],
  ])("works out which file each stage is told: %s", (tests, files) => {
    const found = read(classes(...tests));
    expect(found.networks[0]?.files).toEqual(files);
    expect(found.leftOut.length > 0).toBe(Object.keys(files).length === 0);
  });

  it("reads what is included, shared networks, pools for machines that are known, and names all else", () => {
    const found = read(
      `{ "Dhcp4": {
  "hooks-libraries": [ { "library": "ha.so" } ],
  "option-data": [ { "name": "tcode", "data": "Europe/Paris" } ],
  "shared-networks": [ { "name": "racks", "boot-file-name": "ipxe.efi", "subnet4": [ <?include "/etc/kea/rack.json"?> ] } ],
  "reservations": [ { "duid": "01:02", "ip-address": "10.0.0.5" }, { "hw-address": "52:54:00:00:00:01", "next-server": "10.0.0.9" } ],
} }`,
      {
        "/etc/kea/rack.json": `{ "subnet": "10.0.0.0/24",
 "pools": [ { "pool": "10.0.0.128/25", "client-class": "KNOWN" }, { "pool": "10.0.0.9 - 10.0.0.10", "client-class": "mine" } ] }`,
      },
    );
    expect(found.networks).toMatchObject([
      {
        file: "/etc/kea/rack.json",
        servesUnknown: false,
        ranges: [{ from: "10.0.0.128", to: "10.0.0.255" }],
        files: { x64: "ipxe.efi" },
      },
    ]);
    expect(left(found)).toEqual([
      "2: hooks-libraries",
      "3: option-data tcode",
      "2: pool 10.0.0.9 - 10.0.0.10",
      "5: a reservation",
      "5: next-server of the reservation for 52:54:00:00:00:01",
    ]);
    expect(read('{ "Dhcp4": <?include "/etc/kea/a"?> }').missing).toEqual(["/etc/kea/a"]);
  });

  it("leaves out the machines of which Kea drops what they ask, and says so", () => {
    const hosts =
      '{ "hw-address": "52:54:00:00:00:01", "client-classes": [ "DROP" ] },\n{ "hw-address": "52:54:00:00:00:02" }';
    const found = read(`{ "Dhcp4": { "reservations": [\n${hosts} ] } }`);
    expect(found.hosts.map(({ mac }) => mac)).toEqual(["52:54:00:00:00:02"]);
    expect(left(found)).toEqual(["2: the reservation for 52:54:00:00:00:01"]);
  });

  it("says where a file breaks off", () => {
    expect(read('{ "Dhcp4": {\n "subnet4": [').leftOut).toEqual([
      { file: conf, line: 2, what: "", why: "the file ends in the middle" },
    ]);
    expect(read('{ "Dhcp4": {\n subnet4: 1').leftOut).toMatchObject([{ line: 2 }]);
  });
});
