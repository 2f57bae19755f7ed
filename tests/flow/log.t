#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `log` and `sample`, driven as people do, on a log that was written by hand:
# no daemon, no store. SPOOLHOOK_PROGRAM names the program.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use File::Temp qw(tempdir);
use JSON::PP;
use Stage qw(wait_until slurp top);
use Test::More;
use Time::HiRes qw(time);

my $program = $ENV{SPOOLHOOK_PROGRAM} // top() . "/bin/spoolhook";
my $dir = tempdir(CLEANUP => 1);
my $file = "$dir/log/delivery.jsonl";
my %running;

$ENV{SPOOLHOOK_CONFIG} = "$dir/etc";
$ENV{TZ} = 'UTC';
delete $ENV{NO_COLOR};

sub put {
    my ($name, $text, $mode) = @_;
    open my $f, $mode // '>', $name or die "$name: $!";
    print $f $text;
    close $f or die;
}

# Starts it with its output in a file; the pid.
sub start {
    my ($out, @args) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $out or die;
        open STDERR, '>', "$dir/err" or die;
        exec $program, @args or exit 127;
    }
    $running{$pid} = 1;
    return $pid;
}

# Its exit code once it has ended, "signal N" when it was killed.
sub ended {
    my ($pid) = @_;
    my $code = wait_until(sub {
        return unless waitpid($pid, 1) == $pid;
        return $? & 127 ? 'signal ' . ($? & 127) : 'code ' . ($? >> 8);
    });
    delete $running{$pid} if $code;
    return $code // 'still running';
}

# Runs it to its end: exit code, output, messages.
sub run {
    my (@args) = @_;
    my $code = ended(start("$dir/out", @args));
    return ($code, slurp("$dir/out"), slurp("$dir/err"));
}

sub line {
    my ($ts, $kind, %more) = @_;
    return JSON::PP->new->utf8->canonical->encode(
        { ts => "2026-11-23T$ts", level => 'info', kind => $kind, msg => "a $kind", v => 1, %more }) . "\n";
}

mkdir "$dir/$_" for 'etc', 'etc/webhooks.d', 'log', 'spool';
put("$dir/etc/spoolhook.json", '{"spool":{"dir":"../spool"},"log":{"file":"../log/delivery.jsonl"}}');
put("$dir/etc/webhooks.d/pager.json", '{"endpoints":["http://127.0.0.1:9/"]}');
END { kill 'KILL', keys %running if %running }

my ($code, $out, $err);

# ---- nothing there ----------------------------------------------------------
($code, $out, $err) = run('log');
is($code, 'code 0', 'a log that does not exist yet is no failure');
is($out, '', 'and shows nothing');
like($err, qr/nothing has been logged yet/, 'but says so');
($code) = run('log', '--failed');
is($code, 'code 1', 'with a filter, nothing matched');

# ---- what people read -------------------------------------------------------
my %try = (event_id => '06BRK5YZ7Q9R0S1T', webhook => 'pager', endpoint => 'primary', max_tries => 4);
my @lines = (
    line('10:05:10.001Z', 'started'),
    line('10:05:11.000Z', 'accepted', event_id => $try{event_id}, webhooks => [ 'pager', 'chat' ]),
    line('10:05:12.123Z', 'attempt', %try, try => 2, status => 503, duration_ms => 312.4,
        level => 'warning', outcome => 'deferred', next_attempt => '2026-11-23T10:06:00.123Z'),
    line('10:06:12.123Z', 'attempt', %try, try => 3, status => undef, error => "timed out \e[31m\x{202e}",
        duration_ms => 15000.9, outcome => 'deferred'),
    line('10:07:00.000Z', 'attempt', %try, webhook => 'chat', endpoint => '0', try => 1, status => 200,
        duration_ms => 31, outcome => 'delivered', delivery => "$try{event_id}-chat-0",
        event_type => 'incident_triggered', incident => 'inc-7'),
    line('10:08:00.000Z', 'dead', %try, level => 'error', msg => 'pager/primary gave up'),
    line('10:09:00.000Z', 'rejected', file => 'x.json'),
);
put($file, join '', @lines);
($code, $out) = run('log');
my @shown = split /\n/, $out;
is($code, 'code 0', 'a log is shown');
is(scalar @shown, @lines, 'a line for each line');
is($shown[0], 'Nov 23 10:05:10.001 a started', 'a line without event: time and sentence');
is($shown[2], "Nov 23 10:05:12.123 pager/primary $try{event_id} try 2/4: 503 in 312ms, next in 48s",
    'an attempt: who, which event, which try, what came, how long, when next');
