# The firewall: puts the rules of a plan at the head of each chain that what comes in meets, and runs the commands that
# a plan has for managers which keep rules themselves. Which rules, and which chains are somebody else's, the plan says;
# node 0 keeps that as a file, for each boot and each time a manager loads rules of its own.
package Netboot::Firewall;
use Netboot::Perl gives => qw(apply_firewall journal_firewall reapply_firewall undo_firewall wrong_heads);
use Fcntl qw(:DEFAULT :flock);
use Netboot::Constants qw($RULES $UNDO);
use Netboot::Words qw(as_name parts_of refuse render_words);
use Netboot::Programs qw(program_of run);
use Netboot::Files qw(copy_of look_at slurp write_new);

my $MARK = 'pulumi-netboot';
my $FIREWALL_LOCK = '/run/pulumi-netboot-firewall.lock';

# The lines of a plan's heads, by their first words: { nft => [rule, …], iptables => […], 'not-in-table' => […], … }.
sub read_heads ($text) {
    my %heads = map { ($_ => []) } qw(nft iptables not-in-table not-before-jump-to);
    for my $line (split /\n/, $text) {
        my ($word, $rest) = split / /, $line, 2;
        push $heads{$word}->@*, $rest;
    }
    return \%heads;
}

# Every chain at the hook of what comes in that no manager keeps for us: { name, have => all its rules, ours => those
# with our mark, want, set => what makes it right }. Those whose head is not as wanted.
sub wrong_chains ($heads) {
    my @iptables = iptables_inputs($heads);
    my @nft = nft_inputs($heads, scalar grep { $_->{name} =~ / of iptables-nft$/ } @iptables);
    return grep { !is_right($_) } @nft, @iptables;
}

sub is_right ($chain) {
    my ($have, $want, $ours) = map { join '', map { "$_\n" } @$_ } $chain->@{qw(have want ours)};
    return $want eq $ours && index($have, $want) == 0;
}

sub wrong_heads ($text) { return map { $_->{name} } wrong_chains(read_heads($text)) }

