#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The floors, the doors and the words: what house rules a machine can keep.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;

chdir "$Bin/../.." or die;
my @sources = glob 'src/*/*.[ch]';
ok(@sources > 50, 'there are sources to look at');

my %text;
for my $file (@sources) {
	open(my $in, '<', $file) or die "$file: $!";
	local $/;
	$text{$file} = <$in>;
}

# ---- floors: a file includes its own floor and those below -----------------------
my %may = (
	base => [qw(base)],
	model => [qw(base model)],
	port => [qw(base model port)],
	flow => [qw(base model port flow)],
	cmd => [qw(base model port flow cmd)],
);
my @upward;
for my $file (@sources) {
	my ($floor) = $file =~ m{^src/(\w+)/};
	my %allowed = map { $_ => 1 } @{ $may{$floor} };

	while ($text{$file} =~ /^#include "([^"\/]*)\/?([^"]*)"/mg) {
		push @upward, "$file includes \"$1/$2\""
		    unless $2 && $allowed{$1};
	}
}
is_deeply(\@upward, [], 'no file includes a floor above its own');

# A port knows one outside thing: of the other ports it includes none, but the
# parts of its own noun (store_ask.c includes store.h, sql.h is the store's).
my @beside;
my %noun = (sql => 'store', ending => 'http');
for my $file (grep { m{^src/port/} } @sources) {
	my ($own) = $file =~ m{/([a-z]+)[^/]*$};

	while ($text{$file} =~ /^#include "port\/([a-z]+)[^"]*"/mg) {
		my ($mine, $other) = map { $noun{$_} // $_ } $own, $1;
		push @beside, "$file includes port/$1" if $mine ne $other;
	}
}
is_deeply(\@beside, [], 'no port includes another port');

my @verbs;
for my $file (grep { m{^src/cmd/.*\.c$} } @sources) {
	my $count = () = $text{$file} =~ /^const struct verb verb_/mg;

	push @verbs, $file if $count > 1;
}
is_deeply(\@verbs, [], 'a verb is one file');

# ---- doors: a library's header is included in one place --------------------------
my %door = (
	'curl/curl.h' => qr{^src/port/[^/]+\.c$},
	'libesmtp.h' => qr{^src/port/[^/]+\.c$},
	'inotifytools/inotifytools.h' => qr{^src/port/[^/]+\.c$},
	'sqlite3.h' => qr{^src/port/[^/]+\.c$},
	'microhttpd.h' => qr{^src/port/[^/]+\.c$},
);
for my $header (sort keys %door) {
	my @files = grep { $text{$_} =~ /^#include <\Q$header\E>/m } @sources;

	is(scalar @files, 1, "$header is included in one file: @files");
	like($files[0] // '', $door{$header}, '... a port');
}
my @jansson = grep { $text{$_} =~ /^#include <jansson\.h>/m }
    grep { !m{^src/(model|cmd)/} } @sources;
is_deeply(\@jansson, [], 'jansson.h stays in model/ and cmd/');
my @ev = grep { $text{$_} =~ /^#include <ev\.h>/m } grep { !m{^src/flow/} } @sources;
is_deeply(\@ev, [], 'ev.h stays in flow/');

# ---- words -----------------------------------------------------------------------
my %banned = (
	strcpy => 'mem_strdup or buf_puts', strcat => 'buf_puts',
	sprintf => 'snprintf or buf_printf', strtok => 'strcspn',
	atoi => 'text_int', gets => 'file_read', system => 'child_spawn',
	popen => 'child_spawn', gmtime => 'gmtime_r', localtime => 'localtime_r',
	rand => 'dice_roll',
);
my @words;
for my $file (@sources) {
	(my $code = $text{$file}) =~ s{/\*.*?\*/|"(?:\\.|[^"\\\n])*"}{}gs;

	for my $word (sort keys %banned) {
		push @words, "$file uses $word(): take $banned{$word}"
		    if $code =~ /(?<![\w.>])$word\s*\(/;
	}
	next if $file =~ m{^src/base/mem[._]};
	push @words, "$file uses $1(): take base/mem.h"
	    if $code =~ /(?<![\w.>])(malloc|calloc|realloc|strdup|strndup|asprintf)\s*\(/;
}
is_deeply(\@words, [], 'no banned function is called');

my @silent = grep { $text{$_} =~ /^#include "base\/say\.h"/m }
    grep { !m{^src/(base|flow|cmd)/} } @sources;
is_deeply(\@silent, [], 'only flow/ and cmd/ speak');
my @open = grep { $text{$_} !~ m{\A/\* SPDX-License-Identifier: [^\n]*\*/\n} } @sources;
is_deeply(\@open, [], 'each file starts with its licence');
my @untold = grep { /\.c$/ && $text{$_} !~ m{\A[^\n]*\n/\*\n} } @sources;
is_deeply(\@untold, [], 'each .c file opens with what it is');
my @undone = grep { $text{$_} =~ /\b(TODO|FIXME|XXX)\b/ } @sources;
is_deeply(\@undone, [], 'nothing is left to be done later');
# The one door to libcurl is one room, and the store's treaty is one paper.
my %room = ('src/port/http.c' => 800, 'src/port/store.h' => 800);
my @long = grep { my $n = () = $text{$_} =~ /\n/g; $n > ($room{$_} // 620) }
    @sources;
is_deeply(\@long, [], 'no file is much longer than 500 lines');
done_testing;