like($shown[3], qr/try 3\/4: timed out \\x1b\[31m.*\\xe2.* in 15s$/,
    'an error instead of a status; what could harm a terminal is made visible');
unlike($out, qr/\e/, 'no colour where nobody looks');
($code, $out) = run('log', '--color=always');
like($out, qr/\e\[31m[^\n]*gave up\e\[0m/, 'with colour, death is red');

# ---- picking ----------------------------------------------------------------
sub picks {
    my ($name, $count, @args) = @_;
    my ($c, $o) = run('log', @args);
    is(scalar(() = $o =~ /\n/g), $count, $name);
    is($c, $count ? 'code 0' : 'code 1', '… and the exit code says whether any was');
}
picks('by webhook, the one among many too', 4, '--webhook', 'pager');
picks('by any of two webhooks', 5, '--webhook', 'pager', '--webhook=chat');
picks('an unknown webhook has no line', 0, '--webhook', 'pagr');
picks('by status', 1, '--status', '200');
picks('by class of status', 1, '--status', '5xx');
picks('by any of two', 2, '--status', '200,5xx');
picks('by none that is there', 0, '--status', '404');
picks('what was lost', 2, '--failed');
picks('by an expression on the raw line', 2, '-g', '"(dead|rejected)"');
picks('since', 3, '--since', '2026-11-23 10:07');
picks('until', 2, '-U', '2026-11-23 10:05:12');
picks('between', 2, '-S', '2026-11-23T10:05:12Z', '-U', '2026-11-23T10:06:30Z');
picks('filters are joined', 1, '--failed', '--webhook', 'pager');
($code, $out) = run('log', '-r', '-o', 'json');
is($out, join('', reverse @lines), 'backwards they are the same lines');
picks('by endpoint', 3, '--endpoint', 'primary');
picks('by kind', 1, '-k', 'dead');
picks('by any of two kinds', 4, '--kind', 'dead,attempt');
picks('by a kind that may come', 0, '--kind', 'evaporated');
picks('by the event', 5, $try{event_id});
picks('by the delivery', 1, "$try{event_id}-chat-0");
picks('by another event', 0, '06BRK5YZ7Q9R0S1V');
picks('by the type, in either spelling', 1, '--event-type', 'incident.triggered');
picks('by the incident', 1, '--incident', 'inc-7');
{
    my $before = slurp($file);
    put($file, '{"ts":"2026-11-23T10:09:01.000Z","kind":"dead","incident":"inc\u002d8","msg":"x"}' . "\n", '>>');
    picks('by an incident that is written in another way', 1, '--incident', 'inc-8');
    put($file, $before);
}

($code, $out) = run('log', '-n', 2);
is(scalar(() = $out =~ /\n/g), 2, '-n: the last two');
like($out, qr/rejected\n\z/, 'the last at the end');
($code, $out) = run('log', '-n', 1, '--webhook', 'pager');
like($out, qr/\A[^\n]*gave up\n\z/, '-n with a filter: the last that matches');
($code, $out) = run('log', '-n', 0);
is($out, '', '-n 0: none');

# ---- what programs read -----------------------------------------------------
($code, $out) = run('log', '-o', 'json');
is($out, join('', @lines), 'as JSON the lines are as they were, byte for byte');
($code, $out) = run('log', '--json', '--failed');
is($out, join('', @lines[5, 6]), '--json is the same');
put($file, '{"ts":"2026-11' . "\n", '>>');
($code, $out, $err) = run('log', '--json');
is($out, join('', @lines), 'a broken line is left out for programs');
like($err, qr/1 broken line was left out/, 'and they are told');
($code, $out) = run('log', '-n', 1);
is($out, "{\"ts\":\"2026-11\n", 'people see it');

# ---- bad command lines ------------------------------------------------------
sub refuses {
    my ($name, $why, @args) = @_;
    my ($c, $o, $e) = run(@args);
    is($c, 'code 64', $name);
    like($e, $why, '… and says why');
}
refuses('an unknown form', qr/did you mean "json"/, 'log', '-o', 'jsn');
refuses('a status that is none', qr/503, 5xx or 429,5xx/, 'log', '--status', '20');
refuses('a list that ends in a comma', qr/503, 5xx or 429,5xx/, 'log', '--status', '200,');
refuses('an expression that is none', qr/--grep: /, 'log', '-g', '(');
refuses('a time that is none', qr/--since: "yore"/, 'log', '-S', 'yore');
refuses('a span backwards', qr/--since is after --until/, 'log', '-S', 'now', '-U', '-1h');
refuses('following to an end', qr/drop --until/, 'log', '-f', '-U', 'now');
refuses('following backwards', qr/drop --reverse/, 'log', '-f', '-r');
refuses('an operand that is no id', qr/ids of events.*-g looks for text/, 'log', 'x');
refuses('a mistyped kind', qr/did you mean "dead"\?/, 'log', '-k', 'attempt,ded');

# ---- what rotation has made of it --------------------------------------------
sub day { my ($n, $msg) = @_; return line('10:00:00.000Z', 'started', msg => $msg) =~ s/11-23T/sprintf '11-%02dT', $n/er }
sub pack_with {
    my ($tool, $name) = @_;
    system($tool, '-q', $name) == 0 or die "$tool: $?";
    unlink $name;
}
sub has { my ($tool) = @_; return grep { -x "$_/$tool" } split /:/, $ENV{PATH} }
sub messages { my ($o) = @_; return join ' ', $o =~ /day (\w+)/g }

unlink glob "$dir/log/*";
put($file, day(20, 'day t'));
put("$file.1", day(19, 'day s'));
put("$file.2", day(18, 'day r'));
pack_with('gzip', "$file.2");
put("$file.10", day(10, 'day j'));
put("$file-20261117", day(17, 'day q'));
put("$file-2026-11-16T10", day(16, 'day p'));
pack_with('gzip', "$file-2026-11-16T10");
my $others = 0;
for ([ 'xz', 15, 'o' ], [ 'zstd', 14, 'n' ], [ 'bzip2', 13, 'm' ]) {
    my ($tool, $n, $name) = @$_;
    next unless has($tool);
    put("$file-202611$n", day($n, "day $name"));
    pack_with($tool, "$file-202611$n");
    $others++;
}
# What is none of ours: a backup, another log, a name without a number.
put("$dir/log/$_", day(1, "day $_")) for 'delivery.jsonl.bak', 'delivery.jsonl~', 'other.jsonl.1',
    'delivery.jsonl.1.tmp', 'delivery.jsonl-old.gz';
# Both are there while one is made of the other.
put("$file.1.gz", "\x1f\x8b half");
my $now = time;
utime $now, $now, glob "$dir/log/*";
($code, $out, $err) = run('log');
my $past = join '', (has('bzip2') ? 'm' : ()), (has('zstd') ? 'n' : ()), (has('xz') ? 'o' : ());
is(messages($out), join(' ', 'j', (split //, $past), qw(p q r s t)),
    "rotated files in the order of time, whatever their names and times ($others other formats)");
is($err, '', '... and not a word');
is($code, 'code 0', '... it went well');
($code, $out) = run('log', '-n', 3);
is(messages($out), 'r s t', '-n goes back through them');
($code, $out) = run('log', '-n', 2, '-g', 'day [a-q]');
is(messages($out), 'p q', '... with a filter, too');
($code, $out) = run('log', '-n', 100);
is(scalar(() = $out =~ /\n/g), 6 + $others, '... and shows all when there are fewer');
($code, $out) = run('log', '-S', '2026-11-17', '-U', '2026-11-19');
is(messages($out), 'q r', 'a period in the past');
($code, $out) = run('log', '-r');
is(messages($out), join(' ', reverse 'j', (split //, $past), qw(p q r s t)), '-r: the newest first');
($code, $out) = run('log', '-r', '-n', 2, '-g', 'day [a-s]');
is(messages($out), 's r', '... the last two of some');
($code, $out) = run('log', '-U', '2026-11-11');
is(messages($out), 'j', 'its beginning');
chmod 0, "$file.10";
my $old = time - 86400 * 365 * 30;
utime $old, $old, "$file.2.gz";
($code, $out, $err) = run('log', '-S', '2026-11-17');
is(messages($out), 'q s t', 'a file that was written before --since is not opened');
utime $now, $now, "$file.2.gz";
chmod 0644, "$file.10";

# ---- damage -------------------------------------------------------------------
unlink glob "$dir/log/*";
put($file, day(20, 'day t') . '{"ts":"2026-11-20T10:00:01.000Z","ha');
put("$file.1", day(19, 'day s') . '{"ts":"2026-11-19T10:0');
put("$file.2", join '', map { day(18, "day $_" . 'r' x 50 . rand) } 1 .. 5000);
pack_with('gzip', "$file.2");
truncate "$file.2.gz", (-s "$file.2.gz") / 2 or die;
put("$file.3.gz", 'no gzip at all');
($code, $out, $err) = run('log');
is($code, 'code 0', 'damage does not stop it');
like($out, qr/day 1r.*day s.*day t/s, 'what can be read is shown');
like($err, qr/2\.gz: damaged or cut off/, 'a damaged file is told of');
is(scalar(() = $err =~ /\.2\.gz/g), 1, '... once');
like($err, qr/3\.gz: damaged or cut off/, '... and one that is no gzip');
like($err, qr/jsonl\.1: its last line is not whole/, '... and one that ends in a line');
like($err, qr/jsonl: its last line is not whole/, '... as the last one may');
is(scalar(split /\n/, $err), 4, '... and nothing else');
($code, $out, $err) = run('log', '-n', 1, '-g', 'day 1r');
is(scalar(() = $err =~ /\.2\.gz/g), 1, 'once, though -n reads it twice');

unlink glob "$dir/log/*";
put($file, day(20, 'day t'));
put("$dir/secret", day(1, 'day secret'));
symlink "$dir/secret", "$file.1" or die;
require POSIX;
POSIX::mkfifo("$file.2", 0600) or die;
mkdir "$file.3" or die;
($code, $out, $err) = run('log');
is($code, 'code 0', 'strange files do not stop it');
is(messages($out), 't', '... and are not read');
like($err, qr/jsonl\.$_: not a regular file: not read/, "... $_ is told of") for 1 .. 3;
unlink $file, "$file.1";
symlink "$dir/secret", $file or die;
($code, $out, $err) = run('log');
is($code, 'code 74', 'the log itself must be a file, too');
is($out, '', '... and shows nothing');
unlink glob("$dir/log/*"), "$dir/secret";
rmdir "$file.3";

put("$file.1", day(19, 'day s'));
put("$file.2", day(18, 'day r'));
pack_with('gzip', "$file.2");
{
    local $ENV{PATH} = "$dir/nowhere";
    ($code, $out, $err) = run('log');
}
is(messages($out), 's', 'without the program to decompress the rest is shown');
like($err, qr/2\.gz: left out: cannot run gzip \(of the package gzip\)/, '... and it is said what is missing');
unlike($err, qr/nothing has been logged/, '... a log that was just moved away is not nothing');
unlink glob "$dir/log/*";

# ---- large ----------------------------------------------------------------------
my $block = join '', map { line('09:00:00.000Z', 'started', msg => "block $_") } 1 .. 20000;
open my $gz, '|-', "gzip -1 >$file.1.gz" or die;
print $gz $block for 1 .. 10;
close $gz or die;
put($file, $lines[0]);
SKIP: {
    skip 'a sanitizer has memory of its own', 1 if $program =~ /[at]san/;
    my $reader = start("$dir/follow", 'log', '-f', '-n', 1, '-g', '[0-9]9999"|started"');
    wait_until(sub { -s "$dir/follow" });
    my ($peak) = slurp("/proc/$reader/status") =~ /^VmHWM:\s+(\d+)/m;
    cmp_ok($peak, '<', 40_000, "200,000 lines pass through $peak KiB");
    kill 'TERM', $reader;
    ended($reader);
}
unlink glob "$dir/log/*";

# ---- following --------------------------------------------------------------
put($file, join '', map { line("11:00:$_.000Z", 'started', msg => "line $_") } 10 .. 29);
my $pid = start("$dir/follow", 'log', '-f');
ok(wait_until(sub { (slurp("$dir/follow") // q{}) =~ /line 29\n/ }), '-f shows the end');
unlike(slurp("$dir/follow"), qr/line 19\n/, 'the last ten lines');
like(slurp("$dir/follow"), qr/\A[^\n]*line 20\n/, 'exactly');
put($file, line('11:01:00.000Z', 'started', msg => 'appended'), '>>');
ok(wait_until(sub { slurp("$dir/follow") =~ /appended\n/ }), 'then what is appended');
rename $file, "$file.1" or die;
put("$file.1", line('11:02:00.000Z', 'started', msg => 'late'), '>>');
ok(wait_until(sub { slurp("$dir/follow") =~ /late\n/ }), 'a moved file is read on');
put($file, line('11:03:00.000Z', 'started', msg => 'rotated'));
ok(wait_until(sub { slurp("$dir/follow") =~ /rotated\n/ }), 'then the new one');
is(scalar(() = slurp("$dir/follow") =~ /\n/g), 13, 'each line once');
system('cp', $file, "$file.2") == 0 or die;
truncate $file, 0 or die;
ok(wait_until(sub { !-s $file }), '(emptied)');
put($file, line('11:04:00.000Z', 'started', msg => 'x'), '>>');
ok(wait_until(sub { slurp("$dir/follow") =~ /x\n/ }), 'and one that was copied and emptied');
kill 'INT', $pid;
is(ended($pid), 'code 0', 'and ^C ends it');
unlink "$file.1", "$file.2";

unlink $file;
$pid = start("$dir/follow", 'log', '-f', '-o', 'json', '--failed');
put($file, $lines[0] . $lines[5]);
ok(wait_until(sub { slurp("$dir/follow") eq $lines[5] }), '-f waits for a file that is not there, and filters');
kill 'TERM', $pid;
is(ended($pid), 'code 0', 'TERM ends it, too');

pipe my $reader, my $writer or die;
$pid = fork // die;
if (!$pid) {
    close $reader;
    open STDOUT, '>&', $writer or die;
    open STDERR, '>', '/dev/null';
    exec $program, 'log', '-f' or exit 127;
}
$running{$pid} = 1;
close $writer;
ok(defined readline $reader, '(somebody reads)');
close $reader;
unlike(ended($pid), qr/still running/, 'when nobody reads any more it ends by itself');

# ---- sample -----------------------------------------------------------------
($code, $out) = run('sample');
is(decode_json($out)->{event_type}, 'incident_triggered', 'without a type: an incident was triggered');
($code, $out) = run('sample', 'incident.tags_updated');
is(decode_json($out)->{event}{type}, 'incident.tags_updated', 'a v2 type gives a v2 event');
refuses('a mistyped type', qr/did you mean "incident_resolved"\?/, 'sample', 'incident_resolvd');
refuses('a type unlike any', qr/sample --list/, 'sample', "nothing\e[2J");
unlike(slurp("$dir/err"), qr/\e/, 'which is shown harmlessly');
($code, $out) = run('sample', '--list');
like($out, qr/^incident_triggered\n/, '--list lists the types');
my @bad = grep { (run('sample', $_))[0] ne 'code 0' } split /\n/, $out;
is("@bad", '', 'each of which has a sample');

done_testing();
