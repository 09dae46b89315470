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
    my @tables = map { iptables_tables(\@chains, $_) } 'raw', 'mangle', 'nat', 'security', 'filter';
    my $own_only = (() = addresses_of($interface)) == 1;
    my %in = (hooks => ['ingress', 'prerouting', 'input'], iif => $interface, saddr => $theirs, daddr => $own, sport => $any, 'address type' => ['local'], 'packet type' => ['host', 'unicast'], 'own only' => $own_only);
    my %out = (hooks => ['output', 'postrouting', 'egress'], oif => $interface, saddr => $own, daddr => $theirs, dport => $any, sport => [data_ports()], 'address type' => ['unicast'], 'own only' => $own_only);
    my $doubt;
    my %ways = map { ($_ => [ways_through($_, $interface, \@chains, \@tables)]) } @{ $in{hooks} }, @{ $out{hooks} };
    for my $packet ({ %in, dport => [69, 69], state => 'new', what => 'requests for files (udp 69)' },
        { %in, dport => [data_ports()], state => 'established', what => 'acknowledgements of files (established udp)' },
        { %out, state => 'new', what => 'the first packet of a file (udp from a port of its own)' },
        { %out, state => 'established', what => 'the packets of a file (established udp)' }) {
        my $comes_in = $packet->{hooks} == $in{hooks};
        my $where = $comes_in ? "of machines on $interface" : "to machines on $interface";
        for my $way (map { @{ $ways{$_} } } @{ $packet->{hooks} }) {
            # What translates addresses sees the first packet of a flow only.
            next if $way->{translates} && $packet->{state} ne 'new';
            my %seen;
            my $met = { %$packet, %{ $way->{sees} } };
            my $outcomes = outcomes_in($way, $met, \%seen);
            next if $outcomes == $ACCEPT;
            my $sure = $outcomes == $DROP;
            # Where the kernel's helper for TFTP is used, it takes the first packet for one that belongs to the request.
            $sure = 0 if $sure && !$comes_in && $met->{state} eq 'new' && outcomes_in($way, { %$met, state => 'related' }, {}) != $DROP;
            my $rule = $sure ? $seen{drops} : $seen{doubtful} // $seen{drops};
            my $by = defined $rule ? "`$rule` in $way->{name}" : "the policy of $way->{name}";
            my $help = $comes_in ? 'declare a Firewall for it (a NetbootServer has one), or let it in yourself' : "let udp out on $interface";
            return { sure => 1, text => "node 0's firewall drops $packet->{what} $where, by $by; $help" } if $sure;
            $doubt //= { sure => 0, text => "it can't be told whether node 0's firewall lets through $packet->{what} $where, because of $by; $help" };
        }
    }
    rules_unread("no program nft is there to read table $_") for program_of('nft') ? () : grep { !/^(?:ip6|arp) / && !/^ip (?:raw|mangle|nat|security|filter)$/ } nft_tables();
    $doubt //= { sure => 0, text => "it can't be told what node 0's firewall lets through: " . join(', ', unread_rules()) . '; mend that (install nftables), or reboot one machine first' } if unread_rules();
    my ($programs) = map { programs_on($_) } $interface, nics_below($interface);
    $doubt //= { sure => 0, text => "it can't be told what $programs let through; take them off, or reboot one machine first" } if $programs;
    return $doubt;
}

sub outcomes_in {
    my ($way, $packet, $seen) = @_;
    my $outcomes = outcomes_of($way, $way->{rules}, $packet, $seen, 0);
    return $outcomes & $ON ? $outcomes & ~$ON | ($way->{policy} =~ /^drop$/i ? $DROP : $ACCEPT) : $outcomes;
}

