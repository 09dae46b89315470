# The firewall: puts the rules of a plan at the head of each chain that what comes in meets, and runs the commands that a plan
# has for managers which keep rules themselves. Which rules, and which chains are somebody else's, the plan says; node 0
# keeps that as a file, for each boot and each time a manager loads rules of its own.

my $MARK          = 'pulumi-netboot';
my $FIREWALL_LOCK = '/run/pulumi-netboot-firewall.lock';

# ---- What is at the heads ----

# The lines of a plan's heads, by their first words: { nft => [rule, …], iptables => […], 'not-in-table' => […], … }.
sub read_heads {
    my ($text) = @_;
    my %heads = map { ($_ => []) } qw(nft iptables not-in-table not-before-jump-to);
    for my $line (split /\n/, $text) {
        my ($word, $rest) = split / /, $line, 2;
        push @{ $heads{$word} }, $rest;
    }
    return \%heads;
}

# Every chain at the hook of what comes in that no manager keeps for us: { name, have => all its rules, ours => those with our
# mark, want, set => what makes it right }.
sub input_chains {
    my ($heads) = @_;
    my @iptables = iptables_inputs($heads);
    my @nft = nft_inputs($heads, scalar grep { $_->{name} =~ / of iptables-nft$/ } @iptables);
    for my $chain (@nft, @iptables) {
        my @first = @{ $chain->{have} };
        splice @first, scalar @{ $chain->{want} } if @first > @{ $chain->{want} };
        my ($want, $ours, $first) = map { join "\n", @$_ } $chain->{want}, $chain->{ours}, \@first;
        $chain->{right} = $want eq $ours && $want eq $first;
    }
    return @nft, @iptables;
}

