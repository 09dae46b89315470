import { describe, expect, it } from "vitest";
import {
  type Boot,
  parseGaps,
  parseHistory,
  renderBoot,
  renderCourse,
  renderGaps,
  tellsSince,
} from "../../../../provider/facts/bootLog";

const sum = (digit: string): string => digit.repeat(64);
const files = [
  `ipxe.efi 1000 ${sum("1")}`,
  `refind.pxe 1000 ${sum("2")}`,
  `refind.conf 5000 ${sum("9")}`,
  `refind_x64.efi 1000 ${sum("4")}`,
].join("\n");

/** One machine's way to rEFInd, as node 0's log has it, from a second on. */
const wholeBoot = (at: number, mac = "52:54:0:0:a:1", address = "192.168.1.3", pid = 2): readonly string[] => {
  const full = mac.replaceAll(/(?<=^|:)(?=.(?::|$))/g, "0");
  return [
    `${at}.100000 dhcpd[7]: netboot stage=loader mac=${mac} arch=7`,
    `${at}.200000 dhcpd[7]: netboot stage=loader mac=${mac} arch=7`,
    `${at}.200001 dhcpd[7]: DHCPACK on ${address} to ${full} via eno2`,
    `${at + 1}.000000 in.tftpd[${pid}0]: RRQ from ${address} filename ipxe.efi`,
    `${at + 1}.200000 in.tftpd[${pid}1]: RRQ from ${address} filename ipxe.efi`,
    `${at + 3}.000000 dhcpd[7]: netboot stage=script mac=${mac} file=refind.pxe`,
    `${at + 3}.100000 dhcpd[7]: DHCPACK on ${address} to ${full} (a) via eno2`,
    `${at + 3}.200000 in.tftpd[${pid}2]: RRQ from ${address} filename autoexec.ipxe`,
    `${at + 3}.200001 in.tftpd[${pid}2]: sending NAK (1, File not found) to ${address}`,
    `${at + 3}.300000 in.tftpd[${pid}3]: RRQ from ${address} filename refind.pxe`,
    `${at + 3}.400000 in.tftpd[${pid}4]: RRQ from ${address} filename refind.conf`,
    `${at + 3}.500000 in.tftpd[${pid}5]: RRQ from ${address} filename refind_x64.efi`,
  ];
};

const read = (...lines: readonly string[]): readonly Boot[] => parseHistory({ log: lines.join("\n"), files });

