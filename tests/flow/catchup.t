#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# A death between a commit and its log line: the next start writes the line that
# is missing, once, and none that stands there already.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Peer;
use Stage qw(wait_until slurp spew);
use Test::More;

plan skip_all => 'strace is not installed'
    if system('command -v strace >/dev/null 2>&1');
plan skip_all => 'strace may not trace here'
    if system('strace -o /dev/null true 2>/dev/null');

my $program = $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook';

sub new_stage
{
	my ($peer) = @_;
	$peer->answer('/flap', '/status/500');
	return Stage->new(webhooks => {
		good => { endpoints => [$peer->url('/delay/30')],
			concurrency => 1 },
		bad => { endpoints => [$peer->url('/status/503')],
			retry => { max_retries => 1, delays => ['10ms'] } },
	});
}

# `run --once` until the n-th write into the log, which it does not live to see.
# The lines of one turn are one write, so one endpoint answers slowly.
sub die_at_line
{
	my ($stage, $n) = @_;
	local $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
	    'detect_leaks=0';
	my $run = $stage->start('strace', '-f', '-qq', '-o', '/dev/null',
	    '-P', $stage->spool . '/log/delivery.jsonl', '-e', 'trace=writev',
	    '-e', "inject=writev:signal=KILL:when=$n", $program, '-c',
	    $stage->etc, 'run', '--once');

	return ($stage->reap($run) // '') eq 'signal 9';
}

# What the log has of each fact, by its name.
sub facts
{
	my ($stage) = @_;
	my %count;

	for ($stage->log) {
		my $name = { accepted => 'accepted', unmatched => 'accepted',
			attempt => 'attempt', delivered => 'end', dead => 'end'
		    }->{ $_->{kind} } or next;

		$count{join ' ', $name, $_->{delivery} // $_->{event_id},
		    $_->{try} // $_->{tries} // ()}++;
	}
	return \%count;
}

# And what it should have, by the store: each once.
sub wanted
{
	my ($stage) = @_;
	my %want;

	for my $row ($stage->queue) {
		$want{"accepted $row->{event_id}"} = 1;
		$want{"attempt $row->{delivery} $_"} = 1 for 1 .. $row->{tries};
		$want{"end $row->{delivery} $row->{tries}"} = 1
		    if $row->{state} =~ /delivered|dead/;
	}
	return \%want;
}

my $peer = Peer->new;
my ($deaths, $late) = (0, 0);
my @wrong;
for my $n (2 .. 30) {
	my $stage = new_stage($peer);

	spew($stage->spool . '/incoming/a.jsonl', join '', map {
		$stage->event_text('triggered', id => "i$_") } 1 .. 9);
	last unless die_at_line($stage, $n);
	$deaths++;
	$stage->verb('run', '--once') for 1 .. 2;
	my ($has, $want) = (facts($stage), wanted($stage));
	push @wrong, map { "line $n: $_ stands " . ($has->{$_} // 0) . ' times' }
	    grep { ($has->{$_} // 0) != 1 } sort keys %$want;
	push @wrong, map { "line $n: $_ is in the log only" }
	    grep { !$want->{$_} } sort keys %$has;
	$late += grep { $_->{happened} } $stage->log;
}
cmp_ok($deaths, '>', 8, "died before $deaths writes of the log");
is_deeply(\@wrong, [], 'each fact stands in the log once after the next start');
cmp_ok($late, '>=', $deaths - 2, 'late lines say when it happened');

subtest 'a late line' => sub {
	my $stage = new_stage($peer);

	$stage->webhook(bad => undef);
	spew($stage->spool . '/incoming/a.json', $stage->event_text('triggered'));
	# started, accepted, attempt, delivered
	ok(die_at_line($stage, 3), 'died before the line of an attempt');
	is(scalar($stage->log('attempt')), 0, 'which is missing');
	my $run = $stage->run;
	my ($line) = $stage->log('attempt');
	is($line->{try}, 1, 'is written at the next start');
	is($line->{status}, 204, 'with what the store knows');
	is($line->{url_host}, '127.0.0.1:' . $peer->port, 'and the configuration');
	is($line->{outcome}, 'delivered', '... its outcome');
	like($line->{happened}, qr/^\d{4}-.*Z$/, 'it says when it happened');
	ok(exists $line->{dns_ms} && !defined $line->{dns_ms},
	    'what nobody knows any more is null');
	is(scalar($stage->log('delivered')), 1, 'the end of it follows');
	like($stage->errors($run), qr/the log lacked 2 lines/, 'it is said');
	my ($accepted) = $stage->log('accepted');
	is($accepted->{happened}, undef, 'a line in time has no such member');
	$stage->stop($run);
	$run = $stage->run;
	is(scalar($stage->log('attempt')), 1, 'and once is enough');
	unlike($stage->errors($run), qr/lacked/, '... without a word');
	$stage->stop($run);
};

subtest 'a log that was moved away' => sub {
	my $stage = new_stage($peer);
	my $log = $stage->spool . '/log/delivery.jsonl';

	# Whose retry would be a line of today.
	$stage->webhook(bad => undef);
	spew($stage->spool . '/incoming/a.json', $stage->event_text('triggered'));
	$stage->verb('run', '--once');
	is(scalar($stage->log('attempt')), 1, 'there are lines');
	rename $log, "$log.1";
	$stage->stop($stage->run);
	is(scalar($stage->log('started')), 1, 'another log is begun');
	is(scalar($stage->log('attempt')), 0, 'they are not written again');
};

subtest 'a resend' => sub {
	my $stage = new_stage($peer);

	$stage->webhook(bad => undef);
	spew($stage->spool . '/incoming/a.json', $stage->event_text('triggered'));
	$stage->verb('run', '--once');
	my ($row) = $stage->queue;
	is(($stage->verb('resend', $row->{delivery}))[0], 0, 'is asked for');
	my ($before) = scalar($stage->log('attempt'));
	# resent, started, attempt
	ok(die_at_line($stage, 2), 'died before the line of its first try');
	is(scalar($stage->log('attempt')), $before, 'which is missing');
	$stage->verb('run', '--once');
	my @tries = map { $_->{try} } $stage->log('attempt');
	is_deeply(\@tries, [1, 1], 'try 1 came twice, and stands there twice');
};

done_testing;
