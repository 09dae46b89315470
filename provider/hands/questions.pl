# Questions: what the client asks of this host before it decides. Nothing here knows what an answer means.

my $MOST_ENTRIES = 5000;

# Answers questions one after another: each line { key, ask, … }; an earlier answer, as a text, can make a later question needless.
sub answer_questions {
    my ($register, @questions) = @_;
    my %said;
    for my $question (@questions) {
        my $key = $question->{key};
        next if defined $question->{whenKey} && ($said{ $question->{whenKey} } // '') !~ /$question->{whenMatches}/m;
        next unless resolve_held($register, $question);
        my $ask = { run => \&answer_run, path => \&answer_path, folder => \&answer_folder, holders => \&answer_holders,
            packetSockets => \&answer_packet_sockets, machines => \&answer_machines,
            others => \&answer_others, boots => \&answer_boots, roster => \&answer_roster, joined => \&answer_joined }->{ $question->{ask} };
        $said{$key} = $ask ? $ask->($question, $register) : die "there is no question $question->{ask}\n";
    }
    return;
}

# "@held:tftpd:2@" is the second word of the register's first line that begins with tftpd; without one the question falls away.
sub resolve_held {
    my ($register, $question) = @_;
    for my $value (grep { /\@held:/ } values %$question) {
        my @words = $value =~ /\@held:(\w+:\d+)\@/g;
        my %found = map { ($_ => held_word($register, split /:/)) } @words;
        return 0 if grep { !defined } values %found;
        $value =~ s/\@held:(\w+:\d+)\@/$found{$1}/g;
    }
    return 1;
}

sub held_word {
    my ($register, $word, $at) = @_;
    my ($line) = grep { /^\Q$word\E(?: |$)/ } map { @{ $register->{$_}{head} } } sort keys %$register;
    return undef unless defined $line;
    my $found = (split / /, $line)[$at];
    return defined $found ? decode($found) : undef;
}

sub answer_run {
    my ($question) = @_;
    my @argv = parts_of($question->{argv});
    if (!$question->{for}) {
        my ($status, $said) = run(\@argv, seconds => 20, most => 4_000_000);
        tell_client('ran', key => $question->{key}, status => $status, said => $said);
        return $said;
    }
    my $all = '';
    for my $name (grep { $_ ne 'lo' } sort keys %{ interfaces() }) {
        my ($status, $said) = run([map { s/\@interface\@/$name/gr } @argv], seconds => 20, most => 4_000_000);
        tell_client('ran', key => $question->{key}, for => $name, status => $status, said => $said);
        $all .= $said;
    }
    return $all;
}

sub answer_path {
    my ($question) = @_;
    return tell_seen($question->{key}, $question->{path}, $question->{most} // 0, $question->{hashed});
}

sub answer_folder {
    my ($question, $register) = @_;
    my $folder = $question->{path};
    tell_client('folder', key => $question->{key}, path => $folder);
    opendir my $handle, $folder or return '';
    my @names = grep { !/^\.\.?$/ } sort readdir $handle;
    splice @names, $MOST_ENTRIES if @names > $MOST_ENTRIES;
    my %held = map { ($_ => 1) } map { /^file (\S+)/ ? decode($1) : () } map { @{ $_->{head} } } values %$register;
    my $hashed = $question->{hashed} // '';
    tell_seen($question->{key}, "$folder/$_", $question->{most} // 0, $hashed eq 'held' ? $held{"$folder/$_"} : $hashed) for @names;
    return join "\n", @names;
}

# What is at a path, and whose link one goes through on the way there.
sub tell_seen {
    my ($key, $path, $most, $hashed) = @_;
    my $what = look_at($path);
    my ($content, $sha256);
    if ($what->{type} eq 'file') {
        $content = $most ? (slurp($path, $most) // '') : undef;
        ($sha256) = values %{ { sha256_of($path) } } if $hashed;
    }
    tell_client('seen', key => $key, path => $path, %$what, mode => sprintf('%04o', $what->{mode} // 0), content => $content, sha256 => $sha256, link => foreign_link($path));
    return $content // $what->{type};
}

# ---- Sockets ----

sub table_rows { my ($path) = @_; my @rows = map { [split ' '] } split /\n/, slurp($path) // ''; shift @rows; return @rows }

sub sockets_of {
    my ($pid) = @_;
    my %inodes;
    opendir my $folder, "/proc/$pid/fd" or return \%inodes;
    for my $fd (readdir $folder) {
        my $target = readlink "/proc/$pid/fd/$fd";
        $inodes{$1} = 1 if defined $target && $target =~ /^socket:\[(\d+)\]$/;
    }
    return \%inodes;
}

# inode → the values that tell of the process that has it.
sub owners_of {
    my (@inodes) = @_;
    my (%wanted, %owners);
    @wanted{@inodes} = ();
    return {} unless @inodes;
    for my $process (glob '/proc/[0-9]*') {
        my $pid = name_of($process);
        for my $inode (grep { exists $wanted{$_} } keys %{ sockets_of($pid) }) {
            my ($unit) = (slurp("/proc/$pid/cgroup") // '') =~ m{([^/\n]+\.(?:service|socket))$}m;
            $owners{$inode} //= { pid => $pid, program => (slurp("/proc/$pid/comm") // '') =~ s/\n//r, unit => $unit };
        }
    }
    return \%owners;
}

# An address of /proc/net: four or sixteen bytes, each word of four the other way round.
sub address_of_hex {
    my ($hex) = @_;
    my $bytes = pack 'V*', unpack 'N*', pack 'H*', $hex;
    return length $bytes == 4 ? inet_ntoa($bytes) : Socket::inet_ntop(AF_INET6, $bytes);
}

sub answer_holders {
    my ($question) = @_;
    my %wanted = map { ($_ => 1) } parts_of($question->{ports});
    my @found;
    for my $protocol ('udp', 'tcp', 'udp6', 'tcp6') {
        for my $row (table_rows("/proc/net/$protocol")) {
            my ($address, $port) = split /:/, $row->[1];
            # Of tcp only what listens (state 0A), not its connections.
            next if !$wanted{ hex $port } || $protocol =~ /tcp/ && $row->[3] ne '0A';
            push @found, [$row->[9], protocol => $protocol, address => address_of_hex($address), port => hex $port];
        }
    }
    return tell_owned('holder', $question->{key}, @found);
}

sub answer_packet_sockets {
    my ($question) = @_;
    my $links = interfaces();
    my %name_of = map { ($links->{$_}{index} => $_) } keys %$links;
    my @found = map { [$_->[8], interface => $name_of{ $_->[4] } // ''] } table_rows('/proc/net/packet');
    return tell_owned('packet', $question->{key}, @found);
}

sub tell_owned {
    my ($word, $key, @found) = @_;
    my $owners = owners_of(map { $_->[0] } @found);
    tell_client('sockets', key => $key);
    my $all = '';
    for (@found) {
        my ($inode, %values) = @$_;
        my $owner = $owners->{$inode} // { pid => 0, program => '' };
        tell_client($word, key => $key, %values, %$owner);
        $all .= "$owner->{program}\n";
    }
    return $all;
}

# ---- Machines ----

sub number_of { my ($address) = @_; return unpack 'N', inet_aton($address) }

# Machines of other resources: with an address outside or inside a range, or with one of some names.
sub answer_machines {
    my ($question, $register) = @_;
    my $where = $question->{where};
    my ($first, $last) = $where eq 'named' ? () : map { number_of($question->{$_}) } 'first', 'last';
    my %named = map { ($_ => 1) } parts_of($question->{names});
    my %skipped = map { ($_ => 1) } parts_of($question->{without});
    tell_client('machines', key => $question->{key});
    my $told = 0;
    for my $machine (grep { !$skipped{ $_->{id} } && $_->{address} ne '-' } all_machines($register)) {
        my $number = number_of($machine->{address});
        my $is_meant = $where eq 'named' ? $named{ $machine->{hostname} } : ($first <= $number && $number <= $last) == ($where eq 'inside');
        next unless $is_meant;
        last if $told++ > $MOST_ENTRIES;
        tell_client('placed', key => $question->{key}, map { ($_ => $machine->{$_}) } 'id', 'hostname', 'address');
    }
    return '';
}

# How a file that is joined from all machines differs from what the register makes of it, and the machines that it lacks.
sub answer_joined {
    my ($question, $register) = @_;
    my $text = slurp($question->{path});
    my $wanted = joined_content($register, { %$question, is => 'file' });
    my $is_missing = !defined $text || defined $question->{begin} && $text !~ block_pattern($question);
    tell_client('joined', key => $question->{key}, how => $is_missing ? 'missing' : $text eq ($wanted // '') ? 'same' : 'changed');
    return '' if $question->{of} ne 'blocks';
    for my $id (parts_of($question->{ids})) {
        for my $machine (map { machine_of($_) } @{ ($register->{$id} // {})->{nodes} // [] }) {
            next if index($text // '', decode($machine->{blocks})) >= 0;
            tell_client('unjoined', key => $question->{key}, id => $id, hostname => $machine->{hostname});
        }
    }
    return '';
}

# Other DHCP servers on an interface, as heard in some seconds now, or by whoever listened while apt was at work.
sub answer_others {
    my ($question) = @_;
    my $heard = heard_on($question->{interface});
    say_to($_, "listening for other DHCP servers on $question->{interface}") for $heard ? () : parts_of($question->{told});
    my @others = $heard ? @$heard : other_servers($question->{interface}, $question->{address}, $question->{seconds});
    tell_client('others', key => $question->{key});
    tell_client('other', key => $question->{key}, server => $_->{server}, hardware => hardware_text($_->{hardware})) for @others;
    return '';
}

sub hardware_text { my ($bytes) = @_; return join ':', unpack '(H2)6', $bytes }

# Every interface: name → { index, mac }. Asked of the kernel by ip(8), because a container may see another one's /sys.
sub interfaces {
    my (undef, $said) = run(['ip', '-o', 'link', 'show']);
    my %links;
    for (split /\n/, $said) {
        $links{$2} = { index => $1, mac => $3 } if m{^(\d+): ([^:@]+)[:@].* link/\w+ ([0-9a-f:]+)};
    }
    return \%links;
}
