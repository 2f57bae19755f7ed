#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# What is past its time goes, by `prune`, by the daemon and by a run from cron;
# what is open never does; the disk gets its space back.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Stage qw(wait_until slurp spew);
use Test::More;

my $stage = Stage->new;
my ($receiver, $port) = $stage->listen;
my $dead = Stage::free_port();
my %long = map { $_ => '1h' } qw(delivered dead unmatched rejected);

sub keep { $stage->settings({ retention => { %long, @_ } }) }
sub drops
{
	my ($type, $count, $more) = @_;
	my $text = join '', map { qq({"id":"$type-$_","event_type":"$type"} ) =~
	    s/\} $/$more}\n/r } 1 .. $count;
	my ($status) = $stage->verb({ stdin => $text }, 'submit', '-');
	die "submit: $status" if $status;
}
sub events
{
	my (undef, $out) = $stage->verb('status', '--json');
	return JSON::PP->new->utf8->decode($out)->{events};
}
sub prune
{
	my ($status, $out, $err) = $stage->verb('prune', '--json', @_);
	is($status, 0, "prune @_ runs") or diag $err;
	return JSON::PP->new->utf8->decode($out);
}

$stage->webhook(good => { endpoints => ["http://127.0.0.1:$port/"],
	triggers => ['good'] });
$stage->webhook(bad => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['bad'], retry => { max_retries => 0 } });
$stage->webhook(slow => { endpoints => ["http://127.0.0.1:$dead/"],
	triggers => ['slow'], retry => { delays => ['1h'] } });
keep();
$stage->verb('run', '--once', '-q');
drops(good => 3, '');
drops(bad => 2, '');
drops(slow => 1, '');
drops(other => 4, '');
spew($stage->spool . '/incoming/broken.json', '{"id":1,,}');
$stage->verb('run', '--once', '-q');
is(events(), 10, 'ten events are kept');
my $rejected = $stage->spool . '/rejected';
ok(-e "$rejected/broken.json.why.json", 'and a rejected file');

# ---- prune ------------------------------------------------------------------
my $gone = prune();
is_deeply([@$gone{qw(events events_for_size rejected failed mails)}], [(0) x 5],
	'what is young stays');
is(scalar($stage->log('pruned')), 0, '... and nothing is logged');
keep(delivered => '0');
$gone = prune('--dry-run');
is($gone->{events}, 3, 'a dry run counts the delivered ones');
is(events(), 10, '... and removes nothing');
$gone = prune();
is($gone->{events}, 3, 'delivered ones go by their time');
is(events(), 7, '... and no others');
my ($line) = $stage->log('pruned');
is($line->{events}, 3, 'it is logged');
is($line->{by}, scalar getpwuid($<), '... with who did it');
keep(unmatched => '0');
is(prune()->{events}, 4, 'unmatched ones by theirs');
keep(dead => '0');
ok(glob($stage->spool . '/failed/bad/*.json'), 'dead ones have their files');
$gone = prune();
is($gone->{events}, 2, 'dead ones by theirs');
is($gone->{failed}, 2, '... with their files');
is(scalar(() = glob($stage->spool . '/failed/bad/*')), 0, '... which are gone');
keep(map { $_ => '0' } qw(delivered dead unmatched));
is(prune()->{events}, 0, 'what waits is never removed');
is(events(), 1, '... it is there');

