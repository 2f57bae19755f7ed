#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `reload`: it checks first, hands over only what is good, and tells what came
# of it. A webhook that is taken out loses nothing: what waits for it is held,
# and goes on when it comes back.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(wait_until slurp spew);
use Test::More;

my $stage = Stage->new;
my ($receiver, $port) = $stage->listen;
my $dead = Stage::free_port();
my %pager = (endpoints => ["http://127.0.0.1:$dead/"], triggers => ['*'],
	retry => { delays => ['1h'] });
$stage->webhook(pager => \%pager);

my ($status, $out, $err) = $stage->verb('reload');
is($status, 69, 'without a daemon there is nothing to reload');
like($err, qr/no daemon is running/, '... and it says so');
($status) = $stage->verb('reload', 'now');
is($status, 64, 'it takes no operand');

my $daemon = $stage->run;
($status, $out) = $stage->verb('reload');
is($status, 0, 'a good configuration is in use when the command ends');
is($out, "generation 2 is in use\n", '... by its number');
my ($line) = $stage->log('reloaded');
is($line->{generation}, 2, '... as the log says');
($status, $out) = $stage->verb('reload', '--json');
is_deeply(JSON::PP->new->utf8->decode($out),
	{ reloaded => JSON::PP::true, generation => 3, error => undef },
	'as JSON');

# ---- bad ones ---------------------------------------------------------------
$stage->webhook(pager => '{"endpoints": [}');
($status, $out, $err) = $stage->verb('reload');
is($status, 78, 'a bad configuration is refused');
like($err, qr/pager\.json:1:16: error/, '... with its place');
like($err, qr/the daemon was not told/, '... before the daemon hears of it');
is(scalar($stage->log('reload_failed')), 0, '... which logs nothing');
($status, $out, $err) = $stage->verb('reload', '--json');
$out = JSON::PP->new->utf8->decode($out);
is($out->{reloaded}, JSON::PP::false, 'as JSON, too');
like($out->{error}, qr/pager\.json:1:16: error/, '... with the first error');
is($out->{generation}, undef, '... and no word of what the daemon uses');
SKIP: {
	my @nobody = qw(setpriv --reuid nobody --regid nogroup --clear-groups);

	skip 'only root can be somebody else', 7
	    if $> || system("@nobody test -x " . ($ENV{SPOOLHOOK_PROGRAM} // Stage::top() . '/bin/spoolhook'));
	local $stage->{as} = \@nobody;
	$stage->webhook(pager => \%pager);
	($status, $out, $err) = $stage->verb('reload');
	is($status, 77, 'who may not look is told so');
	unlike($err, qr/no daemon is running/, '... and not that no daemon runs');
	spew($stage->etc . '/secrets/token', "T0PSECRET\n");
	chmod 0640, $stage->etc . '/secrets/token';
	$stage->webhook(pager => { %pager, headers => { 'X-Key' => { file => 'secrets/token' } } });
	($status, undef, $err) = $stage->verb('reload');
	is($status, 77, 'who may not read a secret is not told that it is bad');
	like($err, qr/secrets\/token: cannot open: Permission denied .*\[not-permitted\]/, '... but why');
	($status) = $stage->verb('check');
	is($status, 77, '... by check as well');
	($status) = $stage->verb('run', '--once');
	is($status, 78, '... but a daemon that may not is configured badly');
	$stage->webhook(pager => { %pager, colour => 1, headers => { 'X-Key' => { file => 'secrets/token' } } });
	($status) = $stage->verb('check');
	is($status, 78, 'what is bad is bad, whoever asks');
}
$stage->webhook(pager => \%pager);
$stage->settings({ spool => { dir => '../spool' }, log => { file => '/proc/nope/x' } });
($status, $out, $err) = $stage->verb('reload');
is($status, 78, 'one that only the daemon finds bad is refused, too');
like($err, qr/the daemon refused the configuration: /, '... and it tells why');
like($err, qr/generation 3 goes on/, '... and what goes on');
is(scalar($stage->log('reload_failed')), 1, '... and logs it');
$stage->settings({});
($status) = $stage->verb('reload');
is($status, 0, 'the next good one is in use');

# ---- a webhook goes and comes back ------------------------------------------
$stage->drop('one.json', '{"id":"inc-1","event_type":"incident_triggered"}');
sub state_of { return join ' ', sort map { $_->{state} } $stage->queue }
ok(wait_until(sub { state_of() eq 'deferred' }), 'a delivery waits');
$stage->drop('two.json', '{"id":"inc-1","event_type":"incident_resolved"}');
ok(wait_until(sub { state_of() eq 'deferred queued' }), '... and one behind it');
$stage->webhook(pager => undef);
$stage->webhook(other => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['never'] });
($status) = $stage->verb('reload');
is($status, 0, 'a webhook is taken out');
ok(wait_until(sub { state_of() eq 'held queued' }),
	'what waits for it is held, not dropped');
ok(wait_until(sub { $stage->log('held') == 1 }), '... and logged');
($line) = $stage->log('held');
is_deeply([@$line{qw(webhook endpoint deliveries by)}],
	['pager', '0', 1, 'spoolhook'], '... which, how many, and by whom');
($status, $out) = $stage->verb('status');
like($out, qr/^  pager +gone /m, 'status shows it');
like($out, qr/pager\/0 is no longer configured/, '... and what to do');
($status, $out, $err) = $stage->verb('queue', 'release', '--webhook', 'pager');
is($status, 0, 'an operator may release it');
like($err, qr/pager\/0 is not configured: .* held until it is put back/,
	'... and is told that it does not leave so');
ok(wait_until(sub { state_of() eq 'held queued' }), '... for it is held again');
is($stage->stop($daemon), 0, 'the daemon ends well');
$daemon = $stage->run;
is(state_of(), 'held queued', 'a restart changes nothing');
$stage->webhook(pager => { %pager, endpoints => ["http://127.0.0.1:$port/"] });
($status) = $stage->verb('reload');
ok(wait_until(sub { $stage->received($receiver) == 2 }),
	'when it is back they are sent, to its new URL');
is_deeply([map { $_->{headers}{'spoolhook-event'} // $_->{headers}{'Spoolhook-Event'} }
	$stage->received($receiver)], [qw(incident_triggered incident_resolved)],
	'... in order');
ok(wait_until(sub { $stage->log('released') }), '... and it is logged');
ok(wait_until(sub { (($stage->verb('status'))[1] // '') !~ /In the way/ }),
	'nothing is in the way any more');
is($stage->stop($daemon), 0, 'the daemon ends well');

# ---- the start --------------------------------------------------------------
($status, $out, $err) = $stage->verb('reload');
is($status, 69, 'after the end there is no daemon again');
done_testing;
