#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The disk fails: reads, writes, syncs and the like of one place return errors,
# by a library that is preloaded (faultio.c). A fault that passes is waited
# for; one that stays ends the daemon with a sentence. Either way nothing is
# lost, nothing is sent that is not committed, and no attempt is spent.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(break_disk drop event_body failing_disk judge struck);
use File::Path qw(make_path);
use Stage qw(slurp wait_until);
use Test::More;

use constant { EIO => 5, ENOSPC => 28, EROFS => 30 };

my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my $serial = 0;

# A stage with its events and, when wanted, its daemon on the breakable disk.
sub open_case
{
	my ($name, $events, %more) = @_;
	my $path = '/case' . ++$serial;
	my $stage = Stage->new(
		settings => { spool => { min_free => '4K', rescan => '1s' } },
		webhooks => { good => { triggers => ['*'],
			endpoints => ['http://127.0.0.1:' . $receiver->port . $path],
			retry => { delays => ['10ms'] } } });
	my $case = { %more, name => $name, stage => $stage, path => $path,
		bodies => [ map { event_body("$serial.$_", "i$_") } 1 .. $events ] };

	make_path($stage->spool . '/incoming');
	my %disk = failing_disk($stage);
	if ($more{daemon}) {
		local %ENV = (%ENV, %disk);
		$case->{daemon} = $stage->run;
	}
	$case->{disk} = \%disk;
	return $case;
}

sub drop_some
{
	my ($case, $from, $to) = @_;

	drop($case->{stage}->spool . '/incoming', sprintf('%03d.json', $_),
	    $case->{bodies}[$_]) for $from .. $to;
}

sub boxed { return scalar(() = glob($_[0]{stage}->spool . '/incoming/*')) }
sub calls { return grep { $_->{path} eq $_[0]{path} } $receiver->received }

# Waits until all has come, ends the daemon, and judges.
sub close_case
{
	my ($case) = @_;
	my ($stage, $name) = @$case{qw(stage name)};

	wait_until {
		calls($case) >= @{ $case->{bodies} } && !boxed($case)
	} 30;
	is($stage->stop($case->{daemon}), 0, "$name: the daemon ends well")
	    if $case->{daemon};
	my @wrong = judge({ spool => $stage->spool, per_event => 1, torn => 1,
		must => { map { $_ => 1 } @{ $case->{bodies} } }, repeats => 0,
		rejected => $case->{rejected}, calls => [ calls($case) ] });
	push @wrong, map { "$_->{id} needed attempt $_->{attempt}" }
	    grep { $_->{attempt} != 1 } calls($case);
	is_deeply(\@wrong, [], "$name: each event once, at its first attempt")
	    or diag($case->{daemon} ? $stage->errors($case->{daemon}) : ());
}

sub has_said
{
	my ($case, $words) = @_;

	return $case->{stage}->errors($case->{daemon}) =~ $words;
}

# ---- faults that pass ------------------------------------------------------

my @passing = (
	[ 'EIO when the store syncs', qr/disk failed/,
		'sync ' . EIO . ' spool.db' ],
	[ 'EIO when the store writes', qr/disk failed/,
		'write ' . EIO . ' spool.db' ],
	[ 'ENOSPC when the store writes', qr/disk is full/,
		'write ' . ENOSPC . ' spool.db' ],
	[ 'a store that turns read-only', qr/spool\.db: /,
		'write ' . EROFS . ' spool.db' ],
	[ 'EIO when a dropped file is read', qr/cannot read.*the file stays/,
		'read ' . EIO . ' incoming/' ],
	[ 'EIO when a dropped file is taken out', qr/the file stays/,
		'rename ' . EIO . ' .json' ],
	[ 'EIO when a dropped file is removed', qr/the file stays/,
		'unlink ' . EIO . ' .taken' ],
	[ 'EIO when a drop box is synced', qr/cannot sync a drop box/,
		'sync ' . EIO . ' incoming' ],
	[ 'EIO when the log is written', qr/cannot write/,
		'write ' . EIO . ' delivery.jsonl' ],
	[ 'ENOSPC when a reason is written', qr/the file stays/,
		'write ' . ENOSPC . ' rejected/', bad => '{]' ],
);

