#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# kill -9 at every system call: strace(1) kills the program at the N-th call of
# one kind, N = 1, 2, 3 … until the run ends by itself. Then it is started
# again, undisturbed, and the judge looks whether everything that was promised
# holds. The short form takes every k-th point from a random offset.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(full seed summary);
use Scenes qw(control conclude play prepare scene scene_names);
use Stage qw(slurp);
use Test::More;

plan skip_all => 'strace is not installed'
    if system('command -v strace >/dev/null 2>&1');
plan skip_all => 'strace may not trace here'
    if system('strace -o /dev/null true 2>/dev/null');

seed();

# Calls that tell nobody anything: a death there looks from outside like one at
# the next call. The full form strikes them all the same.
my %silent = map { $_ => 1 } qw(mmap munmap mprotect brk madvise rt_sigaction
    rt_sigprocmask getpid gettid getuid geteuid getgid getegid set_robust_list
    rseq arch_prctl prlimit64 getrandom uname set_tid_address ioctl lseek
    access pread64 close read newfstatat fstat statfs sched_yield);
my %short = (once => 40, daemon => 30, submit => 12, resend => 12,
    prune => 12);
my @tracer = qw(strace -f -qq -o);
my $points = 0;

# All points of a scene, [CALL, N]: how often each thread of an undisturbed run
# makes each call, for strace counts by thread, too.
sub points_of
{
	my ($receiver, $scene) = @_;
	my $stage = prepare($receiver);
	my (%count, %most);

	$scene->{before}->($stage) if $scene->{before};
	play($stage, $scene, @tracer, $stage->dir . '/trace');
	for (split /\n/, slurp($stage->dir . '/trace') // '') {
		next unless /^(\d+) +([a-z]\w+)\(/;
		my $n = ++$count{"$1 $2"};
		$most{$2} = $n if $n > ($most{$2} // 0);
	}
	return map { my $call = $_; map { [ $call, $_ ] } 1 .. $most{$call} }
	    grep { full() || !$silent{$_} } sort keys %most;
}

# Kills at call number n of a kind; returns whether it came to that.
sub strike
{
	my ($receiver, $name, $call, $n) = @_;
	my $scene = scene($name);
	my $stage = prepare($receiver);
	my $mark = $receiver->mark;
	my @wrong;

	$scene->{before}->($stage) if $scene->{before};
	my ($status, $number) = play($stage, $scene, @tracer, '/dev/null',
		'-e', "trace=$call", '-e',
		"inject=$call:signal=KILL:when=$n");
	my $died = $status eq 'signal 9';
	push @wrong, $status if $status =~ /never/;
	push @wrong, conclude($stage, $scene, $number, $receiver, $mark);
	$points++ if $died;
	return $died unless @wrong;
	fail("$name: kill -9 at $call number $n");
	diag($_) for @wrong;
	diag("perl $0 $name:$call:$n repeats it; kept in " . keep($stage));
	return $died;
}

# A failing point's stage is kept for whoever looks after it.
sub keep
{
	my ($stage) = @_;
	my $kept = $stage->dir . '.kept';

	system('cp', '-a', $stage->dir, $kept);
	return $kept;
}

my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my @wanted = @ARGV ? @ARGV : scene_names();

if ($wanted[0] =~ /^(\w+):(\w+):(\d+)$/) {
	ok(strike($receiver, $1, $2, $3), "$1: killed at $2 number $3");
	done_testing;
	exit;
}

my ($good, $bad) = control($receiver);
is_deeply($good, [], 'an undisturbed run keeps all promises');
like(join("\n", @$bad),
	qr/accepted 0 times.*is not in the store.*which should not/s,
	'the judge sees what is missing, unknown and left over');

for my $name (@wanted) {
	my @all = points_of($receiver, scene($name));
	my $stride = full() || @all < $short{$name} ? 1 : @all / $short{$name};
	my $before = $points;

	note("$name: " . @all . ' points');

	for (my $at = full() ? 0 : rand($stride); $at < @all; $at += $stride) {
		my ($call, $n) = @{ $all[$at] };
		strike($receiver, $name, $call, $n);
		# Threads race: there may be more calls than were counted.
		next unless full() && ($all[ $at + 1 ] || [''])->[0] ne $call;
		while (strike($receiver, $name, $call, ++$n)) { }
	}
	ok($points > $before, scene($name)->{promise} . ": "
	    . ($points - $before) . ' of ' . @all . ' points');
}
diag(summary("$points deaths"));
done_testing;
