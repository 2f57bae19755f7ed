#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The ways in: whatever a producer does to put an event into the drop box, it
# is delivered once, byte for byte, and the file is gone. The peers are the
# real daemon, real inotify, real files and `spoolhook listen`.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Handle;
use POSIX ();
use Stage qw(wait_until slurp spew top);
use Test::More;
use Time::HiRes qw(sleep);

my $stage = Stage->new(settings => { spool => { settle => '1h' } });
my ($receiver, $port) = $stage->listen;
$stage->webhook(all => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['*'], order => 'none' });

my $serial = 0;
# An event's bytes; what is given goes in as it is.
sub event
{
	my ($more) = @_;
	return sprintf('{"id":"way-%d","event_type":"incident_triggered"%s}',
	    ++$serial, $more // '');
}

# True when exactly these bodies arrive, in any order, and nothing else did.
sub arrives
{
	my ($name, @wanted) = @_;

	is_deeply([sort $stage->news($receiver, scalar @wanted)],
	    [sort @wanted], $name);
}

sub gone
{
	my ($name) = @_;
	ok(wait_until(sub { !$stage->left }), $name)
	    or diag join ' ', $stage->left;
}

# ---- before the start -------------------------------------------------------
my @early = map { event() } 1 .. 3;
spew($stage->incoming('early.json'), $early[0]);
spew($stage->incoming('early-list.json'), "[$early[1],\n $early[2]]\n");
my $daemon = $stage->run;
arrives('files that lay there before the start are delivered', @early);
gone('... and are gone from the drop box');

# ---- ways to put a file there -----------------------------------------------
my $one = event();
spew($stage->dir . '/elsewhere', $one);
rename $stage->dir . '/elsewhere', $stage->incoming('renamed.json') or die $!;
arrives('written elsewhere and renamed in', $one);

$one = event();
spew($stage->incoming('.hidden'), $one);
rename $stage->incoming('.hidden'), $stage->incoming('unhidden.json') or die $!;
arrives('a hidden name renamed in place', $one);

$one = event();
spew($stage->incoming('linked.json.tmp'), $one);
link $stage->incoming('linked.json.tmp'), $stage->incoming('linked.json') or die $!;
unlink $stage->incoming('linked.json.tmp') or die $!;
arrives('link() to the name, unlink() of the temporary one', $one);

$one = event();
$stage->put('plain.json', $one);
arrives('written in place', $one);

$one = event();
spew($stage->dir . '/copied.json', $one);
system('cp', $stage->dir . '/copied.json', $stage->incoming('.')) and die;
arrives('cp', $one);
$one = event();
spew($stage->dir . '/kept.json', $one);
utime 1e9, 1e9, $stage->dir . '/kept.json';
system('cp', '-p', $stage->dir . '/kept.json', $stage->incoming('.')) and die;
arrives('cp -p, with an old time', $one);

$one = event();
system('sh', '-c', 'f=$(mktemp "$1/XXXXXX") && printf %s "$2" >"$f" && mv "$f" "$3"',
	'sh', $stage->dir, $one, $stage->incoming('mktemp.json')) and die;
arrives('mktemp and mv', $one);
gone('all of them are gone from the drop box');

# ---- slowly -----------------------------------------------------------------
# Each step is written when the daemon has looked at the one before: it then
# holds the file no more open, but has read it (its access is not to be seen,
# so other files that come later and are delivered are the proof).
sub behind
{
	my $other = event();
	$stage->drop("other-$serial.json", $other);
	wait_until { grep { $_ eq $other } $stage->bodies($receiver) };
	return $other;
}

$one = event(',"text":"' . 'x' x 300 . '"');
open(my $slow, '>:raw', $stage->incoming('slow.json')) or die $!;
$slow->autoflush(1);
my @others;
for my $at (0, 40, 41, 200, length($one) - 1) {
	my $next = $at == 0 ? 40 : $at == 40 ? 41 : $at == 41 ? 200
	    : $at == 200 ? length($one) - 1 : length $one;
	print $slow substr($one, $at, $next - $at);
	push @others, behind() if $next < length $one;
}
arrives('an object written slowly is sent when it is whole, others are not held up',
	@others, $one);
ok(-e $stage->incoming('slow.json'), 'as long as it is open for writing it stays');
print $slow "\n";
@others = (behind());
close $slow;
gone('once closed it is removed');
push @others, behind();
arrives('the newline behind it did not send it again', @others);

my @list = map { event() } 1 .. 3;
open($slow, '>:raw', $stage->incoming('slow-list.json')) or die $!;
$slow->autoflush(1);
print $slow "[$list[0],\n$list[1]";
@others = (behind());
print $slow ",$list[2]";
push @others, behind();
print $slow "]";
close $slow;
arrives('an array written slowly is sent whole, and not before', @others, @list);
gone('... and removed');

# ---- thousands at once ------------------------------------------------------
my @many = map { event() } 1 .. 3000;
mkdir $stage->dir . '/many';
spew($stage->dir . "/many/$_.json", $many[$_]) for 0 .. $#many;
rename $stage->dir . "/many/$_.json", $stage->incoming("many-$_.json") or die $! for 0 .. $#many;
arrives('3000 files at once: each arrives, once', @many);
gone('... and all are removed');

# ---- names ------------------------------------------------------------------
my @not = ('.dotted.json', 'x.json.tmp', 'x.json.part', 'x.json.swp', 'x.json~',
	'x.txt', 'x.json.bak', 'json', 'X.JSON');
$stage->put($_, event()) for @not;
$one = behind();
arrives('names that are not taken', $one);
is_deeply([$stage->left], [sort @not], '... stay, all of them');
unlink $stage->incoming($_) for @not;
my @odd = ("line\nbreak.json", "esc\e[31m.json", "\xff\xfe.json", '-rf.json', q('";$(x)`.json),
	' .json', "\xe2\x80\xae.json", 'n' x 250 . '.json');
my @odd_events = map { event() } @odd;
$stage->drop($odd[$_], $odd_events[$_]) for 0 .. $#odd - 1;
# A name of the full length leaves no room for the stage's hidden one.
$stage->put($odd[-1], $odd_events[-1]);
arrives('hostile names are only names', @odd_events);
gone('... and removed as any other');
like(slurp($stage->spool . '/log/delivery.jsonl'), qr{incoming/\xef\xbf\xbd\xef\xbf\xbd\.json"},
	'the log shows what is no UTF-8 as such');
unlike($stage->errors($daemon), qr/\e/, 'no escape sequence reaches the terminal');

# ---- bytes ------------------------------------------------------------------
my @bytes = (
	event(',"a":1.10,"b":1e2,"c":-0.0,"d":1E+2,"e":0.1000'),
	event(',"big":123456789012345678901234567890,"bigger":-9223372036854775809'),
	event(',"twice":1,"twice":2'),
	event(',"esc":"\u00e9\/\u0041\ud83d\ude00\t\u0000"'),
	event(qq(,"utf8":"\xc3\xa9\xf0\x9f\x98\x80"  ,  "space" : [ 1,\t2 ,\r\n\n 3 ])),
	event(',"deep":' . '[' x 50 . ']' x 50),
	event(',"":{"":[]}'),
);
for my $i (0 .. $#bytes) {
	$stage->drop("bytes-$i.json", $bytes[$i] . ("\n", '', "  \r\n\n")[$i % 3]);
}
arrives('what is sent are the own bytes, from { to }', @bytes);
$one = event();
$stage->drop('bom.json', "\xef\xbb\xbf$one\n");
arrives('a byte order mark is no part of it', $one);
my @pair = (event(',"n":1.10'), event(',"n":1e2'));
$stage->drop('pair.json', " [ $pair[0] ,\n$pair[1] ] \n");
arrives('elements of an array keep their own bytes', @pair);
my $v2 = slurp(top() . '/tests/data/v2-triggered.json');
$v2 =~ s/\s+\z//;
$stage->drop('v2.json', "$v2\n");
arrives('an event of the second generation is taken', $v2);
like(slurp($stage->spool . '/log/delivery.jsonl'),
	qr/"kind":"accepted"[^\n]*"event_type":"incident\.triggered"/, '... with its type');

# An array larger than one batch is checked to its end before any of it is sent.
my @large = map { event() } 1 .. 300;
$stage->drop('large.json', '[' . join(',', @large) . ']');
arrives('an array of 300 events', @large);
my $size = 900_000;
$one = event(',"text":"' . 'y' x $size . '"');
$stage->drop('big.json', $one);
arrives('an event of 900 kB, through a window that grows', $one);

# ---- the same name again and again ------------------------------------------
my @again;
for (1 .. 200) {
	my $event = event();
	push @again, $event;
	$stage->drop('same.json', $event);
	# Renaming over a file that was not yet taken throws that one away:
	# this is the producer's doing. So it waits for the name to be free.
	for (1 .. 30_000) {
		last if !-e $stage->incoming('same.json');
		sleep 0.001;
	}
}
arrives('the same name 200 times: every content once', @again);

# Over each other, as fast as it goes: what was thrown away by the producer may
# be missing, but nothing comes twice and the last one always comes.
@again = map { event() } 1 .. 2000;
$stage->drop('over.json', $_) for @again;
wait_until { grep { $_ eq $again[-1] } $stage->bodies($receiver) };
gone('a name that is renamed over at full speed is free in the end');
my %times;
$times{$_}++ for $stage->news($receiver, 1);
is($times{ $again[-1] }, 1, '... the last content arrives');
is(scalar(grep { $_ > 1 } values %times), 0, '... none arrives twice');

my $log = slurp($stage->spool . '/log/delivery.jsonl');
unlike($log, qr/"level":"(?!info)/, 'nothing of all this was an error');
my %ids;
$ids{$_}++ for $log =~ /"kind":"accepted"[^\n]*?"event_id":"(\w+)"/g;
is(scalar(grep { $_ > 1 } values %ids), 0, 'no event id was given twice');
is($stage->stop($daemon), 0, 'TERM ends the daemon with status 0');

done_testing;
