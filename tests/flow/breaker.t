#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The breaker: an endpoint that fails again and again is left in peace, probed,
# and comes back; what waits behind it spends no attempts; and our own faults
# are nobody's failures.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Peer;
use Stage qw(wait_until slurp spew free_port);
use Test::More;
use Time::HiRes qw(time);

my %quick = (retry => { max_retries => 100, delays => ['30ms'], jitter => 0 });

sub drop_many
{
	my ($stage, $name, $count) = @_;

	$stage->drop("$name.jsonl", join '', map {
		$stage->event_text('triggered', id => "$name-$_") } 1 .. $count);
}

sub mails
{
	my ($stage) = @_;
	my @all = glob($stage->spool . '/mail/*.eml');
	return @all;
}

# ---- rests, probes, comes back --------------------------------------------------
subtest 'a rest and its end' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(
		settings => { mail => { to => ['ops@example.org'] } },
		webhooks => {
			hook => { endpoints => [$peer->url('/down')], %quick,
				breaker => { failures => 4, rest => '400ms' } },
			well => { endpoints => [$peer->url('/ok')] },
		});

	$peer->answer('/down', '/status/503');
	my $daemon = $stage->run;
	drop_many($stage, 'first', 30);
	wait_until { $stage->log('breaker_open') };
	my ($open) = $stage->log('breaker_open');
	is_deeply([@$open{qw(webhook endpoint status error_code)}],
		['hook', '0', 503, 'http_5xx'], 'a breaker that opens is logged');
	cmp_ok($open->{failures}, '>=', 4, '... after so many failures');
	wait_until { mails($stage) };
	my ($mail) = mails($stage);
	like(slurp($mail) // '', qr/^Subject: \[spoolhook\] hook: endpoint 0 rests \(HTTP 503\)/m,
		'a mail tells of it');
	my ($status, $out) = $stage->verb('status');
	like($out, qr{hook/0 rests: \d+ attempts}, 'status shows it');
	wait_until { $stage->log('delivered') == 30 };
	is(scalar(grep { $_->{webhook} eq 'well' } $stage->log('delivered')), 30,
		'the endpoint beside it gets all meanwhile');

	my $before = () = $peer->requests('/down');
	wait_until { $peer->requests('/down') >= $before + 4 };
	my @probes = ($peer->requests('/down'))[$before .. $before + 3];
	my @gaps = map { $probes[$_]{at} - $probes[$_ - 1]{end} } 1 .. $#probes;
	is(scalar(grep { $_ < 0.39 } @gaps), 0,
		'one probe at a time, after a rest each');
	is(scalar($stage->log('breaker_open')), 1, 'it is said once');

	$peer->answer('/down', '/delay/60');
	my $well = time;
	wait_until { $stage->log('delivered') == 60 };
	is(scalar($stage->log('breaker_closed')), 1, 'a good probe closes it');
	my @good = grep { $_->{end} && $_->{at} >= $well }
	    $peer->requests('/down');
	my $open_at = sub {
		my ($at) = @_;
		scalar grep { $_->{at} <= $at && $_->{end} > $at } @good;
	};
	is($open_at->($good[1]{at}), 1, 'after the revival one call at a time');
	cmp_ok($open_at->($good[6]{at}), '>', 1, 'then more and more');
	my ($death) = $stage->log('dead');
	is($death, undef, 'nothing died');
	wait_until { mails($stage) == 2 };
	my ($again) = grep { slurp($_) =~ /works again/ } mails($stage);
	ok($again, 'a mail tells that it works again');
	($status, $out) = $stage->verb('status');
	unlike($out, qr{hook/0 rests}, 'and status has forgotten it');
	my %tries;
	$tries{ $_->{delivery} } = $_->{try} for grep { $_->{webhook} eq 'hook' }
	    $stage->log('attempt');
	cmp_ok(scalar(grep { $_ == 1 } values %tries), '>=', 10,
		'what waited spent no attempts');
	$stage->stop($daemon);
};

