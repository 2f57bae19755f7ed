#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Drop boxes under stress: removed, replaced, made unreadable, filled behind
# the doorbell's back; and starts that race with producers and with each other.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(drop event_body full judge program sanitized);
use File::Path qw(make_path remove_tree);
use POSIX ();
use Stage qw(slurp spew wait_until);
use Test::More;

my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my $serial = 0;

# `rescan` is long where the doorbell must do it, short where it cannot.
sub stage
{
	my ($rescan, %webhook) = @_;
	my $at = 'http://127.0.0.1:' . $receiver->port;
	my $stage = Stage->new(
		settings => { spool => { rescan => $rescan, min_free => '1M' } },
		webhooks => { good => { triggers => ['*'],
			endpoints => ["$at/good"], %webhook } });

	make_path($stage->spool . '/incoming');
	return $stage;
}

sub events { return map { event_body(++$serial, "i$serial") } 1 .. $_[0] }
sub box { return $_[0]->spool . '/incoming' }

sub came
{
	my ($mark, @bodies) = @_;
	my %want = map { $_ => 1 } @bodies;

	return wait_until {
		my %got = map { $_->{body} => 1 } $receiver->received($mark);
		!grep { !$got{$_} } keys %want
	} 40;
}

sub is_well
{
	my ($stage, $mark, $name, @bodies) = @_;

	is_deeply([ judge({ spool => $stage->spool, per_event => 1,
		must => { map { $_ => 1 } @bodies }, repeats => 0,
		calls => [ $receiver->received($mark) ] }) ], [],
		"$name: each event once");
}

# ---- the box goes away -----------------------------------------------------

# Removed now, looked at in the end: it is made anew after some seconds, for it
# may only be on its way to be replaced.
my $bare = stage('1s');
my $bare_daemon = $bare->run;
my $bare_mark = $receiver->mark;
my ($late) = events(1);

remove_tree(box($bare));

{
	my $stage = stage('1s');
	my $mark = $receiver->mark;
	my ($first, $third) = events(2);
	my $daemon = $stage->run;

	drop(box($stage), 'first.json', $first);
	came($mark, $first);
	rename box($stage), box($stage) . '.old';
	mkdir box($stage);
	drop(box($stage), 'third.json', $third);
	ok(came($mark, $third), 'a drop box that was replaced is picked up from');
	drop(box($stage) . '.old', 'fourth.json', $first);
	$stage->stop($daemon);
	ok(-e box($stage) . '.old/fourth.json',
		'... and the old one, wherever it is now, is left alone');
	is_well($stage, $mark, 'replaced', $first, $third);
}

# ---- permission is taken away ----------------------------------------------

SKIP: {
	skip 'only root can play somebody without permission', 4 if $> != 0;
	my $stage = stage('1s');
	my $mark = $receiver->mark;
	my ($first, $second, $third) = events(3);
	my $nobody = getpwnam('nobody') // 65534;

	system('chown', '-R', $nobody, $stage->dir);
	my $daemon = $stage->start('setpriv', '--reuid', $nobody, '--clear-groups',
		program(), '-c', $stage->etc, 'run');
	wait_until { $stage->errors($daemon) =~ /is ready/ };
	drop(box($stage), 'first.json', $first);
	chown $nobody, -1, box($stage) . '/first.json';
	came($mark, $first);
	chmod 0, box($stage);
	drop(box($stage), 'second.json', $second);
	wait_until { $stage->errors($daemon) =~ /Permission denied/ } 10;
	like($stage->errors($daemon), qr/incoming.*Permission denied/,
		'permission for the drop box taken away: it is said');
	chmod 0770, box($stage);
	ok(came($mark, $second), '... and given back, it is picked up from');
	spew(box($stage) . '/.third', $third);
	chmod 0, box($stage) . '/.third';
	rename box($stage) . '/.third', box($stage) . '/third.json';
	wait_until { $stage->errors($daemon) =~ /third\.json/ } 10;
	like($stage->errors($daemon), qr/third\.json.*Permission denied/,
		'a file without permission stays, and is said');
	chmod 0640, box($stage) . '/third.json';
	chown $nobody, -1, box($stage) . '/third.json';
	ok(came($mark, $third), '... and given back, it is picked up');
	$stage->stop($daemon);
	is_well($stage, $mark, 'permission', $first, $second, $third);
}

