# Packages: brought without being started, looked into for a file, given back and purged. What shall be done is told;
# here it is done so that it can be gone on with, wherever a power cut or a killed apt ended it.
package Netboot::Packages;
use Netboot::Perl gives => qw(read_flat note_brought bring finish_packages drop_unpacked end_sync);
use List::Util qw(uniq);
use Netboot::Constants qw($BROUGHT $CONFIGURED $DEBS $KEPT $PLANNED $SINCE $TAKING kept);
use Netboot::Words qw(as_name folder_of parts_of render_words say_to tell_client);
use Netboot::Programs qw(beside pause run uptime);
use Netboot::Files qw(lines_of replace_file sha256_of slurp sync_folder write_list);
use Netboot::Units qw(systemctl);
use Netboot::Probes qw(begin_listening);

# A plan out of those lines of a message that have `list`: words, rows (those in `lists` are lists), and single values.
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

my $REMOVAL = qr/^The following packages will be REMOVED:\n((?:  [^\n]*\n)+)(?=.*remove is disabled)/ms;

# Adds to the packages that we brought what was planned and is here, and these. Called before anything is asked, too.
sub note_brought (@brought) {
    my @planned = lines_of($PLANNED);
    my %states = @planned ? package_states() : ();
    my @new = (@brought, grep { is_present($states{$_}) } @planned);
    write_list($BROUGHT, uniq sort(lines_of($BROUGHT), @new)) if @new;
    write_list($PLANNED);
}

# Watches apt: its progress goes to rows; `about_to` is told what it will bring.
sub watch_apt ($ids, $about_to = undef) {
    my ($listing, @new);
    return sub {
        my ($line) = @_;
        if ($line =~ /^The following NEW packages will be installed:/) { $listing = 1; return }
        if ($listing && $line =~ /^  (.*)/) { push @new, split ' ', $1; return }
        $about_to->(@new) if $listing && $about_to;
        $listing = 0;
        return unless $line =~ /^(?:Get:|Fetched|Preparing|Unpacking|Setting up|Waiting|Err:)/;
        chomp $line;
        say_to("apt: $line", @$ids);
    };
}

# apt-get as we need it: it waits for locks, asks nothing, keeps files that somebody edited, and gives a dead mirror up.
sub apt_get (@words) {
    my @options = qw(DPkg::Lock::Timeout=300 Dpkg::Use-Pty=0 Acquire::Retries=2 Acquire::http::Timeout=20
        Acquire::https::Timeout=20 Dpkg::Options::=--force-confdef Dpkg::Options::=--force-confold);
    # apt's own user can't write where packages are only fetched.
    push @options, 'APT::Sandbox::User=root' if $words[0] eq 'download';
    return ['apt-get', '-q', '-y', (map { ('-o', $_) } @options), '--no-install-recommends', @words];
}

# Runs apt-get, and waits for who holds a lock of apt's; once the lists are renewed for it. Answers (status, said).
sub apt ($talk, $ids, @words) {
    my ($end, $watch) = (uptime() + 300, watch_apt($ids, $talk->{aboutTo}));
    my $run = sub (@given) {
        while (1) {
            my ($status, $said) = run(apt_get(@given), watch => $watch, seconds => 1800);
            my ($lock, $holder) = $said =~ /^E: Could not get lock (\S+?)\.? .*held by (process \d+ \(.*?\))/m;
            return ($status, $said) if !$status || !defined $holder || uptime() >= $end;
            say_to("apt: waiting for $holder, which holds $lock", @$ids);
            pause(1);
        }
    };
    my ($status, $said) = $run->(@words);
    if ($status && $said !~ /$REMOVAL/ && !$talk->{renewed}++) {
        mend_dpkg(@$ids);
        say_to('apt: renewing the package lists', @$ids);
        my (undef, $renewal) = $run->('update');
        ($status, $said) = $run->(@words);
        $said = "$renewal$said";
    }
    begin_sync($talk) unless $words[0] eq 'download';
    return ($status, $said);
}

# Installs packages. What would go for them goes only if all of it may.
sub install ($talk, $ids, $may_go, @names) {
    my ($status, $said) = apt($talk, $ids, 'install', '--no-remove', @names);
    my %may_go = map { ($_->{package} => 1) } @$may_go;
    return ($status, $said) if !$status || $said !~ /$REMOVAL/ || grep { !$may_go{$_} } split ' ', $1;
    return apt($talk, $ids, 'install', @names);
}

