#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Deaths at named moments: between two of the places that an event, an answer,
# a mail or a configuration is written down in (base/crash.h has the table). A
# build of its own dies there, by kill -9, when the moment comes for the n-th
# time: the first two in the short form, each in the full one. Then the program
# is started again, undisturbed, and is judged as in kill.t.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;

# The build that dies; Stage looks once at the variable.
my $program;
BEGIN {
	$program = $ENV{SPOOLHOOK_CRASH_PROGRAM} // "$Bin/../../build/crash/spoolhook";
	system("make -s -C $Bin/../.. crash >&2") == 0 or die 'no make crash'
	    unless $ENV{SPOOLHOOK_CRASH_PROGRAM};
	$ENV{SPOOLHOOK_PROGRAM} = $program;
}
use Fault qw(full seed summary);
use Scenes qw(conclude play prepare scene scene_names);
use Stage qw(slurp);
use Test::More;

seed();
my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my ($table) = slurp("$Bin/../../src/base/crash.h") =~
    /define CRASH_TABLE(.*?)#define/s;
my @names = $table =~ /\bX\((\w+)\)/g;
my $deaths = 0;

# How often each moment comes in a scene.
sub count
{
	my ($name) = @_;
	my $scene = scene($name);
	my $stage = prepare($receiver);
	my %count;

	$scene->{before}->($stage) if $scene->{before};
	local $ENV{SPOOLHOOK_CRASH_TRACE} = $stage->dir . '/moments';
	play($stage, $scene);
	$count{$_}++ for split /\n/, slurp($stage->dir . '/moments') // '';
	return %count;
}

sub strike
{
	my ($name, $point, $n) = @_;
	my $scene = scene($name);
	my $stage = prepare($receiver);
	my $mark = $receiver->mark;
	my ($status, $number, @wrong);

	$scene->{before}->($stage) if $scene->{before};
	{
		local $ENV{SPOOLHOOK_CRASH} = "$point:$n";
		($status, $number) = play($stage, $scene);
	}
	push @wrong, $status if $status =~ /never/;
	push @wrong, conclude($stage, $scene, $number, $receiver, $mark);
	$deaths++ if $status eq 'signal 9';
	if (@wrong) {
		fail("$name: a death at $point, time $n");
		diag($_) for @wrong;
		diag("perl $0 $name:$point:$n repeats it");
	}
	return $status eq 'signal 9';
}

if (@ARGV) {
	for (@ARGV) {
		my ($name, $point, $n) = split /:/;
		ok(strike($name, $point, $n), "$name died at $point, time $n");
	}
	done_testing;
	exit;
}

my (%died, %met);
for my $name (scene_names()) {
	my %count = count($name);

	$met{$_} = 1 for keys %count;
	for my $point (grep { $count{$_} } @names) {
		my $times = full() || $count{$point} < 2 ? $count{$point} : 2;
		# Groups differ from run to run: a moment may come less often.
		strike($name, $point, $_) and $died{$point}++ for 1 .. $times;
	}
}
for my $point (@names) {
	ok($died{$point}, "$point: " . ($died{$point} // 0) . ' deaths, every '
	    . 'promise kept');
}
is_deeply([ grep { !$met{$_} } @names ], [], 'every moment came');
diag(summary("$deaths deaths at " . @names . ' moments'));
done_testing;
