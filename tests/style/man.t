#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The manual is whole and true: what the program and its tables know stands in
# the pages, and what stands in the pages the program knows.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;

chdir "$Bin/../.." or die;
my $program = $ENV{SPOOLHOOK_PROGRAM} || './bin/spoolhook';

sub slurp
{
	my ($path) = @_;
	open(my $in, '<', $path) or die "$path: $!";
	local $/;
	return scalar <$in>;
}

# Standard output of a command.
sub output
{
	my (@command) = @_;
	open(my $in, '-|', @command) or die "$command[0]: $!";
	local $/;
	my $text = <$in>;
	close $in;
	return $text // '';
}

my %page;
$page{$_} = slurp("man/$_")
    for qw(spoolhook.1 spoolhook.conf.5 spoolhook-webhook.5 spoolhook-log.5
    spoolhook-failures.7);

# ---- form ----------------------------------------------------------------------
for my $name (sort keys %page) {
	my $said = output('sh', '-c',
	    "mandoc -T lint -W warning 'man/$name' 2>&1 | grep -v mandoc.db");
	is($said, '', "$name: mandoc has nothing to say");
	my @long = grep { length > 100 } split /\n/, $page{$name};
	is_deeply(\@long, [], "$name: no line runs away");
}

# ---- commands and options --------------------------------------------------------
# In spoolhook(1) a command's entry goes from its `.It Cm` to the next one or to
# the next heading.
my %entry;
my $at;
for my $line (split /\n/, $page{'spoolhook.1'}) {
	$at = $1 if $line =~ /^\.It Cm (\S+)/;
	$at = '' if $line =~ /^\.S[hs] /;
	$entry{$at} .= "$line\n" if $at;
}

my %verbs;
for my $file (glob 'src/cmd/*.c') {
	my $text = slurp($file);
	while ($text =~ /^const struct verb verb_\w+ = \{(.*?)^\};/msg) {
		my ($verb) = $1 =~ /\.name = "([^"]+)"/;
		$verbs{$verb} = 1;
	}
}
ok(keys %verbs > 10, 'the commands are found in the sources');
is_deeply([sort keys %entry], [sort keys %verbs],
    'spoolhook(1) has an entry for every command, and for no other');

# Names of the options in a help text, with their letters.
sub options_of
{
	my ($help) = @_;
	my @names;

	while ($help =~ /^\s+(?:-(\w), |\s*)--([a-z-]+)/mg) {
		push @names, "-$2";
		push @names, $1 if defined $1;
	}
	return sort @names;
}

sub options_in
{
	my ($text) = @_;
	my %names;

	for my $item ($text =~ /^\.It (Fl .*)/mg) {
		$names{$1} = 1 while $item =~ /Fl (\S+)/g;
	}
	return sort keys %names;
}

