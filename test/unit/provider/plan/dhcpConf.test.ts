import { describe, expect, it } from "vitest";
import type { Unit } from "../../../../provider/facts/units";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import { whyDhcpConfStays } from "../../../../provider/plan/dhcpConf";
import { entry, register, serve } from "./registered";

const put = (...more: readonly Want[]): Declaration => ({
  id: "D",
  generation: "1",
  wants: [serve() as Want, ...more],
});
const units = (activeState: string, unitFileState: string) =>
  new Map([["isc-dhcp-server.service", { activeState, unitFileState } as Unit]]);
const theirs = 'include "/etc/dhcp/more.conf";\nsubnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.2; }\n';
const ours = "subnet 192.168.1.0 netmask 255.255.255.240 { range 192.168.1.2; }";
const why = (text: string | undefined, declared = put(), running = units("active", "enabled"), held = register([])) =>
  whyDhcpConfStays({ puts: new Map([["D", declared]]), drops: new Map() }, held, running, text);

describe("whyDhcpConfStays", () => {
  it("refuses to take the place of a server that serves more than the private network, unless the program says so", () => {
    expect(why(theirs)).toEqual({
      code: "OCCUPIED",
      id: "D",
      message:
        '/etc/dhcp/dhcpd.conf on this host serves more than 192.168.1.0/28 (subnet 10.0.0.0, include "/etc/dhcp/more.conf"), and would no more: ours takes its place, and serves the private network only. Say dhcp: { replace: true } (for a DhcpServer alone: replace: true) if that is right; it is put back on destroy',
    });
    expect(why(theirs, put({ want: "replaceDhcp" }))).toBeUndefined();
    expect(why(theirs, put(), units("inactive", "enabled"))?.code).toBe("OCCUPIED");
  });

  it("goes on where there is none, it serves the private network alone, or nobody", () => {
    expect(why(undefined)).toBeUndefined();
    expect(why(ours)).toBeUndefined();
    // As we write it, on a node 0 whose /var/lib was lost.
    expect(why(`include "/etc/dhcp/netboot/hosts.conf";\n${ours}`)).toBeUndefined();
    expect(why(theirs, put(), units("inactive", "disabled"))).toBeUndefined();
  });

  it("says nothing of a file of ours", () => {
    const file = { want: "file", path: "/etc/dhcp/dhcpd.conf", mode: "0644", sha256: "" } as const;
    expect(why(theirs, put(), units("active", "enabled"), register([entry("D", [file])]))).toBeUndefined();
  });
});
