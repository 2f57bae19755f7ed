#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The format is clang-format's business, and each header compiles alone.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;

chdir "$Bin/../.." or die;
my @sources = glob 'src/*/*.[ch] tests/*.h tests/*/*.[ch]';
ok(@sources > 50, 'there are sources to look at');
my @ragged;
for my $file (@sources) {
	my $formatted = `clang-format '$file'`;

	open(my $in, '<', $file) or die "$file: $!";
	local $/;
	push @ragged, $file if $formatted ne <$in>;
}
is_deeply(\@ragged, [], 'every file is formatted (make format)');

my $flags = `pkg-config --cflags libcurl jansson sqlite3 openssl libmicrohttpd`;
chomp $flags;
my @alone;
for my $header (glob 'src/*/*.h') {
	push @alone, $header if system("gcc -std=gnu17 -D_GNU_SOURCE -Isrc " .
	    "$flags -fsyntax-only -x c $header 2>/dev/null") != 0;
}
is_deeply(\@alone, [], 'every header compiles alone');
done_testing;
