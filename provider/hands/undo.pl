# Undoing: the journal says what to put back; each line may be carried out any number of times.

sub journal_lines { my $text = slurp($JOURNAL); return defined $text ? (split /\n/, $text) : () }

sub undo_files {
    my $reload = 0;
    # First what was staged, so that the folders that were made for it can go.
    unlink map { decode((split / /, $_)[1]) } grep { /^staged / } journal_lines();
    for my $line (reverse journal_lines()) {
        my ($word, @rest) = map { decode($_) } split / /, $line;
        next unless $word eq 'undo';
        my ($what, $path, @how) = @rest;
        $reload = 1 if $path =~ m{^\Q$UNITS\E/};
        if ($what eq 'absent') {
            keep_late_edit($path, $how[0]) if defined $how[0];
            unlink $path;
        }
        elsif ($what eq 'folder') { rmdir $path }
        elsif ($what eq 'link') {
            keep_late_edit($path, $how[1]) if defined $how[1];
            my $staged = staged_name($path);
            unlink $staged;
            symlink $how[0], $staged and rename $staged, $path;
        }
        elsif ($what eq 'file') {
            my ($copy, $mode, $uid, $gid, $mtime, $ours) = @how;
            my $content = slurp($copy);
            next unless defined $content;
            keep_late_edit($path, $ours, sha256_text($content)) if defined $ours;
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
    unlink $JOURNAL, staged_name($JOURNAL);
    sync_folder($STATE);
    unlink glob "$UNDO/*";
    return;
}

# Puts everything back that the journal names and brings the units back to what they did. Answers what was undone.
sub undo_transaction {
    my ($booting) = @_;
    if (!-e $JOURNAL) {
        # What a power cut directly after a commit has left.
        unlink glob "$UNDO/*";
        return 0;
    }
    my $reload = undo_files();
    my @units = map { [map { decode($_) } split / /, $_] } grep { /^unit / } journal_lines();
    run(['systemctl', 'daemon-reload']) if $reload;
    for my $unit ($booting ? () : @units) {
        my (undef, $name, $was_active) = @$unit;
        run(['systemctl', 'reset-failed', $name]);
        run(['systemctl', { 0 => 'stop', 1 => 'restart', reload => 'reload' }->{$was_active}, $name]);
    }
    for my $line ($booting ? () : grep { /^firewall/ } journal_lines()) {
        my (undef, @commands) = split / /, $line;
        undo_firewall(map { [parts_of(decode($_))] } @commands);
    }
    clear_journal();
    return 1;
}
