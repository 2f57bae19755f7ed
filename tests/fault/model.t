#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Random lives of a daemon against a small model of the promises. Producers
# drop, write slowly, and rename over; the disk fills and fails; endpoints fail
# and hang; the daemon is reloaded, ended and killed; operators pause and
# resend. In the end all is mended, and what is there must be what the model
# says. A failing life prints its seed: SPOOLHOOK_SEED=… repeats the actions,
# though not the scheduler's part in it.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(break_disk drop event_body failing_disk full look);
use File::Path qw(make_path);
use Stage qw(slurp spew wait_until);
use Test::More;
use Time::HiRes qw(sleep time);

my $seconds = $ENV{SPOOLHOOK_SECONDS} || (full() ? 1200 : 25);
my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my @paths = qw(/one /two);

# ---- a life ----------------------------------------------------------------

# What the model knows: bodies that must be accepted once, that may be, texts
# that must be rejected, ids that were resent, and the number of deaths.
sub begin
{
	my $at = 'http://127.0.0.1:' . $receiver->port;
	my $stage = Stage->new(settings => {
		spool => { min_free => '4K', rescan => '1s' },
		defaults => { triggers => ['*'],
			retry => { max_retries => 3, delays => ['30ms'],
				jitter => 0 },
			breaker => { failures => 1000, rest => '1s' } } });
	my $life = { stage => $stage, must => {}, may => {}, bad => {},
		resent => {}, deaths => 0, serial => 0, half => {}, at => $at,
		mark => $receiver->mark, story => [] };

	make_path($stage->spool . '/incoming');
	webhooks($life, 0);
	$receiver->mode(map { $_ => 204 } @paths);
	$life->{disk} = { failing_disk($stage) };
	start($life);
	return $life;
}

# Reloads change what must not matter.
sub webhooks
{
	my ($life, $generation) = @_;

	$life->{stage}->webhook(substr($_, 1) => {
		endpoints => ["$life->{at}$_"],
		headers => { 'X-Generation' => "$generation" },
	}) for @paths;
}

sub start
{
	my ($life) = @_;
	local %ENV = (%ENV, %{ $life->{disk} });

	$life->{daemon} = $life->{stage}->run;
}

sub box { return $_[0]{stage}->spool . '/incoming' }

sub fresh
{
	my ($life) = @_;
	my $n = ++$life->{serial};

	return event_body($n, 'i' . int rand 6);
}

sub name { return sprintf '%05d.%s', ++$_[0]{files}, $_[1] }

sub drop_one
{
	my ($life) = @_;
	my $body = fresh($life);

	$life->{must}{$body} = 1;
	drop(box($life), name($life, 'json'), $body);
}

sub drop_array
{
	my ($life) = @_;
	my @bodies = map { fresh($life) } 1 .. 2 + rand 3;

	$life->{must}{$_} = 1 for @bodies;
	drop(box($life), name($life, 'json'), '[' . join(", \n", @bodies) . ']');
}

