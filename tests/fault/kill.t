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
use Fault qw(event_body drop full judge finish program seed summary);
use File::Path qw(make_path);
use Stage qw(spew slurp wait_until);
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
my $points = 0;

sub settings
{
	my ($stage, %retention) = @_;

	$stage->settings({ mail => { to => ['ops@example.org'] },
		spool => { min_free => '1M' }, retention => \%retention });
}

sub prepare
{
	my ($receiver, %more) = @_;
	my $at = 'http://127.0.0.1:' . $receiver->port;
	my $stage = Stage->new(
		webhooks => {
			good => { triggers => ['*'], endpoints => ["$at/good"],
				retry => { delays => ['10ms'] } },
			dead => { triggers => ['*'], endpoints => ["$at/dead"],
				retry => { max_retries => 0 } },
		});

	settings($stage);
	make_path($stage->spool . '/incoming');
	return $stage;
}

# Events of all kinds: an object, an array, lines with a bad one, a bad file.
my @bodies = map { event_body($_, $_ % 2 ? 'i1' : 'i2') } 1 .. 5;
my %must = map { $_ => 1 } @bodies;
my $bad_line = '{"id": "i1", "event_type": nonsense}';
my %rejected = ('c.jsonl' => "$bad_line\n", 'd.json' => "{\"id\": ]\n");

sub drop_all
{
	my ($stage) = @_;
	my $box = $stage->spool . '/incoming';

	drop($box, 'a.json', "$bodies[0]\n");
	drop($box, 'b.json', "[$bodies[1],\n $bodies[2]]\n");
	drop($box, 'c.jsonl', "$bodies[3]\n$bad_line\n$bodies[4]\n");
	drop($box, 'd.json', $rejected{'d.json'});
}

# Scenes: prepare(stage) goes before, command is traced, and with `act` it is
# acted upon while it runs. After the death comes one undisturbed run.
my %scenes = (
	once => {
		promise => 'a death in the whole way of an event',
		before => \&drop_all,
		command => [ 'run', '--once' ],
		case => { must => \%must, rejected => \%rejected, repeats => 16 },
	},
	daemon => {
		promise => 'a death of the daemon, with a reload on the way',
		command => ['run'],
		act => sub {
			my ($stage, $n) = @_;
			drop_all($stage);
			wait_until { !$stage->alive($n) || !(() =
				glob($stage->spool . '/incoming/*')) } 20;
			kill_child($stage, $n, 'HUP');
			wait_until { !$stage->alive($n)
			    || $stage->log('reloaded') } 20;
			kill_child($stage, $n, 'TERM');
		},
		case => { must => \%must, rejected => \%rejected, repeats => 16 },
	},
	submit => {
		promise => 'a death of submit: what it told is kept, '
		    . 'what it did not is whole or absent',
		command => [ 'submit', '-' ],
		stdin => "$bodies[0]\n$bodies[1]\n",
		told => 1,
		case => { may => \%must, repeats => 0 },
	},
	prune => {
		promise => 'a death of prune: it takes what is old, and no more',
		before => sub {
			my ($stage) = @_;
			drop($stage->spool . '/incoming', 'a.json', $bodies[0]);
			drop($stage->spool . '/incoming', 'b.json', $bodies[1]);
			finish($stage);
			settings($stage, delivered => '1ms', dead => '1ms');
		},
		after => \&settings,
		command => ['prune'],
		case => { may => \%must, pruned => 1, repeats => 0 },
	},
	resend => {
		promise => 'a death of resend, and of the run after it',
		before => sub {
			my ($stage) = @_;
			drop($stage->spool . '/incoming', 'a.json', "$bodies[0]\n");
			finish($stage);
		},
		command => [ 'resend', '--webhook', 'dead' ],
		case => { must => { $bodies[0] => 1 }, resent => 1 },
	},
);

