#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Memory ends at the n-th allocation, at every n in the full form: while it
# starts, takes events in, and delivers them, in our code and in that of every
# library. Each time: a clean end with the sentence (status 71), or a run that
# did not come that far; never a crash, never a good event refused. Then an
# undisturbed run completes what was begun. `malloc.t 3171 4000-4100` tries
# these.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(drop event_body finish full judge sanitized seed shim summary);
use File::Path qw(make_path);
use Stage qw(slurp);
use Test::More;

plan skip_all => 'a sanitizer has an allocator of its own' if sanitized();

seed();
my $library = shim('failmalloc.so', qw(-shared -fPIC -fno-builtin));
my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my @bodies = map { event_body($_, $_ % 2 ? 'i1' : 'i2') } 1 .. 4;
my %must = map { $_ => 1 } @bodies;
my %rejected = ('c.jsonl' => "nonsense\n", 'd.json' => '{]');

sub prepare
{
	my $at = 'http://127.0.0.1:' . $receiver->port;
	my $stage = Stage->new(
		settings => { spool => { min_free => '64K' },
			mail => { to => ['ops@example.org'] } },
		webhooks => {
			good => { triggers => ['*'], endpoints => ["$at/good"],
				filter => { field => 'id', op => 'matches',
					value => '^i' },
				retry => { delays => ['1ms'] } },
			dead => { triggers => ['*'], endpoints => ["$at/dead"],
				retry => { max_retries => 0 } },
		});
	my $box = $stage->spool . '/incoming';

	make_path($box);
	drop($box, 'a.json', $bodies[0]);
	drop($box, 'b.json', "[$bodies[1], $bodies[2]]");
	drop($box, 'c.jsonl', "$bodies[3]\nnonsense\n");
	drop($box, 'd.json', '{]');
	return $stage;
}

# base/mem_all ends the process at each; threads race, so one that was counted
# may not come again.
my $clean = qr/^(?:0|1|71)$/;
my %ends;
my $tried = 0;
my $all = 0;

sub strike
{
	my ($first, $last) = @_;
	my $stage = prepare();
	my $mark = $receiver->mark;
	my $counted = $stage->dir . '/count';
	my ($status, $out, $err) = $stage->verb({ env => {
		LD_PRELOAD => $library, FAILMALLOC => $first,
		FAILMALLOC_LAST => $last, FAILMALLOC_COUNT => $counted,
	} }, 'run', '--once');
	my @wrong;

	$ends{$status}++;
	$tried++;
	note("allocation $first of $all") if $tried % 1000 == 0;
	push @wrong, "it ended with $status" unless $status =~ $clean;
	push @wrong, "it ended with $status without a word"
	    if $status =~ /^7/ && $err !~ /spoolhook: error: /;
	my ($end, $said) = finish($stage);
	push @wrong, "the run after it ended with $end: $said"
	    unless $end =~ /^[01]$/;
	push @wrong, judge({ spool => $stage->spool, must => \%must,
		rejected => \%rejected, repeats => 16,
		calls => [ $receiver->received($mark) ] });
	if (@wrong) {
		fail("allocations $first to $last fail");
		diag($_) for @wrong, $err;
	}
	return slurp($counted) // 0;
}

if (@ARGV) {
	for (@ARGV) {
		my ($first, $last) = /^(\d+)-(\d+)$/ ? ($1, $2) : ($_, $_);
		strike($_, $_) for $first .. $last;
	}
	ok(Test::More->builder->is_passing, "allocation @ARGV: "
	    . join(', ', map { "$ends{$_} ended with $_" } sort keys %ends));
	done_testing;
	exit;
}

chomp($all = strike(0, 0));
ok($all > 100, "an undisturbed run allocates $all times") or BAIL_OUT('none');
%ends = ();

my $stride = full() ? 1 : $all / 150;
for (my $n = full() ? 1 : 1 + rand $stride; $n <= $all; $n += $stride) {
	strike(int $n, int $n);
}
ok(Test::More->builder->is_passing, 'one allocation fails, '
    . ($stride > 1 ? sprintf('every %.0f-th one: ', $stride) : 'each: ')
    . join(', ',
	map { "$ends{$_} ended with $_" } sort keys %ends));

cmp_ok($ends{71} // 0, '>', ($all / $stride) * 0.8, 'most of them came to it');

# And none is left at all from there on.
%ends = ();
$stride *= 5;
for (my $n = full() ? 1 : 1 + rand $stride; $n <= $all; $n += $stride) {
	strike(int $n, 1 << 40);
}
ok(Test::More->builder->is_passing, 'memory ends for good: '
    . join(', ', map { "$ends{$_} ended with $_" } sort keys %ends));
diag(summary("$tried points"));
done_testing;
