#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# What is not accepted is kept with its reason, and what may still become an
# event is left where it is. The peers are the real daemon, real inotify, real
# files, links, pipes and sockets.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Socket::UNIX;
use POSIX ();
use Stage qw(wait_until slurp spew);
use Test::More;

my $stage = Stage->new(settings => {
	spool => { settle => '2s', max_event_size => '4K' } });
my ($receiver, $port) = $stage->listen;
$stage->webhook(all => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['*'], order => 'none' });
my $daemon = $stage->run;

my $serial = 0;
sub event
{
	my ($more) = @_;
	return sprintf('{"id":"bad-%d","event_type":"incident_triggered"%s}',
	    ++$serial, $more // '');
}

my @wanted;
# An event that comes by another file: when it arrives, the daemon has looked
# at everything that lay there before.
sub behind
{
	my $other = event();
	push @wanted, $other;
	$stage->drop("other-$serial.json", $other);
	wait_until { grep { $_ eq $other } $stage->bodies($receiver) };
}

# Drops content that is refused, and checks the reason.
sub refused
{
	my ($name, $text, $code, $line, $column) = @_;
	my $file = 'refused-' . ++$serial . '.json';

	$stage->drop($file, $text);
	wait_until { $stage->why($file) && !-e $stage->incoming($file) };
	my $why = $stage->why($file) || {};
	is_deeply([@$why{qw(code line column)}], [$code, $line, $column], $name)
	    or diag explain $why;
	ok(length($why->{message} // '') > 5 && $why->{source} =~ m{/incoming/\Q$file\E$}
		&& $why->{ts} =~ /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
		'... with a message, the path and the time');
	is(slurp($stage->spool . "/rejected/$file"), $text, '... and the bytes');
}

# ---- content that can never become an event ---------------------------------
refused('a syntax error, with line and column', "{\n  \"event_type\": oops\n}\n", 'syntax', 2, 17);
refused('a comma too many', qq({"event_type":"x",}), 'syntax', 1, 19);
refused('a comment, which only configuration may have', "{ // no\n}", 'syntax', 1, 3);
refused('text', "hello\n", 'syntax', 1, 1);
refused('a scalar', "42\n", 'not_event', 1, 1);
refused('a string', qq("incident_triggered"\n), 'not_event', 1, 1);
refused('an object without a type', qq({"a":1}\n), 'not_event', 1, 1);
refused('a type that is no text', qq({"event_type":5}\n), 'not_event', 1, 1);
refused('an empty array', "[]\n", 'not_event', undef, undef);
refused('an array with a bad element, whole', '[' . event() . ",\n {\"a\":1}]", 'not_event', 2, 2);
refused('an array with a syntax error near its end, whole', '[' . event() . ',' . event() . ",\n]", 'syntax', 2, 1);
refused('a large array with a bad last element, whole', '[' . join(",\n", map { event() } 1 .. 200) . ",\n5]", 'not_event', 201, 1);
refused('something behind the object', event() . ' x', 'syntax', 1, length(event()) + 2);
refused('invalid UTF-8', qq({"event_type":"x\xff"}), 'utf8', 1, 17);
refused('half of a surrogate pair', '{"event_type":"x","a":"\ud800"}', 'utf8', 1, 24);
refused('a NUL byte', qq({"event_type":"x","a":"\0"}), 'syntax', 1, 24);
refused('an event over max_event_size', event(',"text":"' . 'x' x 5000 . '"'), 'too_large', 1, 1);
refused('an array with one such event', '[' . event() . ',' . event(',"text":"' . 'x' x 5000 . '"') . ']',
	'too_large', 1, 3 + length event());
refused('deeper than a hundred levels', '{"event_type":"x","a":' . '[' x 600 . ']' x 600 . '}', 'too_deep', 1, 122);
refused('columns count characters, not bytes', qq({"event_type":"\xc3\xa9\xc3\xa9", x}), 'syntax', 1, 21);
behind();

# ---- content that ends too early ---------------------------------------------
my $whole = event(',"text":"' . "a\\u00e9\xc3\xa9" x 3 . '","n":[1.5e3,true,null,{"k":-0}]');
my @cuts = map { int $_ * (length($whole) - 1) / 29 } 0 .. 29;
$stage->put("cut-$_.json", substr $whole, 0, $_) for @cuts;
behind();
is(scalar(grep { -e $stage->incoming("cut-$_.json") } @cuts), 30,
	'cut off at any of 30 places a file stays where it is');
# One of them is completed in time.
open(my $late, '>>:raw', $stage->incoming("cut-$cuts[20].json")) or die $!;
print $late substr $whole, $cuts[20];
close $late;
push @wanted, $whole;
my @torn = grep { $_ != $cuts[20] } @cuts;
wait_until { !grep { !$stage->why("cut-$_.json") } @torn };
is(scalar(grep { ($stage->why("cut-$_.json") // {})->{code} eq 'truncated' } @torn), 29,
	'unchanged for spool.settle it is refused as truncated');
is(scalar(grep { slurp($stage->spool . "/rejected/cut-$_.json") eq substr($whole, 0, $_) } @torn), 29,
	'... with what there was of it');
wait_until { grep { $_ eq $whole } $stage->bodies($receiver) };
ok(!-e $stage->spool . "/rejected/cut-$cuts[20].json", 'the one that was completed in time is accepted');
$stage->put("list.json", '[' . event() . ',');
ok(wait_until(sub { $stage->why('list.json') }), 'an array that ends too early is refused, too');
is($stage->why('list.json')->{code}, 'truncated', '... as truncated, none of it accepted');

# ---- things that are no regular files ----------------------------------------
my @odd = qw(dir link loop pipe socket);
mkdir $stage->incoming('dir.json') or die $!;
spew($stage->incoming('dir.json/inside'), 'kept');
spew($stage->dir . '/secret', event());
symlink $stage->dir . '/secret', $stage->incoming('link.json') or die $!;
symlink 'loop.json', $stage->incoming('loop.json') or die $!;
POSIX::mkfifo($stage->incoming('pipe.json'), 0644) or die $!;
my $socket = IO::Socket::UNIX->new(Local => $stage->incoming('socket.json'), Listen => 1) or die $!;
wait_until { !grep { !$stage->why("$_.json") } @odd };
is(join(' ', map { ($stage->why("$_.json") // {})->{code} // 'none' } @odd),
	join(' ', ('not_regular') x 5), 'a directory, links, a pipe and a socket are refused');
like($stage->why('link.json')->{message}, qr/symbolic link/, '... the reason tells what it is');
is(slurp($stage->spool . '/rejected/dir.json/inside'), 'kept', '... a directory with what is in it');
ok(-l $stage->spool . '/rejected/link.json', '... a link as it is, not what it points to');
ok(-e $stage->dir . '/secret', '... which is left alone');

my $text = event();
spew($stage->dir . '/both', $text);
link $stage->dir . '/both', $stage->incoming('both.json') or die $!;
ok(wait_until(sub { $stage->why('both.json') }), 'a file that keeps several names is refused');
is($stage->why('both.json')->{code}, 'several_links', '... and told so');

# ---- names --------------------------------------------------------------------
my @names = ("line\nbreak.json", "esc\e[31m.json", "\xff\xfe.json", '-rf.json', q('";$(x)`.json),
	'x' x 250 . '.json');
$stage->put($_, 'no') for @names;
ok(wait_until(sub { !grep { -e $stage->incoming($_) } @names }), 'hostile names are moved away, too')
    or diag join ' ', $stage->left;
for my $name (@names[0 .. 4]) {
	my $shown = $name =~ s/[^ -~]/?/gr;
	ok($stage->why($name) && slurp($stage->spool . "/rejected/$name") eq 'no',
		"... '$shown' with its reason");
}
opendir(my $dir, $stage->spool . '/rejected') or die $!;
my @kept = readdir $dir;
is(scalar(grep { /^x{200,}/ } @kept), 2, '... one of 255 bytes under a shorter name, with its reason');
is(scalar(grep { !/^\.\.?$/ && !/\.why\.json$/ && !-e $stage->spool . "/rejected/$_.why.json"
	&& !-l $stage->spool . "/rejected/$_" } @kept), 0, 'nothing lies in rejected/ without a reason');
my $said = $stage->errors($daemon);
ok($said !~ /\e/, 'no escape sequence reaches the terminal');
ok($said !~ /^break/m, '... and no name makes a line of its own');

$stage->drop('again.json', "no $_") and wait_until { !-e $stage->incoming('again.json') } for 1 .. 3;
is(slurp($stage->spool . '/rejected/again.json.2'), 'no 3', 'a name that is refused again is numbered');

# ---- all in all ----------------------------------------------------------------
behind();
is_deeply([sort $stage->bodies($receiver)], [sort @wanted], 'nothing that was refused was sent');
my @logged = grep { $_->{code} } $stage->log('rejected');
is(scalar @logged, scalar(grep { /\.why\.json$/ } do { rewinddir $dir; readdir $dir }),
	'each refusal is one line in the log');
is_deeply([$stage->left], [], 'nothing is left in the drop box');
is($stage->stop($daemon), 0, 'TERM ends the daemon with status 0');

# ---- what may not be read -------------------------------------------------------
my $other = Stage->new;
my ($there, $at) = $other->listen;
$other->webhook(all => { endpoints => ["http://127.0.0.1:$at/"] });
SKIP: {
	skip 'root is needed to be refused as somebody else', 8 if !$other->as_nobody;
	my $nobody = $other->run;
	my $closed = event();
	system('sh', '-c', 'umask 077; f=$(mktemp "$1/XXXXXX") && printf %s "$2" >"$f" && mv "$f" "$3"',
		'sh', $other->dir, $closed, $other->incoming('closed.json')) and die;
	ok(wait_until(sub { $other->errors($nobody) =~ /closed\.json: cannot read it: Permission denied/ }),
		'a file that may not be read is told of');
	like($other->errors($nobody), qr/make it readable \(chmod g\+r\)/, '... with what to do');
	ok(-e $other->incoming('closed.json'), '... and stays');
	my $open = event();
	for (1 .. 3) {
		$open = event();
		$other->drop("open-$_.json", $open);
		wait_until { grep { $_ eq $open } $other->bodies($there) };
	}
	is(scalar(() = $other->errors($nobody) =~ /closed\.json/g), 1, '... it is told of once');
	my (undef, $status) = $other->verb('status');
	like($status, qr/closed\.json/, '... and status shows it');
	chmod 0644, $other->incoming('closed.json');
	ok(wait_until(sub { grep { $_ eq $closed } $other->bodies($there) }), 'once it may be read it is taken');
	wait_until { (undef, $status) = $other->verb('status'); $status !~ /closed\.json/ };
	unlike($status, qr/closed\.json/, '... and status forgets it');
	is($other->stop($nobody), 0, 'TERM ends that daemon, too');
}
done_testing;
