# The firewall of node 0: who is in charge of it, and rules of ours in it, each with our mark.
#
# An accept in a table of one's own opens nothing where another chain of the same hook drops, so our rules stand at the
# head of each chain that could drop what machines send. ufw and firewalld keep rules themselves, so there they are put
# in by the manager's own means. What the register says is what the firewall gets; so undoing is: the register as it
# was, and again.

my $MARK          = 'pulumi-netboot';
my $FIREWALL_LOCK = '/run/pulumi-netboot-firewall.lock';
my $FIREWALL      = 'pulumi-netboot-firewall.service';
my $NFT_DROP_IN   = "$UNITS/nftables.service.d/pulumi-netboot.conf";
my $PLUGIN        = '/usr/share/netfilter-persistent/plugins.d/90-pulumi-netboot';
my $FIREWALLD     = '/etc/firewalld';
my @UFW_RULES     = ('/etc/ufw/user.rules', '/etc/ufw/user6.rules');

my $FIREWALL_UNIT = <<"UNIT";
# Written by pulumi-netboot. Managers that keep no rules but their own load them at boot; ours come after them.
[Unit]
Description=Put the rules of pulumi-netboot into the firewall
After=$RECOVERY nftables.service netfilter-persistent.service ufw.service firewalld.service network.target
ConditionPathExists=$STATE/agent.pl

[Service]
Type=oneshot
ExecStart=/usr/bin/perl $STATE/agent.pl firewall

[Install]
WantedBy=multi-user.target
UNIT

my $NFT_DROP_IN_TEXT = <<"UNIT";
# Written by pulumi-netboot. Loading a ruleset flushes what it does not hold; this puts the rules of ours back.
[Service]
ExecStartPost=-/usr/bin/perl $STATE/agent.pl firewall
ExecReload=-/usr/bin/perl $STATE/agent.pl firewall
UNIT

my $PLUGIN_TEXT = <<"PLUGIN";
#!/bin/sh
# Written by pulumi-netboot. Loading saved rules flushes all others; this puts the rules of ours back.
[ "\$1" != start ] || /usr/bin/perl $STATE/agent.pl firewall || true
PLUGIN

# ---- What is wanted ----

# The rules of all stacks: { accept => [[interface, protocol, port or "established"], …], drop => [[protocol, port], …] }.
sub firewall_rules {
    my ($register) = @_;
    my (@accept, @drop, %seen);
    for my $found (all_ops($register, 'firewall')) {
        my (undef, undef, undef, @words) = @{ $found->[1] };
        for my $word (grep { !$seen{$_}++ } @words) {
            if ($word =~ /^allow in on (\S+) (\w+) (\w+)$/) { push @accept, [$1, $2, $3] }
            elsif ($word =~ /^drop in on all but (\S+) (\w+) (\w+)$/) { push @drop, [$2, $3, $1] unless $seen{"drop $2 $3"}++ }
        }
    }
    return { accept => \@accept, drop => \@drop, interfaces => [unique(map({ $_->[0] } @accept), map { $_->[2] } @drop)] };
}

sub any_rules { my ($rules) = @_; return @{ $rules->{accept} } + @{ $rules->{drop} } }

# As `nft list` prints them. The accepts come first, so "everywhere else" needs no list of interfaces.
sub nft_rules {
    my ($rules) = @_;
    return (
        map({ my ($nic, $protocol, $port) = @$_; qq(iifname "$nic" ) . ($port eq 'established' ? "meta l4proto $protocol ct state established" : "$protocol dport $port") . qq( accept comment "$MARK") } @{ $rules->{accept} }),
        map({ qq(iifname != "lo" $_->[0] dport $_->[1] drop comment "$MARK") } @{ $rules->{drop} }));
}

# As `iptables -S` prints them.
sub iptables_rules {
    my ($rules) = @_;
    return (
        map({ my ($nic, $protocol, $port) = @$_; "-i $nic -p $protocol " . ($port eq 'established' ? '-m conntrack --ctstate ESTABLISHED' : "-m $protocol --dport $port") . " -m comment --comment $MARK -j ACCEPT" } @{ $rules->{accept} }),
        map({ "! -i lo -p $_->[0] -m $_->[0] --dport $_->[1] -m comment --comment $MARK -j DROP" } @{ $rules->{drop} }));
}

# As a tuple in ufw's user.rules, which is also how ufw tells rules apart: action, protocol, ports, interface or "".
sub ufw_rules {
    my ($rules) = @_;
    my (%ports, @order);
    for my $rule (map({ ['allow', $_->[1], $_->[0], $_->[2]] } @{ $rules->{accept} }), map { ['deny', $_->[0], '', $_->[1]] } @{ $rules->{drop} }) {
        my ($action, $protocol, $nic, $port) = @$rule;
        # Answers to what is going on already, ufw lets in by itself.
        next if $port eq 'established';
        my $key = "$action $protocol $nic";
        push @order, [$action, $protocol, $nic, $key] unless $ports{$key};
        push @{ $ports{$key} }, $port;
    }
    return map { my ($action, $protocol, $nic, $key) = @$_; [$action, $protocol, join(',', sort { $a <=> $b } @{ $ports{$key} }), $nic] } @order;
}

# ---- What is there ----

