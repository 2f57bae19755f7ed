# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Scenes: what the program does while it is killed, by system calls (kill.t) or
# at named moments (points.t): the whole way of an event, a daemon that reloads,
# submit, prune, resend. After each death comes one undisturbed run, and the
# judge looks whether everything that was promised holds.
package Scenes;

use strict;
use warnings;
use Exporter qw(import);
use Fault qw(event_body drop judge finish program);
use File::Path qw(make_path);
use Stage qw(slurp spew wait_until);

our @EXPORT_OK = qw(prepare drop_all scene scene_names play conclude
	control);

sub settings
{
	my ($stage, %retention) = @_;

	$stage->settings({ mail => { to => ['ops@example.org'] },
		spool => { min_free => '1M' }, retention => \%retention });
}

sub prepare
{
	my ($receiver) = @_;
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

# A traced program is the tracer's child; any other is its own.
sub kill_child
{
	my ($stage, $n, $signal) = @_;
	my $tracer = $stage->pid($n) or return;
	my $name = slurp("/proc/$tracer/comm") // '';
	my ($pid) = $name ne "strace\n" ? $tracer
	    : (slurp("/proc/$tracer/task/$tracer/children") // '') =~ /(\d+)/;

	kill $signal, $pid if $pid;
}

# Starts the scene's command behind `before` (a tracer), acts, waits for its end.
sub play
{
	my ($stage, $scene, @before) = @_;
	# A leak is looked for by ptrace, of which there may be one already.
	local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
	    'detect_leaks=0';

	spew($stage->dir . '/stdin', $scene->{stdin} // '');
	my $number = $stage->start('sh', '-c',
		'exec "$@" <' . $stage->dir . '/stdin', 'sh', @before,
		program(), '-c', $stage->etc, @{ $scene->{command} });
	if ($scene->{act}) {
		wait_until { !$stage->alive($number)
		    || $stage->errors($number) =~ /is ready/ } 30;
		$scene->{act}->($stage, $number);
	}
	return ($stage->reap($number, 60) // 'it never ended', $number);
}

# What the store had settled when the program died, seen on a copy: to look at
# the store itself would do what its next start has to.
sub settled_at_death
{
	my ($stage) = @_;
	my $copy = $stage->dir . '/at_death';

	return () unless -e $stage->spool . '/spool.db';
	make_path($copy);
	system('cp', '-p', glob($stage->spool . '/spool.db*'), $copy) == 0
	    or return ();
	my ($begun) = Fault::query($copy,
	    "SELECT count(*) FROM sqlite_master WHERE name = 'endpoint'");
	return () unless $begun && $begun->[0];
	my (undef, $deliveries) = Fault::look($copy);
	return map { $_->{id} => 1 } grep { $_->{state} >= 4 } @$deliveries;
}

# The undisturbed run after a death, and what is wrong then.
sub conclude
{
	my ($stage, $scene, $number, $receiver, $mark) = @_;
	my (@wrong, @told);

	@told = grep { /^[0-9A-Z]{16}$/ } split /\n/, $stage->output($number)
	    if $scene->{told};
	$scene->{after}->($stage) if $scene->{after};
	my %settled = settled_at_death($stage);
	my $death = $receiver->mark;
	my ($end, $said) = finish($stage);
	push @wrong, "the run after it ended with $end: $said"
	    unless $end =~ /^[01]$/;
	push @wrong, judge({ %{ $scene->{case} }, spool => $stage->spool,
		calls => [ $receiver->received($mark) ] });
	push @wrong, map { "$_->{id} was settled and is sent again" }
	    grep { $settled{ $_->{id} } } $receiver->received($death);
	my ($events) = Fault::look($stage->spool);
	my %known = map { $_->{id} => 1 } @$events;
	push @wrong, map { "submit told $_, which is lost" }
	    grep { !$known{$_} } @told;
	return @wrong;
}

# A judge who finds nothing wrong with anything would be no judge. Returns what
# is wrong with an undisturbed run, and then with one that was tampered with.
sub control
{
	my ($receiver) = @_;
	my $stage = prepare($receiver);
	my $mark = $receiver->mark;
	local %Fault::sum = %Fault::sum;

	drop_all($stage);
	finish($stage);
	my @good = judge({ must => \%must, rejected => \%rejected, repeats => 0,
		spool => $stage->spool,
		calls => [ $receiver->received($mark) ] });
	Fault::query($stage->spool, 'DELETE FROM event WHERE seq = 2');
	my @bad = judge({ must => \%must, spool => $stage->spool,
		calls => [ $receiver->received($mark) ] });
	return (\@good, \@bad);
}

sub scene { return $scenes{ $_[0] } }
sub scene_names { return sort keys %scenes }

1;
