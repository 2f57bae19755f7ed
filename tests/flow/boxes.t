#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Drop boxes: several of them, replaced, removed, without permission, on a
# full disk, changed by a reload while files come. The peers are the real
# daemon, real inotify, real directories and file systems.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(wait_until slurp spew);
use Test::More;

my $serial = 0;
sub event
{
	return sprintf('{"id":"box-%d","event_type":"incident_triggered"}', ++$serial);
}

# A stage with a receiver for everything, and a function that drops an event
# at a path and tells whether it arrives.
sub stage
{
	my (%spool) = @_;
	my $stage = Stage->new(settings => { spool => \%spool });
	my ($receiver, $port) = $stage->listen;

	$stage->webhook(all => { endpoints => ["http://127.0.0.1:$port/"],
		triggers => ['*'], order => 'none' });
	my $takes = sub {
		my ($path, $name) = @_;
		my $event = event();

		spew("$path.tmp", $event);
		rename "$path.tmp", $path or die "$path: $!";
		ok(wait_until(sub { grep { $_ eq $event } $stage->bodies($receiver) }), $name);
	};
	return ($stage, $receiver, $takes);
}

# ---- several boxes, each with its patterns -----------------------------------
my ($stage, $receiver, $takes) = stage(rescan => '2s', inputs => [
	{ dir => '../one', pattern => '*.evt' },
	{ dir => '../two', pattern => ['a*', 'b?.json'] },
]);
my $dir = $stage->dir;
my $daemon = $stage->run;
$takes->("$dir/one/x.evt", 'the first input takes its pattern');
$takes->("$dir/two/anything", 'the second one its own');
$takes->("$dir/two/b1.json", '... and any of several');
$takes->($stage->incoming('x.json'), "the spool's own drop box is an input, too");
spew("$dir/one/x.json", event());
spew("$dir/two/b11.json", event());
$takes->("$dir/one/y.evt", 'after files that fit no pattern');
ok(-e "$dir/one/x.json" && -e "$dir/two/b11.json", '... those stay');

# ---- a reload that changes the inputs while files come ------------------------
my @expected;
my $feeder = fork // die;
if (!$feeder) {
	for (1 .. 300) {
		my $event = sprintf('{"id":"feed-%d","event_type":"x"}', $_);
		spew("$dir/three/.$_", $event);
		rename "$dir/three/.$_", "$dir/three/$_.json";
		spew("$dir/one/.$_", $event =~ s/feed/food/r);
		rename "$dir/one/.$_", "$dir/one/$_.evt";
	}
	require POSIX;
	POSIX::_exit(0);
}
mkdir "$dir/three";
for my $round (1 .. 6) {
	$stage->settings({ spool => { rescan => '2s', inputs => [
		$round % 2 ? { dir => '../three' } : (),
		{ dir => '../one', pattern => '*.evt' },
		$round % 2 ? () : { dir => '../three' },
	] } });
	kill 'HUP', $stage->pid($daemon);
	wait_until { $stage->log('reloaded') == $round };
}
waitpid $feeder, 0;
is($?, 0, '(files were dropped while the configuration was reloaded)');
@expected = map { ("{\"id\":\"feed-$_\",\"event_type\":\"x\"}", "{\"id\":\"food-$_\",\"event_type\":\"x\"}") } 1 .. 300;
my @fed;
wait_until { (@fed = grep { /f[eo][eo]d-/ } $stage->bodies($receiver)) >= @expected };
is_deeply([sort @fed], [sort @expected], 'each of them arrives once, whichever number its input had');
$takes->("$dir/three/new.json", 'an input that a reload brought is taken from');
spew("$dir/two/after", event());
$takes->("$dir/three/newer.json", 'another file');
ok(-e "$dir/two/after", 'an input that a reload took away is left alone');

# ---- replaced, removed ---------------------------------------------------------
rename $stage->spool . '/incoming', $stage->spool . '/moved' or die $!;
ok(mkdir($stage->spool . '/incoming'), 'a drop box may be moved away and made anew');
$takes->($stage->incoming('fresh.json'), '... files in the new one are taken');
spew($stage->spool . '/moved/old.json', event());
$takes->($stage->incoming('fresher.json'), '... again');
ok(-e $stage->spool . '/moved/old.json', '... and the old one is left alone');
rmdir $stage->spool . '/incoming' or system('rm', '-rf', $stage->spool . '/incoming');
ok(wait_until(sub { $stage->errors($daemon) =~ m{incoming: .*not picked up until it is mended} }),
	'a drop box that was removed is told of');
$takes->("$dir/three/else.json", '... the others go on');
ok(!-d $stage->spool . '/incoming', '... it is not made at once: whoever removed it may make it');
mkdir $stage->spool . '/incoming' or die $!;
$takes->($stage->incoming('back.json'), '... made again, it is taken from');
like($stage->errors($daemon), qr{incoming: files there are picked up again}, '... which is told, too');
is(scalar(() = $stage->errors($daemon) =~ /incoming: .*not picked up/g), 1, '... each of it once');
is($stage->stop($daemon), 0, 'TERM ends the daemon with status 0');

