#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# While somebody mends the configuration, whoever looks after the queue goes on:
# a webhook with mistakes is left out and told of, nothing else.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(wait_until);
use Test::More;

my $stage = Stage->new;
my $closed = Stage::free_port();
$stage->webhook(pager => { endpoints => ["http://127.0.0.1:$closed/"],
	triggers => ['*'], retry => { delays => ['1h'] } });
my $daemon = $stage->run;
$stage->drop('a.json', '{"event_type":"a"}');
wait_until { $stage->log('attempt') };
my ($id) = map { $_->{delivery} } $stage->queue;

$stage->webhook(broken => '{"endpoints": ["http://127.0.0.1:1/"], "nope": 1}');
for my $verb (['status'], ['queue'], ['queue', 'summary'], ['show', $id],
	['log'], ['metrics'], ['prune'], ['queue', 'hold', $id],
	['queue', 'release', $id], ['pause', 'pager'], ['resume', 'pager'],
	['flush', 'pager'], ['report', '-o', '-']) {
	my ($status, $out, $err) = $stage->verb(@$verb);
	is($status, 0, "@$verb works beside a webhook with a mistake") or diag $err;
	like($err, qr{webhooks\.d/broken\.json has mistakes and is left out},
	    '... and tells of it');
}
isnt(($stage->verb('health'))[0], 3, 'health still judges');

is(($stage->verb('list'))[0], 78, 'what is about the webhooks does not');
is(($stage->verb('check'))[0], 78, 'nor does check');
is(($stage->verb('reload'))[0], 78, 'nor a reload');
chmod 0666, $stage->etc . '/webhooks.d/broken.json';
is(($stage->verb('queue'))[0], 78, 'what others may write is refused by all');
chmod 0644, $stage->etc . '/webhooks.d/broken.json';
$stage->settings({ nope => 1 });
is(($stage->verb('queue'))[0], 78, 'so are settings with a mistake');
$stage->stop($daemon);
done_testing;
