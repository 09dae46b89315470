# What is ours on node 0: the lock, and a folder with what a recovery at boot needs.
package Netboot::Ours;
use Netboot::Perl gives => qw(take_lock make_state_folder clean_up);
use Fcntl qw(:DEFAULT :flock);
use Netboot::Constants qw($EDITS $HEARD $JOURNAL $KEPT $LOCK $PROVED $REGISTER $RULES $STATE $TAKING $UNDO $UNITS);
use Netboot::Words qw(refuse say_to staged_name);
use Netboot::Programs qw(pause run);
use Netboot::Files qw(replace_file slurp sync_folder);
use Netboot::Units qw(systemctl);

my ($LOCK_WAIT, $PAUSE) = (300, 0.2);
my $RECOVERY = 'pulumi-netboot-recovery.service';
my $ENABLED = "$UNITS/multi-user.target.wants";

# One writer at a time; the lock goes with its handle.
sub take_lock (@ids) {
    sysopen my $lock, $LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600 or die "cannot open $LOCK: $!\n";
    my $tries = 0;
    until (flock $lock, LOCK_EX | LOCK_NB) {
        my $holder = slurp($LOCK) // '';
        if ($tries * $PAUSE >= $LOCK_WAIT) {
            my $why = "another run (process $holder on node 0) has held the lock $LOCK for more than $LOCK_WAIT s";
            refuse('LOCKED', '-', "$why; look what it does there, and run again when it is done");
        }
        # The end of the same run's last change is no more than a moment.
        say_to("waiting for another run on node 0 (process $holder)", @ids) if $tries++ == 2 / $PAUSE;
        pause($PAUSE);
    }
    truncate $lock, 0;
    syswrite $lock, $$;
    return $lock;
}

# The recovery's unit comes with the plan, and not before: apt's hooks look for what is new in /etc.
sub make_state_folder ($hands, @lines) {
    -d or mkdir $_, 0700 or die "cannot make $_: $!\n" for $STATE, $REGISTER, $KEPT, $EDITS, $UNDO;
  # An agent before this one kept no heads of the firewall's chains, but worked them out: they are there before it goes.
    my ($heads, $unit) = { map { ($_->{word} => $_) } @lines }->@{qw(heads recovery)};
    replace_file($RULES, $heads->{content}) if $heads && !-e $RULES;
    replace_file("$STATE/agent.pl", $hands) if (slurp("$STATE/agent.pl") // '') ne $hands;
    return if !$unit || (slurp("$UNITS/$RECOVERY") // '') eq $unit->{content} && -l "$ENABLED/$RECOVERY";
    replace_file("$UNITS/$RECOVERY", $unit->{content}, 0644);
    mkdir $ENABLED, 0755;
    symlink "../$RECOVERY", "$ENABLED/$RECOVERY";
    sync_folder($ENABLED);
}

# When nobody wants anything of this host any more, nothing of ours stays but what is to be known of our packages.
sub clean_up() {
    unlink "$ENABLED/$RECOVERY", "$UNITS/$RECOVERY";
    systemctl('daemon-reload');
    my @edits = glob "$EDITS/*";
    my @waiting = glob "$KEPT/stand-in:*";
    my @kept = @waiting ? grep { !m{/(?:stand-in:|debs$|packages\.since$)} } glob "$KEPT/*" : $KEPT;
    run([
        'rm', '-rf', '--', $REGISTER, @kept, $UNDO, $TAKING, $HEARD, $PROVED, $RULES, staged_name($JOURNAL),
        "$STATE/agent.pl", @edits ? () : $EDITS
    ]);
    rmdir $STATE;
}
