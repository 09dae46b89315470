# Files: read, written whole and on the disk, looked at; no link is ever followed.
package Netboot::Files;
use Netboot::Perl gives => qw(slurp slurp_whole lines_of sync_folder write_new copy_of stage_beside replace_file
    why_fixed write_list sha256_of sha256_text foreign_link look_at);
use Fcntl qw(:DEFAULT :mode);
use IPC::Open2 qw(open2);
use Netboot::Words qw(folder_of staged_name);
use Netboot::Programs qw(run);

my %SUMS;

# The content of a file, or its beginning; undefined if there is none. Whatever lies there, it does not block.
sub slurp ($path, $most = undef) {
    sysopen my $in, $path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK or return undef;
    binmode $in;
    my $text = '';
    if (defined $most) { read $in, $text, $most }
    else { local $/; $text = <$in> }
    return $text // '';
}
sub slurp_whole ($path) { return slurp($path) // die "cannot read $path: $!\n" }

# The lines of a file; none if it is not there.
sub lines_of ($path) { return split /\n/, slurp($path) // '' }

sub sync_folder ($folder) { sysopen my $handle, $folder, O_RDONLY | O_DIRECTORY or return; $handle->sync }

# A new file with its whole content on the disk, or an exception. Never follows a link, never opens what is there.
sub write_new ($path, $content, $mode = 0600, $uid = 0, $gid = 0) {
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

# A copy of a file, and what it was: where it lies, mode, uid, gid, mtime.
sub copy_of ($path, $what, $copy) {
    write_new($copy, slurp_whole($path));
    return ($copy, sprintf('%04o', $what->{mode}), $what->@{qw(uid gid mtime)});
}

# Puts a file, or a link, beside the path that it is to have, and answers where: from there it is renamed.
sub stage_beside ($path, $what) {
    my $staged = staged_name($path);
    if (!defined $what->{content}) {
        unlink $staged;
        symlink $what->{target} // 'nothing', $staged or die "cannot make $staged: $!\n";
    } else {
        write_new($staged, @$what{qw(content mode uid gid)});
        utime $what->{mtime}, $what->{mtime}, $staged if $what->{mtime};
    }
    return $staged;
}

sub replace_file ($path, $content, $mode = 0600) {
    my $staged = stage_beside($path, { type => 'file', content => $content, mode => $mode, uid => 0, gid => 0 });
    rename $staged, $path or die "cannot rename $staged to $path: $!\n";
    sync_folder(folder_of($path));
}

# Why a path can't be replaced though files beside it can: it gets a second name, which goes again.
sub why_fixed ($staged, $path) {
    my $second = staged_name($staged);
    if (link $path, $second) { return unlink($second) ? undef : "$second beside it cannot be removed: $!" }
    # Some file systems have no second names at all.
    my ($why, $is_mounted, $is_flagged) = ("$!", $!{EXDEV}, $!{EPERM});
    return undef if $!{ENOENT} || !link($staged, $second) || !unlink $second;
    return $is_mounted ? 'something is mounted on it (findmnt)' : $is_flagged ? 'it is immutable (lsattr)' : $why;
}

# Writes a list of names, or takes the file away where there are none.
sub write_list ($path, @names) {
    return replace_file($path, join '', map { "$_\n" } @names) if @names;
    unlink $path;
    sync_folder(folder_of($path));
}

# Path → hash.
sub sha256_of (@paths) {
    return () unless @paths;
    my (undef, $said) = run(['sha256sum', '-z', '--', @paths], seconds => 60);
    return map { /^([0-9a-f]{64}) [ *](.*)$/s ? ($2 => $1) : () } split /\0/, $said;
}

# Remembered: the same text is planned, staged and seen when it is served.
sub sha256_text ($text) {
    return $SUMS{$text} //= do {
        my $pid = open2(my $from, my $to, 'sha256sum');
        binmode $to;
        print $to $text;
        close $to;
        my ($sum) = split ' ', <$from>;
        waitpid $pid, 0;
        $sum;
    };
}

# A link on the way to a path that its owner could turn to wherever he likes; root's own links are as he wants them.
sub foreign_link ($path) {
    for (my $folder = folder_of($path); $folder ne '/'; $folder = folder_of($folder)) {
        return $folder if -l $folder && (lstat _)[4] != 0;
    }
    return undef;
}

# What is at a path: { type, mode, uid, gid, size, mtime, ctime, target }.
sub look_at ($path) {
    my @stat = lstat $path or return { type => 'absent' };
    my $mode = $stat[2];
    my %what = (mode => S_IMODE($mode));
    @what{qw(uid gid size mtime ctime)} = @stat[4, 5, 7, 9, 10];
    return { %what, type => 'link', target => readlink $path } if S_ISLNK($mode);
    return { %what, type => S_ISDIR($mode) ? 'folder' : S_ISREG($mode) ? 'file' : 'other' };
}
