#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `status`: one look tells how things are, with the daemon up and down, for
# people within 80 columns and as JSON.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(wait_until slurp spew);
use Terminal qw(on_terminal);
use Test::More;

my $long = 'a-webhook-whose-name-is-much-longer-than-a-column-0123456789';
my $stage = Stage->new;
my ($receiver, $port) = $stage->listen('--status', '500,200');
my $dead = Stage::free_port();
$stage->webhook(pager => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['*'], retry => { delays => ['20ms'] } });
$stage->webhook($long => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['*'], retry => { delays => ['1h'] } });
$stage->webhook(off => { endpoints => ["http://127.0.0.1:$dead/"],
	enabled => JSON::PP::false });

sub status
{
	my ($status, $out) = $stage->verb('status', '--json');
	return $status ? undef : JSON::PP->new->utf8->decode($out);
}
sub row
{
	my ($id) = @_;
	return (grep { $_->{webhook} eq $id } @{ status()->{webhooks} })[0];
}
sub fits
{
	my ($name, $text) = @_;
	my @wide = grep { length > 80 && !m{^spool } } split /\n/, $text;
	is_deeply(\@wide, [], $name);
}

my ($status, $out, $err) = $stage->verb('status');
isnt($status, 0, 'without a spool there is no status');
like($err, qr/spool/, '... and it says what is missing');
like($err, qr/"spoolhook run" starts one/, '... and what to do');

my $daemon = $stage->run;
$stage->drop('one.json', '{"id":"inc-1","event_type":"incident_triggered"}');
ok(wait_until(sub { row('pager')->{delivered} == 1 }), 'one is delivered');
ok(wait_until(sub { row($long)->{deferred} == 1 }), '... and one deferred');
my $all = status();
is($all->{running}, JSON::PP::true, 'the daemon runs');
is($all->{pid}, $stage->pid($daemon), '... under its pid');
is($all->{generation}, 1, '... with its first configuration');
like($all->{$_}, qr/^\d{4}-.*Z$/, "$_ is a time") for qw(started loaded heartbeat);
like($all->{version}, qr/^\d+\.\d+\.\d+/, '... and its version');
is($all->{deferred}, 1, 'the queue is counted');
my $pager = row('pager');
is($pager->{delivered_24h}, 1, 'what was delivered in the last day');
is($pager->{dead_24h}, 0, '... and what died');
like($pager->{p95_ms}, qr/^\d+$/, '... and how long it took');
is($pager->{last_status}, 500, 'the last failure is the last one that failed');
ok($pager->{last_success} gt $pager->{last_failure}, '... before the success');
is(row($long)->{last_code}, 'connect', 'one without an answer has its code');
is(row('off')->{state}, 'disabled', 'a disabled webhook is there, too');
is(row('off')->{p95_ms}, undef, '... with nothing to tell');

($status, $out) = $stage->verb('status');
is($status, 0, 'for people');
like($out, qr/\Aspoolhook is running, pid \d+, version [\d.]+, since \S+\n/, 'the daemon');
like($out, qr/^configuration  generation 1, loaded \S+ ago$/m, 'the configuration');
like($out, qr/^queue +0 queued, 1 deferred, 0 active, 0 held; oldest /m, 'the queue');
like($out, qr/^  pager +enabled +0 +0 +0 +1 +0 +\S+ms$/m, 'a line for a webhook');
like($out, qr/last success \S+ ago; last failure HTTP 500, \S+ ago/, 'what was last');
like($out, qr/^  \Q$long\E\n +enabled +0 +1 /m, 'a long name has its own line');
fits('it fits 80 columns', $out);
unlike($out, qr/\e/, 'no colour in a pipe');
my (undef, $screen) = on_terminal($stage, '', 'status');
like($screen, qr/\e\[32mrunning\e\[0m/, 'colour on a terminal');

# ---- a reload that failed ---------------------------------------------------
my $good = slurp($stage->etc . '/webhooks.d/pager.json');
$stage->webhook(pager => '{');
kill 'HUP', $stage->pid($daemon);
ok(wait_until(sub { $stage->log('reload_failed') }), 'a reload fails');
$stage->webhook(pager => $good);
ok(wait_until(sub { defined status()->{reload_error} }), 'status tells it');
($status, $out) = $stage->verb('status');
like($out, qr/reload refused \S+ ago: .*pager\.json/, '... with its reason');
($status) = $stage->verb('reload');
is($status, 0, 'a good one follows');
is(status()->{reload_error}, undef, 'then it is forgotten');
is(status()->{generation}, 2, '... and the generation counts');

# ---- an endpoint that rests ---------------------------------------------------
$stage->webhook(tired => { endpoints => [ { id => 'x', url => "http://127.0.0.1:$dead/" },
	"http://127.0.0.1:$port/" ], triggers => ['*'], order => 'none',
	retry => { delays => ['10ms', '1h'] }, breaker => { failures => 2 } });
$stage->verb('reload', '-q');
$stage->drop('rest.json', '{"id":"inc-r","event_type":"incident_triggered"}');
sub breakers { return { map { $_->{endpoint} => $_ } @{ row('tired')->{endpoints} } } }
ok(wait_until(sub { breakers()->{x}{breaker} eq 'open' }), 'an endpoint rests: its breaker is open');
is(breakers()->{x}{failures}, 2, '... after so many failures');
like(breakers()->{x}{$_}, qr/Z$/, "... $_ a time") for qw(since until);
is(breakers()->{1}{breaker}, 'closed', '... and the other one of the webhook is not touched');
is(breakers()->{1}{until}, undef, '... and has nothing to wait for');
($status, $out) = $stage->verb('status');
like($out, qr/^  tired +resting /m, 'people see it at the webhook');
like($out, qr/^    endpoint x rests: 2 failed in a row, next try (in \S+|is due)$/m, '... which, why, and until when');
fits('it still fits 80 columns', $out =~ s/^  tired\/x rests.*$//mr);
$stage->webhook(tired => undef);
$stage->verb('reload', '-q');
$stage->verb('queue', 'delete', '-q', '--webhook', 'tired');
my $waits = row($long)->{deferred} + row($long)->{queued};

# ---- a daemon that hangs --------------------------------------------------------
kill 'STOP', $stage->pid($daemon);
system('sqlite3', '-cmd', '.timeout 10000', $stage->spool . '/spool.db',
	"UPDATE note SET ms = ms - 31000 WHERE name = 'daemon/heartbeat'");
($status, $out) = $stage->verb('status');
is($status, 0, 'with a daemon that hangs status works');
like($out, qr/^ +no sign of life for 3\ds/m, '... and says so');
kill 'CONT', $stage->pid($daemon);

# ---- held, paused, down -----------------------------------------------------
$stage->verb('queue', 'hold', '--webhook', $long, '-q');
is(row($long)->{held}, $waits, 'what is held is counted');
is($stage->stop($daemon), 0, 'the daemon ends well');
($status, $out) = $stage->verb('status');
is($status, 0, 'it works with the daemon down');
like($out, qr/\Aspoolhook is not running .*"spoolhook run -c \Q$stage->{dir}\E/, '... and says so');
is(status()->{running}, JSON::PP::false, '... in JSON, too');
is(status()->{pid}, undef, '... without a pid');
($status) = $stage->verb('status', 'pager');
is($status, 64, 'it takes no operand');
done_testing;
