#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# spool.db is truncated, overwritten, or no database at all. It is said clearly,
# nothing is deleted, no event is sent that was not accepted, and the way out
# that the sentence tells, done word by word, brings back what can be read.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(drop event_body full seed);
use File::Path qw(make_path);
use Stage qw(slurp spew wait_until);
use Test::More;

use constant { PAGE => 8192, EVENTS => 60 };

my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my @bodies = map { event_body($_, "i$_") } 1 .. EVENTS;
my %known = map { $_ => 1 } @bodies;

seed();

sub stage
{
	return Stage->new(
		settings => { spool => { min_free => '4K' } },
		webhooks => { good => { triggers => ['*'], endpoints =>
			[ 'http://127.0.0.1:' . $receiver->port . '/good' ],
			breaker => { failures => 1000 },
			retry => { delays => ['1s'] } } });
}

# A store with deliveries that wait, closed well: the model for all damage.
$receiver->mode('/good' => 503);
my $model = stage();
make_path($model->spool . '/incoming');
drop($model->spool . '/incoming', 'all.jsonl', join "\n", @bodies);
is(($model->verb('run', '--once'))[0], 75, EVENTS . ' deliveries wait');
my $sound = slurp($model->spool . '/spool.db');
$receiver->mode('/good' => 204);

my ($due) = map { $_->[0] } Fault::query($model->spool,
	'SELECT max(due_ms) FROM delivery');
wait_until { time * 1000 > $due + 1000 };

sub overwrite
{
	my ($bytes, $at, $length) = @_;

	substr($bytes, $at, $length) =
	    join '', map { chr int rand 256 } 1 .. $length;
	return $bytes;
}

# A stage whose spool holds these bytes, and what became of them.
sub start_with
{
	my ($bytes) = @_;
	my $stage = stage();
	my $mark = $receiver->mark;

	spew($stage->spool . '/spool.db', $bytes);
	my ($status, $out, $err) = $stage->verb('run', '--once');
	my @calls = $receiver->received($mark);
	return ($stage, $status, $err, \@calls);
}

# The documented way out: first what is unfinished, and where that cannot be
# read, all events that are kept, from both ends of the damage. Returns the
# bodies that came back.
sub rescue
{
	my ($stage) = @_;
	my $spool = $stage->spool;
	my $safe = $stage->dir . '/safe';
	my $mark = $receiver->mark;

	make_path($safe);
	rename $_, $safe . '/' . (split m{/}, $_)[-1] for glob("$spool/spool.db*");
	$stage->verb('run', '--once');
	my $lines = `cd $safe && sqlite3 spool.db 'SELECT body FROM unfinished' 2>/dev/null`;
	$lines = `cd $safe && { for way in ASC DESC; do sqlite3 spool.db "SELECT
	    CAST(body AS TEXT) FROM payload ORDER BY event \$way"; done; } \\
	    2>/dev/null | sort -u` if $?;
	$stage->verb({ stdin => $lines }, 'submit', '-') if length $lines;
	$stage->verb('run', '--once');
	return map { $_->{body} } $receiver->received($mark);
}

# ---- what can be told from the outside -------------------------------------

my %useless = (
	'half a header' => substr($sound, 0, 50),
	'one page of it' => substr($sound, 0, PAGE),
	'three pages of it' => substr($sound, 0, 3 * PAGE),
	'a header of noise' => overwrite($sound, 0, 100),
	'noise' => overwrite($sound, 0, length $sound),
	'some text' => "SELECT nothing FROM nowhere;\n" x 400,
);

for my $name (sort keys %useless) {
	my ($stage, $status, $err, $calls) = start_with($useless{$name});
	my $left = slurp($stage->spool . '/spool.db');

	is($status, 74, "$name: the start fails") or diag($err);
	like($err, qr/spool\.db: (?:damaged|not a spool database|the disk failed)/,
		"$name: it says what is wrong");
	like($err, qr/deleted nothing.*move spool\.db\*.*submit -/,
		"$name: it says the way out");
	is(@$calls, 0, "$name: nothing is sent");
	ok(defined $left && $left eq $useless{$name}, "$name: it is left as it is");
	my ($code, $out, $words) = $stage->verb('status');
	like($words . $out, qr/spool\.db/, "$name: status names it") if $code ne '0';
	unlike($code, qr/signal/, "$name: status lives");
	rescue($stage);
	is(($stage->verb('run', '--once'))[0], 0, "$name: moved away, all is new");
}

