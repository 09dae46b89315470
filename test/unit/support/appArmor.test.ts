import { describe, expect, it } from "vitest";
import { type Access, executionsOf, inWords, parseProfile } from "../../support/appArmor.ts";

const profile = parseProfile(`
@{run}=/run/ /var/run/
/usr/sbin/dhcpd {
  capability net_raw,
  network inet  dgram,
  network packet,
  @{run}/dhcp/*.pid rw,   # a comment
  /etc/dhcp/** r,
  deny /etc/dhcp/secret r,
  /etc/{hosts,services} r,
  /dev/rtc{,[0-9]*} w,
  owner /home/** r,
}
`);

const file = (mode: string, object: string): Access => ({ on: "file", object, mode });
const network = (object: string): Access => ({ on: "network", object, mode: "" });

describe("parseProfile", () => {
  it.each([
    file("r", "/etc/dhcp/dhcpd.conf"),
    file("r", "/etc/dhcp/netboot/.hosts.conf.netboot-new"),
    file("w", "/run/dhcp/dhcpd.pid"),
    file("w", "/var/run/dhcp/dhcpd.pid"),
    file("r", "/etc/services"),
    file("w", "/dev/rtc"),
    file("w", "/dev/rtc0"),
    network("inet dgram"),
    network("packet raw"),
  ])("allows $mode $object", (access) => {
    expect(profile.refused([access])).toEqual([]);
  });

  it.each([
    file("w", "/etc/dhcp/dhcpd.conf"),
    file("r", "/etc/dhcp/"),
    file("r", "/etc/dhcp/secret"),
    file("r", "/etc/dhcpd.conf"),
    file("w", "/run/dhcp/a/dhcpd.pid"),
    file("r", "/etc/host"),
    file("r", "/home/somebody"),
    network("inet raw"),
    network("inet6 dgram"),
  ])("refuses $mode $object", (access) => {
    expect(profile.refused([access, access])).toEqual([inWords(access)]);
  });

  it("knows the capabilities", () => {
    expect(profile.capabilities).toEqual(["net_raw"]);
  });
});

describe("executionsOf", () => {
  const trace = `
7  execve("/usr/sbin/dhcpd", ["/usr/sbin/dhcpd", "-t"], 0x55 /* 5 vars */ <unfinished ...>
8  openat(AT_FDCWD</>, "/root/other", O_RDONLY) = 3</root/other>
7  <... execve resumed>)             = 0
7  openat(AT_FDCWD</>, "/etc/absent", O_RDONLY) = -1 ENOENT (No such file or directory)
7  openat(AT_FDCWD</>, "/etc/link", O_RDWR|O_CREAT, 0644) = 3</etc/target>
7  openat(AT_FDCWD</>, "/etc/dhcp", O_RDONLY|O_DIRECTORY) = 4</etc/dhcp>
9  mmap(NULL, 9, PROT_READ|PROT_EXEC, MAP_PRIVATE, 3</usr/lib/libc.so.6>, 0x26000) = 0x7f41
7  clone(child_stack=NULL, flags=SIGCHLD) = 9
7  link("/var/lib/leases", "/var/lib/leases~") = 0
7  rename("/var/lib/leases.1", "/var/lib/leases") = 0
7  unlinkat(4</etc/dhcp>, "old", 0) = 0
7  socket(AF_PACKET, SOCK_RAW|SOCK_CLOEXEC, htons(ETH_P_ALL)) = 5<socket:[1]>
7  connect(6<socket:[2]>, {sa_family=AF_UNIX, sun_path="/dev/log"}, 110) = 0
7  execve("/bin/sh", ["sh"], 0x55 /* 5 vars */) = 0
`;

  it("sees what a program and its children did, in whatever order the lines came", () => {
    const executions = executionsOf(trace, ["/usr/sbin/dhcpd"]);
    expect(executions.map(({ argv, accesses }) => [argv, accesses.map(inWords)])).toEqual([
      [
        "/usr/sbin/dhcpd -t",
        [
          "r /etc/target",
          "w /etc/target",
          "r /etc/dhcp/",
          "m /usr/lib/libc.so.6",
          "l /var/lib/leases~",
          "r /var/lib/leases.1",
          "w /var/lib/leases.1",
          "w /var/lib/leases",
          "w /etc/dhcp/old",
          "network packet raw",
          "w /dev/log",
          "x /bin/sh",
        ],
      ],
    ]);
  });
});
