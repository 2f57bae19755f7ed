#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Order and fairness: the events of one incident reach an endpoint in order,
# whatever happens on the way; others overtake; and nobody is held up by
# somebody else's trouble.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Peer;
use Stage qw(wait_until slurp free_port);
use Test::More;
use Time::HiRes qw(time);

# Events of one incident, numbered by their message, as JSON lines.
sub chain
{
	my ($stage, $incident, @numbers) = @_;

	return join '', map { $stage->event_text('triggered', id => $incident,
		message => "$incident/$_") } @numbers;
}

# The messages that a path got, in order, each once: "incident/number".
sub arrived
{
	my ($peer, $path) = @_;
	my %seen;

	return grep { !$seen{$_}++ }
	    map { JSON::PP->new->utf8->decode($_->{body})->{message} }
	    $peer->requests($path);
}

sub of { my ($incident, @all) = @_; return grep { m{^$incident/} } @all }

sub numbers { my ($incident, @n) = @_; return map { "$incident/$_" } @n }

sub delivered
{
	my ($stage, $webhook) = @_;
	return scalar grep { $_->{webhook} eq $webhook } $stage->log('delivered');
}

my %quick = (max_retries => 50, delays => ['40ms'], jitter => 0);

# ---- through retries, a restart and a kill -----------------------------------------
subtest 'retries and restarts' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/in')], retry => { %quick },
			breaker => { failures => 0 } },
	});

	$peer->answer('/in', '/status/503');
	my $daemon = $stage->run;
	$stage->drop('a.jsonl', chain($stage, 'a', 1 .. 5) . chain($stage, 'b', 1 .. 5));
	wait_until { $stage->log('attempt') >= 6 };
	is_deeply([sort { $a cmp $b } arrived($peer, '/in')], ['a/1', 'b/1'],
	    'while the first one of an incident fails, the next ones wait');
	$stage->stop($daemon, 'KILL');
	$stage->drop('b.jsonl', chain($stage, 'a', 6 .. 8) . chain($stage, 'c', 1));
	$daemon = $stage->run;
	wait_until { grep { $_ eq 'c/1' } arrived($peer, '/in') };
	ok((grep { $_ eq 'c/1' } arrived($peer, '/in')), 'another incident overtakes');
	$stage->stop($daemon, 'KILL');
	$peer->answer('/in', '/ok');
	$daemon = $stage->run;
	wait_until { delivered($stage, 'hook') == 14 };
	my @all = arrived($peer, '/in');
	is_deeply([of('a', @all)], [numbers('a', 1 .. 8)], 'order is kept over kill -9');
	is_deeply([of('b', @all)], [numbers('b', 1 .. 5)], '... in each incident');
	$stage->stop($daemon);
};

# ---- through a breaker ----------------------------------------------------------------
subtest 'a breaker' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/in')], retry => { %quick },
			breaker => { failures => 3, rest => '200ms' } },
	});

	$peer->answer('/in', '/status/500');
	my $daemon = $stage->run;
	$stage->drop('a.jsonl', chain($stage, 'a', 1 .. 6) . chain($stage, 'b', 1 .. 6));
	wait_until { $stage->log('breaker_open') };
	wait_until { $stage->log('attempt') >= 5 };
	$peer->answer('/in', '/delay/5');
	wait_until { delivered($stage, 'hook') == 12 };
	my @all = arrived($peer, '/in');
	is_deeply([of('a', @all)], [numbers('a', 1 .. 6)], 'order is kept behind a rest');
	is_deeply([of('b', @all)], [numbers('b', 1 .. 6)], '... in each incident');
	$stage->stop($daemon);
};

# ---- a head that dies --------------------------------------------------------------------
subtest 'a death' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/in')],
			retry => { max_retries => 1, delays => ['30ms'], jitter => 0 } },
	});

	$peer->answer('/in', '/status/400');
	my $daemon = $stage->run;
	$stage->drop('a.jsonl', chain($stage, 'a', 1 .. 4));
	wait_until { $stage->log('dead') == 2 };
	$peer->answer('/in', '/ok');
	wait_until { delivered($stage, 'hook') + $stage->log('dead') == 4 };
	is_deeply([arrived($peer, '/in')], [numbers('a', 1 .. 4)],
	    'an event that is given up lets the next ones go, in order');
	$stage->stop($daemon);
};