# What an apt that was ended in the middle has left: until it is configured, no other apt does anything.
sub mend_dpkg (@ids) {
    my (undef, $audit) = run(['dpkg', '--audit']);
    return unless length $audit;
    say_to('dpkg: finishing what was begun on this host before', @ids);
    my @argv = qw(dpkg --configure -a --force-confdef --force-confold);
    run(\@argv, watch => watch_apt(\@ids), seconds => 900);
}

# dpkg brings its files to the disk, and the scripts of packages (ucf) do not: a power cut would empty chrony.conf. The
# disk takes its time, so it is waited for only before anything stands.
sub begin_sync ($talk) {
    my %by_device = map { ((stat $_)[0] => $_) } '/etc', '/usr', '/var';
    push $talk->{syncing}->@*, beside(sub { exec 'sync', '-f', values %by_device });
}
sub end_sync ($talk) { wait_for(splice $talk->{syncing}->@*) }
sub wait_for (@children) { waitpid $_, 0 for grep { $_ } @children }

# Carries a bring plan out, and tells what came of it: `apt` and `unfetched` only where it came to that.
sub bring ($plan, $talk) {
    return if $plan->{install}->@* && !install_masked($plan, $talk);
    take_out($plan, $talk);
}

# Installs packages, their units masked from before apt runs, so that neither apt nor a reboot in between starts one
# with its own defaults; when a part that serves goes, its mask comes back. Answers whether apt did it.
sub install_masked ($plan, $talk) {
    my ($install, $ids, @masks) = ($plan->@{qw(install tell)}, $plan->{masks}->@*);
    mask(map { $_->{early} } @masks);
    systemctl('daemon-reload') if @masks;
    my %before = package_states();
    mend_dpkg(@$ids);
    replace_file($SINCE, '') unless -e $SINCE;
    write_list($CONFIGURED, uniq lines_of($CONFIGURED), $plan->{configured}->@*) if $plan->{configured}->@*;
    write_stand_ins($plan);
    say_to('apt: installing ' . join(', ', @$install), @$ids);
    my @children = map { begin_listening($_->@{qw(interface address)}) } $plan->{listen}->@*;
    local $talk->{aboutTo} = sub (@new) {
        # Noted for whoever goes on after a power cut. Fetched sooner, two of apt would both make its cache.
        write_list($PLANNED, uniq lines_of($PLANNED), @new);
        push @children, begin_fetching($plan);
    };
    my ($status, $said) = install($talk, $ids, $plan->{rows}, @$install);
    wait_for(@children);
    my %after = package_states();
    forget_stand_ins($plan, \%after);
    # Half a package may have its unit still to come, and whoever completes it would start it.
    my @here = grep { is_present($after{ $_->{package} }) } @masks;
    mask(map { $_->{path} } grep { !is_installed($after{ $_->{package} }) || !hides_nothing($_) } @here);
    unmask(map { $_->{early} } @masks);
    my @brought = grep { is_present($after{$_}) && !is_present($before{$_}) } sort keys %after;
    note_brought(@brought);
    tell_client('apt', status => $status, said => $said);
    tell_client('brought', packages => \@brought);
    return !grep { !is_installed($after{$_}) } @$install;
}

# Whether there is no unit below a mask.
sub hides_nothing ($mask) { return !grep { -e } $mask->{hides}->@* }

sub mask (@paths) {
    for my $path (@paths) {
        run(['mkdir', '-p', '--', folder_of($path)]);
        symlink '/dev/null', $path or readlink $path eq '/dev/null' or die "cannot mask $path: $!\n";
        sync_folder(folder_of($path));
    }
}

