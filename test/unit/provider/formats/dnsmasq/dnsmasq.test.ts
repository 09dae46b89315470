import { describe, expect, it } from "vitest";
import {
  parseDnsmasqSettings,
  renderDnsmasqConf,
  renderDnsmasqUnit,
} from "../../../../../provider/formats/dnsmasq/dnsmasq";
import { right, sentences } from "../../values/sentences";

const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };

describe("parseDnsmasqSettings", () => {
  it("serves the names of the machines and asks nobody, unless it is said", () => {
    const { mode, upstreams, records } = right(parseDnsmasqSettings({ network }));
    expect({ mode, upstreams, records }).toEqual({ mode: "dnsmasq", upstreams: [], records: [] });
  });

  it("takes records in any order, with one address or several, in one spelling", () => {
    const given = { web: ["192.168.1.13", "192.168.1.14"], Filer: "192.168.1.12" };
    expect(right(parseDnsmasqSettings({ network, records: given })).records).toEqual([
      { name: "filer", addresses: ["192.168.1.12"] },
      { name: "web", addresses: ["192.168.1.13", "192.168.1.14"] },
    ]);
  });

  const address = 'write four numbers with dots, as in "192.168.1.1"';
  it.each<[string, object, string]>([
    [
      "an upstream by name",
      { upstreams: ["dns.example"] },
      `upstreams[0]: "dns.example" is no IPv4 address; ${address}`,
    ],
    [
      "node 0 itself as upstream",
      { upstreams: ["192.168.1.1"] },
      "upstreams[0]: 192.168.1.1 is node 0's own address, which would ask itself for ever; leave it out",
    ],
    [
      "upstreams without a server",
      { mode: "hosts", upstreams: ["192.0.2.1"] },
      'upstreams: with mode "hosts" node 0 serves no names, so it asks nobody; leave upstreams out',
    ],
    ["an unknown mode", { mode: "bind" }, 'mode: "bind" is none of "dnsmasq", "hosts"'],
    ["records as a list", { records: ["a"] }, 'records: ["a"] is no object; write it as { "storage": "192.168.1.14" }'],
    [
      "a record that would start a line",
      { records: { "a\nb": "192.168.1.13" } },
      'records["a\\nb"]: "a\\nb" is no host name; use letters, digits and hyphens, as in "a-b"',
    ],
    ["a record without an address", { records: { a: "b" } }, `records["a"]: "b" is no IPv4 address; ${address}`],
    [
      "a wrong address among several",
      { records: { a: ["192.168.1.13", "b"] } },
      `records["a"][1]: "b" is no IPv4 address; ${address}`,
    ],
    [
      "a record that stands twice",
      { records: { a: "192.168.1.13", A: "192.168.1.14" } },
      'records["A"]: "a" stands here twice; write it once',
    ],
  ])("refuses %s", (_name, args, sentence) => {
    expect(sentences(parseDnsmasqSettings({ network, ...args }))).toEqual([sentence]);
  });
});

describe("renderDnsmasqConf", () => {
  it.each([
    ["default", {}, {}],
    ["everything", { domain: "rack.example.net" }, { upstreams: ["192.0.2.53", "192.0.2.54"] }],
  ])("writes test/golden/dnsmasq/%s.conf", async (name, more, args) => {
    const settings = parseDnsmasqSettings({ network: { ...network, ...more }, ...args });
    await expect(renderDnsmasqConf(right(settings))).toMatchFileSnapshot(`../../../../golden/dnsmasq/${name}.conf`);
  });

  it("never asks node 0's own resolver, nor serves its own table", () => {
    const text = renderDnsmasqConf(right(parseDnsmasqSettings({ network })));
    expect(text.split("\n")).toEqual(expect.arrayContaining(["no-resolv", "no-hosts"]));
  });
});

describe("renderDnsmasqUnit", () => {
  it("writes a unit that a reload does not restart", async () => {
    await expect(renderDnsmasqUnit()).toMatchFileSnapshot("../../../../golden/units/netboot-names.service");
  });
});