# ---- held and released ---------------------------------------------------------------------
subtest 'hold and release' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/in')],
			retry => { max_retries => 9, delays => ['1h'] } },
	});

	$peer->answer('/in', '/status/500');
	my $daemon = $stage->run;
	$stage->drop('a.jsonl', chain($stage, 'a', 1 .. 3));
	wait_until { $stage->log('attempt') };
	wait_until { grep { $_->{state} eq 'deferred' } $stage->queue };
	my ($head) = grep { $_->{state} eq 'deferred' } $stage->queue;
	is(($stage->verb('queue', 'hold', $head->{delivery}))[0], 0, 'the head is held');
	$peer->answer('/in', '/ok');
	$stage->drop('b.jsonl', chain($stage, 'b', 1));
	wait_until { delivered($stage, 'hook') == 1 };
	is_deeply([arrived($peer, '/in')], ['a/1', 'b/1'],
	    'its incident waits behind it, others do not');
	is(($stage->verb('queue', 'release', $head->{delivery}))[0], 0, 'it is released');
	wait_until { delivered($stage, 'hook') == 4 };
	is_deeply([of('a', arrived($peer, '/in'))], [numbers('a', 1 .. 3)],
	    'and all go in order');
	$stage->stop($daemon);
};

# ---- resent -----------------------------------------------------------------------------------
subtest 'resend' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/in')], retry => { %quick },
			breaker => { failures => 0 } },
	});
	my $daemon = $stage->run;

	$peer->answer('/in', '/ok');
	$stage->drop('a.jsonl', chain($stage, 'a', 1));
	wait_until { delivered($stage, 'hook') == 1 };
	my ($first) = $stage->log('delivered');
	$peer->answer('/in', '/status/500');
	$stage->drop('b.jsonl', chain($stage, 'a', 2 .. 3));
	wait_until { grep { $_ eq 'a/2' } arrived($peer, '/in') };
	is(($stage->verb('resend', $first->{delivery}))[0], 0, 'an older one is resent');
	$peer->answer('/in', '/ok');
	wait_until { delivered($stage, 'hook') == 4 };
	my @bodies = map { JSON::PP->new->utf8->decode($_->{body})->{message} }
	    grep { $_->{path} eq '/in' } $peer->requests;
	is($peer->peak('/in'), 1, 'one of an incident at a time');
	my ($three) = grep { $bodies[$_] eq 'a/3' } 0 .. $#bodies;
	my ($two) = grep { $bodies[$_] eq 'a/2' } reverse 0 .. $#bodies;
	cmp_ok($three, '>', $two, 'those that wait keep their order');
	$stage->stop($daemon);
};

# ---- order: none -----------------------------------------------------------------------------------
subtest 'no order' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/delay/80')], order => 'none' },
	});
	my $daemon = $stage->run;

	$stage->drop('a.jsonl', chain($stage, 'a', 1 .. 8));
	wait_until { delivered($stage, 'hook') == 8 };
	cmp_ok($peer->peak('/delay/80'), '>', 1,
	    '"order": "none" sends events of one incident side by side');
	$stage->stop($daemon);
};