# ---- a restart -----------------------------------------------------------------
subtest 'a restart' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/down')], %quick,
			breaker => { failures => 3, rest => '30s' } },
	});

	$peer->answer('/down', '/status/500');
	my $daemon = $stage->run;
	drop_many($stage, 'a', 20);
	wait_until { $stage->log('breaker_open') };
	wait_until { !grep { $_->{state} eq 'active' } $stage->queue };
	my $made = () = $peer->requests('/down');
	$stage->stop($daemon, 'KILL');
	$daemon = $stage->run;
	wait_until { ($stage->verb('status'))[1] =~ /rests: \d+ attempts/ };
	like(($stage->verb('status'))[1], qr{hook/0 rests: \d},
		'an open breaker is open after kill -9');
	my $status;
	($status) = $stage->verb('run', '--once');
	is($status, 75, 'the spool is busy');
	$stage->stop($daemon);
	($status) = $stage->verb('run', '--once');
	is($status, 75, '--once ends while it rests, with all still waiting');
	is(scalar($peer->requests('/down')), $made, 'and nobody was called');
	$peer->answer('/down', '/ok');
	$daemon = $stage->run;
	kill 'USR2', $stage->pid($daemon);
	wait_until { $stage->log('delivered') == 20 };
	is(scalar($stage->log('delivered')), 20, 'a flush ends the rest');
	is(scalar($stage->log('breaker_closed')), 1, 'and the good probe closes it');
	cmp_ok(($stage->log('breaker_closed'))[0]{rested_ms}, '>', 0,
		'it is known how long it rested, over the restart');
	$stage->stop($daemon);
};

# ---- another URL while no daemon runs -------------------------------------------
subtest 'another URL while no daemon runs' => sub {
	my $peer = Peer->new;
	my %hook = (%quick, concurrency => 1,
	    breaker => { failures => 2, rest => '1h' });
	my $stage = Stage->new(webhooks => { hook => { %hook,
		endpoints => [$peer->url('/status/500/3600')] } });
	my $daemon = $stage->run;

	drop_many($stage, 'a', 4);
	wait_until { $stage->log('breaker_open') };
	$stage->stop($daemon);
	$daemon = $stage->run;
	drop_many($stage, 'b', 1);
	wait_until { $stage->log('accepted') == 5 };
	is(scalar(my @same = $peer->requests('/status/500/3600')), 2,
	    'at the same URL the rest goes on');
	$stage->stop($daemon);
	$stage->webhook(hook => { %hook, endpoints => [$peer->url('/ok')] });
	$daemon = $stage->run;
	ok(wait_until(sub { $stage->log('delivered') }, 20),
	    'at another one the hour is over, and what waits goes out');
	ok(wait_until(sub { $stage->log('breaker_closed') }),
	    '... its end is logged');
	$stage->stop($daemon);
};

# ---- another URL ------------------------------------------------------------------
subtest 'another URL' => sub {
	my $peer = Peer->new;
	my %hook = (%quick, concurrency => 1,
	    breaker => { failures => 2, rest => '1h' });
	my $stage = Stage->new(webhooks => { hook => { %hook,
		endpoints => [$peer->url('/status/500')] } });
	my $daemon = $stage->run;
	my $reload = sub {
		my ($url) = @_;
		$stage->webhook(hook => { %hook, endpoints => [$peer->url($url)] });
		my $before = () = $stage->log('reloaded');
		kill 'HUP', $stage->pid($daemon);
		wait_until { my $now = () = $stage->log('reloaded'); $now > $before };
	};

	drop_many($stage, 'a', 10);
	wait_until { $stage->log('breaker_open') };
	$stage->webhook(other => { endpoints => [$peer->url('/ok')] });
	$reload->('/status/500');
	wait_until { ($stage->verb('status'))[1] =~ /other/ };
	is(scalar(my @now = $peer->requests('/status/500')), 2,
	    'a reload that does not touch it leaves it in peace');
	my $start = time;
	$reload->('/status/503');
	wait_until { $peer->requests('/status/503') };
	is(scalar(my @first = $peer->requests('/status/503')), 1,
	    'at another URL a probe is made at once');
	$reload->('/ok?fixed');
	wait_until { $stage->log('delivered') == 10 };
	is(scalar($stage->log('delivered')), 10, 'and when it is right all follows');
	cmp_ok(time - $start, '<', 4, '... without a rest');
	is(scalar($stage->log('breaker_closed')), 1, 'the end of the rest is logged');
	unlike(($stage->verb('status'))[1], qr{hook/0 rests}, 'status forgets it');
	$stage->stop($daemon);
};

