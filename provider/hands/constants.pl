# Where everything of ours lies on node 0.
package Netboot::Constants;
use Netboot::Perl gives => qw($STATE $REGISTER $KEPT $EDITS $UNDO $JOURNAL $BROUGHT $CONFIGURED $PLANNED $DEBS $HEARD
    $TAKING $PROVED $SINCE $RULES $LOCK $UNITS kept);
use Netboot::Words qw(as_name);

our $STATE = '/var/lib/pulumi-netboot';
our $REGISTER = "$STATE/register";
our $KEPT = "$STATE/kept";
our $EDITS = "$STATE/edits";
our $UNDO = "$STATE/undo";
our $JOURNAL = "$STATE/journal";
our $BROUGHT = "$STATE/packages";
our $CONFIGURED = "$STATE/packages.configured";
our $PLANNED = "$STATE/packages.new";
our $HEARD = "$STATE/heard";
our $TAKING = "$STATE/taking";
our $PROVED = "$STATE/proved";
our $RULES = "$STATE/firewall";
our $DEBS = "$KEPT/debs";
our $SINCE = "$KEPT/packages.since";
our $LOCK = '/run/pulumi-netboot.lock';
our $UNITS = '/etc/systemd/system';

# Where something is kept by a name of its own.
sub kept ($name) { return "$KEPT/" . as_name($name) }
