#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# What a submit leaves that is killed before it names its file, and a reason
# that is written and whose file is not yet: the daemon takes them away when
# they are an hour old, not before, and nothing else.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use File::Path qw(make_path);
use Stage qw(spew wait_until);
use Test::More;

my $stage = Stage->new(settings => { spool => { inputs => [
	{ dir => '../spool/incoming' }, { dir => '../other' } ] } });
my $box = $stage->spool . '/incoming';
my $rejected = $stage->spool . '/rejected';
my $other = $stage->dir . '/other';
my $id = '0123456789ABCDEF';

make_path($box, $rejected, $other);
my @old = ("$box/.submit-$id.tmp", "$other/.submit-$id.tmp",
	"$rejected/lone.json.why.json");
my @kept = ("$box/.submit-FEDCBA9876543210.tmp", "$box/.mine.tmp",
	"$rejected/young.json.why.json", "$rejected/both.json",
	"$rejected/both.json.why.json");

spew($_, '{}') for @old, @kept;
utime(time - 4000, time - 4000, $_) for @old, $kept[1], @kept[3, 4];
my $daemon = $stage->run;
ok(wait_until(sub { !grep { -e } @old }, 20),
	'what was left an hour ago is removed by the daemon');
is_deeply([ grep { !-e } @kept ], [],
	'... and nothing that is young, of others, or has its file');
like($stage->errors($daemon), qr/3 files that processes left/, '... and it says so');
is($stage->stop($daemon), 0, 'the daemon ends well');
done_testing;