describe("parseHistory", () => {
  it("tells a boot with each file once, as it was served then", () => {
    const [boot, ...more] = read(`1900.0 pulumi-netboot: serves refind.conf sha256:${sum("3")}`, ...wholeBoot(2000));
    expect(more).toEqual([]);
    expect(boot).toEqual({
      mac: "52:54:00:00:0a:01",
      from: 2000.1,
      to: 2003.5,
      reached: "rEFInd",
      address: "192.168.1.3",
      architecture: 7,
      asked: 2,
      files: [
        { name: "ipxe.efi", at: 2001, sha256: sum("1") },
        { name: "refind.pxe", at: 2003.3, sha256: sum("2") },
        { name: "refind.conf", at: 2003.4, sha256: sum("3") },
        { name: "refind_x64.efi", at: 2003.5, sha256: sum("4") },
      ],
      dhcp: { "firmware asked": 2000.1, "firmware answered": 2000.200001, "iPXE asked": 2003, "iPXE answered": 2003.1 },
    });
    expect(boot && renderBoot(boot)).toBe(
      "1970-01-01T00:33:20Z rEFInd: 192.168.1.3, ipxe.efi 1111111111, refind.pxe 2222222222, refind.conf 3333333333, refind_x64.efi 4444444444",
    );
  });

  it("says no hash where the log does not go back so far", () => {
    expect(read(...wholeBoot(2000))[0]?.files[2]).toEqual({ name: "refind.conf", at: 2003.4 });
  });

  it("ends a boot where a file was refused", () => {
    const [boot] = read(...wholeBoot(2000), "2003.600000 in.tftpd[25]: sending NAK (1, File not found) to 192.168.1.3");
    expect(boot).toMatchObject({ reached: "script" });
    expect(boot?.files.at(-1)).toEqual({ name: "refind_x64.efi", at: 2003.5, refusal: "File not found" });
    const [early] = read(
      ...wholeBoot(2000).slice(0, 5),
      "2001.3 in.tftpd[21]: sending NAK (1, File not found) to 192.168.1.3",
    );
    expect(early).toMatchObject({ reached: "lease", files: [{ name: "ipxe.efi", refusal: "File not found" }] });
  });

  it("knows the system by its lease, and does not take a renewal for a boot", () => {
    const renewals = [2030, 5600, 9200].map(
      (at) => `${at}.0 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2`,
    );
    const boots = read(...wholeBoot(2000), ...renewals, ...wholeBoot(20_000));
    expect(boots.map(({ dhcp }) => dhcp["system answered"])).toEqual([2030, undefined]);
    expect(boots.map(({ reached, from }) => [reached, Math.floor(from)])).toEqual([
      ["system", 2000],
      ["rEFInd", 20_000],
    ]);
  });

  it("tells a machine whose firmware asks again apart from one that goes on", () => {
    const ask = (at: number): string => `${at}.0 dhcpd[7]: netboot stage=loader mac=52:54:0:0:a:1 arch=7`;
    expect(read(ask(100), ask(104), ask(112), ask(128))).toMatchObject([{ reached: "asked", asked: 4 }]);
    expect(read(ask(100), ask(400))).toHaveLength(2);
    expect(read(...wholeBoot(2000).slice(0, 10), ...wholeBoot(2005)).map(({ reached }) => reached)).toEqual([
      "script",
      "rEFInd",
    ]);
  });

  it("keeps machines apart that boot at the same time", () => {
    const both = [...wholeBoot(2000), ...wholeBoot(2000, "52:54:0:0:a:ff", "192.168.1.4", 3)].sort();
    expect(read(...both).map(({ mac, reached, files: { length } }) => [mac, reached, length])).toEqual([
      ["52:54:00:00:0a:01", "rEFInd", 4],
      ["52:54:00:00:0a:ff", "rEFInd", 4],
    ]);
  });

  it("tells who was refused in one row, and who boots as BIOS", () => {
    const refused = (at: number): string =>
      `${at}.0 dhcpd[7]: DHCPDISCOVER from 52:54:00:00:0a:09 via eno2: network 192.168.1.0/28: no free leases`;
    const [stranger] = read(refused(100), refused(104), refused(9000));
    expect(stranger).toMatchObject({ reached: "refused", mac: "52:54:00:00:0a:09", asked: 3 });
    expect(stranger && renderCourse(stranger, false)).toBe("no program declares it; it asked 3 times");
    expect(stranger && renderCourse(stranger, true)).toMatch(/^there was no address for it.*; it asked 3 times$/);
    const [bios] = read(
      "100.0 dhcpd[7]: netboot stage=unsupported mac=52:54:0:0:a:1 arch=0",
      "100.1 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2",
    );
    expect(bios && renderBoot(bios)).toMatch(
      / lease: 192\.168\.1\.3, no request for a file came in \(its firmware is set to BIOS, not UEFI\)$/,
    );
  });

  it("says of a machine whose questions for files never came in what the log can't know", () => {
    const asked = [
      "100.0 dhcpd[7]: netboot stage=loader mac=52:54:0:0:a:1 arch=7",
      "100.1 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2",
    ];
    const [silent] = read(...asked);
    expect(silent && renderBoot(silent)).toBe(
      "1970-01-01T00:01:40Z lease: 192.168.1.3, no request for a file came in: its firmware asked for none, or a firewall " +
        "dropped what it asked, of which the log has no line (`npx pulumi-netboot verify` reads node 0's own)",
    );
    const [refused] = read(
      ...asked,
      "101.0 in.tftpd[9]: RRQ from 192.168.1.3 filename ipxe.efi",
      "101.1 in.tftpd[9]: sending NAK (1, File not found) to 192.168.1.3",
    );
    expect(refused && renderBoot(refused)).toBe("1970-01-01T00:01:40Z lease: 192.168.1.3, ipxe.efi: File not found");
  });

  it("reads the architecture as dhcpd writes it, in hexadecimal", () => {
    const ask = (arch: string): string => `100.0 dhcpd[7]: netboot stage=unsupported mac=52:54:0:0:a:1 arch=${arch}`;
    expect(["b", "10", "7,9"].map((arch) => read(ask(arch))[0]?.architecture)).toEqual([11, 16, 7]);
  });

  it("credits nobody with the boot of a machine that has got his address since", () => {
    const first = wholeBoot(2000).slice(0, 3);
    const [another, ...files] = [
      "9000.0 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:77 via eno2",
      "9001.0 in.tftpd[20]: RRQ from 192.168.1.3 filename ipxe.efi",
    ];
    expect(read(...first, another ?? "", ...files)).toMatchObject([
      { mac: "52:54:00:00:0a:01", reached: "lease", files: [] },
    ]);
  });

  it("keeps no more files of a boot than a boot can need", () => {
    const asked = Array.from(
      { length: 5000 },
      (_, file) => `2010.0 in.tftpd[9${file}]: RRQ from 192.168.1.3 filename x${file}`,
    );
    expect(read(...wholeBoot(2000), ...asked)[0]?.files).toHaveLength(64);
  });

  it("passes over lines that tell of no boot, and files of addresses that nobody got", () => {
    expect(
      read(
        "",
        "5.0 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2",
        "6.0 in.tftpd[2]: RRQ from 10.0.0.9 filename x",
        "nonsense",
      ),
    ).toEqual([]);
  });
});

