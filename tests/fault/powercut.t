#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Power cuts. The spool lies on ext4 on a loop device on a disk that remembers
# (recorder.c): every write and flush is logged while the daemon works. A crash
# image is what stood before the last flush before some moment, and of the 4 KiB
# blocks written between that flush and the moment any subset. Each image is
# mounted (ext4 replays its journal), `run --once` is started on it, and what
# is there afterwards is compared with what the world outside knew by then:
# which files were dropped durably, which ids submit told, which calls came.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(event_body full look program sanitized seed shim);
use File::Path qw(make_path);
use IO::Handle;
use JSON::PP;
use List::Util qw(shuffle);
use POSIX qw(:sys_wait_h);
use Stage qw(slurp spew wait_until);
use Test::More;

my $images = $ENV{SPOOLHOOK_IMAGES} || (full() ? 500 : 20);
use constant { BLOCK => 4096, DISK => 24 << 20, HEAD => 24 };

plan skip_all => 'only root may mount' if $> != 0;
plan skip_all => '/dev/fuse is not permitted here'
    unless open(my $fuse, '+<', '/dev/fuse');
plan skip_all => 'libfuse3-dev is not installed'
    if system('pkg-config --exists fuse3');
my $recorder = shim('recorder', split ' ', `pkg-config --cflags --libs fuse3`);
ok($recorder, 'the recorder is built') or BAIL_OUT('no recorder');
my $seed = seed();

