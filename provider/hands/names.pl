# Names: those of the machines of every stack, for dnsmasq or in a marked block of node 0's own /etc/hosts.

my $NAMES        = '/etc/netboot-names/hosts';
my $DNSMASQ      = '/etc/netboot-names/dnsmasq.conf';
my $HOSTS_TABLE  = '/etc/hosts';
my $BLOCK_BEGIN  = '# pulumi-netboot begin';
my $BLOCK_END    = '# pulumi-netboot end';
my $BLOCK        = qr/^\Q$BLOCK_BEGIN\E\n(?:(?!\Q$BLOCK_BEGIN\E$).*\n)*?\Q$BLOCK_END\E(\n|\z)/m;

# "name.domain name", or the name alone.
sub names_of {
    my ($hostname, $domain) = @_;
    return $domain eq '-' || $hostname =~ /\./ ? $hostname : "$hostname.$domain $hostname";
}

# Lines of hosts(5), in the order of the addresses.
sub render_names {
    my ($register, $names) = @_;
    my (undef, undef, undef, $domain, $records) = @{ $names->[1] };
    my @nodes = map { $_->[1] } grep { $_->[1][2] ne '-' } all_ops($register, 'node');
    my @lines = map { "$_->[2] " . names_of($_->[1], $domain) . "\n" }
        map { $_->[0] } sort { $a->[1] cmp $b->[1] || $a->[0][1] cmp $b->[0][1] } map { [$_, inet_aton($_->[2])] } @nodes;
    return join '', @lines, $records;
}

