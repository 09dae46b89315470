import { describe, expect, it } from "vitest";
import type { Holder } from "../../../../provider/facts/question";
import { servers } from "../../../../provider/facts/servers";
import type { Declaration, Want } from "../../../../provider/kinds/want";
import { whoElseServes, whyOccupied } from "../../../../provider/plan/occupied";
import type { Held } from "../../../../provider/plan/records";
import { entry, register, serve, tftpd } from "./registered";
import { changeOf, hostAnswers, put, type Told } from "./told";

const nic: Held = {
  want: "interface",
  interface: "name:eno2",
  address: "192.168.1.1",
  prefixLength: 28,
  allowDefaultRoute: false,
};
const interfaces = {
  links: [{ name: "eno2", mac: "52:54:00:00:00:02", master: undefined, isVrf: false, addresses: ["192.168.1.1/28"] }],
  defaultRoutes: [],
};
const dhcpId = "DhcpServer/p/one/dhcp";
const tftpId = "TftpServer/p/one/tftp";
const timeId = "TimeServer/p/one/time";
const namesId = "NameServer/p/one/names";
const names = (mode: "dnsmasq" | "hosts"): Held => ({ want: "names", mode, address: "192.168.1.1", records: "" });
const node0 = register([
  entry(dhcpId, [nic, serve()]),
  entry(tftpId, [tftpd]),
  entry(timeId, [nic, { want: "ntp", address: "192.168.1.1" }]),
  entry(namesId, [nic, names("dnsmasq")]),
]);

const holder = (port: number, program: string, more: Partial<Holder> = {}): Holder => ({
  ...{ protocol: "udp", address: "0.0.0.0", port, pid: 7, program },
  ...more,
});
const holders = (...all: readonly Holder[]): Told => ({ "servers.holders": all });

/** Why the one resource of a node 0 can't be put, with what the host says. */
const why = (id: string, told: Told, as = node0) =>
  whyOccupied(as, changeOf([put(id)]).puts, interfaces, servers.read(hostAnswers(told)))?.message;

/** What `systemctl show` says of servers' units; of all others that there are none. */
function units(states: Readonly<Record<string, "running" | "stopped" | "disabled">>): Told {
  const question = servers.questions["servers.units"];
  const asked = question?.ask === "run" ? question.argv.slice(question.argv.indexOf("--") + 1) : [];
  const said = asked.map((unit) => {
    const state = states[unit];
    if (state === undefined) return `Id=${unit}\nLoadState=not-found\nActiveState=inactive\nWantedBy=\n`;
    const active = state === "running" ? "active" : "inactive";
    const by = state === "disabled" ? "" : "multi-user.target";
    return `Id=${unit}\nLoadState=loaded\nActiveState=${active}\nWantedBy=${by}\n`;
  });
  return { "servers.units": { status: 0, said: said.join("\n") } };
}

const configured = (lines: string): Told => ({ "servers.dnsmasq": { status: 0, said: lines } });
const range = "/etc/dnsmasq.conf:dhcp-range=192.168.1.10,192.168.1.14,1h\n";

