#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The queue in an operator's hands: list, summary, hold, release, retry,
# delete; by ids, by standard input, by selectors; with the daemon down and up,
# in a pipe and in a terminal.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(wait_until slurp spew);
use Terminal qw(on_terminal);
use Test::More;

my $dead = Stage::free_port();
my $stage = Stage->new;
$stage->webhook(pager => {
	endpoints => ["http://127.0.0.1:$dead/p"],
	triggers => ['*'], retry => { delays => ['1h'] },
	breaker => { failures => 0 }, # a rest would be in the way
});
$stage->webhook(audit => {
	endpoints => ["http://127.0.0.1:$dead/a"],
	triggers => ['incident_resolved'], retry => { max_retries => 0 },
});

sub lines { return split /\n/, $_[0] }
sub json { return map { JSON::PP->new->utf8->decode($_) } lines($_[0]) }
sub events
{
	my ($type, @incidents) = @_;
	my $text = join '', map {
		qq({"id":"$_","event_type":"incident_$type"}\n) } @incidents;
	my ($status, $out) = $stage->verb({ stdin => $text }, 'submit', '-');

	die "submit: $status" if $status;
	$stage->verb('run', '--once', '-q');
	return lines($out);
}
sub state_of
{
	my ($delivery) = @_;
	my ($row) = grep { $_->{delivery} eq $delivery } $stage->queue;
	return $row ? $row->{state} : 'none';
}

# ---- nothing there ----------------------------------------------------------
my ($status, $out, $err);
for my $args (['queue'], ['queue', 'summary'], ['queue', 'hold', '--all'],
    ['resend', '--all'], ['show', '0' x 16], ['pause', 'pager'], ['flush']) {
	($status, $out, $err) = $stage->verb(@$args);
	is($status, 66, "no daemon ever ran: there is nothing to @$args");
	like($err, qr/\A.*no daemon has run here yet \("spoolhook run" starts one\)\n\z/,
	    '... and one line says what to do');
}
($status) = $stage->verb({ stdin => $stage->event_text('triggered') }, 'submit', '-');
is($status, 0, 'a spool that submit made');
($status, $out, $err) = $stage->verb('queue');
is($status, 66, '... has no queue yet either');
like($err, qr/no daemon has run here yet/, '... which is said the same way');
unlink glob $stage->spool . '/incoming/*';
$stage->verb('run', '--once', '-q');
($status, $out, $err) = $stage->verb('queue');
is($status, 0, 'an empty queue is no failure');
is($out, "Delivery queue is empty\n", 'and says that it is empty');
like($err, qr/no daemon is running/, 'that no daemon runs is said');
($status, $out) = $stage->verb('queue', 'summary');
is($out, "Delivery queue is empty\n", 'so does the summary');
($status, $out, $err) = $stage->verb('queue', 'hold', '--all');
is($status, 1, 'holding all of nothing matched nothing');
like($err, qr/no delivery matched/, 'and says so');

# ---- wrong words ------------------------------------------------------------
sub refuses
{
	my ($name, $why, @args) = @_;
	my ($status, $out, $err) = $stage->verb(@args);
	is($status, 64, $name);
	like($err, $why, '... and says what to type');
}
refuses('an unknown part is refused', qr/did you mean "hold"/, 'queue', 'hld');
refuses('nothing is never taken for everything', qr/--all/, 'queue', 'delete');
refuses('an unknown state is refused', qr/did you mean "dead"/,
	'queue', '--state', 'ded');
refuses('an option of another part is refused', qr/takes no --dry-run/,
	'queue', 'list', '--dry-run');
refuses('a status that is none is refused', qr/503, 5xx/,
	'queue', '--status', '5xxx');
refuses('the summary is about what waits', qr/queue --state dead/,
	'queue', 'summary', '--state', 'dead');

