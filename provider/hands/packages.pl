# Packages: brought without being started, looked into for a file, given back and purged. What shall be done is told;
# here it is done so that it can be gone on with, wherever a power cut or a killed apt ended it.
#
# What one conversation knows of its apt goes from sub to sub as `$apt`: { renewed => 0, syncing => [] }.

# What dpkg knows: name → the second letter of its short status; of two architectures, the one that works.
sub package_states {
    my (undef, $said) = run(['dpkg-query', '-W', '-f', '${db:Status-Abbrev} ${Package}\n']);
    my %states;
    for my $line (split /\n/, $said) {
        next unless $line =~ /^.(.).? ?(\S+)$/;
        $states{$2} = $1 unless is_installed($states{$2});
    }
    return %states;
}

# Whether a package of this letter works; W and t wait for a trigger, and work as well.
sub is_installed { my ($state) = @_; return defined $state && $state =~ /[iWt]/ }

# Whether anything of it is here, be it half of it; n and c are not.
sub is_present { my ($state) = @_; return defined $state && $state !~ /[nc]/ }

# The lines of a file; none if it is not there.
sub lines_of { my ($path) = @_; return split /\n/, slurp($path) // '' }

# Writes a list of names, or takes the file away where there are none.
sub write_list {
    my ($path, @names) = @_;
    if (@names) { replace_file($path, join('', map { "$_\n" } @names), 0600) }
    else { unlink $path }
    sync_folder(folder_of($path));
    return;
}

# ---- apt and dpkg ----

# Writes down what apt is about to bring: whoever dies in the middle finds it.
sub note_planned { my (@names) = @_; return write_list($PLANNED, unique(lines_of($PLANNED), @names)) }

# Adds to the packages that we brought what was planned and is here, and these. Called before anything is asked, too.
sub note_brought {
    my (@brought) = @_;
    my @planned = lines_of($PLANNED);
    my %states = @planned ? package_states() : ();
    my @new = (@brought, grep { is_present($states{$_}) } @planned);
    write_list($BROUGHT, unique(sort(lines_of($BROUGHT), @new))) if @new;
    write_list($PLANNED);
    return;
}

# Watches apt: its progress goes to rows, and what it is about to bring into our notes.
sub watch_apt {
    my ($ids, $notes) = @_;
    my ($listing, @new);
    return sub {
        my ($line) = @_;
        if ($line =~ /^The following NEW packages will be installed:/) { $listing = 1; return }
        if ($listing && $line =~ /^  (.*)/) { push @new, split ' ', $1; return }
        note_planned(@new) if $listing && $notes;
        $listing = 0;
        return unless $line =~ /^(Get:|Fetched|Preparing|Unpacking|Setting up|Waiting|Err:)/;
        chomp $line;
        say_to($_, "apt: $line") for @$ids;
    };
}

# apt-get as we need it: it waits for locks, asks nothing, keeps files that somebody edited, and gives a dead mirror up.
sub apt_get {
    my (@words) = @_;
    my @options = ('DPkg::Lock::Timeout=300', 'Dpkg::Use-Pty=0', 'APT::Sandbox::User=root', 'Acquire::Retries=2',
        'Acquire::http::Timeout=20', 'Acquire::https::Timeout=20',
        'Dpkg::Options::=--force-confdef', 'Dpkg::Options::=--force-confold');
    return ['apt-get', '-q', '-y', (map { ('-o', $_) } @options), '--no-install-recommends', @words];
}

# Runs apt-get; once in a conversation the lists are renewed and it is tried again. Answers (status, said).
sub apt {
    my ($apt, $words, $ids, %how) = @_;
    local $ENV{DEBIAN_FRONTEND} = 'noninteractive';
    local $ENV{NEEDRESTART_MODE} = 'l';
    my $watch = watch_apt($ids, $how{notes});
    my ($status, $said) = run(apt_get(@$words), watch => $watch);
    if ($status && !$apt->{renewed}++) {
        mend_dpkg();
        say_to($_, 'apt: renewing the package lists') for @$ids;
        my (undef, $renewal) = run(apt_get('update'), watch => $watch);
        ($status, $said) = run(apt_get(@$words), watch => $watch);
        $said = "$renewal$said";
    }
    begin_sync($apt) unless $words->[0] eq 'download';
    return ($status, $said);
}

# What an apt that was ended in the middle has left: until it is configured, no other apt does anything.
sub mend_dpkg {
    my (undef, $audit) = run(['dpkg', '--audit']);
    run(['dpkg', '--configure', '-a', '--force-confdef', '--force-confold']) if length $audit;
    return;
}

# A child that does something beside; its number, or 0 if there can be none.
sub beside {
    my ($work) = @_;
    my $child = fork // return 0;
    return $child if $child;
    open STDOUT, '>', '/dev/null';
    open STDERR, '>', '/dev/null';
    eval { $work->() };
    POSIX::_exit($@ ? 1 : 0);
}

# dpkg brings its files to the disk, and the scripts of packages (ucf) do not: a power cut would empty chrony.conf. The
# disk takes its time, so it is waited for only before anything stands.
sub begin_sync {
    my ($apt) = @_;
    my %by_device = map { ((stat $_)[0] => $_) } '/etc', '/usr', '/var';
    push @{ $apt->{syncing} }, beside(sub { exec 'sync', '-f', values %by_device });
    return;
}

# Waits for the disk.
sub end_sync { my ($apt) = @_; waitpid $_, 0 for grep { $_ } splice @{ $apt->{syncing} }; return }

# ---- Bringing ----

# Carries a bring plan out. Answers { apt => { status, said }, brought => [name], unfetched => { package, status,
# said }, taken => [{ path, from, sha256, bytes }] }; `apt` and `unfetched` only where it came to that.
sub bring {
    my ($plan, $apt) = @_;
    my %report = (brought => [], taken => []);
    if (@{ $plan->{install} }) {
        install_masked($plan, $apt, \%report);
        return \%report if $report{apt}{status};
    }
    take_out($plan, $apt, \%report);
    return \%report;
}

# Installs packages, their units masked from before apt runs, so that neither apt nor a reboot in between starts one
# with its own defaults. A part that serves replaces the mask by its own unit; when it goes, the mask comes back.
sub install_masked {
    my ($plan, $apt, $report) = @_;
    for my $mask (@{ $plan->{masks} }) {
        symlink '/dev/null', $mask->{path} or die "cannot mask $mask->{path}: $!\n";
    }
    sync_folder($UNITS);
    run(['systemctl', 'daemon-reload']);
    my %before = package_states();
    mend_dpkg();
    replace_file($SINCE, '', 0600) unless -e $SINCE;
    write_stand_ins($plan);
    say_to($_, 'apt: installing ' . join(', ', @{ $plan->{install} })) for @{ $plan->{tell} };
    my @children = (begin_fetching($plan), map { begin_listening(@$_{qw(interface address)}) } @{ $plan->{listen} });
    my ($status, $said) = apt($apt, ['install', @{ $plan->{install} }], $plan->{tell}, notes => 1);
    waitpid $_, 0 for grep { $_ } @children;
    my %after = package_states();
    forget_stand_ins($plan, \%after);
    # Half a package may have its unit still to come, and whoever completes it would start it.
    my @absent = grep { !is_present($after{ $_->{package} }) } @{ $plan->{masks} };
    my @idle = grep { is_installed($after{ $_->{package} }) && hides_nothing($_) } @{ $plan->{masks} };
    unmask(@absent, @idle);
    my @brought = grep { is_present($after{$_}) && !is_present($before{$_}) } sort keys %after;
    note_brought(@brought);
    @$report{qw(apt brought)} = ({ status => $status, said => $said }, \@brought);
    return;
}

# Whether there is no unit below a mask.
sub hides_nothing { my ($mask) = @_; return !grep { -e } @{ $mask->{hides} } }

# Takes masks away, where they still are.
sub unmask {
    my @paths = grep { (readlink $_ // '') eq '/dev/null' } map { $_->{path} } @_;
    return unless @paths;
    unlink @paths;
    sync_folder($UNITS);
    run(['systemctl', 'daemon-reload']);
    return;
}

# Where the rows of what went for a package are kept.
sub stand_in_marker { my ($package) = @_; return "$KEPT/" . as_name("stand-in:$package") }

# Written down before apt runs, so that a power cut in the middle loses nothing: what will go, and how it ran.
sub write_stand_ins {
    my ($plan) = @_;
    for my $package (@{ $plan->{standIns} }) {
        my @rows = grep { $_->{standIn} eq $package } @{ $plan->{rows} };
        my @lines = map { join ' ', map { encode($_) } @$_{qw(package version unit fileState activeState)} } @rows;
        replace_file(stand_in_marker($package), join('', map { "$_\n" } @lines), 0600);
    }
    return;
}

# After an apt that did nothing. Where it has begun, the marker is all that knows what was there before.
sub forget_stand_ins {
    my ($plan, $states) = @_;
    for my $package (grep { !is_present($states->{$_}) } @{ $plan->{standIns} }) {
        my @rows = grep { $_->{standIn} eq $package } @{ $plan->{rows} };
        unlink stand_in_marker($package) unless grep { !is_installed($states->{ $_->{package} }) } @rows;
    }
    return;
}

# ---- Files out of packages that are not installed: refind would change the boot loader of node 0 itself ----

# Where a package is unpacked.
sub taking_folder { my ($package) = @_; return "$TAKING/" . as_name($package) }

# Fetches a package into a folder of its own by this, and unpacks it there. Answers (status, said).
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

# A child that fetches while apt installs: what goes for a stand-in, so that it comes back without a mirror, and what
# files will be taken out of. What goes wrong here is told when they are needed.
sub begin_fetching {
    my ($plan) = @_;
    return 0 unless @{ $plan->{keep} } || @{ $plan->{fetch} };
    my $download = sub { return run(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', $_[0]]) };
    return beside(sub {
        mkdir $DEBS, 0700 if @{ $plan->{keep} };
        chdir $DEBS and map { $download->($_) } @{ $plan->{keep} };
        chmod 0600, glob "$DEBS/*.deb";
        for my $fetch (@{ $plan->{fetch} }) {
            my $package = $fetch->{package};
            my ($status) = eval { unpack_package($package, sub { return $download->($package) }) };
            replace_file(taking_folder($package) . '/left', $fetch->{files}, 0600) if defined $status && !$status;
        }
    });
}

# Whether a package lies unpacked for files to come, for so many seconds at most.
sub is_fetched {
    my ($package, $seconds) = @_;
    my $since = (stat taking_folder($package) . '/left')[9];
    return defined $since && time - $since < $seconds && -d taking_folder($package) . '/tree';
}

# Finds the files that are to be taken, in packages that lie unpacked or are fetched now, up to one that can't be had.
sub take_out {
    my ($plan, $apt, $report) = @_;
    for my $package (unique(sort map { $_->{package} } @{ $plan->{take} })) {
        my @takes = grep { $_->{package} eq $package } @{ $plan->{take} };
        if (!is_fetched($package, $plan->{freshSeconds})) {
            my @ids = map { $_->{id} } @takes;
            say_to($_, "apt: fetching $package to take files out of it") for @ids;
            my ($status, $said) = unpack_package($package, sub { return apt($apt, ['download', $package], \@ids) });
            if ($status) {
                $report->{unfetched} = { package => $package, status => $status, said => $said };
                return;
            }
        }
        push @{ $report->{taken} }, map { find_member($_) } @takes;
    }
    return;
}

# The first of the members that a file may be: { path, from, sha256, bytes }; only the path if there is none of them.
sub find_member {
    my ($take) = @_;
    my $tree = taking_folder($take->{package}) . '/tree';
    my ($from) = grep { defined && -f && !-l } map { inside($tree, $_) } @{ $take->{members} };
    return { path => $take->{path} } unless defined $from;
    return { path => $take->{path}, from => $from, sha256 => { sha256_of($from) }->{$from}, bytes => -s $from };
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

# A package that lies unpacked goes with the last file that is taken out of it.
sub count_taken {
    my ($package, $files) = @_;
    my $folder = taking_folder($package);
    my $left = (slurp("$folder/left") // 0) - $files;
    if ($left > 0) { replace_file("$folder/left", $left, 0600) }
    else { run(['rm', '-rf', '--', $folder]) }
    rmdir $TAKING;
    return;
}

# What was unpacked for a change that did not come goes, at the end of every conversation; what others will need stays.
sub drop_unpacked {
    my @idle = grep { !-e "$_/left" } glob "$TAKING/*";
    run(['rm', '-rf', '--', @idle]) if @idle;
    rmdir $TAKING;
    return;
}

# ---- After the commit ----

# Carries out what follows a commit. Answers { given => [of give_back], purged => of purge_brought }. Where apt can't
# bring back what went, it stops: the next run goes on with it.
sub finish_packages {
    my ($plan, $apt) = @_;
    my %report = (given => []);
    count_taken(@$_{qw(package files)}) for @{ $plan->{taken} };
    for my $leaving (@{ $plan->{giveBack} }) {
        my @rows = grep { $_->{standIn} eq $leaving->{package} } @{ $plan->{returning} };
        push @{ $report{given} }, give_back($leaving, \@rows, $apt);
        return \%report if $report{given}[-1]{status};
    }
    $report{purged} = purge_brought($_->{tell}, $plan->{unmask}, $apt) for @{ $plan->{purge} };
    return \%report;
}

# What a package replaced comes back, and it goes with all it had. Answers { package, lost => [name], status, said,
# remains }: why dpkg could not take it away, or nothing.
sub give_back {
    my ($leaving, $rows, $apt) = @_;
    my $package = $leaving->{package};
    mend_dpkg();
    my %states = package_states();
    my @lost = grep { !is_installed($states{ $_->{package} }) } @$rows;
    my %report = (package => $package, lost => [map { $_->{package} } @lost], status => 0, said => '');
    @report{qw(status said)} = bring_back(\@lost, $leaving->{tell}, $apt) if @lost;
    return \%report if $report{status};
    for my $row (@$rows) {
        my (undef, $now) = run(['systemctl', 'is-enabled', $row->{unit}]);
        my @verbs = grep { defined } $now =~ /^\Q$row->{fileState}\E$/m ? () : $row->{enable}, $row->{run};
        run(['systemctl', $_, $row->{unit}]) for @verbs;
    }
    $report{remains} = purge_package($package);
    return \%report if defined $report{remains};
    write_list($BROUGHT, grep { $_ ne $package } lines_of($BROUGHT));
    unlink stand_in_marker($package), glob "$DEBS/*.deb";
    rmdir $DEBS;
    sync_folder($KEPT);
    return \%report;
}

# The version that was here, so that nothing else is upgraded on its account; without a mirror from what we kept of it;
# and if the mirror has it no more, the present one. Answers (status, said).
sub bring_back {
    my ($lost, $ids, $apt) = @_;
    my @names = map { $_->{package} } @$lost;
    say_to($_, 'apt: putting ' . join(', ', @names) . ' back') for @$ids;
    my ($status, $said) = apt($apt, ['install', map { "$_->{package}=$_->{version}" } @$lost], $ids);
    return (0, $said) unless $status;
    my @kept = grep { -f } map { glob "$DEBS/${_}_*.deb" } @names;
    # Not with --no-download: then apt removes the other, and only then finds that it can't install a file.
    my ($offline) = @kept == @names ? apt($apt, ['install', @kept], $ids) : (1);
    return $offline ? apt($apt, ['install', @names], $ids) : (0, $said);
}

# Takes a package and its configuration away; what dpkg said if it can't. Another that holds dpkg's lock is waited for,
# and what it was ended in the middle of is gone on with.
sub purge_package {
    my ($package) = @_;
    my ($said, $failed) = ('', 0);
    for my $wait (0 .. 300) {
        (my $status, $said) = run(['dpkg', '--force-remove-reinstreq', '--purge', $package]);
        return undef unless $status;
        if ($said =~ /lock/) { sleep 1; next }
        last if ++$failed == 3;
        mend_dpkg();
    }
    return $said;
}

# All packages that we brought, unless apt would take a package along that somebody else has installed since. Answers
# { id, packages => [name], others => [name], status, said }; with others it has done nothing.
sub purge_brought {
    my ($id, $masks, $apt) = @_;
    my %states = package_states();
    my @brought = grep { is_present($states{$_}) } lines_of($BROUGHT);
    my %ours = map { ($_ => 1) } @brought;
    my (undef, $simulated) = @brought ? run(['apt-get', '-s', 'purge', @brought]) : (0, '');
    my @others = grep { !$ours{$_} } unique($simulated =~ /^(?:Remv|Purg) (\S+)/mg);
    my ($status, $said) = @brought && !@others ? apt($apt, ['purge', @brought], [$id]) : (0, '');
    if (!$status && !@others) {
        unmask(grep { hides_nothing($_) } @$masks);
        write_list($BROUGHT);
    }
    return { id => $id, packages => \@brought, others => \@others, status => $status, said => $said };
}

# ---- The wire ----

# A plan out of those lines of a message that have `list`: words, rows with values (those in `lists` are lists), and
# single values.
sub flat_plan {
    my (@lines) = @_;
    my %plan;
    for my $line (grep { defined $_->{list} } @lines) {
        my ($word, $list) = @$line{qw(word list)};
        if ($word eq 'value') { $plan{$list} = $line->{is}; next }
        if ($word eq 'words') { $plan{$list} = [parts_of($line->{are})]; next }
        my %row = %$line;
        $row{$_} = [parts_of($row{$_})] for parts_of($row{lists});
        push @{ $plan{$list} }, \%row;
    }
    return \%plan;
}

# Tells what `bring` answers.
sub tell_brought {
    my ($report) = @_;
    tell_client('apt', %{ $report->{apt} }) if $report->{apt};
    tell_client('brought', packages => join("\0", @{ $report->{brought} }));
    tell_client('unfetched', %{ $report->{unfetched} }) if $report->{unfetched};
    tell_client('taken', %$_) for @{ $report->{taken} };
    return;
}

# Tells what `finish_packages` answers.
sub tell_finished {
    my ($report) = @_;
    tell_client('given', %$_, lost => join("\0", @{ $_->{lost} })) for @{ $report->{given} };
    my $purged = $report->{purged} or return;
    tell_client('purged', %$purged, map { ($_ => join("\0", @{ $purged->{$_} })) } qw(packages others));
    return;
}