for my $verb (sort keys %verbs) {
	my $help = output($program, 'help', $verb);
	my ($own) = $help =~ /(.*?)^Options of every command/ms;

	ok(defined $own, "help knows $verb") or next;
	is_deeply([options_in($entry{$verb} // '')], [options_of($own)],
	    "spoolhook(1) tells the options of $verb, and no others");
}

my ($common) = output($program, 'help', 'help') =~
    /^Options of every command:\n(.*)/ms;
my ($told) = $page{'spoolhook.1'} =~ /^\.Ss Options of every command(.*?)^\.Sh/ms;
is_deeply([options_in($told)], [options_of($common)],
    'spoolhook(1) tells the options of every command');

# ---- exit codes ------------------------------------------------------------------
my %codes = map { $_ => 1 }
    slurp('src/cmd/verb.h') =~ /^\tEXIT_\w+ = (\d+),/mg;
$codes{71} = 1 if slurp('src/base/mem.c') =~ /_exit\(EX_OSERR\)/;
my ($status) = $page{'spoolhook.1'} =~ /^\.Sh EXIT STATUS(.*?)^\.Sh/ms;
my %listed = map { $_ => 1 } $status =~ /^\.It (\d+)/mg;
is_deeply(\%listed, \%codes, 'spoolhook(1) lists the exit codes');

# ---- keys ------------------------------------------------------------------------
# Where a table of keys stands in the configuration.
my %prefix = (
	file_keys => '', spool_keys => 'spool.', input_keys => 'spool.inputs[].',
	retention_keys => 'retention.', log_keys => 'log.',
	delivery_keys => 'delivery.', mail_keys => 'mail.', metrics_keys => 'metrics.',
	auth_keys => 'mail.auth.', secret_keys => '', webhook_keys => '',
	retry_keys => 'retry.', breaker_keys => 'breaker.',
	endpoint_keys => 'endpoints[].',
);
my %of_page = (
	'spoolhook.conf.5' => [qw(src/model/conf_settings.c src/model/conf_secret.c)],
	'spoolhook-webhook.5' =>
	    [qw(src/model/conf_webhook.c src/model/conf_endpoint.c)],
);
# Objects that have a heading in place of an entry.
my %headed = map { $_ => 1 } qw(spool retention log delivery mail metrics);
my @strange;

for my $name (sort keys %of_page) {
	my @keys;

	for my $file (@{ $of_page{$name} }) {
		my $text = slurp($file);

		while ($text =~ /^static const struct key (\w+)\[\] = \{(.*?)^\};/msg) {
			my ($table, $rows) = ($1, $2);

			push @strange, "$file: $table"
			    unless defined $prefix{$table};
			push @keys, map { ($prefix{$table} // '?.') . $_ }
			    $rows =~ /KEY\("([^"]+)"/g;
		}
	}
	my %entries = map { $_ => 1 } $page{$name} =~ /^\.It Ic (\S+)$/mg;
	my @missing = grep {
		!$entries{$_} &&
		    !($headed{$_} && $page{$name} =~ /^\.Ss \Q$_\E$/m)
	} @keys;
	ok(@keys > 15, "the keys of $name are found in the sources");
	is_deeply(\@missing, [], "$name has an entry for every key");
	my %known = map { $_ => 1 } @keys;
	if ($name eq 'spoolhook-webhook.5') {
		my ($section) = $page{$name} =~ /^\.Sh KEYS(.*?)^\.Sh/ms;
		is_deeply([grep { !$known{$_} } $section =~ /^\.It Ic (\S+)$/mg],
		    [], "$name has no key that is none");
		next;
	}
	is_deeply([grep { !$known{$_} } sort keys %entries], [],
	    "$name has no key that is none");
}
is_deeply(\@strange, [], 'every table of keys has its place');

# ---- filters -----------------------------------------------------------------------
my ($forms) = slurp('src/model/filter_compile.c') =~
    /^\} forms\[\] = \{(.*?)^\};/ms;
my @forms = $forms =~ /\{ "(\w+)"/g;
ok(@forms > 4, 'the conditions are found in the sources');
is_deeply([grep { $page{'spoolhook-webhook.5'} !~ /\\\(dq$_\\\(dq/ } @forms],
    [], 'every condition is told');
my ($relations) = slurp('src/model/relation.c') =~
    /^static const struct relation table\[\] = \{(.*?)^\};/ms;
my ($operators) = $page{'spoolhook-webhook.5'} =~
    /^\.Ss Operators(.*?)^\.Pp/ms;
is_deeply([sort $operators =~ /^\.It Ic (\w+)$/mg],
    [sort $relations =~ /\{ "(\w+)"/g], 'and every operator');

# ---- codes of findings ----------------------------------------------------------
my %findings;
for my $file (glob('src/model/conf*.c'), 'src/model/filter_compile.c',
    'src/model/source.c', 'src/flow/load.c', 'src/cmd/online.c')
{
	my $text = slurp($file);

	$findings{$_} = 1 for
	    $text =~ /reader_(?:say|warn|say_key)\(\s*r,\s*"([a-z-]+)"/g,
	    $text =~ /\bfault(?:_near)?\(\s*c,\s*[&\w]+,\s*"([a-z-]+)"/g,
	    $text =~ /code = "([a-z-]+)"/g,
	    $text =~ /place_say\([^"]*"([a-z-]+)"/g,
	    $text =~ /say\(load,\s*SEVERITY_\w+,\s*\w+,\s*"([a-z-]+)"/g;
}
$findings{$_} = 1
    for slurp('src/flow/load.h') =~ /define LOAD_NOT_PERMITTED "([a-z-]+)"/g;
my %explained = map { $_ => 1 }
    $page{'spoolhook.conf.5'} =~ /^\.It Sy (\S+)$/mg;
ok(keys %findings > 30, 'the codes of findings are found in the sources');
is_deeply([grep { !$explained{$_} } sort keys %findings], [],
    'spoolhook.conf(5) explains every code of a finding');

# ---- the log ------------------------------------------------------------------------
my $record = join '', map { slurp($_) } qw(src/flow/record.c
    src/flow/record_delivery.c);
my $log = $page{'spoolhook-log.5'};
my %items = map { $_ => 1 } map { /Ic (\S+)/g } $log =~ /^\.It (.*)/mg;
my %words = map { $_ => 1 } $log =~ /^\.Ic (\S+)/mg, keys %items;
my %kinds = map { $_ => 1 }
    $record =~ /begin\(record,\s*SAY_\w+,\s*"(\w+)"/g;
ok(keys %kinds > 9, 'the kinds of lines are found in the sources');
is_deeply([grep { !$items{$_} } sort keys %kinds], [],
    'spoolhook-log(5) has an entry for every kind');
my %members = map { $_ => 1 }
    $record =~ /jot_\w+\(\s*line,\s*"(\w+)"/g;
ok(keys %members > 30, 'the members are found in the sources');
is_deeply([grep { !$words{$_} } sort keys %members], [],
    'and tells every member of a line');
my ($faults) = slurp('src/model/answer.c') =~
    /^static const char \*const words\[\] = \{(.*?)^\};/ms;
is_deeply([grep { !$items{$_} } $faults =~ /"(\w+)"/g], [],
    'and every error code');

my %refusals;
for my $file (qw(src/model/scan.c src/model/split.c src/model/event.c
    src/flow/intake.c src/flow/reader.c))
{
	my $text = slurp($file);

	$refusals{$_} = 1 for
	    $text =~ /\bbad\(s,[^;]*?"([a-z_]+)"/g,
	    $text =~ /scan_fault\)?(?: fault =)?\s*\{[^"]*"([a-z_]+)"/g,
	    $text =~ /\bblame\(k,[^"]*"([a-z_]+)"/g,
	    $text =~ /\brefuse\(code, "([a-z_]+)"/g,
	    $text =~ /struct refusal refusal = \{ "([a-z_]+)"/g,
	    $text =~ /\brefuse\(\s*r, "([a-z_]+)"/g;
}
my ($section) = $log =~ /^\.Sh REFUSALS(.*?)^\.Sh/ms;
my %named = map { $_ => 1 } $section =~ /^\.It Ic (\w+)/mg;
ok(keys %refusals > 6, 'the codes of refusals are found in the sources');
is_deeply([grep { !$named{$_} } sort keys %refusals], [],
    'and every code of a refusal');
my @why = slurp('src/flow/refuse.c') =~ /jot_\w+\(&text, "(\w+)"/g;
ok(@why > 5, 'the members of a reason are found in the sources');
is_deeply([grep { $section !~ /Ic \Q$_\E\b/ } @why], [],
    'and every member of NAME.why.json');

# ---- failures ------------------------------------------------------------------------
my @shown = map { /(\S+\.t)\b/g } $page{'spoolhook-failures.7'} =~ /^\.Bq (.*)/mg;
ok(@shown > 20, 'spoolhook-failures(7) names the tests that show it');
is_deeply([grep { !-e "tests/$_" && !-e "tests/fault/$_" && !-e "tests/flow/$_" }
    @shown], [], 'each of which is there');

done_testing;
