#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Signals and restarts: TERM, INT, USR1, USR2, KILL, and what is there again.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Peer;
use Stage qw(wait_until slurp);
use Test::More;
use Time::HiRes qw(time);

my $peer = Peer->new;

# ---- TERM finishes what is in flight ------------------------------------------------
subtest 'TERM' => sub {
	my $stage = Stage->new(webhooks => {
		slow => { endpoints => [$peer->url('/delay/700')], concurrency => 2 },
	});
	my $daemon = $stage->run;

	$stage->drop('a.jsonl', join '', map {
		$stage->event_text('triggered', id => "t-$_") } 1 .. 5);
	wait_until { $peer->requests('/delay/700') == 2 };
	is($stage->stop($daemon), 0, 'TERM ends it with 0');
	is(scalar($peer->requests('/delay/700')), 2, 'no new call is started');
	is(scalar($stage->log('delivered')), 2, 'calls under way are finished');
	is(($stage->log)[-1]{kind}, 'stopped', 'the last line says so');
	is(scalar(grep { $_->{state} eq 'delivered' } $stage->queue), 2,
	    'and their outcome is durable');
	$stage->run;
	wait_until { $stage->log('delivered') == 5 };
	is(scalar($peer->requests('/delay/700')), 5,
	    'the next start makes the rest, each once');
	$stage->stop($stage->{daemon}, 'INT');
	is(($stage->log)[-1]{kind}, 'stopped', 'INT is the same');
};

subtest 'a second TERM' => sub {
	my $stage = Stage->new(webhooks => {
		hang => { endpoints => [$peer->url('/silent')], timeout => '30s',
			concurrency => 4 },
	});
	my $daemon = $stage->run;

	$stage->drop('a.jsonl', join '', map {
		$stage->event_text('triggered', id => "h-$_") } 1 .. 50);
	wait_until { $peer->requests('/silent') == 4 };
	my $start = time;
	kill 'TERM', $stage->pid($daemon);
	wait_until { $stage->errors($daemon) =~ /stopping/ };
	is($stage->stop($daemon), 0, 'ends it at once');
	cmp_ok(time - $start, '<', 10, '... not after the calls under way');
	is(scalar($stage->log('attempt')), 0, 'what was broken off is no attempt');
	$stage->webhook(hang => { endpoints => [$peer->url('/ok')] });
	$daemon = $stage->run;
	wait_until { $stage->log('delivered') == 50 };
	my ($first) = $peer->requests('/silent');
	ok((grep { $_->{headers}{'webhook-id'} eq $first->{headers}{'webhook-id'} }
	    $peer->requests('/ok')), 'it is made again with the same webhook-id');
	is_deeply([sort map { $_->{try} } $stage->log('attempt')], [(1) x 50],
	    'and no try was spent');
	$stage->stop($daemon);
};

# ---- KILL -----------------------------------------------------------------------------
subtest 'KILL' => sub {
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/delay/1501')] },
		later => { endpoints => [$peer->url('/status/502')],
			retry => { delays => ['1h'] } },
	});
	my $daemon = $stage->run;

	$stage->drop('a.json', $stage->event_text('triggered'));
	wait_until { $peer->requests('/delay/1501') == 1 && $stage->log('attempt') };
	$stage->stop($daemon, 'KILL');
	my ($deferred) = grep { $_->{webhook} eq 'later' } $stage->queue;
	is($deferred->{state}, 'deferred', 'a deferred delivery is kept');
	$daemon = $stage->run;
	wait_until { $stage->log('delivered') };
	my @calls = $peer->requests('/delay/1501');
	is(scalar @calls, 2, 'an attempt whose answer was not committed is repeated');
	is($calls[0]{headers}{'webhook-id'}, $calls[1]{headers}{'webhook-id'},
	    'with the same webhook-id');
	is(scalar($peer->requests('/status/502')), 1,
	    'a deferred one is not tried before its time');
	my ($again) = grep { $_->{webhook} eq 'later' } $stage->queue;
	is_deeply([@$again{qw(state tries)}], ['deferred', 1], 'it waits as before');

	kill 'USR2', $stage->pid($daemon);
	wait_until { $peer->requests('/status/502') == 2 };
	is(scalar($peer->requests('/status/502')), 2, 'USR2 tries it now');
	wait_until { grep { $_->{try} == 2 } $stage->log('attempt') };
	is((($stage->log('attempt'))[-1])->{try}, 2, 'as its second try');
	$stage->stop($daemon);
};

# ---- the log is rotated -----------------------------------------------------------------
subtest 'rotation' => sub {
	my $stage = Stage->new(webhooks => { hook => { endpoints => [$peer->url('/ok')] } });
	my $daemon = $stage->run;
	my $log = $stage->spool . '/log/delivery.jsonl';
	my $send = sub {
		my ($id) = @_;

		$stage->drop("$id.json", $stage->event_text('triggered', id => $id));
		wait_until { grep { $_->{headers}{'webhook-id'} &&
			$_->{body} =~ /"$id"/ } $peer->requests('/ok') };
	};

	$send->('one');
	wait_until { $stage->log('delivered') == 1 };
	rename $log, "$log.1";
	kill 'USR1', $stage->pid($daemon);
	wait_until { -e $log };
	ok(-e $log, 'USR1 opens the log anew');
	$send->('two');
	wait_until { $stage->log('delivered') == 1 };
	is(($stage->log('delivered'))[0]{incident}, 'two', 'lines go to the new file');
	unlike(slurp("$log.1"), qr/"two"/, 'and not to the old one');

	rename $log, "$log.2";
	my @sent = qw(one two);
	until (-e $log || @sent > 60) {
		push @sent, 'x' . @sent;
		$send->($sent[-1]);
		select undef, undef, undef, 0.1;
	}
	ok(-e $log, 'a moved log is noticed without a signal');
	$stage->stop($daemon);
	my %seen;
	for my $file ($log, "$log.1", "$log.2") {
		my $text = slurp($file);

		$seen{$1}++
		    while $text =~ /"kind":"delivered".*"incident":"(\w+)"/g;
	}
	is_deeply(\%seen, { map { $_ => 1 } @sent },
	    'no line is lost on the way');
};

# ---- once -----------------------------------------------------------------------------------
subtest 'signals before all is open' => sub {
	my $stage = Stage->new(webhooks => { hook => { endpoints => [$peer->url('/ok')] } });

	for (1 .. 5) {
		my $daemon = $stage->run;

		kill 'HUP', $stage->pid($daemon);
		is($stage->stop($daemon), 0, 'HUP and TERM right at the start');
	}
};
done_testing;
