import { describe, expect, it } from "vitest";
import { dhcpLanguages } from "../../../../../provider/formats/dhcpLanguage";
import { parseDhcpdSettings } from "../../../../../provider/formats/isc/dhcpdConf";
import { parseKeaJson } from "../../../../../provider/formats/kea/keaJson";
import { readKea } from "../../../../../provider/formats/kea/readKea";
import { right, sentences } from "../../values/sentences";

const network = { interface: "eno2", cidr: "192.168.1.0/28", address: "192.168.1.1" };
const pool = { from: "192.168.1.2", to: "192.168.1.5" };
const render = (args: object) => dhcpLanguages.kea.render(right(parseDhcpdSettings({ daemon: "kea", ...args })));

describe("renderKeaConf", () => {
  it.each<[string, object]>([
    ["minimal", { network }],
    [
      "guide",
      {
        network: { ...network, router: "192.168.1.1", pool },
        unknownMachines: "serve",
        loaders: { ia32: "ipxe32.efi" },
      },
    ],
    ["pool", { network: { ...network, pool } }],
    ["standby", { network: { ...network, pool }, highAvailability: "hot-standby", otherDhcpServers: ["192.168.1.14"] }],
    [
      "full",
      {
        network: {
          ...network,
          interface: { mac: "52:54:00:12:34:56" },
          router: "192.168.1.14",
          domain: "ola.example.net",
          dnsServers: ["192.168.1.1", "192.168.1.13"],
          ntpServers: ["192.168.1.1"],
          leaseSeconds: 3600,
          mtu: 9000,
          pool,
        },
        bootServer: "192.168.1.13",
        loaders: { x64: "snponly.efi", ia32: "ipxe32.efi" },
      },
    ],
  ])("writes %s, which is JSON as Kea has it", async (file, args) => {
    const { config } = render(args);
    await expect(config).toMatchFileSnapshot(`../../../../golden/kea/${file}.conf`);
    const { root, broken } = parseKeaJson("conf", new Map([["conf", config]]));
    expect({ broken, hasRoot: root !== undefined }).toEqual({ broken: [], hasRoot: true });
  });

  it("says the network and its boot server as import reads them", () => {
    const settings = { network: { ...network, pool }, unknownMachines: "serve", loaders: { ia32: "ipxe32.efi" } };
    const [found] = readKea("conf", new Map([["conf", render(settings).config]])).networks;
    expect(found).toMatchObject({ cidr: network.cidr, bootServer: network.address, leaseSeconds: 7200 });
  });

  it("says of two which answers and which stands by alike on both, by their addresses as numbers", () => {
    const roles = (address: string, other: string): readonly string[] => {
      const { config } = render({
        network: { ...network, address },
        highAvailability: "hot-standby",
        otherDhcpServers: [other],
      });
      expect(config).toContain(`"this-server-name": "${address}"`);
      return config.split("\n").filter((line) => line.includes('"role"'));
    };
    expect(roles("192.168.1.9", "192.168.1.14")).toEqual(roles("192.168.1.14", "192.168.1.9"));
    expect(roles("192.168.1.9", "192.168.1.14")[0]).toMatch(
      /"name": "192\.168\.1\.9", "role": "primary", "url": "http:\/\/192\.168\.1\.9:8001\/"/,
    );
  });

  it("has a standby of Kea's only", () => {
    expect(sentences(parseDhcpdSettings({ network, highAvailability: "hot-standby" }))).toEqual([
      'highAvailability: "hot-standby" is done by a hook of Kea\'s; write daemon: "kea" beside it on both servers, or leave it out: each of the two serves by itself then',
    ]);
    expect(sentences(parseDhcpdSettings({ daemon: "kea", network, highAvailability: "load-balancing" }))).toEqual([
      expect.stringMatching(/^highAvailability: .*"hot-standby"/),
    ]);
  });

  it("takes no statements of dhcpd's", () => {
    expect(sentences(parseDhcpdSettings({ daemon: "kea", network, extraConfig: "option time-offset 3600;" }))).toEqual([
      "extraConfig: holds statements for dhcpd.conf, and Kea reads none; give a machine's options in its node, or leave dhcp.daemon out",
    ]);
    expect(sentences(parseDhcpdSettings({ daemon: "dnsmasq", network }))).toEqual([
      expect.stringMatching(/^daemon: .*"isc".*"kea"/),
    ]);
  });
});

describe("renderKeaUnit", () => {
  it("writes the unit", async () => {
    await expect(render({ network }).unit).toMatchFileSnapshot("../../../../golden/units/kea-dhcp4-server.service");
  });

  it("keeps the port by which two hear each other for the other one", () => {
    const two = { network, highAvailability: "hot-standby", otherDhcpServers: ["192.168.1.14"] };
    expect(render(two).unit).toMatch(/^IPAddressDeny=any\nIPAddressAllow=192\.168\.1\.14$/m);
    expect(render({ ...two, highAvailability: undefined }).unit).not.toContain("IPAddress");
  });
});
