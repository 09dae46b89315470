# The firewall: puts the rules of a plan at the head of each chain that what comes in meets, and runs the commands that
# a plan has for managers which keep rules themselves. Which rules, and which chains are somebody else's, the plan says;
# node 0 keeps that as a file, for each boot and each time a manager loads rules of its own.
package Netboot::Firewall;
use Netboot::Perl gives => qw(apply_firewall journal_firewall reapply_firewall undo_firewall watch_heads wrong_heads);
use Fcntl qw(:DEFAULT :flock);
use Socket qw(MSG_DONTWAIT SOCK_RAW);
use Netboot::Constants qw($RULES $UNDO);
use Netboot::Words qw(as_name parts_of refuse render_words);
use Netboot::Programs qw(pause program_of run uptime);
use Netboot::Files qw(copy_of look_at slurp write_new);

my $OURS = qr/ (?:--)?comment "?pulumi-netboot"?(?: |$)/;
my $FIREWALL_LOCK = '/run/pulumi-netboot-firewall.lock';

# The lines of a plan's heads, by their first words: { nft => [rule, …], iptables => […], 'not-in-table' => […], … }.
sub read_heads ($text) {
    my %heads = map { ($_ => []) } qw(nft iptables not-in-table not-before-jump-to);
    push $heads{ $_->[0] }->@*, $_->[1] for map { [split / /, $_, 2] } split /\n/, $text;
    return \%heads;
}

# Every chain at the hook of what comes in that no manager keeps for us: { name, have => its rules, want, set }.
sub chains_at_hook ($text) {
    my $heads = read_heads($text);
    my @iptables = iptables_inputs($heads);
    return (nft_inputs($heads, scalar grep { $_->{name} =~ / of iptables-nft$/ } @iptables), @iptables);
}

# Those that lack a rule of ours or have one too many, and those that have them elsewhere than at their head.
sub is_robbed ($chain) { return join("\n", grep { $_ =~ $OURS } $chain->{have}->@*) ne join "\n", $chain->{want}->@* }

sub wrong_chains ($text) {
    return grep { is_robbed($_) || index("@{$_->{have}}", "@{$_->{want}}") != 0 } chains_at_hook($text);
}
sub wrong_heads ($text) { return map { $_->{name} } wrong_chains($text) }

# The base chains of nftables; but for INPUT of the table "ip filter", if iptables-nft puts rules in there.
sub nft_inputs ($heads, $by_iptables) {
    my $nft = program_of('nft') or return;
    my ($status, $said) = run([$nft, '-a', '-t', 'list', 'ruleset']);
    refuse_firewall('nft does not list its rules', $said) if $status;
    my ($want, %not_in, @chains) = ($heads->{nft}, map { ($_ => 1) } $heads->{'not-in-table'}->@*);
    my $begins = qr/\{[^\n]*\n(?:\t\tcomment [^\n]*\n)?\t\ttype filter hook input [^\n]*\n/;
    for my $table (split /^(?=table )/m, $said) {
        my ($family, $name) = $table =~ /^table (ip|inet) (\S+) \{/ or next;
        next if $not_in{$name} || $table =~ /^\tflags .*\bdormant\b/m;
        while ($table =~ /^\tchain (\S+) $begins(.*?)^\t\}/msg) {
            my ($at, $rules, @have, @handles) = ("$family $name $1", $2);
            next if $by_iptables && $at eq 'ip filter INPUT';
            # A rule ends with its handle, and may go over several lines.
            while ($rules =~ /^\t\t(\S.*?) # handle (\d+)$/msg) {
                my ($rule, $handle) = ($1, $2);
                push @have, $rule =~ s/\n\s+/ /gr;
                push @handles, $handle if $rule =~ $OURS;
            }
            my $set = sub { return set_nft($nft, $at, \@handles, $want) };
            push @chains, { name => "the chain $at", have => \@have, want => $want, set => $set };
        }
    }
    return @chains;
}

# INPUT of the tables of iptables that are there: printing loads none. Where a manager's chain is jumped to, none of our
# rules are wanted.
sub iptables_inputs ($heads) {
    my $others = join '|', map { quotemeta } $heads->{'not-before-jump-to'}->@*;
    my @chains;
    for my $kind ('iptables-nft', 'iptables-legacy') {
        my $save = program_of("$kind-save") or next;
        next if $kind eq 'iptables-legacy' && (slurp('/proc/net/ip_tables_names') // '') !~ /^filter$/m;
        my ($status, $said) = run([$save]);
        next if $status || $said =~ /^# Table `filter' /m;    # what iptables-nft can't print, nft lists
        my ($filter) = $said =~ /^\*filter\n(.*?)^COMMIT$/ms or next;
        next unless $filter =~ /^:INPUT /m;
        my @have = $filter =~ /^-A INPUT (.*)$/mg;
        my $want = length $others && $filter =~ /^-A INPUT .*-[jg] (?:$others)$/m ? [] : $heads->{iptables};
        my $set = sub { return set_iptables("$kind-restore", [grep { $_ =~ $OURS } @have], $want) };
        push @chains, { name => "the chain INPUT of $kind", have => \@have, want => $want, set => $set };
    }
    return @chains;
}

# All rules of a chain at once: ours go, and come at its head. Answers who did it, its status and what it said.
sub set_nft ($nft, $at, $handles, $want) {
    my @delete = map { "delete rule $at handle $_" } @$handles;
    return ('nft', run([$nft, join '; ', @delete, map { "insert rule $at $_" } reverse @$want]));
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

sub set_heads (@chains) {
    for my $chain (@chains) {
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
    with_firewall_lock(sub {
        for my $command (@commands) {
            my ($status, $said) = run_manager(parts_of($command->{argv}));
            refuse_firewall($command->{refused}, $said) if $status;
        }
        set_heads(wrong_chains($firewall->{heads}));
    });
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

# Puts in what the plan of the last change left, after a manager has loaded its rules.
sub reapply_firewall() { undo_firewall() if -e $RULES }

# The same in the undoing, where no file means no rules; before it, managers read their files, which are as they were.
sub undo_firewall (@commands) {
    with_firewall_lock(sub {
        run_manager(parts_of($_)) for @commands;
        set_heads(wrong_chains(slurp($RULES) // ''));
    });
}

# Puts them in whenever somebody has loaded rules without them. The kernel tells of each change of nftables, and of
# iptables' older tables of none, so all is looked at every ten seconds. Who else insists on the head may have it.
sub watch_heads() {
    socket my $told, 16, SOCK_RAW, 12;
    my $is_told = defined fileno $told && bind $told, pack 'S x2 L2', 16, 0, 1 << 6;
    reapply_firewall();
    while (-e $RULES) {
        my ($began, $ready) = (uptime(), '');
        with_firewall_lock(sub {
            my @robbed = grep { is_robbed($_) } chains_at_hook(slurp($RULES) // return);
            set_heads(@robbed);
            warn "somebody took the rules of pulumi-netboot out of $_->{name}; they are there again\n" for @robbed;
        });
        pause(1 + 20 * (uptime() - $began));    # so it takes no more than a twentieth of a processor
        vec($ready, fileno $told, 1) = 1 if $is_told;
        select $ready, undef, undef, 10;
        1 while $is_told && defined recv $told, my $message, 65536, MSG_DONTWAIT;
        exec $^X, $0, 'firewall', 'watch' if -e $0 && -M $0 < 0;
    }
}
