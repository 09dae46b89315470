# Files: read, written whole and on the disk, looked at; no link is ever followed.

# The content of a file, or its beginning; undefined if there is none. Whatever lies there, it does not block.
sub slurp {
    my ($path, $most) = @_;
    sysopen my $in, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK or return undef;
    binmode $in;
    my $text = '';
    if (defined $most) { read $in, $text, $most }
    else { local $/; $text = <$in> }
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

# A link on the way to a path that its owner could turn to wherever he likes; root's own links are as he wants them.
sub foreign_link {
    my ($path) = @_;
    for (my $folder = folder_of($path); $folder ne '/'; $folder = folder_of($folder)) {
        return $folder if -l $folder && (lstat _)[4] != 0;
    }
    return undef;
}

# What is at a path: { type, mode, uid, gid, mtime, target }.
sub look_at {
    my ($path) = @_;
    my @stat = lstat $path;
    return { type => 'absent' } unless @stat;
    my %what = (mode => S_IMODE($stat[2]), uid => $stat[4], gid => $stat[5], size => $stat[7], mtime => $stat[9], ctime => $stat[10]);
    return { %what, type => 'link', target => readlink $path } if S_ISLNK($stat[2]);
    return { %what, type => 'folder' } if S_ISDIR($stat[2]);
    return { %what, type => 'file' } if S_ISREG($stat[2]);
    return { %what, type => 'other' };
}