# In memory, where there is enough: images are copied all the time.
my ($room) = `df --output=avail -B1 /dev/shm 2>/dev/null` =~ /(\d+)\s*\z/;
$ENV{TMPDIR} = '/dev/shm' if ($room // 0) > 8 * DISK;
my $stage = Stage->new;
my $dir = $stage->dir;
my (@mounts, @loops, @pids);

sub quietly
{
	return system("@_ >>$dir/noise 2>&1") == 0;
}

sub attach
{
	my ($file) = @_;
	chomp(my $loop = `losetup -f --show $file 2>>$dir/noise`);
	push @loops, $loop if $loop;
	return $loop;
}

sub detach
{
	my ($loop) = @_;
	quietly("losetup -d $loop");
	@loops = grep { $_ ne $loop } @loops;
}

sub mount
{
	my ($loop, $place) = @_;
	make_path($place);
	return 0 unless quietly("mount -t ext4 $loop $place");
	push @mounts, $place;
	return 1;
}

sub unmount
{
	my ($place) = @_;
	wait_until { quietly("umount $place") } 10;
	@mounts = grep { $_ ne $place } @mounts;
}

my $parent = $$;
END {
	if (defined $parent && $$ == $parent) {
		my $status = $?;
		kill 'KILL', @pids;
		waitpid($_, 0) for @pids;
		quietly("umount -l $_") for reverse @mounts;
		quietly("losetup -d $_") for reverse @loops;
		$? = $status;
	}
}

# ---- the recording ---------------------------------------------------------

my $log = "$dir/log";
spew("$dir/base", '');
truncate("$dir/base", DISK) or die;
quietly("mkfs.ext4 -q $dir/base") or BAIL_OUT('no mkfs.ext4');
quietly("cp $dir/base $dir/live");
make_path("$dir/fuse");
$pids[0] = fork // die;
if (!$pids[0]) {
	open(STDERR, '>', '/dev/null');
	exec $recorder, "$dir/live", $log, "$dir/fuse" or POSIX::_exit(127);
}
push @mounts, "$dir/fuse";
wait_until { -e "$dir/fuse/disk" } 10;
my $loop = -e "$dir/fuse/disk" ? attach("$dir/fuse/disk") : '';
if (!$loop || !mount($loop, "$dir/spool")) {
	SKIP: { skip 'FUSE or loop devices may not be mounted here', 1 }
	done_testing;
	exit;
}

my $receiver = Fault->receiver($dir, clock => $log);
my $at = 'http://127.0.0.1:' . $receiver->port;
$stage->settings({
	spool => { min_free => '64K', settle => '1s' },
	log => { file => "$dir/delivery.jsonl" },
	mail => { to => ['ops@example.org'] },
});
$stage->webhook(good => { triggers => ['*'], endpoints => ["$at/good"] });
$stage->webhook(dead => { triggers => ['incident_resolved'],
	endpoints => ["$at/dead"], retry => { max_retries => 0 },
	breaker => { failures => 1000 } });

# What is known outside: position in the log => what holds from there on.
my (%must, %may, %bad, @settled);
my $serial = 0;

sub position { return -s $log }

sub next_body
{
	my $n = ++$serial;
	return event_body($n, 'i' . $n % 5,
		$n % 7 ? 'incident_triggered' : 'incident_resolved');
}

# Careful producers sync the file, rename it, and sync the directory.
sub write_file
{
	my ($name, $text, $synced) = @_;
	my $box = "$dir/spool/incoming";

	open(my $out, '>:raw', "$box/.$name.tmp") or die "$name: $!";
	print $out $text;
	$out->flush;
	$out->sync if $synced;
	close $out;
	rename "$box/.$name.tmp", "$box/$name" or die;
	return unless $synced;
	opendir(my $folder, $box) or die;
	open(my $sync, '<', $box) or die;
	$sync->sync;
}

# SPOOLHOOK_LIE: the daemon's syncs do nothing. Then the judge must see losses.
my $daemon;
{
	local %ENV = %ENV;
	if ($ENV{SPOOLHOOK_LIE}) {
		spew("$dir/faults", "sync 0 /\n");
		$ENV{FAULTIO} = "$dir/faults";
		$ENV{LD_PRELOAD} = shim('faultio.so', qw(-shared -fPIC));
	}
	$daemon = $stage->run;
}
my $start = position();
my %parts = (array => 3, lines => 3, bad => 0);
my @kinds = qw(careful careful hasty hasty array lines bad submit);

for my $round (1 .. (full() ? 120 : 48)) {
	my $kind = $kinds[ rand @kinds ];
	my @bodies = map { next_body() }
	    1 .. ($parts{$kind} // 1);
	my $name = sprintf 'f%03d', $round;

	if ($kind eq 'careful') {
		write_file("$name.json", "$bodies[0]\n", 1);
		$must{$_} = position() for @bodies;
	} elsif ($kind eq 'hasty') {
		write_file("$name.json", "$bodies[0]\n", 0);
		$may{$_} = 1 for @bodies;
	} elsif ($kind eq 'array') {
		write_file("$name.json", "[$bodies[0],\n$bodies[1],$bodies[2]]\n", 1);
		$must{$_} = position() for @bodies;
	} elsif ($kind eq 'lines') {
		write_file("$name.jsonl", join("\n", @bodies, ''), 0);
		$may{$_} = 1 for @bodies;
	} elsif ($kind eq 'bad') {
		my $text = "{\"number $round\": nonsense}";
		write_file("$name.json", $text, 1);
		$bad{$text} = position();
	} else {
		my ($status) = $stage->verb({ stdin => "$bodies[0]\n" }, 'submit', '-');
		$must{$_} = position() for $status eq '0' ? @bodies : ();
		$may{$_} = 1 for @bodies;
	}
	# What the store says is settled is settled for good.
	if ($round % 6 == 0) {
		my ($events, $deliveries) = look("$dir/spool");
		my $now = position();
		push @settled, map { [ $_->{id}, $now ] }
		    grep { $_->{state} >= 4 } @$deliveries;
	}
	my $after = position();
	wait_until { position() > $after + 4096 * rand(20) } 0.05;
}
wait_until { !(() = glob("$dir/spool/incoming/*.json*")) } 20;
wait_until {
	my %came = map { $_->{body} => 1 } $receiver->received;
	keys %came == $serial;
} 20;
$stage->stop($daemon);
# A copy of what came: what comes later is the images' own.
my @calls = $receiver->received;
unmount("$dir/spool");
detach($loop);
unmount("$dir/fuse");
is(scalar keys %{ { map { $_->{body} => 1 } @calls } }, $serial,
	"$serial events were delivered while the disk was recorded");

# ---- the log ---------------------------------------------------------------

# [kind, offset on the disk, length, where the bytes are, where it ends]
my @records;
open(my $tape, '<:raw', $log) or die;
my $where = 0;
while (sysread($tape, my $head, HEAD) == HEAD) {
	my ($kind, $offset, $length) = unpack 'Q3', $head;
	$where += HEAD;
	push @records, [ $kind, $offset, $length, $where, $where + $length ];
	$where += $length;
	sysseek($tape, $where, 0);
}
my $flushes = grep { $_->[0] == 2 } @records;
ok($flushes > 50, @records - $flushes . " writes and $flushes flushes");

sub bytes_of
{
	my ($record, $from, $length) = @_;

	sysseek($tape, $record->[3] + $from, 0);
	sysread($tape, my $bytes, $length);
	return $bytes;
}

# Moments at random, in order, from the daemon's start on.
my ($first) = grep { $records[$_][4] > $start } 0 .. $#records;
my @cuts = sort { $a <=> $b }
    map { $first + int(rand(@records - $first)) } 1 .. $images;

quietly("cp $dir/base $dir/stable");
open(my $stable, '+<:raw', "$dir/stable") or die;
my $done = 0;

# Everything up to the last flush before the cut is on the disk; of the rest
# any blocks. Returns the position that the world outside may refer to.
sub make_image
{
	my ($cut, $image) = @_;
	my $flush = $cut;

	$flush-- while $flush > $done && $records[ $flush - 1 ][0] != 2;
	for (; $done < $flush; $done++) {
		my $record = $records[$done];
		next if $record->[0] != 1;
		sysseek($stable, $record->[1], 0);
		syswrite($stable, bytes_of($record, 0, $record->[2]));
	}
	quietly("cp $dir/stable $image");
	open(my $out, '+<:raw', $image) or die;
	# Mostly half of them; sometimes nearly all or nearly none.
	my $share = (0.5, 0.5, 0.1, 0.9)[ rand 4 ];
	for my $record (@records[ $done .. $cut - 1 ]) {
		next if $record->[0] != 1;
		for (my $from = 0; $from < $record->[2]; $from += BLOCK) {
			next if rand() > $share;
			my $length = $record->[2] - $from;
			$length = BLOCK if $length > BLOCK;
			sysseek($out, $record->[1] + $from, 0);
			syswrite($out, bytes_of($record, $from, $length));
		}
	}
	close $out;
	return $cut ? $records[ $cut - 1 ][4] : 0;
}

# ---- the images ------------------------------------------------------------

my ($empty, $torn, $replayed, $repeated) = (0, 0, 0, 0);

sub look_at_rest
{
	my ($spool, $position) = @_;
	my (@wrong, %kept);

	for my $file (glob("$spool/rejected/*")) {
		next if $file =~ /\.why\.json$/;
		my $text = slurp($file);
		$kept{$text} = 1;
		push @wrong, "$file lies there without its reason"
		    unless -s "$file.why.json";
		$empty++ if $text eq '';
		$torn++ if $text ne '' && !$bad{$text};
	}
	for my $text (sort keys %bad) {
		push @wrong, "refused and lost: $text"
		    if $bad{$text} <= $position && !$kept{$text};
	}
	my @left = glob("$spool/incoming/*");
	push @wrong, "incoming/ still holds @left" if @left;
	return @wrong;
}

# Compares with the promises; `fresh` are the calls that came after the cut.
sub look_at
{
	my ($spool, $position, $fresh) = @_;
	my ($events, $deliveries) = look($spool);
	my (%count, %id_of, %known, @wrong);

	for (@$events) {
		$count{ $_->{body} }++;
		$id_of{ $_->{body} } = $_->{id};
		push @wrong, "accepted is what nobody wrote: $_->{body}"
		    unless $must{ $_->{body} } || $may{ $_->{body} };
	}
	push @wrong, map { "accepted $count{$_} times: $_" }
	    grep { $count{$_} > 1 } sort keys %count;
	push @wrong, map { "dropped durably and lost: $_" }
	    grep { $must{$_} <= $position && !$count{$_} } sort keys %must;
	$known{ $_->{id} } = $_ for @$deliveries;
	# Sent before the cut: accepted before that, under the same id.
	for my $call (grep { $_->{at} <= $position } @calls) {
		push @wrong, "sent as $call->{id} and lost" unless $known{ $call->{id} };
	}
	for my $call (@$fresh) {
		my ($event) = $call->{id} =~ /^([^-]+)/;
		push @wrong, "sent is what is not in the store: $call->{body}"
		    unless ($id_of{ $call->{body} } // '') eq $event;
	}
	push @wrong, map { "$_->{id} is in state $_->{state}" }
	    grep { $_->{state} < 4 } @$deliveries;
	my %again = map { $_->{id} => 1 } @$fresh;
	push @wrong, map { "$_->[0] was settled and is sent again" }
	    grep { $_->[1] <= $position && $again{ $_->[0] } } @settled;
	$replayed += keys %again;
	$repeated += grep { $_->{at} <= $position && $again{ $_->{id} } } @calls;
	return (@wrong, look_at_rest($spool, $position));
}

# Whether an image was sound before the program ran on it. A program cannot
# damage a file system, so one that is not tells of the recorder or the kernel.
sub is_sound
{
	my ($image) = @_;

	quietly("cp $image $image.check");
	system("e2fsck -fp $image.check >>$dir/noise 2>&1");
	my $sound = $? >> 8 < 4;
	unlink "$image.check";
	return $sound;
}

my $broken = 0;
my $tried = 0;
my $lost = 0;
for my $cut (@cuts) {
	# A file of its own: a loop device may let go of the last one late, and what
	# the kernel then writes would damage the next image in the same file.
	my $image = "$dir/image." . ++$tried;
	my $position = make_image($cut, $image);
	quietly("cp $image $image.first");
	# A reboot may number the disk anew.
	my $before = rand() < 0.5 ? attach("$dir/base") : '';
	my $device = attach($image);
	my @wrong;

	if (!mount($device, "$dir/spool")) {
		push @wrong, 'ext4 cannot be mounted';
	} else {
		my $mark = $receiver->mark;
		# Half a file is waited for until spool.settle.
		my ($status, $said);
		for (1 .. 3) {
			($status, undef, $said) = $stage->verb('run', '--once');
			last unless () = glob("$dir/spool/incoming/*");
			wait_until { 0 } 1.1;
		}
		push @wrong, "run --once ended with $status: $said"
		    unless $status =~ /^[01]$/;
		push @wrong, look_at("$dir/spool", $position,
			[ $receiver->received($mark) ])
		    if -e "$dir/spool/spool.db";
		unmount("$dir/spool");
	}
	detach($_) for grep { $_ } $device, $before;
	unlink $image;
	unlink "$image.first" unless @wrong;
	next unless @wrong;
	$broken++;
	$lost += grep { /\blost\b/ } @wrong;
	fail("the power fails at record $cut of " . @records);
	diag($_) for @wrong;
	diag(is_sound("$image.first") ? 'the image was sound before the program ran'
	    : 'the image was damaged before the program ran: look at recorder.c');
	diag("SPOOLHOOK_SEED=$seed SPOOLHOOK_IMAGES=$images repeats the choices");
	last if $ENV{SPOOLHOOK_LIE} && $broken >= 5;
	next if $ENV{SPOOLHOOK_LIE};
	my $kept = "/var/tmp/spoolhook-powercut-$$";
	quietly("mkdir -p $kept && cp $image.first $log $dir/base $kept/")
	    and diag("kept in $kept");
	last if $broken >= 5;
}
ok(!$broken, "$images crash images: nothing that was accepted is lost, "
    . 'nothing is accepted twice, nothing torn is sent');
if (full() && !$ENV{SPOOLHOOK_LIE}) {
	local $ENV{SPOOLHOOK_LIE} = 1;
	local $ENV{SPOOLHOOK_IMAGES} = 60;
	my $output = `$^X $0 2>&1`;

	like($output, qr/# (?:dropped durably|sent as \S+) and lost/,
		'a program that does not sync is found out');
}
diag("powercut: $tried images tried; " . $serial * $tried . " events, $lost "
    . "lost; $replayed deliveries made after the cut, $repeated of "
    . "them a repeat; of producers that never sync $empty empty and $torn torn "
    . 'files were kept as rejected');
done_testing;