# A record that says of a machine's name another address would be a second answer to the same question.
sub check_records {
    my ($merged, $puts) = @_;
    my ($names) = all_ops($merged, 'names') or return;
    my ($id, $op) = @$names;
    my %recorded;
    for my $line (split /\n/, $op->[4] // '') {
        my ($address, @said) = split ' ', $line =~ s/#.*//r;
        push @{ $recorded{ lc $_ } }, $address for @said;
    }
    for my $found (all_ops($merged, 'node')) {
        my ($node, $of_node) = @$found;
        next if $of_node->[2] eq '-' || !$puts->{$id} && !$puts->{$node};
        for my $name (split ' ', names_of($of_node->[1], $op->[3])) {
            my @others = grep { $_ ne $of_node->[2] } @{ $recorded{ lc $name } // [] } or next;
            refuse('CLASH', $puts->{$node} ? $node : $id, "the name \"$name\" is a machine's ($of_node->[2], $node) and a record's (@others, $id); give one of the two another. Node 0 is as it was");
        }
    }
    return;
}

sub render_names_file {
    my ($register, $names) = @_;
    return "# Written by pulumi-netboot: the machines of every stack that declares some on this node 0, and the records.\n" . render_names($register, $names);
}

sub render_block { my ($register, $names) = @_; return "$BLOCK_BEGIN\n" . render_names($register, $names) . $BLOCK_END }

# Around the block every byte stays, also the lack of a newline at the end of the file.
sub with_block {
    my ($text, $block) = @_;
    return $text if $text =~ s/$BLOCK/$block$1/;
    return "$text$block\n" if $text eq '' || $text =~ /\n\z/;
    return "$text\n$block";
}

sub without_block {
    my ($text) = @_;
    $text =~ s/(\n?)$BLOCK/length $2 ? "$1" : ''/e;
    return $text;
}

# What the names make of a path: the wanted file by the request's wanted_paths, or nothing.
sub want_names {
    my ($register, $merged, $want, $held, $had) = @_;
    my ($now) = all_ops($merged, 'names');
    my ($before) = all_ops($register, 'names');
    $had->{$NAMES} = $before->[0] if $before && $before->[1][1] eq 'dnsmasq';
    if ($now && $now->[1][1] eq 'dnsmasq') {
        my $text = render_names_file($merged, $now);
        $want->{$NAMES} = { type => 'file', content => $text, sha256 => sha256_text($text), mode => 0644, uid => 0, gid => 0, id => $now->[0], ours => 1, joined => 1 };
        $held->{$NAMES} = 1;
    }
    my $wants_block = $now && $now->[1][1] eq 'hosts';
    my $had_block = $before && $before->[1][1] eq 'hosts';
    return unless $wants_block || $had_block;
    my $id = ($now // $before)->[0];
    my $have = look_at($HOSTS_TABLE);
    refuse('TRANSACTION_FAILED', $id, "$HOSTS_TABLE is a $have->{type}, where a file should be. Nothing was changed") unless $have->{type} =~ /^(file|absent)$/;
    my $current = $have->{type} eq 'file' ? slurp($HOSTS_TABLE) : '';
    if ($had_block && $current =~ $BLOCK) {
        my %ours = map { ($_ => 1) } split /\n/, render_block($register, $before);
        my @lost = grep { !$ours{$_} } split /\n/, $current =~ $BLOCK ? $& : '';
        warn_to($id, "lines that somebody wrote into our block in $HOSTS_TABLE are taken out of it:\n" . join "\n", map { "  $_" } @lost) if @lost;
    }
    my $text = $wants_block ? with_block($current, render_block($merged, $now)) : without_block($current);
    my %as_it_is = $have->{type} eq 'file' ? map { ($_ => $have->{$_}) } qw(mode uid gid) : (mode => 0644, uid => 0, gid => 0);
    $want->{$HOSTS_TABLE} = $text eq '' ? { type => 'absent', id => $id, ours => 1 }
        : { type => 'file', content => $text, sha256 => sha256_text($text), %as_it_is, id => $id, ours => 1 };
    return;
}

# How the names on the host differ from what the register would make of them: "missing", "changed", or nothing.
sub names_drift {
    my ($register, $op) = @_;
    my $names = ['-', $op];
    my $path = $op->[1] eq 'dnsmasq' ? $NAMES : $HOSTS_TABLE;
    my $current = slurp($path);
    return ($path, 'missing') unless defined $current;
    return () if $op->[1] eq 'dnsmasq' ? $current eq render_names_file($register, $names) : with_block($current, render_block($register, $names)) eq $current;
    return ($path, $op->[1] eq 'hosts' && $current !~ $BLOCK ? 'missing' : 'changed');
}

sub check_dnsmasq {
    my ($merged, $staged) = @_;
    return unless $staged->{$DNSMASQ};
    my ($names) = all_ops($merged, 'names');
    my ($status, $said) = run(['dnsmasq', '--test', "--conf-file=$staged->{$DNSMASQ}"]);
    return if $status == 0;
    $said =~ s/\Q$staged->{$DNSMASQ}\E/$DNSMASQ/g;
    refuse('CONFIG_REFUSED', $names->[0], "dnsmasq refused the new configuration; nothing was changed, and node 0 serves what it served.\n"
          . join("\n", map { "  $_" } split /\n/, $said));
}

# Refused before anything is touched: another name server that has the port of the private address, or of all addresses.
sub check_names_port {
    my ($puts) = @_;
    for my $id (sort keys %$puts) {
        my ($names) = ops_of($puts->{$id}, 'names');
        next unless $names && $names->[1] eq 'dnsmasq';
        my ($unit) = map { $_->[1] } ops_of($puts->{$id}, 'unit');
        my $ours = sockets_of(unit_state($unit)->{MainPID} || 0);
        my %foreign;
        for my $table ('udp', 'tcp') {
            for my $row (table_rows("/proc/net/$table"), table_rows("/proc/net/${table}6")) {
                my ($local, $state) = @$row[1, 3];
                next unless $local =~ /:0035$/ && ($table eq 'udp' || $state eq '0A') && !$ours->{ $row->[9] };
                my $address = $local =~ s/:.*//r;
                $foreign{ $row->[9] } = $table if $address =~ /^0+$/ || $address eq sprintf '%08X', unpack 'V', inet_aton($names->[2]);
            }
        }
        next unless %foreign;
        my %holders;
        for my $process (glob '/proc/[0-9]*') {
            my $pid = name_of($process);
            my $sockets = sockets_of($pid);
            next unless grep { $foreign{$_} } keys %$sockets;
            my $program = slurp_proc("/proc/$pid/comm") =~ s/\n//r;
            my ($service) = slurp_proc("/proc/$pid/cgroup") =~ m{([^/\n]+\.service)$}m;
            $holders{ defined $service ? "$program ($service)" : $program } = 1;
        }
        refuse('OCCUPIED', $id, join(', ', sort keys %holders) . " has port 53 of $names->[2] already. Let it listen on other addresses only; or let node 0 serve"
              . ' no names: names: false; or keep them in its own /etc/hosts: names: { mode: "hosts" }. Nothing was changed');
    }
    return;
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

# dnsmasq knows the machines that are new or changed, forward and back, and those no more that went. It reads its files
# anew some time after it was told to, so each question is asked until it has the right answer, for a few seconds.
sub prove_names {
    my ($register, $merged, $puts, $changed, $restart) = @_;
    my ($names) = all_ops($merged, 'names') or return;
    my ($id, $op) = @$names;
    my (undef, $mode, $server, $domain) = @$op;
    if ($mode eq 'hosts') {
        output($id, 'listening', $HOSTS_TABLE) if $puts->{$id};
        return;
    }
    return unless $puts->{$id} || $changed->{$NAMES} || grep { $restart->{ $_->[1] } } ops_of($merged->{$id}, 'unit');
    my $whole = sub { return (split / /, names_of($_[0], $domain))[0] };
    my %before = map { ("$_->[1][1] $_->[1][2]" => $_) } grep { $_->[1][2] ne '-' } all_ops($register, 'node');
    my %after = map { ("$_->[1][1] $_->[1][2]" => $_) } grep { $_->[1][2] ne '-' } all_ops($merged, 'node');
    my %still = map { ($_->[1][1] => 1) } values %after;
    my @asked = grep { !$before{$_} } sort keys %after;
    @asked = sort keys %after if $puts->{$id} || !@asked;
    splice @asked, 32 if @asked > 32;
    my @gone = grep { !$still{ (split / /)[0] } } sort keys %before;
    splice @gone, 32 if @gone > 32;
    my $await = sub {
        my ($whose, $name, $type, $how, $is_right, $wanted) = @_;
        my ($waited, $seen) = (0);
        while (1) {
            $seen = ask_dns($server, $name, $type, $how);
            return if $seen && $is_right->($seen);
            last if $waited >= 5;
            select undef, undef, undef, 0.05;
            $waited += $seen ? 0.05 : 1;
        }
        refuse('NOT_SERVING', $whose, "$server was asked by DNS ($how) for $name and answered "
              . ($seen ? (@{ $seen->{answers} } ? join(', ', @{ $seen->{answers} }) : "nothing (code $seen->{rcode})") : 'nothing at all') . ", not $wanted");
    };
    $await->($id, 'netboot.invalid', 1, $_, sub { 1 }, 'that there is no such name') for 'udp', 'tcp';
    for my $key (@asked) {
        my ($whose, $node) = @{ $after{$key} };
        my ($name, $address) = ($whole->($node->[1]), $node->[2]);
        my $back = join('.', reverse split /\./, $address) . '.in-addr.arpa';
        $await->($whose, $name, 1, 'udp', sub { grep { $_ eq $address } @{ $_[0]{answers} } }, $address);
        $await->($whose, $back, 12, 'udp', sub { grep { lc eq $name } @{ $_[0]{answers} } }, $name);
    }
    for my $key (@gone) {
        my ($whose, $node) = @{ $before{$key} };
        next if $op->[4] =~ /[ ]\Q$node->[1]\E(\n| |\.)/;
        $await->($id, $whole->($node->[1]), 1, 'udp', sub { !grep { $_ eq $node->[2] } @{ $_[0]{answers} } }, 'that there is no such name');
    }
    return;
}
