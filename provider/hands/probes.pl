# Probes: what a machine would be told, asked on node 0's own private interface; no lease is taken.

sub checksum { my ($bytes) = @_; $bytes .= "\0" if length($bytes) % 2; my $sum = 0; $sum += $_ for unpack 'n*', $bytes; $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; return ~$sum & 0xffff }

sub discover_frame {
    my ($source, $mac, $xid, $arch, $ipxe) = @_;
    my $options = pack 'C4 C3', 99, 130, 83, 99, 53, 1, 1;
    $options .= pack 'C C a*', 60, length "PXEClient:Arch:$arch", "PXEClient:Arch:$arch" unless $ipxe;
    $options .= pack 'C C n', 93, 2, $arch;
    $options .= pack 'C C C3', 94, 3, 1, 3, 16;
    $options .= pack 'C C a*', 77, 4, 'iPXE' if $ipxe;
    $options .= pack 'C C a*', 61, 7, "\1$mac" if $ipxe;
    $options .= pack 'C C a*', 55, 12, pack 'C12', 1, 3, 6, 12, 15, 26, 28, 42, 66, 67, 175, 209;
    # A mark by which the history tells a probe from a boot (option 224 is for site use, RFC 3942).
    $options .= pack 'C C a*', 224, 7, 'netboot';
    $options .= pack 'C', 255;
    return bootp_frame($source, "\0\0\0\0", $mac, $xid, $options);
}

# What a host with an address asks: its settings, no address (RFC 2131, 4.4.3).
sub inform_frame {
    my ($source, $address, $xid) = @_;
    my $options = pack 'C4 C3 C C C3 C', 99, 130, 83, 99, 53, 1, 8, 55, 3, 1, 3, 6, 255;
    return bootp_frame($source, inet_aton($address), $source, $xid, $options);
}

sub bootp_frame {
    my ($source, $from, $mac, $xid, $options) = @_;
    my $bootp = pack('C4 N n n a4 N3', 1, 1, 6, 0, $xid, 0, 0x8000, $from, 0, 0, 0) . pack('a16 a64 a128', $mac, '', '') . $options;
    my $udp = pack('n4', 68, 67, 8 + length $bootp, 0) . $bootp;
    my $ip = pack 'C2 n3 C2 n a4 a4', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, $from, "\xff\xff\xff\xff";
    substr $ip, 10, 2, pack 'n', checksum($ip);
    return "\xff\xff\xff\xff\xff\xff" . $source . pack('n', 0x0800) . $ip . $udp;
}

