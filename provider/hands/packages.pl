# Packages: brought without being started, looked into for a file, given back and purged. What shall be done is told;
# here it is done so that it can be gone on with, wherever a power cut or a killed apt ended it.
package Netboot::Packages;
use Netboot::Perl gives => qw(read_flat note_brought bring finish_packages drop_unpacked end_sync);
use List::Util qw(uniq);
use Netboot::Constants qw($BROUGHT $DEBS $KEPT $PLANNED $SINCE $TAKING $UNITS kept);
use Netboot::Words qw(as_name folder_of parts_of render_words say_to tell_client);
use Netboot::Programs qw(beside run);
use Netboot::Files qw(lines_of replace_file sha256_of slurp sync_folder write_list);
use Netboot::Units qw(systemctl);
use Netboot::Probes qw(begin_listening);

# A plan out of those lines of a message that have `list`: words, rows with values (those in `lists` are lists), and
# single values.
sub read_flat (@lines) {
    my %plan;
    for my $line (grep { defined $_->{list} } @lines) {
        my ($word, $list) = $line->@{qw(word list)};
        if ($word eq 'value') { $plan{$list} = $line->{is} }
        elsif ($word eq 'words') { $plan{$list} = [parts_of($line->{are})] }
        else {
            $line->{$_} = [parts_of($line->{$_})] for parts_of($line->{lists});
            push $plan{$list}->@*, $line;
        }
    }
    return \%plan;
}

# What dpkg knows: name → the second letter of its short status; of two architectures, the one that works.
sub package_states() {
    my (undef, $said) = run(['dpkg-query', '-W', '-f', '${db:Status-Abbrev} ${Package}\n']);
    my %states;
    for my $line (split /\n/, $said) {
        next unless $line =~ /^.(.).? ?(\S+)$/;
        $states{$2} = $1 unless is_installed($states{$2});
    }
    return %states;
}

# Whether a package of this letter works; W and t wait for a trigger, and work as well.
sub is_installed ($state) { return defined $state && $state =~ /[iWt]/ }

# Whether anything of it is here, be it half of it; n and c are not.
sub is_present ($state) { return defined $state && $state !~ /[nc]/ }

# ---- apt and dpkg ----

# Adds to the packages that we brought what was planned and is here, and these. Called before anything is asked, too.
sub note_brought (@brought) {
    my @planned = lines_of($PLANNED);
    my %states = @planned ? package_states() : ();
    my @new = (@brought, grep { is_present($states{$_}) } @planned);
    write_list($BROUGHT, uniq sort(lines_of($BROUGHT), @new)) if @new;
    write_list($PLANNED);
}

# Watches apt: its progress goes to rows, and what it is about to bring is written down, if it is to be noted: whoever
# dies in the middle finds it.
sub watch_apt ($ids, $is_noted) {
    my ($listing, @new);
    return sub {
        my ($line) = @_;
        if ($line =~ /^The following NEW packages will be installed:/) { $listing = 1; return }
        if ($listing && $line =~ /^  (.*)/) { push @new, split ' ', $1; return }
        write_list($PLANNED, uniq lines_of($PLANNED), @new) if $listing && $is_noted;
        $listing = 0;
        return unless $line =~ /^(?:Get:|Fetched|Preparing|Unpacking|Setting up|Waiting|Err:)/;
        chomp $line;
        say_to("apt: $line", @$ids);
    };
}

# apt-get as we need it: it waits for locks, asks nothing, keeps files that somebody edited, and gives a dead mirror up.
sub apt_get (@words) {
    my @options = qw(DPkg::Lock::Timeout=300 Dpkg::Use-Pty=0 APT::Sandbox::User=root Acquire::Retries=2
        Acquire::http::Timeout=20 Acquire::https::Timeout=20 Dpkg::Options::=--force-confdef
        Dpkg::Options::=--force-confold);
    return ['apt-get', '-q', '-y', (map { ('-o', $_) } @options), '--no-install-recommends', @words];
}

