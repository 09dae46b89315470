# Other programs, run without a shell, and the time that passes meanwhile.
package Netboot::Programs;
use Netboot::Perl gives => qw(run begin_run beside uptime pause program_of);
use IO::Select ();
use POSIX ();

# Answers a program's exit status and all that it said on both its streams. `watch` sees each line as it comes; after
# `seconds` it is killed with what it has started, and of more than `most` bytes the rest is not kept.
sub run ($argv, %how) { return begin_run($argv, %how)->() }

# The same in two steps: it runs from now on, and its time from when the answer is called for.
sub begin_run ($argv, %how) {
    my ($most, $seconds) = ($how{most} // 64_000_000, $how{seconds} // 600);
    my $pid = open(my $from, '-|') // die "cannot fork: $!\n";
    if (!$pid) {
        setpgrp;
        open STDIN, '<', '/dev/null' or POSIX::_exit(126);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        exec { $argv->[0] } @$argv or do { print "$argv->[0]: $!\n"; POSIX::_exit(127) };
    }
    return sub {
        my ($said, $line, $killed, $select, $end) = ('', '', 0, IO::Select->new($from), uptime() + $seconds);
        while (1) {
            if (uptime() >= $end) { $killed = kill 'KILL', -$pid; last }
            next unless $select->can_read(1);
            sysread $from, my $piece, 65536 or last;
            $said .= substr $piece, 0, $most - length $said if length $said < $most;
            next unless $how{watch};
            $line = length $line > 65536 ? $piece : "$line$piece";
            $how{watch}->($1) while $line =~ s/^(.*\n)//;
        }
        $how{watch}->($line) if $how{watch} && length $line;
        close $from;
        return (124, "$said\n$argv->[0] did not end in $seconds s\n") if $killed;
        return ($? >> 8 || $? & 127, $said);
    };
}

# A child that does something beside; its number, or 0 if there can be none.
sub beside ($work) {
    my $child = fork // return 0;
    return $child if $child;
    for my $out (\*STDOUT, \*STDERR) { open $out, '>', '/dev/null' or POSIX::_exit(126) }
    POSIX::_exit(eval { $work->(); 1 } ? 0 : 1);
}

# Seconds since the boot: somebody may set the clock while we wait, chrony to begin with.
sub uptime() { open my $in, '<', '/proc/uptime' or die "cannot read /proc/uptime: $!\n"; return (split / /, <$in>)[0] }

# Not by Time::HiRes: perl-base has none.
sub pause ($seconds) { select undef, undef, undef, $seconds }    ## no critic (ProhibitSleepViaSelect)

# The path of a program, wherever Debian has it; undefined if it is not there.
sub program_of ($name) {
    return (grep { -x } map { "$_/$name" } qw(/usr/sbin /sbin /usr/bin /bin /usr/local/sbin))[0];
}
