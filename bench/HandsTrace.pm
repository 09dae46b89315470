# Loaded into the hands (perl -M): writes down when each of their steps begins and ends, in milliseconds of the machine's
# monotonic clock, to a file beside this one. The hands themselves know nothing of it.
package HandsTrace;
use strict;
use warnings;
use IO::Handle ();

# Sub → what the profile calls it. Of systemctl it asks which word.
my %STEPS = (
    'main::unpacked' => 'unpack',
    'Netboot::Conversation::converse' => 'hands',
    'Netboot::Conversation::read_message' => 'listen',
    'Netboot::Transaction::transact' => 'transact',
    'Netboot::Transaction::work_of' => 'compare',
    'Netboot::Transaction::stage' => 'stage',
    'Netboot::Transaction::validate' => 'validate',
    'Netboot::Expectations::meet_expectations' => 'prove',
    'Netboot::Transaction::commit' => 'commit',
    'Netboot::Units::systemctl' => 'systemctl',
);

# By their numbers on x86-64: perl-base has neither Time::HiRes nor the headers.
my ($CLOCK_GETTIME, $CLOCK_MONOTONIC) = (228, 1);

open my $trace, '>>', __FILE__ =~ s/pm$/jsonl/r or die "cannot open the trace: $!\n";

sub stamp {
    my ($what) = @_;
    my $time = "\0" x 16;
    syscall $CLOCK_GETTIME, $CLOCK_MONOTONIC, $time;
    my ($seconds, $nanoseconds) = unpack 'q q', $time;
    syswrite $trace, sprintf qq({"at":%.3f,"what":"%s"}\n), $seconds * 1e3 + $nanoseconds / 1e6, $what;
}

# Every name by which a sub is called: packages that use another one's have it under their own.
sub names_of {
    my ($sub, $name) = @_;
    no strict 'refs';
    my @packages = ('main', map { /^(\w+)::$/ ? "Netboot::$1" : () } keys %Netboot::);
    return grep { defined &$_ && \&$_ == $sub } map { "${_}::$name" } @packages;
}

sub watch {
    my ($step) = @_;
    no strict 'refs';
    no warnings 'redefine';
    return stamp("there is no $step") if !defined &$step;
    my ($sub, $what) = (\&$step, $STEPS{$step});
    my ($name) = $step =~ /(\w+)$/;
    my $watched = sub { my $end = HandsTrace::End->new($what eq 'systemctl' ? $_[0] : $what); return &$sub };
    *$_ = $watched for names_of($sub, $name);
}

stamp('perl starts');
# The loader is compiled by then, and does not run yet.
INIT { watch('main::unpacked') }

# What the hands call first, when all of them are compiled.
my ($autoflush, $is_watched) = (\&IO::Handle::autoflush);
{
    no warnings 'redefine';
    *IO::Handle::autoflush = sub {
        if (defined &Netboot::Main::main && !$is_watched++) { watch($_) for grep { !/^main/ } keys %STEPS }
        goto &$autoflush;
    };
}

my $hands = $$;
END { stamp('perl ends') if $$ == $hands }

package HandsTrace::End;
sub new { my ($class, $what) = @_; HandsTrace::stamp("$what begins"); return bless \$what, $class }
# Children of the hands have it, too.
sub DESTROY { my ($self) = @_; HandsTrace::stamp("$$self ends") if $$ == $hands }

1;
