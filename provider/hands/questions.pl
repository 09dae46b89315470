# Questions: what the client asks of this host before it decides. Nothing here knows what an answer means.
package Netboot::Questions;
use Netboot::Perl gives => qw(answer_questions);
use List::Util qw(min);
use Socket qw(inet_aton);
use Netboot::Words qw(decode encode parts_of say_to tell_client);
use Netboot::Programs qw(begin_run run);
use Netboot::Files qw(foreign_link look_at sha256_of slurp);
use Netboot::Store qw(all_machines block_pattern held_word joined_content machines_of);
use Netboot::Sockets qw(interfaces owners_of);
use Netboot::Probes qw(heard_on other_servers);
use Netboot::History qw(log_of_boots);

my $MOST_ENTRIES = 5000;
my $AHEAD = 3;

# Each tells its answer with the question's key; what it returns is the answer as a text.
my %ANSWERS = (
    run => \&answer_run, path => \&answer_path, folder => \&answer_folder, holders => \&answer_holders,
    machines => \&answer_machines, others => \&answer_others,
    boots => \&answer_boots, roster => \&answer_roster, joined => \&answer_joined,
);

# Answers questions one after another: each line { key, ask, … }; an earlier answer can make a later question needless.
# Programs that depend on nothing run ahead of their turn, some side by side.
sub answer_questions ($register, @questions) {
    my ($at, %said) = (0);
    for my $question (@questions) {
        my ($key, $ask, $when) = $question->@{qw(key ask whenKey)};
        for my $next (grep { is_free($_) } @questions[$at .. min($at + $AHEAD, $#questions)]) {
            $next->{begun} //= begin_answer(parts_of($next->{argv}));
        }
        $at++;
        next if defined $when && ($said{$when} // '') !~ /$question->{whenMatches}/m;
        next unless resolve_held($register, $question);
        my $answer = $ANSWERS{$ask} // die "there is no question $ask\n";
        $said{$key} =
            $answer->($question, $register, sub { my ($word, @more) = @_; tell_client($word, key => $key, @more) });
    }
}

sub is_free ($line) {
    return $line->{ask} eq 'run' && !defined $line->{whenKey} && !$line->{for} && $line->{argv} !~ /\@held:/;
}

sub begin_answer (@argv) { return begin_run(\@argv, seconds => 20, most => 4_000_000) }

# "@held:tftpd:2@" is the second word of the register's first line of tftpd's; without one the question falls away.
sub resolve_held ($register, $question) {
    for my $value (grep { /\@held:/ } values %$question) {
        my %found = map { ($_ => held_word($register, split /:/)) } $value =~ /\@held:(\w+:\d+)\@/g;
        return 0 if grep { !defined } values %found;
        $value =~ s/\@held:(\w+:\d+)\@/$found{$1}/g;
    }
    return 1;
}

# Once, or `for` each interface.
sub answer_run ($question, $register, $tell) {
    my @argv = parts_of($question->{argv});
    my $all = '';
    for my $name ($question->{for} ? grep { $_ ne 'lo' } sort keys interfaces()->%* : undef) {
        my @words = defined $name ? map { s/\@interface\@/$name/gr } @argv : @argv;
        my ($status, $said) = ($question->{begun} // begin_answer(@words))->();
        $tell->('ran', for => $name, status => $status, said => $said);
        $all .= $said;
    }
    return $all;
}

sub answer_path ($question, $register, $tell) { return tell_seen($tell, $question->@{qw(most hashed path)}) }

sub answer_folder ($question, $register, $tell) {
    my ($folder, $most, $hashed) = $question->@{qw(path most hashed)};
    $tell->('folder', path => $folder);
    opendir my $handle, $folder or return '';
    my @names = grep { !/^\.\.?$/ } sort readdir $handle;
    splice @names, $MOST_ENTRIES if @names > $MOST_ENTRIES;
    my %is_held = map { /^file (\S+)/ ? (decode($1) => 1) : () } map { $_->{head}->@* } values %$register;
    tell_seen($tell, $most, ($hashed // '') eq 'held' ? \%is_held : $hashed, map { "$folder/$_" } @names);
    return join "\n", @names;
}

# What is at paths, and whose link one goes through on the way there; `hashed` are all, or those of a hash.
sub tell_seen ($tell, $most, $hashed, @paths) {
    my ($said, %sums) = ('', sha256_of(grep { (ref $hashed ? $hashed->{$_} : $hashed) && -f && !-l } @paths));
    for my $path (@paths) {
        my %what = look_at($path)->%*;
        my $content = $what{type} eq 'file' && $most ? slurp($path, $most) // '' : undef;
        $what{mode} = sprintf '%04o', $what{mode} // 0;
        $tell->('seen', path => $path, %what, content => $content, sha256 => $sums{$path}, link => foreign_link($path));
        $said = $content // $what{type};
    }
    return $said;
}

# What is bound to some ports, and all packet sockets, by ss(8), which knows their interfaces as /proc/net does not.
sub answer_holders ($question, $register, $tell) {
    my %is_meant = map { ($_ => 1) } parts_of($question->{ports});
    my (undef, $said) = run([qw(ss -Hlne --udp --tcp --packet)]);
    my @found;
    while ($said =~ /^(\w+) +\S+ +\d+ +\d+ +(\S+):(\S+) .* ino:(\d+)/gm) {
        push @found, [$4, protocol => $1, local => $2, port => $3] if index($1, 'p_') == 0 || $is_meant{$3};
    }
    my $owners = owners_of(map { $_->[0] } @found);
    $tell->('sockets');
    for my $each (@found) {
        my ($inode, %values) = @$each;
        $tell->('holder', %values, ($owners->{$inode} // { pid => 0, program => '' })->%*);
    }
    return '';
}

sub number_of ($address) { return unpack 'N', inet_aton($address) }

# Machines of other resources: with an address outside or inside a range, or with one of some names.
sub answer_machines ($question, $register, $tell) {
    my $where = $question->{where};
    my ($first, $last) = $where eq 'named' ? () : map { number_of($_) } $question->@{qw(first last)};
    my %is_named = map { ($_ => 1) } parts_of($question->{names});
    my %is_skipped = map { ($_ => 1) } parts_of($question->{without});
    my @found = grep {
        my $number = number_of($_->{address});
        $where eq 'named'
            ? $is_named{ $_->{hostname} }
            : ($first <= $number && $number <= $last) == ($where eq 'inside');
    } grep { $_->{address} ne '-' } machines_of($register, grep { !$is_skipped{$_} } sort keys %$register);
    splice @found, $MOST_ENTRIES + 1 if @found > $MOST_ENTRIES;
    $tell->('machines');
    for my $machine (@found) {
        $tell->('placed', map { ($_ => $machine->{$_}) } qw(id hostname address));
    }
    return '';
}

# How a file that is joined from all machines differs from what the register makes of it, and which it lacks; one of
# which it has a MAC was changed.
sub answer_joined ($question, $register, $tell) {
    my ($text, $wanted) = (slurp($question->{path}), joined_content($register, { %$question, is => 'file' }) // '');
    my $is_missing = !defined $text || defined $question->{begin} && $text !~ block_pattern($question);
    $tell->('joined', how => my $how = $is_missing ? 'missing' : $text eq $wanted ? 'same' : 'changed');
    my @ids = $how eq 'same' || $question->{of} ne 'blocks' ? () : parts_of($question->{ids});
    for my $machine (machines_of($register, @ids)) {
        next if index($text // '', $machine->{blocks}) >= 0;
        my $is = (grep { index(lc($text // ''), $_) >= 0 } split /,/, $machine->{macs}) ? 'changed' : 'missing';
        $tell->('unjoined', how => $is, map { ($_ => $machine->{$_}) } qw(id hostname));
    }
    return '';
}

# The lines of the log since a time, of all machines or of those of one resource.
sub answer_boots ($question, $register, $tell) {
    my $of = $question->{of};
    return '' if defined $of && !grep { $_ eq 'history' } ($register->{$of} // { head => [] })->{head}->@*;
    my $macs = defined $of ? [map { split /,/, $_->{macs} } machines_of($register, $of)] : undef;
    $tell->('boots', log => log_of_boots(held_word($register, 'tftpd', 1) // '', $question->{since}, $macs));
    return '';
}

# Every machine that is declared, with its MACs.
sub answer_roster ($question, $register, $tell) {
    my @rows = map { join ' ', encode($_->{id}), $_->@{qw(hostname macs)} } all_machines($register);
    $tell->('roster', machines => join "\n", @rows);
    return '';
}

# Other DHCP servers on an interface, as heard in some seconds now, or by whoever listened while apt was at work.
sub answer_others ($question, $register, $tell) {
    my ($interface, $address, $seconds) = $question->@{qw(interface address seconds)};
    my $heard = heard_on($interface) // do {
        say_to("listening for other DHCP servers on $interface", parts_of($question->{told}));
        [other_servers($interface, $address, $seconds)];
    };
    $tell->('others');
    $tell->('other', %$_) for @$heard;
    return '';
}