# Everything that a packet to or from this host has to pass at a hook: { name, policy, rules => [text, …], chain_of, parse, sees,
# translates }. `sees` is what the packet looks like there, where that is not as everywhere.
sub ways_through {
    my ($hook, $interface, $chains, $tables) = @_;
    my ($builtin) = uc $hook;
    my @ways;
    for my $chain (grep { $_->{hook} eq $hook } @$chains) {
        next if grep { $_->{name} eq 'iptables-nft' && $chain->{family} eq 'ip' && $chain->{table} eq $_->{table} && $chain->{name} eq $builtin } @$tables;
        my $sees = seen_by($chain, $interface) or next;
        my $chain_of = sub { my ($name) = @_; my ($found) = grep { $_->{name} eq $name && $_->{table} eq $chain->{table} && $_->{family} eq $chain->{family} } @$chains; return $found && [map { $_->[0] } @{ $found->{rules} }] };
        push @ways, { name => "chain $chain->{family} $chain->{table} $chain->{name}", policy => $chain->{policy}, rules => [map { $_->[0] } @{ $chain->{rules} }], chain_of => $chain_of, parse => \&parse_nft_rule, sees => $sees, translates => $chain->{type} eq 'nat' };
    }
    for my $table (@$tables) {
        my $first = $table->{chains}{$builtin} or next;
        my $of = $table->{table} eq 'filter' ? '' : ", table $table->{table}";
        push @ways, { name => "chain $builtin of $table->{name}$of", policy => $first->{policy}, rules => $first->{rules}, chain_of => sub { ($table->{chains}{ $_[0] } // {})->{rules} }, parse => \&parse_iptables_rule, sees => $table->{table} eq 'raw' ? { state => 'invalid' } : {}, translates => $table->{table} eq 'nat' };
    }
    return @ways;
}

# How a chain of nftables sees a packet of this interface; nothing if it does not see it.
sub seen_by {
    my ($chain, $interface) = @_;
    # Before the kernel knows of which flow it is, every packet is of none.
    my %sees = ($chain->{priority} // 0) < -200 || $chain->{family} eq 'netdev' ? (state => 'invalid') : ();
    if (@{ $chain->{devices} // [] }) {
        my %below = map { ($_ => 1) } $interface, nics_below($interface);
        my @nics = grep { $below{$_} } @{ $chain->{devices} } or return;
        # On which of several a packet comes nobody knows.
        my $nic = @nics == 1 ? $nics[0] : undef;
        return { %sees, iif => $nic, oif => $nic };
    }
    return \%sees if $chain->{family} eq 'ip' || $chain->{family} eq 'inet';
    # In a bridge it is one of the ports.
    return $chain->{family} eq 'bridge' && described($interface) =~ / bridge forward_delay / ? { %sees, iif => undef, oif => undef } : undef;
}

# The members of a bond or a bridge, and what a VLAN lies on, down to the hardware.
sub nics_below {
    my ($interface, $depth) = (@_, 0);
    my (undef, $members) = run(['ip', '-o', 'link', 'show', 'master', $interface]);
    my @below = ($members =~ /^\d+: ([^:@]+)/mg, described($interface) =~ /^\d+: [^:@]+@([^:]+):/);
    return $depth < 4 ? unique(@below, map { nics_below($_, $depth + 1) } @below) : @below;
}

# What else decides about packets, in ways that can't be read from outside.
sub programs_on {
    my ($interface) = @_;
    return "XDP programs on $interface" if described($interface) =~ m{ (?:prog/)?xdp\w*[ /]};
    my (undef, $said) = run(['tc', 'qdisc', 'show', 'dev', $interface]);
    my ($at) = $said =~ /^qdisc (clsact|ingress) /m or return;
    return "filters of tc(8) on $interface" if grep { (run(['tc', 'filter', 'show', 'dev', $interface, $_]))[1] =~ /\S/ } 'ingress', $at eq 'clsact' ? 'egress' : ();
    return;
}

# An interface, as ip(8) tells all about it.
sub described { my ($interface) = @_; my (undef, $said) = run(['ip', '-d', '-o', 'link', 'show', 'dev', $interface]); return $said }

# The IPv4 addresses of an interface.
sub addresses_of { my ($interface) = @_; my (undef, $said) = run(['ip', '-4', '-o', 'address', 'show', 'dev', $interface]); return $said =~ m{ inet ([0-9.]+)/}g }

# All that may become of a packet in a chain: a sum of $ACCEPT, $DROP, and $ON, which is its end.
sub outcomes_of {
    my ($way, $rules, $packet, $seen, $depth) = @_;
    my $outcomes = 0;
    for my $rule (map { my $text = $_; map { [$text, @$_] } $way->{parse}->($text) } @$rules) {
        my ($text, $verdict, @conditions) = @$rule;
        my $holds = all_hold($packet, @conditions);
        next if $holds eq 'no';
        my ($word, $target) = split / /, $verdict;
        # An address that is the only one is what it was after masquerading, too.
        $word = $packet->{'own only'} ? 'accept' : 'unclear' if $word eq 'masquerade';
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
    return 'maybe' if $what eq 'unknown' || grep { /^@/ || !/\w/ } @values;
    if ($what eq 'iif' || $what eq 'oif') {
        my $nic = $packet->{$what} // return exists $packet->{$what} ? 'maybe' : 'no';
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
    $text =~ s/ ?\blog(?: prefix "[^"]*"| level \S+| group \d+| flags (?:all|skuid|ether|ip options|tcp \S+))*//g;
    my $verdict = '';
    # A packet that is translated or not tracked is another one for all that comes after.
    if ($text =~ s/ ?(?<!status )\b(?:queue|dnat|snat|redirect|tproxy|notrack|synproxy|fwd|dup)\b.*$//) { $verdict = 'unclear' }
    elsif ($text =~ s/ ?\bmasquerade\b.*$//) { $verdict = 'masquerade' }
    elsif ($text =~ s/ ?\b(jump|goto) (\S+)$//) { $verdict = "$1 $2" }
    elsif ($text =~ s/ ?\b(accept|return)$//) { $verdict = $1 }
    elsif ($text =~ s/ ?\b(?:drop|reject(?: with .*)?)$//) { $verdict = 'drop' }
    return unless length $verdict;
    # Several things compared at once, as in `iifname . udp dport { "eno2" . 69 }`.
    my $compared = $text =~ s/fib [sd]addr(?: \. (?:mark|[io]if))+//gr =~ s/\{[^}]*\}|"[^"]*"//gr;
    return [$verdict, ['unknown']] if $compared =~ / \. /;
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
        # Machines of the network are where the way back goes to.
        elsif ($text =~ s/^fib saddr \. (?:mark \. )?iif oif (?:missing|0)\b//) { push @conditions, ['never'] }
        elsif ($text =~ s/^fib saddr \. (?:mark \. )?iif oif exists\b//) { }
        # Nothing of this is translated.
        elsif ($text =~ s/^ct status (?:dnat|snat)\b//) { push @conditions, ['never'] }
        elsif ($text =~ /^(?:tcp|sctp|dccp|icmp|icmpv6|igmp|esp|ah) /) { push @conditions, ['protocol', undef, 'another']; last }
        elsif ($text =~ /^ip6 /) { push @conditions, ['family', undef, 'ipv6']; last }
        else { push @conditions, ['unknown']; last }
    }
    return [$verdict, @conditions];
}

sub values_of { my ($text) = @_; return grep { length } split /[{}",\s]+/, $text }

my %GOES_ON = map { ($_ => 1) } qw(LOG NFLOG ULOG MARK CONNMARK SECMARK CONNSECMARK TRACE CT SET AUDIT CHECKSUM CLASSIFY TCPMSS DSCP TOS TTL);

my %UNCLEAR = map { ($_ => 1) } qw(NFQUEUE DNAT SNAT REDIRECT NETMAP TPROXY NOTRACK);

# The same as `iptables -S` prints it.
sub parse_iptables_rule {
    my ($text) = @_;
    $text =~ s/--comment (?:"(?:[^"\\]|\\.)*"|\S+)//g;
    return unless $text =~ s/-([jg]) (\S+)( .*)?$//;
    my ($how, $target, $more) = ($1, $2, $3 // '');
    return if $GOES_ON{$target} && $more !~ /--notrack/;
    my $verdict = { ACCEPT => 'accept', DROP => 'drop', REJECT => 'drop', RETURN => 'return', MASQUERADE => 'masquerade', CT => 'unclear' }->{$target} // ($UNCLEAR{$target} ? 'unclear' : $how eq 'g' ? "goto $target" : "jump $target");
    my @conditions;
    # As above: the way back to a machine of the network is there.
    push @conditions, ['never'] if $text =~ s/-m rpfilter((?: --(?:loose|validmark|accept-local|invert))*)// && $1 =~ /--invert/;
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