# ---- waiting is bounded ----------------------------------------------------------
subtest 'give_up_after' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(
		settings => { mail => { to => ['ops@example.org'] } },
		webhooks => {
			hook => { endpoints => [$peer->url('/status/500/3600')],
				retry => { max_retries => 3, delays => ['1h'],
					give_up_after => '1s' },
				breaker => { failures => 2, rest => '1h' },
				concurrency => 1 },
		});
	my $daemon = $stage->run;

	drop_many($stage, 'old', 40);
	$stage->drop('chain.jsonl', join '', map {
		$stage->event_text('triggered', id => 'one-incident') } 1 .. 5);
	wait_until { $stage->log('dead') == 45 };
	my @dead = $stage->log('dead');
	is(scalar @dead, 45, 'what waits behind a rest is given up in the end');
	is(scalar($peer->requests), 2, 'without an attempt');
	my @waited = grep { $_->{tries} == 0 } @dead;
	is(scalar @waited, 43, 'none of it had one');
	is($waited[0]{status}, undef, 'so it has no status');
	like($waited[0]{reason}, qr/give_up_after/, 'it says why');
	is(scalar(grep { $_->{age_ms} < 1000 } @waited), 0, 'and not too early');
	is(scalar(my @files = glob($stage->spool . '/failed/hook/*.json')), 45,
		"failed/ has the bytes of each");
	wait_until { grep { (slurp($_) // '') =~ /gave up/ } mails($stage) };
	ok((grep { slurp($_) =~ /gave up/ } mails($stage)), 'and a mail tells of them');
	is($stage->stop($daemon), 0, 'the daemon goes on');
};

# ---- a flapping endpoint -----------------------------------------------------------
subtest 'no flood of mails' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(
		settings => { mail => { to => ['ops@example.org'] } },
		webhooks => { hook => { endpoints => [$peer->url('/flap')], %quick,
			breaker => { failures => 2, rest => '50ms' } } });
	my $daemon = $stage->run;

	for my $n (1 .. 4) {
		$peer->answer('/flap', '/status/500');
		drop_many($stage, "flap$n", 5);
		wait_until { $stage->log('breaker_open') == $n };
		$peer->answer('/flap', '/ok');
		wait_until { $stage->log('delivered') == 5 * $n };
	}
	wait_until { mails($stage) >= 2 };
	is(scalar($stage->log('breaker_open')), 4, 'each opening is logged');
	cmp_ok(scalar(my @all = mails($stage)), '<=', 2,
		'but people are told once in a while');
	$stage->stop($daemon);
};

# ---- our own faults -----------------------------------------------------------------
subtest 'no descriptors' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(webhooks => {
		hook => { endpoints => [$peer->url('/ok')],
			breaker => { failures => 1 } },
	});
	my $daemon = $stage->run;
	my $pid = $stage->pid($daemon);
	my $open = () = glob("/proc/$pid/fd/*");
	my $had = (slurp("/proc/$pid/limits") =~ /^Max open files\s+(\d+)/m)[0];

	plan skip_all => 'no prlimit' if system("prlimit --pid $pid --nofile=" .
	    ($open) . ":$had 2>/dev/null");
	# The event comes in by the store's own descriptors, the call needs one more.
	drop_many($stage, 'a', 12);
	wait_until { $stage->log('attempt') || $stage->errors($daemon) =~ /Too many/ } 10;
	my @failed = $stage->log('attempt');
	if (!@failed) {
		system "prlimit --pid $pid --nofile=" . ($open + 1) . ":$had";
		wait_until { @failed = $stage->log('attempt') } 10;
	}
	system "prlimit --pid $pid --nofile=$had:$had";
	is_deeply([sort map { $_->{error_code} // 'none' } grep {
		$_->{outcome} eq 'deferred' } @failed], [('local') x grep {
		$_->{outcome} eq 'deferred' } @failed], 'want of descriptors is our own fault');
	kill 'USR2', $pid;
	wait_until { kill 'USR2', $pid; select undef, undef, undef, 0.2;
		$stage->log('delivered') == 12 };
	is(scalar($stage->log('delivered')), 12, 'all is delivered when it is over');
	is(scalar(grep { $_->{tries} != 1 } $stage->log('delivered')), 0,
		'no attempt was spent');
	is(scalar($stage->log('breaker_open')), 0, 'no breaker opened');
	my $said = () = $stage->errors($daemon) =~ /no fault of the endpoint/g;
	cmp_ok($said, '<', 6, 'it is not said once per delivery');
	unlike(($stage->verb('status'))[1], qr/fault of the endpoint/,
		'and forgotten when it is over');
	$stage->stop($daemon);
};

