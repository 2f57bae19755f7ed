#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `listen`, driven as people do: it says where it listens, prints what comes,
# plays statuses back, and ends when it is told. SPOOLHOOK_PROGRAM names the program.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use Stage qw(wait_until slurp top);
use Test::More;
use Time::HiRes qw(time);

my $program = $ENV{SPOOLHOOK_PROGRAM} // top() . "/bin/spoolhook";
my $dir = tempdir(CLEANUP => 1);
my $patience = 20;
my %running;

# What stands in a file of the stage, so far.
sub said {
    return slurp("$dir/$_[0]") // '';
}

# Starts it; its pid and port.
sub start {
    my ($out, @args) = @_;
    unlink "$dir/err";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $out =~ m{^/} ? $out : "$dir/$out" or die;
        open STDERR, '>', "$dir/err" or die;
        exec $program, 'listen', '--port', 0, @args or exit 127;
    }
    $running{$pid} = 1;
    my $port = wait_until(sub { said('err') =~ m{listening on http://127\.0\.0\.1:(\d+)/} && $1 });
    return ($pid, $port);
}

# Waits for its end; its exit code.
sub ended {
    my ($pid) = @_;
    my $code = wait_until(sub { waitpid($pid, 1) == $pid ? 'x' . ($? >> 8) : 0 });
    delete $running{$pid} if $code;
    return $code ? substr($code, 1) : 'still running';
}

sub dial {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => $patience)
        // die "cannot connect: $!";
}

# Sends a request; the status of the answer.
sub post {
    my ($port, $path, $body, @headers) = @_;
    my $socket = dial($port);
    my $length = length $body;
    print $socket join("\r\n", "POST $path HTTP/1.1", 'Host: x', @headers,
        "Content-Length: $length", '', $body);
    my $line = <$socket> // '';
    return $line =~ /^HTTP\/1\.1 (\d+)/ ? $1 : 0;
}

sub run_to_end {
    my (@args) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', "$dir/out" or die;
        open STDERR, '>', "$dir/err" or die;
        exec $program, 'listen', @args or exit 127;
    }
    return ended($pid);
}

END { local $?; kill 'KILL', $_ for keys %running; }

# Mistakes.
is(run_to_end('--status', '99'), 64, 'a status that is none is a usage error');
like(said('err'), qr/503\*3,200/, 'that shows how it is meant');
is(run_to_end('--status', '200,'), 64, 'an empty part is none');
is(run_to_end('--status', '200*0'), 64, 'no times is no part');
is(run_to_end('--status', join ',', (200) x 65), 64, 'a list has a bound');
is(run_to_end('operand'), 64, 'operands are refused');
is(run_to_end('--port', '65536'), 64, 'a port has a bound');
is(run_to_end('--address', 'example.org'), 73, 'a name is no address');
{
    my $taken = IO::Socket::INET->new(Listen => 1, LocalAddr => '127.0.0.1') or die;
    is(run_to_end('--port', $taken->sockport), 73, 'a taken port cannot be used');
    like(said('err'), qr/in use/, 'and it says why');
}

# For people.
{
    my ($pid, $port) = start('out', '--status', '503*2,404,200', '-n', 5);
    ok($port, 'it says where it listens');
    my @got = map { post($port, "/hook?n=$_", "{\"a\": \"b\e[31m\",\n \"n\": 1.10}", 'X-Team: sre') } 1 .. 5;
    is("@got", '503 503 404 200 200', 'statuses are played in turn, the last repeats');
    is(ended($pid), 0, 'after the wanted number it ends with 0');
    my $out = said('out');
    like($out, qr/^\d\d:\d\d:\d\d POST \/hook\?n=1 -> 503$/m, 'time, method, path and status');
    like($out, qr/^  X-Team: sre$/m, 'the headers');
    like($out, qr/^    \{"a": "b\\x1b\[31m",$/m, 'the payload, harmless for a terminal');
    like($out, qr/^     "n": 1\.10\}$/m, 'line by line, as it was written');
    unlike($out, qr/\e/, 'no escape sequence, no colour off a terminal');
}

# For programs.
{
    my ($pid, $port) = start('out', '--json', '--delay', '100ms');
    my $begun = time;
    is(post($port, '/x', "{\"a\": \"\xff\\n\"}\n", 'X-A: 1', 'x-a: 2'), 200, 'it answers 200');
    ok(time - $begun >= 0.099, 'after the delay');
    my @lines = split /\n/, said('out');
    is(scalar @lines, 1, 'one line a request, there before its answer');
    my $seen = decode_json($lines[0]);
    is_deeply([ sort keys %$seen ], [qw(body headers method path status ts)], 'with the promised members');
    is($seen->{headers}{'X-A'}, '1, 2', 'headers of one name are joined');
    is($seen->{body}, "{\"a\": \"\x{fffd}\\n\"}\n", 'the body is valid text');
    like($seen->{ts}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'the time is RFC 3339');
    kill 'TERM', $pid;
    is(ended($pid), 0, 'TERM ends it with 0');
}

# A slow answer is nobody else's.
{
    my ($pid, $port) = start('out', '--json', '--delay', '1h');
    my @waiting = map { dial($port) } 1 .. 3;
    print $_ "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n" for @waiting;
    ok(wait_until(sub { (() = said('out') =~ /\n/g) == 3 }), 'requests arrive while answers are waited for');
    kill 'INT', $pid;
    is(ended($pid), 0, 'INT ends it at once, delays or not');
}

# Nobody to print for.
SKIP: {
    skip 'no /dev/full', 1 unless -c '/dev/full';
    my ($pid, $port) = start('/dev/full');
    post($port, '/', '{}');
    is(ended($pid), 74, 'output that cannot be written ends it');
}

done_testing;
