#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The breaker: an endpoint that only fails is left alone, its deliveries wait
# and spend no tries, a probe finds it when it is back, and those who are told
# of failures are told once of each.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(wait_until slurp free_port);
use IO::Socket::INET;
use Test::More;

my $port = free_port();
my $stage = Stage->new(settings => { mail => { to => ['ops@example.org'] } });
my ($well, $well_port) = $stage->listen;
my %webhook = (
	endpoints => ["http://127.0.0.1:$port/hook?token=geheim"],
	retry => { max_retries => 100, delays => ['10ms'], jitter => 0 },
	breaker => { failures => 4, rest => '300ms' },
	concurrency => 2,
);

$stage->webhook(down => \%webhook);
$stage->webhook(well => { endpoints => ["http://127.0.0.1:$well_port/"] });
my $daemon = $stage->run;
my $events = 0;
sub drop
{
	$events++;
	$stage->drop("e$events.json",
	    qq({"id":"inc-$events","event_type":"incident_triggered"}));
}
sub tries { return scalar grep { $_->{webhook} eq 'down' } $stage->log('attempt') }
sub mails { return map { slurp($_) } glob($stage->spool . '/mail/*-down-*.eml') }

drop() for 1 .. 6;
ok(wait_until { $stage->log('breaker_open') }, 'a breaker opens');
my ($open) = $stage->log('breaker_open');
is($open->{webhook}, 'down', 'it is logged, with the webhook');
is($open->{endpoint}, '0', '... the endpoint');
is($open->{failures}, 4, '... the failures in a row');
like($open->{until}, qr/Z$/, '... and when it is looked for');
ok(wait_until { $stage->log('delivered') >= 6 }, 'the others get their events');

my $before = tries();
ok(wait_until { tries() >= $before + 2 }, 'probes go out');
my @probes = (grep { $_->{webhook} eq 'down' } $stage->log('attempt'))
    [$before .. tries() - 1];
my $spent = 0;
$spent += $_->{tries} for grep { $_->{webhook} eq 'down' } $stage->queue;
is($spent, tries(), 'no try is spent but by what really went out');
ok(tries() < 30, 'and that is a few: ' . tries());

my ($status, $out) = $stage->verb('status');
like($out, qr/down\/0 rests: \d+ attempts in a row failed/,
	'status says who rests');
ok(wait_until { mails() == 1 }, 'one mail tells of it');
my ($mail) = mails();
like($mail, qr/^Subject: \[spoolhook\] down: 0 rests\r$/m, '... in its subject');
unlike($mail, qr/geheim/, '... without the secret in the URL');

# ---- a restart does not forget ---------------------------------------------------
is($stage->stop($daemon), 0, 'the daemon ends');
$before = tries();
$daemon = $stage->run;
ok(wait_until { ($stage->verb('status'))[1] =~ /down\/0 rests/ },
	'a restarted daemon knows that it rests');
ok(tries() - $before <= 3, '... and does not storm it');

# ---- back ------------------------------------------------------------------------
my $back = $stage->start($ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook',
	'listen', '--port', $port, '--json');
ok(wait_until { $stage->log('breaker_closed') }, 'the first success closes it');
ok(wait_until { $stage->received($back) == 6 }, 'and all that waited is delivered');
is_deeply([grep { $_->{webhook} eq 'down' } $stage->log('dead')], [],
	'nothing died of waiting');
ok(wait_until { mails() == 2 }, 'a second mail tells that it is back');
like((sort grep { /answers again/ } mails())[0] // '', qr/Subject: .*answers again/,
	'... in its subject');
ok(wait_until { ($stage->verb('status'))[1] !~ /rests/ }, 'status is quiet again');

# ---- give_up_after bounds the waiting --------------------------------------------
$stage->stop($back);
$stage->webhook(down => { %webhook, breaker => { failures => 2, rest => '200ms' },
	retry => { max_retries => 100, delays => ['10ms'], give_up_after => '2s' } });
kill 'HUP', $stage->pid($daemon);
ok(wait_until { $stage->log('reloaded') }, '(another limit is in use)');
drop() for 1 .. 5;
ok(wait_until { grep({ $_->{webhook} eq 'down' } $stage->log('dead')) == 5 },
	'what waits longer than give_up_after dies');
my ($unsent) = grep { !defined $_->{error_code} } $stage->log('dead');
ok($unsent, 'some of it without another attempt');
is(scalar(my @kept = glob($stage->spool . '/failed/down/*.json')), 5,
	'their events are kept in failed/');
is($stage->stop($daemon), 0, 'TERM ends the daemon');
done_testing;