sub parse_offer {
    my ($frame) = @_;
    return undef unless length $frame > 282 && unpack('n', substr $frame, 12, 2) == 0x0800;
    my $header = (unpack('C', substr $frame, 14, 1) & 15) * 4;
    return undef unless unpack('C', substr $frame, 23, 1) == 17;
    my ($from, $to) = unpack 'n2', substr $frame, 14 + $header, 4;
    return undef unless $from == 67 && $to == 68;
    my $bootp = substr $frame, 22 + $header;
    return undef unless length $bootp >= 240 && unpack('C', $bootp) == 2;
    my %offer = (xid => unpack('N', substr $bootp, 4, 4), address => inet_ntoa(substr $bootp, 16, 4),
        next => inet_ntoa(substr $bootp, 20, 4), file => unpack('Z128', substr $bootp, 108, 128), from => inet_ntoa(substr $frame, 26, 4));
    my $options = substr $bootp, 240;
    while (length $options) {
        my $code = unpack 'C', $options;
        last if $code == 255;
        if ($code == 0) { $options = substr $options, 1; next }
        last if length $options < 2;
        my $length = unpack 'C', substr $options, 1, 1;
        $offer{options}{$code} = substr $options, 2, $length;
        $options = length $options > 2 + $length ? substr $options, 2 + $length : '';
    }
    $offer{file} = unpack 'Z*', $offer{options}{67} if $offer{file} eq '' && defined $offer{options}{67};
    $offer{server} = length($offer{options}{54} // '') == 4 ? inet_ntoa($offer{options}{54}) : $offer{from};
    $offer{hardware} = substr $frame, 6, 6;
    $offer{kind} = unpack 'C', $offer{options}{53} // "\0";
    return $offer{kind} == 2 || $offer{kind} == 5 ? \%offer : undef;
}

# A socket that hears and says whole frames on an interface, and the frame's own hardware address.
sub open_wire {
    my ($interface) = @_;
    my $link = interfaces()->{$interface} // die "there is no interface $interface\n";
    socket my $wire, 17, SOCK_RAW, unpack('S', pack 'n', 3) or die "cannot open a packet socket: $!\n";
    bind $wire, pack 'S n i S C C a8', 17, 3, $link->{index}, 0, 0, 0, '' or die "cannot bind to $interface: $!\n";
    return ($wire, pack 'H12', $link->{mac} =~ s/://gr);
}


# Asks for every question { mac, arch, ipxe } and fills in its { offer }; a stranger's is not waited for. Answers the offers
# that come from other hardware than node 0's own. Bounded: three rounds of at most 2 s per batch, until one has no answer, or,
# with a time to end at, until then; who is not asked any more is { late }.
sub ask_dhcp {
    my ($interface, $until, @questions) = @_;
    my ($wire, $source) = open_wire($interface);
    my $select = IO::Select->new($wire);
    my (%asked, %others);
    my $hear = sub {
        return 0 unless $select->can_read(0.05);
        recv $wire, my $frame, 4096, 0;
        my $offer = parse_offer($frame) or return 1;
        my $ask = $asked{ $offer->{xid} } or return 1;
        if ($offer->{hardware} eq $source) { $ask->{offer} //= $offer }
        else { $others{ $offer->{server} } = $offer }
        return 1;
    };
    while (my @batch = splice @questions, 0, 64) {
        if (defined $until && uptime() >= $until) { $_->{late} = 1 for @batch, @questions; last }
        # dhcpd answers in the order of the questions, so a stranger, asked first, has had its answer by then.
        my @order = map { my $xid = int rand 0xffffffff; $asked{$xid} = $_; [$xid, $_] } sort { !$a->{stranger} <=> !$b->{stranger} } @batch;
        my $open = sub { grep { !$_->[1]{offer} && !$_->[1]{stranger} } @order };
        for my $round (1 .. 3) {
            my @open = $open->() or last;
            for my $question ($round == 1 ? @order : @open) {
                my ($xid, $ask) = @$question;
                send $wire, discover_frame($source, pack('H12', $ask->{mac} =~ s/://gr), $xid, $ask->{arch}, $ask->{ipxe}), 0;
            }
            # Not by the count of frames, for a busy network always has something to read.
            my $end = uptime() + 2;
            while ($open->() && uptime() <= $end) { $hear->() }
        }
        # One without an answer is enough for a refusal.
        last if !defined $until && $open->();
    }
    # When all have their answer, another server's may still be on its way.
    my $end = uptime() + 1;
    for (my $silences = 0; $silences < 6 && uptime() <= $end;) { $silences++ unless $hear->() }
    return values %others;
}

# A locally administered address, by whose beginning ("nb") dhcpd's log tells our stranger from others.
sub stranger_mac { return sprintf '02:6e:62:%02x:%02x:%02x', map { int rand 256 } 1 .. 3 }

# Who else answers DHCP here: a stranger asks for an address, and node 0 for settings, which needs no ping before the
# answer. Some servers take their time, so it waits the whole while.
sub other_servers {
    my ($interface, $address, $seconds) = @_;
    my ($wire, $source) = open_wire($interface);
    my $select = IO::Select->new($wire);
    my $xid = int rand 0xfffffffe;
    send $wire, discover_frame($source, pack('H12', stranger_mac() =~ s/://gr), $xid, 7, 0), 0;
    send $wire, inform_frame($source, $address, $xid + 1), 0;
    my %others;
    for my $tick (1 .. $seconds * 20) {
        my $end = uptime() + 1;
        while ($select->can_read(0.05)) {
            recv $wire, my $frame, 4096, 0;
            my $offer = parse_offer($frame);
            $others{ $offer->{server} } = $offer if $offer && ($offer->{xid} == $xid || $offer->{xid} == $xid + 1) && $offer->{hardware} ne $source;
            last if uptime() > $end;
        }
    }
    return values %others;
}

# Fetches a file by TFTP (RFC 1350, block size by RFC 2348); answers its bytes, or dies with the server's words. Whoever is
# not the server is not heard, and it ends: after so many seconds, or bytes.
sub fetch_tftp {
    my ($server, $name) = @_;
    socket my $wire, PF_INET, SOCK_DGRAM, getprotobyname('udp') // 17 or die "cannot open a socket: $!\n";
    my $select = IO::Select->new($wire);
    my ($address, $port) = (inet_aton($server), 69);
    my $packet = pack 'n a* x a* x a* x a* x', 1, $name, 'octet', 'blksize', '1428';
    my ($content, $block, $size, $tries, $end) = ('', 0, 512, 0, uptime() + 30);
    my $say = sub { send $wire, $packet, 0, pack_sockaddr_in($port, $address) };
    $say->();
    while (1) {
        die "it did not come whole in 30 s\n" if uptime() > $end;
        die "it is larger than 256 MB\n" if length $content > 1 << 28;
        if (!$select->can_read(1)) {
            die "no answer\n" if ++$tries >= 4;
            $say->();
            next;
        }
        my $from = recv $wire, my $answer, 70000, 0 or next;
        my ($its_port, $its_address) = unpack_sockaddr_in($from);
        next unless $its_address eq $address && ($port == 69 || $its_port == $port);
        my ($op, $number) = unpack 'n n', $answer;
        next unless defined $number;
        die unpack('x4 Z*', $answer) . "\n" if $op == 5;
        next unless $op == 3 || $op == 6;
        $port = $its_port;
        $tries = 0;
        if ($op == 6) { $size = $1 if substr($answer, 2) =~ /blksize\0(\d+)\0/i; $packet = pack 'n n', 4, 0 }
        else {
            if ($number == ($block + 1) % 65536) { $content .= substr $answer, 4; $block++ }
            $packet = pack 'n n', 4, $number;
        }
        $say->();
        return $content if $op == 3 && $number == $block % 65536 && length($answer) - 4 < $size;
    }
}

# One question to a name server: the name, its type (1 A, 12 PTR), by udp or tcp. Answers { rcode, answers => […] }, or nothing.
sub ask_dns {
    my ($server, $name, $type, $how) = @_;
    my $id = int rand 65536;
    my $question = pack('n6', $id, 0x0100, 1, 0, 0, 0) . join('', map { pack 'C/a*', $_ } split /\./, $name) . pack('C n2', 0, $type, 1);
    socket my $wire, PF_INET, $how eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM, 0 or die "cannot open a socket: $!\n";
    connect $wire, pack_sockaddr_in(53, inet_aton($server)) or return undef;
    $question = pack 'n/a*', $question if $how eq 'tcp';
    syswrite $wire, $question or return undef;
    my $select = IO::Select->new($wire);
    my $answer = '';
    my $complete = sub { $how eq 'udp' ? length $answer : length $answer >= 2 && length $answer >= 2 + unpack 'n', $answer };
    until ($complete->()) {
        return undef unless $select->can_read(1) && sysread $wire, $answer, 65537, length $answer;
    }
    substr $answer, 0, 2, '' if $how eq 'tcp';
    my ($seen, $flags, $questions, $count) = unpack 'n4', $answer;
    return undef unless $seen == $id && $flags & 0x8000;
    my $at = 12;
    my $read_name = sub {
        my ($from, @labels) = @_;
        my $next;
        for (1 .. 128) {
            my $length = unpack 'C', substr $answer, $from, 1;
            if ($length >= 0xc0) { $next //= $from + 2; $from = 0x3fff & unpack 'n', substr $answer, $from, 2; next }
            $from++;
            last unless $length;
            push @labels, substr $answer, $from, $length;
            $from += $length;
        }
        return (join('.', @labels), $next // $from);
    };
    (undef, $at) = $read_name->($at), $at += 4 for 1 .. $questions;
    my @answers;
    for (1 .. $count) {
        (undef, $at) = $read_name->($at);
        my ($kind, undef, undef, $length) = unpack 'n n N n', substr $answer, $at, 10;
        $at += 10;
        push @answers, $kind == 1 ? inet_ntoa(substr $answer, $at, 4) : $kind == 12 ? ($read_name->($at))[0] : '?';
        $at += $length;
    }
    return { rcode => $flags & 15, answers => \@answers };
}

# Asks for the time as a machine does (RFC 5905), and answers the stratum; undefined when nobody answers.
sub ask_ntp {
    my ($server) = @_;
    socket my $wire, PF_INET, SOCK_DGRAM, getprotobyname('udp') // 17 or die "cannot open a socket: $!\n";
    my $select = IO::Select->new($wire);
    for my $try (1 .. 10) {
        my $mark = pack 'N2', int rand 0xffffffff, int rand 0xffffffff;
        send $wire, pack('C a39 a8', 0x23, '', $mark), 0, pack_sockaddr_in(123, inet_aton($server));
        next unless $select->can_read(0.5);
        recv $wire, my $answer, 512, 0;
        next unless length $answer >= 48 && substr($answer, 24, 8) eq $mark;
        my ($first, $stratum) = unpack 'C2', $answer;
        return $stratum if ($first & 7) == 4 && $first >> 6 != 3 && $stratum >= 1 && $stratum <= 15;
        select undef, undef, undef, 0.3;
    }
    return undef;
}

# Listens for other DHCP servers while something else is done, in a process of its own; its number, or 0 if there can be none.
sub begin_listening {
    my ($interface, $address) = @_;
    return beside(sub {
        my @others = other_servers($interface, $address, 2.5);
        replace_file($HEARD, join('', map { "$_\n" } $interface, map { "$_->{server} " . unpack 'H*', $_->{hardware} } @others), 0600);
    });
}

# What was heard on an interface some minutes ago at most; undefined if nobody listened.
sub heard_on {
    my ($interface) = @_;
    my $since = (stat $HEARD)[9];
    my ($name, @rows) = lines_of($HEARD);
    unlink $HEARD;
    return undef unless defined $since && time - $since < 300 && ($name // '') eq $interface;
    return [map { my ($server, $hardware) = split / /; { server => $server, hardware => pack 'H*', $hardware } } @rows];
}
