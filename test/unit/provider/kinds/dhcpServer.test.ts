import { describe, expect, it } from "vitest";
import { type DhcpServerInputs, dhcpServer } from "../../../../provider/kinds/dhcpServer";

const inputs: DhcpServerInputs = {
  config: "authoritative;\n",
  unit: "[Service]\n",
  interface: "name:eno2",
  address: "192.168.1.17/28",
  cidr: "192.168.1.16/28",
  pool: "192.168.1.18-192.168.1.20",
  unknownMachines: "serve",
  bootServer: "192.168.1.17",
  loaders: { x64: "ipxe.efi", script: "refind.pxe" },
};

describe("dhcpServer", () => {
  it("tells what is served in values, whatever the text of dhcpd.conf says", () => {
    const { interface: _, address: _address, config: _config, unit: _unit, ...served } = inputs;
    expect(dhcpServer.wants(inputs)).toContainEqual({ want: "serve", interface: "eno2", ...served });
  });

  it("reads a state of the release before, which knew neither the network nor what becomes of unknown machines", () => {
    const { cidr: _cidr, unknownMachines: _unknown, pool: _pool, ...stored } = inputs;
    const wants = dhcpServer.wants(stored as DhcpServerInputs);
    expect(wants.find(({ want }) => want === "serve")).toMatchObject({
      cidr: "192.168.1.16/28",
      unknownMachines: undefined,
      pool: undefined,
    });
  });

  it("puts the text that somebody wrote in the place of its own", () => {
    const drift = [
      { what: "/etc/dhcp/dhcpd.conf", how: "changed", seen: "deny booting;\n" },
      { what: "/etc/systemd/system/isc-dhcp-server.service", how: "owner", seen: "0666" },
      { what: "isc-dhcp-server", how: "missing", seen: "" },
    ] as const;
    expect(dhcpServer.live(inputs, drift)).toEqual({ config: "deny booting;\n" });
  });
});
