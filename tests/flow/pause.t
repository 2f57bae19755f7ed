#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Pause and resume: nothing is sent to a paused webhook, its events queue, it
# outlives restarts, ends by itself, and the running daemon obeys at once. And
# flush, which makes due what waits.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(wait_until slurp);
use Test::More;

my $stage = Stage->new(settings => { spool => { rescan => '1h' } });
my ($receiver, $port) = $stage->listen;
$stage->webhook($_ => {
	endpoints => ["http://127.0.0.1:$port/$_"], triggers => ['*'],
}) for qw(pager chat);

my $serial = 0;
sub drop
{
	$stage->drop('e' . ++$serial . '.json',
	    qq({"id":"inc-$serial","event_type":"incident_triggered"}));
}
sub got { my ($path) = @_; return scalar grep { $_->{path} eq "/$path" }
	$stage->received($receiver) }
sub status_of
{
	my ($id) = @_;
	my (undef, $out) = $stage->verb('status', '--json');
	my ($row) = grep { $_->{webhook} eq $id }
	    @{ JSON::PP->new->utf8->decode($out)->{webhooks} };
	return $row;
}

# ---- wrong words ------------------------------------------------------------
my $daemon = $stage->run;
my ($status, $out, $err) = $stage->verb('pause', 'pager', 'pagr');
is($status, 1, 'an unknown webhook is refused');
like($err, qr/did you mean "pager"/, '... with the nearest name');
is(status_of('pager')->{paused}, undef, '... and nothing is done');
($status) = $stage->verb('pause');
is($status, 64, 'a pause needs a webhook');
($status) = $stage->verb('pause', 'pager', '--for', 'ever');
is($status, 64, '... and a time that is one');
($status) = $stage->verb('pause', 'pager', '--for', '0');
is($status, 64, '... and not none');
($status, $out) = $stage->verb('resume', 'pager');
is($status, 1, 'what is not paused cannot be resumed');
is($out, "pager: not paused\n", '... and says so');
($status, $out, $err) = $stage->verb('resume', 'pge');
is($status, 1, 'nor what is not there');

# ---- a pause ----------------------------------------------------------------
($status, $out) = $stage->verb('pause', 'pager', '--reason',
	"work on\n\e[31mthe pager");
is($status, 0, 'a webhook is paused');
like($out, qr/"spoolhook resume -c \S+ pager" lets it go on/, '... with the way back');
drop();
ok(wait_until(sub { got('chat') == 1 }), 'others go on');
drop();
ok(wait_until(sub { got('chat') == 2 }), '... with the next event, too');
is(got('pager'), 0, 'nothing is sent to the paused one');
is(status_of('pager')->{queued}, 2, 'its events queue');
is(status_of('pager')->{paused}{by}, scalar getpwuid($<), 'status tells who');
unlike(status_of('pager')->{paused}{reason}, qr/[\n\e]/,
	'... and why, doing no harm to a terminal');
($status, $out) = $stage->verb('queue');
like($out, qr/pager-0 .* paused /, 'the queue tells why they wait');
($status, $out) = $stage->verb('list');
like($out, qr/^pager +paused /m, 'list shows it');
($status, $out) = $stage->verb('status');
like($out, qr/^  pager +paused /m, 'status, too');
like($out, qr/^  pager is paused by .* until somebody resumes it: work on/m,
	'... among what is in the way');
my ($line) = $stage->log('paused');
is($line->{webhook}, 'pager', 'it is logged');
is($line->{until}, undef, '... without an end');
is($line->{by_uid}, $<, '... with who did it');

# ---- restarts ---------------------------------------------------------------
is($stage->stop($daemon), 0, 'the daemon ends well');
$daemon = $stage->run;
drop();
ok(wait_until(sub { got('chat') == 3 }), 'a restarted daemon works');
is(got('pager'), 0, '... and still obeys the pause');
($status, $out) = $stage->verb('flush');
is(got('pager'), 0, 'a flush does not end a pause');

# ---- resume -----------------------------------------------------------------
($status, $out) = $stage->verb('resume', 'pager', '--reason', 'done');
is($status, 0, 'it is resumed');
ok(wait_until(sub { got('pager') == 3 }), '... at once, with all that queued');
is_deeply([sort map { $_->{headers}{'webhook-id'} =~ s/-.*//r }
	grep { $_->{path} eq '/pager' } $stage->received($receiver)],
	[sort map { $_->{event_id} } $stage->log('accepted')], '... each once');
($line) = $stage->log('resumed');
is($line->{reason}, 'done', 'it is logged, with the reason');

# ---- for a time -------------------------------------------------------------
($status, $out) = $stage->verb('pause', 'pager', '--for', '1s', '--json');
my $told = JSON::PP->new->utf8->decode($out);
is($told->{result}, 'paused', 'a pause for a time');
like($told->{until}, qr/Z$/, '... tells its end');
drop();
ok(wait_until(sub { got('chat') == 4 }), 'an event comes in the meantime');
ok(wait_until(sub { got('pager') == 4 }), 'the pause ends by itself');
ok(wait_until(sub { $stage->log('resumed') == 2 }), '... and is logged');
is(($stage->log('resumed'))[1]{by}, 'spoolhook', '... as the daemon\'s doing');
is(status_of('pager')->{paused}, undef, '... and gone');
my ($sent) = grep { $_->{kind} eq 'delivered' && $_->{webhook} eq 'pager' }
    reverse $stage->log;
cmp_ok($sent->{ts}, 'ge', $told->{until}, '... not before its time');

# ---- with the daemon down ---------------------------------------------------
is($stage->stop($daemon), 0, 'the daemon ends well');
($status, $out, $err) = $stage->verb('pause', 'pager', 'chat');
is($status, 0, 'a pause works with the daemon down');
like($err, qr/no daemon is running/, '... which is said');
drop();
($status) = $stage->verb('run', '--once', '-q');
is($status, 75, 'run --once knows that something is left');
is(got('pager'), 4, '... and sends none of it');
($status) = $stage->verb('resume', 'pager', 'chat', '-q');
($status) = $stage->verb('run', '--once', '-q');
is($status, 0, 'after the resume all goes');
is(got('pager'), 5, '... once');

# ---- flush ------------------------------------------------------------------
my ($moody, $moody_port) = $stage->listen('--status', '503*2,200');
$stage->webhook($_ => {
	endpoints => ["http://127.0.0.1:$moody_port/$_"], triggers => ['*'],
	retry => { delays => ['1h'] },
}) for qw(pager chat);
$daemon = $stage->run;
drop();
sub deferred { return scalar grep { $_->{state} eq 'deferred' } $stage->queue }
ok(wait_until(sub { deferred() == 2 }), 'two wait for an hour');
($status, $out, $err) = $stage->verb('flush', 'pgr');
is($status, 1, 'a flush of no webhook is refused');
($status, $out) = $stage->verb('flush', 'pager', '--wait');
is($status, 0, 'a flush of one is waited for');
is($out, "1 delivery is due now\n", '... and counts');
is(deferred(), 1, '... and leaves the other');
($status, $out) = $stage->verb('flush', '--json');
is($out, qq({"flushed":1}\n), 'a flush of all, as JSON');
ok(wait_until(sub { deferred() == 0 }), '... tries the rest');
is($stage->stop($daemon), 0, 'the daemon ends well');
($status, $out, $err) = $stage->verb('flush', '--wait=1s');
is($status, 69, 'waiting needs a daemon');
done_testing;
