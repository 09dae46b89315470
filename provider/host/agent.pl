# The agent of pulumi-netboot: what changes node 0, and nothing else does.
#
#   agent.pl request   carries out the request in $main::BODY (the loader put it there)
#   agent.pl recover   puts back what a transaction cut short had changed (run at boot, and when an agent died)
#
# It needs perl-base and what every Debian has (coreutils, diffutils, dpkg, apt, systemd). A request says what each resource wants
# to be true ("put") or no longer wants ("drop"); the register says what was put before, by whichever stack. One
# transaction is: lock, recover, look, stage, validate, keep, journal, swap, restart, prove, commit, or put all back.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode);
use IO::Handle;
use IO::Select;
use Socket;

$| = 1;

my $STATE     = '/var/lib/pulumi-netboot';
my $REGISTER  = "$STATE/register";
my $KEPT      = "$STATE/kept";
my $EDITS     = "$STATE/edits";
my $UNDO      = "$STATE/undo";
my $JOURNAL   = "$STATE/journal";
my $BROUGHT   = "$STATE/packages";
my $LOCK      = '/run/pulumi-netboot.lock';
my $UNITS     = '/etc/systemd/system';
my $RECOVERY  = 'pulumi-netboot-recovery.service';
my $HOSTS     = '/etc/dhcp/netboot/hosts.conf';
my $DHCPD     = '/etc/dhcp/dhcpd.conf';
my $LOCK_WAIT = 300;

my $RECOVERY_UNIT = <<"UNIT";
# Written by pulumi-netboot. Before anything of node 0 serves, it puts back what a transaction cut short by a power cut
# had changed, so that node 0 serves one whole state.
[Unit]
Description=Undo an unfinished pulumi-netboot transaction
DefaultDependencies=no
RequiresMountsFor=$STATE /etc /srv
After=local-fs.target
Before=network-pre.target isc-dhcp-server.service tftpd-hpa.service shutdown.target
Conflicts=shutdown.target
ConditionPathExists=$JOURNAL

[Service]
Type=oneshot
ExecStart=/usr/bin/perl $STATE/agent.pl recover

[Install]
WantedBy=multi-user.target
UNIT

our ($NONCE, $AGENT, $BODY);

# --- words to the client: one line each, behind a nonce, so that nothing a login shell prints is taken for one ---

sub hex_of { my ($text) = @_; return length $text ? unpack('H*', $text) : '-' }
sub tell_client { print "\n$NONCE ", join(' ', @_), "\n" if defined $NONCE; return }
sub say_to   { my ($id, $text) = @_; return tell_client('say', $id, hex_of($text)) }
sub warn_to  { my ($id, $text) = @_; return tell_client('warn', $id, hex_of($text)) }
sub output   { my ($id, $key, $text) = @_; return tell_client('out', $id, $key, hex_of($text)) }

# A refusal is thrown as [code, resource or "-", message] and told once, by main.
sub refuse { my ($code, $id, $message) = @_; die [$code, $id, $message] }

# --- small tools ---