# ---- rejected files ---------------------------------------------------------
keep();
is(prune()->{rejected}, 0, 'a young rejected file stays');
my $old = time - 7200;
utime $old, $old, "$rejected/broken.json";
is(prune()->{rejected}, 0, '... by the time of its rejection, not its own');
utime $old, $old, "$rejected/broken.json.why.json";
is(prune('--dry-run')->{rejected}, 1, 'an old one is counted');
ok(-e "$rejected/broken.json", '... and stays in a dry run');
is(prune()->{rejected}, 1, 'then it goes');
is(scalar(() = glob("$rejected/*")), 0, '... with its reason');
mkdir "$rejected/full.json";
spew("$rejected/full.json/x", 'x');
spew("$rejected/full.json.why.json", '{}');
utime $old, $old, "$rejected/full.json.why.json";
is(prune()->{rejected}, 0, 'a directory with things in it stays');
ok(-e "$rejected/full.json.why.json", '... with its reason');
spew("$rejected/\e[31m.json.why.json", '{}');
utime $old, $old, "$rejected/\e[31m.json.why.json";
symlink '/etc/passwd', "$rejected/link.json";
spew("$rejected/link.json.why.json", '{}');
utime $old, $old, "$rejected/link.json.why.json";
is(prune()->{rejected}, 2, 'a link goes, not what it leads to');
ok(-e '/etc/passwd', '... which is still there');

# ---- mails that became files ------------------------------------------------
spew($stage->spool . "/mail/$_", 'Subject: x') for qw(old.eml young.eml other.txt);
utime $old, $old, map { $stage->spool . "/mail/$_" } qw(old.eml other.txt);
is(prune()->{mails}, 1, 'a mail that lies in a file goes with the dead');
is_deeply([map { m{([^/]+)$} } sort glob $stage->spool . '/mail/*'],
	[qw(other.txt young.eml)], '... and no other file');

