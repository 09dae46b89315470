# The Perl of these files: strict, with warnings and signatures, and each file a package that says what it gives and
# what it uses. tools/embed.mts makes one text of them, in which every file stands before those that use it.
package Netboot::Perl;
use strict;
use warnings;
use feature ();
use Exporter ();

# `use Netboot::Perl gives => qw(name …)`: what others may have of a package, by `use Netboot::<Name> qw(name …)`.
sub import {
    my (undef, undef, @gives) = @_;
    my $package = caller;
    strict->import;
    warnings->import;
    feature->import('signatures');
    warnings->unimport('experimental::signatures');
    no strict 'refs';    ## no critic (ProhibitNoStrict) it is about a package by its name
    @{"${package}::EXPORT_OK"} = @gives;
    *{"${package}::import"} = \&Exporter::import;
}