describe("whyOccupied", () => {
  it("names program, unit, port and socket of who serves already, and the way out", () => {
    const told = holders(
      holder(67, "dnsmasq", { interface: "eno2", unit: "dnsmasq.service" }),
      holder(53, "dnsmasq", { unit: "dnsmasq.service" }),
      holder(53, "dnsmasq", { unit: "dnsmasq.service", protocol: "tcp", address: "::" }),
      holder(53, "unbound", { address: "192.168.1.1" }),
    );
    expect(whyOccupied(node0, changeOf([put(dhcpId)]).puts, interfaces, servers.read(hostAnswers(told)))).toEqual({
      code: "OCCUPIED",
      id: dhcpId,
      message:
        "dnsmasq (dnsmasq.service) has port 67 of 192.168.1.1 already (udp 0.0.0.0%eno2:67). Let it serve other interfaces " +
        'only, or stop and disable it; or say otherDhcpServers: "allow" if it leaves these machines alone',
    });
    expect(why(namesId, told)).toBe(
      "dnsmasq (dnsmasq.service), unbound has port 53 of 192.168.1.1 already (tcp :::53, udp 0.0.0.0:53, udp 192.168.1.1:53). " +
        'Let it listen on other addresses only; or let node 0 serve no names: names: false; or keep them in its own /etc/hosts: names: { mode: "hosts" }',
    );
  });

  it("says of a server elsewhere that keeps ours from starting what it is, also where others may answer", () => {
    const kea = holders(holder(67, "kea-dhcp4", { address: "10.0.0.1", unit: "kea-dhcp4-server.service" }));
    const allowed = register([entry(dhcpId, [nic, serve(), { want: "otherServers" }])]);
    for (const as of [node0, allowed]) {
      expect(why(dhcpId, kea, as)).toBe(
        "kea-dhcp4 (kea-dhcp4-server.service) has port 67 of another address (udp 10.0.0.1:67), and node 0's DHCP server opens it " +
          "on all, so that the two can't run beside each other. Stop and disable it, or let one of the two serve from another host",
      );
    }
    expect(why(dhcpId, holders(holder(67, "dnsmasq")), allowed)).toBeUndefined();
    expect(whoElseServes(allowed, servers.read(hostAnswers(kea)))).toBeUndefined();
  });

  describe("beside Kea, which shares its port with nobody", () => {
    const kea: Held = { want: "daemon", daemon: "kea" };
    const ours = register([entry(dhcpId, [nic, serve(), kea])]);
    const allowed = register([entry(dhcpId, [nic, serve(), kea, { want: "otherServers" }])]);
    const libvirt = holders(holder(67, "dnsmasq", { interface: "virbr0", unit: "libvirtd.service" }));
    const dhcpd: Told = {
      ...holders(holder(67, "dhcpd", { pid: 9, unit: "isc-dhcp-server.service" })),
      "servers.holders: packets": [{ interface: "eno3", pid: 9, program: "dhcpd" }],
    };
    const together = "Stop and disable it, or let one of the two serve from another host";

    it("refuses a server of another interface that opens the port of all addresses", () => {
      for (const as of [ours, allowed]) {
        expect(why(dhcpId, libvirt, as)).toBe(
          "dnsmasq (libvirtd.service) has port 67 of all addresses (udp 0.0.0.0%virbr0:67), and Kea shares that of 192.168.1.1 with nobody, " +
            `so that the two can't run beside each other. ${together}; or take ISC's dhcpd, which shares it: daemon: "isc"`,
        );
        expect(why(dhcpId, dhcpd, as)).toMatch(/^dhcpd \(isc-dhcp-server\.service\) has port 67 of all addresses/);
        // A second dhcpd is the same package's, and refused otherwise.
        expect(why(dhcpId, dhcpd, as)).toMatch(new RegExp(`\\. ${together}$`));
      }
    });

    it("refuses one that answers the same machines with the way out of that, unless it may", () => {
      const here = holders(holder(67, "dnsmasq"));
      expect(why(dhcpId, here, ours)).toMatch(
        /^dnsmasq has port 67 of 192\.168\.1\.1 already .*otherDhcpServers: "allow"/,
      );
      expect(why(dhcpId, here, allowed)).toMatch(/^dnsmasq has port 67 of all addresses .*daemon: "isc"$/);
    });

    it("leaves one of another address", () => {
      expect(why(dhcpId, holders(holder(67, "kea-dhcp4", { address: "10.0.0.1" })), ours)).toBeUndefined();
    });
  });

  it("names who has the port by which two Kea hear each other, where one is to stand by", () => {
    const others: readonly Held[] = [
      { want: "peers", addresses: ["192.168.1.14"] },
      { want: "daemon", daemon: "kea" },
    ];
    const pair = register([entry(dhcpId, [nic, serve(), ...others, { want: "hotStandby" }])]);
    const web = holder(8001, "python3", { protocol: "tcp", unit: "web.service" });
    expect(why(dhcpId, holders(web), pair)).toBe(
      "python3 (web.service) has port 8001 of 192.168.1.1 already (tcp 0.0.0.0:8001). There Kea hears the other node 0. " +
        "Let it listen on another port or other addresses only, or stop and disable it",
    );
    const others8001 = [
      { ...web, address: "127.0.0.1" },
      { ...web, protocol: "udp" as const },
      { ...web, unit: "kea-dhcp4-server.service" },
    ];
    for (const other of others8001) expect(why(dhcpId, holders(other), pair)).toBeUndefined();
    expect(why(dhcpId, holders(web), register([entry(dhcpId, [nic, serve(), ...others])]))).toBeUndefined();
  });

  it.each([
    [
      "TFTP, by a socket of systemd's",
      tftpId,
      holder(69, "systemd", { address: "::", pid: 1 }),
      /^systemd \(atftpd\.socket\)/,
    ],
    ["the time", timeId, holder(123, "pihole-FTL", { unit: "pihole-FTL.service" }), /port 123 .*time: false/],
    ["names on this address", namesId, holder(53, "named", { address: "::ffff:192.168.1.1" }), /^named has port 53/],
    ["DHCP on all addresses", dhcpId, holder(67, "docker-proxy"), /^docker-proxy has port 67/],
    // dhcpd opens the port of all addresses, and Kea does not share it.
    [
      "DHCP elsewhere, by a server that keeps ours from starting",
      dhcpId,
      holder(67, "kea-dhcp4", { address: "10.0.0.1" }),
      /^kea/,
    ],
  ])("counts who serves %s", (_what, id, one, message) => {
    const sockets = { status: 0, said: "[::]:69  atftpd.socket  atftpd.service\n" };
    expect(why(id, { ...holders(one), "servers.sockets": sockets })).toMatch(message);
  });

  it.each([
    ["our own", dhcpId, holder(67, "dhcpd", { unit: "isc-dhcp-server.service" })],
    ["a network of libvirt's", dhcpId, holder(67, "dnsmasq", { interface: "virbr0" })],
    ["a resolver of this host's", namesId, holder(53, "systemd-resolve", { address: "127.0.0.53", interface: "lo" })],
    ["another address", tftpId, holder(69, "in.tftpd", { address: "10.0.0.1" })],
    ["another port", namesId, holder(5353, "avahi-daemon")],
    [
      "a time daemon, which gives way or is refused as a package",
      timeId,
      holder(123, "ntpd", { unit: "ntpsec.service" }),
    ],
  ])("leaves %s", (_what, id, one) => {
    expect(why(id, holders(one))).toBeUndefined();
  });

  it("knows by its raw sockets where a DHCP server listens", () => {
    const other = holders(holder(67, "dhcpd", { pid: 9 }));
    const raw = (nicName: string, pid = 9): Told => ({
      "servers.holders: packets": [{ interface: nicName, pid, program: "dhcpd" }],
    });
    expect(why(dhcpId, { ...other, ...raw("eno3") })).toBeUndefined();
    expect(why(dhcpId, { ...other, ...raw("eno2") })).toMatch(/^dhcpd has port 67/);
    expect(why(dhcpId, { ...other, ...raw("*") })).toMatch(/^dhcpd has port 67/);
    expect(why(dhcpId, { ...other, ...raw("eno3", 10) })).toMatch(/^dhcpd has port 67/);
  });

  it.each([
    [
      tftpId,
      "atftpd.socket",
      /^atftpd\.socket does not run now, and would serve TFTP after the next boot: it is enabled/,
    ],
    [dhcpId, "isc-dhcp-relay.service", /^isc-dhcp-relay\.service does not run now, and would serve DHCP/],
    [namesId, "named.service", /^named\.service does not run now, and would serve names/],
    [namesId, "dnsmasq.service", /^dnsmasq\.service does not run now/],
  ])("counts for %s who would serve after a boot: %s", (id, unit, message) => {
    expect(why(id, units({ [unit]: "stopped" }))).toMatch(message);
    expect(why(id, units({ [unit]: "running" }))).toBeUndefined();
    expect(why(id, units({ [unit]: "disabled" }))).toBeUndefined();
  });

  it.each([
    ["DHCP, by dnsmasq", dhcpId, range],
    ["DHCP on this interface", dhcpId, `/etc/dnsmasq.d/a:interface=eno3,eno2\n${range}`],
    ["TFTP, by dnsmasq", tftpId, "/etc/dnsmasq.d/boot.conf:enable-tftp\n"],
  ])("counts who is to serve %s by its file, though it does not yet", (_what, id, lines) => {
    const message = /^dnsmasq\.service is to serve (DHCP|TFTP) there, too, by \/etc\/dnsmasq/;
    expect(why(id, { ...configured(lines), ...units({ "dnsmasq.service": "running" }) })).toMatch(message);
    expect(why(id, { ...configured(lines), ...units({ "dnsmasq.service": "stopped" }) })).toMatch(message);
    expect(why(id, { ...configured(lines), ...units({ "dnsmasq.service": "disabled" }) })).toBeUndefined();
  });

  it.each([
    ["on another interface", `/etc/dnsmasq.conf:interface=eno3\n${range}`],
    ["but on this interface", `/etc/dnsmasq.conf:no-dhcp-interface=eno2\n${range}`],
    ["in another network", "/etc/dnsmasq.conf:dhcp-range=10.0.3.10,10.0.3.99,1h # lab\n"],
    ["names only", "/etc/dnsmasq.conf:interface=eno2\n"],
  ])("leaves dnsmasq that is to serve %s", (_what, lines) => {
    expect(why(dhcpId, { ...configured(lines), ...units({ "dnsmasq.service": "running" }) })).toBeUndefined();
  });

  it("leaves the names to us where dnsmasq's file says so", () => {
    const told = { ...configured("/etc/dnsmasq.conf:port=0\n"), ...units({ "dnsmasq.service": "stopped" }) };
    expect(why(namesId, told)).toBeUndefined();
  });

  it.each([
    ['  "interfaces": [ "eno3", "eno2/192.168.1.1" ]', true],
    ['"interfaces": ["*"]', true],
    ['"interfaces": [ ]', false],
    ['"interfaces": [ "eno3" ]', false],
    ['// "interfaces": [ "eno2" ]', false],
  ])("reads where Kea is to serve: %s", (content, isHere) => {
    const told = { "servers.kea": { content: `{ "Dhcp4": {\n${content}\n} }` } };
    const message = why(dhcpId, { ...told, ...units({ "kea-dhcp4-server.service": "stopped" }) });
    if (isHere) expect(message).toMatch(/^kea-dhcp4-server\.service is to serve DHCP there, too, by \/etc\/kea/);
    else expect(message).toBeUndefined();
  });

  it.each([
    ["a.network", "Name=eno2", true],
    ["a.network", "Name=en*", true],
    ["a.network", "Name=virbr0 ve-*", false],
    ["a.netdev", "Name=eno2", false],
  ])("reads where systemd-networkd is to serve: %s, %s", (file, match, isHere) => {
    const path = `/etc/systemd/network/${file}`;
    const said = `${path}:${match}\n${path}.d/dhcp.conf:DHCPServer = yes\n`;
    const told = { "servers.networks": { status: 0, said } };
    const message = why(dhcpId, { ...told, ...units({ "systemd-networkd.service": "running" }) });
    if (isHere) expect(message).toContain("systemd-networkd.service is to serve DHCP there, too");
    else expect(message).toBeUndefined();
  });

  it("looks where a service of ours is put, and at what machines boot by where machines are", () => {
    const told = servers.read(hostAnswers(holders(holder(67, "dnsmasq"), holder(53, "named"))));
    const node: Want = { want: "node", hostname: "a", macs: ["m"], firmware: "x64", proof: true, blocks: "" };
    const of = (...puts: readonly Declaration[]) => whyOccupied(node0, changeOf(puts).puts, interfaces, told)?.id;
    expect(of(put(tftpId))).toBeUndefined();
    expect(of(put("OlaNode/p/one/a", node))).toBe(dhcpId);
    expect(
      why(namesId, holders(holder(53, "named")), register([entry(namesId, [nic, names("hosts")])])),
    ).toBeUndefined();
  });

  it("lets another DHCP server be where the program allows it", () => {
    const allowing = register([entry(dhcpId, [nic, serve(), { want: "otherServers" }])]);
    expect(why(dhcpId, holders(holder(67, "dnsmasq")), allowing)).toBeUndefined();
  });
});

