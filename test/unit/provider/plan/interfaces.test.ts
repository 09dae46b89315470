import { describe, expect, it } from "vitest";
import { fitFirewallInterface, fitNetworkInterface, type Interfaces } from "../../../../provider/plan/interfaces";

const link = (name: string, mac: string, addresses: readonly string[] = [], master?: string) => ({
  name,
  mac,
  master,
  addresses,
  isVrf: name.startsWith("vrf"),
});

const node0: Interfaces = {
  links: [
    link("wg0", "", ["192.168.1.9/28"]),
    link("lo", "00:00:00:00:00:00", ["127.0.0.1/8"]),
    link("eno2", "52:54:00:00:00:02", ["10.0.0.1/8", "192.168.1.1/28"]),
    link("eno1", "52:54:00:00:00:01", ["203.0.113.7/24"]),
    link("bond0", "52:54:00:00:00:05", ["192.168.5.1/24"]),
    link("aaa0", "52:54:00:00:00:05", [], "bond0"),
  ],
  defaultRoutes: ["eno1"],
};
/** A bond that is a network of its own, and carries another one by a VLAN; all of it has one MAC. */
const bonded = (defaultRoute: string): Interfaces => ({
  links: [
    link("bond0", "52:54:00:00:00:07", ["192.168.7.1/28"]),
    link("bond0.100", "52:54:00:00:00:07", ["203.0.113.7/24"]),
    link("eno3", "52:54:00:00:00:07", [], "bond0"),
    link("eno4", "52:54:00:00:00:07", [], "bond0"),
    link("eno5", "52:54:00:00:00:08", ["192.168.8.1/28"], "br0"),
    link("eno6", "52:54:00:00:00:09", ["192.168.9.1/28"], "vrf-lan"),
    link("br0", "52:54:00:00:00:08"),
    link("vrf-lan", "52:54:00:00:00:0a"),
  ],
  defaultRoutes: [defaultRoute],
});

const present =
  "this host has aaa0 (52:54:00:00:00:05), bond0 (52:54:00:00:00:05), eno1 (52:54:00:00:00:01), eno2 (52:54:00:00:00:02)";

const found = (wanted: string, address = "192.168.1.1/28", allowDefaultRoute = false, on = node0) => {
  const [own = "", length = ""] = address.split("/");
  const want = {
    want: "interface" as const,
    interface: wanted,
    address: own,
    prefixLength: Number(length),
    allowDefaultRoute,
  };
  const fit = fitNetworkInterface("DhcpServer/p/one/d", want, on);
  return "name" in fit ? fit.name : fit.refusal.message;
};

describe("fitNetworkInterface", () => {
  it("finds an interface by its name and by its MAC", () => {
    expect(found("name:eno2")).toBe("eno2");
    expect(found("mac:52:54:00:00:00:02")).toBe("eno2");
  });

  it("takes the one of several with one MAC that has the address", () => {
    expect(found("mac:52:54:00:00:00:05", "192.168.5.1/24")).toBe("bond0");
  });

  it.each([
    ["one that is not there", "name:eno9", `there is no interface "eno9"; ${present}`],
    [
      "a MAC that nobody has",
      "mac:52:54:00:00:00:09",
      `there is no interface with the MAC 52:54:00:00:00:09; ${present}`,
    ],
    ["a tunnel", "name:wg0", `there is no interface "wg0"; ${present}`],
  ])("refuses %s, and says what there is", (_name, wanted, message) => {
    expect(found(wanted)).toBe(`network.interface: ${message}`);
  });

  it("refuses one without the address, and says what it has", () => {
    const rest =
      "give it the address in the host's own network configuration, or correct network.interface, network.address or network.cidr";
    expect(found("name:eno2", "192.168.1.1/24")).toBe(
      `network.address: eno2 has not the address 192.168.1.1/24; it has 10.0.0.1/8, 192.168.1.1/28; ${rest}`,
    );
    expect(found("name:aaa0")).toBe(
      `network.address: aaa0 has not the address 192.168.1.1/28; it has no IPv4 address; ${rest}`,
    );
  });

  it("refuses the public side, unless it may be served", () => {
    expect(found("name:eno1", "203.0.113.7/24")).toBe(
      "network.interface: eno1 carries the default route, so it looks like the public side; only the private network may be served. Correct network.interface, or give the server allowDefaultRoute: true if node 0 has no other side",
    );
    expect(found("name:eno1", "203.0.113.7/24", true)).toBe("eno1");
  });

  it.each(["name:bond0", "mac:52:54:00:00:00:07"])("takes a bond whose VLAN is the public side: %s", (wanted) => {
    expect(found(wanted, "192.168.7.1/28", false, bonded("bond0.100"))).toBe("bond0");
    expect(found(wanted, "192.168.7.1/28", false, bonded("bond0"))).toContain("bond0 carries the default route");
  });

  it("takes a VLAN whose bond is the public side", () => {
    expect(found("mac:52:54:00:00:00:07", "203.0.113.7/24", false, bonded("bond0"))).toBe("bond0.100");
  });

  it("refuses a member of a bond or bridge, and takes one of a VRF", () => {
    expect(found("name:eno5", "192.168.8.1/28", false, bonded("eno1"))).toBe(
      "network.interface: eno5 is a member of br0, which gets what comes in by it; give br0 the address in the host's own network configuration, and serve br0",
    );
    expect(found("name:eno6", "192.168.9.1/28", false, bonded("eno1"))).toBe("eno6");
  });

  it("says whose mistake it is", () => {
    const want = {
      want: "interface" as const,
      interface: "name:x",
      address: "",
      prefixLength: 0,
      allowDefaultRoute: false,
    };
    expect(fitNetworkInterface("DhcpServer/p/one/d", want, node0)).toMatchObject({
      refusal: { code: "INTERFACE_UNFIT", id: "DhcpServer/p/one/d" },
    });
  });
});

describe("fitFirewallInterface", () => {
  const fits = (wanted: string, allowDefaultRoute = false) => {
    const found = fitFirewallInterface("Firewall/p/one/f", { interface: wanted, allowDefaultRoute }, node0);
    return "name" in found ? found.name : found.refusal.message;
  };

  it.each([
    ["bond0.100", "bond0"],
    ["bond0", "bond0.100"],
  ])("takes what is not the public side of a bond and its VLAN: %s", (defaultRoute, name) => {
    const want = { interface: "mac:52:54:00:00:00:07", allowDefaultRoute: false };
    expect(fitFirewallInterface("Firewall/p/one/f", want, bonded(defaultRoute))).toEqual({ name });
  });

  it("takes the bond of those that share a MAC, and asks for no address", () => {
    expect(fits("mac:52:54:00:00:00:05")).toBe("bond0");
    expect(fits("name:aaa0")).toBe("aaa0");
  });

  it("refuses what is not there, and the public side unless it is allowed", () => {
    expect(fits("name:eno9")).toBe(`interface: there is no interface "eno9"; ${present}`);
    expect(fits("name:eno1")).toBe(
      "interface: eno1 carries the default route, so it looks like the public side; correct it, or give the firewall allowDefaultRoute: true if node 0 has no other side",
    );
    expect(fits("name:eno1", true)).toBe("eno1");
  });
});