# The traced program is the tracer's child.
sub kill_child
{
	my ($stage, $n, $signal) = @_;
	my $tracer = $stage->pid($n) or return;
	my ($pid) = (slurp("/proc/$tracer/task/$tracer/children") // '')
	    =~ /(\d+)/;

	kill $signal, $pid if $pid;
}

# Starts the scene's command behind `strace OPTIONS`, acts, waits for its end.
sub play
{
	my ($stage, $scene, @options) = @_;
	# A leak is looked for by ptrace, of which there is one already.
	local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
	    'detect_leaks=0';

	spew($stage->dir . '/stdin', $scene->{stdin} // '');
	my $number = $stage->start('sh', '-c',
		'exec "$@" <' . $stage->dir . '/stdin', 'sh', 'strace', '-f',
		'-qq', @options, program(), '-c', $stage->etc,
		@{ $scene->{command} });
	if ($scene->{act}) {
		wait_until { !$stage->alive($number)
		    || $stage->errors($number) =~ /is ready/ } 30;
		$scene->{act}->($stage, $number);
	}
	return ($stage->reap($number, 60) // 'it never ended', $number);
}

# All points of a scene, [CALL, N]: how often each thread of an undisturbed run
# makes each call, for strace counts by thread, too.
sub points_of
{
	my ($receiver, $scene) = @_;
	my $stage = prepare($receiver);
	my (%count, %most);

	$scene->{before}->($stage) if $scene->{before};
	play($stage, $scene, '-o', $stage->dir . '/trace');
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
	my $scene = $scenes{$name};
	my $stage = prepare($receiver);
	my $mark = $receiver->mark;
	my (@wrong, @told);

	$scene->{before}->($stage) if $scene->{before};
	my ($status, $number) = play($stage, $scene, '-o',
		'/dev/null', '-e', "trace=$call", '-e',
		"inject=$call:signal=KILL:when=$n");
	my $died = $status eq 'signal 9';
	push @wrong, $status if $status =~ /never/;
	@told = grep { /^[0-9A-Z]{16}$/ } split /\n/, $stage->output($number)
	    if $scene->{told};
	$scene->{after}->($stage) if $scene->{after};
	my ($end, $said) = finish($stage);
	push @wrong, "the run after it ended with $end: $said"
	    unless $end =~ /^[01]$/;
	push @wrong, judge({ %{ $scene->{case} }, spool => $stage->spool,
		calls => [ $receiver->received($mark) ] });
	my ($events) = Fault::look($stage->spool);
	my %known = map { $_->{id} => 1 } @$events;
	push @wrong, map { "submit told $_, which is lost" }
	    grep { !$known{$_} } @told;
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
my @wanted = @ARGV ? @ARGV : sort keys %scenes;

if ($wanted[0] =~ /^(\w+):(\w+):(\d+)$/) {
	ok(strike($receiver, $1, $2, $3), "$1: killed at $2 number $3");
	done_testing;
	exit;
}

# A judge who finds nothing wrong with anything would be no judge.
my $control = prepare($receiver);
my $mark = $receiver->mark;
drop_all($control);
finish($control);
is_deeply([ judge({ must => \%must, rejected => \%rejected, repeats => 0,
	spool => $control->spool, calls => [ $receiver->received($mark) ] }) ],
	[], 'an undisturbed run keeps all promises');
Fault::query($control->spool, 'DELETE FROM event WHERE seq = 2');
like(join("\n", judge({ must => \%must, spool => $control->spool,
	calls => [ $receiver->received($mark) ] })),
	qr/accepted 0 times.*is not in the store.*which should not/s,
	'the judge sees what is missing, unknown and left over');

for my $name (@wanted) {
	my @all = points_of($receiver, $scenes{$name});
	my $stride = full() || @all < $short{$name} ? 1 : @all / $short{$name};
	my $before = $points;
	my $good = Test::More->builder->is_passing;

	for (my $at = full() ? 0 : rand($stride); $at < @all; $at += $stride) {
		my ($call, $n) = @{ $all[$at] };
		strike($receiver, $name, $call, $n);
		# Threads race: there may be more calls than were counted.
		next unless full() && ($all[ $at + 1 ] || [''])->[0] ne $call;
		while (strike($receiver, $name, $call, ++$n)) { }
	}
	ok($points > $before, "$scenes{$name}{promise}: "
	    . ($points - $before) . ' of ' . @all . ' points');
}
diag(summary("$points deaths"));
done_testing;