# ---- removed, with no rescan near ----------------------------------------------
{
	my ($slow, undef, $takes_slow) = stage(rescan => '1h');
	my $box = $slow->spool . '/incoming';
	my $n = $slow->run;

	$takes_slow->("$box/before.json", 'long before the next rescan files are taken');
	rmdir $box or system('rm', '-rf', $box);
	ok(wait_until(sub { $slow->errors($n) =~ m{incoming: .*not picked up until it is mended} }),
		'... and a drop box that was removed is told of');
	mkdir $box or die $!;
	$takes_slow->("$box/back.json", '... and made again taken from');
	$takes_slow->("$box/more.json", '... by its bell, not only once');
	is($slow->stop($n), 0, 'TERM ends that daemon');
}

# ---- numbers of inodes used again ------------------------------------------------
# While the first files of a burst are removed its last ones get their inodes.
{
	my $burst = Stage->new(settings => { spool => { rescan => '1h' } });
	my $box = $burst->spool . '/incoming';
	my $left = 0;

	$burst->webhook(nobody => { endpoints => ['http://127.0.0.1:9/'], triggers => ['never'] });
	my $n = $burst->run;
	for my $round (1 .. 12) {
		for my $i (1 .. 150) {
			spew("$box/.new", event());
			rename "$box/.new", "$box/$round-$i.json" or die $!;
		}
		my @files;
		wait_until { @files = glob "$box/*.json"; !@files } 10;
		$left += @files;
	}
	is($left, 0, 'of a burst no file is left to the next rescan');
	is($burst->stop($n), 0, 'TERM ends this one, too');
}

# ---- permission taken away -------------------------------------------------------
SKIP: {
	my ($other, $there, $takes_there) = stage();
	skip 'root is needed to be refused as somebody else', 6 if !$other->as_nobody;
	my $nobody = $other->run;
	my $box = $other->spool . '/incoming';
	my $status;

	$takes_there->("$box/before.json", 'with permission files are taken');
	chmod 0, $box;
	ok(wait_until(sub { $other->errors($nobody) =~ /incoming: .*Permission denied; files there are not picked up/ }),
		'a drop box that may not be listed is told of');
	wait_until { (undef, $status) = $other->verb('status'); $status =~ /incoming/ };
	like($status, qr{incoming: .*Permission denied}, '... and status shows it');
	chmod 0770, $box;
	$takes_there->("$box/after.json", '... permission given back, files are taken');
	is(scalar(() = $other->errors($nobody) =~ /not picked up/g), 1, '... it was told of once');
	is($other->stop($nobody), 0, 'TERM ends that daemon, too');
}

# ---- a disk that is nearly full ------------------------------------------------------
SKIP: {
	my ($full, $there, $takes_there) = stage(min_free => '8M');
	my $mount = $full->spool;
	mkdir $mount;
	skip 'mounting a small tmpfs is not permitted here', 7
	    if system("mount -t tmpfs -o size=16M tmpfs '$mount' 2>/dev/null");
	my $mounted = End->new(sub { $full->stop($full->{daemon}); system('umount', $mount) });
	my $dead = Stage::free_port();
	$full->webhook(slow => { endpoints => ["http://127.0.0.1:$dead/"], triggers => ['incident_resolved'],
		retry => { max_retries => 5, delays => ['200ms'] } });
	my $n = $full->run;
	my $status;

	$takes_there->("$mount/incoming/before.json", 'with space files are taken');
	spew("$mount/ballast", "\0" x (9 << 20));
	# The disk is asked once a second, when there is something to do.
	ok(wait_until(sub { kill 'USR2', $full->pid($n); $full->errors($n) =~ /less than spool\.min_free is left/ }),
		'less than spool.min_free is told of') or diag $full->errors($n);
	my $late = event();
	$full->drop('late.json', $late);
	wait_until { (undef, $status) = $full->verb('status'); $status =~ /min_free/ };
	like($status, qr/min_free/, '... and status shows it');
	ok(-e "$mount/incoming/late.json", '... dropped files stay');
	my $ran = $full->stop($n);
	is((($full->verb('run', '--once'))[0]), 75, '... for a run --once, too, which ends with 75');
	$n = $full->run;
	unlink "$mount/ballast";
	ok(wait_until(sub { grep { $_ eq $late } $full->bodies($there) }), 'when there is space again they are taken');
	is($ran, 0, '(TERM ended the daemon with status 0)');
}

done_testing;

# Calls something at the end of a scope.
package End;
sub new { return bless [ $_[1] ], $_[0] }
sub DESTROY { local $?; $_[0][0]->() }