# ---- ids --------------------------------------------------------------------
my ($one, $two, $three) = events('triggered', 'inc-1', 'inc-2', 'inc-3');
($status, $out) = $stage->verb('queue', 'hold', $one, "$two-pager-0");
is($status, 0, 'an event id and a delivery id are held');
is($out, "$one-pager-0: held\n$two-pager-0: held\n-- 2 held\n",
	'a line for each, and a count');
is(state_of("$one-pager-0"), 'held', 'it is held');
is(state_of("$three-pager-0"), 'deferred', 'what was not named is not');
($status, $out) = $stage->verb('queue', 'hold', $one);
is($status, 1, 'what is held cannot be held again');
like($out, qr/left as it is, held/, '... and is told of');
($status, $out, $err) = $stage->verb('queue', 'hold', $three, 'nonsense');
is($status, 1, 'one wrong id among good ones is told');
like($err, qr/"nonsense" is no event or delivery id/, '... by name');
is(state_of("$three-pager-0"), 'held', '... and the good ones are done');
($status, $out, $err) = $stage->verb('queue', 'release', "$one-pager-9",
	"$one-pager");
is($status, 1, 'ids of deliveries that are not there match nothing');
is(() = $err =~ /there is no delivery/g, 2, '... and are told of');
($status, $out, $err) = $stage->verb('queue', 'hold', "\e[31mx\nrm");
unlike($err, qr/\e/, 'an id never reaches the terminal raw');

# ---- standard input ---------------------------------------------------------
($status, $out) = $stage->verb({ stdin => "$one\n\n  $two-pager-0  \r\n" },
	'queue', 'release', '-');
