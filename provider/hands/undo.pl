# Undoing: the journal says what to put back; each line may be carried out any number of times.
package Netboot::Undo;
use Netboot::Perl gives => qw(clear_journal undo_transaction);
use Netboot::Constants qw($JOURNAL $STATE $UNDO $UNITS);
use Netboot::Words qw(folder_of staged_name words_of);
use Netboot::Files qw(lines_of look_at replace_file sha256_text slurp stage_beside sync_folder);
use Netboot::Units qw(systemctl);
use Netboot::Originals qw(keep_late_edit);
use Netboot::Firewall qw(undo_firewall);

# The journal's lines that begin with a word: each what follows it.
sub journaled ($wanted) {
    return map { my ($word, @rest) = words_of($_); $word eq $wanted ? [@rest] : () } lines_of($JOURNAL);
}

sub drop_staged() { unlink map { $_->[0] } journaled('staged') }

# Path → why it could not be put back: one that can't be stops none of the others.
sub undo_files() {
    # First what was staged, so that the folders that were made for it can go.
    drop_staged();
    my @lines = reverse journaled('undo');
    my %failed = map { eval { put_back(@$_); 1 } ? () : ($_->[1] => $@ =~ s/\n\z//r) } @lines;
    systemctl('daemon-reload') if grep { $_->[1] =~ m{^\Q$UNITS\E/} } @lines;
    return \%failed;
}

# What is as it was is passed over.
sub put_back ($what, $path, @how) {
    return rmdir $path if $what eq 'folder';
    # What we wrote there stands last, if we wrote something.
    my $ours = $how[{ absent => 0, link => 1, file => 5 }->{$what}];
    my $content = $what eq 'file' ? slurp($how[0]) // return : undef;
    my ($have, %was) = (look_at($path), type => $what);
    if ($what eq 'link') { $was{target} = $how[0] }
    if ($what eq 'file') { @was{qw(content mode uid gid mtime)} = ($content, oct $how[1], @how[2 .. 4]) }
    $have->{content} = slurp($path) if $have->{type} eq 'file' && $what eq 'file';
    return if !grep { ($have->{$_} // '') ne $was{$_} } keys %was;
    keep_late_edit($path, $ours, defined $content ? sha256_text($content) : ()) if defined $ours;
    if ($what eq 'absent') { unlink $path or $!{ENOENT} or die "$path ($!)\n" }
    elsif (!rename my $staged = stage_beside($path, \%was), $path) {
        my $why = $!;
        unlink $staged;
        die "$path ($why)\n";
    }
    sync_folder(folder_of($path));
}

sub clear_journal() {
    drop_staged();
    unlink $JOURNAL, staged_name($JOURNAL);
    sync_folder($STATE);
    unlink glob "$UNDO/*";
    return 1;
}

# Puts all back that the journal names, units too, which start later at boot. Answers whether there was anything.
sub undo_transaction ($is_booting) {
    if (!-e $JOURNAL) {
        # What a power cut directly after a commit has left.
        unlink glob "$UNDO/*";
        return 0;
    }
    my $failed = undo_files();
    if (!$is_booting) {
        for my $unit (journaled('unit')) {
            my ($name, $was) = @$unit;
            systemctl('reset-failed', $name);
            my ($status) = systemctl({ 0 => 'stop', 1 => 'restart', reload => 'reload' }->{$was}, $name);
            systemctl('restart', $name) if $was eq 'reload' && $status;
        }
        undo_firewall(@$_) for journaled('heads');
    }
    return clear_journal() if !%$failed;
    # What is left is tried again by whoever comes next.
    my @left = grep { my ($word, undef, $path) = words_of($_); $word eq 'unit' || $failed->{ $path // '' } }
        lines_of($JOURNAL);
    replace_file($JOURNAL, join '', map { "$_\n" } @left);
    die 'all that a change had written was put back but for ', join(', ', map { $failed->{$_} } sort keys %$failed),
        "; lsattr and findmnt show what holds a path\n";
}
