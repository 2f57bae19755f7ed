#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# A file system turns read-only under the running daemon, on ext4 on a loop
# device: that of a drop box by mount(8), which comes back by itself, and that
# of the spool by an error of its disk, which takes a repair. Nothing is lost or
# accepted twice, it is said, and it goes on.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(drop event_body judge mounted);
use File::Path qw(make_path);
use Stage qw(slurp spew wait_until);
use Test::More;

plan skip_all => 'only root may mount' if $> != 0;

my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my $serial = 0;

sub events { return map { event_body(++$serial, "i$serial") } 1 .. $_[0] }

sub image
{
	my ($stage) = @_;
	my $image = $stage->dir . '/ext4';

	spew($image, '');
	truncate($image, 8 << 20);
	system("mkfs.ext4 -q -m 0 $image >/dev/null 2>&1") == 0
	    or plan skip_all => 'no mkfs.ext4';
	return $image;
}

sub stage
{
	my ($stage, @inputs) = @_;

	$stage->settings({ spool => { min_free => '4K', rescan => '1s',
		@inputs ? (inputs => [ map { { dir => $_ } } @inputs ]) : () } });
	$stage->webhook(good => { triggers => ['*'],
		endpoints => [ 'http://127.0.0.1:' . $receiver->port . '/good' ],
		retry => { delays => ['10ms'] } });
	return $stage;
}

sub came
{
	my ($mark, @bodies) = @_;

	return wait_until {
		my %got = map { $_->{body} => 1 } $receiver->received($mark);
		!grep { !$got{$_} } @bodies
	} 40;
}

sub is_well
{
	my ($stage, $mark, $repeats, $name, @bodies) = @_;

	is_deeply([ judge({ spool => $stage->spool, per_event => 1, torn => 1,
		must => { map { $_ => 1 } @bodies }, repeats => $repeats,
		left => { 'lost+found' => 1 },
		calls => [ $receiver->received($mark) ] }) ], [], $name);
}

# ---- a drop box ------------------------------------------------------------

{
	my $stage = Stage->new;
	my $box = $stage->dir . '/box';
	my $mount = mounted($box, '-o', 'loop', image($stage))
	    or plan skip_all => 'no loop devices here';

	stage($stage, '../spool/incoming', '../box');
	my $mark = $receiver->mark;
	my ($first, $second, $third) = events(3);
	my $daemon = $stage->run;

	drop($box, 'first.json', $first);
	ok(came($mark, $first), 'a drop box on a disk of its own is picked up from');
	# What lies there when it turns read-only is accepted, and stays.
	kill 'STOP', $stage->pid($daemon);
	drop($box, 'second.json', $second);
	is(system('mount', '-o', 'remount,ro', $box), 0, 'it turns read-only');
	kill 'CONT', $stage->pid($daemon);
	wait_until { $stage->errors($daemon) =~ /second\.json/ } 20;
	like($stage->errors($daemon), qr/second\.json.*Read-only file system/,
		'... a file that cannot be removed is said');
	drop($stage->spool . '/incoming', 'third.json', $third);
	ok(came($mark, $third), '... and holds up no other box');
	ok(-e "$box/second.json", '... it stays');
	is(system('mount', '-o', 'remount,rw', $box), 0, 'it can be written again');
	ok(wait_until(sub { !-e "$box/second.json" }, 20),
		'... and the file goes by itself');
	came($mark, $second);
	is(scalar(() = $stage->errors($daemon) =~ /second\.json/g), 1,
		'... said once');
	is($stage->stop($daemon), 0, '... the daemon ends well');
	is_well($stage, $mark, 0, '... each event once', $first, $second, $third);
}

# ---- the spool -------------------------------------------------------------

# The kernel turns no file system read-only by request while a file is open for
# writing on it; an error does, and `abort` is one.
{
	my $stage = Stage->new;
	my $image = image($stage);
	my $mount = mounted($stage->spool, '-o', 'loop', $image)
	    or plan skip_all => 'no loop devices here';

	stage($stage);
	make_path($stage->spool . '/incoming');
	my $mark = $receiver->mark;
	my @bodies = events(12);
	$receiver->mode('/good' => 'slow');
	my $daemon = $stage->run;
	my $n = 0;
	drop($stage->spool . '/incoming', ++$n . '.json', $_) for @bodies;
	wait_until { !(() = glob($stage->spool . '/incoming/*'))
	    && $receiver->received($mark) >= 2 } 20;
	system('mount', '-o', 'remount,abort', $stage->spool);
	ok(wait_until(sub { $stage->errors($daemon) =~
	    /spool\.db: [^\n]*what is not committed stays/ }, 20),
		"the spool's disk fails under answers: it is said")
	    or diag($stage->errors($daemon));
	my $status = $stage->reap($daemon, 90);
	is($status, 74, '... it ends, for nobody should rely on it')
	    or diag($stage->errors($daemon));
	my ($again, $out, $err) = $stage->verb('run', '--once');
	like($again, qr/^7[34]$/, '... and does not start on it');
	like($err, qr/Read-only file system/, '... for a reason that it tells');
	is(system('umount', $stage->spool), 0, 'it is taken down');
	system("e2fsck -p $image >/dev/null 2>&1");
	is(system('mount', '-o', 'loop', $image, $stage->spool), 0,
		'... repaired, and mounted again');
	$receiver->mode('/good' => 204);
	my ($last) = events(1);
	drop($stage->spool . '/incoming', 'last.json', $last);
	is(($stage->verb('run', '--once'))[0], 0, 'the next start goes on');
	is_well($stage, $mark, 8, '... each event is accepted once, and only '
	    . 'what was in flight is repeated', @bodies, $last);
}
done_testing;