# Runs apt-get; once in a conversation the lists are renewed and it is tried again. Answers (status, said).
sub apt ($talk, $ids, $words, $is_noted = 0) {
    local $ENV{DEBIAN_FRONTEND} = 'noninteractive';
    local $ENV{NEEDRESTART_MODE} = 'l';
    my $watch = watch_apt($ids, $is_noted);
    my ($status, $said) = run(apt_get(@$words), watch => $watch);
    if ($status && !$talk->{renewed}++) {
        mend_dpkg();
        say_to('apt: renewing the package lists', @$ids);
        my (undef, $renewal) = run(apt_get('update'), watch => $watch);
        ($status, $said) = run(apt_get(@$words), watch => $watch);
        $said = "$renewal$said";
    }
    begin_sync($talk) unless $words->[0] eq 'download';
    return ($status, $said);
}

# What an apt that was ended in the middle has left: until it is configured, no other apt does anything.
sub mend_dpkg() {
    my (undef, $audit) = run(['dpkg', '--audit']);
    run(['dpkg', '--configure', '-a', '--force-confdef', '--force-confold']) if length $audit;
}

# dpkg brings its files to the disk, and the scripts of packages (ucf) do not: a power cut would empty chrony.conf. The
# disk takes its time, so it is waited for only before anything stands.
sub begin_sync ($talk) {
    my %by_device = map { ((stat $_)[0] => $_) } '/etc', '/usr', '/var';
    push $talk->{syncing}->@*, beside(sub { exec 'sync', '-f', values %by_device });
}
sub end_sync ($talk) { wait_for(splice $talk->{syncing}->@*) }
sub wait_for (@children) { waitpid $_, 0 for grep { $_ } @children }

# ---- Bringing ----

# Carries a bring plan out, and tells what came of it: `apt` and `unfetched` only where it came to that.
sub bring ($plan, $talk) {
    return if $plan->{install}->@* && !install_masked($plan, $talk);
    take_out($plan, $talk);
}

# Installs packages, their units masked from before apt runs, so that neither apt nor a reboot in between starts one
# with its own defaults. A part that serves replaces the mask by its own unit; when it goes, the mask comes back.
# Answers whether apt did it.
sub install_masked ($plan, $talk) {
    my ($install, $ids, @masks) = ($plan->@{qw(install tell)}, $plan->{masks}->@*);
    for my $path (map { $_->{path} } @masks) {
        symlink '/dev/null', $path or die "cannot mask $path: $!\n";
    }
    sync_folder($UNITS);
    systemctl('daemon-reload');
    my %before = package_states();
    mend_dpkg();
    replace_file($SINCE, '') unless -e $SINCE;
    write_stand_ins($plan);
    say_to('apt: installing ' . join(', ', @$install), @$ids);
    my @children = (begin_fetching($plan), map { begin_listening($_->@{qw(interface address)}) } $plan->{listen}->@*);
    my ($status, $said) = apt($talk, $ids, ['install', @$install], 1);
    wait_for(@children);
    my %after = package_states();
    forget_stand_ins($plan, \%after);
    # Half a package may have its unit still to come, and whoever completes it would start it.
    unmask(grep { !is_present($after{ $_->{package} }) || is_installed($after{ $_->{package} }) && hides_nothing($_) }
            @masks);
    my @brought = grep { is_present($after{$_}) && !is_present($before{$_}) } sort keys %after;
    note_brought(@brought);
    tell_client('apt', status => $status, said => $said);
    tell_client('brought', packages => \@brought);
    return !$status;
}

# Whether there is no unit below a mask.
sub hides_nothing ($mask) { return !grep { -e } $mask->{hides}->@* }

