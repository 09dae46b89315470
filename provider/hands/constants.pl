# The agent of pulumi-netboot: what changes node 0, and nothing else does.
#
#   agent.pl request   carries out the request in $main::BODY (the loader put it there)
#   agent.pl recover   puts back what a transaction cut short had changed (run at boot, and when an agent died)
#   agent.pl firewall  puts our rules into the firewall (run at boot, and when its manager loaded its own)
#
# It needs perl-base and what every Debian has (coreutils, diffutils, dpkg, apt, systemd). A request says what each resource wants
# to be true ("put") or no longer wants ("drop"); the register says what was put before, by whichever stack. One
# transaction is: lock, recover, look, stage, validate, keep, journal, swap, restart, prove, commit, or put all back.
use strict;
use warnings;
use Fcntl qw(:DEFAULT :flock :mode);
use IO::Handle;
use IO::Select;
use Socket;

$| = 1;

my $STATE     = '/var/lib/pulumi-netboot';
my $REGISTER  = "$STATE/register";
my $KEPT      = "$STATE/kept";
my $EDITS     = "$STATE/edits";
my $UNDO      = "$STATE/undo";
my $JOURNAL   = "$STATE/journal";
my $BROUGHT   = "$STATE/packages";
my $PLANNED   = "$STATE/packages.new";
my $DEBS      = "$KEPT/debs";
my $HEARD     = "$STATE/heard";
my $TAKING    = "$STATE/taking";
my $PROVED    = "$STATE/proved";
my $SINCE     = "$KEPT/packages.since";
my $LOCK      = '/run/pulumi-netboot.lock';
my $UNITS     = '/etc/systemd/system';
my $RECOVERY  = 'pulumi-netboot-recovery.service';
my $RULES     = "$STATE/firewall";
my $LOCK_WAIT = 300;
my $RECOVERY_UNIT = <<"UNIT";
# Written by pulumi-netboot. Before anything of node 0 serves, it puts back what a transaction cut short by a power cut
# had changed, so that node 0 serves one whole state.
[Unit]
Description=Undo an unfinished pulumi-netboot transaction
DefaultDependencies=no
RequiresMountsFor=$STATE /etc /srv
After=local-fs.target
Before=network-pre.target nftables.service netfilter-persistent.service ufw.service firewalld.service isc-dhcp-server.service tftpd-hpa.service chrony.service netboot-names.service shutdown.target
Conflicts=shutdown.target
ConditionPathExists=$JOURNAL

[Service]
Type=oneshot
ExecStart=/usr/bin/perl $STATE/agent.pl recover boot

[Install]
WantedBy=multi-user.target
UNIT

our ($NONCE, $AGENT, $BODY);
my $SWAPPED = 0;