is($status, 0, 'ids come from standard input, one a line');
like($out, qr/-- 2 released/, '... and blank lines do not count');
my (undef, $listed) = $stage->verb('queue', '--json', '--webhook', 'pager');
($status, $out) = $stage->verb({ stdin => $listed }, 'queue', 'hold', '-');
is($status, 1, 'the list\'s own JSON lines are read back');
like($out, qr/-- 2 held, 1 left as they are/, '... and judged one by one');
($status, $out, $err) = $stage->verb({ stdin => qq({"x":1}\n{"deliv\n) },
	'queue', 'hold', '-');
is($status, 1, 'JSON without a delivery is no id');
is(() = $err =~ /no JSON line with "delivery"/g, 2, '... and is told of');
($status) = $stage->verb({ stdin => '' }, 'queue', 'delete', '-');
is($status, 1, 'an empty standard input deletes nothing');
is(scalar($stage->queue), 3, '... nothing');

# ---- selectors --------------------------------------------------------------
($status, $out) = $stage->verb('queue', 'release', '--incident', 'inc-2',
	'--dry-run');
is($out, "$two-pager-0: would be released\n-- 1 would be released\n",
	'a dry run tells what would be done');
is(state_of("$two-pager-0"), 'held', '... and does nothing');
($status, $out) = $stage->verb('queue', 'release', '--incident', 'inc-2');
is($status, 0, 'a selector chooses');
is(state_of("$two-pager-0"), 'deferred', '... and it is done');
my ($gone) = events('resolved', 'inc-4');
is(state_of("$gone-audit-0"), 'dead', 'a delivery died');
($status, $out) = $stage->verb('queue', 'release', '--all');
like($out, qr/-- 2 released/, '--all means all in the states that fit');
is(state_of("$gone-audit-0"), 'dead', '... and no others');
($status, $out) = $stage->verb('queue', 'hold', '--webhook', 'audit');
is($status, 1, 'a webhook with nothing waiting matches nothing');
($status, $out) = $stage->verb('queue', 'hold', '--since', '1h ago',
	'--until', '30m ago');
is($status, 1, 'nor does a time in which nothing came');
($status, $out) = $stage->verb('queue', 'hold', '--event-type',
	'incident_resolved');
like($out, qr/\A\Q$gone\E-pager-0: held\n-- 1 held\n\z/, 'by event type');
($status, $out, $err) = $stage->verb('queue', '--state', 'all', '--status', '5xx');
is($status, 1, 'nothing was answered 5xx');
is($out, '', '... so nothing is listed');
like($err, qr/no delivery matched$/m, '... and that is said');
for my $args (['queue'], ['queue', 'summary'], ['queue', 'hold'], ['resend'],
    ['queue', '--json'], ['queue', 'delete', '--json']) {
	($status, $out, $err) = $stage->verb(@$args, '--webhook', 'pagr');
	is($status, 1, "@$args: a mistyped webhook matches nothing");
	is($out, '', '... not even an empty table');
	like($err, qr/no delivery matched.*there is no webhook "pagr" \(did you mean "pager"\?\)/,
	    '... and the nearest is named');
}
($status, $out) = $stage->verb('queue', 'hold', "$one", '--webhook', 'audit');
is($status, 1, 'an id and a selector must both fit');

# ---- JSON -------------------------------------------------------------------
($status, $out) = $stage->verb('queue', 'hold', '--json', '--all');
my @held = json($out);
is(scalar @held, 3, 'as JSON a line for each');
is_deeply([sort keys %{ $held[0] }],
	[qw(delivery endpoint event_id result was webhook)], '... with its parts');
is($held[0]{result}, 'held', '... and what was done');
($status, $out) = $stage->verb('queue', 'hold', '--json', $one);
is((json($out))[0]{result}, 'unchanged', '... or not done');
my $manual = slurp(Stage::top() . '/man/spoolhook.1');
my ($row) = json(($stage->verb('queue', '--state', 'all', '--json'))[1]);
my ($changed) = json(($stage->verb('queue', 'release', '--all', '--json', '--dry-run'))[1]);
ok($changed->{dry_run}, "a dry run says that it is one");
for my $key (sort keys %$row, keys %$changed) {
	like($manual, qr/^\.Li .*\b$key\b/m, "the manual tells of the member $key");
}

# ---- the log ----------------------------------------------------------------
my ($line) = $stage->log('held');
is($line->{delivery}, "$one-pager-0", 'what was held is in the log');
is($line->{by}, scalar getpwuid($<), '... with who did it');
is($line->{by_uid}, $<, '... by number, too');
is($line->{webhook}, 'pager', '... and whose it is');
is(scalar($stage->log('released')), 5, 'each change is a line');

# ---- retry ------------------------------------------------------------------
$stage->verb('queue', 'release', '--all', '-q');
($status, $out) = $stage->verb('queue', 'retry', $one);
is($out, "$one-pager-0: due now\n-- 1 due now\n", 'a retry is due now');
($status, $out) = $stage->verb('queue', 'retry', $gone, '--webhook', 'audit');
is($status, 1, 'what is dead is resent, not retried');
is((scalar $stage->log('retried')), 1, 'it is logged');

# ---- the summary ------------------------------------------------------------
($status, $out) = $stage->verb('queue', 'summary');
is($status, 0, 'the summary works with the daemon down');
like($out, qr/\AMINUTES +TOTAL +5 +10 +20 +40 +80 +160 +320 +640 +1280 +1280\+\n/,
	'age classes that double');
like($out, qr/^TOTAL +4 +4( +0){9}$/m, 'a total');
is(scalar(grep { length > 80 } split /\n/, $out), 0, '... that fit on 80 columns');
like($out, qr/^pager +4 +4( +0){9}$/m, 'a line for a webhook');
unlike($out, qr/^audit/m, 'none for one with nothing waiting');
($status, $out) = $stage->verb('queue', 'summary', '--json');
is((json($out))[0]{total}, 4, 'as JSON');
is((json($out))[0]{ages}[0]{count}, 4, '... by age');
is((json($out))[0]{ages}[9]{under_minutes}, undef, '... the last without end');
($status, $out) = $stage->verb('queue', 'summary', '--state', 'held');
is($out, "Delivery queue is empty\n", 'of a state');

# ---- delete -----------------------------------------------------------------
ok(-e $stage->spool . "/failed/audit/$gone.json", 'a dead delivery has its file');
($status, $out) = $stage->verb('queue', 'delete', $gone);
is($status, 0, 'deliveries are deleted');
is(state_of("$gone-audit-0"), 'none', '... and are gone');
ok(!-e $stage->spool . "/failed/audit/$gone.json", '... with the file');
($status) = $stage->verb('show', $gone);
is($status, 1, '... and, with the last one, the event');
is(scalar($stage->log('deleted')), 2, '... but their log lines stay');
($status, $out) = $stage->verb('queue', 'delete', '--all');
is($status, 0, 'nobody is asked off a terminal');
is(scalar($stage->queue), 0, '... and all that waited is gone');

# ---- a terminal -------------------------------------------------------------
my @many = events('triggered', map { "many-$_" } 1 .. 12);
my $screen;
($status, $screen) = on_terminal($stage, "n\n", qw(queue hold --all));
like($screen, qr{Hold 12 deliveries\? \[y/N\]}, 'more than ten are asked for');
is($status, 1, 'no is no');
is(state_of("$many[0]-pager-0"), 'deferred', '... and nothing is done');
($status, $screen) = on_terminal($stage, "y\n", qw(queue hold --all));
is($status, 0, 'yes is yes');
is(scalar(grep { $_->{state} eq 'held' } $stage->queue), 12, '... for all');
($status, $screen) = on_terminal($stage, '', qw(queue release --all --yes));
unlike($screen, qr/\?/, '--yes answers beforehand');
is($status, 0, '... and it is done');
($status, $screen) = on_terminal($stage, '', qw(queue hold), @many[0 .. 9]);
unlike($screen, qr/\?/, 'ten are not worth a question');
($status, $screen) = on_terminal($stage, "\n", qw(queue delete), $many[0]);
like($screen, qr/Delete 1 delivery\?/, 'a deletion always is');
is(state_of("$many[0]-pager-0"), 'held', 'an empty answer is no');
($status, $screen) = on_terminal($stage, "", qw(queue delete), $many[0]);
is(state_of("$many[0]-pager-0"), 'held', 'the end of the input is no, too');
($status, $screen) = on_terminal($stage, "yes\n", qw(queue delete), $many[0]);
is(state_of("$many[0]-pager-0"), 'none', 'yes deletes');
($status, $screen) = on_terminal($stage, '', qw(queue));
like($screen, qr/\e\[33mheld/, 'what is held has a colour on a terminal');

# ---- beside a running daemon ------------------------------------------------
my ($receiver, $port) = $stage->listen('--delay', '500ms');
$stage->webhook(pager => {
	endpoints => ["http://127.0.0.1:$port/p"],
	triggers => ['*'], retry => { delays => ['1h'] },
	breaker => { failures => 0 }, # a rest would be in the way
});
my $daemon = $stage->run;
$stage->verb('queue', 'release', $many[1], '-q');
ok(wait_until(sub { $stage->received($receiver) >= 1 ||
	state_of("$many[1]-pager-0") eq 'active' }),
	'the running daemon notices at once');
wait_until { state_of("$many[1]-pager-0") eq 'active' };
($status, $out) = $stage->verb('queue', 'delete', $many[1]);
SKIP: {
	skip 'it was answered in between', 2 unless $out =~ /being tried/;
	is($status, 75, 'what is on the wire is not touched: try again');
	like($out, qr/try again/, '... and says so');
}
wait_until { $stage->received($receiver) >= 1 };
is($stage->stop($daemon), 0, 'the daemon ends well');
my @waiting = grep { $_->{state} =~ /held/ } $stage->queue;
is(scalar @waiting, 8, 'what is held is not sent');

# ---- many -------------------------------------------------------------------
$stage->webhook(pager => {
	endpoints => ["http://127.0.0.1:$dead/p"],
	triggers => ['*'], retry => { delays => ['1h'] },
	breaker => { failures => 0 }, # a rest would be in the way
});
my @all = events('triggered', map { "mass-$_" } 1 .. 600);
is(scalar @all, 600, 'hundreds wait');
# One that the daemon's end broke off waits again.
my @open = grep { $_->{state} !~ /delivered|dead/ } $stage->queue;
cmp_ok(scalar @open, '>=', @all + @waiting, '(with what waited before)');
($status, $out) = $stage->verb('queue', 'delete', '--all', '--json');
is(scalar(grep { /"result":"deleted"/ } lines($out)), scalar @open,
	'they go in batches, a line for each');
is(scalar(grep { $_->{state} ne 'delivered' } $stage->queue), 0,
	'... and none is forgotten');

# ---- a group that may --------------------------------------------------------
# As the packaging has it: the daemon's user, and a group that the spool is of.
SKIP: {
	skip 'not root', 5 if $>;
	my $shared = Stage->new(webhooks => { pager => {
		endpoints => ["http://127.0.0.1:$dead/p"], triggers => ['*'],
		retry => { delays => ['1h'] } } });
	my ($user, $group) = (scalar getpwnam('daemon'), scalar getgrnam('games'));
	my %mode = ('' => 02771, incoming => 02770, rejected => 02770,
	    failed => 02770, mail => 02770, log => 02770);

	for my $part (sort keys %mode) {
		mkdir $shared->spool . "/$part";
		chown $user, $group, $shared->spool . "/$part";
		chmod $mode{$part}, $shared->spool . "/$part";
	}
	my @as = ('sh', '-c', 'umask 027; exec setpriv "$@"', 'sh', '--regid',
	    'nogroup', '--groups', 'games', '--reuid');
	local $shared->{as} = [@as, 'daemon'];
	my $n = $shared->run;
	$shared->drop('a.json', $shared->event_text('triggered', id => 'shared'));
	wait_until { $shared->log('attempt') };
	$shared->{as} = [@as, 'nobody'];
	($status, undef, $err) = $shared->verb('queue', 'hold', '--all');
	is($status, 0, 'a member of the group may hold');
	is($err, '', '... and has nothing to be told of');
	my ($held) = $shared->log('held');
	is($held && $held->{by}, 'nobody', '... the log tells who did it');
	$shared->{as} = [@as, 'daemon'];
	is($shared->stop($n), 0, '(TERM ends the daemon)');
	rename $shared->spool . '/log/delivery.jsonl', $shared->spool . '/log/old';
	$shared->{as} = [@as, 'nobody'];
	$shared->verb('queue', 'release', '--all');
	$shared->{as} = [@as, 'daemon'];
	$n = $shared->run;
	like(join(' ', map { $_->{kind} } $shared->log), qr/^released .*\bstarted\b/,
	    'whoever begins the log, the other goes on with it');
	$shared->stop($n);
}

# ---- not for everybody ------------------------------------------------------
SKIP: {
	skip 'not root', 24 if $>;
	chmod 0755, $stage->dir, $stage->etc, $stage->etc . '/webhooks.d';
	chmod 0750, $stage->spool;
	local $stage->{as} = [qw(setpriv --reuid nobody --regid nogroup
	    --clear-groups)];
	for my $args (['queue'], ['queue', 'hold', '--all'], ['resend', '--all'],
	    ['flush']) {
		($status, $out, $err) = $stage->verb(@$args);
		is($status, 77, "a stranger may not @$args");
		like($err, qr/Permission denied.*group hookadm/, '... and is told who may');
		unlike($err, qr/no daemon/, '... and nothing that cannot be known');
	}
	# He may look around, but SQLite's log cannot be read without writing.
	chmod 0755, $stage->spool;
	chmod 0644, glob($stage->spool . '/spool.db*');
	for my $args (['queue'], ['status'], ['prune', '--dry-run'], ['flush']) {
		($status, $out, $err) = $stage->verb(@$args);
		is($status, 77, "who may only read may not @$args");
		like($err, qr/group hookadm/, '... and is told who may');
		unlike($err, qr/no daemon/, '... and nothing that cannot be known');
	}
}
done_testing;