# The base chains of nftables; but for INPUT of the table "ip filter", if iptables-nft puts rules in there.
sub nft_inputs {
    my ($heads, $by_iptables) = @_;
    my $nft = program_of('nft') or return;
    my ($status, $said) = run([$nft, '-a', '-t', 'list', 'ruleset']);
    refuse('FIREWALL_REFUSED', '-', "nft does not list its rules; it said:\n" . indented($said)) if $status;
    my %not_in = map { ($_ => 1) } @{ $heads->{'not-in-table'} };
    my ($family, $table, $sleeps, $name, $chain, $text, @chains) = ('', '', 0, '', undef, '');
    for my $line (split /\n/, $said) {
        if    ($line =~ /^table (\S+) (\S+) \{/)        { ($family, $table, $sleeps, $chain) = ($1, $2, 0, undef) }
        elsif ($line =~ /^\tflags .*\bdormant\b/)       { $sleeps = 1 }
        elsif ($line =~ /^\tchain (\S+) \{/)            { ($name, $chain) = ($1, undef) }
        elsif ($line =~ /^\t?\}/)                       { $chain = undef }
        elsif ($line =~ /^\t\ttype filter hook input /) {
            next if $sleeps || $family !~ /^(?:ip|inet)$/ || $not_in{$table};
            next if $by_iptables && "$family $table $name" eq 'ip filter INPUT';
            push @chains, $chain = { at => "$family $table $name", have => [], ours => [], handles => [] };
        }
        elsif ($chain) {
            $text .= ' ' . $line =~ s/^\s+//r;
            my ($rule, $handle) = $text =~ /^ (.*) # handle (\d+)$/ or next;
            $text = '';
            push @{ $chain->{have} }, $rule;
            next unless $rule =~ / comment "\Q$MARK\E"$/;
            push @{ $chain->{ours} }, $rule;
            push @{ $chain->{handles} }, $handle;
        }
    }
    for my $each (@chains) {
        @$each{qw(name by want)} = ("the chain $each->{at}", 'nft', $heads->{nft});
        $each->{set} = sub { set_nft($nft, $each) };
    }
    return @chains;
}

# INPUT of the tables of iptables that are there; the programs that print all of them load none. Where a manager's chain is
# jumped to, none of our rules are wanted.
sub iptables_inputs {
    my ($heads) = @_;
    my @chains;
    for my $kind ('iptables-nft', 'iptables-legacy') {
        my $save = program_of("$kind-save") or next;
        next if $kind eq 'iptables-legacy' && (slurp('/proc/net/ip_tables_names') // '') !~ /^filter$/m;
        my ($status, $said) = run([$save]);
        # What iptables-nft can't print, nft lists.
        next if $status || $said =~ /^# Table `filter' /m || $said !~ /^\*filter\n(.*?)^COMMIT$/ms;
        my $filter = $1;
        next unless $filter =~ /^:INPUT /m;
        my @have = $filter =~ /^-A INPUT (.*)$/mg;
        my $kept = grep { my $other = $_; grep { / ?-[jg] \Q$other\E$/ } @have } @{ $heads->{'not-before-jump-to'} };
        my @ours = grep { /--comment "?\Q$MARK\E"? / } @have;
        my $chain = {
            name => "the chain INPUT of $kind", by => 'iptables', have => \@have, ours => \@ours,
            want => $kept ? [] : $heads->{iptables},
        };
        $chain->{set} = sub { set_iptables("$kind-restore", $chain) };
        push @chains, $chain;
    }
    return @chains;
}

# ---- Making it so ----

# All rules of a chain at once: ours go, and come at its head.
sub set_nft {
    my ($nft, $chain) = @_;
    my @commands = map { "delete rule $chain->{at} handle $_" } @{ $chain->{handles} };
    push @commands, map { "insert rule $chain->{at} $_" } reverse @{ $chain->{want} };
    return run([$nft, join '; ', @commands]);
}

# The same by a script for iptables-restore, which leaves all other rules as they are.
sub set_iptables {
    my ($restore, $chain) = @_;
    my $script   = "$FIREWALL_LOCK.rules";
    my $position = 0;
    my @lines    = map { "-D INPUT $_" } @{ $chain->{ours} };
    push @lines, map { $position++; "-I INPUT $position $_" } @{ $chain->{want} };
    write_new($script, join("\n", '*filter', @lines, 'COMMIT', ''), 0600, 0, 0);
    my ($status, $said) = run([program_of($restore), '-w', '5', '-n', $script]);
    unlink $script;
    return ($status, $said);
}

# Makes the chains right that are not.
sub set_heads {
    my ($heads) = @_;
    for my $chain (grep { !$_->{right} } input_chains($heads)) {
        my ($status, $said) = $chain->{set}->();
        refuse('FIREWALL_REFUSED', '-', "$chain->{by} did not take the rules; it said:\n" . indented($said)) if $status;
    }
    return;
}

# What a program said, as a part of a message.
sub indented {
    my ($said) = @_;
    return join "\n", map { "  $_" } split /\n/, $said;
}

# One at a time: a manager that is reloaded meanwhile makes the unit of ours run, too.
sub with_firewall_lock {
    my ($act) = @_;
    sysopen my $lock, $FIREWALL_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600 or die "cannot open $FIREWALL_LOCK: $!\n";
    flock $lock, LOCK_EX;
    return $act->();
}

# Carries out a plan's part of it: the managers' commands in their order, and then the heads.
sub apply_firewall {
    my ($firewall, $commands) = @_;
    my $done = eval {
        with_firewall_lock(sub {
            for my $command (@$commands) {
                my ($program, @words) = parts_of($command->{argv});
                my ($status, $said) = run([program_of($program) // $program, @words]);
                refuse('FIREWALL_REFUSED', '-', "$command->{refused}; it said:\n" . indented($said)) if $status;
            }
            set_heads(read_heads($firewall->{heads}));
        });
        1;
    };
    return if $done;
    my $reason = $@;
    $reason->[1] = $firewall->{id} if ref $reason && $reason->[1] eq '-';
    die $reason;
}

# How the journal undoes what is not in our files: files that a manager writes, and what makes it read them again.
sub journal_firewall {
    my ($firewall, @undoing) = @_;
    my $lines = join ' ', 'firewall', map { encode($_->{argv}) } @undoing;
    for my $path (grep { -f } parts_of($firewall->{written})) {
        my $what = look_at($path);
        my $copy = "$UNDO/" . as_name($path);
        write_new($copy, slurp($path), 0600, 0, 0);
        $lines = join ' ', 'undo', (map { encode($_) } 'file', $path, $copy, sprintf('%04o', $what->{mode}), @$what{qw(uid gid mtime)}), "\n$lines";
        $lines =~ s/ \n/\n/;
    }
    return "$lines\n";
}

# The chains in which the heads are not as that text says, by their names.
sub wrong_heads {
    my ($heads) = @_;
    return map { $_->{name} } grep { !$_->{right} } input_chains(read_heads($heads));
}

# Puts in what the plan of the last change left: at boot, and after a manager has loaded its rules.
sub reapply_firewall {
    with_firewall_lock(sub { set_heads(read_heads(slurp($RULES) // '')) });
    return;
}

# After the files are as they were: the managers read them by these commands, and the heads are as that file says again.
sub undo_firewall {
    my (@commands) = @_;
    with_firewall_lock(sub {
        run([program_of($_->[0]) // $_->[0], @$_[1 .. $#$_]]) for @commands;
        set_heads(read_heads(slurp($RULES) // ''));
    });
    return;
}
