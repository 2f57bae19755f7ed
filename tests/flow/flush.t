#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `flush` after a repair: what waits goes out now, though its endpoint rests, of
# all webhooks or of one, with the daemon up or down; and `queue` tells of rests.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Peer;
use Stage qw(wait_until);
use Test::More;

my $peer = Peer->new;
my $stage = Stage->new(webhooks => {
	hook => { endpoints => [$peer->url('/down')],
		retry => { max_retries => 100, delays => ['30ms'], jitter => 0,
			retry_after_max => '1h' },
		breaker => { failures => 3, rest => '1h' } },
	well => { endpoints => [$peer->url('/ok')] },
});

sub rests { return ($stage->verb('queue'))[1] =~ /  rests \d/ }

$peer->answer('/down', '/status/503');
my $daemon = $stage->run;
$stage->drop("a$_.json", $stage->event_text('triggered', id => "a$_")) for 1 .. 6;
wait_until { $stage->log('breaker_open') };
ok(wait_until(\&rests), 'queue shows that an endpoint rests, and how long yet');
my ($row) = grep { $_->{rests_until} } $stage->queue;
like($row->{rests_until}, qr/^\d{4}-\d\d-\d\dT/, '... --json until when');
is($row->{webhook}, 'hook', '... and of no other');

# ---- of another webhook --------------------------------------------------------
my ($status, $out, $err) = $stage->verb('flush', 'well');
is($status, 0, 'a flush of another webhook');
my $tries = $stage->log('attempt');
ok(rests(), '... leaves the rest alone');

# ---- too early: it is tried, and rests again -----------------------------------
($status, $out, $err) = $stage->verb('flush', 'hook');
is($status, 0, 'a flush of the one that rests');
is($err, '', '... has nothing to complain about');
ok(wait_until(sub { $stage->log('attempt') > $tries }), '... has it tried at once');
ok(wait_until(\&rests), '... and it rests on when nothing was mended');
is(scalar(my @opened = $stage->log('breaker_open')), 1, '... which is the same rest');

# ---- mended --------------------------------------------------------------------
$peer->answer('/down', '/ok');
($status, $out, $err) = $stage->verb('flush', 'hook', '--wait=20s');
is($status, 0, 'after the repair all of it goes out at once') or diag $out, $err;
is(scalar(grep { $_->{outcome} eq 'delivered' } $stage->log('attempt')), 12,
    '... all, to both endpoints');
ok(!rests(), '... and nothing rests any more');
ok(wait_until(sub { $stage->log('breaker_closed') }), '... as the log says');

# ---- all of them, and with no daemon -------------------------------------------
$peer->answer('/down', '/status/503');
$stage->drop("b$_.json", $stage->event_text('triggered', id => "b$_")) for 1 .. 6;
wait_until { (my @open = $stage->log('breaker_open')) == 2 && rests() };
is($stage->stop($daemon), 0, 'the daemon ends well');
($status, $out, $err) = $stage->verb('flush');
is($status, 0, 'a flush with the daemon down');
$peer->answer('/down', '/ok');
$daemon = $stage->run;
ok(wait_until(sub { (my @closed = $stage->log('breaker_closed')) == 2 }),
    '... is remembered: the next one tries at once what rested');
is(($stage->verb('flush', '--wait=20s'))[0], 0, '... and all is delivered');

is($stage->stop($daemon), 0, 'the daemon ends well');
done_testing;
