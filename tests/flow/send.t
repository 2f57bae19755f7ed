#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `send`: one real try, now, that nobody else hears of.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Stage qw(free_port spew slurp wait_until);
use Test::More;

my $stage = Stage->new;
my ($listener, $port) = $stage->listen('--status', '200,503,200');

$stage->webhook('pager', { enabled => JSON::PP::false,
	endpoints => [ "http://127.0.0.1:$port/a?key=Geheimnis",
		{ id => 'b', url => "http://127.0.0.1:$port/b" } ] });
my ($status, $out, $err) = $stage->verb('send', 'pager');
is($status, 1, 'one of two endpoints said no: 1') or diag $err;
like($out, qr{^pager/0  POST http://127\.0\.0\.1:$port/a\?[^G]*\n  HTTP 200\n}m,
    'what was sent where, and the status');
like($out, qr{^pager/b .*\n  HTTP 503: answered 503\n}m, '... of the other, too');
like($out, qr{^  dns \d+\.\d ms, connect \d+\.\d ms, first byte \d+\.\d ms, total \d+\.\d ms; 127\.0\.0\.1:$port$}m,
    'how long each phase took, and who answered');
unlike($out, qr/Geheimnis/, 'no secret');
my @got = $stage->received($listener);
is(decode_json($got[0]{body})->{event_type}, 'incident_triggered',
    'without a file it is the sample of the first trigger');
is($got[0]{headers}{'Spoolhook-Attempt'}, 1, 'it is a first attempt');
isnt($got[0]{headers}{'webhook-id'}, $got[1]{headers}{'webhook-id'},
    'with ids of its own');
ok(!-e $stage->spool . '/log/delivery.jsonl' && !-e $stage->spool . '/spool.db',
    'nothing is queued, logged or counted');

spew("$stage->{dir}/event.json", $stage->event_text('resolved'));
($status, $out) = $stage->verb('send', 'pager', "$stage->{dir}/event.json",
    '--endpoint', 'b', '--json');
is($status, 0, 'delivered: 0');
my $json = decode_json($out);
is($json->{status}, 200, '--json tells the status');
ok($json->{delivered}, '... and that it is a success');
ok(exists $json->{$_}, "... and $_")
    for qw(dns_ms connect_ms tls_ms first_byte_ms duration_ms remote answer error);
is(decode_json(($stage->received($listener))[-1]{body})->{event_type},
    'incident_resolved', 'the file is what is sent');

# ---- answers of all kinds --------------------------------------------------------
# A server that says one thing, whoever asks.
sub server
{
	my ($say) = @_;
	my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
	    LocalPort => 0, ReuseAddr => 1) or die "listen: $!";
	my $pid = fork // die "fork: $!";

	if (!$pid) {
		while (my $client = $socket->accept) {
			my $got = '';
			sysread $client, $got, 65536;
			print $client $say;
			close $client;
		}
		POSIX::_exit(0);
	}
	return ($pid, $socket->sockport);
}

my $body = "line one\n\e[2Jred\nSPOOLHOOK OK\n";
my ($pid, $evil) = server("HTTP/1.1 400 No\r\nContent-Length: " . length($body)
	. "\r\n\r\n$body");
$stage->webhook('evil', { endpoints => ["http://127.0.0.1:$evil/"] });
($status, $out) = $stage->verb('send', 'evil');
is($status, 1, 'a refusal: 1');
like($out, qr/^  HTTP 400: answered 400$/m, '... told');
like($out, qr/^  \| line one\n  \| \\x1b\[2Jred\n  \| SPOOLHOOK OK$/m,
    'the head of the answer, each line marked, nothing for the terminal');
kill 'TERM', $pid;
waitpid $pid, 0;

($pid, $evil) = server("nonsense\r\n\r\n");
$stage->webhook('evil', { endpoints => ["http://127.0.0.1:$evil/",
	'http://127.0.0.1:' . free_port() . '/'], timeout => '2s' });
($status, $out) = $stage->verb('send', 'evil');
is($status, 1, 'no HTTP and no connection: 1');
like($out, qr{^evil/0 .*\n  reset: }m, '... told as what it is');
like($out, qr{^evil/1 .*\n  connect: cannot connect: Connection refused$}m, '... each');
kill 'TERM', $pid;
waitpid $pid, 0;

# ---- bad use ---------------------------------------------------------------------
($status, undef, $err) = $stage->verb({ stdin => $stage->event_text('resolved') x 2 },
    'send', 'pager', '-');
is($status, 64, 'two events at once: 64');
like($err, qr/one event at a time.*submit/, '... and what to take instead');
($status, undef, $err) = $stage->verb('send', 'nope');
is($status, 64, 'no such webhook: 64');
like($err, qr/spoolhook list/, '... and where to look');
$stage->webhook('pager', { endpoints => [ { url => { file => 'secrets/gone' } } ] });
($status, undef, $err) = $stage->verb('send', 'pager');
is($status, 78, 'a secret that cannot be had: 78');
like($err, qr/pager\.json:\d+:\d+: error/, '... with its place');
done_testing;
