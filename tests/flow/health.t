#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `health`: one line and a status for Nagios and its kin, whatever happens. Time
# is moved in the database, not waited for.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(free_port spew slurp wait_until);
use Test::More;

my $nobody = free_port();
my $stage = Stage->new(webhooks => {
	pager => { endpoints => ["http://127.0.0.1:$nobody/"], order => 'none',
		breaker => { failures => 0 }, # that would be in the way
		retry => { delays => ['1d'], give_up_after => '10d' } },
	once => { endpoints => ["http://127.0.0.1:$nobody/"], triggers => ['incident_resolved'],
		retry => { max_retries => 0 } },
});

sub sql
{
	my ($text) = @_;
	open(my $db, '|-', 'sqlite3', '-cmd', '.timeout 10000', $stage->spool . '/spool.db')
	    or die "sqlite3: $!";
	print $db $text;
	close $db or die "sqlite3: $?";
}

# (state, whole line); checks what holds for every line.
sub health
{
	my ($args, $status, $said, $name) = @_;
	my ($code, $out, $err) = $stage->verb('health', @$args);
	my @words = qw(OK WARNING CRITICAL UNKNOWN);

	is($code, $status, "$name: $words[$status]") or diag $out, $err;
	like($out, qr/\ASPOOLHOOK $words[$status] - [^\n|]+( \|( \w+=\d+s?;\d*;\d*;0)+)?\n\z/,
	    '... one line, as plugins print it');
	like($out, $said, '... that tells why');
	return $out;
}

health([], 2, qr/no daemon runs on \S+spool /, 'before there is anything');
my $daemon = $stage->run;
my $line = health([], 0, qr/nothing waits, 0 deferred, 0 dead in 24 h \|/, 'an idle daemon');
like($line, qr/ oldest=0s;3600;14400;0 .* dead=0;1;;0 /, 'limits are in the performance data');

# ---- age, not count --------------------------------------------------------------
$stage->drop("$_.json", $stage->event_text('triggered', id => "i$_")) for 1 .. 20;
wait_until { 20 == grep { $_->{state} eq 'deferred' } $stage->queue };
health([], 0, qr/oldest \d+(ms|s), 20 deferred/, 'twenty that wait since a moment');
health(['-w', 'deferred=20'], 1, qr/- 20 deferred; /, 'their count, when asked to');
sql('UPDATE delivery SET accepted_ms = accepted_ms - 3700000 WHERE seq = 3;');
health([], 1, qr/- oldest 1h1m/, 'one that waits for an hour');
sql('UPDATE delivery SET accepted_ms = accepted_ms - 14400000 WHERE seq = 3;');
health([], 2, qr/- oldest 5h/, 'for four');
health(['-w', 'oldest=6h', '-c', 'oldest=1d'], 0, qr/OK/, 'limits can be moved');
health(['--warning', 'oldest=off', '--critical=oldest=off'], 0, qr/oldest 5h/, '... and taken off');
sql('UPDATE delivery SET state = 3 WHERE seq = 3;');
health([], 0, qr/1 held/, 'what an operator holds has no age');
sql('UPDATE delivery SET accepted_ms = accepted_ms + 18100000, state = 1 WHERE seq = 3;');

# ---- dead ------------------------------------------------------------------------
$stage->drop('r.json', $stage->event_text('resolved', id => 'r'));
wait_until { grep { $_->{state} eq 'dead' } $stage->queue };
health([], 1, qr/- 1 dead in 24 h/, 'one that died today');
health(['-c', 'dead=1'], 2, qr/1 dead/, '... as bad as one wants');
sql('UPDATE delivery SET changed_ms = changed_ms - 90000000 WHERE state = 5;');
health([], 0, qr/0 dead in 24 h/, 'one that died yesterday was told of');

# ---- what is in the way, and refused ---------------------------------------------
sql("INSERT INTO note VALUES ('trouble/x', 'unreadable', 0);");
health([], 1, qr/- 1 in the way/, 'something that `status` shows');
sql("DELETE FROM note WHERE name = 'trouble/x';");
$stage->drop('bad.json', '{"no":"event"}');
wait_until { -e $stage->spool . '/rejected/bad.json.why.json' };
health([], 0, qr/1 rejected in 24 h/, 'a rejected file is told of');
health(['-w', 'rejected=1'], 1, qr/- 1 rejected/, '... and judged when asked to');

# ---- a reload that was refused ---------------------------------------------------
my ($plain) = health([], 0, qr/nothing|oldest/, 'before it') =~ /( \|.*)/;
my $pager = slurp($stage->etc . '/webhooks.d/pager.json');
spew($stage->etc . '/webhooks.d/pager.json', '{ "endpoints": 1 }');
kill 'HUP', $stage->pid($daemon);
wait_until { $stage->log('reload_failed') };
wait_until { ($stage->verb('status'))[1] =~ /reload refused/ };
$line = health([], 1, qr/- the last reload was refused \("spoolhook check -c \S+" tells why\)/,
    'files that the daemon did not take');
is_deeply([ $line =~ /(\w+)=\d/g ], [ $plain =~ /(\w+)=\d/g ],
    '... are nothing new in the performance data');
spew($stage->etc . '/webhooks.d/pager.json', $pager);
kill 'HUP', $stage->pid($daemon);
wait_until { ($stage->verb('status'))[1] !~ /reload refused/ };
health([], 0, qr/- oldest/, 'and when it took them all is well');

# ---- the daemon ------------------------------------------------------------------
kill 'STOP', $stage->pid($daemon);
sql("UPDATE note SET ms = ms - 31000 WHERE name = 'daemon/heartbeat';");
health([], 2, qr/daemon \d+ gave no sign of life for 3\ds/, 'a daemon that hangs');
kill 'CONT', $stage->pid($daemon);
$stage->stop($daemon);
health([], 2, qr/no daemon runs/, 'a daemon that is gone');

# ---- asked by somebody else --------------------------------------------------------
SKIP: {
	my @nobody = qw(setpriv --reuid nobody --regid nogroup --clear-groups);

	skip 'only root can be somebody else', 4
	    if $> || system("@nobody test -x " . ($ENV{SPOOLHOOK_PROGRAM} // Stage::top() . '/bin/spoolhook'));
	local $stage->{as} = \@nobody;
	chmod 0750, $stage->spool;
	health([], 3, qr/spool: permission denied; make this user a member of hookadm/,
	    'who may not look does not cry that the daemon is down');
	my ($status, undef, $err) = $stage->verb('log');
	is($status, 77, 'nor may he read the log') or diag $err;
}

# ---- asked wrongly ---------------------------------------------------------------
health(['-w', 'odlest=1h'], 3, qr/did you mean "oldest"/, 'a limit of nothing');
health(['-w', 'oldest=5'], 3, qr/no duration/, 'an age without a unit');
health(['-w', 'dead=many'], 3, qr/no number/, 'a count that is none');
health(['-w', 'dead'], 3, qr/not NAME=LIMIT/, 'no limit');
health(['x'], 3, qr/takes no operand/, 'an operand');
my ($code, $out) = $stage->verb('health', '--json');
is(decode_json($out)->{code}, 2, '--json tells the code');
is($code, 2, '... and ends with it');
spew($stage->spool . '/spool.db', 'x' x 5000);
unlink glob $stage->spool . '/spool.db-*';
($code, $out) = $stage->verb('health');
like($code, qr/^[23]$/, 'a store that is damaged is no success');
spew($stage->etc . '/spoolhook.json', '{');
health([], 3, qr/spoolhook check/, 'a configuration that cannot be used');
done_testing;
