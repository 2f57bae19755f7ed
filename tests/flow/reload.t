#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Reload: HUP takes a good configuration whole and a bad one not at all; what
# waits takes the new URL; what belongs to nobody any more waits and is told of.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Peer;
use Stage qw(wait_until slurp free_port);
use Test::More;

sub hup
{
	my ($stage, $daemon) = @_;
	my $answers = sub {
		return scalar grep { $_->{kind} =~ /^reload/ } $stage->log };
	my $before = $answers->();

	kill 'HUP', $stage->pid($daemon);
	return wait_until { $answers->() > $before };
}

my $peer = Peer->new;
my $stage = Stage->new(webhooks => {
	hook => { endpoints => [$peer->url('/status/503')], concurrency => 1,
		retry => { delays => ['1h'] } },
	going => { endpoints => [$peer->url('/status/500')],
		retry => { delays => ['1h'] } },
});
my $daemon = $stage->run;
$stage->drop('a.json', $stage->event_text('triggered'));
wait_until { $stage->log('attempt') == 2 };

# ---- bad: nothing changes ---------------------------------------------------------
$stage->webhook(hook => '{ "endpoints": ["http://127.0.0.1:1/"], "retyr": {} }');
$stage->webhook(other => { endpoints => [$peer->url('/ok')] });
ok(hup($stage, $daemon), 'a reload is answered');
my ($failed) = $stage->log('reload_failed');
is($failed->{generation}, 1, 'a bad configuration is refused, the old one goes on');
like($failed->{error}, qr/hook\.json:1:\d+: error: unknown key "retyr"/,
    'the log names file, line and key');
like($stage->errors($daemon), qr/unknown key "retyr"/, 'and so does stderr');
$stage->drop('b.json', $stage->event_text('triggered', id => 'second'));
wait_until { $stage->log('accepted') == 2 };
is_deeply([sort @{ ($stage->log('accepted'))[1]{webhooks} }], ['going', 'hook'],
    'nothing of it is in use, also not its good part');

$stage->webhook(hook => { endpoints => [$peer->url('/ok')] });
$stage->settings({ log => { file => "$stage->{dir}/etc/spoolhook.json/x.jsonl" } });
hup($stage, $daemon);
is(scalar($stage->log('reload_failed')), 2,
    'a log file that cannot be opened refuses the reload');
$stage->settings({ delivery => { ca_file => 'none.pem' } });
hup($stage, $daemon);
is(scalar($stage->log('reload_failed')), 3, 'and so does a missing CA file');
$stage->settings({ spool => { dir => '../elsewhere' } });
hup($stage, $daemon);
is(scalar($stage->log('reload_failed')), 4, 'and so does another spool');
is(scalar($stage->log('reloaded')), 0, 'nothing was reloaded so far');

# ---- good: all of it --------------------------------------------------------------
$stage->settings({});
$stage->webhook(hook => { endpoints => [$peer->url('/ok')] });
$stage->webhook(going => undef);
hup($stage, $daemon);
my ($reloaded) = $stage->log('reloaded');
is($reloaded->{generation}, 2, 'a good configuration is in use');
is($reloaded->{webhooks}, 2, '... with all its webhooks');
like($stage->errors($daemon), qr/going\/0 is no longer configured; \d deliver/,
    'deliveries of a removed webhook are told of');
my ($status, $out) = $stage->verb('status');
like($out, qr/going\/0 is no longer configured/, 'status shows them, too');

kill 'USR2', $stage->pid($daemon);
wait_until { $stage->log('delivered') == 2 };
is(scalar(grep { $_->{webhook} eq 'hook' } $stage->log('delivered')), 2,
    'what waited takes the new URL');
my @ids = map { $_->{headers}{'webhook-id'} } $peer->requests('/ok');
my %first = map { $_->{headers}{'webhook-id'} => 1 } $peer->requests('/status/503');
ok((grep { $first{$_} } @ids), 'with the same webhook-id');
is(scalar(grep { $_->{webhook} eq 'going' } $stage->queue), 2,
    'what belongs to nobody waits, and is not dropped');
is(scalar(grep { $_->{headers}{'webhook-id'} =~ /-going-/ } $peer->requests), 2,
    'and is not sent');
$stage->drop('c.json', $stage->event_text('triggered', id => 'third'));
wait_until { $stage->log('accepted') == 3 };
is_deeply([sort @{ ($stage->log('accepted'))[2]{webhooks} }], ['hook', 'other'],
    'events are matched with what is in use');

# ---- back -------------------------------------------------------------------------
$stage->webhook(going => { endpoints => [$peer->url('/ok')] });
hup($stage, $daemon);
kill 'USR2', $stage->pid($daemon);
wait_until { (grep { $_->{webhook} eq 'going' } $stage->log('delivered')) == 2 };
is(scalar(grep { $_->{webhook} eq 'going' } $stage->log('delivered')), 2,
    'a webhook that is back gets what waited for it');
($status, $out) = $stage->verb('status');
unlike($out, qr/no longer configured/, 'and the trouble is over');

# ---- in flight --------------------------------------------------------------------
$stage->webhook(hook => { endpoints => [$peer->url('/silent')], concurrency => 2,
	timeout => '20s' });
$stage->webhook($_ => undef) for qw(going other);
hup($stage, $daemon);
$stage->drop('d.jsonl', join '', map {
	$stage->event_text('triggered', id => "flight-$_") } 1 .. 6);
wait_until { $peer->requests('/silent') == 2 };
$stage->webhook(hook => undef);
hup($stage, $daemon);
$stage->webhook(hook => { endpoints => [$peer->url('/silent')], concurrency => 2,
	timeout => '20s' });
hup($stage, $daemon);
$stage->drop('e.json', $stage->event_text('triggered', id => 'late'));
wait_until { $stage->log('accepted') == 10 };
is($peer->peak('/silent'), 2,
    'a webhook that goes and comes back keeps its bound on calls');

# ---- many ---------------------------------------------------------------------------
my $before = ($stage->log('reloaded'))[-1]{generation};
for my $n (1 .. 20) {
	kill 'HUP', $stage->pid($daemon);
}
wait_until { ($stage->log('reloaded'))[-1]{generation} > $before };
ok($stage->alive($daemon), 'a storm of HUP changes nothing');
kill 'TERM', $stage->pid($daemon);
wait_until { $stage->errors($daemon) =~ /stopping/ };
is($stage->stop($daemon), 0, 'the daemon ends');
done_testing;
