# The proof: node 0 shows that it serves what this transaction touched.

# Who is asked for: the machines that this transaction puts, of a large fleet those that are new or changed, and one of each
# chain that node 0 has, whatever stack it is from. Each is [id, op, whether it only stands for its chain, the chain, the one
# that it had before].
sub machines_to_ask {
    my ($register, $puts, $before, $server) = @_;
    my (undef, undef, undef, $cidr, %loader) = @{ $server->[1] };
    my $chain_by = sub { my ($op, $loader) = @_; return "$op->[4] " . ($op->[5] eq '-' ? $loader->{ $op->[4] } // '' : $op->[5]) };
    my $chain_of = sub { return $chain_by->($_[0], \%loader) };
    my ($server_before) = all_ops($before, 'serve');
    my (undef, undef, undef, undef, %loader_before) = $server_before ? @{ $server_before->[1] } : ();
    my %known = map { (join(' ', @{ $_->[1] }) => 1) } all_ops($before, 'node');
    my (@machines, %asked);
    for my $id (sort keys %$puts) {
        my $many = ops_of($puts->{$id}, 'node') > 1;
        for my $op (ops_of($puts->{$id}, 'node')) {
            if ($op->[6] eq '-') { output($id, 'verified', 'not asked: verify is false'); next }
            next if $asked{ $chain_of->($op) }++ && $many && $known{ join ' ', @$op };
            push @machines, [$id, $op, 0];
        }
    }
    # One that asks not to be proved stands for its chain only if no other does; one outside the network waits for its own change.
    for my $found (sort { ($a->[1][6] eq '-') <=> ($b->[1][6] eq '-') } all_ops($register, 'node')) {
        my ($id, $op) = @$found;
        next unless in_network($op->[2], $cidr);
        push @machines, [$id, $op, 1] unless $asked{ $chain_of->($op) }++;
    }
    return map { [@$_, $chain_of->($_->[1]), $chain_by->($_->[1], \%loader_before)] } @machines;
}

sub in_network {
    my ($address, $cidr) = @_;
    return 1 if $address eq '-';
    my ($subnet, $prefix) = split m{/}, $cidr;
    my $mask = $prefix ? (0xffffffff << (32 - $prefix)) & 0xffffffff : 0;
    return (number_of($address) & $mask) == number_of($subnet);
}

# Both stages of every machine, every file that they name and that the script names, and a machine that nobody declared. What
# only goes is not held up by what is wrong with the rest: so a node 0 that another one has replaced can be destroyed.
sub prove_nodes {
    my ($register, $puts, $before, $changed, $restart) = @_;
    return unless %$puts;
    my ($tftp) = all_ops($register, 'tftpd');
    my $touches_boot = %$restart || $changed->{firewall} || grep { $_ eq $DHCPD || $_ eq $HOSTS || $tftp && index($_, "$tftp->[1][2]/") == 0 } keys %$changed;
    my ($server) = all_ops($register, 'serve') or return;
    my (undef, $interface, $next, $cidr, %loader) = @{ $server->[1] };
    my @machines = machines_to_ask($register, $puts, $before, $server);
    return unless $touches_boot || grep { !$_->[2] } @machines;
    my @questions;
    for my $machine (@machines) {
        my ($id, $op, $stands, $chain, $chain_before) = @$machine;
        my (undef, $hostname, $wanted, $macs, $firmware) = @$op;
        my ($own) = $chain =~ / (.*)/;
        for my $mac ($stands ? (split /,/, $macs)[0] : split /,/, $macs) {
            my %about = (id => $id, hostname => $hostname, mac => $mac, arch => $ARCH{$firmware}, address => $wanted, next => $next, stands => $stands, chain => $chain, before => $chain_before);
            push @questions, { %about, ipxe => 0, file => $own }, { %about, ipxe => 1, file => $loader{script} };
        }
    }
    my %stranger = (stranger => 1, mac => stranger_mac(), arch => 7, ipxe => 0);
    my @others = ask_dhcp($interface, undef, ($touches_boot && refuses_strangers() ? \%stranger : ()), @questions);
    refuse_other_servers([@$server, $register->{ $server->[0] }], $interface, @others);
    refuse('NOT_SERVING', $server->[0], "a machine that no program names ($stranger{mac}) was offered the address $stranger{offer}{address}; "
          . 'take out what lets unknown clients in (extraConfig, a drop-in of the unit), or say unknownMachines: "serve"') if $stranger{offer};
    my (%seen, %failed);
    my %files;
    my $kept_out = $tftp && @questions && $next eq $tftp->[1][1] ? why_not_admitted($interface, $next, $cidr) : undef;
    my $closed = $kept_out && $kept_out->{sure} ? { text => $kept_out->{text}, by => 'firewall' } : undef;
    for my $ask (@questions) {
        next if $failed{ $ask->{chain} };
        my $why = why_not_served($ask) // why_no_file($register, $ask, \%files) // $closed;
        if (!defined $why) { $seen{ $ask->{id} } = $ask->{file} unless $ask->{ipxe} || $ask->{stands}; next }
        refuse('NOT_SERVING', $ask->{id}, $why->{text}) unless $ask->{stands};
        my $is_ours = $why->{by} eq 'dhcpd' ? $restart->{'isc-dhcp-server.service'} || $changed->{$DHCPD} || $changed->{$HOSTS} : $changed->{ $why->{by} } || $changed->{ $why->{besides} // '' };
        $failed{ $ask->{chain} } = { %$why, before => $ask->{before}, moved => $changed->{$DHCPD}, text => "$why->{text} ($ask->{id}, which stands for all machines with this chain)", is_ours => $is_ours };
    }
    judge_chains(\%failed, (sort keys %$puts)[0] // '-', map { $_->[3] } @machines);
    for my $id (sort keys %seen) {
        my @nodes = ops_of($puts->{$id}, 'node');
        my $macs = map { split /,/, $_->[3] } @nodes;
        my $text = @nodes == 1 ? ($nodes[0][2] eq '-' ? 'an address of the pool' : $nodes[0][2]) . ", $seen{$id}, then $loader{script}"
            : 'their addresses and files to ' . scalar(@nodes) . ' machines';
        my $doubt = $kept_out ? "; not proved: $kept_out->{text}" : '';
        # Whoever asks for it anew wants to reboot on it.
        refuse('NOT_SERVING', $id, "$kept_out->{text}; with verify.again, what can't be told is an error") if $kept_out && grep { $_->[6] =~ /^\+./ } @nodes;
        warn_to($id, "not proved: $kept_out->{text}") if $kept_out;
        output($id, 'verified', "DHCP offered $text ($macs MAC" . ($macs == 1 ? '' : 's') . ")$doubt");
    }
    return;
}

# The proof on demand: all machines of these resources, told one by one. Nothing is changed; after a minute the rest is not
# asked for.
sub prove_on_demand {
    my ($request, $register) = @_;
    my ($server) = all_ops($register, 'serve');
    my (undef, $interface, $next, $cidr, %loader) = $server ? @{ $server->[1] } : ();
    my ($tftp) = all_ops($register, 'tftpd');
    my $kept_out = $tftp && ($next // '') eq $tftp->[1][1] ? why_not_admitted($interface, $next, $cidr) : undef;
    my $not_let_in = $kept_out && { text => ($kept_out->{sure} ? '' : 'not proved: ') . $kept_out->{text} };
    my (@questions, %files);
    for my $id (sort keys %{ $request->{put} }) {
        if (!$register->{$id}) { tell_client('done', $id, 'gone'); next }
        for my $op (ops_of($register->{$id}, 'node')) {
            my (undef, $hostname, $wanted, $macs, $firmware, $own) = @$op;
            if (!$server) { output($id, "machine:$hostname", 'there is no DHCP server on this host'); next }
            for my $mac (split /,/, $macs) {
                my %about = (id => $id, hostname => $hostname, mac => $mac, arch => $ARCH{$firmware}, address => $wanted, next => $next);
                push @questions, { %about, ipxe => 0, file => $own eq '-' ? $loader{$firmware} // '' : $own }, { %about, ipxe => 1, file => $loader{script} };
            }
        }
        tell_client('done', $id, 'seen');
    }
    return unless @questions;
    my %stranger = (stranger => 1, mac => stranger_mac(), arch => 7, ipxe => 0);
    my %others = map { ($_->{server} => $_) } ask_dhcp($interface, uptime() + 50, \%stranger, @questions), other_servers($interface, $next, 1.6);
    my $besides = %others && !ops_of($register->{ $server->[0] }, 'otherServers') ? '; another DHCP server answers too: ' . names_of_servers(values %others) : '';
    $besides .= "; a machine that no program names ($stranger{mac}) was offered $stranger{offer}{address}" if $stranger{offer} && refuses_strangers();
    my (%said, %macs, @order);
    for my $ask (@questions) {
        my $key = "$ask->{id} $ask->{hostname}";
        push @order, $ask unless $macs{$key}++;
        $said{$key} //= $ask->{late} ? 'not asked: a minute was over' : (why_not_served($ask) // why_no_file($register, $ask, \%files) // $not_let_in // {})->{text};
    }
    for my $ask (@order) {
        my $key = "$ask->{id} $ask->{hostname}";
        my $count = $macs{$key} / 2;
        my $text = $said{$key} // ($besides eq '' ? 'served: ' . ($ask->{address} eq '-' ? 'an address of the pool' : $ask->{address}) . ", $ask->{file}, then $loader{script} ($count MAC" . ($count == 1 ? '' : 's') . ')' : 'served');
        output($ask->{id}, "machine:$ask->{hostname}", "$text$besides");
    }
    return;
}

# Whether what fails was good and this transaction broke it: by what it touched, or by moving machines to another loader.
sub is_undone {
    my ($good, $chain, $before, $is_ours, $moved) = @_;
    return $good->{$chain} && $is_ours || $before ne $chain && $good->{$before} && $moved;
}

# A chain that was good before and is not any more, by what this transaction touched, undoes it. One that was bad before, or by
# what somebody else has done, is only told of: else two things that are broken would keep each other from being mended.
sub judge_chains {
    my ($failed, $row, @chains) = @_;
    my %good = map { $_ => 1 } split /\n/, slurp($PROVED) // '';
    for my $chain (sort keys %$failed) {
        refuse('NOT_SERVING', '-', $failed->{$chain}{text}) if is_undone(\%good, $chain, @{ $failed->{$chain} }{qw(before is_ours moved)});
        warn_to($row, "not proved: $failed->{$chain}{text}");
    }
    my $text = join '', map { "$_\n" } sort(unique(grep { !$failed->{$_} } @chains));
    replace_file($PROVED, $text, 0600) if -d $STATE && $text ne (slurp($PROVED) // '');
    return;
}

# What is wrong with what a machine is told or given: { text, by }, where `by` is dhcpd or the file; nothing if all is well.
sub why_not_served {
    my ($ask) = @_;
    my ($offer, $who) = ($ask->{offer}, ($ask->{ipxe} ? 'iPXE' : 'the firmware') . " of $ask->{hostname} ($ask->{mac})");
    my $text = !$offer ? "$who asked by DHCP and got no answer"
        : $ask->{address} ne '-' && $offer->{address} ne $ask->{address} ? "$who was offered the address $offer->{address}, not $ask->{address}, by $offer->{from}"
        : $offer->{file} ne $ask->{file} ? "$who was told the file \"$offer->{file}\", not \"$ask->{file}\", by $offer->{from}"
        : $offer->{next} ne $ask->{next} ? "$who was sent to the boot server $offer->{next}, not $ask->{next}, by $offer->{from}"
        : return undef;
    return { text => $text, by => 'dhcpd' };
}

# The same of the file that DHCP names, and of those that the script fetches after it: each file is fetched once.
sub why_no_file {
    my ($register, $ask, $files) = @_;
    my ($server) = all_ops($register, 'tftpd') or return undef;
    my (undef, $address, $folder) = @{ $server->[1] };
    return undef unless $ask->{next} eq $address;
    my $kind = $ask->{ipxe} ? 'script' : $ask->{arch} == $ARCH{ia32} ? 'ia32' : 'x64';
    my $checked = "$ask->{file} $kind";
    return $files->{$checked} if exists $files->{$checked};
    my $get = $files->{get} // sub { fetch_tftp($address, $_[0]) };
    my $look = sub { my ($name, $of) = @_; my $text = why_no_such_file($register, $address, $folder, $name, $of, $get); return defined $text ? { text => $text, by => "$folder/$name" } : undef };
    my $why = $files->{$checked} = $look->($ask->{file}, $kind);
    return $why if $why || !$ask->{ipxe};
    my @names = files_of_script(($files->{get} ? $get->($ask->{file}) : slurp("$folder/$ask->{file}")) // '', $address);
    $why = $files->{$checked} = why_not_alone($register, $folder, $ask->{file}, @names);
    return $why if $why;
    for my $name (@names) {
        $why = $look->($name, 'any') or next;
        # The script names it: whichever of the two was changed.
        my %both = (text => "$why->{text}; $ask->{file} fetches it", by => $why->{by}, besides => "$folder/$ask->{file}");
        return $files->{$checked} = \%both;
    }
    return undef;
}

my %PE_MACHINE = (0x14c => 'ia32', 0x8664 => 'x64', 0xaa64 => 'arm64', 0x1c0 => 'arm', 0x1c2 => 'arm');

sub why_no_such_file {
    my ($register, $address, $folder, $name, $kind, $get) = @_;
    my $content = eval { $get->($name) };
    return "$name could not be fetched by TFTP from $address: " . ($@ =~ s/\n//r) unless defined $content;
    my $sha256 = recorded_sum($register, "$folder/$name") // '';
    return "TFTP served another $name than was declared (sha256 " . sha256_text($content) . ", not $sha256); `pulumi up --refresh` mends what somebody changed"
        if length $sha256 && sha256_text($content) ne $sha256;
    return undef if $kind eq 'any';
    if ($kind eq 'script') { return $content =~ /^#!ipxe\s/ ? undef : "$name is no script of iPXE: its first line is not \"#!ipxe\"" }
    my $header = substr($content, 0, 2) eq 'MZ' && length $content > 64 ? unpack 'V', substr $content, 60, 4 : length $content;
    return "$name is no program of UEFI" unless $header + 6 <= length $content && substr($content, $header, 4) eq "PE\0\0";
    my $machine = unpack 'v', substr $content, $header + 4, 2;
    my $is = $PE_MACHINE{$machine} // sprintf 'machine type %04x', $machine;
    return $is eq $kind ? undef : "$name is a program for $is, and firmware of $kind can't run it";
}

# The files that a script of iPXE fetches from this server, as far as its text tells.
sub files_of_script {
    my ($text, $address) = @_;
    my @commands = map { s/^\s+//r } map { split /&&|\|\|/ } grep { !/^\s*#/ } split /\n/, $text;
    my (%values, %named, @uris, @files);
    for (@commands) {
        push @{ $values{$1} }, $2 if /^set\s+([\w.-]+?)(?::\w+)?\s+(\S+)/;
        next unless /^(?:imgfetch|imgload|module|initrd|kernel|chain|boot|imgexec)\s+(.*)/;
        my @words = split ' ', $1;
        while (@words && $words[0] =~ /^-/) {
            my $option = shift @words;
            # Those with an argument, also at the end of several short ones.
            my $value = $option =~ /^(?:--(?:name|timeout)|-[a-z]*[nt])$/ ? shift @words : undef;
            $named{$value} = 1 if defined $value && $option =~ /^(?:--name|-[a-z]*n)$/;
        }
        push @uris, $words[0] if @words;
    }
    for my $uri (grep { !$named{$_} } @uris) {
        my @names = ($uri);
        for (1 .. 10) {
            last unless @names && $names[0] =~ /\$\{([^}]*)\}/;
            my $variable = $1;
            my @known = $variable =~ m{(?:^|/)next-server$} ? ($address) : @{ $values{$variable} // [] };
            @names = map { my $name = $_; map { $name =~ s/\$\{\Q$variable\E\}/$_/gr } @known } @names;
        }
        push @files, grep { !m{^\w+://} && !/\$\{/ } map { s{^tftp://\Q$address\E(?::69)?/+}{}r } @names;
    }
    return unique(@files);
}

sub names_of_servers { return join ', ', map { "$_->{server} (" . join(':', unpack '(H2)6', $_->{hardware}) . ')' } sort { $a->{server} cmp $b->{server} } @_ }

sub refuses_strangers { return (slurp($DHCPD) // '') =~ /^deny unknown-clients;/m }

# Two servers that both answer: which of them a machine takes is chance.
sub refuse_other_servers {
    my ($server, $interface, @others) = @_;
    return unless @others;
    my $names = names_of_servers(@others);
    return if ops_of($server->[2], 'otherServers');
    refuse('OTHER_DHCP_SERVER', $server->[0], "another DHCP server answers on $interface: $names; which of the two a machine takes is chance. "
          . 'Switch it off, or say otherDhcpServers: "allow" if it leaves these machines alone');
}

# Who else answers, listened for while apt installs; whoever starts dhcpd soon after need not wait for it.
sub begin_listening {
    my ($puts) = @_;
    my ($found) = map { ops_of($_, 'listenFor') } values %$puts or return 0;
    my (undef, $wanted, $address) = @$found;
    my ($by, $value) = split /:/, $wanted, 2;
    my $links = interfaces();
    my ($name) = grep { $by eq 'name' ? $_ eq $value : $links->{$_}{mac} eq $value } sort keys %$links or return 0;
    my $child = fork;
    return $child if $child || !defined $child;
    open STDOUT, '>', '/dev/null';
    my @others = eval { other_servers($name, $address, 2.5) };
    my $text = join '', map { "$_\n" } $name, map { "$_->{server} " . unpack 'H*', $_->{hardware} } @others;
    eval { replace_file($HEARD, $text, 0600) } unless $@;
    POSIX::_exit(0);
}

# What was heard on an interface some minutes ago at most; nothing if nobody listened.
sub heard_on {
    my ($interface) = @_;
    my $since = (stat $HEARD)[9];
    my ($name, @rows) = split /\n/, slurp($HEARD) // '';
    unlink $HEARD;
    return undef unless defined $since && time - $since < 300 && ($name // '') eq $interface;
    return [map { my ($server, $hardware) = split / /; { server => $server, hardware => pack 'H*', $hardware } } @rows];
}

# Before ours is started.
sub check_other_servers {
    my ($puts, $merged) = @_;
    my ($server) = grep { $puts->{ $_->[0] } } all_ops($merged, 'serve') or return;
    return if unit_state('isc-dhcp-server.service')->{ActiveState} eq 'active' || ops_of($merged->{ $server->[0] }, 'otherServers');
    my ($nic) = ops_of($merged->{ $server->[0] }, 'interface');
    my $interface = $server->[1][1];
    my $heard = heard_on($interface);
    say_to($server->[0], "listening for other DHCP servers on $interface") unless $heard;
    refuse_other_servers([@$server, $merged->{ $server->[0] }], $interface, $heard ? @$heard : other_servers($interface, $nic->[2], 1.6));
    return;
}

sub prove_files {
    my ($register, $paths, $restart) = @_;
    my ($server) = all_ops($register, 'tftpd') or return;
    my (undef, $address, $folder) = @{ $server->[1] };
    my @touched = grep { $paths->{ $_->[1][1] } && index($_->[1][1], "$folder/") == 0 } all_ops($register, 'file');
    # Somebody stopped it, and its own change in this up, or the next, starts it.
    if (@touched && !$restart->{'tftpd-hpa.service'} && unit_state('tftpd-hpa.service')->{ActiveState} eq 'inactive') {
        warn_to($touched[0][0], 'not proved: tftpd-hpa.service does not run; `pulumi up --refresh` starts it');
        return;
    }
    for my $found (@touched) {
        my ($id, $op) = @$found;
        my (undef, $path, undef, $sha256) = @$op;
        my $name = substr $path, 1 + length $folder;
        my $content = eval { fetch_tftp($address, $name) };
        refuse('NOT_SERVING', $id, "$name could not be fetched by TFTP from $address: " . ($@ =~ s/\n//r)) unless defined $content;
        refuse('NOT_SERVING', $id, "TFTP served another $name than $path (sha256 " . sha256_text($content) . ", not $sha256)") if sha256_text($content) ne $sha256;
    }
    return;
}