# ---- fresh ones and retries take turns ------------------------------------------------------------
subtest 'fresh events and retries' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/in')], concurrency => 1,
			breaker => { failures => 0 },
			retry => { max_retries => 9, delays => ['1h'] } },
	});

	$peer->answer('/in', '/status/500');
	my $daemon = $stage->run;
	$stage->drop('old.jsonl', join '', map { chain($stage, "old-$_", 1) } 1 .. 40);
	wait_until { $stage->log('attempt') == 40 };
	$peer->answer('/in', '/delay/10');
	is(($stage->verb('pause', 'hook'))[0], 0, 'a webhook is paused');
	$stage->drop('new.jsonl', join '', map { chain($stage, "new-$_", 1) } 1 .. 40);
	wait_until { $stage->log('accepted') == 80 };
	kill 'USR2', $stage->pid($daemon);
	is(($stage->verb('resume', 'hook'))[0], 0, 'and resumed');
	wait_until { delivered($stage, 'hook') == 80 };
	my @tries = map { $_->{headers}{'spoolhook-attempt'} > 1 ? 'old' : 'new' }
	    grep { $_->{end} - $_->{at} > 0.008 } $peer->requests('/in');
	my $both = 0;
	for my $i (0 .. $#tries - 1) {
		$both++ if $tries[$i] ne $tries[$i + 1];
	}
	cmp_ok($both, '>', 50, 'fresh events and due retries alternate');
	$stage->stop($daemon);
};

# ---- a long queue beside a short one --------------------------------------------------------------
subtest 'a long queue' => sub {
	my $peer = Peer->new;
	my (undef, $port);
	my $stage = Stage->new(webhooks => {
		big => { endpoints => [$peer->url('/delay/100')], concurrency => 2,
			filter => { field => 'service.slug', op => 'is', value => 'big' } },
	});

	(undef, $port) = $stage->start_nginx('location / { return 204; }');
	$stage->webhook(small => { endpoints => ["http://127.0.0.1:$port/"],
		filter => { field => 'service.slug', op => 'is', value => 'small' } });
	my $daemon = $stage->run;
	my $one = sub { $stage->event_text('triggered', id => $_[1],
		service => { id => $_[0], name => $_[0], slug => $_[0] }) };
	$stage->drop('big.jsonl', join '', map { $one->('big', "big-$_") } 1 .. 3000);
	wait_until { $stage->log('accepted') >= 3000 };
	for my $n (1 .. 20) {
		$stage->drop("small-$n.json", $one->('small', "small-$n"));
		wait_until { $stage->nginx_log($port) == $n };
	}
	wait_until { delivered($stage, 'small') == 20 };
	my @ages = sort { $a <=> $b } map { $_->{age_ms} }
	    grep { $_->{webhook} eq 'small' } $stage->log('delivered');
	is(scalar @ages, 20, 'all small ones arrive');
	cmp_ok($ages[15], '<', 500, 'an endpoint with 3,000 waiting slows no other');
	ok(delivered($stage, 'big') < 2500, '... which has them waiting all the time');
	$stage->stop($daemon);
};

# ---- hanging ones beside a healthy one --------------------------------------------------------------
subtest 'hanging endpoints' => sub {
	my $peer = Peer->new;
	my $nobody = free_port();
	my $stage = Stage->new(
		settings => { delivery => { max_in_flight => 20 } },
		webhooks => {
			(map { ("hang-$_" => { endpoints => [$peer->url("/silent/$_")],
				timeout => '20s' }) } 1 .. 30),
			dead => { endpoints => ["http://127.0.0.1:$nobody/"],
				retry => { delays => ['10ms'] } },
			healthy => { endpoints => [$peer->url('/ok')] },
		});
	my $daemon = $stage->run;

	$stage->drop('first.jsonl', join '', map { chain($stage, "first-$_", 1) } 1 .. 3);
	wait_until { $peer->requests >= 30 };
	for my $n (1 .. 10) {
		$stage->drop("more-$n.json", chain($stage, "more-$n", 1));
		wait_until { delivered($stage, 'healthy') == 3 + $n };
	}
	my @ages = sort { $a <=> $b } map { $_->{age_ms} }
	    grep { $_->{webhook} eq 'healthy' } $stage->log('delivered');
	is(scalar @ages, 13, 'a healthy endpoint gets all');
	cmp_ok($ages[10], '<', 1000,
	    'thirty that hang, with max_in_flight reached, do not hold it up');
	my %hung = map { $_->{path} => 1 } grep { $_->{path} =~ /silent/ } $peer->requests;
	is(scalar keys %hung, 30, 'and each of them has had its turn');
	kill 'TERM', $stage->pid($daemon);
	wait_until { $stage->errors($daemon) =~ /stopping/ };
	$stage->stop($daemon);
};
done_testing;
