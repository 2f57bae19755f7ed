#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `flush` after a repair: what waits goes out now, though its endpoint rests; and
# who cannot end the rest is told of it, as `queue` tells.
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

my ($status, $out, $err) = $stage->verb('flush', 'hook');
is($status, 0, 'a flush of one webhook');
like($err, qr{hook/0 rests until \d{4}-\d\d-\d\d \S+ \S+ after too many failures},
    '... tells that it rests all the same');
like($err, qr/USR2/, '... and what would end it');
unlike($err, qr{well/0}, '... of no other');

SKIP: {
	skip 'not root', 2 if $>;
	($status, $out, $err) = $stage->verb('flush', '-q');
	is($err, '', 'who may signal the daemon is told nothing');
	$peer->answer('/down', '/ok');
	($status, $out, $err) = $stage->verb('flush', '--wait=20s');
	is($status, 0, '... and what rested goes out at once') or diag $out, $err;
}
is($stage->stop($daemon), 0, 'the daemon ends well');
done_testing;