sub program_of { my ($name) = @_; return (grep { -x } map { "$_/$name" } qw(/usr/sbin /sbin /usr/bin /bin /usr/local/sbin))[0] }

# What of the rules could not be read, in words.
my @unread_rules;

sub unread_rules { return @unread_rules }

sub rules_unread { my ($what, $said) = @_; push @unread_rules, length($said // '') ? "$what said: " . ($said =~ s/\n.*//sr) : $what; return }

# All chains of nftables: { family, table, name, type, hook, devices, priority, policy, rules => [[text, handle], …] }; type and
# hook are empty for those that others jump to, and in a table that sleeps.
sub nft_chains {
    @unread_rules = ();
    my $nft = program_of('nft') or return;
    my ($status, $said) = run([$nft, '-a', '-t', 'list', 'ruleset']);
    return rules_unread('nft list ruleset', $said) if $status;
    my ($family, $table, $sleeps, $chain, $text, @chains) = ('', '', 0, undef, '');
    for my $line (split /\n/, $said) {
        if ($line =~ /^table (\S+) (\S+) \{/) { ($family, $table, $sleeps, $chain) = ($1, $2, 0, undef) }
        elsif ($line =~ /^\tflags .*\bdormant\b/) { $sleeps = 1 }
        elsif ($line =~ /^\tchain (\S+) \{/) { push @chains, $chain = { family => $family, table => $table, name => $1, type => '', policy => '', hook => '', rules => [] } }
        elsif ($line =~ /^\t?\}/) { $chain = undef }
        elsif (!$chain) { next }
        elsif ($line =~ /^\t\ttype (\w+) hook (\w+) (?:devices? = (\{[^}]*\}|\S+) |device (\S+) )?/) {
            next if $sleeps;
            @$chain{'type', 'hook', 'devices'} = ($1, $2, [values_of($3 // $4 // '')]);
            $chain->{priority} = priority_of($1) if $line =~ / priority ([^;]+);/;
            $chain->{policy} = $1 if $line =~ /policy (\w+);/;
        }
        else {
            $text .= ' ' . $line =~ s/^\s+//r;
            next unless $text =~ s/ # handle (\d+)$//;
            push @{ $chain->{rules} }, [substr($text, 1), $1];
            $text = '';
        }
    }
    return @chains;
}

# A priority as nft prints it: a name, a number, or `raw + 10`.
sub priority_of {
    my ($base, $more) = $_[0] =~ /^(\w+|-?\d+)(?: ([+-] \d+))?$/ or return 0;
    my %named = (raw => -300, mangle => -150, dstnat => -100, filter => 0, security => 50, srcnat => 100);
    return ($named{$base} // $base) + (($more // 0) =~ s/ //r);
}

# The kernel's tables of nftables, as "family table", by its own netlink: for a host that has iptables or firewalld and no nft(8).
sub nft_tables {
    socket my $netlink, 16, 3, 12 or return;
    my ($list_tables, $request_and_dump) = (10 << 8 | 1, 0x301);
    send $netlink, pack('L S S L L C C n', 20, $list_tables, $request_and_dump, 1, 0, 0, 0, 0), 0 or return;
    my @tables;
    while (defined recv $netlink, my $said, 65536, 0) {
        while (length $said >= 20) {
            my ($length, $type, $family) = unpack 'L S x10 C', $said;
            # 2 is a refusal and 3 the end.
            return @tables if $type <= 3 || $length < 20;
            my $attributes = substr $said, 20, $length - 20;
            while (length $attributes >= 4) {
                my ($size, $kind) = unpack 'S S', $attributes;
                last if $size < 4;
                push @tables, ({ 1 => 'inet', 2 => 'ip', 3 => 'arp', 5 => 'netdev', 7 => 'bridge', 10 => 'ip6' }->{$family} // $family) . ' ' . unpack('Z*', substr $attributes, 4, $size - 4) if $kind == 1;
                substr $attributes, 0, ($size + 3) & ~3, '';
            }
            substr $said, 0, ($length + 3) & ~3, '';
        }
    }
    return @tables;
}

# A table of iptables, as each of its kinds has it: { name, table, program, chains => { name → { policy, rules } } }; never loads
# one that is not there.
sub iptables_tables {
    my ($chains, $wanted) = @_;
    my @programs;
    push @programs, 'iptables-nft' if grep { $_ eq "ip $wanted" } program_of('nft') ? map({ "$_->{family} $_->{table}" } @$chains) : nft_tables();
    push @programs, 'iptables-legacy' if slurp_proc('/proc/net/ip_tables_names') =~ /^$wanted$/m;
    my @tables;
    for my $name (@programs) {
        my $program = program_of($name);
        my ($status, $said) = $program ? run([$program, '-w', '5', '-t', $wanted, '-S']) : (1, '');
        if ($status) {
            # A table that nft made under that name is no table of iptables, and nft reads it.
            rules_unread($program ? "$name -t $wanted -S" : "no program $name is there for its table $wanted", $said) unless $name eq 'iptables-nft' && @$chains;
            next;
        }
        my %chains;
        for my $line (split /\n/, $said) {
            if ($line =~ /^-P (\S+) (\S+)$/) { $chains{$1} = { policy => $2, rules => [] } }
            elsif ($line =~ /^-N (\S+)$/) { $chains{$1} = { policy => '', rules => [] } }
            elsif ($line =~ /^-A (\S+) (.*)$/) { push @{ $chains{$1}{rules} }, $2 }
        }
        push @tables, { name => $name, table => $wanted, program => $program, chains => \%chains };
    }
    return @tables;
}

sub jumps_to { my ($table, $chain) = @_; return grep { / -[jg] \Q$chain\E$/ || /^-[jg] \Q$chain\E$/ } @{ ($table->{chains}{INPUT} // {})->{rules} // [] } }

# Who manages what: { chains, tables, ufw, firewalld }.
sub observe_firewall {
    my $chains = [nft_chains()];
    my @tables = iptables_tables($chains, 'filter');
    return {
        chains    => $chains,
        tables    => \@tables,
        firewalld => unit_state('firewalld.service')->{ActiveState} eq 'active',
        ufw       => (slurp('/etc/ufw/ufw.conf') // '') =~ /^ENABLED=["']?yes/m && grep({ jumps_to($_, 'ufw-before-input') } @tables) > 0,
    };
}

# Whether a rule, as nft or iptables prints it, could meet a packet that ours let in. In doubt it could.
sub could_meet {
    my ($text, $rules) = @_;
    my @nics = @{ $rules->{interfaces} };
    my %ports = map { ($_->[2] => 1) } @{ $rules->{accept} };
    return 0 if $text =~ /(?:^|[^!] )(?:-i|iif|iifname) "?(\w[\w.-]*)"?(?: |$)/ && !grep { $_ eq $1 } @nics;
    return 0 if $text =~ /(?:--ctstate INVALID|ct state invalid)(?: |$)/;
    return 0 if $text =~ /\bicmp|-p icmp|\bip6 |nfproto ipv6/;
    return 0 if $text =~ /(?:-p tcp|\btcp dport|\btcp flags|\bl4proto tcp|\bip protocol tcp)\b/ && !grep { $_->[1] eq 'tcp' } @{ $rules->{accept} };
    if ($text =~ /(?:--dports? |dport )(\d+|\d+(?:,\d+)+|\{[ \d,]+\})(?: |$)/) { return scalar grep { $ports{$_} } $1 =~ /\d+/g }
    return 1;
}

sub nft_can_drop {
    my ($chain, $chains, $rules, $seen) = @_;
    return 0 if $seen->{"$chain"}++;
    return 1 if $chain->{policy} eq 'drop';
    for my $rule (@{ $chain->{rules} }) {
        my $text = $rule->[0];
        next if $text =~ s/ ?comment "([^"]*)"// && $1 eq $MARK;
        next unless could_meet($text, $rules);
        $text =~ s/"[^"]*"//g;
        return 1 if $text =~ /\b(drop|reject|queue)\b/;
        for my $name ($text =~ /\b(?:jump|goto) (\S+)/g) {
            my ($next) = grep { $_->{name} eq $name && $_->{table} eq $chain->{table} && $_->{family} eq $chain->{family} } @$chains;
            return 1 if $next && nft_can_drop($next, $chains, $rules, $seen);
        }
    }
    return 0;
}

sub iptables_can_drop {
    my ($name, $table, $rules, $seen) = @_;
    my $chain = $table->{chains}{$name};
    return 0 if !$chain || $seen->{$name}++;
    return 1 if $chain->{policy} eq 'DROP';
    for my $text (@{ $chain->{rules} }) {
        next if $text =~ /--comment "?\Q$MARK\E"? / || !could_meet($text, $rules);
        return 1 if $text =~ /-j (DROP|REJECT|NFQUEUE)\b/;
        return 1 if $text =~ /-[jg] (\S+)/ && iptables_can_drop($1, $table, $rules, $seen);
    }
    return 0;
}

# Chains that nobody else keeps for us, each with what should stand at its head and whether it does.
sub barriers {
    my ($seen, $rules) = @_;
    my @barriers;
    my ($by_iptables) = grep { $_->{name} eq 'iptables-nft' } @{ $seen->{tables} };
    for my $chain (grep { $_->{hook} eq 'input' && $_->{type} eq 'filter' && $_->{family} =~ /^(?:ip|inet)$/ } @{ $seen->{chains} }) {
        next if $seen->{firewalld} && $chain->{table} eq 'firewalld';
        next if $by_iptables && $chain->{family} eq 'ip' && $chain->{table} eq 'filter' && $chain->{name} eq 'INPUT';
        my @want = any_rules($rules) && nft_can_drop($chain, $seen->{chains}, $rules, {}) ? nft_rules($rules) : ();
        my @ours = grep { $chain->{rules}[$_][0] =~ / comment "\Q$MARK\E"$/ } 0 .. $#{ $chain->{rules} };
        push @barriers, { how => 'nft', chain => $chain, want => \@want, have => [map { $chain->{rules}[$_][0] } @ours], handles => [map { $chain->{rules}[$_][1] } @ours], last => $ours[-1] // -1 };
    }
    for my $table (@{ $seen->{tables} }) {
        my $owned = $seen->{ufw} && jumps_to($table, 'ufw-before-input') || $seen->{firewalld} && jumps_to($table, 'INPUT_direct');
        my @rows = @{ ($table->{chains}{INPUT} // {})->{rules} // [] };
        my @want = !$owned && any_rules($rules) && iptables_can_drop('INPUT', $table, $rules, {}) ? iptables_rules($rules) : ();
        my @ours = grep { $rows[$_] =~ /--comment "?\Q$MARK\E"? / } 0 .. $#rows;
        push @barriers, { how => 'iptables', table => $table, want => \@want, have => [map { $rows[$_] } @ours], last => $ours[-1] // -1 };
    }
    for my $barrier (@barriers) { $barrier->{right} = "@{ $barrier->{want} }" eq "@{ $barrier->{have} }" && $barrier->{last} == $#{ $barrier->{have} } }
    return @barriers;
}

sub manager_of {
    my ($seen, @barriers) = @_;
    return 'firewalld' if $seen->{firewalld};
    return 'ufw' if $seen->{ufw};
    my @closed = grep { @{ $_->{want} } } @barriers;
    return 'nftables' if grep { $_->{how} eq 'nft' } @closed;
    return @closed ? 'iptables' : 'none';
}

# ---- ufw ----

# Rules of ufw as [action, protocol, ports, interface, ours].
sub ufw_tuples {
    my @tuples;
    for (split /\n/, slurp($UFW_RULES[0]) // '') {
        next unless my ($action, $protocol, $ports, $to, $source_port, $from, $nic, $comment)
            = /^### tuple ### (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) in(?:_(\S+))?(?: comment=(\S+))?$/;
        my $ours = ($comment // '') eq unpack 'H*', $MARK;
        push @tuples, [$action, $protocol, $ports, $nic // '', $ours ? 1 : 0] if $ours || "$to $source_port $from" eq '0.0.0.0/0 any 0.0.0.0/0';
    }
    return @tuples;
}

sub ufw_words { my ($rule) = @_; my ($action, $protocol, $ports, $nic) = @$rule; return ($action, length $nic ? ('in', 'on', $nic) : (), 'proto', $protocol, 'to', 'any', 'port', $ports) }

# What ufw should hold of ours. A rule that somebody else has put there is not ours to have; its opposite we must not turn.
sub ufw_wanted {
    my ($id, $rules) = @_;
    my %foreign = map { ("@$_[1 .. 3]" => $_->[0]) } grep { !$_->[4] } ufw_tuples();
    my @wanted;
    for my $rule (ufw_rules($rules)) {
        my $other = $foreign{"@$rule[1 .. 3]"};
        if (!defined $other) { push @wanted, $rule; next }
        my @turned = ($other, @$rule[1 .. 3]);
        refuse('FIREWALL_REFUSED', $id, 'ufw on node 0 holds the opposite of what is declared: `' . join(' ', ufw_words(\@turned)) . '`; take it out with `ufw delete '
              . join(' ', ufw_words(\@turned)) . '`, or leave that service out. Nothing was changed') if $other ne $rule->[0];
    }
    return @wanted;
}

sub ufw_is_right { my (@wanted) = @_; my @tuples = ufw_tuples(); return join('|', map { "@$_" } @wanted) eq join('|', map { "@$_[0 .. 3]" } grep { $_->[4] } @tuples) && !grep { !$tuples[$_][4] } 0 .. $#wanted }

sub ufw {
    my (@words) = @_;
    my ($status, $said) = run([program_of('ufw'), @words]);
    refuse('FIREWALL_REFUSED', '-', 'ufw refused `ufw ' . join(' ', @words) . "`; it said:\n" . join "\n", map { "  $_" } split /\n/, $said) if $status;
    return;
}

sub set_ufw {
    my (@wanted) = @_;
    return if ufw_is_right(@wanted);
    ufw('delete', ufw_words($_)) for grep { $_->[4] } ufw_tuples();
    ufw('prepend', ufw_words($_), 'comment', $MARK) for reverse @wanted;
    return;
}

# ---- firewalld ----

sub firewall_cmd { my (@words) = @_; my ($status, $said) = run([program_of('firewall-cmd'), @words]); $said =~ s/\s+\z//; return ($status, $said) }

sub firewalld_zone_file { my ($zone) = @_; return (grep { -f } "$FIREWALLD/zones/$zone.xml", "/usr/lib/firewalld/zones/$zone.xml")[0] }
# Zones and policies share one space of names, and firewalld allows 17 characters.
sub firewalld_zone { my ($number) = @_; return $MARK . ($number ? $number + 1 : '') }
sub firewalld_policy { my ($number) = @_; return 'pulumi-admit' . ($number ? $number + 1 : '') }

# A zone applies to an interface as a whole, and a policy to zones; so the interface gets a zone of its own, with all
# that its zone until now lets in, unless it has one. path → text.
sub firewalld_files {
    my ($id, $rules) = @_;
    my %files;
    return %files unless any_rules($rules);
    my $by = "  <short>pulumi-netboot</short>\n";
    my $number = 0;
    for my $nic (sort @{ $rules->{interfaces} }) {
        my @ports = map { qq(  <port port="$_->[2]" protocol="$_->[1]"/>\n) } grep { $_->[0] eq $nic && $_->[2] ne 'established' } @{ $rules->{accept} };
        my $zone = firewalld_own_zone($id, $nic);
        if (!defined $zone) {
            $zone = firewalld_zone($number);
            my $path = "$FIREWALLD/zones/$zone.xml";
            my ($base) = (slurp($path) // '') =~ /with all that the zone (\S+) lets in/;
            $base //= firewalld_base($id, $nic);
            my $text = slurp(firewalld_zone_file($base) // '/') // refuse('FIREWALL_REFUSED', $id, "firewalld on node 0 has no zone $base, in which $nic is; nothing was changed");
            # Rules may hold sources of their own; what the zone is bound to stands outside of them.
            my @parts = split m{(<rule\b.*?</rule>)}s, $text;
            for (@parts) { s{\s*<(?:interface|source)\b[^>]*/>}{}g; s{\s*<(short|description)>.*?</\1>}{}sg unless /^<rule/ }
            $text = join '', @parts;
            $text =~ s{(<zone\b[^>]*>)\s*}{$1\n$by  <description>$nic, with all that the zone $base lets in; written by pulumi-netboot.</description>\n  };
            $text =~ s{\s*</zone>.*}{\n  <interface name="$nic"/>\n</zone>\n}s;
            $files{$path} = $text;
        }
        $files{ "$FIREWALLD/policies/" . firewalld_policy($number) . '.xml' } = qq(<?xml version="1.0" encoding="utf-8"?>\n<policy priority="-2" target="CONTINUE">\n$by)
            . qq(  <ingress-zone name="$zone"/>\n  <egress-zone name="HOST"/>\n) . join('', @ports) . "</policy>\n";
        $number++;
    }
    $files{"$FIREWALLD/policies/pulumi-confine.xml"} = qq(<?xml version="1.0" encoding="utf-8"?>\n<policy priority="-1" target="CONTINUE">\n$by)
        . qq(  <ingress-zone name="ANY"/>\n  <egress-zone name="HOST"/>\n)
        . join('', map { qq(  <rule>\n    <port port="$_->[1]" protocol="$_->[0]"/>\n    <drop/>\n  </rule>\n) } @{ $rules->{drop} }) . "</policy>\n" if @{ $rules->{drop} };
    return %files;
}

# The zone that the user has given to this interface alone.
sub firewalld_own_zone {
    my ($id, $nic) = @_;
    for my $path (glob "$FIREWALLD/zones/*.xml") {
        my $zone = name_of($path) =~ s/\.xml$//r;
        next if $zone =~ /^\Q$MARK\E\d*$/;
        my $text = (slurp($path) // '') =~ s{<rule\b.*?</rule>}{}sgr;
        my @bound = $text =~ /<(?:interface name|source address|source mac|source ipset)="([^"]*)"/g;
        next unless grep { $_ eq $nic } @bound;
        return $zone if @bound == 1;
        refuse('FIREWALL_REFUSED', $id, "in firewalld on node 0, $nic shares the zone $zone with " . join(', ', grep { $_ ne $nic } @bound) . ", so what is opened for one is opened for all;"
              . " give $nic a zone of its own (`firewall-cmd --permanent --new-zone=private`, `firewall-cmd --permanent --zone=private --change-interface=$nic`, `firewall-cmd --reload`). Nothing was changed");
    }
    return undef;
}

sub firewalld_base {
    my ($id, $nic) = @_;
    my (undef, $zone) = firewall_cmd("--get-zone-of-interface=$nic");
    if ($zone !~ /^[\w-]+$/) { ($zone) = (slurp("$FIREWALLD/firewalld.conf") // '') =~ /^DefaultZone=(\S+)/m }
    $zone //= 'public';
    my @policies = map { name_of($_) =~ s/\.xml$//r } grep { (slurp($_) // '') =~ /<(?:in|e)gress-zone name="\Q$zone\E"/ } glob "$FIREWALLD/policies/*.xml";
    refuse('FIREWALL_REFUSED', $id, "in firewalld on node 0, $nic is in the default zone $zone, for which the policies " . join(', ', @policies) . " hold; a zone of its own would take it out of them."
          . " Give $nic a zone of its own, and name it in them, then run again. Nothing was changed") if @policies;
    # A reload, which new zones need, forgets what was never made permanent.
    my @views = map { my (undef, $said) = firewall_cmd(@$_, '--list-all-zones'); join "\n", map { s/ \([\w, ]+\)$//r } grep { !/^\s*interfaces:/ } split /\n/, $said } [], ['--permanent'];
    refuse('FIREWALL_REFUSED', $id, 'firewalld on node 0 has rules that are not permanent, and a reload would lose them; keep them by `firewall-cmd --runtime-to-permanent`,'
          . ' or drop them by `firewall-cmd --reload`, and run again. Nothing was changed') if $views[0] ne $views[1];
    warn_to($id, "$nic leaves firewalld's zone $zone for one of its own; node 0 forwards packets, and what the zone let pass between $nic and its other interfaces needs a policy now")
        if (slurp(firewalld_zone_file($zone) // '/') // '') =~ m{<forward/>} && slurp_proc('/proc/sys/net/ipv4/ip_forward') =~ /^1/;
    return $zone;
}

sub firewalld_ours { return sort grep { m{/(?:\Q$MARK\E|pulumi-admit|pulumi-confine)\d*\.xml$} } glob "$FIREWALLD/zones/*.xml $FIREWALLD/policies/*.xml" }

# What runs, not what is on the disk: the ports that are closed, as [interface, protocol, port].
sub firewalld_closed {
    my ($id, $rules) = @_;
    my ($number, @closed) = (0);
    for my $nic (sort @{ $rules->{interfaces} }) {
        my (undef, $zone) = firewall_cmd("--get-zone-of-interface=$nic");
        my (undef, $ports) = firewall_cmd('--policy=' . firewalld_policy($number), '--list-ports');
        my (undef, $zones) = firewall_cmd('--policy=' . firewalld_policy($number), '--list-ingress-zones');
        my %open = $zones eq $zone ? map { ($_ => 1) } split ' ', $ports : ();
        push @closed, grep { $_->[0] eq $nic && $_->[2] ne 'established' && !$open{"$_->[2]/$_->[1]"} } @{ $rules->{accept} };
        $number++;
    }
    my (undef, $drops) = @{ $rules->{drop} } ? firewall_cmd('--policy=pulumi-confine', '--list-rich-rules') : (0, '');
    push @closed, map { [$_->[2], $_->[0], $_->[1], 'drop'] } grep { $drops !~ /port="$_->[1]" protocol="$_->[0]" drop/ } @{ $rules->{drop} };
    return @closed;
}

sub reload_firewalld {
    for my $word ('--check-config', '--reload') {
        my ($status, $said) = firewall_cmd($word);
        refuse('FIREWALL_REFUSED', '-', "firewalld refused its new configuration (`firewall-cmd $word`); it said:\n" . join "\n", map { "  $_" } split /\n/, $said) if $status;
    }
    return;
}

# ---- As a part of a transaction ----

# The interface that a firewall names, in place of "@interface@" in its rules.
sub name_firewall_interfaces {
    my ($puts) = @_;
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'firewall')) {
            my (undef, $wanted, $public_allowed) = @$op;
            my ($by, $value) = split /:/, $wanted, 2;
            my (undef, $said) = run(['ip', '-o', 'link', 'show']);
            my %links = map { m{^\d+: ([^:@]+)[:@](.*) link/\w+ ([0-9a-f:]+)} ? ($1 => { mac => $3, member => $2 =~ / master / }) : () } split /\n/, $said;
            my @found = grep { $by eq 'name' ? $_ eq $value : $links{$_}{mac} eq $value } sort keys %links;
            # A bond and its members can share one MAC; packets come in on the bond.
            @found = grep { !$links{$_}{member} } @found if @found > 1;
            refuse('INTERFACE_UNFIT', $id, 'interface: there is no interface ' . ($by eq 'name' ? "\"$value\"" : "with the MAC $value") . '; this host has '
                  . join ', ', map { "$_ ($links{$_}{mac})" } grep { $_ ne 'lo' } sort keys %links) unless @found;
            my (undef, $routes) = run(['ip', '-4', '-o', 'route', 'show', 'default']);
            refuse('INTERFACE_UNFIT', $id, "interface: $found[0] carries the default route, so it looks like the public side; correct it, or give the firewall"
                  . ' allowDefaultRoute: true if node 0 has no other side') if !$public_allowed && $routes =~ /\bdev \Q$found[0]\E\b/;
            s/\@interface\@/$found[0]/g for @$op;
        }
    }
    return;
}

# How the firewall should be after this transaction, and how it is; undef if the request is not about it.
sub plan_firewall {
    my ($request, $register, $merged) = @_;
    my $puts = $request->{put};
    my @ids = grep { ops_of($puts->{$_}, 'firewall') } sort keys %$puts;
    my @gone = grep { $register->{$_} && ops_of($register->{$_}, 'firewall') } sort keys %{ $request->{drop} };
    return undef unless @ids || @gone;
    my $rules = firewall_rules($merged);
    my $seen = observe_firewall();
    my $manager = manager_of($seen, barriers($seen, $rules));
    my %files = $manager eq 'none' || !any_rules($rules) ? () : firewall_files($seen, $rules, $ids[0] // $gone[0]);
    for my $id (@ids) { push @{ $puts->{$id}{ops} }, ['managed', $manager], map { ['dir', $_, '0755'] } unique(map { folder_of($_) } grep { !m{\.wants/} } sort keys %files) }
    my @ufw = $seen->{ufw} ? ufw_wanted($ids[0] // $gone[0], $rules) : ();
    return { ids => [@ids, @gone], put => \@ids, rules => $rules, manager => $manager, files => \%files, ufw => \@ufw,
        differs => $seen->{ufw} && !ufw_is_right(@ufw) || !any_rules($rules) && grep({ $_->[4] } ufw_tuples()) || grep({ !$_->{right} } barriers($seen, $rules))
            || $seen->{firewalld} && any_rules($rules) && firewalld_closed($ids[0], $rules) ? 1 : 0 };
}

# What of the firewall lies in files, and a link; path → text, or [target].
sub firewall_files {
    my ($seen, $rules, $id) = @_;
    return (
        "$UNITS/$FIREWALL" => $FIREWALL_UNIT,
        "$UNITS/multi-user.target.wants/$FIREWALL" => ["$UNITS/$FIREWALL"],
        unit_known('nftables.service') ? ($NFT_DROP_IN => $NFT_DROP_IN_TEXT) : (),
        -d folder_of($PLUGIN) ? ($PLUGIN => $PLUGIN_TEXT) : (),
        $seen->{firewalld} ? firewalld_files($id, $rules) : ());
}

sub want_firewall {
    my ($firewall, $want) = @_;
    return unless $firewall;
    my ($id) = @{ $firewall->{ids} };
    for my $path (unique("$UNITS/$FIREWALL", "$UNITS/multi-user.target.wants/$FIREWALL", $NFT_DROP_IN, $PLUGIN, firewalld_ours(), keys %{ $firewall->{files} })) {
        my $text = $firewall->{files}{$path};
        $want->{$path} = !defined $text ? { type => 'absent', id => $id, ours => 1 } : ref $text ? { type => 'link', target => $text->[0], id => $id, ours => 1 }
            : { type => 'file', content => $text, sha256 => sha256_text($text), mode => $path eq $PLUGIN ? 0755 : 0644, uid => 0, gid => 0, id => $id, ours => 1 };
    }
    return;
}

# How the journal undoes what is not in files; ufw's rules are in files, which ufw writes.
sub journal_firewall {
    my ($firewall) = @_;
    return '' unless $firewall;
    my $lines = "firewall\n";
    for my $path (grep { -f } @UFW_RULES) {
        my $what = look_at($path);
        my $copy = "$UNDO/" . as_name($path);
        write_new($copy, slurp($path), 0600, 0, 0);
        $lines .= join(' ', 'undo', map { encode($_) } 'file', $path, $copy, sprintf('%04o', $what->{mode}), @$what{qw(uid gid mtime)}) . "\n";
    }
    return $lines;
}

# One at a time: a manager that is reloaded meanwhile makes the unit of ours run, too.
sub with_firewall_lock {
    my ($act) = @_;
    sysopen my $lock, $FIREWALL_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600 or die "cannot open $FIREWALL_LOCK: $!\n";
    flock $lock, LOCK_EX;
    return $act->();
}

# Makes the chains that nobody keeps for us right; all rules of a chain at once.
sub set_barriers {
    my (@barriers) = @_;
    for my $barrier (grep { !$_->{right} } @barriers) {
        my ($status, $said);
        if ($barrier->{how} eq 'nft') {
            my $at = join ' ', @{ $barrier->{chain} }{qw(family table name)};
            ($status, $said) = run([program_of('nft'), join '; ', map({ "delete rule $at handle $_" } @{ $barrier->{handles} }), map { "insert rule $at $_" } reverse @{ $barrier->{want} }]);
        }
        else {
            my $script = "$FIREWALL_LOCK.rules";
            my $position = 0;
            write_new($script, join("\n", '*filter', map({ "-D INPUT $_" } @{ $barrier->{have} }), map({ $position++; "-I INPUT $position $_" } @{ $barrier->{want} }), 'COMMIT', ''), 0600, 0, 0);
            ($status, $said) = run(["$barrier->{table}{program}-restore", '-w', '5', '-n', $script]);
            unlink $script;
        }
        refuse('FIREWALL_REFUSED', '-', "$barrier->{how} did not take the rules; it said:\n" . join "\n", map { "  $_" } split /\n/, $said) if $status;
    }
    return;
}

sub apply_firewall {
    my ($firewall, $changed) = @_;
    return unless $firewall;
    say_to($_, "opening the firewall ($firewall->{manager})") for @{ $firewall->{put} };
    return if eval { with_firewall_lock(sub { set_firewall($firewall, $changed) }); 1 };
    my $reason = $@;
    $reason->[1] = $firewall->{ids}[0] if ref $reason && $reason->[1] eq '-';
    die $reason;
}

sub set_firewall {
    my ($firewall, $changed) = @_;
    my $seen = observe_firewall();
    reload_firewalld() if $seen->{firewalld} && (grep { index($_, "$FIREWALLD/") == 0 } @$changed or any_rules($firewall->{rules}) && firewalld_closed('-', $firewall->{rules}));
    set_ufw(@{ $firewall->{ufw} }) if $seen->{ufw} || !any_rules($firewall->{rules}) && program_of('ufw');
    set_barriers(barriers($seen, $firewall->{rules}));
    if (!any_rules($firewall->{rules}) && (slurp('/etc/iptables/rules.v4') // '') =~ /--comment "?\Q$MARK\E"? /) {
        warn_to($_, "somebody saved our rules into /etc/iptables/rules.v4; they are out of the firewall now, but come back at boot until you save again (`netfilter-persistent save`)") for @{ $firewall->{ids} };
    }
    return;
}

# The rules that a packet from outside would meet, read back.
sub prove_firewall {
    my ($firewall) = @_;
    return unless $firewall;
    my ($seen, $rules) = (observe_firewall(), $firewall->{rules});
    my @missing = map { join ' ', 'the chain', $_->{how} eq 'nft' ? @{ $_->{chain} }{qw(family table name)} : "INPUT of $_->{table}{name}" } grep { !$_->{right} } barriers($seen, $rules);
    if ($seen->{firewalld} && any_rules($rules)) { push @missing, map { "firewalld, $_->[0] $_->[1] $_->[2]" } firewalld_closed('-', $rules) }
    if ($seen->{ufw}) {
        push @missing, "ufw's user.rules" unless ufw_is_right(@{ $firewall->{ufw} });
        my ($table) = grep { jumps_to($_, 'ufw-before-input') } @{ $seen->{tables} };
        my @rows = map { @{ $table->{chains}{$_}{rules} // [] } } grep { $table->{chains}{$_} } 'ufw-user-input', 'ufw-before-input';
        for my $rule (@{ $firewall->{ufw} }) {
            my ($action, $protocol, $ports, $nic) = @$rule;
            my $on = length $nic ? "-i $nic " : '';
            push @missing, 'ufw-user-input, ' . join ' ', ufw_words($rule) unless grep { /^\Q$on\E-p $protocol .*--dports? \Q$ports\E / } @rows;
        }
        push @missing, 'ufw-before-input, answers to established connections' if grep({ $_->[2] eq 'established' } @{ $rules->{accept} }) && !grep { /ESTABLISHED.* -j ACCEPT$/ } @rows;
    }
    refuse('FIREWALL_REFUSED', $firewall->{ids}[0], 'the rules are not in the firewall as they should be: ' . join '; ', @missing) if @missing;
    output($_, 'manager', $firewall->{manager}) for @{ $firewall->{put} };
    return;
}

# After the files are as they were: the managers read them, and all else is as that register wants it.
sub undo_firewall {
    my @undone = map { decode((split / /, $_)[2]) } grep { /^undo / } journal_lines();
    with_firewall_lock(sub {
        my $seen = observe_firewall();
        firewall_cmd('--reload') if $seen->{firewalld} && grep { index($_, "$FIREWALLD/") == 0 } @undone;
        run([program_of('ufw'), 'reload']) if $seen->{ufw};
        set_barriers(barriers($seen, firewall_rules(load_register())));
    });
    return;
}

# Run at boot and after a manager loaded its rules.
sub reapply_firewall {
    with_firewall_lock(sub { set_barriers(barriers(observe_firewall(), firewall_rules(load_register()))) });
    return;
}

# ---- Without touching ----

sub look_firewall {
    my ($id, $op, $register) = @_;
    my ($recorded) = ops_of($register->{$id}, 'firewall');
    my ($managed) = ops_of($register->{$id}, 'managed');
    my (undef, undef, undef, @words) = @$op;
    my (undef, undef, undef, @resolved) = @{ $recorded // [] };
    my $rules = firewall_rules($register);
    my $seen = observe_firewall();
    my @barriers = barriers($seen, $rules);
    my $manager = manager_of($seen, @barriers);
    tell_client('drift', $id, 'manager', 'became', hex_of($manager)) if $managed && $managed->[1] ne $manager;
    my %missing;
    my @places = grep { !$_->{right} } @barriers;
    if ($seen->{ufw}) {
        my @wanted = eval { ufw_wanted($id, $rules) };
        push @places, { how => 'ufw', want => [map { "@$_" } @wanted], have => [map { "@$_[0 .. 3]" } grep { $_->[4] } ufw_tuples()] } unless ufw_is_right(@wanted);
    }
    for my $at (0 .. $#resolved) {
        my $one = firewall_rules({ $id => { ops => [['firewall', '', '', $resolved[$at]]] } });
        for my $place (@places) {
            my ($text) = $place->{how} eq 'nft' ? nft_rules($one) : $place->{how} eq 'iptables' ? iptables_rules($one) : ();
            if ($place->{how} eq 'ufw') {
                my ($rule) = ufw_rules($one) or next;
                my ($wanted) = grep { my @each = split / /, $_, 4; $each[0] eq $rule->[0] && $each[1] eq $rule->[1] && ($each[3] // '') eq $rule->[3] && grep { $_ eq $rule->[2] } split /,/, $each[2] } @{ $place->{want} };
                $missing{$at} = 1 if defined $wanted && !grep { $_ eq $wanted } @{ $place->{have} };
            }
            elsif (@{ $place->{want} } && !grep { $_ eq $text } @{ $place->{have} }) { $missing{$at} = 1 }
        }
    }
    if ($seen->{firewalld}) {
        for my $closed (firewalld_closed($id, $rules)) {
            my $word = $closed->[3] ? "drop in on all but $closed->[0] $closed->[1] $closed->[2]" : "allow in on $closed->[0] $closed->[1] $closed->[2]";
            $missing{$_} = 1 for grep { $resolved[$_] eq $word } 0 .. $#resolved;
        }
    }
    tell_client('drift', $id, encode($words[$_] // $resolved[$_]), 'missing', '-') for sort { $a <=> $b } keys %missing;
    tell_client('drift', $id, encode('the order of the rules'), 'changed', '-') if @places && !%missing;
    return if $manager eq 'none' || !$managed || $managed->[1] ne $manager;
    my %files = eval { firewall_files($seen, $rules, $id) };
    for my $path (sort keys %files) {
        my ($have, $text) = (look_at($path), $files{$path});
        my $same = ref $text ? $have->{type} eq 'link' && $have->{target} eq $text->[0] : $have->{type} eq 'file' && slurp($path) eq $text;
        tell_client('drift', $id, encode($path), $have->{type} eq 'absent' ? 'missing' : 'changed', '-') unless $same;
    }
    return;
}