# ---- more than the doorbell can hold ---------------------------------------

# The kernel keeps 16384 events; the daemon stands still meanwhile. It is asked
# to sweep by the overflow alone: the next sweep by time is in an hour.
{
	my $files = sanitized() ? 17_000 : 20_000;
	my $stage = stage('1h', filter => { field => 'message', op => 'ends_with',
		value => '00' });
	my $mark = $receiver->mark;
	my $daemon = $stage->run;
	my $pid = $stage->pid($daemon);

	kill 'STOP', $pid;
	wait_until { (slurp("/proc/$pid/stat") // '') =~ /\) T / };
	for my $n (1 .. $files) {
		my $name = sprintf '%s/%05d', box($stage), $n;
		open(my $out, '>', "$name.tmp") or die "$name: $!";
		print $out event_body($n, "i$n");
		close $out;
		rename "$name.tmp", "$name.json";
	}
	kill 'CONT', $pid;
	wait_until { !(() = glob(box($stage) . '/*.json')) } 120;
	my @left = glob(box($stage) . '/*');
	is(scalar @left, 0, "$files files behind an overflow are picked up");
	came($mark, map { event_body($_ * 100, 'i' . $_ * 100) } 1 .. $files / 100);
	is($stage->stop($daemon), 0, '... the daemon ends well');
	my ($row) = Fault::query($stage->spool,
		'SELECT count(*), count(DISTINCT incident) FROM event');
	is_deeply($row, [ $files, $files ], '... each once');
	my %ids = map { $_->{id} => 1 } $receiver->received($mark);
	is(scalar(() = $receiver->received($mark)), int($files / 100),
		'... and what matches is sent once');
}

# ---- starts that race ------------------------------------------------------

# Two daemons at once: one runs, the other names it and ends with 75.
{
	my $rounds = sanitized() ? 5 : 20;
	my $good = 0;
	my $stage = stage('1h');

	for (1 .. $rounds) {
		my @two = map { $stage->start(program(), '-c', $stage->etc, 'run') }
		    1 .. 2;
		my ($winner, $loser);
		wait_until {
			($winner) = grep {
				$stage->errors($_) =~ /is ready/ } @two;
			($loser) = grep {
				$stage->errors($_) =~ /running there already/ } @two;
			$winner && $loser
		} 30;
		last unless $winner && $loser;
		my $status = $stage->reap($loser, 20);
		my $pid = $stage->pid($winner);
		$good++ if $status eq '75'
		    && $stage->errors($loser) =~ /pid \Q$pid\E/;
		$stage->stop($winner);
	}
	is($good, $rounds, "two daemons at once, $rounds times: one runs, the "
	    . 'other names its pid and ends with 75');
}

# Files that come while it starts: between the first sweep and the watch, too.
{
	my $rounds = sanitized() ? 2 : 6;
	my $stage = stage('1h');
	my $mark = $receiver->mark;
	my @all;

	for my $round (1 .. $rounds) {
		my @bodies = events(60);
		my $producer = fork // die;

		if (!$producer) {
			my $n = 0;
			for my $body (@bodies) {
				drop(box($stage), "$round-" . ++$n . '.json', $body);
				select undef, undef, undef, 0.002;
			}
			POSIX::_exit(0);
		}
		my $daemon = $stage->run;
		waitpid($producer, 0);
		push @all, @bodies;
		ok(came($mark, @bodies), "files that come while it starts, round "
		    . "$round: all are picked up by the doorbell");
		$stage->stop($daemon);
	}
	is_well($stage, $mark, 'files that come while it starts', @all);
}
# The removed one again.
wait_until { -d box($bare) } 20;
ok(-d box($bare), 'a drop box that was removed is made anew');
drop(box($bare), 'late.json', $late);
ok(came($bare_mark, $late), '... and picked up from');
$bare->stop($bare_daemon);
done_testing;
