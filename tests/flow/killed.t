#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# kill -9 again and again while files are dropped at full speed: every event is
# accepted exactly once and delivered at least once, in order, and what comes
# twice has the same webhook-id. The peers are the real daemon and files.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use POSIX ();
use Stage qw(wait_until slurp spew);
use Test::More;
use Time::HiRes qw(sleep time);

my $FILES = 600;
my $KILLS = 15;
my $stage = Stage->new;
my ($receiver, $port) = $stage->listen;
$stage->webhook(all => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['*'], retry => { delays => ['50ms'] } });
mkdir $stage->spool;
mkdir $stage->spool . '/incoming' or die $!;

# Four kinds of files, each event with its number, each incident in order.
sub text
{
	my ($n) = @_;
	my $one = sub { sprintf '{"id":"i-%d","event_type":"x","n":"%d.%s"}', $n % 7, $n, $_[0] };

	return ("$n.json", $one->(0)) if $n % 4;
	return ("$n.json", '[' . join(',', map { $one->($_) } 0 .. 4) . ']') if $n % 8;
	return ("$n.jsonl", join '', map { $one->($_) . "\n" } 0 .. 4);
}
my %count;
for my $n (0 .. $FILES - 1) {
	my (undef, $text) = text($n);
	$count{$1}++ while $text =~ /"n":"([\d.]+)"/g;
}

my $feeder = fork // die;
if (!$feeder) {
	for my $n (0 .. $FILES - 1) {
		my ($name, $text) = text($n);
		spew($stage->dir . '/next', $text);
		utime 1e9, 1e9, $stage->dir . '/next';
		rename $stage->dir . '/next', $stage->incoming($name) or POSIX::_exit(1);
		sleep 0.004;
	}
	POSIX::_exit(0);
}
my $kills = 0;
for my $round (1 .. $KILLS) {
	my $daemon = $stage->run;
	my $until = time + 0.02 + 0.012 * $round;
	my $before = scalar($stage->bodies($receiver));

	# At another moment of the work each time.
	wait_until { time > $until && scalar($stage->bodies($receiver)) > $before || !$stage->left && time > $until + 1 };
	$kills++ if $stage->stop($daemon, 'KILL') eq 'signal 9';
}
waitpid $feeder, 0;
is($?, 0, "(all files were dropped)");
is($kills, $KILLS, "the daemon was killed $KILLS times");
my $daemon = $stage->run;
my %id;
wait_until {
	my %seen = map { /"n":"([\d.]+)"/ ? ($1 => 1) : () } $stage->bodies($receiver);
	!$stage->left && keys %seen == keys %count;
} 60;
is($stage->stop($daemon), 0, 'the last one ends by TERM');

my (%times, %ids, %last, @late);
for my $got ($stage->received($receiver)) {
	my ($incident, $file, $part) = $got->{body} =~ /"id":"(i-\d+)".*"n":"(\d+)\.(\d)"/ or next;
	my $order = $file * 10 + $part;
	my $first = !$times{"$file.$part"}++;

	$ids{"$file.$part"}{ $got->{headers}{'webhook-id'} }++;
	push @late, "$file.$part" if $first && $order < ($last{$incident} // -1);
	$last{$incident} = $order if $first;
}
is(join(' ', grep { !$times{$_} } sort keys %count), '', 'every event was delivered');
is(scalar(grep { keys %$_ != 1 } values %ids), 0,
	'... under one id each: every event was accepted exactly once');
is("@late", '', '... and those of one incident in their order');
my $twice = grep { $_ > 1 } values %times;
cmp_ok($twice, '<=', $KILLS * 8, "what came twice was in flight when it was killed ($twice)");
is_deeply([$stage->left], [], 'the drop box is empty, hidden names and all');
my @queue = $stage->queue;
is(scalar(grep { $_->{state} ne 'delivered' } @queue), 0, 'the queue knows of nothing else');
is(scalar @queue, scalar keys %count, '... and of each event once');
done_testing;
