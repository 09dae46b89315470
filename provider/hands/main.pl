# What changes node 0, and nothing else of pulumi-netboot does.
#
#   agent.pl request   carries out a request (the loader calls it, with all that it brought)
#   agent.pl recover   puts back what a transaction cut short had changed (run at boot, and when an agent died)
#   agent.pl firewall  puts our rules into the firewall (when its manager loaded its own; `watch`: whenever they go)
#
# It needs perl-base and what every Debian has (coreutils, diffutils, dpkg, apt, systemd). A request says what each
# resource wants of this host; the register says what was wanted before, by whichever stack; a plan says what to do.
package Netboot::Main;
use Netboot::Perl;
use Netboot::Words qw(begin parse_lines tell_client);
use Netboot::Programs qw(run);
use Netboot::Files qw(lines_of);
use Netboot::Ours qw(take_lock);
use Netboot::Undo qw(undo_transaction);
use Netboot::Firewall qw(reapply_firewall watch_heads);
use Netboot::Packages qw(drop_unpacked end_sync);
use Netboot::Conversation qw(converse);

sub main ($task = '', @given) {
    return answer_request(@given) if $task eq 'request';
    return recover(@given) if $task eq 'recover';
    return @given ? watch_heads() : reapply_firewall() if $task eq 'firewall';
    die "agent.pl recover|firewall\n";
}

sub recover ($when = '') {
    my (undef, $system) = run(['systemctl', 'is-system-running']);
    my $is_booting = $system =~ /^(?:initializing|starting)/ ? 1 : 0;
    # The daemons start after the unit that says when: in it, nobody could wait for one that is started anew.
    return run([qw(systemd-run -q --collect --unit=pulumi-netboot-undo perl), $0, 'recover']) if $when && !$is_booting;
    my $lock = take_lock();
    undo_transaction($when && $is_booting);
    close $lock;
}

# `unpack` reads a message as the loader read the request. What one conversation knows goes from sub to sub as `$talk`:
# that and the hands themselves, the lock, whether anything was changed (swapped), and of its apt whether the lists were
# renewed, and what still comes to the disk (syncing).
sub answer_request ($nonce, $hands, $request, $unpack) {
    begin($nonce);
    # What a login has: apt goes by it.
    %ENV =
        (%ENV, map { /^\s*(?:export )?(\w+_proxy)=["']?(.*?)["']?\s*$/i ? ($1, $2) : () } lines_of('/etc/environment'));
    my %talk = (hands => $hands, unpack => $unpack, swapped => 0, renewed => 0, syncing => []);
    if (!eval { converse(\%talk, parse_lines($request)); 1 }) {
        my ($code, $id, $text) = ref $@ ? $@->@* : ('TRANSACTION_FAILED', '-', $@ =~ s/\n\z//r);
        tell_client('fail', code => $code, id => $id, text => $text, swapped => $talk{swapped});
    }
    end_sync(\%talk);
    drop_unpacked() if $talk{lock};
    tell_client('end');
}

main(@ARGV);
