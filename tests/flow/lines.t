#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# JSON lines: good ones are accepted, bad ones kept with their reason, and a
# file that somebody still writes is left alone. The peers are the real
# daemon, real inotify, real files and `spoolhook listen`.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Handle;
use JSON::PP;
use Stage qw(wait_until slurp spew);
use Test::More;

my $stage = Stage->new(settings => {
	spool => { settle => '3s', max_event_size => '2K' } });
my ($receiver, $port) = $stage->listen;
$stage->webhook(all => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['*'], order => 'none' });
my $daemon = $stage->run;

my $serial = 0;
sub event
{
	my ($more) = @_;
	return sprintf('{"id":"line-%d","event_type":"incident_triggered"%s}',
	    ++$serial, $more // '');
}

sub arrives
{
	my ($name, @wanted) = @_;

	is_deeply([sort $stage->news($receiver, scalar @wanted)],
	    [sort @wanted], $name);
}

sub gone
{
	my ($file, $name) = @_;
	ok(wait_until(sub { !-e $stage->incoming($file) }), $name);
}

# By rename, and its times show it: the last write lies before it.
sub rename_in
{
	my ($name, $text) = @_;
	spew($stage->dir . '/outside', $text);
	utime time, time - 10, $stage->dir . '/outside' or die $!;
	rename $stage->dir . '/outside', $stage->incoming($name) or die $!;
}

# An event that comes by another file: when it arrives, the daemon has looked
# at everything that lay there before.
sub behind
{
	my $other = event();
	$stage->drop("other-$serial.json", $other);
	wait_until { grep { $_ eq $other } $stage->bodies($receiver) };
	return $other;
}

sub rejected { return slurp($stage->spool . "/rejected/$_[0]") }

# ---- good ones --------------------------------------------------------------
my @good = map { event() } 1 .. 3;
rename_in('a.jsonl', join("\n", @good) . "\n");
arrives('lines that came by rename are taken at once', @good);
gone('a.jsonl', '... and the file is removed');
@good = map { event() } 1 .. 3;
rename_in('b.ndjson', join("\r\n", @good) . "\r\n");
arrives('CRLF ends a line, too, and is no part of it', @good);
@good = map { event() } 1 .. 2;
rename_in('c.jsonl', "\xef\xbb\xbf\n  \n$good[0]\n\n\n$good[1]");
arrives('blank lines, a byte order mark and a missing last newline', @good);
@good = map { event() } 1 .. 2;
rename_in('d.json', join("\n", @good) . "\n");
arrives('lines are known by their content, too', @good);
# Most of these are written and renamed within one step of the disk's clock; to
# wait for a quiet second each would take ten.
@good = map { event() } 1 .. 10;
my $began = time;
for my $i (1 .. @good) {
	spew($stage->dir . '/outside', "$good[$i - 1]\n");
	rename $stage->dir . '/outside', $stage->incoming("at-once-$i.jsonl") or die $!;
	wait_until(sub { !-e $stage->incoming("at-once-$i.jsonl") });
}
cmp_ok(time - $began, '<', 6, 'a rename is known, though the times of the file do not show it');
arrives('... and the lines arrive', @good);
@good = map { event() } 1 .. 3;
$stage->put('e.jsonl', join("\n", @good) . "\n");
arrives('lines written in place are taken when they were quiet', @good);
@good = (event());
rename_in('one.jsonl', $good[0]);
arrives('a single line', @good);
my @many = map { event() } 1 .. 500;
rename_in('many.jsonl', join("\n", @many) . "\n");
arrives('500 lines, more than one batch', @many);
gone('many.jsonl', '... are one file less');
my @accepted = $stage->log('accepted');
my @ids = map { $_->{event_id} } @accepted[-500 .. -1];
is_deeply(\@ids, [sort @ids], 'ids are in the order of the lines');

# ---- a process that keeps the file open -------------------------------------
open(my $out, '>:raw', $stage->incoming('open.jsonl')) or die $!;
$out->autoflush(1);
my @slow = map { event() } 1 .. 4;
my @others;
for my $line (@slow) {
	print $out "$line\n";
	push @others, behind();
}
print $out substr($slow[0], 0, 20);
push @others, behind();
arrives('lines of a file that is open for writing wait', @others);
print $out substr($slow[0], 20), "\n";
close $out;
my $last = pop @slow;
arrives('... and are all taken once it is closed', @slow, $slow[0], $last);
gone('open.jsonl', '... and it is removed');

# The same under a name that does not say JSON lines: its first line is an
# event for itself.
open($out, '>:raw', $stage->incoming('open.json')) or die $!;
$out->autoflush(1);
@slow = map { event() } 1 .. 3;
print $out "$slow[0]\n";
arrives('a first line under a name like .json is an event', $slow[0]);
print $out "$slow[1]\n";
@others = (behind());
print $out "$slow[2]\n";
close $out;
arrives('... the lines behind it come when the file is closed, the first not again',
	@others, @slow[1, 2]);
gone('open.json', '... and it is removed');

# ---- bad ones ---------------------------------------------------------------
@good = map { event() } 1 .. 3;
rename_in('mixed.jsonl', "$good[0]\nnot json\n$good[1]\n{\"a\":1}\n[1,2\n$good[2]\n");
arrives('good lines among bad ones are delivered', @good);
gone('mixed.jsonl', '... and the file is removed');
ok(wait_until(sub { $stage->why('mixed.jsonl') }), 'the bad ones have a reason');
my $why = $stage->why('mixed.jsonl');
is(rejected('mixed.jsonl'), "not json\n{\"a\":1}\n[1,2\n", 'they are kept, byte for byte');
is_deeply([@$why{qw(line rejected_lines)}], [2, 3], '... the reason names the first, and how many');
is_deeply([sort keys %$why], [sort qw(code message line column source ts rejected_lines)],
	'... and has the members of the contract');
like($why->{source}, qr{/incoming/mixed\.jsonl$}, '... with the path it came from');

rename_in('bad.jsonl', "{\"a\":1}\nnot json\n");
ok(wait_until(sub { $stage->why('bad.jsonl') }), 'only bad lines: the file is refused');
is($stage->why('bad.jsonl')->{code}, 'not_event', '... for its first line');
is(rejected('bad.jsonl'), "{\"a\":1}\nnot json\n", '... as it is');
gone('bad.jsonl', '... and leaves the drop box');

rename_in('bad.jsonl', event() . "\nnope\n");
arrives('the same name once more', sprintf('{"id":"line-%d","event_type":"incident_triggered"}', $serial));
ok(wait_until(sub { $stage->why('bad.jsonl.1') }), '... is kept beside the first, not over it');
is(rejected('bad.jsonl.1'), "nope\n", '... with its own line');

my $large = event(',"text":"' . 'z' x 3000 . '"');
my $huge = event(',"text":"' . 'z' x 300_000 . '"');
@good = (event(), event());
rename_in('large.jsonl', "$good[0]\n$large\n$huge\n$good[1]\n");
arrives('a line over max_event_size costs itself alone', @good);
ok(wait_until(sub { $stage->why('large.jsonl') }), '... it has a reason');
is($stage->why('large.jsonl')->{code}, 'too_large', '... which is its size');
is(rejected('large.jsonl'), "$large\n$huge\n", '... and is kept whole');

# ---- cut off ----------------------------------------------------------------
@good = (event(), event());
my $next = event();
$stage->put('cut.jsonl', "$good[0]\n$good[1]\n" . substr($next, 0, 25));
@others = (behind());
arrives('a file whose last line is cut off waits', @others);
open($out, '>>:raw', $stage->incoming('cut.jsonl')) or die $!;
print $out substr($next, 25), "\n";
close $out;
arrives('... and is taken when the rest has come', @good, $next);

@good = (event(), event());
$stage->put('torn.jsonl', "$good[0]\n$good[1]\n{\"event_ty");
arrives('unchanged for spool.settle its whole lines are taken', @good);
ok(wait_until(sub { $stage->why('torn.jsonl') }), '... and the last one is refused');
is($stage->why('torn.jsonl')->{code}, 'truncated', '... as cut off');
is(rejected('torn.jsonl'), '{"event_ty', '... with what there is of it');

$stage->put('empty.jsonl', '');
ok(wait_until(sub { $stage->why('empty.jsonl') }), 'an empty file is refused when it is settled');
is($stage->why('empty.jsonl')->{code}, 'truncated', '... as cut off');

# ---- more lines for a file that was accepted --------------------------------
# A writer that has it open keeps it in the drop box; its bad line was kept
# already, and is not kept again.
open($out, '>:raw', $stage->incoming('grown.json')) or die $!;
$out->autoflush(1);
$good[0] = event();
print $out "$good[0]\n";
arrives('a file grows', $good[0]);
$good[1] = event();
print $out "bad\n$good[1]\n";
close $out;
arrives('... by a bad line and a good one: only the good one is new', $good[1]);
gone('grown.json', '... and is removed');
is(rejected('grown.json'), "bad\n", '... the bad line is kept');

is($stage->stop($daemon), 0, 'TERM ends the daemon with status 0');
my @left = $stage->left;
is_deeply(\@left, [], 'nothing is left in the drop box');
opendir(my $dir, $stage->spool . '/rejected') or die $!;
is_deeply([grep { /^\.[^.]/ } readdir $dir], [], 'no hidden file stays in rejected/');
done_testing;