# ---- files by size ----------------------------------------------------------
sub weigh { my $sum = 0; $sum += (stat)[12] * 512 for map { glob $stage->spool . "/$_" } qw(rejected/* failed/*/* mail/*.eml); $sum }
unlink glob("$rejected/*.why.json"), $stage->spool . '/mail/young.eml';
my $hour = time - 3000;
for (1 .. 40) {
	spew("$rejected/big$_.json", 'x' x 65536);
	spew("$rejected/big$_.json.why.json", '{}');
	utime $hour + $_ * 60, $hour + $_ * 60, "$rejected/big$_.json.why.json";
}
spew($stage->spool . "/failed/bad/young.json", 'x' x 65536);
keep(max_size => '1M');
my $would = prune('--dry-run')->{rejected};
ok(-e "$rejected/big1.json", 'a dry run removes nothing for the size');
$gone = prune();
cmp_ok($gone->{rejected}, '>', 20, 'too many bytes of rejected files are too many');
is($gone->{rejected}, $would, '... as many as the dry run has said');
cmp_ok(weigh(), '<=', 1 << 20, '... so what is left is within the limit');
cmp_ok(weigh(), '>', 800 << 10, '... and not far below it');
ok(!-e "$rejected/big1.json" && !-e "$rejected/big1.json.why.json", 'the oldest are gone');
ok(-e "$rejected/big40.json" && -e "$rejected/big40.json.why.json", 'the youngest stay, with their reasons');
ok(-e $stage->spool . '/failed/bad/young.json', '... of every kind');
is(prune()->{rejected}, 0, 'then no more go');
unlink glob "$rejected/big*";
unlink $stage->spool . '/failed/bad/young.json';

# ---- scraps -----------------------------------------------------------------
spew("$rejected/.scraps-1-2", 'half');
spew("$rejected/.mine", 'kept');
$stage->verb('run', '--once', '-q');
ok(!-e "$rejected/.scraps-1-2", 'what a killed process left is removed at start');
ok(-e "$rejected/.mine", '... and nothing else that is hidden');

# ---- by size ----------------------------------------------------------------
keep(max_size => '2M');
drops(other => 2000, ',"pad":"' . 'x' x 2000 . '"');
$stage->verb('run', '--once', '-q');
my $before = -s $stage->spool . '/spool.db';
$gone = prune('--dry-run');
cmp_ok($gone->{events_for_size}, '>', 500, 'too much is counted');
$gone = prune();
cmp_ok($gone->{events_for_size}, '>', 500, 'the oldest final ones go');
cmp_ok(events(), '>', 200, '... not all');
is(scalar(grep { $_->{state} eq 'deferred' } $stage->queue), 1,
	'... and not what waits');
keep(map({ $_ => '0' } qw(delivered dead unmatched)), max_size => '0');
prune();
is(events(), 1, 'all of the history goes');
my $after = -s $stage->spool . '/spool.db';
cmp_ok($after, '<=', $before, 'the database has not grown');
cmp_ok(-s $stage->spool . '/spool.db-wal' // 0, '<', 20 << 20,
	'the log of the database is bounded')
    if -e $stage->spool . '/spool.db-wal';

# ---- from cron, and by the daemon -------------------------------------------
keep(unmatched => '0');
drops(other => 5, '');
$stage->verb('run', '--once', '-q');
is(events(), 6, 'a walk by age once an hour is enough for cron');
system 'sqlite3', $stage->spool . '/spool.db',
    q(UPDATE note SET ms = ms - 3700000 WHERE name = 'daemon/pruned');
$stage->verb('run', '--once', '-q');
is(events(), 1, '... and is made when it is due');
is(($stage->log('pruned'))[-1]{by}, 'spoolhook', '... and logged');
system 'sqlite3', $stage->spool . '/spool.db',
    q(DELETE FROM note WHERE name = 'daemon/pruned');
drops(other => 600, '');
my $daemon = $stage->run;
ok(wait_until(sub { events() == 1 }), 'the daemon does it soon after its start');
ok(wait_until(sub { $stage->log('pruned') && ($stage->log('pruned'))[-1]{events} >= 600 }),
	'... in several steps, told of once');
is($stage->stop($daemon), 0, 'the daemon ends well');

# ---- readers that take long -------------------------------------------------
# The write-ahead log can only begin anew when nobody reads what is in it.
keep();
my $db = $stage->spool . '/spool.db';
sub flood
{
	my $before = events();
	drops(other => 1500, ',"pad":"' . 'x' x 8000 . '"');
	wait_until(sub { events() == $before + 1500 }) or die 'not accepted';
}
sub wal { return -s "$db-wal" // 0 }
$daemon = $stage->run;
drops(good => 1500, '');
ok(wait_until(sub { $stage->bodies($receiver) >= 1503 }, 60), 'there is much to list');
pipe(my $unread, my $end) or die $!;
my $lister = fork // die $!;
if (!$lister) {
	open(STDOUT, '>&', $end);
	exec $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook', '-c',
	    $stage->etc, 'queue', '--state', 'all', '--json';
}
close $end;
flood() for 1 .. 2;
is(waitpid($lister, WNOHANG), 0, 'a list goes to a pager that stands still');
cmp_ok(wal(), '<', 20 << 20, '... which does not hold the log');
kill 'TERM', $lister;
waitpid $lister, 0;

open(my $reader, '|-', "exec sqlite3 -batch '$db' >/dev/null") or die $!;
$reader->autoflush(1);
print $reader "BEGIN; SELECT count(*) FROM event;\n.shell echo held >$db.held\n";
ok(wait_until(sub { -e "$db.held" }), 'a stranger reads in one long transaction');
unlink "$db.held";
flood() for 1 .. 2;
my $grown = wal();
cmp_ok($grown, '>', 20 << 20, '... so the log grows') or diag $grown;
close $reader;
flood() for 1 .. 2;
cmp_ok(wal(), '<', 20 << 20, '... and is cut when the stranger is gone');
is($stage->stop($daemon), 0, 'the daemon ends well');

my ($status, $out, $err) = $stage->verb('prune', 'x');
is($status, 64, 'prune takes no operand');
($status, $out) = $stage->verb('prune');
like($out, qr/\Aremoved 0 events by age, 0 by size, 0 rejected and 0 failed files, 0 mails\n\z/,
	'for people it is a sentence');
done_testing;
