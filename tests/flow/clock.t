#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The wall clock jumps a year either way, while the daemon runs and while it
# does not: no storm of retries, no deaths of age, nothing stuck. The clock is
# libfaketime's; steady time goes on as it is.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Peer;
use Stage qw(wait_until slurp spew);
use Test::More;
use Time::HiRes qw(time);

my ($faketime) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'libfaketime is not installed' unless $faketime;

# Starts the daemon with a clock that a file sets.
sub run_with_clock
{
	my ($stage, $offset) = @_;
	my $file = $stage->dir . '/clock';

	spew($file, "$offset\n");
	local $ENV{LD_PRELOAD} = $faketime;
	local $ENV{FAKETIME_TIMESTAMP_FILE} = $file;
	local $ENV{FAKETIME_NO_CACHE} = 1;
	local $ENV{FAKETIME_DONT_FAKE_MONOTONIC} = 1;
	local $ENV{NO_FAKE_STAT} = 1;
	local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
	    'verify_asan_link_order=0';
	return $stage->run;
}

# Sets it, and has the daemon look.
sub set_clock
{
	my ($stage, $daemon, $offset) = @_;
	my $before = () = $stage->errors($daemon) =~ /the clock was set/g;

	spew($stage->dir . '/clock', "$offset\n");
	kill 'USR1', $stage->pid($daemon);
	return wait_until {
		my $now = () = $stage->errors($daemon) =~ /the clock was set/g;
		$now > $before;
	} 20;
}

sub many
{
	my ($stage, $name, $count) = @_;
	$stage->drop("$name.jsonl", join '', map {
		$stage->event_text('triggered', id => "$name-$_") } 1 .. $count);
}

sub new_stage
{
	my ($peer, %more) = @_;
	$peer->answer('/in', '/status/500');
	return Stage->new(webhooks => { hook => { endpoints => [$peer->url('/in')],
		breaker => { failures => 0 }, %more,
		retry => { max_retries => 3, delays => ['2s'], jitter => 0,
			%{ $more{retry} || {} } } } });
}

for my $case (['ahead', '+1y'], ['back', '-1y']) {
	my ($word, $offset) = @$case;

	subtest "a year $word" => sub {
		my $peer = Peer->new;
		my $stage = new_stage($peer);
		my $daemon = run_with_clock($stage, '+0');

		many($stage, 'a', 20);
		wait_until { $stage->log('attempt') == 20 };
		my $deferred = time;
		ok(set_clock($stage, $daemon, $offset), 'the jump is noticed');
		like($stage->errors($daemon), qr/the clock was set $word by/, 'and said');
		wait_until { $stage->log('attempt') == 40 };
		my @second = ($peer->requests('/in'))[20 .. 39];
		cmp_ok($second[0]{at} - $deferred, '>', 1.5,
		    'retries come no sooner than before');
		cmp_ok($second[-1]{at} - $deferred, '<', 15, 'and no later');
		is(scalar($stage->log('dead')), 0, 'nothing dies of age');
		$peer->answer('/in', '/ok');
		many($stage, 'b', 3);
		wait_until { $stage->log('delivered') == 23 };
		is(scalar($stage->log('delivered')), 23,
		    'old and new ones are delivered');
		set_clock($stage, $daemon, '+0');
		many($stage, 'c', 2);
		wait_until { $stage->log('delivered') == 25 };
		is(scalar($stage->log('delivered')), 25, 'and when it jumps back again');
		is($stage->stop($daemon), 0, 'the daemon ends in time');
	};
}

subtest 'a year back while no daemon runs' => sub {
	my $peer = Peer->new;
	my $stage = new_stage($peer);
	my $daemon = run_with_clock($stage, '+0');

	many($stage, 'a', 10);
	wait_until { $stage->log('attempt') == 10 };
	$stage->stop($daemon);
	$peer->answer('/in', '/ok');
	$daemon = run_with_clock($stage, '-1y');
	wait_until { $stage->log('delivered') == 10 };
	is(scalar($stage->log('delivered')), 10, 'nothing is stuck for a year');
	like($stage->errors($daemon), qr/the clock is .* behind/, 'it is said');
	many($stage, 'b', 2);
	wait_until { $stage->log('delivered') == 12 };
	my @ids = map { $_->{event_id} } $stage->log('accepted');
	is_deeply(\@ids, [sort @ids], 'ids go on in order, never used twice');
	$stage->stop($daemon);
};

subtest 'a year ahead while no daemon runs' => sub {
	my $peer = Peer->new;
	my $stage = new_stage($peer);
	my $daemon = run_with_clock($stage, '+0');

	many($stage, 'a', 10);
	wait_until { $stage->log('attempt') == 10 };
	$stage->stop($daemon);
	$peer->answer('/in', '/ok');
	$daemon = run_with_clock($stage, '+1y');
	wait_until { $stage->log('delivered') == 10 };
	is(scalar($stage->log('delivered')), 10, 'each gets its attempt');
	is(scalar($stage->log('dead')), 0, 'and none dies without one');
	$stage->stop($daemon);
};

# The store cannot move its times at first: a trigger stands in the way, which
# nothing but the move sets off.
subtest 'a store that refuses' => sub {
	my $peer = Peer->new;
	my $stage = new_stage($peer);
	my $daemon = run_with_clock($stage, '+0');
	my $sql = sub { system('sqlite3', '-batch', '-cmd', '.timeout 5000',
	    $stage->spool . '/spool.db', @_) };

	many($stage, 'a', 10);
	wait_until { $stage->log('attempt') == 10 };
	my $deferred = time;
	$peer->answer('/in', '/ok');
	is($sql->("CREATE TRIGGER refuse BEFORE UPDATE OF queued_ms ON delivery
	    BEGIN SELECT RAISE(ABORT, 'refused'); END"), 0, 'is at hand');
	set_clock($stage, $daemon, '+1y');
	wait_until { $stage->errors($daemon) =~ /refused/ };
	like($stage->errors($daemon), qr/refused/, 'cannot move what waits');
	is($sql->('DROP TRIGGER refuse'), 0, 'then it can');
	wait_until { $stage->log('delivered') == 10 };
	is(scalar($stage->log('delivered')), 10, 'it is asked again, and all goes on');
	cmp_ok(($peer->requests('/in'))[10]{at} - $deferred, '>', 1.5,
	    'nothing was claimed by the old times');
	is(scalar($stage->log('dead')), 0, 'nothing dies of age');
	is($stage->stop($daemon), 0, 'the daemon ends in time');
};

subtest 'a rest' => sub {
	my $peer = Peer->new;
	my $stage = new_stage($peer, breaker => { failures => 2, rest => '1s' },
	    retry => { max_retries => 50, delays => ['50ms'] });
	my $daemon = run_with_clock($stage, '+0');

	many($stage, 'a', 10);
	wait_until { $stage->log('breaker_open') };
	set_clock($stage, $daemon, '-1y');
	$peer->answer('/in', '/ok');
	my $start = time;
	wait_until { $stage->log('delivered') == 10 };
	is(scalar($stage->log('delivered')), 10, 'is no longer than it was');
	cmp_ok(time - $start, '<', 15, '... by a clock that went back a year');
	is(scalar($stage->log('dead')), 0, 'and nothing is given up');
	$stage->stop($daemon);
};
done_testing;
