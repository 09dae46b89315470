# Packages: brought without being started, or only looked into for a file.

my $updated = 0;
my @brought_now;

# What a refusal must add: apt can't be undone.
sub brought_sentence {
    return '' unless @brought_now;
    return "\nwhat apt installed for it stays, and nothing of it serves: " . join(', ', @brought_now);
}

# Whether what apt brings is ours. It says what it will bring before it does; who dies in the middle finds it written down.
my $noting = 0;

sub plan_packages {
    replace_file($PLANNED, join('', map { "$_\n" } unique((split /\n/, slurp($PLANNED) // ''), @_)), 0600);
    sync_folder($STATE);
    return;
}

# Adds to the packages that we brought what was planned and is here, and these.
sub note_brought {
    my (@brought) = @_;
    my %present = present_packages();
    my @planned = grep { $present{$_} } split /\n/, slurp($PLANNED) // '';
    my @all = unique(sort((split /\n/, slurp($BROUGHT) // ''), @planned, @brought));
    replace_file($BROUGHT, join('', map { "$_\n" } @all), 0600) if @planned || @brought;
    sync_folder($STATE);
    unlink $PLANNED;
    return;
}

# apt-get, its progress on the rows; once, the lists are renewed and it is tried again.
sub apt {
    my ($ids, @words) = @_;
    my @options = ('-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', '-o', 'APT::Sandbox::User=root',
        '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::https::Timeout=20',
        '-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold', '--no-install-recommends');
    local $ENV{DEBIAN_FRONTEND} = 'noninteractive';
    local $ENV{NEEDRESTART_MODE} = 'l';
    my ($new, @new) = (0);
    my $watch = sub {
        my ($line) = @_;
        if ($line =~ /^The following NEW packages will be installed:/) { ($new, @new) = (1); return }
        if ($new && $line =~ /^  (.*)/) { push @new, split ' ', $1; return }
        if ($new) { $new = 0; plan_packages(@new) if $noting }
        return unless $line =~ /^(Get:|Fetched|Preparing|Unpacking|Setting up|Waiting|Err:)/;
        chomp $line;
        say_to($_, "apt: $line") for @$ids;
    };
    my ($status, $said) = run(['apt-get', @options, @words], $watch);
    if ($status && !$updated++) {
        mend_dpkg();
        say_to($_, 'apt: renewing the package lists') for @$ids;
        my (undef, $renewal) = run(['apt-get', @options, 'update'], $watch);
        ($status, $said) = run(['apt-get', @options, @words], $watch);
        $said = "$renewal$said";
    }
    begin_sync() unless $words[0] =~ /download/;
    return ($status, $said);
}

# What an apt that was ended in the middle has left: until it is configured, no other apt does anything.
sub mend_dpkg {
    my (undef, $audit) = run(['dpkg', '--audit']);
    run(['dpkg', '--configure', '-a', '--force-confdef', '--force-confold']) if length $audit;
    return;
}

my @syncing;

# dpkg brings its files to the disk, and the scripts of packages (ucf) do not: a power cut would leave chrony.conf empty. The disk
# takes its time, so it is waited for only before anything stands.
sub begin_sync {
    my %by_device = map { ((stat $_)[0] => $_) } '/etc', '/usr', '/var';
    my $child = fork // return;
    if ($child) { push @syncing, $child; return }
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    exec 'sync', '-f', values %by_device or POSIX::_exit(127);
}

sub end_sync { waitpid $_, 0 for splice @syncing; return }

sub complaint_of {
    my ($said) = @_;
    my @lines = grep { /^(E:|Err:|W: Failed|dpkg: error)/ } split /\n/, $said;
    @lines = (split /\n/, $said)[-8 .. -1] unless @lines;
    return join "\n", map { "  $_" } unique(grep { defined } @lines);
}

# Packages by the second letter of dpkg's short status: name → 1.
sub packages_in {
    my ($states) = @_;
    my (undef, $said) = run(['dpkg-query', '-W', '-f', '${db:Status-Abbrev} ${Package}\n']);
    return map { /^.$states.? ?(\S+)$/ ? ($1 => 1) : () } split /\n/, $said;
}

# What works; W and t wait for a trigger and are installed as well.
sub installed_packages { return packages_in('[iWt]') }

# What is here, be it half of it; n and c are not.
sub present_packages { return packages_in('[^nc]') }

sub unit_known { my ($unit) = @_; my $name = $unit =~ s/\.service$//r; return grep { -e } "/lib/systemd/system/$unit", "/usr/lib/systemd/system/$unit", "/etc/init.d/$name" }

# Installs what is missing, masked from before apt runs, so that neither apt nor a reboot in between starts it with
# its own defaults. A part that serves replaces the mask by its own unit; when it goes, the mask comes back.
sub bring_packages {
    my ($puts) = @_;
    my (%units, %ids);
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'package')) {
            my (undef, $package, $units) = @$op;
            push @{ $units{$package} }, split /,/, $units;
            $ids{$id} = 1;
        }
    }
    note_brought() if -e $PLANNED;
    return unless %units;
    my %before = installed_packages();
    my @missing = grep { !$before{$_} } sort keys %units;
    return unless @missing;
    my %present = present_packages();
    my @ids = sort keys %ids;
    my @masks = map { "$UNITS/$_" } grep { !unit_known($_) && look_at("$UNITS/$_")->{type} eq 'absent' } unique(map { @{ $units{$_} } } @missing);
    symlink '/dev/null', $_ or die "cannot mask $_: $!\n" for @masks;
    sync_folder($UNITS);
    run(['systemctl', 'daemon-reload']);
    mend_dpkg();
    replace_file($SINCE, '', 0600) unless -e $SINCE;
    keep_replaced($puts, %before);
    say_to($_, 'apt: installing ' . join(', ', @missing)) for @ids;
    my @beside = (begin_fetching($puts), begin_listening($puts));
    $noting = 1;
    my ($status, $said) = apt(\@ids, 'install', @missing);
    $noting = 0;
    waitpid $_, 0 for grep { $_ } @beside;
    my %after = installed_packages();
    my @still = grep { !$after{$_} } @missing;
    my %now = present_packages();
    forget_stand_ins($puts, \%after, \%now);
    # Half a package has its units, too, and whoever completes it would start them.
    my %half = map { $_ => 1 } map { @{ $units{$_} } } grep { $now{$_} && !$after{$_} } @missing;
    if ($status || @still) {
        my %needed = map { $_ => 1 } map { @{ $units{$_} } } grep { $now{$_} } @missing;
        unlink grep { !$needed{ name_of($_) } } @masks;
        run(['systemctl', 'daemon-reload']);
    }
    my @brought = grep { !$present{$_} } sort keys %now;
    push @brought_now, @brought;
    note_brought(@brought);
    unlink grep { !unit_known(name_of($_)) && !$half{ name_of($_) } } @masks;
    refuse('PACKAGES_FAILED', '-', 'apt could not install ' . join(', ', @still ? @still : @missing) . "; nothing is served differently.\n"
          . complaint_of($said) . "\nmake apt work on node 0 (`apt-get update` there shows the same words), then run again")
        if $status || @still;
    return;
}

# Fetches a package of the distribution and unpacks it into a folder of its own, without installing it.
sub unpack_package {
    my ($package, $get) = @_;
    my $folder = taking_folder($package);
    run(['rm', '-rf', '--', $folder]);
    for ($TAKING, $folder) { -d or mkdir $_, 0700 or die "cannot make $_: $!\n" }
    chdir $folder;
    my ($status, $said) = $get->();
    chdir '/';
    my ($deb) = glob "$folder/*.deb";
    return ($status || 1, $said) if $status || !defined $deb;
    return run(['dpkg-deb', '-x', $deb, "$folder/tree"]);
}

sub taking_folder { my ($package) = @_; return "$TAKING/" . as_name($package) }

# What will be needed besides, fetched while apt installs: the packages that boot files are taken out of, and those that
# go for a stand-in, so that they come back without a mirror. What goes wrong here is told when they are needed.
sub begin_fetching {
    my ($puts) = @_;
    my %files = map { ($_->[1] => $_->[2]) } map { ops_of($_, 'fetch') } values %$puts;
    my @replaced = replaced_packages($puts);
    return unless %files || @replaced;
    my $child = fork;
    return $child if $child || !defined $child;
    open STDOUT, '>', '/dev/null';
    if (@replaced) {
        mkdir $DEBS, 0700;
        chdir $DEBS;
        run(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', $_]) for @replaced;
        chmod 0600, glob "$DEBS/*.deb";
    }
    for my $package (sort keys %files) {
        my ($status) = eval { unpack_package($package, sub { run(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', $package]) }) };
        eval { replace_file(taking_folder($package) . '/left', $files{$package}, 0600) } if defined $status && $status == 0;
    }
    POSIX::_exit(0);
}

# Whether a package lies unpacked since this run or one shortly before it, for so many files more.
sub is_fetched {
    my ($package) = @_;
    my $since = (stat taking_folder($package) . '/left')[9];
    return defined $since && time - $since < 3600 && -d taking_folder($package) . '/tree';
}

# A fetched package goes with the last file that is taken out of it.
sub count_taken {
    my ($package, $files) = @_;
    my $folder = taking_folder($package);
    my $left = (slurp("$folder/left") // 0) - $files;
    if ($left > 0) { replace_file("$folder/left", $left, 0600) }
    else { run(['rm', '-rf', '--', $folder]) }
    rmdir $TAKING;
    return;
}

# Takes files out of the distribution's packages without installing them: installing refind or ipxe would change the
# boot loader of node 0 itself.
sub take_files {
    my ($puts, $register, $contents) = @_;
    my %wanted;
    for my $id (sort keys %$puts) {
        my @taken;
        for my $op (ops_of($puts->{$id}, 'take')) {
            my (undef, $path, $mode, $package, $version, $members) = @$op;
            my $entry = $register->{$id} // { ops => [] };
            my ($before) = grep { $_->[1] eq $path && $_->[2] eq $package && $_->[3] eq $version } ops_of($entry, 'taken');
            my ($file) = grep { $_->[1] eq $path } ops_of($entry, 'file');
            push @taken, ['taken', $path, $package, $version];
            if ($before && $file && -f $path && !-l $path && { sha256_of($path) }->{$path} eq $file->[3]) {
                push @taken, ['file', $path, $mode, $file->[3]];
                next;
            }
            push @taken, ['file', $path, $mode];
            push @{ $wanted{ $version eq '-' ? $package : "$package=$version" } }, [$id, $path, $members];
        }
        $puts->{$id}{ops} = [(grep { $_->[0] !~ /^(?:take|fetch|listenFor)$/ } @{ $puts->{$id}{ops} }), @taken];
    }
    for my $package (sort keys %wanted) {
        my @ids = map { $_->[0] } @{ $wanted{$package} };
        if (!is_fetched($package)) {
            say_to($_, "apt: fetching $package to take files out of it") for @ids;
            my ($status, $said) = unpack_package($package, sub { apt(\@ids, 'download', $package) });
            if ($status) {
                run(['rm', '-rf', '--', $TAKING]);
                refuse('PACKAGES_FAILED', $ids[0], "apt could not fetch $package; nothing was changed.\n" . complaint_of($said)
                      . "\nmake `apt-get download $package` work on node 0, or give the file itself: { file: \"…\" }");
            }
        }
        for my $want (@{ $wanted{$package} }) {
            my ($id, $path, $members) = @$want;
            my ($found) = grep { defined && -f && !-l } map { inside(taking_folder($package) . '/tree', $_) } split /,/, $members;
            if (!defined $found) {
                run(['rm', '-rf', '--', $TAKING]);
                refuse('PACKAGES_FAILED', $id, "the package $package has none of " . join(', ', split /,/, $members) . '; give the file itself: { file: "…" }');
            }
            $contents->{$path} = slurp($found);
        }
        count_taken($package, scalar @ids);
    }
    return;
}

# A path in an unpacked package, its links followed inside that package.
sub inside {
    my ($tree, $member) = @_;
    for (1 .. 8) {
        return "$tree$member" unless -l "$tree$member";
        my $target = readlink "$tree$member";
        $member = $target =~ m{^/} ? $target : folder_of($member) . "/$target";
        1 while $member =~ s{/[^/]+/\.\./}{/};
    }
    return undef;
}

# The packages that we brought, where the program wants them gone with the last that needs them; but not if apt would take
# a package along that somebody else has installed since.
sub purge_packages {
    my ($register, $merged, $request) = @_;
    my ($id) = grep { $register->{$_} && !$merged->{$_} && ops_of($register->{$_}, 'purge') } sort keys %{ $request->{drop} };
    return unless defined $id;
    return if all_ops($merged, 'package');
    my %present = present_packages();
    my @brought = grep { $present{$_} } split /\n/, slurp($BROUGHT) // '';
    my %ours = map { $_ => 1 } @brought;
    my (undef, $plan) = @brought ? run(['apt-get', '-s', 'purge', @brought]) : (0, '');
    if (my @others = grep { !$ours{$_} } unique($plan =~ /^(?:Remv|Purg) (\S+)/mg)) {
        warn_to($id, 'the packages ' . join(', ', @brought) . ' stay, stopped and masked, because ' . join(', ', @others) . ' would go with them');
        return;
    }
    my ($status, $said) = @brought ? apt([$id], 'purge', @brought) : (0, '');
    if ($status) { warn_to($id, 'apt could not purge ' . join(', ', @brought) . "; they stay, stopped and masked\n" . complaint_of($said)); return }
    my @units = map { split /,/, $_->[2] } ops_of($register->{$id}, 'package');
    unlink grep { (readlink // '') eq '/dev/null' && !unit_known(name_of($_)) } map { "$UNITS/$_" } @units;
    unlink $BROUGHT;
    return;
}
