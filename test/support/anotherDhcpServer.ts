import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "../../lab/index.mts";

/**
 * Runs with a second DHCP server on the private network, 192.168.1.13, that pings nobody and serves whoever asks.
 *
 * @param packages - a folder with the unpacked Debian package isc-dhcp-server, in which its files lie meanwhile
 * @param more - further statements of its dhcpd.conf
 */
export async function withAnotherDhcpServer<T>(
  lab: Lab,
  packages: string,
  work: () => Promise<T>,
  more = "",
): Promise<T> {
  const { clientInterface } = lab.segment;
  await lab.segment.run(["ip", "address", "add", "192.168.1.13/28", "dev", clientInterface]);
  writeFileSync(
    join(packages, "other.conf"),
    `authoritative;\nping-check false;\nsubnet 192.168.1.0 netmask 255.255.255.240 { range 192.168.1.9 192.168.1.12; }\n${more}`,
  );
  writeFileSync(join(packages, "other.leases"), "");
  const files = ["-cf", "other.conf", "-lf", "other.leases", "-pf", "other.pid"].map((word) =>
    word.startsWith("-") ? word : join(packages, word),
  );
  await lab.segment.run([join(packages, "usr/sbin/dhcpd"), "-4", "-q", ...files, clientInterface]);
  try {
    return await work();
  } finally {
    process.kill(Number(readFileSync(join(packages, "other.pid"), "utf8")));
    await lab.segment.run(["ip", "address", "del", "192.168.1.13/28", "dev", clientInterface]);
  }
}