# The base chains of nftables; but for INPUT of the table "ip filter", if iptables-nft puts rules in there.
sub nft_inputs ($heads, $by_iptables) {
    my $nft = program_of('nft') or return;
    my ($status, $said) = run([$nft, '-a', '-t', 'list', 'ruleset']);
    refuse_firewall('nft does not list its rules', $said) if $status;
    my %not_in = map { ($_ => 1) } $heads->{'not-in-table'}->@*;
    my ($family, $table, $sleeps, $name, $chain, $text, @chains) = ('', '', 0, '', undef, '');
    for my $line (split /\n/, $said) {
        if ($line =~ /^table (\S+) (\S+) \{/) { ($family, $table, $sleeps, $chain) = ($1, $2, 0, undef) }
        elsif ($line =~ /^\tflags .*\bdormant\b/) { $sleeps = 1 }
        elsif ($line =~ /^\tchain (\S+) \{/) { ($name, $chain) = ($1, undef) }
        elsif ($line =~ /^\t?\}/) { $chain = undef }
        elsif ($line =~ /^\t\ttype filter hook input /) {
            next if $sleeps || $family !~ /^(?:ip|inet)$/ || $not_in{$table};
            my $at = "$family $table $name";
            next if $by_iptables && $at eq 'ip filter INPUT';
            $chain = { name => "the chain $at", have => [], ours => [], want => $heads->{nft} };
            my $handles = $chain->{handles} = [];
            $chain->{set} = sub { return set_nft($nft, $at, $handles, $heads->{nft}) };
            push @chains, $chain;
        } elsif ($chain) {
            $text .= ' ' . $line =~ s/^\s+//r;
            my ($rule, $handle) = $text =~ /^ (.*) # handle (\d+)$/ or next;
            $text = '';
            push $chain->{have}->@*, $rule;
            next unless $rule =~ / comment "\Q$MARK\E"$/;
            push $chain->{ours}->@*, $rule;
            push $chain->{handles}->@*, $handle;
        }
    }
    return @chains;
}

# INPUT of the tables of iptables that are there: printing loads none. Where a manager's chain is jumped to, none of our
# rules are wanted.
sub iptables_inputs ($heads) {
    my @chains;
    for my $kind ('iptables-nft', 'iptables-legacy') {
        my $save = program_of("$kind-save") or next;
        next if $kind eq 'iptables-legacy' && (slurp('/proc/net/ip_tables_names') // '') !~ /^filter$/m;
        my ($status, $said) = run([$save]);
        # What iptables-nft can't print, nft lists.
        next if $status || $said =~ /^# Table `filter' /m;
        my ($filter) = $said =~ /^\*filter\n(.*?)^COMMIT$/ms or next;
        next unless $filter =~ /^:INPUT /m;
        my @have = $filter =~ /^-A INPUT (.*)$/mg;
        my @ours = grep { /--comment "?\Q$MARK\E"? / } @have;
        my $is_kept = grep { my $other = $_; grep { / ?-[jg] \Q$other\E$/ } @have } $heads->{'not-before-jump-to'}->@*;
        my $want = $is_kept ? [] : $heads->{iptables};
        my $set = sub { return set_iptables("$kind-restore", \@ours, $want) };
        push @chains,
            { name => "the chain INPUT of $kind", have => \@have, ours => \@ours, want => $want, set => $set };
    }
    return @chains;
}

# All rules of a chain at once: ours go, and come at its head. Answers who did it, its status and what it said.
sub set_nft ($nft, $at, $handles, $want) {
    my @commands = ((map { "delete rule $at handle $_" } @$handles), map { "insert rule $at $_" } reverse @$want);
    return ('nft', run([$nft, join '; ', @commands]));
}

# The same by a script for iptables-restore, which leaves all other rules as they are.
sub set_iptables ($restore, $ours, $want) {
    my ($script, $position) = ("$FIREWALL_LOCK.rules", 0);
    my @lines = ((map { "-D INPUT $_" } @$ours), map { $position++; "-I INPUT $position $_" } @$want);
    write_new($script, join "\n", '*filter', @lines, 'COMMIT', '');
    my @ran = run([program_of($restore), '-w', '5', '-n', $script]);
    unlink $script;
    return ('iptables', @ran);
}

# Makes the chains right that are not.
sub set_heads ($text) {
    for my $chain (wrong_chains(read_heads($text))) {
        my ($by, $status, $said) = $chain->{set}->();
        refuse_firewall("$by did not take the rules", $said) if $status;
    }
}

sub refuse_firewall ($why, $said) {
    refuse('FIREWALL_REFUSED', '-', join "\n", "$why; it said:", map { "  $_" } split /\n/, $said);
}

# One at a time: a manager that is reloaded meanwhile makes the unit of ours run, too.
sub with_firewall_lock ($act) {
    sysopen my $lock, $FIREWALL_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600 or die "cannot open $FIREWALL_LOCK: $!\n";
    flock $lock, LOCK_EX;
    $act->();
}

sub run_manager (@argv) { my ($program, @words) = @argv; return run([program_of($program) // $program, @words]) }

# Carries out a plan's part of it: the managers' commands in their order, and then the heads.
sub apply_firewall ($firewall, @commands) {
    return if eval {
        with_firewall_lock(sub {
            for my $command (@commands) {
                my ($status, $said) = run_manager(parts_of($command->{argv}));
                refuse_firewall($command->{refused}, $said) if $status;
            }
            set_heads($firewall->{heads});
        });
        1;
    };
    my $reason = $@;
    $reason->[1] = $firewall->{id} if ref $reason && $reason->[1] eq '-';
    die $reason;
}

# How the journal undoes what is not in our files: files that a manager writes, and what makes it read them again.
sub journal_firewall ($firewall, @undoing) {
    my $lines = render_words('heads', map { $_->{argv} } @undoing);
    for my $path (grep { -f } parts_of($firewall->{written})) {
        my @how = copy_of($path, look_at($path), "$UNDO/" . as_name($path));
        $lines = render_words('undo', 'file', $path, @how) . $lines;
    }
    return $lines;
}

# Puts in what the plan of the last change left: at boot, and after a manager has loaded its rules.
sub reapply_firewall() { undo_firewall() if -e $RULES }

# The same in the undoing, where no file means no rules; before it, managers read their files, which are as they were.
sub undo_firewall (@commands) {
    with_firewall_lock(sub {
        run_manager(parts_of($_)) for @commands;
        set_heads(slurp($RULES) // '');
    });
}
