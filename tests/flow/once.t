#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `run --once`: one round for cron, and its exit status; and that no two
# daemons share a spool. The peers are the real program and `spoolhook listen`.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Handle;
use Stage qw(wait_until slurp spew);
use Test::More;

my $serial = 0;
sub event
{
	return sprintf('{"id":"once-%d","event_type":"%s"}', ++$serial, $_[0] // 'incident_triggered');
}

my $stage = Stage->new;
my ($receiver, $port) = $stage->listen;
my $dead = Stage::free_port();
$stage->webhook(good => { endpoints => ["http://127.0.0.1:$port/"] });
$stage->webhook(late => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['late'], retry => { delays => ['1h'] } });
$stage->webhook(lost => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['lost'], retry => { max_retries => 0 } });

sub once
{
	my ($status, $out, $err) = $stage->verb('run', '--once');
	return $status;
}

# ---- the answers -------------------------------------------------------------
is(once(), 0, 'nothing to do: 0');
ok(-d $stage->incoming('.'), '... and the spool is made');
my @events = map { event() } 1 .. 5;
spew($stage->incoming("$_.json"), $events[$_]) for 0 .. 4;
is(once(), 0, 'all delivered: 0');
is_deeply([sort $stage->bodies($receiver)], [sort @events], '... each of them, once');
is_deeply([$stage->left], [], '... and the drop box is empty');
spew($stage->incoming('unmatched.json'), event('unknown'));
is(once(), 0, 'an event that nobody takes is not left waiting: 0');
spew($stage->incoming('bad.json'), 'no');
is(once(), 0, 'a file that is refused is not left waiting: 0');
ok($stage->why('bad.json'), '... it has its reason');

# Rename makes them ready; in place they must first be quiet.
@events = map { event() } 1 .. 3;
spew($stage->incoming('quiet.jsonl'), join("\n", @events) . "\n");
is(once(), 0, 'JSON lines that were written a moment ago are waited for');
is(scalar(grep { my $e = $_; grep { $_ eq $e } @events } $stage->bodies($receiver)), 3, '... and delivered');
open(my $open, '>:raw', $stage->incoming('open.jsonl')) or die $!;
$open->autoflush(1);
print $open event(), "\n";
is(once(), 0, 'JSON lines that somebody is writing are not waited for');
ok(-e $stage->incoming('open.jsonl'), '... they stay');
close $open;
is(once(), 0, '... closed, they are taken');
ok(!-e $stage->incoming('open.jsonl'), '... all of them');
spew($stage->incoming('half.json'), '{"event_type":');
is(once(), 0, 'a file that ends too early is not waited for');
ok(-e $stage->incoming('half.json'), '... it stays');
unlink $stage->incoming('half.json');
{
	my $quick = Stage->new(settings => { spool => { settle => '300ms' } });

	$quick->verb('run', '--once');
	$quick->put('half.json', '{"event_type":');
	wait_until { $quick->verb('run', '--once'); $quick->why('half.json') };
	is(($quick->why('half.json') || {})->{code}, 'truncated',
	    '... until a later run finds that it did not change for so long');
}

spew($stage->incoming('late.json'), event('late'));
is(once(), 75, 'a delivery that is deferred: 75');
is(once(), 75, '... as long as it is');
spew($stage->incoming('lost.json'), event('lost'));
is(once(), 1, 'a delivery died: 1, though another is deferred');
is(once(), 75, '... that was the run before');
my ($status, $out, $err) = $stage->verb('run', '--once', 'extra');
is($status, 64, 'an operand is bad usage: 64');

# ---- two on one spool -----------------------------------------------------------
my $daemon = $stage->run;
my $pid = $stage->pid($daemon);
($status, $out, $err) = $stage->verb('run');
is($status, 75, 'a second daemon: 75');
like($err, qr/\bpid $pid\b/, '... naming the pid of the first');
($status, $out, $err) = $stage->verb('run', '--once');
is($status, 75, 'run --once beside a daemon: 75');
like($err, qr/\bpid $pid\b/, '... naming it, too');
my $last = event();
$stage->drop('last.json', $last);
ok(wait_until(sub { grep { $_ eq $last } $stage->bodies($receiver) }), 'the first one goes on');
kill 'KILL', $pid;
is($stage->reap($daemon), 'signal 9', '(it is killed)');
is(once(), 75, 'the lock goes with the process: the next one runs');

spew($stage->etc . '/webhooks.d/broken.json', '{ "endpoints": [] , }');
is(once(), 78, 'a bad configuration: 78');
done_testing;
