# Clients of DHCP, TFTP, DNS and NTP that answer what they saw; of DHCP on the private interface, without a lease.
package Netboot::Probes;
use Netboot::Perl gives => qw(ask_dhcp stranger_mac other_servers begin_listening heard_on fetch_tftp ask_dns ask_ntp);
use IO::Select ();
use Socket qw(MSG_DONTWAIT PF_INET SOCK_DGRAM SOCK_RAW SOCK_STREAM);
use Socket qw(inet_aton inet_ntoa pack_sockaddr_in unpack_sockaddr_in);
use Netboot::Constants qw($HEARD);
use Netboot::Programs qw(beside pause uptime);
use Netboot::Files qw(lines_of write_list);
use Netboot::Sockets qw(interfaces is_of_one_unit);

sub checksum ($bytes) {
    my $sum = 0;
    $sum += $_ for unpack 'n*', length($bytes) % 2 ? "$bytes\0" : $bytes;
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    return ~$sum & 0xffff;
}

sub mac_bytes ($mac) { return pack 'H12', $mac =~ s/://gr }

# What a machine's firmware asks first, or its iPXE then. Option 224, which is for site use (RFC 3942), is a mark by
# which the history tells a probe from a boot.
sub discover_frame ($source, $mac, $xid, $arch, $ipxe) {
    my $bytes = mac_bytes($mac);
    return bootp_frame(
        $source, '0.0.0.0', $bytes, $xid, 53 => "\1", ($ipxe ? () : (60 => "PXEClient:Arch:$arch")),
        93 => pack('n', $arch), 94 => "\1\3\x10", ($ipxe ? (77 => 'iPXE', 61 => "\1$bytes") : ()),
        55 => pack('C*', 1, 3, 6, 12, 15, 26, 28, 42, 66, 67, 175, 209), 224 => 'netboot'
    );
}

# What a host with an address asks: its settings, no address (RFC 2131, 4.4.3).
sub inform_frame ($source, $address, $xid) {
    return bootp_frame($source, $address, $source, $xid, 53 => "\x08", 55 => "\1\3\6");
}

sub bootp_frame ($source, $from, $mac, $xid, @options) {
    my $address = inet_aton($from);
    my $bootp = pack 'C4 N n n a4 x12 a16 x192 C4', 1, 1, 6, 0, $xid, 0, 0x8000, $address, $mac, 99, 130, 83, 99;
    while (my ($code, $value) = splice @options, 0, 2) { $bootp .= pack 'C C/a*', $code, $value }
    my $udp = pack 'n4 a* C', 68, 67, 9 + length $bootp, 0, $bootp, 255;
    my $ip = pack 'C2 n3 C2 n a4 a4', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, $address, "\xff\xff\xff\xff";
    substr $ip, 10, 2, pack 'n', checksum($ip);
    return "\xff\xff\xff\xff\xff\xff" . $source . pack('n', 0x0800) . $ip . $udp;
}

# { xid, address, next, file, from, server, hardware } of a frame that offers, or answers a question for settings.
sub parse_offer ($frame) {
    return undef if length $frame <= 282 || unpack('x12 n', $frame) != 0x0800 || unpack('x23 C', $frame) != 17;
    my $header = (unpack('x14 C', $frame) & 15) * 4;
    my ($from, $to) = unpack 'n2', substr $frame, 14 + $header, 4;
    my $bootp = substr $frame, 22 + $header;
    return undef if $from != 67 || $to != 68 || length $bootp < 240 || unpack('C', $bootp) != 2;
    my %offer = (hardware => substr($frame, 6, 6), from => inet_ntoa(substr $frame, 26, 4));
    (@offer{qw(xid address next file)}) = unpack 'x4 N x8 a4 a4 x84 Z128', $bootp;
    $_ = inet_ntoa($_) for @offer{qw(address next)};
    my ($at, %options) = (240);
    while ($at + 1 < length $bootp) {
        my ($code, $length) = (ord substr($bootp, $at, 1), ord substr $bootp, $at + 1, 1);
        last if $code == 255;
        $options{$code} = substr $bootp, $at + 2, $length if $code;
        $at += $code ? 2 + $length : 1;
    }
    # Some clients read the one, some the other.
    my %files = map { ($_ => 1) } grep { length } $offer{file}, unpack 'Z*', $options{67} // '';
    $offer{file} = join ' or ', sort keys %files;
    $offer{server} = length($options{54} // '') == 4 ? inet_ntoa($options{54}) : $offer{from};
    return (unpack('C', $options{53} // '') // 0) =~ /^[25]$/ ? \%offer : undef;
}

# A talk with DHCP servers on an interface, by whole frames: { wire, select, source, asked => { xid => question }, open,
# said, others }. An offer is our own if the kernel says that it was sent here (packet(7), PACKET_OUTGOING): what a
# frame says of its sender anybody can write. One of ours that a switch sends back is none. No interface: no answer.
sub open_talk ($interface) {
    my $link = interfaces()->{$interface} // { index => 0, mac => '00:00:00:00:00:00' };
    socket my $wire, 17, SOCK_RAW, unpack('S', pack 'n', 3) or die "cannot open a packet socket: $!\n";
    bind $wire, pack 'S n i S C C a8', 17, 3, $link->{index}, 0, 0, 0, '' or die "cannot bind to $interface: $!\n";
    my %empty = (asked => {}, open => {}, busy => {}, said => [], others => {}, sent => {});
    return { wire => $wire, select => IO::Select->new($wire), source => mac_bytes($link->{mac}), %empty };
}

sub ask_of ($talk, $xid, $frame, $question) {
    $talk->{asked}{$xid} = $question;
    $talk->{open}{$xid} = $talk->{busy}{ $question->{mac} } = 1 unless $question->{stranger};
    say_frame($talk, $xid, $frame);
}

sub say_frame ($talk, $xid, $frame) {
    send $talk->{wire}, $frame, 0;
    push $talk->{said}->@*, [uptime() + 2, $xid, $frame];
}

sub close_question ($talk, $xid) {
    delete $talk->{busy}{ $talk->{asked}{$xid}{mac} // '' };
    return delete $talk->{open}{$xid};
}

# How many questions are open at a time: what dhcpd's socket holds while dhcpd is busy.
my $WINDOW = 64;

# Takes what has come, and not until there is no more, for a busy network always has something to read.
sub hear_offers ($talk) {
    return 0 unless $talk->{select}->can_read(0.05);
    for (1 .. $WINDOW) {
        defined(my $from = recv $talk->{wire}, my $frame, 4096, MSG_DONTWAIT) or last;
        my $is_own = unpack('x10 C', $from) == 4;
        next if !$is_own && $talk->{sent}{$frame};
        my $offer = parse_offer($frame) or next;
        $talk->{sent}{$frame} = 1 if $is_own;
        my $question = $talk->{asked}{ $offer->{xid} } or next;
        ($is_own ? $question->{offer} : $talk->{others}{ $offer->{server} }) //= $offer;
        $question->{others}{ join ' ', $offer->@{qw(server address next file)} } //= $offer unless $is_own;
        close_question($talk, $offer->{xid}) if $is_own;
    }
    return 1;
}

# Says what had no answer for 2 s again, three times in all. Whether one has had none then.
sub say_again ($talk) {
    my ($said, $open, $gave_up) = ($talk->@{qw(said open)}, 0);
    while (@$said && $said->[0][0] < uptime()) {
        my (undef, $xid, $frame) = (shift @$said)->@*;
        next unless $open->{$xid};
        if ($open->{$xid}++ < 3) { say_frame($talk, $xid, $frame) }
        else { $gave_up = close_question($talk, $xid) }
    }
    return $gave_up;
}

# Asks for every question { mac, arch, ipxe } and fills in its { offer }; a stranger's is not waited for. Answers the
# servers that are not node 0's own. Until one has no answer, or, with a time to end at, until then; who is not asked
# any more is { late }. With { address, seconds } it listens that long for who else answers.
sub ask_dhcp ($interface, $until, $listen, @questions) {
    my $talk = open_talk($interface);
    my $heard = uptime() + ($listen ? $listen->{seconds} : 0);
    ask_others($talk, $listen->{address}) if $listen;
    # dhcpd answers in the order of the questions, so a stranger, asked first, has had its answer before the others.
    my @waiting = sort { !$a->{stranger} <=> !$b->{stranger} } @questions;
    while (@waiting || $talk->{open}->%*) {
        if (defined $until && @waiting && uptime() >= $until) { $_->{late} = 1 for splice @waiting }
        my @held;
        while (@waiting && keys $talk->{open}->%* < $WINDOW) {
            my $ask = shift @waiting;
            # dhcpd hears no second question of a NIC while it pings the address that it would offer.
            if ($talk->{busy}{ $ask->{mac} }) { push @held, $ask; next }
            my $xid = int rand 0xffffffff;
            ask_of($talk, $xid, discover_frame($talk->{source}, $ask->{mac}, $xid, $ask->@{qw(arch ipxe)}), $ask);
        }
        unshift @waiting, @held;
        hear_offers($talk);
        # One without an answer is enough for a refusal.
        splice @waiting if say_again($talk) && !defined $until;
    }
    # When all have their answer, another server's may still be on its way.
    my ($silences, $end) = (0, uptime() + (@questions ? 1 : 0));
    while (uptime() <= $heard || $silences < 6 && uptime() <= $end) { $silences++ unless hear_offers($talk) }
    return servers_of($talk->{others});
}

# A stranger asks for an address, and node 0 for settings, which needs no ping before the answer.
sub ask_others ($talk, $address) {
    my $xid = int rand 0xfffffffe;
    my $stranger = discover_frame($talk->{source}, stranger_mac(), $xid, 7, 0);
    ask_of($talk, $xid, $stranger, { stranger => 1 });
    ask_of($talk, $xid + 1, inform_frame($talk->{source}, $address, $xid + 1), { stranger => 1 });
}

# Who else answers DHCP here. Some servers take their time, so it waits the whole while.
sub other_servers ($interface, $address, $seconds) {
    return ask_dhcp($interface, undef, { address => $address, seconds => $seconds });
}

# { server, hardware } of each, in the order of their addresses; of the thousands that one can forge, a hundred.
sub servers_of ($offers) {
    my @servers = grep { defined } (sort keys %$offers)[0 .. 99];
    return map { { server => $_, hardware => join(':', unpack '(H2)6', $offers->{$_}{hardware}) } } @servers;
}

# A locally administered address, by whose beginning ("nb") dhcpd's log tells our stranger from others.
sub stranger_mac() { return sprintf '02:6e:62:%02x:%02x:%02x', map { int rand 256 } 1 .. 3 }

# Listens for other servers while something else is done, in a process of its own; its number, or 0 if there is none.
sub begin_listening ($interface, $address) {
    return beside(sub {
        my @others = other_servers($interface, $address, 2.5);
        write_list($HEARD, $interface, map { "$_->{server} $_->{hardware}" } @others);
    });
}

# What was heard on an interface some minutes ago at most; undefined if nobody listened.
sub heard_on ($interface) {
    my $since = (stat $HEARD)[9];
    my ($name, @rows) = lines_of($HEARD);
    unlink $HEARD;
    return undef if !defined $since || time - $since >= 300 || ($name // '') ne $interface;
    return [map { my ($server, $hardware) = split / /; { server => $server, hardware => $hardware } } @rows];
}

# A socket, and how to wait for what comes in by it.
sub open_socket ($type = SOCK_DGRAM) {
    socket my $wire, PF_INET, $type, 0 or die "cannot open a socket: $!\n";
    return ($wire, IO::Select->new($wire));
}

# Fetches a file by TFTP (RFC 1350, block size by RFC 2348); answers its bytes, or dies with the server's words. Any
# user of this host can send from its address, so heard is only a socket of the unit that has the port; the process of
# a refusal may have ended, so it waits for what else comes. And it ends: after so many seconds, or bytes.
sub fetch_tftp ($server, $name) {
    my ($wire, $select) = open_socket();
    my ($address, $port) = (inet_aton($server), 69);
    my $packet = pack 'n a* x a* x a* x a* x', 1, $name, 'octet', 'blksize', '1428';
    my ($content, $block, $size, $tries, $end, $refusal) = ('', 0, 512, 0, uptime() + 30);
    my ($due, %is_its);
    my $say = sub { $due = uptime() + 1; send $wire, $packet, 0, pack_sockaddr_in($port, $address) };
    $say->();
    while (1) {
        die "it did not come whole in 30 s\n" if uptime() > $end;
        die "it is larger than 256 MB\n" if length $content > 1 << 28;
        if (uptime() > $due || !$select->can_read(1)) {
            die(($refusal // 'no answer') . "\n") if ++$tries >= (defined $refusal ? 2 : 4);
            $say->();
            next;
        }
        my $from = recv $wire, my $answer, 70000, 0 or next;
        my ($its_port, $its_address) = unpack_sockaddr_in($from);
        my ($op, $number) = unpack 'n n', $answer;
        next unless defined $number && $its_address eq $address && ($port == 69 || $its_port == $port);
        $refusal = unpack 'x4 Z*', $answer if $op == 5;
        next if $port == 69 && !($is_its{$its_port} //= is_of_one_unit($port, $its_port));
        die "$refusal\n" if $op == 5;
        next unless $op == 3 || $op == 6;
        ($port, $tries) = ($its_port, 0);
        if ($op == 6) {
            $size = $1 if substr($answer, 2) =~ /blksize\0(\d+)\0/i;
            $number = 0;
        } elsif ($number == ($block + 1) % 65536) {
            $content .= substr $answer, 4;
            $block++;
        }
        $packet = pack 'n n', 4, $number;
        $say->();
        return $content if $op == 3 && $number == $block % 65536 && length($answer) - 4 < $size;
    }
}

# Asks a name server for a name and type (1 A, 12 PTR), by udp or tcp. Answers { rcode, answers => […] }, or nothing.
sub ask_dns ($server, $name, $type, $how) {
    my $id = int rand 65536;
    my $labels = join '', map { pack 'C/a*', $_ } split /\./, $name;
    my $question = pack 'n6 a* C n2', $id, 0x0100, 1, 0, 0, 0, $labels, 0, $type, 1;
    my ($wire, $select) = open_socket($how eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM);
    connect $wire, pack_sockaddr_in(53, inet_aton($server)) or return undef;
    syswrite $wire, $how eq 'tcp' ? pack('n/a*', $question) : $question or return undef;
    my $answer = '';
    # By tcp the length comes first.
    my $wanted = sub { return $how eq 'udp' ? 1 : length $answer < 2 ? 2 : 2 + unpack 'n', $answer };
    while (length $answer < $wanted->()) {
        return undef unless $select->can_read(1) && sysread $wire, $answer, 65537, length $answer;
    }
    substr $answer, 0, 2, '' if $how eq 'tcp';
    my ($seen, $flags, $questions, $count) = unpack 'n4', $answer;
    return undef unless $seen == $id && $flags & 0x8000;
    my $at = 12;
    for (1 .. $questions) { $at = 4 + (name_at($answer, $at))[1] }
    my @answers;
    for (1 .. $count) {
        $at = (name_at($answer, $at))[1];
        my ($kind, $length) = unpack 'n x6 n', substr $answer, $at, 10;
        $at += 10;
        push @answers, $kind == 1 ? inet_ntoa(substr $answer, $at, 4) : $kind == 12 ? (name_at($answer, $at))[0] : '?';
        $at += $length;
    }
    return { rcode => $flags & 15, answers => \@answers };
}

# The name in a message of DNS that begins there, and where it ends.
sub name_at ($message, $from) {
    my ($next, @labels);
    for (1 .. 128) {
        my $length = unpack 'C', substr $message, $from, 1;
        if ($length >= 0xc0) {
            $next //= $from + 2;
            $from = 0x3fff & unpack 'n', substr $message, $from, 2;
            next;
        }
        $from++;
        last unless $length;
        push @labels, substr $message, $from, $length;
        $from += $length;
    }
    return (join('.', @labels), $next // $from);
}

# Asks for the time as a machine does (RFC 5905), and answers the stratum; undefined when nobody answers.
sub ask_ntp ($server) {
    my ($wire, $select) = open_socket();
    for my $try (1 .. 10) {
        my $mark = pack 'N2', int rand 0xffffffff, int rand 0xffffffff;
        send $wire, pack('C a39 a8', 0x23, '', $mark), 0, pack_sockaddr_in(123, inet_aton($server));
        next unless $select->can_read(0.5);
        recv $wire, my $answer, 512, 0;
        next if length $answer < 48 || substr($answer, 24, 8) ne $mark;
        my ($first, $stratum) = unpack 'C2', $answer;
        return $stratum if ($first & 7) == 4 && $first >> 6 != 3 && $stratum >= 1 && $stratum <= 15;
        pause(0.3);
    }
    return undef;
}