sub encode { my ($text) = @_; $text =~ s/([^A-Za-z0-9_.:\/,\@+=-])/sprintf '%%%02X', ord $1/ge; return length $text ? $text : '%' }
sub decode { my ($text) = @_; return '' if $text eq '%'; $text =~ s/%([0-9A-F]{2})/chr hex $1/ge; return $text }
sub as_name { my ($text) = @_; $text = encode($text); $text =~ s/\//%2F/g; return $text }
sub folder_of { my ($path) = @_; $path =~ s{/[^/]*$}{}; return length $path ? $path : '/' }
sub name_of { my ($path) = @_; $path =~ s{.*/}{}; return $path }
sub staged_name { my ($path) = @_; return folder_of($path) . '/.' . name_of($path) . '.netboot-new' }
sub stack_of { my ($id) = @_; my (undef, $project, $stack) = split /\//, $id; return "$project/$stack" }
sub unique { my %seen; return grep { !$seen{$_}++ } @_ }

sub slurp {
    my ($path) = @_;
    sysopen my $in, $path, O_RDONLY | O_NOFOLLOW or return undef;
    binmode $in;
    local $/;
    my $text = <$in>;
    return $text // '';
}

sub sync_folder {
    my ($folder) = @_;
    sysopen my $handle, $folder, O_RDONLY | O_DIRECTORY or return;
    $handle->sync;
    return;
}

# A new file with its whole content on the disk, or an exception. Never follows a link, never opens what is there.
sub write_new {
    my ($path, $content, $mode, $uid, $gid) = @_;
    unlink $path;
    sysopen my $out, $path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600 or die "cannot make $path: $!\n";
    binmode $out;
    my $done = (print $out $content) && $out->flush && chown($uid, $gid, $out) && chmod($mode, $out) && $out->sync;
    my $reason = $!;
    $done = close($out) && $done;
    return if $done;
    unlink $path;
    die "cannot write $path: $reason\n";
}

sub replace_file {
    my ($path, $content, $mode) = @_;
    my $staged = staged_name($path);
    write_new($staged, $content, $mode, 0, 0);
    rename $staged, $path or die "cannot rename $staged to $path: $!\n";
    sync_folder(folder_of($path));
    return;
}

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

sub sha256_of {
    my (@paths) = @_;
    return () unless @paths;
    my (undef, $said) = run(['sha256sum', '-z', '--', @paths]);
    my %sums;
    for my $row (split /\0/, $said) { $sums{$2} = $1 if $row =~ /^([0-9a-f]{64}) [ *](.*)$/s }
    return %sums;
}

sub sha256_text {
    my ($text) = @_;
    require IPC::Open2;
    my $pid = IPC::Open2::open2(my $from, my $to, 'sha256sum');
    binmode $to;
    print $to $text;
    close $to;
    my ($sum) = split ' ', <$from>;
    waitpid $pid, 0;
    return $sum;
}

# What is at a path: { type, mode, uid, gid, mtime, target }.
sub look_at {
    my ($path) = @_;
    my @stat = lstat $path;
    return { type => 'absent' } unless @stat;
    my %what = (mode => S_IMODE($stat[2]), uid => $stat[4], gid => $stat[5], mtime => $stat[9]);
    return { %what, type => 'link', target => readlink $path } if S_ISLNK($stat[2]);
    return { %what, type => 'folder' } if S_ISDIR($stat[2]);
    return { %what, type => 'file' } if S_ISREG($stat[2]);
    return { %what, type => 'other' };
}

# --- the request and the register: lines of words, percent-encoded ---

# Entries by id: { generation, ops => [[word, …], …] }. The bytes of files go to $contents, by path.
sub parse_request {
    my ($text, $contents) = @_;
    my (%request, $entry);
    $request{drop} = {};
    $request{put} = {};
    my $at = 0;
    while ($at < length $text) {
        my $end = index $text, "\n", $at;
        my ($word, @rest) = map { decode($_) } split / /, substr($text, $at, $end - $at);
        $at = $end + 1;
        if ($word eq 'put') {
            $entry = $request{put}{ $rest[0] } = { generation => $rest[1], ops => [] };
            next;
        }
        if ($word eq 'drop') { $request{drop}{ $rest[0] } = $rest[1]; next }
        if ($word eq 'mode' || $word eq 'machine') { $request{$word} = $rest[0]; next }
        if ($word eq 'file') {
            my $bytes = pop @rest;
            $contents->{ $rest[0] } = substr $text, $at, $bytes;
            $at += $bytes;
        }
        push @{ $entry->{ops} }, [$word, @rest];
    }
    return \%request;
}

sub load_register {
    my %register;
    opendir my $folder, $REGISTER or return \%register;
    for my $name (sort readdir $folder) {
        next if $name =~ /^\./;
        my @lines = split /\n/, slurp("$REGISTER/$name") // '';
        my (undef, $generation) = split / /, shift(@lines) // '';
        $register{ decode($name) } = { generation => $generation, ops => [map { [map { decode($_) } split / /, $_] } @lines] };
    }
    return \%register;
}

sub render_entry {
    my ($entry) = @_;
    return join '', map { "$_\n" } "generation $entry->{generation}",
        map { join ' ', map { encode($_) } @$_ } @{ $entry->{ops} };
}

sub ops_of { my ($entry, $word) = @_; return grep { $_->[0] eq $word } @{ $entry->{ops} } }

sub all_ops {
    my ($register, $word) = @_;
    return map { my $id = $_; map { [$id, $_] } ops_of($register->{$id}, $word) } sort keys %$register;
}

# --- the lock ---

my $lock_handle;

sub take_lock {
    my ($ids) = @_;
    sysopen $lock_handle, $LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600 or die "cannot open $LOCK: $!\n";
    my ($waited, $told) = (0, 0);
    until (flock $lock_handle, LOCK_EX | LOCK_NB) {
        my $holder = slurp($LOCK) // '';
        refuse('LOCKED', '-', "another run (process $holder on node 0) has held the lock $LOCK for more than $LOCK_WAIT s;"
              . ' look what it does there, and run again when it is done') if $waited >= $LOCK_WAIT;
        if (!$told++) { say_to($_, "waiting for another run on node 0 (process $holder)") for @$ids }
        select undef, undef, undef, 0.2;
        $waited += 0.2;
    }
    truncate $lock_handle, 0;
    syswrite $lock_handle, $$;
    return;
}

# --- undoing: the journal says what to put back; each line may be carried out any number of times ---

sub journal_lines { my $text = slurp($JOURNAL); return defined $text ? (split /\n/, $text) : () }

sub undo_files {
    my $reload = 0;
    for my $line (reverse journal_lines()) {
        my ($word, @rest) = map { decode($_) } split / /, $line;
        next unless $word eq 'undo';
        my ($what, $path, @how) = @rest;
        $reload = 1 if $path =~ m{^\Q$UNITS\E/};
        if ($what eq 'absent') { unlink $path }
        elsif ($what eq 'folder') { rmdir $path }
        elsif ($what eq 'link') {
            my $staged = staged_name($path);
            unlink $staged;
            symlink $how[0], $staged and rename $staged, $path;
        }
        elsif ($what eq 'file') {
            my ($copy, $mode, $uid, $gid, $mtime) = @how;
            my $content = slurp($copy);
            next unless defined $content;
            my $staged = staged_name($path);
            write_new($staged, $content, oct $mode, $uid, $gid);
            utime $mtime, $mtime, $staged;
            rename $staged, $path or die "cannot put $path back: $!\n";
        }
        sync_folder(folder_of($path));
    }
    return $reload;
}

sub clear_journal {
    my @staged = map { decode((split / /, $_)[1]) } grep { /^staged / } journal_lines();
    unlink $_ for @staged;
    unlink $JOURNAL;
    sync_folder($STATE);
    unlink glob "$UNDO/*";
    return;
}

# Puts everything back that the journal names and brings the units back to what they did. Answers what was undone.
sub undo_transaction {
    my ($booting) = @_;
    return 0 unless -e $JOURNAL;
    my $reload = undo_files();
    my @units = map { [map { decode($_) } split / /, $_] } grep { /^unit / } journal_lines();
    run(['systemctl', 'daemon-reload']) if $reload;
    for my $unit ($booting ? () : @units) {
        my (undef, $name, $was_active) = @$unit;
        run(['systemctl', 'reset-failed', $name]);
        run(['systemctl', $was_active ? 'restart' : 'stop', $name]);
    }
    clear_journal();
    return 1;
}

# --- what must be true before anything is touched ---

sub check_machine {
    my ($expected) = @_;
    my ($seen) = split ' ', slurp('/etc/machine-id') // '';
    output('-', 'machine', substr $seen, 0, 12);
    return if !defined $expected || $expected eq substr $seen, 0, length $expected;
    refuse('OTHER_MACHINE', '-', "this is another machine than the one these resources were made on (machine-id $seen, not"
          . " $expected…); declare a new server for it, or replace the old one with --target-replace");
}

# Every interface: name → { index, mac }. Asked of the kernel by ip(8), because a container may see another one's /sys.
sub interfaces {
    my (undef, $said) = run(['ip', '-o', 'link', 'show']);
    return { map { m{^(\d+): ([^:@]+)[:@].* link/\w+ ([0-9a-f:]+)} ? ($2 => { index => $1, mac => $3 }) : () } split /\n/, $said };
}

sub slurp_proc { my ($path) = @_; open my $in, '<', $path or return ''; local $/; return <$in> // '' }

# The interface by its name, for "name:eno2" or "mac:52:54:…"; refused when it is none, has not the address, or leads outside.
sub check_interface {
    my ($id, $wanted, $address, $prefix, $public_allowed) = @_;
    my ($by, $value) = split /:/, $wanted, 2;
    my $links = interfaces();
    my @found = grep { $by eq 'name' ? $_ eq $value : $links->{$_}{mac} eq $value } sort keys %$links;
    my $present = join ', ', map { "$_ ($links->{$_}{mac})" } grep { $_ ne 'lo' } sort keys %$links;
    refuse('INTERFACE_UNFIT', $id, "network.interface: there is no interface " . ($by eq 'name' ? "\"$value\"" : "with the MAC $value")
          . "; this host has $present") unless @found;
    # A bond and its members, or a bridge and its ports, can share one MAC; the one that has the address is meant.
    my %addresses;
    for my $name (@found) {
        my (undef, $said) = run(['ip', '-4', '-o', 'address', 'show', 'dev', $name]);
        $addresses{$name} = [$said =~ m{ inet ([0-9.]+/[0-9]+)}g];
    }
    my ($name) = grep { my $each = $_; grep { $_ eq "$address/$prefix" } @{ $addresses{$each} } } @found;
    if (!defined $name) {
        my $has = join ', ', map { @{ $addresses{$_} } } @found;
        refuse('INTERFACE_UNFIT', $id, "network.address: $found[0] has not the address $address/$prefix"
              . (length $has ? "; it has $has" : '; it has no IPv4 address') . "; give it the address in the host's own network"
              . " configuration, or correct network.interface, network.address or network.cidr");
    }
    my (undef, $routes) = run(['ip', '-4', '-o', 'route', 'show', 'default']);
    refuse('INTERFACE_UNFIT', $id, "network.interface: $name carries the default route, so it looks like the public side; only the"
          . ' private network may be served. Correct network.interface, or give the server allowDefaultRoute: true if node 0 has no other side')
        if !$public_allowed && $routes =~ /\bdev \Q$name\E\b/;
    return $name;
}

# --- packages ---

my $updated = 0;

# apt-get, its progress on the rows; once, the lists are renewed and it is tried again.
sub apt {
    my ($ids, @words) = @_;
    my @options = ('-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Dpkg::Use-Pty=0', '-o', 'APT::Sandbox::User=root',
        '-o', 'Acquire::Retries=2', '-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::https::Timeout=20',
        '-o', 'Dpkg::Options::=--force-confdef', '-o', 'Dpkg::Options::=--force-confold', '--no-install-recommends');
    local $ENV{DEBIAN_FRONTEND} = 'noninteractive';
    local $ENV{NEEDRESTART_MODE} = 'l';
    my $watch = sub {
        my ($line) = @_;
        return unless $line =~ /^(Get:|Fetched|Preparing|Unpacking|Setting up|Waiting|Err:)/;
        chomp $line;
        say_to($_, "apt: $line") for @$ids;
    };
    my ($status, $said) = run(['apt-get', @options, @words], $watch);
    return ($status, $said) if $status == 0 || $updated++;
    say_to($_, 'apt: renewing the package lists') for @$ids;
    my (undef, $renewal) = run(['apt-get', @options, 'update'], $watch);
    ($status, $said) = run(['apt-get', @options, @words], $watch);
    return ($status, "$renewal$said");
}

sub complaint_of {
    my ($said) = @_;
    my @lines = grep { /^(E:|Err:|W: Failed|dpkg: error)/ } split /\n/, $said;
    @lines = (split /\n/, $said)[-8 .. -1] unless @lines;
    return join "\n", map { "  $_" } unique(grep { defined } @lines);
}

sub installed_packages {
    my (undef, $said) = run(['dpkg-query', '-W', '-f', '${db:Status-Abbrev} ${Package}\n']);
    return map { /^.i  ?(\S+)$/ ? ($1 => 1) : () } split /\n/, $said;
}

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
    return unless %units;
    my %before = installed_packages();
    my @missing = grep { !$before{$_} } sort keys %units;
    return unless @missing;
    my @ids = sort keys %ids;
    my @masks = map { "$UNITS/$_" } grep { !unit_known($_) && look_at("$UNITS/$_")->{type} eq 'absent' } unique(map { @{ $units{$_} } } @missing);
    symlink '/dev/null', $_ or die "cannot mask $_: $!\n" for @masks;
    sync_folder($UNITS);
    run(['systemctl', 'daemon-reload']);
    my (undef, $audit) = run(['dpkg', '--audit']);
    run(['dpkg', '--configure', '-a', '--force-confdef', '--force-confold']) if length $audit;
    say_to($_, 'apt: installing ' . join(', ', @missing)) for @ids;
    my ($status, $said) = apt(\@ids, 'install', @missing);
    my %after = installed_packages();
    my @still = grep { !$after{$_} } @missing;
    if ($status || @still) {
        my %needed = map { $_ => 1 } map { @{ $units{$_} } } grep { $after{$_} } @missing;
        unlink grep { !$needed{ name_of($_) } } @masks;
        run(['systemctl', 'daemon-reload']);
    }
    my @brought = grep { !$before{$_} } sort keys %after;
    my %known = map { $_ => 1 } split /\n/, slurp($BROUGHT) // '';
    replace_file($BROUGHT, join('', map { "$_\n" } sort keys %{ { %known, map { $_ => 1 } @brought } }), 0600) if @brought;
    unlink grep { !unit_known(name_of($_)) } @masks;
    refuse('PACKAGES_FAILED', '-', 'apt could not install ' . join(', ', @still ? @still : @missing) . "; nothing is served differently.\n"
          . complaint_of($said) . "\nmake apt work on node 0 (`apt-get update` there shows the same words), then run again")
        if $status || @still;
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
        $puts->{$id}{ops} = [(grep { $_->[0] ne 'take' } @{ $puts->{$id}{ops} }), @taken];
    }
    return unless %wanted;
    my $work = "$STATE/taking";
    run(['rm', '-rf', '--', $work]);
    mkdir $work, 0700 or die "cannot make $work: $!\n";
    for my $package (sort keys %wanted) {
        my $folder = "$work/" . as_name($package);
        my @ids = map { $_->[0] } @{ $wanted{$package} };
        mkdir $folder, 0700;
        say_to($_, "apt: fetching $package to take files out of it") for @ids;
        chdir $folder;
        my ($status, $said) = apt(\@ids, 'download', $package);
        chdir '/';
        my ($deb) = glob "$folder/*.deb";
        if ($status || !defined $deb) {
            run(['rm', '-rf', '--', $work]);
            refuse('PACKAGES_FAILED', $wanted{$package}[0][0], "apt could not fetch $package; nothing was changed.\n" . complaint_of($said)
                  . "\nmake `apt-get download $package` work on node 0, or give the file itself: { file: \"…\" }");
        }
        ($status, $said) = run(['dpkg-deb', '-x', $deb, "$folder/tree"]);
        die "cannot unpack $deb: $said\n" if $status;
        for my $want (@{ $wanted{$package} }) {
            my ($id, $path, $members) = @$want;
            my ($found) = grep { defined && -f && !-l } map { inside("$folder/tree", $_) } split /,/, $members;
            if (!defined $found) {
                run(['rm', '-rf', '--', $work]);
                refuse('PACKAGES_FAILED', $id, name_of($deb) . ' has none of ' . join(', ', split /,/, $members) . '; give the file itself: { file: "…" }');
            }
            $contents->{$path} = slurp($found);
        }
    }
    run(['rm', '-rf', '--', $work]);
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

# --- the new register: what was put before, without what is dropped, with what is put now ---

sub merge_register {
    my ($register, $request) = @_;
    my %merged = %$register;
    for my $id (keys %{ $request->{drop} }) {
        next unless $merged{$id};
        # A resource that was made anew since then is not ours to drop.
        delete $merged{$id} if $merged{$id}{generation} eq $request->{drop}{$id};
    }
    $merged{$_} = $request->{put}{$_} for keys %{ $request->{put} };

    # Whoever wrote last within one stack takes over; between two stacks it is a clash.
    my %claims;
    for my $id (sort { !!$request->{put}{$a} <=> !!$request->{put}{$b} || $a cmp $b } keys %merged) {
        for my $op (@{ $merged{$id}{ops} }) {
            for my $claim (claims_of($op)) {
                my $other = $claims{$claim};
                $claims{$claim} = $id;
                next if !defined $other || $other eq $id;
                my $mine = $request->{put}{$id};
                next unless $mine || $request->{put}{$other};
                refuse('CLASH', $id, "$claim belongs to $other already; take it out of one of the two programs. Node 0 is as it was")
                    if stack_of($other) ne stack_of($id) || $request->{put}{$other};
                $merged{$other} = { %{ $merged{$other} },
                    ops => [grep { my $each = $_; !grep { $_ eq $claim } claims_of($each) } @{ $merged{$other}{ops} }] };
            }
        }
    }
    return \%merged;
}

# What only one resource may have, in the words of an error.
sub claims_of {
    my ($op) = @_;
    my ($word, @rest) = @$op;
    return ("the file $rest[0]") if $word eq 'file' || $word eq 'link';
    return () unless $word eq 'node';
    my ($hostname, $address, $macs) = @rest;
    return ("the name \"$hostname\"", ($address eq '-' ? () : "the address $address"), map { "the MAC $_" } split /,/, $macs);
}

sub render_hosts {
    my ($register) = @_;
    my $text = "# Written by pulumi-netboot: the machines of every stack that declares some on this node 0.\n";
    for my $id (sort keys %$register) {
        my @nodes = ops_of($register->{$id}, 'node') or next;
        $text .= "\n# $id\n" . join '', map { $_->[-1] } @nodes;
    }
    return $text;
}

# --- daemons: their own checkers, their state, what they listen on ---

sub check_dhcpd {
    my ($staged, $candidate) = @_;
    return unless $staged->{$DHCPD} || $staged->{$HOSTS};
    my $main = slurp($staged->{$DHCPD} // $DHCPD) // return;
    my $hosts = $staged->{$HOSTS} // $HOSTS;
    $main =~ s{^(\s*include\s+)"\Q$HOSTS\E"}{$1"$hosts"}m;
    # Beside the real one, because Debian's AppArmor profile lets dhcpd read nothing outside /etc/dhcp.
    write_new($candidate, $main, 0644, 0, 0);
    my ($status, $said) = run(['dhcpd', '-t', '-4', '-cf', $candidate]);
    unlink $candidate;
    return if $status == 0;
    $said =~ s/\Q$candidate\E/$DHCPD/g;
    $said =~ s/\Q$hosts\E/$HOSTS/g;
    # Between its banner and its advice on bugs stands what it has to say.
    my @words = grep { !/^(Internet Systems|Copyright|All rights|For info|Config file:|Database file:|PID file:)/ } split /\n/, $said =~ s/^(Configuration file errors|If you think you have received).*//msr;
    refuse('CONFIG_REFUSED', '-', "dhcpd refused the new configuration; nothing was changed, and node 0 serves what it served.\n"
          . join("\n", map { "  $_" } @words));
}

sub unit_state {
    my ($unit) = @_;
    my (undef, $said) = run(['systemctl', 'show', '-p', 'ActiveState,SubState,MainPID,NRestarts,InvocationID', '--', $unit]);
    return { map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $said };
}

sub sockets_of {
    my ($pid) = @_;
    my %inodes;
    opendir my $folder, "/proc/$pid/fd" or return \%inodes;
    for my $fd (readdir $folder) { my $target = readlink "/proc/$pid/fd/$fd"; $inodes{$1} = 1 if defined $target && $target =~ /^socket:\[(\d+)\]$/ }
    return \%inodes;
}

sub table_rows { my ($path) = @_; my @rows = map { [split ' '] } split /\n/, slurp_proc($path); shift @rows; return @rows }

# Whether the main process of a unit holds the socket that an operator would expect.
sub listens {
    my ($pid, $how, @what) = @_;
    my $inodes = sockets_of($pid);
    if ($how eq 'packet') {
        my $index = interfaces()->{ $what[0] }{index} // '';
        return scalar grep { $_->[4] eq $index && $inodes->{ $_->[8] } } table_rows('/proc/net/packet');
    }
    my $local = sprintf '%08X:%04X', unpack('V', inet_aton($what[0])), $what[1];
    return scalar grep { $_->[1] eq $local && $inodes->{ $_->[9] } } table_rows('/proc/net/udp');
}

sub last_words {
    my ($unit, $invocation) = @_;
    my (undef, $said) = run(['journalctl', '--no-pager', '-q', '-o', 'cat', '-n', '40', '-u', $unit]);
    my @lines = grep { length && !/^(Started|Starting|Stopped|Stopping|Internet Systems Consortium|Copyright|All rights|For info)/ } split /\n/, $said;
    splice @lines, 0, @lines - 12 if @lines > 12;
    return join "\n", map { "  $_" } @lines;
}

# Waits until the unit serves, for as long as it may still come up; otherwise says why it does not, in its own words.
sub await_unit {
    my ($id, $unit, @listens) = @_;
    my ($waited, $before, $state) = (0);
    while (1) {
        $state = unit_state($unit);
        $before //= $state->{NRestarts};
        my $up = $state->{ActiveState} eq 'active' && $state->{SubState} eq 'running' && $state->{MainPID};
        return if $up && !grep { !listens($state->{MainPID}, @$_) } @listens;
        last if $waited >= 10 || $state->{ActiveState} eq 'failed' || $state->{SubState} eq 'auto-restart' || $state->{NRestarts} ne $before;
        select undef, undef, undef, 0.02;
        $waited += 0.02;
    }
    my $why = $state->{ActiveState} eq 'active' ? 'runs but does not listen on ' . join ' and ', map { join ' ', @$_ } @listens : "does not stay up ($state->{ActiveState}, $state->{SubState})";
    refuse('NOT_SERVING', $id, "$unit $why; it said:\n" . last_words($unit));
}

# --- probes: what a machine would be told, asked on node 0's own private interface; no lease is taken ---

sub checksum { my ($bytes) = @_; $bytes .= "\0" if length($bytes) % 2; my $sum = 0; $sum += $_ for unpack 'n*', $bytes; $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16; return ~$sum & 0xffff }

sub discover_frame {
    my ($source, $mac, $xid, $arch, $ipxe) = @_;
    my $options = pack 'C4 C3', 99, 130, 83, 99, 53, 1, 1;
    $options .= pack 'C C a*', 60, length "PXEClient:Arch:$arch", "PXEClient:Arch:$arch" unless $ipxe;
    $options .= pack 'C C n', 93, 2, $arch;
    $options .= pack 'C C C3', 94, 3, 1, 3, 16;
    $options .= pack 'C C a*', 77, 4, 'iPXE' if $ipxe;
    $options .= pack 'C C a*', 61, 7, "\1$mac" if $ipxe;
    $options .= pack 'C C a*', 55, 12, pack 'C12', 1, 3, 6, 12, 15, 26, 28, 42, 66, 67, 175, 209;
    # A mark by which the history tells a probe from a boot (option 224 is for site use, RFC 3942).
    $options .= pack 'C C a*', 224, 7, 'netboot';
    $options .= pack 'C', 255;
    my $bootp = pack('C4 N n n N4', 1, 1, 6, 0, $xid, 0, 0x8000, 0, 0, 0, 0) . pack('a16 a64 a128', $mac, '', '') . $options;
    my $udp = pack('n4', 68, 67, 8 + length $bootp, 0) . $bootp;
    my $ip = pack 'C2 n3 C2 n a4 a4', 0x45, 0, 20 + length $udp, 0, 0, 64, 17, 0, "\0\0\0\0", "\xff\xff\xff\xff";
    substr $ip, 10, 2, pack 'n', checksum($ip);
    return "\xff\xff\xff\xff\xff\xff" . $source . pack('n', 0x0800) . $ip . $udp;
}

sub parse_offer {
    my ($frame) = @_;
    return undef unless length $frame > 282 && unpack('n', substr $frame, 12, 2) == 0x0800;
    my $header = (unpack('C', substr $frame, 14, 1) & 15) * 4;
    return undef unless unpack('C', substr $frame, 23, 1) == 17;
    my ($from, $to) = unpack 'n2', substr $frame, 14 + $header, 4;
    return undef unless $from == 67 && $to == 68;
    my $bootp = substr $frame, 22 + $header;
    return undef unless length $bootp >= 240 && unpack('C', $bootp) == 2;
    my %offer = (xid => unpack('N', substr $bootp, 4, 4), address => inet_ntoa(substr $bootp, 16, 4),
        next => inet_ntoa(substr $bootp, 20, 4), file => unpack('Z128', substr $bootp, 108, 128), from => inet_ntoa(substr $frame, 26, 4));
    my $options = substr $bootp, 240;
    while (length $options) {
        my $code = unpack 'C', $options;
        last if $code == 255;
        if ($code == 0) { $options = substr $options, 1; next }
        last if length $options < 2;
        my $length = unpack 'C', substr $options, 1, 1;
        $offer{options}{$code} = substr $options, 2, $length;
        $options = length $options > 2 + $length ? substr $options, 2 + $length : '';
    }
    $offer{file} = unpack 'Z*', $offer{options}{67} if $offer{file} eq '' && defined $offer{options}{67};
    return unpack('C', $offer{options}{53} // "\0") == 2 ? \%offer : undef;
}

# Asks for every question { mac, arch, ipxe } and fills in its { offer }. Bounded: three rounds of at most 1.5 s per batch.
sub ask_dhcp {
    my ($interface, @questions) = @_;
    my $link = interfaces()->{$interface} // die "there is no interface $interface\n";
    my $source = pack 'H12', $link->{mac} =~ s/://gr;
    socket my $wire, 17, SOCK_RAW, unpack('S', pack 'n', 3) or die "cannot open a packet socket: $!\n";
    bind $wire, pack 'S n i S C C a8', 17, 3, $link->{index}, 0, 0, 0, '' or die "cannot bind to $interface: $!\n";
    my $select = IO::Select->new($wire);
    while (my @batch = splice @questions, 0, 64) {
        my %open = map { my $xid = int rand 0xffffffff; ($xid => $_) } @batch;
        for my $round (1 .. 3) {
            last unless %open;
            for my $xid (keys %open) {
                my $ask = $open{$xid};
                send $wire, discover_frame($source, pack('H12', $ask->{mac} =~ s/://gr), $xid, $ask->{arch}, $ask->{ipxe}), 0;
            }
            my $left = 1.5;
            while (%open && $left > 0) {
                if (!$select->can_read(0.05)) { $left -= 0.05; next }
                recv $wire, my $frame, 4096, 0;
                my $offer = parse_offer($frame) or next;
                my $ask = delete $open{ $offer->{xid} } or next;
                $ask->{offer} = $offer;
            }
        }
    }
    return;
}

# Fetches a file by TFTP (RFC 1350, block size by RFC 2348); answers its bytes, or dies with the server's words.
sub fetch_tftp {
    my ($server, $name) = @_;
    socket my $wire, PF_INET, SOCK_DGRAM, getprotobyname('udp') // 17 or die "cannot open a socket: $!\n";
    my $select = IO::Select->new($wire);
    my ($to, $packet) = (pack_sockaddr_in(69, inet_aton($server)), pack 'n a* x a* x a* x a* x', 1, $name, 'octet', 'blksize', '1428');
    my ($content, $block, $size, $tries) = ('', 0, 512, 0);
    send $wire, $packet, 0, $to;
    while (1) {
        if (!$select->can_read(1)) {
            die "no answer\n" if ++$tries >= 4;
            send $wire, $packet, 0, $to;
            next;
        }
        my $from = recv $wire, my $answer, 70000, 0;
        my ($op, $number) = unpack 'n n', $answer;
        die unpack('x4 Z*', $answer) . "\n" if $op == 5;
        $to = $from;
        $tries = 0;
        if ($op == 6) { $size = $1 if substr($answer, 2) =~ /blksize\0(\d+)\0/i; $packet = pack 'n n', 4, 0 }
        elsif ($op == 3) {
            if ($number == ($block + 1) % 65536) { $content .= substr $answer, 4; $block++ }
            $packet = pack 'n n', 4, $number;
        }
        send $wire, $packet, 0, $to;
        return $content if $op == 3 && length($answer) - 4 < $size;
    }
}

# --- the proof: node 0 shows that it serves what this transaction touched ---

my %ARCH = (x64 => 7, ia32 => 6);

sub prove_nodes {
    my ($register, $puts) = @_;
    my ($server) = all_ops($register, 'serve') or return;
    my (undef, $interface, $next, %loader) = @{ $server->[1] };
    my @questions;
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'node')) {
            my (undef, $hostname, $wanted, $macs, $firmware, $own_loader) = @$op;
            my $loader = $own_loader eq '-' ? $loader{$firmware} // '' : $own_loader;
            for my $mac (split /,/, $macs) {
                push @questions,
                    { id => $id, hostname => $hostname, mac => $mac, arch => $ARCH{$firmware}, ipxe => 0, address => $wanted, file => $loader, next => $next },
                    { id => $id, hostname => $hostname, mac => $mac, arch => $ARCH{$firmware}, ipxe => 1, address => $wanted, file => $loader{script}, next => $next };
            }
        }
    }
    return unless @questions;
    ask_dhcp($interface, @questions);
    my %seen;
    for my $ask (@questions) {
        my ($offer, $who) = ($ask->{offer}, ($ask->{ipxe} ? 'iPXE' : 'the firmware') . " of $ask->{hostname} ($ask->{mac})");
        refuse('NOT_SERVING', $ask->{id}, "$who asked by DHCP on $interface and got no answer") unless $offer;
        refuse('NOT_SERVING', $ask->{id}, "$who was offered the address $offer->{address}, not $ask->{address}, by $offer->{from}")
            if $ask->{address} ne '-' && $offer->{address} ne $ask->{address};
        refuse('NOT_SERVING', $ask->{id}, "$who was told the file \"$offer->{file}\", not \"$ask->{file}\", by $offer->{from}") if $offer->{file} ne $ask->{file};
        refuse('NOT_SERVING', $ask->{id}, "$who was sent to the boot server $offer->{next}, not $ask->{next}, by $offer->{from}") if $offer->{next} ne $ask->{next};
        $seen{ $ask->{id} }{loader} = $ask->{file} unless $ask->{ipxe};
        $seen{ $ask->{id} }{macs}{ $ask->{mac} } = 1;
    }
    for my $id (sort keys %seen) {
        my @nodes = ops_of($puts->{$id}, 'node');
        my $count = keys %{ $seen{$id}{macs} };
        my $text = @nodes == 1 ? ($nodes[0][2] eq '-' ? 'an address of the pool' : $nodes[0][2]) . ", $seen{$id}{loader}, then $loader{script}" : scalar(@nodes) . ' nodes';
        output($id, 'verified', "DHCP offered $text ($count MAC" . ($count == 1 ? '' : 's') . ')');
    }
    return;
}

sub prove_files {
    my ($register, $paths) = @_;
    my ($server) = all_ops($register, 'tftpd') or return;
    my (undef, $address, $folder) = @{ $server->[1] };
    for my $found (all_ops($register, 'file')) {
        my ($id, $op) = @$found;
        my (undef, $path, undef, $sha256) = @$op;
        next unless $paths->{$path} && index($path, "$folder/") == 0;
        my $name = substr $path, 1 + length $folder;
        my $content = eval { fetch_tftp($address, $name) };
        refuse('NOT_SERVING', $id, "$name could not be fetched by TFTP from $address: " . ($@ =~ s/\n//r)) unless defined $content;
        refuse('NOT_SERVING', $id, "TFTP served another $name than $path (sha256 " . sha256_text($content) . ", not $sha256)") if sha256_text($content) ne $sha256;
    }
    return;
}

# --- one transaction ---

# What is kept of a path at the first touch: a line that says what it was, and its content beside it.
sub keep_original {
    my ($path, $what) = @_;
    my $base = "$KEPT/" . as_name($path);
    return if -e "$base.is";
    my $line = $what->{type} eq 'file' ? sprintf('file %04o %d %d %d', @$what{qw(mode uid gid mtime)})
        : $what->{type} eq 'link' ? 'link ' . encode($what->{target}) : 'absent';
    write_new($base, slurp($path) // die("cannot read $path: $!\n"), 0600, 0, 0) if $what->{type} eq 'file';
    write_new("$base.is", "$line\n", 0600, 0, 0);
    return;
}

sub kept_original {
    my ($path) = @_;
    my $base = "$KEPT/" . as_name($path);
    my ($type, @rest) = split ' ', slurp("$base.is") // 'absent';
    return { type => 'link', target => decode($rest[0]) } if $type eq 'link';
    return { type => 'file', content => slurp($base), mode => oct $rest[0], uid => $rest[1], gid => $rest[2], mtime => $rest[3] } if $type eq 'file';
    return { type => 'absent' };
}

sub forget_original { my ($path) = @_; my $base = "$KEPT/" . as_name($path); unlink $base, "$base.is"; return }

# An edit by hand is overwritten, but its lines are printed and the whole file is kept.
sub keep_edit {
    my ($id, $path, $new) = @_;
    my $copy = "$EDITS/" . as_name($path) . '.' . time;
    write_new($copy, slurp($path) // return, 0600, 0, 0);
    my (undef, $difference) = run(['diff', '-u', '--label', "$path (as somebody left it)", '--label', "$path (as declared)", $path, $new]);
    my @lines = split /\n/, $difference;
    splice @lines, 40, @lines, '…' if @lines > 40;
    warn_to($id, "$path was changed by hand since the last run; it is overwritten, and kept as $copy\n" . join "\n", @lines);
    return;
}

sub same_as_wanted {
    my ($have, $want, $sha256) = @_;
    return 0 unless $have->{type} eq $want->{type};
    return 1 if $want->{type} eq 'absent';
    return $have->{target} eq $want->{target} if $want->{type} eq 'link';
    return ($sha256 // '') eq $want->{sha256} && $have->{mode} == $want->{mode} && $have->{uid} == $want->{uid} && $have->{gid} == $want->{gid};
}

# The paths that the merged register wants, and those that are let go: path → { type, …, id }.
sub wanted_paths {
    my ($register, $merged, $puts, $contents) = @_;
    my %want;
    for my $id (sort keys %$merged) {
        for my $op (@{ $merged->{$id}{ops} }) {
            my ($word, $path, @rest) = @$op;
            $want{$path} = { type => 'link', target => $rest[0], id => $id } if $word eq 'link' && $puts->{$id};
            next unless $word eq 'file' && $puts->{$id};
            if (defined $contents->{$path}) { $rest[1] = $op->[3] = sha256_text($contents->{$path}) }
            $want{$path} = { type => 'file', content => $contents->{$path}, sha256 => $rest[1], mode => oct $rest[0], uid => 0, gid => 0, id => $id };
        }
    }
    my %held = map { ($_->[1][1] => 1) } all_ops($merged, 'file'), all_ops($merged, 'link');
    my ($dhcp) = all_ops($merged, 'serve');
    if ($dhcp) {
        my $text = render_hosts($merged);
        $want{$HOSTS} = { type => 'file', content => $text, sha256 => sha256_text($text), mode => 0644, uid => 0, gid => 0, id => $dhcp->[0], ours => 1 };
        $held{$HOSTS} = 1;
    }
    my %had = map { ($_->[1][1] => $_->[0]) } all_ops($register, 'file'), all_ops($register, 'link');
    my ($had_dhcp) = all_ops($register, 'serve');
    $had{$HOSTS} = $had_dhcp->[0] if $had_dhcp;
    for my $path (grep { !$held{$_} } keys %had) {
        my $original = kept_original($path);
        $original->{sha256} = sha256_text($original->{content}) if $original->{type} eq 'file';
        $want{$path} = { %$original, id => $had{$path}, released => 1 };
    }
    return (\%want, \%had);
}

sub transact {
    my ($request, $contents, $register) = @_;
    my $puts = $request->{put};
    my %interfaces;
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'interface')) { $interfaces{$id} = check_interface($id, @$op[1 .. 4]) }
        # A server that names its interface by MAC has "@interface@" in its texts.
        next unless defined(my $name = $interfaces{$id});
        for my $op (@{ $puts->{$id}{ops} }) { s/\@interface\@/$name/g for @$op }
        s/\@interface\@/$name/g for map { $contents->{ $_->[1] } } ops_of($puts->{$id}, 'file');
    }
    my $merged = merge_register($register, $request);
    check_dependants($register, $merged, $request);
    make_state_folder() if %$puts;
    bring_packages($puts);
    take_files($puts, $register, $contents);
    $merged = merge_register($register, $request);
    my ($want, $had) = wanted_paths($register, $merged, $puts, $contents);

    my %entries = map { my $id = $_; ("$REGISTER/" . as_name($id) => $merged->{$id} ? render_entry($merged->{$id}) : undef) }
        unique(keys %$puts, keys %{ $request->{drop} }, grep { $merged->{$_} && $merged->{$_} != $register->{$_} } keys %$register);
    for my $path (keys %entries) {
        my $text = $entries{$path};
        $want->{$path} = defined $text ? { type => 'file', content => $text, sha256 => sha256_text($text), mode => 0600, uid => 0, gid => 0, ours => 1 } : { type => 'absent', ours => 1 };
    }

    my %sums = sha256_of(grep { -f && !-l } keys %$want);
    my %have = map { ($_ => look_at($_)) } keys %$want;
    my @changed = grep { !same_as_wanted($have{$_}, $want->{$_}, $sums{$_}) } sort keys %$want;
    for my $path (@changed) {
        refuse('TRANSACTION_FAILED', $want->{$path}{id} // '-', "$path is a $have{$path}{type}, where a file should be; move it away. Nothing was changed")
            if $have{$path}{type} eq 'folder' || $have{$path}{type} eq 'other';
    }
    my %touched = map { ($_ => 1) } @changed;

    my (%restart, %stop, %was);
    for my $found (all_ops($merged, 'unit')) {
        my ($id, $op) = @$found;
        my (undef, $unit, $paths) = @$op;
        my $touched = grep { $touched{$_} } split /,/, $paths;
        next unless $touched || $puts->{$id};
        $was{$unit} = unit_state($unit)->{ActiveState} =~ /^(active|activating|reloading)$/ ? 1 : 0;
        $restart{$unit} = $id if $touched || !$was{$unit};
    }
    my %runs_on = map { ($_->[1][1] => 1) } all_ops($merged, 'unit');
    for my $found (all_ops($register, 'unit')) {
        my ($id, $op) = @$found;
        next if $runs_on{ $op->[1] };
        $stop{ $op->[1] } = $id;
        $was{ $op->[1] } = unit_state($op->[1])->{ActiveState} eq 'active' ? 1 : 0;
    }

    if (@changed || %restart || %stop) {
        change_host($request, $want, \%have, $had, \@changed, \%restart, \%stop, \%was, $merged, \%sums, $register);
    }
    else { prove($merged, $puts, {}, \%restart) }
    for my $id (sort keys %$puts) {
        my $changed = $restart{$id} || grep { ($want->{$_}{id} // '') eq $id } @changed;
        for my $op (ops_of($merged->{$id}, 'file')) {
            next unless grep { $_->[1] eq $op->[1] } ops_of($merged->{$id}, 'taken');
            output($id, 'sha256', $op->[3]);
            output($id, 'bytes', -s $op->[1]);
        }
        tell_client('done', $id, $changed ? 'changed' : 'unchanged');
    }
    tell_client('done', $_, 'dropped') for sort keys %{ $request->{drop} };
    clean_up($merged);
    return;
}

# Everything between "nothing was changed" and "this is served now"; a failure in it puts all back.
sub change_host {
    my ($request, $want, $have, $had, $changed, $restart, $stop, $was, $merged, $sums, $register) = @_;
    my %staged;
    my @ids = (sort keys %{ $request->{put} }, sort keys %{ $request->{drop} });
    my %mode_of = map { ($_->[1][1] => oct $_->[1][2]) } all_ops($merged, 'dir');
    my @made = unique(map { missing_folders($_) } sort keys %mode_of);
    my $candidate = folder_of($DHCPD) . '/.netboot-candidate.conf';
    # First of all, what a power cut while staging would leave lying about.
    my $journal = join '', (map { 'undo folder ' . encode($_) . "\n" } @made),
        (map { 'staged ' . encode($_) . "\n" } $candidate, map { staged_name($_) } @$changed);
    my $nothing_changed = sub {
        my ($reason) = @_;
        eval { undo_transaction(0) };
        die $reason if ref $reason;
        refuse('TRANSACTION_FAILED', '-', $reason =~ s/\n\z//r . '; nothing was changed, and node 0 serves what it served');
    };
    eval {
        replace_file($JOURNAL, $journal, 0600);
        for my $path (@made) {
            mkdir $path, 0700 or die "cannot make $path: $!\n";
            chmod $mode_of{$path} // 0755, $path;
        }
        for my $path (@$changed) {
            my $to = $want->{$path};
            next if $to->{type} eq 'absent';
            my $staged = staged_name($path);
            if ($to->{type} eq 'link') {
                unlink $staged;
                symlink $to->{target}, $staged or die "cannot make $staged: $!\n";
            }
            else {
                write_new($staged, $to->{content} // slurp($path), $to->{mode}, $to->{uid}, $to->{gid});
                utime $to->{mtime}, $to->{mtime}, $staged if $to->{mtime};
            }
            $staged{$path} = $staged;
        }
        check_dhcpd(\%staged, $candidate);
        1;
    } or $nothing_changed->($@);

    my $reload = grep { m{^\Q$UNITS\E/} } @$changed;
    eval {
        my $count = 0;
        for my $path (@$changed) {
            my $from = $have->{$path};
            if (!$want->{$path}{ours} && !$want->{$path}{released}) {
                if (!$had->{$path}) { forget_original($path); keep_original($path, $from) }
                elsif ($from->{type} eq 'file' && defined $sums->{$path} && $sums->{$path} ne recorded_sum($register, $path) && $sums->{$path} ne $want->{$path}{sha256}) {
                    keep_edit($want->{$path}{id}, $path, $staged{$path});
                }
            }
            elsif ($path eq $HOSTS && !$had->{$path}) { forget_original($path); keep_original($path, $from) }
            my @how = ($from->{type}, $path);
            if ($from->{type} eq 'link') { push @how, $from->{target} }
            elsif ($from->{type} eq 'file') {
                my $copy = sprintf '%s/%04d', $UNDO, $count++;
                write_new($copy, slurp($path) // die("cannot read $path: $!\n"), 0600, 0, 0);
                push @how, $copy, sprintf('%04o', $from->{mode}), $from->{uid}, $from->{gid}, $from->{mtime};
            }
            $journal .= join(' ', 'undo', map { encode($_) } @how) . "\n";
        }
        for my $unit (sort keys %$restart) { keep_unit($unit, $was->{$unit}) unless grep { $_->[1][1] eq $unit } all_ops($register, 'unit') }
        $journal .= join(' ', 'unit', encode($_), $was->{$_}) . "\n" for sort keys %$was;
        sync_folder($_) for $KEPT, $EDITS, $UNDO;
        replace_file($JOURNAL, $journal, 0600);
        1;
    } or $nothing_changed->($@);

    eval {
        for my $unit (sort keys %$stop) { run(['systemctl', 'stop', $unit]) }
        for my $path (@$changed) {
            if ($staged{$path}) { rename $staged{$path}, $path or die "cannot rename $staged{$path} to $path: $!\n" }
            else { unlink $path or $!{ENOENT} or die "cannot remove $path: $!\n" }
        }
        sync_folder($_) for unique(map { folder_of($_) } @$changed);
        run(['systemctl', 'daemon-reload']) if $reload;
        for my $unit (sort keys %$stop) {
            my $original = kept_unit($unit);
            run(['systemctl', 'start', $unit]) if $original;
            run(['systemctl', 'reset-failed', $unit]) unless $original;
        }
        if (my @units = sort keys %$restart) {
            say_to($_, 'restarting ' . join(', ', @units)) for unique(values %$restart, grep { $request->{put}{$_} && ops_of($request->{put}{$_}, 'node') } @ids);
            run(['systemctl', 'reset-failed', @units]);
            my ($status, $said) = run(['systemctl', 'restart', @units]);
        }
        prove($merged, $request->{put}, { map { ($_ => 1) } @$changed }, $restart);
        1;
    } or do {
        my $reason = $@;
        my $undone = eval { undo_transaction(0); 1 } ? 'the previous configuration was put back, and node 0 serves it' : "putting the previous configuration back failed: $@";
        my ($code, $id, $message) = ref $reason ? @$reason : ('TRANSACTION_FAILED', '-', $reason =~ s/\n\z//r);
        refuse($code, $id, "$message\n$undone");
    };
    my @released = grep { $want->{$_}{released} } keys %$want;
    clear_journal();
    forget_original($_) for @released;
    forget_unit($_) for keys %$stop;
    # A folder that we made goes with the last file in it; one that was there stays.
    write_new("$KEPT/" . as_name("made:$_"), '', 0600, 0, 0) for @made;
    my @still = map { "$_->[1][1]/" } all_ops($merged, 'dir');
    for my $marker (reverse sort glob "$KEPT/made:*") {
        my $path = decode(name_of($marker) =~ s/^made://r);
        unlink $marker if !(grep { index($_, "$path/") == 0 } @still) && (rmdir $path or !-d $path);
    }
    return;
}

sub recorded_sum {
    my ($register, $path) = @_;
    my ($found) = grep { $_->[1][1] eq $path } all_ops($register, 'file');
    return $found ? $found->[1][3] // '' : '';
}

sub keep_unit { my ($unit, $active) = @_; write_new("$KEPT/" . as_name("unit:$unit"), $active ? "active\n" : "inactive\n", 0600, 0, 0); return }
sub kept_unit { my ($unit) = @_; return (slurp("$KEPT/" . as_name("unit:$unit")) // '') eq "active\n" }
sub forget_unit { my ($unit) = @_; unlink "$KEPT/" . as_name("unit:$unit"); return }

sub missing_folders { my ($path) = @_; return -e $path ? () : (missing_folders(folder_of($path)), $path) }

# What was started or touched must serve: units listen, nodes are answered, files come by TFTP as they are on the disk.
sub prove {
    my ($merged, $puts, $changed, $restart) = @_;
    my %units = map { ($_->[1][1] => $_->[0]) } grep { $restart->{ $_->[1][1] } || $puts->{ $_->[0] } } all_ops($merged, 'unit');
    for my $unit (sort keys %units) {
        my @listens = map { [@{ $_->[1] }[2 .. $#{ $_->[1] }]] } grep { $_->[1][1] eq $unit } all_ops($merged, 'listen');
        await_unit($units{$unit}, $unit, @listens);
        output($units{$unit}, 'listening', join ', ', map { $_->[0] eq 'packet' ? "$_->[1] udp 67" : "$_->[1]:$_->[2] $_->[0]" } @listens);
    }
    prove_nodes($merged, $puts);
    prove_files($merged, $changed);
    return;
}

# The DHCP server can't go while another stack has machines on it, and machines need one.
sub check_dependants {
    my ($register, $merged, $request) = @_;
    my ($had) = all_ops($register, 'serve');
    my ($has) = all_ops($merged, 'serve');
    my @nodes = unique(map { $_->[0] } all_ops($merged, 'node'));
    if ($had && !$has) {
        my @others = grep { stack_of($_) ne stack_of($had->[0]) } @nodes;
        refuse('IN_USE', $had->[0], 'other stacks still have machines on this DHCP server: ' . join(', ', @others) . '; destroy them first. Node 0 is as it was') if @others;
    }
    my @lost = grep { $request->{put}{$_} } @nodes;
    refuse('NOT_SERVING', $lost[0], 'there is no DhcpServer on this host that could serve it; declare one (a NetbootServer has one), and let the node depend on it') if !$has && @lost;
    return;
}

sub make_state_folder {
    for my $folder ($STATE, $REGISTER, $KEPT, $EDITS, $UNDO) { mkdir $folder, 0700 unless -d $folder }
    my $old = slurp("$STATE/agent.pl") // '';
    replace_file("$STATE/agent.pl", $AGENT, 0600) if $old ne $AGENT;
    my $unit = slurp("$UNITS/$RECOVERY") // '';
    return if $unit eq $RECOVERY_UNIT && -l "$UNITS/multi-user.target.wants/$RECOVERY";
    replace_file("$UNITS/$RECOVERY", $RECOVERY_UNIT, 0644);
    mkdir "$UNITS/multi-user.target.wants", 0755;
    symlink "../$RECOVERY", "$UNITS/multi-user.target.wants/$RECOVERY";
    sync_folder("$UNITS/multi-user.target.wants");
    return;
}

# When nobody wants anything of this host any more, nothing of ours stays but the list of the packages that we brought.
sub clean_up {
    my ($merged) = @_;
    return if %$merged;
    unlink "$UNITS/multi-user.target.wants/$RECOVERY", "$UNITS/$RECOVERY";
    run(['systemctl', 'daemon-reload']);
    my @edits = glob "$EDITS/*";
    run(['rm', '-rf', '--', $REGISTER, $KEPT, $UNDO, "$STATE/agent.pl", @edits ? () : ($EDITS)]);
    rmdir $STATE;
    return;
}

# --- looking without touching: how the host differs from what is declared ---

sub look {
    my ($request, $contents, $register) = @_;
    for my $id (sort keys %{ $request->{put} }) {
        my $entry = $request->{put}{$id};
        if (!$register->{$id}) { tell_client('done', $id, 'gone'); next }
        my ($bound) = ops_of($register->{$id}, 'serve');
        my $interface = $bound ? $bound->[1] : undef;
        my $hosts = slurp($HOSTS) // '';
        for my $op (@{ $entry->{ops} }) {
            my ($word, @rest) = @$op;
            if ($word eq 'file' || $word eq 'take') {
                my ($path, $mode) = @rest;
                my $have = look_at($path);
                my $content = $have->{type} eq 'file' ? slurp($path) : undef;
                my $declared = $contents->{$path};
                $declared =~ s/\@interface\@/$interface/g if defined $declared && defined $interface;
                my $wanted = defined $declared ? sha256_text($declared) : recorded_sum($register, $path);
                if (!defined $content) { tell_client('drift', $id, encode($path), 'missing', '-') }
                elsif (sha256_text($content) ne $wanted) { tell_client('drift', $id, encode($path), 'changed', hex_of(length $content <= 4_000_000 && $word eq 'file' ? $content : sha256_text($content))) }
                elsif ($have->{mode} != oct $mode || $have->{uid} || $have->{gid}) { tell_client('drift', $id, encode($path), 'owner', hex_of(sprintf '%04o %d:%d', @$have{qw(mode uid gid)})) }
            }
            elsif ($word eq 'link') {
                my $have = look_at($rest[0]);
                tell_client('drift', $id, encode($rest[0]), 'missing', '-') unless $have->{type} eq 'link' && $have->{target} eq $rest[1];
            }
            elsif ($word eq 'unit') {
                my $state = unit_state($rest[0]);
                tell_client('drift', $id, encode($rest[0]), 'stopped', hex_of("$state->{ActiveState} ($state->{SubState})")) unless $state->{ActiveState} eq 'active';
            }
            elsif ($word eq 'package') {
                my %installed = installed_packages();
                tell_client('drift', $id, encode($rest[0]), 'missing', '-') unless $installed{ $rest[0] };
            }
            elsif ($word eq 'node') {
                tell_client('drift', $id, encode($rest[0]), 'changed', '-') if index($hosts, $rest[-1]) < 0;
            }
        }
        tell_client('done', $id, 'seen');
    }
    return;
}

# --- main ---

sub main {
    my ($task) = @_;
    require POSIX;
    if ($task eq 'recover') {
        $AGENT = '';
        take_lock([]);
        my (undef, $system) = run(['systemctl', 'is-system-running']);
        undo_transaction($system =~ /^(initializing|starting)/ ? 1 : 0);
        return;
    }
    my %contents;
    my $request = parse_request($BODY, \%contents);
    my @ids = (sort keys %{ $request->{put} }, sort keys %{ $request->{drop} });
    my $done = eval {
        check_machine($request->{machine});
        if ($request->{mode} eq 'look') {
            look($request, \%contents, load_register());
        }
        else {
            take_lock(\@ids);
            warn_to($ids[0], 'an earlier transaction was cut short; what it had changed was put back before this one began') if undo_transaction(0);
            transact($request, \%contents, load_register());
        }
        1;
    };
    if (!$done) {
        my ($code, $id, $message) = ref $@ ? @{$@} : ('TRANSACTION_FAILED', '-', $@ =~ s/\n\z//r);
        tell_client('fail', $code, $id, hex_of($message));
    }
    tell_client('end');
    return;
}

main(@ARGV);