# Takes masks away, where they still are.
sub unmask (@masks) {
    my @paths = grep { (readlink $_ // '') eq '/dev/null' } map { $_->{path} } @masks or return;
    unlink @paths;
    sync_folder($UNITS);
    systemctl('daemon-reload');
}

# Where the rows of what went for a package are kept.
sub stand_in_marker ($package) { return kept("stand-in:$package") }

sub rows_for ($rows, $package) { return grep { $_->{standIn} eq $package } @$rows }

# Written down before apt runs, so that a power cut in the middle loses nothing: what will go, and how it ran.
sub write_stand_ins ($plan) {
    for my $package ($plan->{standIns}->@*) {
        my @rows = map { render_words($_->@{qw(package version unit fileState activeState)}) }
            rows_for($plan->{rows}, $package);
        replace_file(stand_in_marker($package), join '', @rows);
    }
}

# After an apt that did nothing. Where it has begun, the marker is all that knows what was there before.
sub forget_stand_ins ($plan, $states) {
    for my $package (grep { !is_present($states->{$_}) } $plan->{standIns}->@*) {
        my @gone = grep { !is_installed($states->{ $_->{package} }) } rows_for($plan->{rows}, $package);
        unlink stand_in_marker($package) unless @gone;
    }
}

# ---- Files out of packages that are not installed: refind would change the boot loader of node 0 itself ----

# Where a package is unpacked.
sub taking_folder ($package) { return "$TAKING/" . as_name($package) }

# Fetches a package into a folder of its own by this, and unpacks it there. Answers (status, said).
sub unpack_package ($package, $get) {
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
sub begin_fetching ($plan) {
    my @fetch = $plan->{fetch}->@*;
    my @keep = $plan->{keep}->@*;
    return 0 unless @keep || @fetch;
    my $download = sub { return run(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', $_[0]]) };
    return beside(sub {
        mkdir $DEBS, 0700 if @keep;
        if (chdir $DEBS) { $download->($_) for @keep }
        chmod 0600, glob "$DEBS/*.deb";
        for my $fetch (@fetch) {
            my $package = $fetch->{package};
            my ($status) = eval { unpack_package($package, sub { return $download->($package) }) };
            replace_file(taking_folder($package) . '/left', $fetch->{files}) if defined $status && !$status;
        }
    });
}

# Whether a package lies unpacked for files to come, for so many seconds at most.
sub is_fetched ($package, $seconds) {
    my $since = (stat taking_folder($package) . '/left')[9];
    return defined $since && time - $since < $seconds && -d taking_folder($package) . '/tree';
}

# Finds the files that are to be taken, in packages that lie unpacked or are fetched now, up to one that can't be had.
sub take_out ($plan, $talk) {
    my @takes = $plan->{take}->@*;
    for my $package (uniq sort map { $_->{package} } @takes) {
        my @of_it = grep { $_->{package} eq $package } @takes;
        if (!is_fetched($package, $plan->{freshSeconds})) {
            my @ids = map { $_->{id} } @of_it;
            say_to("apt: fetching $package to take files out of it", @ids);
            my ($status, $said) = unpack_package($package, sub { return apt($talk, \@ids, ['download', $package]) });
            return tell_client('unfetched', package => $package, status => $status, said => $said) if $status;
        }
        tell_member($_) for @of_it;
    }
}

# The first of the members that a file may be; only the path if there is none of them.
sub tell_member ($take) {
    my $tree = taking_folder($take->{package}) . '/tree';
    my ($from) = grep { defined && -f && !-l } map { inside($tree, $_) } $take->{members}->@*;
    my %found = defined $from ? (from => $from, sha256 => { sha256_of($from) }->{$from}, bytes => -s $from) : ();
    tell_client('taken', path => $take->{path}, %found);
}

# A path in an unpacked package, its links followed inside that package.
sub inside ($tree, $member) {
    for (1 .. 8) {
        return "$tree$member" unless -l "$tree$member";
        my $target = readlink "$tree$member";
        $member = $target =~ m{^/} ? $target : folder_of($member) . "/$target";
        1 while $member =~ s{/[^/]+/\.\./}{/};
    }
    return undef;
}

# A package that lies unpacked goes with the last file that is taken out of it.
sub count_taken ($package, $files) {
    my $folder = taking_folder($package);
    my $left = (slurp("$folder/left") // 0) - $files;
    if ($left > 0) { replace_file("$folder/left", $left) }
    else { run(['rm', '-rf', '--', $folder]) }
    rmdir $TAKING;
}

# What was unpacked for a change that did not come goes, at the end of every conversation; what others will need stays.
sub drop_unpacked() {
    my @idle = grep { !-e "$_/left" } glob "$TAKING/*";
    run(['rm', '-rf', '--', @idle]) if @idle;
    rmdir $TAKING;
}

# ---- After the commit ----

# Carries out what follows a commit, and tells. Where apt can't bring back what went, it stops: the next run goes on.
sub finish_packages ($plan, $talk) {
    count_taken($_->@{qw(package files)}) for $plan->{taken}->@*;
    for my $leaving ($plan->{giveBack}->@*) {
        my $given = give_back($leaving, $plan, $talk);
        tell_client('given', %$given);
        return if $given->{status};
    }
    purge_brought($_->{tell}, $plan, $talk) for $plan->{purge}->@*;
}

# What a package replaced comes back, and it goes with all it had. Answers { package, lost => [name], status, said,
# remains }: why dpkg could not take it away, or nothing.
sub give_back ($leaving, $plan, $talk) {
    my $package = $leaving->{package};
    my @rows = rows_for($plan->{returning}, $package);
    mend_dpkg();
    my %states = package_states();
    my @lost = grep { !is_installed($states{ $_->{package} }) } @rows;
    my ($status, $said) = @lost ? bring_back(\@lost, $leaving->{tell}, $talk) : (0, '');
    my %given = (package => $package, lost => [map { $_->{package} } @lost], status => $status, said => $said);
    return \%given if $status;
    for my $row (@rows) {
        my (undef, $now) = systemctl('is-enabled', $row->{unit});
        my @enable = $now =~ /^\Q$row->{fileState}\E$/m ? () : $row->{enable};
        systemctl($_, $row->{unit}) for grep { defined } @enable, $row->{run};
    }
    my $remains = purge_package($package);
    return { %given, remains => $remains } if defined $remains;
    write_list($BROUGHT, grep { $_ ne $package } lines_of($BROUGHT));
    unlink stand_in_marker($package), glob "$DEBS/*.deb";
    rmdir $DEBS;
    sync_folder($KEPT);
    return \%given;
}

# The version that was here, so that nothing else is upgraded on its account; without a mirror from what we kept of it;
# and if the mirror has it no more, the present one. Answers (status, said).
sub bring_back ($lost, $ids, $talk) {
    my @names = map { $_->{package} } @$lost;
    say_to('apt: putting ' . join(', ', @names) . ' back', @$ids);
    my ($status, $said) = apt($talk, $ids, ['install', map { "$_->{package}=$_->{version}" } @$lost]);
    return (0, $said) unless $status;
    my @kept = grep { -f } map { glob "$DEBS/${_}_*.deb" } @names;
    # Not with --no-download: then apt removes the other, and only then finds that it can't install a file.
    my ($offline) = @kept == @names ? apt($talk, $ids, ['install', @kept]) : (1);
    return $offline ? apt($talk, $ids, ['install', @names]) : (0, $said);
}

# Takes a package and its configuration away; what dpkg said if it can't. Another that holds dpkg's lock is waited for,
# and what it was ended in the middle of is gone on with.
sub purge_package ($package) {
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

# All packages that we brought, unless apt would take a package along that somebody else has installed since: with
# others it does nothing.
sub purge_brought ($id, $plan, $talk) {
    my %states = package_states();
    my @brought = grep { is_present($states{$_}) } lines_of($BROUGHT);
    my %is_ours = map { ($_ => 1) } @brought;
    my (undef, $simulated) = @brought ? run(['apt-get', '-s', 'purge', @brought]) : (0, '');
    my @others = grep { !$is_ours{$_} } uniq $simulated =~ /^(?:Remv|Purg) (\S+)/mg;
    my ($status, $said) = @brought && !@others ? apt($talk, [$id], ['purge', @brought]) : (0, '');
    if (!$status && !@others) {
        unmask(grep { hides_nothing($_) } $plan->{unmask}->@*);
        write_list($BROUGHT);
    }
    tell_client('purged', id => $id, packages => \@brought, others => \@others, status => $status, said => $said);
}
