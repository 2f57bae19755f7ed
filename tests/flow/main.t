#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The main job: a dropped file becomes a delivered webhook, filtered, retried,
# logged, and a mail is written when one fails for good.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(wait_until slurp top);
use Test::More;

my $stage = Stage->new(settings => { mail => { to => ['ops@example.org'] } });
my ($good, $port) = $stage->listen('--status', '503,200');
my $dead = Stage::free_port();

$stage->webhook(pager => {
	endpoints => ["http://127.0.0.1:$port/pager"],
	filter => { service => ['email-trigger'] },
	retry => { delays => ['50ms'] },
});
$stage->webhook(gone => {
	endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['incident_resolved'],
	retry => { max_retries => 1, delays => ['50ms'] },
});
$stage->webhook(other => {
	endpoints => ["http://127.0.0.1:$port/other"],
	filter => { service => ['another-service'] },
});
my $daemon = $stage->run;

my @types = qw(triggered reassigned acknowledged resolved);
for my $type (@types) {
	$stage->drop("$type.json", slurp(top() . "/tests/data/$type.json"));
	wait_until { !-e $stage->spool . "/incoming/$type.json" };
}
wait_until { $stage->received($good) == 5 && $stage->log('dead') };

my @got = $stage->received($good);
is_deeply([map { $_->{headers}{'spoolhook-event'} // $_->{headers}{'Spoolhook-Event'} } @got],
	[qw(incident_triggered incident_triggered incident_reassigned
	incident_acknowledged incident_resolved)],
	'the four events arrive in order, the refused one again before the next');
is($got[0]{status}, 503, 'the first answer was a 503');
is($got[0]{headers}{'webhook-id'}, $got[1]{headers}{'webhook-id'},
	'a retry has the same webhook-id');
is_deeply([grep { $_->{path} eq '/other' } @got], [],
	'a filter that does not pass sends nothing');
my ($death) = $stage->log('dead');
is($death->{webhook}, 'gone', 'what fails for good is logged as dead');
is($death->{error_code}, 'connect', '... with its error code');
wait_until { glob($stage->spool . '/mail/*.eml') };
my ($mail) = glob($stage->spool . '/mail/*.eml');
like(slurp($mail // '') // '', qr/spoolhook resend -c \Q$stage->{dir}\E\/etc \Q$death->{delivery}\E/,
	'the failure mail names the command to resend');
is(scalar(my @left = glob($stage->spool . '/incoming/*')), 0,
	'accepted files are gone from the drop box');
is($stage->stop($daemon), 0, 'TERM ends the daemon with status 0');
is(($stage->log)[-1]{kind}, 'stopped', 'its last line says so');
done_testing;
