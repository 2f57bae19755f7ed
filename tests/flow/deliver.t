#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Delivery: what is sent, what counts as success, when it is
# tried again and when it is given up, with real nginx, the real receiver and a
# peer that misbehaves.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Peer;
use Stage qw(wait_until slurp spew free_port);
use Test::More;
use Time::HiRes qw(time);

# All attempts of a webhook, from the log.
sub attempts
{
	my ($stage, $webhook) = @_;
	return grep { $_->{webhook} eq $webhook } $stage->log('attempt');
}

sub ended
{
	my ($stage, $webhook) = @_;
	my ($end) = grep { ($_->{webhook} // '') eq $webhook }
	    $stage->log('dead'), $stage->log('delivered');
	return $end;
}

sub start_of
{
	my ($line) = @_;
	my ($h, $m, $s) = $line->{ts} =~ /T(\d+):(\d+):([\d.]+)Z/;
	return ($h * 60 + $m) * 60 + $s - $line->{duration_ms} / 1000;
}

# ---- what is sent ---------------------------------------------------------------
subtest 'what is sent' => sub {
	my $stage = Stage->new(settings => {
		defaults => { headers => { 'X-Origin' => 'defaults' } } });
	my ($receiver, $port) = $stage->listen('--status', '503,204');
	my $url = "http://127.0.0.1:$port";

	spew($stage->etc . '/secrets/token', "s3cret\n");
	chmod 0600, $stage->etc . '/secrets/token';
	$stage->webhook(pager => {
		endpoints => ["$url/post",
			{ id => 'put', url => "$url/put", method => 'PUT',
			  headers => { 'X-Team' => 'endpoint' } },
			{ id => 'patch', url => "$url/patch?k=v", method => 'PATCH',
			  headers => { 'Content-Type' => 'application/x-own',
				'User-Agent' => 'own/1' } }],
		headers => { 'X-Team' => 'sre', 'X-Origin' => 'webhook',
			Authorization => { file => '../secrets/token',
				prefix => 'Bearer ' } },
		retry => { delays => ['20ms'], jitter => 0 },
	});
	my $daemon = $stage->run;
	my $text = $stage->event_text('triggered');

	$stage->drop('a.json', $text);
	wait_until { $stage->log('delivered') == 3 };
	my @got = $stage->received($receiver);
	my %by = map { $_->{path} => $_ } grep { $_->{status} == 204 } @got;
	my ($post) = grep { $_->{path} eq '/post' } @got;
	my %h = map { lc $_ => $post->{headers}{$_} } keys %{ $post->{headers} };
	my ($accepted) = $stage->log('accepted');

	is($post->{method}, 'POST', 'POST is the default');
	is($by{'/put'}{method}, 'PUT', 'PUT');
	is($by{'/patch?k=v'}{method} // $by{'/patch'}{method}, 'PATCH', 'PATCH');
	is($h{'content-type'}, 'application/json', 'it is JSON');
	like($h{'user-agent'}, qr{^spoolhook/\d}, 'from spoolhook');
	is($h{'webhook-id'}, "$accepted->{event_id}-pager-0",
	    'webhook-id is the delivery id');
	ok(abs($h{'webhook-timestamp'} - time) < 30, 'webhook-timestamp is now');
	is($h{'spoolhook-event'}, 'incident_triggered', 'the type is told');
	is($h{'x-team'}, 'sre', 'the header of the webhook is added');
	is($h{'x-origin'}, 'webhook', "a webhook's own value wins over defaults");
	is($h{authorization}, 'Bearer s3cret', 'a secret reaches its endpoint');
	my %put = map { lc $_ => $by{'/put'}{headers}{$_} }
	    keys %{ $by{'/put'}{headers} };
	is($put{'x-team'}, 'endpoint', "an endpoint's header replaces it");
	my ($patch) = grep { $_->{method} eq 'PATCH' } @got;
	my %patch = map { lc $_ => $patch->{headers}{$_} }
	    keys %{ $patch->{headers} };
	is($patch{'content-type'}, 'application/x-own',
	    'a configured Content-Type replaces ours');
	is($patch{'user-agent'}, 'own/1', 'and so does User-Agent');
	is(scalar @got, 4, 'three endpoints, and the refused one once more');
	my $log = slurp($stage->spool . '/log/delivery.jsonl');
	unlike($log, qr/s3cret|k=v/, 'no secret and no query is in the log');
	unlike($log, qr/CPU Throttling/, 'and no payload');
	$stage->stop($daemon);
};

# ---- tried again ------------------------------------------------------------------
subtest 'tried again' => sub {
	my $stage = Stage->new;
	my ($receiver, $port) = $stage->listen('--status', '503,500,429,204');

	$stage->webhook(hook => { endpoints => ["http://127.0.0.1:$port/"],
		retry => { delays => ['100ms', '200ms', '300ms'], jitter => 0.5 } });
	my $daemon = $stage->run;
	$stage->drop('a.json', $stage->event_text('triggered'));
	wait_until { $stage->log('delivered') };
	my @got = $stage->received($receiver);
	my @lines = attempts($stage, 'hook');

	is_deeply([map { $_->{status} } @lines], [503, 500, 429, 204],
	    'any non-2xx is tried again, up to three times');
	is(scalar(keys %{ { map { $_->{headers}{'webhook-id'} => 1 } @got } }), 1,
	    'webhook-id is the same on every attempt');
	is_deeply([map { $_->{headers}{'Spoolhook-Attempt'} // $_->{headers}{'spoolhook-attempt'} } @got],
	    [1, 2, 3, 4], 'attempts are numbered');
	is_deeply([map { $_->{outcome} } @lines],
	    [qw(deferred deferred deferred delivered)], 'outcomes are logged');
	for my $i (0 .. 2) {
		my $gap = start_of($lines[$i + 1]) - start_of($lines[$i])
		    - $lines[$i]{duration_ms} / 1000;

		cmp_ok($gap, '>', (0.1, 0.2, 0.3)[$i] - 0.005,
		    'chance never makes the delay shorter');
	}
	my @want = sort qw(ts level kind msg v delivery event_id webhook endpoint
	    event_type incident try max_tries method url_host status error_code
	    error duration_ms dns_ms connect_ms tls_ms first_byte_ms bytes_out
	    bytes_in remote outcome next_attempt);
	is_deeply([sort keys %$_], \@want, "attempt $_->{try} has its members, no other")
	    for @lines;
	like($lines[0]{next_attempt}, qr/^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
	    'a deferred one tells its next time');
	is($lines[3]{next_attempt}, undef, 'a delivered one has none');
	is($lines[0]{max_tries}, 4, 'of how many');
	$stage->stop($daemon);
};

# ---- bad answers --------------------------------------------------------------------
subtest 'bad answers' => sub {
	my $stage = Stage->new;
	my $peer = Peer->new;
	my $nobody = free_port();

	$stage->make_cert('127.0.0.1');
	my (undef, $tls) = $stage->start_nginx('location / { return 204; }', tls => 1);
	my (undef, $plain) = $stage->start_nginx('location /no { return 404; }
	    location /moved { return 301 /ok; } location /ok { return 200; }');
	my %cases = (
		silent => ['/silent', 'timeout', undef],
		drip => ['/drip', 'timeout', 200],
		garbage => ['/garbage', 'reset', undef],
		close => ['/close', 'reset', undef],
		reset => ['/reset', 'reset', undef],
		short => ['/short', 'reset', 200],
		flood500 => ['/flood/500', 'http_5xx', 500],
		s400 => ['/status/400', 'http_4xx', 400],
		s503 => ['/status/503', 'http_5xx', 503],
		redirect => ['/redirect', 'http_3xx', 302],
		moved => ["http://127.0.0.1:$plain/moved", 'http_3xx', 301],
		missing => ["http://127.0.0.1:$plain/no", 'http_4xx', 404],
		refused => ["http://127.0.0.1:$nobody/", 'connect', undef],
		untrusted => ["https://127.0.0.1:$tls/", 'tls_verify', undef],
		notls => ["https://127.0.0.1:$plain/", 'tls', undef],
		ok => ['/ok', undef, 204],
		flood200 => ['/flood/200', 'too_large', 200, 'delivered'],
		nginx => ["http://127.0.0.1:$plain/ok", undef, 200],
	);
	for my $id (keys %cases) {
		my $url = $cases{$id}[0];

		$stage->webhook($id => { timeout => '700ms',
			endpoints => [$url =~ /^http/ ? $url : $peer->url($url)],
			retry => { max_retries => 0 } });
	}
	my $daemon = $stage->run;
	$stage->drop('a.json', $stage->event_text('triggered'));
	wait_until { $stage->log('dead') + $stage->log('delivered') == keys %cases };
	for my $id (sort keys %cases) {
		my ($line) = attempts($stage, $id);
		my (undef, $code, $status, $outcome) = @{ $cases{$id} };

		is($line->{error_code}, $code, "$id is " . ($code // 'no error'));
		is($line->{status}, $status, "... status " . ($status // 'none'));
		is($line->{outcome}, $outcome // ($code ? 'dead' : 'delivered'),
		    '... its outcome');
	}
	is(scalar(grep { $_->{path} eq '/ok' } $peer->requests), 1,
	    'a redirect is not followed');
	my ($death) = grep { $_->{webhook} eq 's400' } $stage->log('dead');
	is(slurp($stage->spool . "/failed/s400/$death->{event_id}.json") . "\n",
	    $stage->event_text('triggered'), "failed/ holds the event's own bytes");
	ok(!-e $stage->spool . "/failed/ok", 'what was delivered leaves nothing there');
	my ($attempt) = attempts($stage, 'garbage');
	unlike(JSON::PP->new->encode($attempt), qr/\\u001b/i,
	    "a peer's control characters do not reach the log");
	$stage->drop('long.json', $stage->event_text('triggered',
		id => 'i' x 200_000, service => { slug => 's' x 200_000 }));
	wait_until { $stage->log('accepted') == 2 &&
	    grep { length $_->{incident} == 1024 } $stage->log('attempt') };
	is(length(($stage->log('accepted'))[1]{incident}), 1024,
	    'an event with endless ids has its lines, too, cut to fit');
	is($stage->alive($daemon) && $stage->stop($daemon), 0,
	    'the daemon survives them all');
};

# ---- Retry-After, never, give_up_after ------------------------------------------------
subtest 'told when to come back' => sub {
	my $stage = Stage->new;
	my $peer = Peer->new;
	my %retry = (max_retries => 1, delays => ['20ms'], jitter => 0);

	$stage->webhook(seconds => { endpoints => [$peer->url('/status/503/1')],
		retry => { %retry } });
	$stage->webhook(date => { endpoints => [$peer->url('/date/2')],
		retry => { %retry } });
	$stage->webhook(capped => { endpoints => [$peer->url('/status/429/3600')],
		retry => { %retry, retry_after_max => '300ms' } });
	$stage->webhook(never => { endpoints => [$peer->url('/status/410')],
		retry => { %retry, never => [410] } });
	$stage->webhook(old => { endpoints => [$peer->url('/status/500')],
		retry => { max_retries => 9, delays => ['400ms'], jitter => 0,
			give_up_after => '1s' } });
	my $daemon = $stage->run;
	$stage->drop('a.json', $stage->event_text('triggered'));
	wait_until { $stage->log('dead') == 5 };
	my %gap;
	for my $id (qw(seconds date capped)) {
		my @at = map { $_->{at} } grep {
			$_->{headers}{'webhook-id'} =~ /-$id-/ } $peer->requests;
		is(scalar @at, 2, "$id: two attempts");
		$gap{$id} = ($at[1] // 0) - ($at[0] // 0);
	}
	ok($gap{seconds} >= 0.99, 'Retry-After in seconds moves the next try later');
	ok($gap{date} >= 0.9, 'and so does a date');
	ok($gap{capped} >= 0.29 && $gap{capped} < 20, 'at most by retry_after_max');
	is(scalar(attempts($stage, 'never')), 1, 'a status in retry.never is final');
	like(ended($stage, 'never')->{reason}, qr/never/, '... and says why');
	my @old = attempts($stage, 'old');
	is(scalar @old, 3, 'give_up_after bounds the retries');
	is($old[-1]{outcome}, 'dead', 'the last one ends it');
	like(ended($stage, 'old')->{reason}, qr/give_up_after/, '... and says why');
	$stage->stop($daemon);
};

# ---- bounds -----------------------------------------------------------------------------
subtest 'concurrency' => sub {
	my $stage = Stage->new;
	my $peer = Peer->new;

	$stage->webhook(narrow => { endpoints => [$peer->url('/delay/60')],
		concurrency => 3 });
	$stage->webhook(wide => { endpoints => [$peer->url('/delay/61')] });
	my $daemon = $stage->run;
	$stage->drop('many.jsonl', join '', map {
		$stage->event_text('triggered', id => "incident-$_") } 1 .. 40);
	wait_until { $stage->log('delivered') == 80 };
	is($peer->peak('/delay/60'), 3, 'concurrency is used and never exceeded');
	is($peer->peak('/delay/61'), 8, 'it is 8 by default');
	is(scalar($peer->requests('/delay/60')), 40, 'and all arrive, once');
	$stage->stop($daemon);
};

# ---- proxy and TLS ------------------------------------------------------------------------
subtest 'proxy' => sub {
	my $peer = Peer->new;
	my $stage = Stage->new(settings => {
		delivery => { proxy => "http://127.0.0.1:" . $peer->port } });

	$stage->webhook(far => { endpoints => ['http://endpoint.invalid/hook'] });
	my $daemon = $stage->run;
	$stage->drop('a.json', $stage->event_text('triggered'));
	wait_until { $stage->log('delivered') };
	is(($peer->requests)[0]{path}, 'http://endpoint.invalid/hook',
	    'a configured proxy is used');
	$stage->stop($daemon);

	my $nobody = 'http://127.0.0.1:' . free_port();
	local @ENV{qw(http_proxy HTTP_PROXY ALL_PROXY all_proxy)} = ($nobody) x 4;
	my $other = Stage->new(webhooks => {
		near => { endpoints => [$peer->url('/ok')] } });
	$daemon = $other->run;
	$other->drop('a.json', $other->event_text('triggered'));
	wait_until { $other->log('attempt') };
	is(($other->log('attempt'))[0]{status}, 204,
	    'the environment is not looked at');
	$other->stop($daemon);
};

subtest 'TLS with an own authority' => sub {
	my $stage = Stage->new(settings => { delivery => { ca_file => '../ca.pem' } });

	$stage->make_cert('localhost');
	my (undef, $port) = $stage->start_nginx('location / { return 204; }', tls => 1);
	$stage->webhook(good => { endpoints => ["https://localhost:$port/"] });
	$stage->webhook(name => { endpoints => ["https://127.0.0.1:$port/"],
		retry => { max_retries => 0 } });
	my $daemon = $stage->run;
	$stage->drop('a.json', $stage->event_text('triggered'));
	wait_until { $stage->log('dead') && $stage->log('delivered') };
	my ($good) = attempts($stage, 'good');
	is($good->{status}, 204, 'its certificates are trusted');
	ok(defined $good->{tls_ms} && $good->{tls_ms} > 0, 'the handshake is measured');
	is((attempts($stage, 'name'))[0]{error_code}, 'tls_verify',
	    'a certificate for another name is not');
	$stage->stop($daemon);

	$stage->settings({ delivery => { ca_file => '../none.pem' } });
	my ($status, undef, $errors) = $stage->verb('run');
	is($status, 78, 'a CA file that is not there: no start');
	like($errors, qr/none\.pem/, 'and it is named');
	is(($stage->verb('check'))[0], 78, 'as check says before');
	$stage->settings({ mail => { ca_file => '../none.pem' } });
	is(($stage->verb('check'))[0], 0, 'one for mails delays only mails');
};
done_testing;
