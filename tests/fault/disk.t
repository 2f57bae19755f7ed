#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The disk is full or out of inodes: at the start, while events are accepted,
# and while answers are settled. Nothing is lost, no attempt is spent on a fault
# of our own, and it goes on when there is room.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(drop event_body judge mounted);
use File::Path qw(make_path);
use Stage qw(slurp spew wait_until);
use Test::More;

my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my $serial = 0;

sub stage
{
	my ($min_free) = @_;
	my $at = 'http://127.0.0.1:' . $receiver->port;
	my $stage = Stage->new(
		settings => { spool => { min_free => $min_free // '4K',
			rescan => '1s' } },
		webhooks => { good => { triggers => ['*'],
			endpoints => ["$at/good"],
			retry => { delays => ['10ms'] } } });

	$receiver->mode('/good' => 204);
	return $stage;
}

sub events
{
	my ($n) = @_;

	return map { event_body(++$serial, "i$serial") } 1 .. $n;
}

sub drop_each
{
	my ($stage, @bodies) = @_;
	my $n = 0;

	drop($stage->spool . '/incoming', sprintf('%03d-%d.json', ++$n, $serial),
	    "$_\n") for @bodies;
}

sub boxed { return scalar(() = glob($_[0]->spool . '/incoming/*')) }

# Waits until all has come, ends the daemon, and judges: each event once, at
# its first attempt.
sub all_is_well
{
	my ($stage, $daemon, $mark, $bodies, $name, %more) = @_;
	my $all = wait_until {
		my %came = map { $_->{body} => 1 } $receiver->received($mark);
		keys %came == @$bodies && !boxed($stage)
	} 40;

	is($stage->stop($daemon), 0, "$name: ends well") if $daemon;
	my @wrong = judge({ spool => $stage->spool, per_event => 1, torn => 1,
		must => { map { $_ => 1 } @$bodies }, repeats => 0,
		calls => [ $receiver->received($mark) ], %more });
	push @wrong, map { "$_->{id} needed attempt $_->{attempt}" }
	    grep { $_->{attempt} != 1 } $receiver->received($mark);
	is_deeply(\@wrong, [], "$name: each event once, at its first attempt")
	    or diag($daemon ? $stage->errors($daemon) : ());
}

# Fills what is left of a file system, to the last byte.
sub fill
{
	my ($place) = @_;

	open(my $out, '>:raw', "$place/filler") or die "filler: $!";
	for my $size (1 << 16, 4096, 512, 1) {
		1 while syswrite($out, 'x' x $size);
	}
}

sub said { return scalar(() = $_[0] =~ /$_[1]/g) }

# ---- full ------------------------------------------------------------------

sub full_at_start
{
	my ($stage, $name) = @_;
	my $mark = $receiver->mark;
	my @bodies = events(3);

	make_path($stage->spool . '/incoming');
	drop_each($stage, @bodies);
	fill($stage->spool);
	my ($status, $out, $err) = $stage->verb('run', '--once');
	like($status, qr/^7[345]$/, "$name at start: it ends with a failure")
	    or diag($err);
	like($err, qr/disk is full|No space left|min_free/,
		"$name at start: it says so");
	is(boxed($stage), 3, "$name at start: the files stay");
	unlink $stage->spool . '/filler';
	$stage->verb('run', '--once');
	all_is_well($stage, undef, $mark, \@bodies, "$name at start, then not");
}

# Files written while there was room, and named when there is none.
sub full_while_accepting
{
	my ($stage, $name) = @_;
	my $mark = $receiver->mark;
	my @bodies = events(12);
	my $box = $stage->spool . '/incoming';
	my $daemon = $stage->run;

	drop_each($stage, @bodies[0 .. 3]);
	wait_until { !boxed($stage) };
	spew("$box/.$_", $bodies[$_]) for 4 .. 11;
	fill($stage->spool);
	rename "$box/.$_", "$box/late-$_.json" or die for 4 .. 11;
	wait_until { $stage->errors($daemon) =~ /min_free|disk is full/ } 10;
	like($stage->errors($daemon), qr/min_free|disk is full/,
		"$name while accepting: it is said");
	unlink $stage->spool . '/filler';
	all_is_well($stage, $daemon, $mark, \@bodies, "$name while accepting");
}