# Takes masks away, where they still are, and has systemd know of all that changed.
sub unmask (@paths) {
    @paths = grep { (readlink $_ // '') eq '/dev/null' } @paths or return;
    unlink @paths;
    for my $folder (map { folder_of($_) } @paths) {
        sync_folder($folder);
        rmdir($folder) && rmdir folder_of($folder);
    }
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

# Where a package is unpacked.
sub taking_folder ($package) { return "$TAKING/" . as_name($package) }

# Fetches a package into a folder of its own by this, and unpacks it there: installed, refind would change the boot
# loader of node 0 itself. Answers (status, said).
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
    my ($fetch, $keep) = map { [splice @$_] } $plan->@{qw(fetch keep)};
    return 0 unless @$keep || @$fetch;
    my $download = sub { return run(['apt-get', '-q', '-o', 'APT::Sandbox::User=root', 'download', $_[0]]) };
    return beside(sub {
        mkdir $DEBS, 0700 if @$keep;
        if (chdir $DEBS) { $download->($_) for @$keep }
        chmod 0600, glob "$DEBS/*.deb";
        for my $of (@$fetch) {
            my $package = $of->{package};
            my ($status) = eval { unpack_package($package, sub { return $download->($package) }) };
            replace_file(taking_folder($package) . '/left', $of->{files}) if defined $status && !$status;
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
            my ($status, $said) = unpack_package($package, sub { return apt($talk, \@ids, 'download', $package) });
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

# What a package replaced comes back, and it goes. Answers { package, lost => [name], status, said, stays, remains }.
sub give_back ($leaving, $plan, $talk) {
    my $package = $leaving->{package};
    my @rows = rows_for($plan->{returning}, $package);
    mend_dpkg($leaving->{tell}->@*);
    my %states = package_states();
    my @lost = grep { !is_installed($states{ $_->{package} }) } @rows;
    my ($status, $said) = @lost ? bring_back(\@lost, $leaving, $talk) : (0, '');
    # An apt that fails on account of another package may have done what it was for.
    %states = package_states();
    $status = 0 if @lost == grep { is_installed($states{ $_->{package} }) } @lost;
    my %given = (package => $package, lost => [map { $_->{package} } @lost], status => $status, said => $said);
    $given{stays} = is_installed($states{$package}) ? 1 : 0;
    return \%given if $status;
    for my $row (@rows) {
        my (undef, $now) = systemctl('is-enabled', $row->{unit});
        my @enable = $now =~ /^\Q$row->{fileState}\E$/m ? () : $row->{enable};
        systemctl($_, $row->{unit}) for grep { defined } @enable, $row->{run};
    }
    my $remains = purge_package($package, $leaving->{how});
    return { %given, remains => $remains } if defined $remains;
    for my $list ($BROUGHT, $CONFIGURED) { write_list($list, grep { $_ ne $package } lines_of($list)) }
    unlink stand_in_marker($package), glob "$DEBS/*.deb";
    rmdir $DEBS;
    sync_folder($KEPT);
    return \%given;
}

# The version that was here, so that nothing else is upgraded on its account; without a mirror from what we kept of it;
# and if the mirror has it no more, the present one. Answers (status, said).
sub bring_back ($lost, $leaving, $talk) {
    my ($ids, @names) = ($leaving->{tell}, map { $_->{package} } @$lost);
    say_to('apt: putting ' . join(', ', @names) . ' back', @$ids);
    my @kept = grep { -f } map { glob "$DEBS/${_}_*.deb" } @names;
    # Not with --no-download: then apt removes the other, and only then finds that it can't install a file.
    for my $try ([map { "$_->{package}=$_->{version}" } @$lost], (@kept == @names ? \@kept : ()), \@names) {
        my ($status, $said) = install($talk, $ids, [$leaving], @$try);
        return ($status, $said) if !$status || $try == \@names;
    }
}

# Takes a package away; what dpkg said if it can't. Who holds its lock is waited for; what is half done is gone on with.
sub purge_package ($package, $how) {
    my ($said, $failed) = ('', 0);
    for my $wait (0 .. 300) {
        (my $status, $said) = run(['dpkg', '--force-remove-reinstreq', $how, $package]);
        return undef unless $status;
        if ($said =~ /lock/) { sleep 1; next }
        last if ++$failed == 3;
        mend_dpkg();
    }
    return $said;
}

# All packages that we brought, unless one that somebody else has installed since would go with them.
sub purge_brought ($id, $plan, $talk) {
    my %states = package_states();
    my @brought = grep { is_present($states{$_}) } lines_of($BROUGHT);
    my %is_ours = map { ($_ => 1) } @brought;
    my (undef, $simulated) = @brought ? run(['apt-get', '-s', 'purge', @brought]) : (0, '');
    my @others = grep { !$is_ours{$_} } uniq $simulated =~ /^(?:Remv|Purg) (\S+)/mg;
    my %keeps = map { ($_ => 1) } lines_of($CONFIGURED);
    my ($status, $said, %by) = (0, '');
    push $by{ $keeps{$_} ? 'remove' : 'purge' }->@*, $_ for @others ? () : @brought;
    ($status, $said) = apt($talk, [$id], $_, $by{$_}->@*) for reverse sort keys %by;
    my %left = package_states();
    # apt leaves their configuration where somebody else's package fails before.
    purge_package($_, '--purge') for grep { ($left{$_} // '') eq 'c' } ($by{purge} // [])->@*;
    $status = 0 unless grep { is_present($left{$_}) } @brought;
    if (!$status && !@others) {
        unmask(map { $_->@{qw(path early)} } grep { hides_nothing($_) } $plan->{unmask}->@*);
        write_list($_) for $BROUGHT, $CONFIGURED;
    }
    tell_client('purged', id => $id, packages => \@brought, others => \@others, status => $status, said => $said);
}