describe("a file that does not come", () => {
  const ask = (second: number) => `${second}.0 in.tftpd[${second}]: RRQ from 192.168.1.3 filename ipxe.efi`;
  const lease = [
    "2000.1 dhcpd[7]: netboot stage=loader mac=52:54:0:0:a:1 arch=7",
    "2000.2 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2",
  ];

  it("is told by how often it was asked for, where nothing comes after it", () => {
    const [boot] = read(...lease, ...[2001, 2002, 2006, 2010, 2014].map(ask));
    expect(boot?.reached).toBe("loader");
    expect(boot?.files).toEqual([{ name: "ipxe.efi", at: 2001, sha256: sum("1"), asked: 5 }]);
    expect(boot && renderCourse(boot, true)).toBe(
      "192.168.1.3, ipxe.efi 1111111111 (asked for 5 times: do its packets come through? network.mtu makes them smaller)",
    );
  });

  it("is none where firmware asks for its size first, and then boots", () => {
    const [boot] = read(...wholeBoot(2000));
    expect(boot?.files.map(({ asked }) => asked)).toEqual([undefined, undefined, undefined, undefined]);
  });
});

describe("tellsSince", () => {
  it("is the time that was asked for, or a later one at which the log begins", () => {
    const begins = (at: number) => `${at}.123456 pulumi-netboot: begins\n${at + 5}.000000 dhcpd[7]: something`;
    expect(tellsSince("", 1_000_000)).toBe(1_000_000);
    expect(tellsSince(begins(1_000_900), 1_000_000)).toBe(1_000_000);
    expect(tellsSince(begins(1_090_000), 1_000_000)).toBe(1_090_000);
    expect(parseHistory({ log: begins(1_090_000), files })).toEqual([]);
  });
});

describe("parseGaps", () => {
  it("tells how many lines the log does not have, and until when", () => {
    const log = [
      "1000.5 systemd-journald[20]: Suppressed 950000 messages from isc-dhcp-server.service",
      ...wholeBoot(2000),
      "3000.0 pulumi-netboot: Suppressed 8505 messages",
    ].join("\n");
    expect(parseGaps(log)).toEqual([
      { at: 1000.5, lines: 950_000 },
      { at: 3000, lines: 8505 },
    ]);
    expect(parseHistory({ log, files })).toHaveLength(1);
    expect(renderGaps(parseGaps(log))).toBe(
      "the log has gaps, 958505 lines until 1970-01-01T00:50:00Z: boots before that may be missing, or look cut short",
    );
    expect(renderGaps(parseGaps(wholeBoot(2000).join("\n")))).toBe("");
  });
});
