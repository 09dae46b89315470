import { describe, expect, it } from "vitest";
import { parseServedBy } from "../../../../../provider/formats/isc/servedBy";

describe("parseServedBy", () => {
  it("finds the networks that are served, also in shared networks and groups, and not those that only keep dhcpd quiet", () => {
    const text = `
# subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.1; }
subnet 192.168.1.0 netmask 255.255.255.240 { range 192.168.1.2 192.168.1.5; host a { hardware ethernet 52:54:00:00:00:01; } }
subnet 10.0.0.0 netmask 255.255.255.0 { }
shared-network s { SUBNET 10.1.0.0 netmask 255.255.255.0 { pool { range 10.1.0.2 10.1.0.9; } } }
group { subnet 10.2.0.0 netmask 255.255.255.0 { option routers 10.2.0.1; } }`;
    expect(parseServedBy(text)).toEqual({ subnets: ["192.168.1.0", "10.1.0.0", "10.2.0.0"], others: [] });
  });

  it("finds what goes on elsewhere", () => {
    const text = `
include "/etc/dhcp/more.conf";
omapi-port 7911;
failover peer "b" { primary; port 647; }
subnet 192.168.1.0 netmask 255.255.255.240 { pool { failover peer "b"; range 192.168.1.2; } }`;
    expect(parseServedBy(text)).toEqual({
      subnets: ["192.168.1.0"],
      others: ['include "/etc/dhcp/more.conf"', "omapi-port 7911", 'failover peer "b"'],
    });
  });

  it.each(["", "}}}{{{", 'subnet 10.0.0.0 { "', 'option domain-name "example.org";\ndefault-lease-time 600;'])(
    "makes nothing of %j",
    (text) => {
      expect(parseServedBy(text)).toEqual({ subnets: [], others: [] });
    },
  );
});
