import type { Lab } from "../../lab/index.mts";

/** Answers each DISCOVER on the private network as dhcpd would: from node 0's own Ethernet address, with `address`. */
const forgeOffers = String.raw`
my ($nic, $index, $source, $address) = @ARGV;
socket my $wire, 17, 3, unpack('S', pack 'n', 3) or die "socket: $!";
bind $wire, pack('S n i S C C a8', 17, 3, $index, 0, 0, 0, '') or die "bind: $!";
my $child = fork;
if ($child) { print "$child\n"; exit }
close STDOUT;
close STDERR;
alarm 120;
while (1) {
    recv $wire, my $frame, 4096, 0;
    next if length $frame < 282 || unpack('x36 n', $frame) != 67;
    my ($xid, $mac) = unpack 'x46 N x20 a6', $frame;
    my $file = $frame =~ /iPXE/ ? 'refind.pxe' : 'ipxe.efi';
    my $own = pack 'C4', 192, 168, 1, 1;
    my $bootp = pack 'C4 N n n a4 a4 a4 a4 a16 a64 a128 C4', 2, 1, 6, 0, $xid, 0, 0x8000, '',
        pack('C4', split /\./, $address), $own, '', $mac, '', $file, 99, 130, 83, 99;
    my $udp = pack 'n4 a*', 67, 68, 8 + length($bootp) + 10, 0, $bootp . pack 'C*', 53, 1, 2, 54, 4, 192, 168, 1, 1, 255;
    my $ip = pack 'C2 n3 C2 n a4 a4', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, $own, "\xff" x 4;
    my $sum = 0;
    $sum += $_ for unpack 'n*', $ip;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    # A bridge lets through no header with a wrong sum.
    substr $ip, 10, 2, pack 'n', ~$sum & 0xffff;
    send $wire, "\xff" x 6 . pack('H12', $source =~ tr/://dr) . pack('n', 0x0800) . $ip . $udp, 0;
}`;

/** Runs while a machine of the private network answers DHCP in node 0's name. */
export async function withForgedOffers<T>(lab: Lab, address: string, work: () => Promise<T>): Promise<T> {
  const { clientInterface: nic } = lab.segment;
  const [index = ""] = (await lab.segment.run(["ip", "-o", "link", "show", nic])).stdout.split(":");
  const words = [nic, index, lab.node0.privateInterfaceMac, address];
  const { stdout: pid } = await lab.segment.run(["perl", "-e", forgeOffers, ...words]);
  try {
    return await work();
  } finally {
    process.kill(Number(pid));
  }
}

/** What a user without rights can do: sends to every port of this host that is new, from node 0's own address. */
export const forgeTftp = `
socket my $wire, 2, 2, 0;
bind $wire, pack 'S n a4 x8', 2, 0, pack 'C4', 192, 168, 1, 1;
while (1) {
    open my $table, '<', '/proc/net/udp';
    for (map { hex((split /:/, (split ' ')[1])[1]) } grep { /:/ } <$table>) {
        send $wire, pack('n n a* x', 5, 1, 'forged'), 0, pack 'S n a4 x8', 2, $_, pack 'C4', 192, 168, 1, 1 if $_ > 1024;
        send $wire, pack('n n a*', 3, 1, 'forged'), 0, pack 'S n a4 x8', 2, $_, pack 'C4', 192, 168, 1, 1 if $_ > 1024;
    }
}`;
