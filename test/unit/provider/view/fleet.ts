/** Three machines in node 0's log: one that booted whole, one that missed a file, and a stranger. */
const at = (second: number): number => 1_764_146_400 + second;

const boot = (from: number, mac: string, address: string, pid: number): readonly string[] => {
  const full = mac.replaceAll(/(?<=^|:)(?=.(?::|$))/g, "0");
  return [
    `${at(from)}.100000 dhcpd[7]: netboot stage=loader mac=${mac} arch=7`,
    `${at(from)}.200000 dhcpd[7]: DHCPACK on ${address} to ${full} via eno2`,
    `${at(from + 1)}.000000 in.tftpd[${pid}1]: RRQ from ${address} filename ipxe.efi`,
    `${at(from + 3)}.000000 dhcpd[7]: netboot stage=script mac=${mac} file=refind.pxe`,
    `${at(from + 3)}.100000 dhcpd[7]: DHCPACK on ${address} to ${full} via eno2`,
    `${at(from + 3)}.300000 in.tftpd[${pid}2]: RRQ from ${address} filename refind.pxe`,
    `${at(from + 3)}.400000 in.tftpd[${pid}3]: RRQ from ${address} filename refind.conf`,
    `${at(from + 3)}.500000 in.tftpd[${pid}4]: RRQ from ${address} filename refind_x64.efi`,
  ];
};

const stranger = (second: number): string =>
  `${at(second)}.000000 dhcpd[7]: DHCPDISCOVER from 52:54:00:00:0a:09 via eno2: network 192.168.1.0/28: no free leases`;

export const bootLog: string = [
  ...boot(0, "52:54:0:0:a:1", "192.168.1.3", 1),
  `${at(22)}.000000 dhcpd[7]: DHCPACK on 192.168.1.3 to 52:54:00:00:0a:01 via eno2`,
  ...boot(100, "52:54:0:0:a:2", "192.168.1.4", 2),
  `${at(103)}.600000 in.tftpd[24]: sending NAK (1, File not found) to 192.168.1.4`,
  stranger(200),
  stranger(204),
].join("\n");

const sum = (digit: string): string => digit.repeat(64);

export const bootFiles: string = [
  `ipxe.efi 1000 ${sum("1")}`,
  `refind.pxe 1000 ${sum("2")}`,
  `refind.conf 1000 ${sum("3")}`,
  `refind_x64.efi 1000 ${sum("4")}`,
].join("\n");
