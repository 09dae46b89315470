# Other programs, run without a shell.

# Runs a program without a shell; answers its exit status and all it said. Each line can be watched as it comes.
sub run {
    my ($argv, $watch) = @_;
    my $pid = open my $from, '-|';
    die "cannot fork: $!\n" unless defined $pid;
    if (!$pid) {
        open STDIN, '<', '/dev/null';
        open STDERR, '>&', \*STDOUT;
        exec { $argv->[0] } @$argv or do { print "$argv->[0]: $!\n"; POSIX::_exit(127) };
    }
    my $said = '';
    while (my $line = <$from>) {
        $said .= $line;
        $watch->($line) if $watch;
    }
    close $from;
    return ($? >> 8 || $? & 127, $said);
}