describe("whyOccupied, of packages that are to come", () => {
  const packagesOf = (...names: readonly string[]): Declaration =>
    put("Packages/p/one/packages", ...names.map((name): Want => ({ want: "package", name, units: [] })), {
      want: "listenFor",
      interface: "name:eno2",
      address: "192.168.1.1",
    });
  const early = (told: Told, ...names: readonly string[]) =>
    whyOccupied(register([]), changeOf([packagesOf(...names)]).puts, interfaces, servers.read(hostAnswers(told)));

  it.each([
    ["isc-dhcp-server", 67],
    ["tftpd-hpa", 69],
    ["chrony", 123],
    ["dnsmasq-base", 53],
  ])("refuses %s where somebody has port %i, before it is brought", (name, port) => {
    expect(early(holders(holder(port, "other")), name)).toMatchObject({
      code: "OCCUPIED",
      id: "Packages/p/one/packages",
      message: expect.stringMatching(`^other has port ${port} of 192\\.168\\.1\\.1 already`),
    });
    expect(early(holders(holder(port, "other", { interface: "eno3" })), name)).toBeUndefined();
    expect(early(holders(holder(port, "other")), "ipxe")).toBeUndefined();
  });

  it("refuses Kea's before it is brought where a server of another interface has its port", () => {
    const libvirt = holders(holder(67, "dnsmasq", { interface: "virbr0" }));
    expect(early(libvirt, "kea-dhcp4-server")?.message).toContain("Kea shares that of 192.168.1.1 with nobody");
    expect(early(libvirt, "isc-dhcp-server")).toBeUndefined();
  });

  it("knows the network by the interface's address", () => {
    const running = units({ "dnsmasq.service": "running" });
    expect(early({ ...configured(range), ...running }, "isc-dhcp-server")?.code).toBe("OCCUPIED");
    const elsewhere = configured("/etc/dnsmasq.conf:dhcp-range=10.0.3.10,10.0.3.99,1h\n");
    expect(early({ ...elsewhere, ...running }, "isc-dhcp-server")).toBeUndefined();
  });
});

describe("whoElseServes", () => {
  it("tells a proof of whoever serves what machines boot by", () => {
    const who = (told: Told) => whoElseServes(node0, servers.read(hostAnswers(told)));
    expect(who(holders(holder(67, "dnsmasq", { interface: "eno2" })))).toBe(
      "dnsmasq has port 67 of 192.168.1.1 already (udp 0.0.0.0%eno2:67)",
    );
    expect(who(holders(holder(53, "named")))).toBeUndefined();
  });
});
