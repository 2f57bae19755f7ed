#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Sending again: one, all that died, what was delivered; at once or at a pace;
# with the same webhook-id; the file in failed/ goes with the death.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(wait_until slurp);
use Test::More;
use Time::HiRes qw(time);

my $stage = Stage->new;
my ($bad, $bad_port) = $stage->listen('--status', '500');
$stage->webhook(pager => {
	endpoints => ["http://127.0.0.1:$bad_port/1", "http://127.0.0.1:$bad_port/2"],
	triggers => ['*'], retry => { max_retries => 0 }, order => 'none',
});

$stage->verb('run', '--once', '-q');
my ($status, $out, $err) = $stage->verb({ stdin => join '', map {
	qq({"id":"inc-$_","event_type":"incident_triggered"}\n) } 1 .. 5 },
	'submit', '-');
my @events = split /\n/, $out;
($status) = $stage->verb('run', '--once', '-q');
is($status, 1, 'all of them died');
is(scalar(grep { $_->{state} eq 'dead' } $stage->queue), 10, 'ten deliveries');
my $failed = $stage->spool . '/failed/pager';
ok(-e "$failed/$_.json", 'a death has its file') for @events[0, 4];
my %ids = map { $_->{headers}{'webhook-id'} => 1 } $stage->received($bad);

# ---- by id ------------------------------------------------------------------
($status, $out, $err) = $stage->verb('resend', "$events[0]-pager-0");
is($status, 0, 'one is resent');
is($out, "$events[0]-pager-0: queued\n-- 1 queued\n", 'it is queued');
ok(-e "$failed/$events[0].json",
	'the file stays while another endpoint\'s delivery is dead');
($status) = $stage->verb('resend', "$events[0]-pager-1");
ok(!-e "$failed/$events[0].json", '... and goes with the last death');
($status, $out) = $stage->verb('resend', $events[0]);
is($status, 1, 'what is queued is not resent');
like($out, qr/left as it is, queued/, '... and is told of');
my ($line) = $stage->log('resent');
is($line->{delivery}, "$events[0]-pager-0", 'the log tells which');
is($line->{by}, scalar getpwuid($<), '... and who');
my ($row) = grep { $_->{delivery} eq "$events[0]-pager-0" } $stage->queue;
is($row->{tries}, 0, 'it has all its tries again');

# ---- wrong words ------------------------------------------------------------
for my $rate (qw(0 x 10/d -1 1.5), '') {
	($status, $out, $err) = $stage->verb('resend', '--all', '--rate', $rate);
	is($status, 64, "\"$rate\" is no rate");
}
like($err, qr{10/s, 600/m or 5/h}, '... and which are');
($status) = $stage->verb('resend');
is($status, 64, 'without ids and selectors nothing is resent');

# ---- in bulk ----------------------------------------------------------------
($status, $out) = $stage->verb('resend', '--endpoint', '1', '--dry-run');
like($out, qr/-- 4 would be queued/, 'selectors mean what is dead');
($status, $out) = $stage->verb('resend', '--status', '404');
is($status, 1, 'by the last answer: none was 404');
($status, $out) = $stage->verb('resend', '--status', '5xx', '--since', '-1h',
	'--incident', 'inc-2');
like($out, qr/-- 2 queued/, 'by answer, time and incident');
($status, $out) = $stage->verb('resend', '--webhook', 'pager', '--json');
is(() = $out =~ /"result":"resent"/g, 6, 'the rest, as JSON');
is(scalar(() = glob "$failed/*.json"), 0, 'no file is left');

# ---- it arrives -------------------------------------------------------------
my ($good, $port) = $stage->listen;
$stage->webhook(pager => {
	endpoints => ["http://127.0.0.1:$port/1", "http://127.0.0.1:$port/2"],
	triggers => ['*'], retry => { max_retries => 0 }, order => 'none',
});
my $daemon = $stage->run;
ok(wait_until(sub { $stage->received($good) == 10 }), 'all are sent again');
is_deeply([grep { !$ids{ $_->{headers}{'webhook-id'} } } $stage->received($good)],
	[], '... with the webhook-id that they had');
ok(wait_until(sub { 10 == grep { $_->{state} eq 'delivered' } $stage->queue }),
	'... and delivered');

# ---- what was delivered, at a pace ------------------------------------------
($status, $out) = $stage->verb('resend', '--all');
is($status, 1, 'nothing is dead any more');
my $start = time;
($status, $out) = $stage->verb('resend', '--state', 'delivered', '--rate',
	'20/s');
like($out, qr/-- 10 queued/, 'what was delivered is resent, when asked for');
ok(wait_until(sub { $stage->received($good) == 20 }), 'it arrives');
cmp_ok(time - $start, '>=', 9 / 20, '... not faster than the pace');
my @due = map { $_->{next_attempt} } ($stage->log('resent'))[-10 .. -1];
is_deeply(\@due, [sort @due], '... one after the other');
isnt($due[0], $due[9], '... spread over time');
ok(wait_until(sub { 10 == grep { $_->{state} eq 'delivered' } $stage->queue }),
	'all end delivered');
($status, $out) = $stage->verb('resend', '--state', 'delivered', '--rate',
	'5/h', '--endpoint', '0');
ok(wait_until(sub { $stage->received($good) == 21 }),
	'with a slow pace the first goes at once');
my @waiting = grep { $_->{state} eq 'queued' } $stage->queue;
is(scalar @waiting, 4, '... and the others wait');
$stage->verb('flush', 'pager');
ok(wait_until(sub { $stage->received($good) == 25 }), 'a flush ends the pace');
is($stage->stop($daemon), 0, 'the daemon ends well');
done_testing;