sub drop_lines
{
	my ($life) = @_;
	my @bodies = map { fresh($life) } 1 .. 2 + rand 3;
	my $name = name($life, 'jsonl');
	my $bad = "line of $name";

	$life->{must}{$_} = 1 for @bodies;
	$life->{bad}{"$bad\n"} = 1;
	drop(box($life), $name, join("\n", $bodies[0], $bad, @bodies[1 .. $#bodies])
	    . "\n");
}

sub drop_bad
{
	my ($life) = @_;
	my $name = name($life, 'json');
	my $text = "{\"$name\": nothing}";

	$life->{bad}{$text} = 1;
	drop(box($life), $name, $text);
}

# The first half now; the second by `complete`.
sub write_half
{
	my ($life) = @_;
	my $body = fresh($life);
	my $path = box($life) . '/' . name($life, 'json');

	open(my $out, '>:raw', $path) or return;
	syswrite($out, substr($body, 0, 1 + rand(length($body) - 2)));
	$life->{half}{$path} = $body;
	close $out if rand() < 0.5;
	$life->{open}{$path} = $out;
}

sub complete
{
	my ($life) = @_;
	my ($path) = sort keys %{ $life->{half} };

	return unless $path;
	my $body = delete $life->{half}{$path};
	my $out = delete $life->{open}{$path};
	open($out, '>>:raw', $path) or die unless defined fileno $out;
	syswrite($out, substr($body, -s $path));
	close $out;
	$life->{must}{$body} = 1;
}

# Two contents of one name: the first may be taken before it is gone.
sub rename_over
{
	my ($life) = @_;
	my ($first, $second) = (fresh($life), fresh($life));
	my $name = name($life, 'json');

	$life->{may}{$first} = 1;
	$life->{must}{$second} = 1;
	drop(box($life), $name, $first);
	sleep rand 0.004 if rand() < 0.7;
	drop(box($life), $name, $second);
}

sub submit
{
	my ($life) = @_;
	my $body = fresh($life);
	my ($status, $out) =
	    $life->{stage}->verb({ stdin => $body }, 'submit', '-');

	# What it did not confirm may have come all the same.
	$life->{ $status eq '0' ? 'must' : 'may' }{$body} = 1;
}

sub die_now
{
	my ($life) = @_;

	$life->{stage}->stop($life->{daemon}, 'KILL');
	$life->{deaths}++;
	mend($life);
	start($life);
}

sub restart
{
	my ($life) = @_;

	my $status;

	mend($life);
	$status = $life->{stage}->stop($life->{daemon});
	push @{ $life->{wrong} }, "TERM ended it with $status"
	    unless $status eq '0' || $life->{stage}->errors($life->{daemon}) =~
	    /store cannot be written/;
	start($life);
}

sub mend { break_disk($_[0]{stage}) }
sub disk_full { break_disk($_[0]{stage}, 'write 28 spool.db') }
sub disk_fails { break_disk($_[0]{stage}, 'sync 5 spool.db') }

sub endpoint
{
	my ($life) = @_;

	$receiver->mode($paths[ rand @paths ] =>
		(204, 204, 503, 'slow', 500, 429)[ rand 6 ]);
}

sub reload
{
	my ($life) = @_;

	webhooks($life, ++$life->{generation});
	kill 'HUP', $life->{stage}->pid($life->{daemon});
}

sub reload_bad
{
	my ($life) = @_;
	my $before = () = $life->{stage}->log('reload_failed');

	$life->{stage}->webhook(one => '{ "endpoints": 7 }');
	kill 'HUP', $life->{stage}->pid($life->{daemon});
	wait_until { $before < (() = $life->{stage}->log('reload_failed')) } 5;
	webhooks($life, ++$life->{generation});
}

sub pause
{
	my ($life) = @_;

	$life->{stage}->verb('pause', substr $paths[ rand @paths ], 1);
}

sub resume { $_[0]{stage}->verb('resume', map { substr $_, 1 } @paths) }

sub resend
{
	my ($life) = @_;
	my (undef, $deliveries) = look($life->{stage}->spool);
	my @final = grep { $_->{state} >= 4 } @$deliveries;

	return unless @final;
	my $id = $final[ rand @final ]{id};
	$life->{resent}{$id} = 1;
	$life->{stage}->verb('resend', $id);
}

sub wait_a_little { sleep rand 0.05 }

# Action, weight.
my @actions = ([ \&drop_one, 20, 'drop' ], [ \&drop_array, 6, 'array' ],
	[ \&drop_lines, 6, 'lines' ], [ \&drop_bad, 3, 'bad' ],
	[ \&write_half, 5, 'half' ], [ \&complete, 5, 'complete' ],
	[ \&rename_over, 5, 'over' ], [ \&submit, 4, 'submit' ],
	[ \&die_now, 4, 'kill' ], [ \&restart, 1, 'restart' ],
	[ \&disk_full, 2, 'full' ], [ \&disk_fails, 1, 'eio' ],
	[ \&mend, 6, 'mend' ], [ \&endpoint, 8, 'endpoint' ],
	[ \&reload, 3, 'reload' ], [ \&reload_bad, 1, 'reload-bad' ],
	[ \&pause, 2, 'pause' ], [ \&resume, 3, 'resume' ],
	[ \&resend, 3, 'resend' ], [ \&wait_a_little, 20, 'wait' ]);
my @hat = map { my $action = $_; ($action) x $action->[1] } @actions;

# ---- its end ---------------------------------------------------------------

sub all_done
{
	my ($life) = @_;

	return 0 if () = glob(box($life) . '/*');
	my ($events, $deliveries) = look($life->{stage}->spool);
	return 0 if grep { $_->{state} < 4 } @$deliveries;
	my %there = map { $_->{body} => 1 } @$events;
	return !grep { !$there{$_} } keys %{ $life->{must} };
}

# A disk that failed for long ends the daemon, after a while: it says so.
sub revive
{
	my ($life) = @_;

	return if $life->{stage}->alive($life->{daemon});
	push @{ $life->{wrong} }, 'it ended by itself: '
	    . $life->{stage}->errors($life->{daemon})
	    unless $life->{stage}->errors($life->{daemon}) =~
	    /store cannot be written/;
	start($life);
}

sub mend_all
{
	my ($life) = @_;

	mend($life);
	$receiver->mode(map { $_ => 204 } @paths);
	complete($life) while %{ $life->{half} };
	resume($life);
	my $done = wait_until {
		revive($life);
		$life->{stage}->verb('flush');
		all_done($life)
	} 60;
	push @{ $life->{wrong} }, 'it never came to rest' unless $done;
	my $status = $life->{stage}->stop($life->{daemon});
	push @{ $life->{wrong} }, "TERM ended it with $status" if $status ne '0';
}

# A call is (id, attempt); only a death may repeat it, or an operator.
sub judge_calls
{
	my ($life, $events, $deliveries, $calls) = @_;
	my %body = map { $_->{id} => $_->{body} } @$events;
	my %known = map { $_->{id} => $_ } @$deliveries;
	my (%seen, %last, @wrong);
	my $repeats = 0;

	for my $call (@$calls) {
		my ($event) = $call->{id} =~ /^([^-]+)-/;
		my $delivery = $known{ $call->{id} };

		if (!$delivery || $call->{body} ne $body{$event}) {
			push @wrong, "$call->{id} was sent and is not so in the store";
			next;
		}
		my $again = $seen{ $call->{id} }{ $call->{attempt} }++;
		next if $life->{resent}{ $call->{id} };
		$repeats++ if $again;
		my $lane = "$call->{path} $delivery->{incident}";
		push @wrong, "$call->{id} was sent after a later one of $lane"
		    if ($last{$lane} // 0) > $delivery->{seq};
		$last{$lane} = $delivery->{seq};
	}
	for (@$deliveries) {
		push @wrong, "$_->{id} ended in state $_->{state}"
		    unless $_->{state} == 4 || $_->{state} == 5;
		push @wrong, "$_->{id} was never sent" unless $seen{ $_->{id} };
	}
	my $most = $life->{deaths} * 8 * @paths;
	$life->{repeats} = $repeats;
	push @wrong, "$repeats calls were repeated, $most at most"
	    if $repeats > $most;
	return @wrong;
}

sub judge
{
	my ($life) = @_;
	my $spool = $life->{stage}->spool;
	my ($events, $deliveries) = look($spool);
	my @calls = $receiver->received($life->{mark});
	my %bad = %{ $life->{bad} };
	my @wrong = (@{ $life->{wrong} || [] },
		Fault::judge_events($life, $events),
		judge_calls($life, $events, $deliveries, \@calls));

	for my $file (glob "$spool/rejected/*") {
		next if $file =~ /\.why\.json$/;
		my $text = slurp($file);

		push @wrong, "$file lies there without its reason"
		    unless -s "$file.why.json";
		push @wrong, "rejected, which should not: $text"
		    unless delete $bad{$text} || ($life->{bad}{$text}
		    && $life->{deaths});
	}
	push @wrong, map { "refused and lost: $_" } sort keys %bad;
	push @wrong, @$deliveries . ' deliveries for ' . @$events . ' events'
	    if @$deliveries != @paths * @$events;
	return @wrong;
}

sub live
{
	my ($seed) = @_;

	srand($seed);
	my $life = begin();
	for (1 .. 40 + rand 40) {
		my $action = $hat[ rand @hat ];
		push @{ $life->{story} }, $action->[2];
		if ($life->{stage}->alive($life->{daemon})) {
			$action->[0]->($life);
		} else {
			# Only a store that cannot be written ends it.
			mend_all($life), return $life;
		}
	}
	mend_all($life);
	return $life;
}

my $begun = time;
my $lives = 0;
my %sum = map { $_ => 0 } qw(events deaths repeated lost);
my $seed = $ENV{SPOOLHOOK_SEED} // int rand 1 << 30;

do {
	my $life = live($seed);
	my @wrong = judge($life);

	$lives++;
	$sum{events} += $life->{serial};
	$sum{deaths} += $life->{deaths};
	$sum{repeated} += $life->{repeats};
	$sum{lost} += grep { /accepted 0 times|lost/ } @wrong;
	if (@wrong) {
		fail("a life with seed $seed");
		diag("SPOOLHOOK_SEED=$seed $0 repeats it");
		diag(join ' ', @{ $life->{story} });
		diag($_) for @wrong;
		diag($life->{stage}->errors($life->{daemon}));
		system('cp', '-a', $life->{stage}->dir, $life->{stage}->dir . '.kept');
		diag('kept in ' . $life->{stage}->dir . '.kept');
	}
	# A judge who finds nothing wrong with anything would be no judge.
	if ($lives == 1 && !@wrong) {
		Fault::query($life->{stage}->spool, 'PRAGMA foreign_keys = ON; '
		    . 'DELETE FROM event WHERE seq = (SELECT max(event) '
		    . 'FROM delivery)');
		like(join("\n", judge($life)), qr/accepted 0 times|not so in/,
			'the judge misses what is taken away');
	}
	$seed++;
} until $ENV{SPOOLHOOK_SEED} || time > $begun + $seconds;

ok(Test::More->builder->is_passing, "$lives lives, $sum{events} events, "
    . "$sum{deaths} deaths: every promise kept");
diag("model: $lives lives tried; $sum{events} events, $sum{lost} lost; "
    . "$sum{deaths} deaths, $sum{repeated} calls repeated for them");
done_testing;
