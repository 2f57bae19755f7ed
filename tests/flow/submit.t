#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `submit`: the way in that tells ids, checks before it hands in, works with
# the daemon down, and waits when asked. The peers are the real program and
# daemon, `spoolhook listen`, and a small file system.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(wait_until slurp spew top);
use Test::More;

my $stage = Stage->new(settings => { spool => { max_event_size => '64K' } });
my ($receiver, $port) = $stage->listen;
my $dead = Stage::free_port();
$stage->webhook(good => { endpoints => ["http://127.0.0.1:$port/"] });
$stage->webhook(lost => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['lost'], retry => { max_retries => 0 } });
$stage->webhook(late => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['late'], retry => { delays => ['1h'] } });
my $ID = qr/[0-9A-HJKMNP-TV-Z]{16}/;
my ($status, $out, $err);
my $serial = 0;

sub event
{
	return sprintf('{"id":"sub-%d","event_type":"%s"}', ++$serial, $_[0] // 'incident_triggered');
}

sub submit { ($status, $out, $err) = $stage->verb(ref $_[0] ? shift : (), 'submit', @_) }

sub file
{
	my ($name, $text) = @_;
	spew($stage->dir . "/$name", $text);
	return $stage->dir . "/$name";
}

# ---- before there is a spool -------------------------------------------------
my $own = $stage->spool;
$stage->settings({ spool => { dir => '../no/spool' } });
submit({ stdin => event() });
is($status, 73, 'where no spool can be made: 73');
like($err, qr/spoolhook run/, '... which says what makes it');
is($out, '', '... and no id');
$stage->settings({ spool => { max_event_size => '64K' } });
submit({ stdin => event() });
is($status, 0, 'before the first start the drop box is made');
ok(-d "$own/$_", "... and $_ of the spool") for qw(rejected failed mail log);
is(scalar($stage->left), 1, '... and the event lies in it');
is(($stage->verb('run', '--once'))[0], 0, '... until a first run takes it');
is(scalar($stage->left), 0, '... out of it');

# ---- the daemon is down --------------------------------------------------------
my $one = file('one.json', event() . "\n");
submit($one);
is($status, 0, 'a file, with the daemon down: 0');
like($out, qr/\A$ID\n\z/, '... prints the id');
my ($down) = $out =~ /($ID)/;
is(scalar(my @there = $stage->left), 1, '... and one file lies in the drop box');
is(slurp($stage->incoming($there[0])), slurp($one), '... with the same bytes');
submit('--wait=5s', $one);
is($status, 69, '--wait without a daemon: 69');
like($out, qr/\A$ID\n\z/, '... though it is submitted, with its id');
my $daemon = $stage->run;
ok(wait_until(sub { grep { $_->{event_id} eq $down } $stage->log('accepted') }),
	'the daemon gives it the id that was told');

# ---- forms ------------------------------------------------------------------------
submit('--wait', $one);
is($status, 0, '--wait until it is delivered: 0');
chomp(my $id = $out);
ok((grep { $_->{event_id} eq $id } $stage->log('delivered')), '... and it is, under its id');
submit({ stdin => event() }, '--wait', '-');
is($status, 0, 'standard input by name');
submit({ stdin => event() }, '--wait');
is($status, 0, 'standard input by default');
submit('--wait', file('list.json', '[' . join(',', map { event() } 1 .. 100) . ']'));
is($status, 0, 'an array of 100');
my @ids = split /\n/, $out;
is(scalar @ids, 100, '... an id for each');
is_deeply([map { $_->{event_id} } grep { $_->{file} =~ /$ids[0]/ } $stage->log('accepted')],
	\@ids, '... the same as in the log, in their order');
submit('--wait', file('lines.jsonl', join("\n", map { event() } 1 .. 3)));
is(scalar(() = $out =~ /$ID/g), 3, 'JSON lines, by the name');
submit({ stdin => join("\n", map { event() } 1 .. 3) }, '--wait');
is(scalar(() = $out =~ /$ID/g), 3, 'JSON lines, by the content');
submit('--wait', $one, file('two.json', event()), file('three.json', event()));
is($status, 0, 'several files');
is(scalar(() = $out =~ /$ID/g), 3, '... an id for each');
my %once;
$once{$_}++ for map { $_->{event_id} } $stage->log('accepted');
is(scalar(grep { $_ > 1 } values %once), 0, 'no id was given twice');
submit('--json', $one);
is_deeply([keys %{ decode_json($out) }], ['event_id'], '--json prints JSON lines');
my $bytes = '{"id":"b","event_type":"incident_triggered","a":1.10,"b":1e2,"c":123456789012345678901,"b":"\u00e9"}';
submit({ stdin => "  $bytes\n" }, '--wait');
ok((grep { $_ eq $bytes } $stage->bodies($receiver)), 'the bytes are sent as they are');
submit('--wait', file('bom.json', "\xef\xbb\xbf" . event()));
is($status, 0, 'a byte order mark');

# ---- built from options -------------------------------------------------------------
submit(qw(--wait --event incident_acknowledged --message), "It's \"up\"",
	qw(--service checkout --source nagios --severity critical --incident I-7
	--tag team=sre --tag zone=b --set owner.name=Kim --set description=x=y));
is($status, 0, 'an event built from options');
my $built = decode_json(($stage->bodies($receiver))[-1]);
is_deeply([@$built{qw(id event_type message status description)}],
	['I-7', 'incident_acknowledged', "It's \"up\"", 'acknowledged', 'x=y'], '... with its members');
is_deeply([map { $built->{tags}{$_}{value} } qw(severity team zone)], [qw(critical sre b)], '... its tags');
is_deeply([$built->{service}{slug}, $built->{alert_source}{short_name}, $built->{owner}{name}],
	[qw(checkout nagios Kim)], '... its service, its source, and what was set');
submit(qw(--message alone));
is($status, 0, 'a message alone is enough');

# ---- the answers of --wait ------------------------------------------------------------
submit({ stdin => event('lost') }, '--wait');
is($status, 1, 'a delivery that dies: 1');
submit({ stdin => event('nobody.takes') }, '--wait');
is($status, 1, 'an event that no webhook takes: 1');
like($err, qr/no webhook takes it/, '... which is said');
submit({ stdin => event('late') }, '--wait=300ms');
is($status, 75, 'not delivered in time: 75');
like($err, qr/spoolhook show $ID/, '... which says how to look');

# ---- what is refused --------------------------------------------------------------------
sub refuses
{
	my ($name, $wanted, $why, @args) = @_;
	my @before = $stage->log('accepted');

	submit(@args);
	is($status, $wanted, $name);
	like($err, $why, '... and says why');
	is($out, '', '... without an id');
}
refuses('a syntax error', 65, qr/:2:3: .*\[syntax\]/, { stdin => "{\n  x" . '}' });
refuses('an event cut off', 65, qr/\[truncated\]/, { stdin => '{"event_type":' });
refuses('nothing at all', 65, qr/\[truncated\]/, { stdin => '' });
refuses('no event', 65, qr/\[not_event\]/, { stdin => '{"a":1}' });
refuses('an empty array', 65, qr/no event in it/, { stdin => '[]' });
refuses('a bad element, the whole array', 65, qr/\[not_event\]/, { stdin => '[' . event() . ',5]' });
refuses('a bad line, all lines', 65, qr/:2:1: /, { stdin => event() . "\nx\n" . event() });
refuses('an event over max_event_size', 65, qr/\[too_large\]/, { stdin => '{"event_type":"' . 'x' x 70000 . '"}' });
refuses('invalid UTF-8', 65, qr/\[utf8\]/, { stdin => qq({"event_type":"\xff"}) });
refuses('a file that is not there', 66, qr/No such file/, $stage->dir . '/missing.json');
refuses('a directory', 66, qr/directory/i, $stage->dir);
refuses('files and options', 64, qr/give files, or options/, '--message', 'x', $one);
refuses('a tag without a value', 64, qr/NAME=VALUE/, '--tag', 'x');
refuses('a path through a text', 64, qr/PATH=VALUE/, '--set', 'status.x=1');
refuses('an option that is none', 64, qr/--message/, '--mesage', 'x');
refuses('an option in bytes that are no text', 64, qr/UTF-8/, '--message', "\xff");
refuses('an empty type', 65, qr/\[not_event\]/, '--event', '');
refuses('a time that is none', 64, qr/wait/, '--wait=soon', $one);

submit($one, $stage->dir . '/missing.json', file('bad.json', 'x'), file('good.json', event()), '--wait');
is($status, 66, 'a missing and a bad file among good ones: the first trouble tells');
is(scalar(() = $out =~ /$ID/g), 2, '... the good ones are submitted');
like($err, qr/missing\.json.*bad\.json:1:1/s, '... each bad one is told of');
is_deeply([grep { $_ =~ /submit/ && /\.tmp/ } $stage->left], [], 'no half written file stays');

# ---- where it goes ------------------------------------------------------------------------
my $large = file('large.jsonl', join '', map { event('nobody.takes') . "\n" } 1 .. 20000);
submit($large);
is($status, 0, '20000 lines');
is(scalar(() = $out =~ /$ID/g), 20000, '... an id for each');
my ($last) = $out =~ /($ID)\n\z/;
ok(wait_until(sub { (slurp($stage->spool . '/log/delivery.jsonl') // '') =~ /$last/ }), '... up to the last, as in the log');
is($stage->stop($daemon), 0, 'TERM ends the daemon with status 0');

my $inputs = Stage->new(settings => { spool => { inputs => [
	{ dir => '../events', pattern => '*.evt' }, { dir => '../spool/incoming' } ] } });
is(($inputs->verb('run', '--once'))[0], 0, '(a first run makes the boxes)');
is(($inputs->verb({ stdin => event() }, 'submit'))[0], 0, "with other inputs first it still goes into the spool's own box");
is(scalar(my @in = $inputs->left), 1, '... where the daemon takes such a name');
$inputs->settings({ spool => { inputs => [ { dir => '../spool/incoming', pattern => '*.evt' } ] } });
is(($inputs->verb({ stdin => event() }, 'submit'))[0], 78, 'a configuration of which no box takes such a name: 78');

SKIP: {
	my $other = Stage->new;
	skip 'root is needed to be somebody else', 6 if !$other->as_nobody;
	mkdir $other->spool . '/incoming' or die $!;
	chmod 0700, $other->spool . '/incoming';
	($status, $out, $err) = $other->verb({ stdin => event() }, 'submit');
	is($status, 77, 'a drop box that we may not write: 77');
	like($err, qr/hookdrop/, '... which names the group to be in');
	spew($other->spool . '/spool.db', '');
	chmod 0600, $other->spool . '/spool.db';
	chown 0, 0, $other->spool, map { $other->spool . "/$_" } qw(incoming spool.db);
	chmod 0711, $other->spool;
	chmod 03733, $other->spool . '/incoming';
	($status, $out, $err) = $other->verb({ stdin => event() }, 'submit', '--wait');
	is($status, 77, 'who may only drop cannot wait for the end: 77');
	like($err, qr/submitted, but .* hookadm$/m, '... and is told who can');
	unlike($err, qr/no daemon/, '... and nothing else');
	is(scalar(my @there = $other->left), 1, '... but the event is in the box');
}

SKIP: {
	my $full = Stage->new;
	mkdir $full->spool;
	skip 'mounting a small tmpfs is not permitted here', 3
	    if system("mount -t tmpfs -o size=1M tmpfs '" . $full->spool . "' 2>/dev/null");
	mkdir $full->spool . '/incoming';
	open(my $fill, '>', $full->spool . '/ballast') or die $!;
	1 while syswrite $fill, "\0" x 4096;
	($status, $out, $err) = $full->verb({ stdin => event() . ' ' x 5000 }, 'submit');
	is($status, 75, 'a full disk: 75');
	is($out, '', '... no id is told');
	is_deeply([$full->left], [], '... and nothing of it stays');
	close $fill;
	system('umount', $full->spool);
}
done_testing;
