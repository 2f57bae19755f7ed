#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The bar for work that takes long: seen on a terminal, after a second, and
# nowhere else; it leaves nothing behind. A decompressor that takes its time
# makes reading a log long.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(spew);
use Terminal qw(on_terminal);
use Test::More;

my $stage = Stage->new;
my $log = $stage->spool . '/log/delivery.jsonl';
my $line = '{"ts":"2026-11-20T10:00:00.000Z","level":"info","kind":"started","msg":"it began","v":1}';

spew("$stage->{dir}/tools/gzip", <<'END');
#!/usr/bin/perl
# As slow as a large file: reads half of it, takes its time, and goes on.
$| = 1;
binmode STDIN;
my ($half, $rest) = ('', '');
sysread STDIN, $half, 3000;
print "{\"ts\":\"2026-11-19T10:00:00.000Z\",\"kind\":\"stopped\",\"msg\":\"old $_\"}\n" for 1 .. 3;
select undef, undef, undef, 1.4;
print "{\"ts\":\"2026-11-19T11:00:00.000Z\",\"kind\":\"stopped\",\"msg\":\"new $_\"}\n" for 1 .. 3;
sysread STDIN, $rest, 10000;
END
chmod 0755, "$stage->{dir}/tools/gzip";
spew("$log.1.gz", 'x' x 6000);
spew($log, "$line\n");
$ENV{PATH} = "$stage->{dir}/tools:$ENV{PATH}";

my ($status, $screen) = on_terminal($stage, '', 'log', '-k', 'started');
is($status, 0, 'a long look at the log on a terminal');
like($screen, qr/reading \[#{10,30} *\] +\d\d%, left [\d.]+s\e\[K\r/, 'has a bar: how much of it, and how long to go');
like($screen, qr/\e\[K[^\n\r]*it began\r?\n\z/, 'which is gone before a line is shown');
unlike($screen, qr/\e\[\d+m.*reading/, 'it has no colour');

(undef, $screen) = on_terminal($stage, '', '-q', 'log', '-k', 'started');
unlike($screen, qr/reading/, 'not with -q');
my ($out, $err);
($status, $out, $err) = $stage->verb('log', '-k', 'started');
is($err, '', 'not where nobody looks');
unlike($out, qr/reading|\e/, '... nor in the output');

unlink "$log.1.gz";
(undef, $screen) = on_terminal($stage, '', 'log');
unlike($screen, qr/reading/, 'not when it is done at once');

done_testing;
