#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# What the README says is there is there, and its first webhook works as it is
# typed: the blocks of that section are run in a copy, on a free port.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$FindBin::Bin/../lib";
use Test::More;
use Cwd qw(abs_path getcwd);
use File::Copy qw(copy);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Stage qw(wait_until free_port slurp spew);

chdir "$Bin/../.." or die;
my $readme = slurp('README.md');
my $program = abs_path($ENV{SPOOLHOOK_PROGRAM} || 'bin/spoolhook');
(my $prose = $readme) =~ s/^```.*?^```$//msg;

# ---- links and paths ---------------------------------------------------------------
my @links = $prose =~ /\]\(([^)#\s]+)[^)]*\)/g;
ok(@links > 4, 'the README has links');
is_deeply([grep { !/^https?:/ && !-e } @links], [], 'each leads to a file');

# Files that a build or the reader makes.
my %made = map { $_ => 1 } qw(bin/spoolhook etc/webhooks.d/first.json);
my @paths = map { m{^((?:bin|etc|man|src|tests|templates|packaging)/\S*)} }
    map { split } $prose =~ /`([^`]+)`/g;
ok(@paths > 10, 'and names paths');
is_deeply([grep { !$made{$_} && !-e } @paths], [], 'each of which is there');

# A promise names its tests in full, or those in the folder of the one before.
my ($promised) = $readme =~ /^## What is promised\n(.*?)^## /ms;
my ($folder, @tests) = ('');
for my $name ($promised =~ /`(\S+\.[tc])`/g) {
	$folder = $1 if $name =~ s{^(tests/\w+)/}{};
	push @tests, "$folder/$name";
}
ok(@tests > 20, 'the promises name their tests');
is_deeply([grep { !-e } @tests], [], 'each of which is there');

# ---- packages ---------------------------------------------------------------------
# bin/setup lists them one a line, in quoted lists. Those for building and
# testing must be told; those for measuring may be.
my %lists = slurp('bin/setup') =~ /^(\w+)='\n(.*?)^'$/msg;
my %listed_by = map { $_ => [grep { !/^#/ } split /\n/, $lists{$_}] } keys %lists;
my %needed = map { $_ => 1 } map { @{ $listed_by{$_} || [] } } qw(build test);
my %offered = map { $_ => 1 } map { @$_ } values %listed_by;
my ($section) = $readme =~ /^## Dependencies\n(.*?)^## /ms;
my %told = map { $_ => 1 } $section =~ /^\|[^|]+\| ([a-z0-9.+-]+) \|/mg;
ok((grep { /-dev$/ } keys %needed) > 6, 'bin/setup lists packages');
is_deeply([grep { !$told{$_} } sort keys %needed], [],
    'the README tells why for each of them');
is_deeply([grep { !$offered{$_} } sort keys %told], [], 'and for no other');

# ---- exit codes -----------------------------------------------------------------
my %codes = map { $_ => 1 } slurp('src/cmd/verb.h') =~ /^\tEXIT_\w+ = (\d+),/mg;
$codes{71} = 1 if slurp('src/base/mem.c') =~ /_exit\(EX_OSERR\)/;
my ($exits) = $readme =~ /^## Exit codes\n(.*?)^## /ms;
my %listed = map { $_ => 1 } map { /\d+/g } $exits =~ /^\| ([\d, ]+) \|/mg;
is_deeply(\%listed, \%codes, 'the README lists the exit codes');

# ---- other documents ----------------------------------------------------------------
my $copying = slurp('COPYING');
like($copying, qr/GPL-2\.0-or-later/, 'COPYING names the licence');
like($copying, qr/link the code of spoolhook with the OpenSSL library/,
    'with the exception for OpenSSL');
like($copying, qr/GNU GENERAL PUBLIC LICENSE\s+Version 2, June 1991/,
    'and has its text');
like($copying, qr/END OF TERMS AND CONDITIONS/, 'to the end');
my ($version) = slurp('src/base/version.h') =~ /"(\d+\.\d+\.\d+)"/;
like(slurp('CHANGELOG.md'), qr/^## \[\Q$version\E\]/m,
    'the changelog has an entry for this version');

# ---- the first webhook --------------------------------------------------------------
my ($first) = $readme =~ /^## A first webhook\n(.*?)^## /ms;
my @blocks = $first =~ /^```sh\n(.*?)^```$/msg;
is(scalar @blocks, 4, 'the first webhook is four blocks of commands');
my ($build, $endpoint, $daemon, $use) = @blocks;
is($build, "bin/setup\nmake\n", 'the first one builds');

my $stage = Stage->new;
my $copy = $stage->dir . '/checkout';
make_path("$copy/bin", "$copy/etc/webhooks.d", "$copy/spool");
copy($_, "$copy/$_") or die "$_: $!"
    for 'etc/spoolhook.json', glob 'etc/webhooks.d/*.json';
unlink "$copy/etc/webhooks.d/first.json";
symlink $program, "$copy/bin/spoolhook" or die "symlink: $!";

# Each block is one shell; the last command takes its place, so that the stage
# ends it by its pid.
my $port = free_port();
for ($endpoint, $daemon, $use) {
	s/\b9099\b/$port/g;
	s/spoolhook listen/spoolhook listen --port $port/;
}
s/^(bin\/spoolhook \S.*)\n\z/exec $1\n/m for $endpoint, $daemon;
sub terminal
{
	return $stage->start('sh', '-c', "cd '$copy' && set -e\n$_[0]");
}

my $receiver = terminal($endpoint);
ok(wait_until { $stage->errors($receiver) =~ /listening/ },
    'the endpoint listens');
my $running = terminal($daemon);
ok(wait_until { $stage->errors($running) =~ /is ready/ },
    'the daemon gets ready');
like($stage->output($running), qr/ 0 errors, 0 warnings$/m,
    'check has nothing to say');
$use =~ s/first\.json$/first.json\nuntil grep -q 'POST .* 503' '$stage->{dir}\/out.$receiver'; do sleep 0.05; done/m
    or die 'no dropped event';
my $used = terminal($use);
is($stage->reap($used), 0, 'the commands of the third terminal go well');
like($stage->output($used), qr/^[0-9A-HJKMNP-TV-Z]{16}$/m,
    'submit prints the id of its event');
like($stage->output($used), qr/^spoolhook is running/m,
    'status says that the daemon runs');
ok(wait_until {
	$stage->output($receiver) =~ m{POST /incidents -> 503\n.*POST /incidents -> 200}s &&
	    2 <= (() = $stage->output($receiver) =~ /Spoolhook-Event: incident_triggered/g);
}, 'the endpoint shows the refused event and those that came through');
ok(wait_until { $stage->output($receiver) =~ /Spoolhook-Attempt: 2/ },
    'the refused one comes again');
is($stage->stop($running, 'INT'), 0, 'Ctrl-C ends the daemon');
is($stage->stop($receiver, 'INT'), 0, 'and the endpoint');

done_testing;
