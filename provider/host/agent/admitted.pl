# Admitted: what a machine sends must come through node 0's firewall, which a question from node 0 itself does not meet. So the
# rules are read as the kernel would go through them, with a packet as a machine would send it. What a rule says beyond what
# is understood here may hold or not, and then nothing is said to be proved.

my ($ACCEPT, $DROP, $ON) = (1, 2, 4);

# Why files might not be had by a machine: { text, sure }; nothing if its requests and its acknowledgements come in, and what is
# sent to it goes out.
sub why_not_admitted {
    my ($interface, $address, $cidr) = @_;
    my ($own, $theirs) = ([number_of($address)], [range_of($cidr)]);
    # Firmware and iPXE ask from ports of their own, as every client does.
    my $any = [1024, 65535];
    my @chains = nft_chains();
    my @tables = iptables_tables(\@chains);
    my %in = (hook => 'input', iif => $interface, saddr => $theirs, daddr => $own, sport => $any, 'address type' => ['local'], 'packet type' => ['host', 'unicast']);
    my %out = (hook => 'output', oif => $interface, saddr => $own, daddr => $theirs, dport => $any, sport => [data_ports()], 'address type' => ['unicast']);
    my $doubt;
    my %ways = map { ($_ => [ways_through($_, \@chains, \@tables)]) } 'input', 'output';
    for my $packet ({ %in, dport => [69, 69], state => 'new', what => 'requests for files (udp 69)' },
        { %in, dport => [data_ports()], state => 'established', what => 'acknowledgements of files (established udp)' },
        { %out, state => 'new', what => 'the first packet of a file (udp from a port of its own)' },
        { %out, state => 'established', what => 'the packets of a file (established udp)' }) {
        for my $way (@{ $ways{ $packet->{hook} } }) {
            my %seen;
            my $outcomes = outcomes_in($way, $packet, \%seen);
            next if $outcomes == $ACCEPT;
            my $sure = $outcomes == $DROP;
            # Where the kernel's helper for TFTP is used, it takes the first packet for one that belongs to the request.
            $sure = 0 if $sure && $packet->{hook} eq 'output' && $packet->{state} eq 'new' && outcomes_in($way, { %$packet, state => 'related' }, {}) != $DROP;
            my $rule = $sure ? $seen{drops} : $seen{doubtful} // $seen{drops};
            my $by = defined $rule ? "`$rule` in $way->{name}" : "the policy of $way->{name}";
            my $help = $packet->{hook} eq 'input' ? 'declare a Firewall for it (a NetbootServer has one), or let it in yourself' : "let udp out on $interface";
            my $where = $packet->{hook} eq 'input' ? "of machines on $interface" : "to machines on $interface";
            return { sure => 1, text => "node 0's firewall drops $packet->{what} $where, by $by; $help" } if $sure;
            $doubt //= { sure => 0, text => "it can't be told whether node 0's firewall lets through $packet->{what} $where, because of $by; $help" };
        }
    }
    return $doubt;
}

sub outcomes_in {
    my ($way, $packet, $seen) = @_;
    my $outcomes = outcomes_of($way, $way->{rules}, $packet, $seen, 0);
    return $outcomes & $ON ? $outcomes & ~$ON | ($way->{policy} =~ /^drop$/i ? $DROP : $ACCEPT) : $outcomes;
}