# ---- nothing of it ---------------------------------------------------------

# Cut to nothing, a database looks like a new one: what lies beside it tells.
my %traces = (
	'its log' => sub { spew("$_[0]/spool.db-wal", 'x' x 8192) },
	'delivery.jsonl' => sub { spew("$_[0]/log/delivery.jsonl", "{}\n") },
	'failed files' => sub { spew("$_[0]/failed/good/X.json", '{}') },
	'mails' => sub { spew("$_[0]/mail/x.eml", "To: x\n") },
	'rejected files' => sub { spew("$_[0]/rejected/x.json", '{') },
);
for my $name (sort keys %traces) {
	my $stage = stage();

	spew($stage->spool . '/spool.db', '');
	$traces{$name}->($stage->spool);
	my ($status, $out, $err) = $stage->verb('run', '--once');
	is($status, 74, "empty beside $name: the start fails");
	like($err, qr/spool\.db: empty.*an earlier life.*move spool\.db\*/,
		'... and says why, and the way out');
	is(-s $stage->spool . '/spool.db', 0, '... and leaves it empty');
	unlink glob($stage->spool . '/spool.db*');
	is(($stage->verb('run', '--once'))[0], 0, '... moved away, all is new');
}
{
	my $stage = stage();
	my $log = 'x' x 8192;

	spew($stage->spool . '/spool.db-wal', $log);
	is(($stage->verb('run', '--once'))[0], 74,
		'gone, and its log is there: the start fails');
	is(slurp($stage->spool . '/spool.db-wal'), $log, '... and leaves the log');
	$stage = stage();
	spew($stage->spool . '/spool.db', '');
	spew($stage->spool . '/lock', '');
	is(($stage->verb('run', '--once'))[0], 0,
		'empty where nothing ever happened, as after a first start that '
		. 'died: it is new');
}

# ---- half of it ------------------------------------------------------------

{
	my $half = substr($sound, 0, PAGE * int(length($sound) / PAGE / 2));
	my ($stage, $status, $err, $calls) = start_with($half);

	is($status, 74, 'half of it: the start fails') or diag($err);
	like($err, qr/spool\.db: damaged/, 'half of it: it is said');
	is_deeply([ grep { !$known{ $_->{body} } } @$calls ], [],
		'half of it: nothing unknown is sent');
	my @back = rescue($stage);
	is_deeply([ grep { !$known{$_} } @back ], [],
		'half of it: what comes back is whole');
}

# ---- one page of noise, wherever it is -------------------------------------

my $pages = length($sound) / PAGE;
my ($told, $harmless, $back, $least) = (0, 0, 0, EVENTS);

# Every page in the full form, every third in the short one.
for (my $page = full() ? 1 : 1 + int rand 3; $page < $pages;
	$page += full() ? 1 : 3) {
	my ($stage, $status, $err, $calls) =
	    start_with(overwrite($sound, $page * PAGE, PAGE));
	my %came = map { $_->{body} => 1 } @$calls;
	my @unknown = grep { !$known{$_} } keys %came;

	fail("page $page: sent is what nobody wrote: @unknown") if @unknown;
	fail("page $page: ended with $status: $err")
	    unless $status =~ /^(?:0|7[45])$/;
	if ($err =~ /damaged|disk failed/) {
		$told++;
		my @rescued = rescue($stage);
		fail("page $page: brought back is what nobody wrote: $_")
		    for grep { !$known{$_} } @rescued;
		$came{$_} = 1 for @rescued;
		my $n = keys %came;
		$back += $n;
		$least = $n if $n < $least;
	} else {
		$harmless++;
		fail("page $page: $status, and events are missing: $err")
		    if keys %came < EVENTS;
	}
}
ok(Test::More->builder->is_passing, "one of $pages pages is noise: $told times "
    . "it is said, $harmless times nothing of it was needed");
ok($back >= 0.6 * EVENTS * $told, 'most of it comes back by the way out');
diag(sprintf 'of %d events %d came back at least, %.0f on average', EVENTS,
    $least, $back / ($told || 1));
done_testing;