subtest 'a CA file that goes away' => sub {
	my $stage = Stage->new(settings => { delivery => { ca_file => '../ca.pem' } });

	$stage->make_cert('localhost');
	my (undef, $port) = $stage->start_nginx('location / { return 204; }', tls => 1);
	$stage->webhook(hook => { endpoints => ["https://localhost:$port/"],
		breaker => { failures => 2 } });
	my $daemon = $stage->run;
	rename $stage->dir . '/ca.pem', $stage->dir . '/away.pem';
	drop_many($stage, 'a', 9);
	wait_until { $stage->log('attempt') };
	is(($stage->log('attempt'))[0]{error_code}, 'local', 'is our own fault');
	is(($stage->log('attempt'))[0]{outcome}, 'deferred', 'and defers');
	wait_until { ($stage->verb('status'))[1] =~ /fault of the endpoint/ };
	like(($stage->verb('status'))[1], qr/no fault of the endpoint/,
		'status shows what is in the way');
	is(scalar(() = $stage->errors($daemon) =~ /no fault of the endpoint/g), 1,
		'it is said once');
	cmp_ok(scalar($stage->log('attempt')), '<=', 8,
		'not each delivery runs into it');
	rename $stage->dir . '/away.pem', $stage->dir . '/ca.pem';
	wait_until { kill 'USR2', $stage->pid($daemon);
		select undef, undef, undef, 0.2; $stage->log('delivered') == 9 };
	is(scalar(grep { $_->{tries} == 1 } $stage->log('delivered')), 9,
		'no attempt was spent');
	is(scalar($stage->log('breaker_open')), 0, 'and no breaker opened');
	$stage->stop($daemon);
};

# A host without name servers: in a mount namespace of its own, with nobody on
# the port that resolv.conf leads to.
subtest 'no name server' => sub {
	my $stage = Stage->new(webhooks => {
		far => { endpoints => ['http://endpoint.invalid/'],
			breaker => { failures => 1 } },
	});
	my $program = $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook';
	my $own = $stage->dir . '/resolv.conf';
	my $script = "mount --bind $own /etc/resolv.conf && exec \"\$0\" \"\$@\"";

	spew($own, "nameserver 127.0.0.99\noptions timeout:1 attempts:1\n");
	plan skip_all => 'not permitted to mount here'
	    if system("unshare -m sh -c 'mount --bind $own /etc/resolv.conf' 2>/dev/null");
	my $daemon = $stage->start('unshare', '-m', 'sh', '-c', $script, $program,
	    '-c', $stage->etc, 'run');
	wait_until { $stage->errors($daemon) =~ /is ready/ };
	drop_many($stage, 'a', 6);
	wait_until { $stage->log('attempt') };
	my ($line) = $stage->log('attempt');
	is($line->{error_code}, 'local', 'is our own fault');
	like($line->{error}, qr/no name server/, '... and says so');
	is($line->{outcome}, 'deferred', 'it defers');
	wait_until { $stage->errors($daemon) =~ /no fault of the endpoint/ };
	is(scalar(() = $stage->errors($daemon) =~ /no fault of the endpoint/g), 1,
		'it is said once');
	is(scalar($stage->log('breaker_open')), 0, 'no breaker opens');
	my ($row) = grep { $_->{state} eq 'queued' } $stage->queue;
	is($row->{tries}, 0, 'and no attempt is spent');
	$stage->stop($daemon);
};
done_testing;