# Everything that a packet to or from this host has to pass: { name, policy, rules => [text, …], chain_of, parse }.
sub ways_through {
    my ($hook, $chains, $tables) = @_;
    my ($builtin) = uc $hook;
    my ($by_iptables) = grep { $_->{name} eq 'iptables-nft' } @$tables;
    my @ways;
    for my $chain (grep { $_->{hook} eq $hook } @$chains) {
        next if $by_iptables && $chain->{family} eq 'ip' && $chain->{table} eq 'filter' && $chain->{name} eq $builtin;
        my $chain_of = sub { my ($name) = @_; my ($found) = grep { $_->{name} eq $name && $_->{table} eq $chain->{table} && $_->{family} eq $chain->{family} } @$chains; return $found && [map { $_->[0] } @{ $found->{rules} }] };
        push @ways, { name => "chain $chain->{family} $chain->{table} $chain->{name}", policy => $chain->{policy}, rules => [map { $_->[0] } @{ $chain->{rules} }], chain_of => $chain_of, parse => \&parse_nft_rule };
    }
    for my $table (@$tables) {
        my $first = $table->{chains}{$builtin} or next;
        push @ways, { name => "chain $builtin of $table->{name}", policy => $first->{policy}, rules => $first->{rules}, chain_of => sub { ($table->{chains}{ $_[0] } // {})->{rules} }, parse => \&parse_iptables_rule };
    }
    return @ways;
}

# All that may become of a packet in a chain: a sum of $ACCEPT, $DROP, and $ON, which is its end.
sub outcomes_of {
    my ($way, $rules, $packet, $seen, $depth) = @_;
    my $outcomes = 0;
    for my $rule (map { my $text = $_; map { [$text, @$_] } $way->{parse}->($text) } @$rules) {
        my ($text, $verdict, @conditions) = @$rule;
        my $holds = all_hold($packet, @conditions);
        next if $holds eq 'no';
        my ($word, $target) = split / /, $verdict;
        my $become = $word eq 'accept' ? $ACCEPT : $word eq 'drop' ? $DROP : $word eq 'return' ? $ON : $ACCEPT | $DROP | $ON;
        if ($word eq 'jump' || $word eq 'goto') {
            my $rest = $way->{chain_of}->($target);
            $become = $rest && $depth < 32 ? outcomes_of($way, $rest, $packet, $seen, $depth + 1) : $ACCEPT | $DROP | $ON;
        }
        $seen->{doubtful} //= $text if $holds eq 'maybe' || $word eq 'unclear';
        $seen->{drops} //= $text if $word eq 'drop';
        # What comes back from a jump goes on here; from all else it leaves the chain.
        my $stays = $word eq 'jump' ? $become & $ON : 0;
        $outcomes |= $word eq 'jump' ? $become & ~$ON : $become;
        return $outcomes if $holds eq 'yes' && !$stays;
    }
    return $outcomes | $ON;
}

sub all_hold {
    my ($packet, @conditions) = @_;
    my $all = 'yes';
    for my $condition (@conditions) {
        my ($what, $is_not, @values) = @$condition;
        my $holds = holds($packet, $what, @values);
        $holds = { yes => 'no', no => 'yes', maybe => 'maybe' }->{$holds} if $is_not;
        return 'no' if $holds eq 'no';
        $all = 'maybe' if $holds eq 'maybe';
    }
    return $all;
}

sub holds {
    my ($packet, $what, @values) = @_;
    return 'no' if $what eq 'never';
    return 'maybe' if $what eq 'unknown' || grep { /^@/ } @values;
    if ($what eq 'iif' || $what eq 'oif') {
        my $nic = $packet->{$what} // return 'no';
        return any_of(map { my $name = $_ =~ s/[*+]$//r; $name eq $_ ? $nic eq $_ : index($nic, $name) == 0 } @values);
    }
    return any_of(map { /^(?:udp|17)$/ } @values) if $what eq 'protocol';
    return any_of(map { lc $_ eq $packet->{state} } @values) if $what eq 'state';
    return any_of(map { $_ eq 'ipv4' } @values) if $what eq 'family';
    if ($what =~ / type$/) {
        my $types = $packet->{$what} // return 'maybe';
        return any_of(map { my $value = lc $_; grep { $_ eq $value } @$types } @values);
    }
    my @wanted = @{ $packet->{$what} };
    $wanted[1] //= $wanted[0];
    my $overlaps = 0;
    for my $value (@values) {
        my ($from, $to) = $what =~ /port$/ ? (split(/[-:]/, $value), $value)[0, 1] : range_of($value);
        return 'maybe' unless defined $from && $from =~ /^\d+$/ && $to =~ /^\d+$/;
        return 'yes' if $from <= $wanted[0] && $wanted[1] <= $to;
        $overlaps = 1 if $from <= $wanted[1] && $wanted[0] <= $to;
    }
    return $overlaps ? 'maybe' : 'no';
}

sub any_of { return (grep { $_ } @_) ? 'yes' : 'no' }

# 10.20.0.0/22, 10.20.0.1-10.20.0.9 or 10.20.0.1: its first and last address as numbers.
sub range_of {
    my ($text) = @_;
    return (undef, undef) unless $text =~ m{^(\d+\.\d+\.\d+\.\d+)(?:/(\d+)|-(\d+\.\d+\.\d+\.\d+))?$};
    my ($first, $prefix, $last) = (number_of($1), $2, $3);
    return ($first, defined $last ? number_of($last) : $first) unless defined $prefix;
    my $size = 2 ** (32 - $prefix);
    $first -= $first % $size;
    return ($first, $first + $size - 1);
}

# The ports from which in.tftpd sends, where acknowledgements go to.
sub data_ports {
    return ($1, $2) if (slurp('/etc/default/tftpd-hpa') // '') =~ /(?:--port-range|-R) (\d+):(\d+)/;
    return split ' ', slurp_proc('/proc/sys/net/ipv4/ip_local_port_range');
}

# As `nft list` prints it: [verdict, [what, is not, values…], …]; nothing if the packet goes on in any case, and several for
# a map of verdicts.
sub parse_nft_rule {
    my ($text) = @_;
    if ($text =~ /^(.*)\bvmap \{ (.*) \}/) {
        my ($before, $map) = ($1, $2);
        return map { /^(\S+|"[^"]*") : (.*)$/ ? parse_nft_rule("$before$1 $2") : ['unclear'] } split /, /, $map;
    }
    return ['unclear'] if $text =~ /\bvmap\b/;
    $text =~ s/ ?comment "[^"]*"//g;
    $text =~ s/ ?\bcounter packets \d+ bytes \d+//g;
    $text =~ s/ ?\blog(?: prefix "[^"]*"| level \S+| group \d+| flags (?:all|\S+(?: \S+)?))*//g;
    my $verdict = '';
    if ($text =~ s/ ?\b(jump|goto) (\S+)$//) { $verdict = "$1 $2" }
    elsif ($text =~ s/ ?\b(accept|return)$//) { $verdict = $1 }
    elsif ($text =~ s/ ?\b(?:drop|reject(?: with .*)?)$//) { $verdict = 'drop' }
    elsif ($text =~ s/ ?\bqueue\b.*$//) { $verdict = 'unclear' }
    return unless length $verdict;
    my @conditions;
    while (length($text = $text =~ s/^\s+//r)) {
        my $values = qr/(!= )?(\{[^}]*\}|"[^"]*"|\S+(?:, ?\S+)*)/;
        if ($text =~ s/^(i|o)if(?:name)? $values//) { push @conditions, ["$1if", $2, values_of($3)] }
        elsif ($text =~ s/^(?:meta l4proto|ip protocol) $values//) { push @conditions, ['protocol', $1, values_of($2)] }
        elsif ($text =~ s/^meta nfproto $values//) { push @conditions, ['family', $1, values_of($2)] }
        elsif ($text =~ s/^(?:udp|th) ([sd]port) $values//) { push @conditions, ['protocol', undef, 'udp'], [$1, $2, values_of($3)] }
        elsif ($text =~ s/^ct state $values//) { push @conditions, ['state', $1, values_of($2)] }
        elsif ($text =~ s/^ip ([sd]addr) $values//) { push @conditions, [$1, $2, values_of($3)] }
        elsif ($text =~ s/^fib daddr type $values//) { push @conditions, ['address type', $1, values_of($2)] }
        elsif ($text =~ s/^meta pkttype $values//) { push @conditions, ['packet type', $1, values_of($2)] }
        # Nothing of this is translated.
        elsif ($text =~ s/^ct status (?:dnat|snat)\b//) { push @conditions, ['never'] }
        elsif ($text =~ /^(?:tcp|sctp|dccp|icmp|icmpv6|igmp|esp|ah) /) { push @conditions, ['protocol', undef, 'another']; last }
        elsif ($text =~ /^ip6 /) { push @conditions, ['family', undef, 'ipv6']; last }
        else { push @conditions, ['unknown']; last }
    }
    return [$verdict, @conditions];
}

sub values_of { my ($text) = @_; return grep { length } split /[{}",\s]+/, $text }

my %GOES_ON = map { ($_ => 1) } qw(LOG NFLOG ULOG MARK CONNMARK SECMARK CONNSECMARK TRACE CT SET AUDIT CHECKSUM CLASSIFY NOTRACK TCPMSS);

# The same as `iptables -S` prints it.
sub parse_iptables_rule {
    my ($text) = @_;
    $text =~ s/--comment (?:"(?:[^"\\]|\\.)*"|\S+)//g;
    return unless $text =~ s/-([jg]) (\S+)(?: .*)?$//;
    my ($how, $target) = ($1, $2);
    return if $GOES_ON{$target};
    my $verdict = { ACCEPT => 'accept', DROP => 'drop', REJECT => 'drop', RETURN => 'return', NFQUEUE => 'unclear' }->{$target} // ($how eq 'g' ? "goto $target" : "jump $target");
    my @conditions;
    my @words = split ' ', $text;
    while (@words) {
        my $is_not = $words[0] eq '!' ? shift @words : undef;
        my ($word, $value) = splice @words, 0, 2;
        my @values = split /,/, $value // '';
        if ($word eq '-m') { push @conditions, ['unknown'] unless $value =~ /^(?:udp|tcp|comment|conntrack|state|multiport|addrtype)$/; last if $conditions[-1] && $conditions[-1][0] eq 'unknown' }
        elsif ($word =~ /^-([io])$/) { push @conditions, ["$1if", $is_not, @values] }
        elsif ($word eq '-p') { push @conditions, ['protocol', $is_not, @values] }
        elsif ($word =~ /^-([sd])$/) { push @conditions, ["$1addr", $is_not, @values] }
        elsif ($word =~ /^--([sd]port)s?$/) { push @conditions, [$1, $is_not, @values] }
        elsif ($word =~ /^--(?:ctstate|state)$/) { push @conditions, ['state', $is_not, @values] }
        elsif ($word eq '--dst-type') { push @conditions, ['address type', $is_not, @values] }
        else { push @conditions, ['unknown']; last }
    }
    return [$verdict, @conditions];
}