sub full_while_settling
{
	my ($stage, $name) = @_;
	my $mark = $receiver->mark;
	my @bodies = events(12);

	$receiver->mode('/good' => 'slow');
	my $daemon = $stage->run;
	drop_each($stage, @bodies);
	wait_until { $receiver->received($mark) >= 4 };
	fill($stage->spool);
	wait_until { $stage->errors($daemon) =~ /disk is full/ } 10;
	like($stage->errors($daemon), qr/disk is full/,
		"$name while settling: it is said");
	# The answers have come, and wait in memory for the disk.
	ok($stage->alive($daemon), "$name while settling: the daemon stays");
	unlink $stage->spool . '/filler';
	all_is_well($stage, $daemon, $mark, \@bodies, "$name while settling");
	is(said($stage->errors($daemon), 'disk is full;'), 1,
		"$name while settling: it is said once");
}

sub on_tmpfs
{
	my ($test, $size, $min_free) = @_;
	my $stage = stage($min_free);
	my $mount = mounted($stage->spool, '-t', 'tmpfs', '-o',
		"size=$size,mode=755", 'spoolhook-test') or return 0;

	$test->($stage, 'full tmpfs');
	return 1;
}

# A small ext4, where there are loop devices.
sub on_ext4
{
	my ($test) = @_;
	my $stage = stage();
	my $image = $stage->dir . '/ext4';

	spew($image, '');
	truncate($image, 4 << 20);
	system("mkfs.ext4 -q -m 0 $image >/dev/null 2>&1") == 0 or return 0;
	my $mount = mounted($stage->spool, '-o', 'loop', $image) or return 0;
	$test->($stage, 'full ext4');
	return 1;
}

SKIP: {
	skip 'only root may mount', 1 if $> != 0;
	skip 'tmpfs may not be mounted here', 1
	    unless on_tmpfs(\&full_at_start, '1m');
	on_tmpfs(\&full_while_accepting, '2m', $_) for '0', '64K';
	on_tmpfs(\&full_while_settling, '2m');
	skip 'no loop devices here', 1 unless on_ext4(\&full_while_settling);
	on_ext4(\&full_while_accepting);
}

# ---- read-only -------------------------------------------------------------

SKIP: {
	skip 'only root may mount', 1 if $> != 0;
	my $stage = stage();
	my $mark = $receiver->mark;
	my @bodies = events(2);
	my $mount = mounted($stage->spool, '-t', 'tmpfs', '-o',
		'size=2m,mode=755', 'spoolhook-test')
	    or skip 'tmpfs may not be mounted here', 1;

	make_path($stage->spool . '/incoming');
	drop_each($stage, @bodies);
	system('mount', '-o', 'remount,ro', $stage->spool);
	my ($status, $out, $err) = $stage->verb('run', '--once');
	like($status, qr/^7[34]$/, 'read-only at start: it ends with a failure');
	like($err, qr/Read-only file system/, 'read-only at start: it says so');
	system('mount', '-o', 'remount,rw', $stage->spool);
	$stage->verb('run', '--once');
	all_is_well($stage, undef, $mark, \@bodies, 'read-only, then not');
}

# ---- no inodes -------------------------------------------------------------

SKIP: {
	skip 'only root may mount', 1 if $> != 0;
	my $stage = stage();
	my $mount = mounted($stage->spool, '-t', 'tmpfs', '-o',
		'size=8m,nr_inodes=40,mode=755', 'spoolhook-test')
	    or skip 'tmpfs may not be mounted here', 1;
	my $mark = $receiver->mark;
	my @bodies = events(3);
	my $daemon = $stage->run;

	my $spare = 0;
	drop_each($stage, @bodies[0 .. 1]);
	wait_until { !boxed($stage) };
	drop($stage->spool . '/incoming', 'bad.json', '{]') ;
	wait_until { -e $stage->spool . '/rejected/bad.json' };
	# Takes all inodes but the dropped files' own.
	spew($stage->spool . '/incoming/.second', '{]');
	spew($stage->spool . '/incoming/.third', $bodies[2]);
	1 while open(my $out, '>', $stage->spool . '/spare' . ++$spare);
	rename $stage->spool . '/incoming/.second',
	    $stage->spool . '/incoming/second.json';
	rename $stage->spool . '/incoming/.third',
	    $stage->spool . '/incoming/third.json';
	wait_until { $stage->errors($daemon) =~ /second.*No space left/ } 10;
	like($stage->errors($daemon), qr/No space left.*the file stays/,
		'no inodes: a refused file stays until its reason can be written');
	ok(-e $stage->spool . '/incoming/second.json', '... it is there');
	wait_until { !-e $stage->spool . '/incoming/third.json' } 10;
	ok(!-e $stage->spool . '/incoming/third.json',
		'no inodes: what needs none goes on');
	unlink glob($stage->spool . '/spare*');
	wait_until { -e $stage->spool . '/rejected/second.json' } 20;
	all_is_well($stage, $daemon, $mark, \@bodies, 'inodes again',
	    rejected => { 'bad.json' => '{]', 'second.json' => '{]' });
}

done_testing;