# All at once, for most of it is waiting.
my @cases = map {
	my ($name, $says, $fault, %more) = @$_;
	open_case($name, 6, daemon => 1, says => $says, fault => $fault, %more,
	    rejected => { map { ('bad.json' => $_) } $more{bad} // () });
} @passing;

drop_some($_, 0, 2) for @cases;
for my $case (@cases) {
	wait_until { calls($case) == 3 && !boxed($case) };
	break_disk($case->{stage}, $case->{fault});
	drop($case->{stage}->spool . '/incoming', 'bad.json', $case->{bad})
	    if $case->{bad};
	drop_some($case, 3, 5);
}
for my $case (@cases) {
	wait_until { struck($case->{stage}) && has_said($case, $case->{says}) } 10;
	ok(struck($case->{stage}), "$case->{name}: the fault was met");
	ok(has_said($case, $case->{says}), "$case->{name}: it is said");
	ok($case->{stage}->alive($case->{daemon}),
		"$case->{name}: the daemon stays");
	break_disk($case->{stage});
}
close_case($_) for @cases;

# ---- order -----------------------------------------------------------------

# What the store could not take goes before what is dropped after it.
{
	my $case = open_case('dropped while the store failed', 6, daemon => 1);
	my $stage = $case->{stage};
	my @bodies = map { event_body(900 + $_, 'one incident') } 0 .. 5;

	$case->{bodies} = \@bodies;
	break_disk($stage, 'write ' . ENOSPC . ' spool.db');
	drop_some($case, 0, 2);
	wait_until { has_said($case, qr/disk is full/) };
	break_disk($stage);
	drop_some($case, 3, 5);
	close_case($case);
	is_deeply([ map { $_->{body} } calls($case) ], \@bodies,
		'dropped while the store failed: sent in the order of dropping');
}

# ---- faults that stay ------------------------------------------------------

for my $fault ('sync ' . EIO . ' spool.db-wal', 'write ' . EIO . ' spool.db-wal') {
	my $case = open_case("\"$fault\" for ever", 25, daemon => 1);
	my $stage = $case->{stage};
	my $daemon = delete $case->{daemon};

	break_disk($stage, $fault);
	drop_some($case, 0, 24);
	is($stage->reap($daemon, 60), 74,
		"$case->{name}: the daemon ends with status 74")
	    or diag($stage->errors($daemon));
	is(boxed($case), 25, "$case->{name}: the files stay");
	is(scalar calls($case), 0, "$case->{name}: nothing was sent");
	break_disk($stage);
	$stage->verb('run', '--once');
	close_case($case);
}

# ---- from the start --------------------------------------------------------

for my $fault ('open ' . EIO . ' spool.db', 'read ' . EIO . ' spool.db',
	'write ' . EIO . ' spool.db-wal', 'sync ' . EIO . ' spool.db',
	'truncate ' . EIO . ' spool.db', 'mkdir ' . EROFS . ' log',
	'open ' . EROFS . ' lock', 'open ' . EIO . ' delivery.jsonl',
	'write ' . EIO . ' lock', 'open ' . EIO . ' incoming') {
	my $case = open_case("\"$fault\" from the start", 2);
	my $stage = $case->{stage};

	drop_some($case, 0, 1);
	break_disk($stage, $fault);
	my ($status, $out, $err) =
	    $stage->verb({ env => $case->{disk} }, 'run', '--once');
	like($status, qr/^(?:0|7[345])$/, "$case->{name}: a clean end")
	    or diag($err);
	like($err, qr/spoolhook: (?:error|warning): ./,
		"$case->{name}: it says why");
	break_disk($stage);
	$stage->verb('run', '--once');
	close_case($case);
}
done_testing;
