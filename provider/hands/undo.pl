# Undoing: the journal says what to put back; each line may be carried out any number of times.
package Netboot::Undo;
use Netboot::Perl gives => qw(clear_journal undo_transaction);
use Netboot::Constants qw($JOURNAL $STATE $UNDO $UNITS);
use Netboot::Words qw(folder_of staged_name words_of);
use Netboot::Files qw(lines_of sha256_text slurp stage_beside sync_folder);
use Netboot::Units qw(systemctl);
use Netboot::Originals qw(keep_late_edit);
use Netboot::Firewall qw(reapply_firewall undo_firewall);

# The journal's lines that begin with a word: each what follows it.
sub journaled ($wanted) {
    return map { my ($word, @rest) = words_of($_); $word eq $wanted ? [@rest] : () } lines_of($JOURNAL);
}

sub drop_staged() { unlink map { $_->[0] } journaled('staged') }

sub undo_files() {
    # First what was staged, so that the folders that were made for it can go.
    drop_staged();
    my @lines = reverse journaled('undo');
    for my $line (@lines) {
        my ($what, $path, @how) = @$line;
        # What we wrote there stands last, if we wrote something.
        my $ours = $how[{ absent => 0, folder => 0, link => 1, file => 5 }->{$what}];
        my $content = $what eq 'file' ? slurp($how[0]) // next : undef;
        keep_late_edit($path, $ours, defined $content ? sha256_text($content) : ()) if defined $ours;
        if ($what eq 'absent') { unlink $path }
        if ($what eq 'folder') { rmdir $path }
        if ($what eq 'link') { eval { rename stage_beside($path, { type => 'link', target => $how[0] }), $path } }
        if ($what eq 'file') {
            my (undef, $mode, $uid, $gid, $mtime) = @how;
            my %was = (mode => oct $mode, uid => $uid, gid => $gid, mtime => $mtime);
            rename stage_beside($path, { type => 'file', content => $content, %was }), $path
                or die "cannot put $path back: $!\n";
        }
        sync_folder(folder_of($path));
    }
    return scalar grep { $_->[1] =~ m{^\Q$UNITS\E/} } @lines;
}

sub clear_journal() {
    drop_staged();
    unlink $JOURNAL, staged_name($JOURNAL);
    sync_folder($STATE);
    unlink glob "$UNDO/*";
}

# Puts everything back that the journal names and brings the units back to what they did; at boot they start after this.
# Answers whether there was anything to undo.
sub undo_transaction ($is_booting) {
    if (!-e $JOURNAL) {
        # What a power cut directly after a commit has left.
        unlink glob "$UNDO/*";
        return 0;
    }
    systemctl('daemon-reload') if undo_files();
    if (!$is_booting) {
        for my $unit (journaled('unit')) {
            my ($name, $was) = @$unit;
            systemctl('reset-failed', $name);
            systemctl({ 0 => 'stop', 1 => 'restart', reload => 'reload' }->{$was}, $name);
        }
        undo_firewall(@$_) for journaled('heads');
        # Of an agent that kept no heads.
        reapply_firewall() if journaled('firewall');
    }
    clear_journal();
    return 1;
}
