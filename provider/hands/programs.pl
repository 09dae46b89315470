# Other programs, run without a shell.

# Answers a program's exit status and all that it said on both its streams. `watch` sees each line as it comes; after `seconds` it is
# killed and counts as failed, and of more than `most` bytes the rest is not kept.
sub run {
    my ($argv, %how) = @_;
    my $most = $how{most} // 64_000_000;
    my $end = defined $how{seconds} ? uptime() + $how{seconds} : undef;
    my $pid = open my $from, '-|';
    die "cannot fork: $!\n" unless defined $pid;
    if (!$pid) {
        open STDIN, '<', $how{input} // '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec { $argv->[0] } @$argv or do { print "$argv->[0]: $!\n"; POSIX::_exit(127) };
    }
    my ($said, $line, $killed) = ('', '', 0);
    my $select = IO::Select->new($from);
    while (1) {
        if (defined $end && !$select->can_read(1)) {
            next if uptime() < $end;
            $killed = kill 'KILL', $pid;
            last;
        }
        sysread $from, my $piece, 65536 or last;
        $said .= substr $piece, 0, $most - length $said if length $said < $most;
        next unless $how{watch};
        $line .= $piece;
        $how{watch}->($1) while $line =~ s/^(.*\n)//;
    }
    $how{watch}->($line) if $how{watch} && length $line;
    close $from;
    return (124, "$said$argv->[0] did not end in $how{seconds} s\n") if $killed;
    return ($? >> 8 || $? & 127, $said);
}

# Seconds since the boot: somebody may set the clock while we wait, chrony to begin with.
sub uptime { my ($seconds) = split / /, slurp('/proc/uptime'); return $seconds }

# The path of a program, wherever Debian has it; undefined if it is not there.
sub program_of {
    my ($name) = @_;
    return (grep { -x } map { "$_/$name" } qw(/usr/sbin /sbin /usr/bin /bin /usr/local/sbin))[0];
}
