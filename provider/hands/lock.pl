# One writer at a time; the lock goes with its holder.

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
