#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `completion`: what bash offers when it has loaded the script, asked through
# its own completion function; the same of a real fish, and of a zsh in which
# Tab is pressed, where they are installed.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Cwd qw(abs_path);
use JSON::PP;
use Stage qw(spew slurp top wait_until);
use Test::More;

my $program = abs_path($ENV{SPOOLHOOK_PROGRAM} || top() . '/bin/spoolhook');
my $stage = Stage->new(webhooks => {
	pager => { endpoints => [ { id => 'primary', url => 'http://127.0.0.1:9/' } ],
		retry => { delays => ['1d'], give_up_after => '10d' } },
	'pager-two' => { endpoints => ['http://h.example/'],
		enabled => JSON::PP::false },
});
my $etc = $stage->etc;

sub here { my ($name) = @_; return grep { -x "$_/$name" } split /:/, $ENV{PATH} }

# The program is called as people do, by its name. `bash` would find another
# one in PATH.
symlink $program, "$stage->{dir}/spoolhook" or die "symlink: $!";
spew("$stage->{dir}/ask.bash", <<'END');
cd "$1" || exit
shift
PATH=$PWD:$PATH
source <(spoolhook completion bash)
complete -p spoolhook >/dev/null || exit
COMP_WORDS=(spoolhook "$@")
COMP_CWORD=$#
compopt() { printf 'option %s %s\n' "$1" "$2"; }
_spoolhook
printf '%s\n' "${COMPREPLY[@]}"
END

sub offered
{
	my $n = $stage->start('bash', "$stage->{dir}/ask.bash", $stage->dir, @_);

	is($stage->reap($n), 0, "bash completes: spoolhook @_")
	    or diag $stage->errors($n);
	return [ sort grep { length } split /\n/, $stage->output($n) ];
}

my ($status, $help) = $stage->verb('help');
my @verbs = sort $help =~ /^  (\w+) /mg;
is_deeply(offered(''), \@verbs, 'every command that `help` lists is offered');
is_deeply(offered('rou'), ['route'], '... those that begin so');
is_deeply(offered('-c', $etc, 'send', ''), ['pager', 'pager-two'],
    'webhooks, of the configuration that is meant');
is_deeply(offered('-c', $etc, 'send', 'pager-'), ['pager-two'], '... that begin so');
is_deeply(offered('-c', $etc, 'render', 'pager', '--endpoint', ''), ['0', 'primary'],
    'endpoints');
is_deeply(offered('queue', '--state', 'de'), [qw(dead deferred delivered)], 'states');
is_deeply([sort @{ offered('log', '-k', 're') }],
	[qw(rejected released reload_failed reloaded resent resumed retried)], 'kinds of log lines');
is_deeply(offered('queue', '--state', '=', 'de'), [qw(dead deferred delivered)],
    '... also behind a sign');
is_deeply(offered('sample', 'incident_res'), ['incident_resolved'], 'event types');
is_deeply(offered('send', '--end'), ['--endpoint'], 'options of the command');
is_deeply(offered('--ver'), ['--verbose', '--version'], '... and common ones');
is_deeply(offered('completion', ''), [qw(bash fish zsh)], 'shells');
is_deeply(offered('help', 'comp'), ['completion'], 'commands for help');
spew("$stage->{dir}/with space.json", '{}');
is_deeply(offered('route', 'with'), ['option -o filenames', 'with space.json'],
    'files, also with odd names');
is_deeply(offered('-c', $etc, 'show', ''), [], 'no delivery: nothing is offered');

my $daemon = $stage->run;
$stage->drop('a.json', $stage->event_text('triggered'));
wait_until { grep { $_->{state} eq 'deferred' } $stage->queue };
my ($delivery) = map { $_->{delivery} } $stage->queue;
is_deeply(offered('-c', $etc, 'show', ''), [$delivery], 'deliveries, from the store');
is_deeply(offered('-c', $etc, 'queue', 'retry', substr $delivery, 0, 4), [$delivery],
    '... for the verbs of the queue');
$stage->stop($daemon);
is_deeply(offered('-c', $etc, 'resend', ''), [$delivery], '... with the daemon down');

is_deeply(offered('-c', "$etc/none", 'send', ''), [],
    'a configuration that is not there offers nothing, and says nothing');
$stage->webhook('pager', '{');
is_deeply(offered('-c', $etc, 'send', ''), [], '... nor does a broken one');

# ---- the other shells ------------------------------------------------------------
$stage->webhook('pager', { endpoints => [ { id => 'primary', url => 'http://127.0.0.1:9/' } ] });
for my $shell (qw(zsh fish)) {
	my ($code, $script) = $stage->verb('completion', $shell);

	is($code, 0, "there is a script for $shell");
	SKIP: {
		skip "no $shell here", 1 unless here($shell);
		spew("$stage->{dir}/script", $script);
		my $n = $stage->start($shell, '-n', "$stage->{dir}/script");
		is($stage->reap($n), 0, "... that $shell can read");
	}
}

# What a real shell makes of the script: its own completion is asked.
spew("$stage->{dir}/ask.fish", <<'END');
cd $argv[1]
set PATH $argv[1] $PATH
spoolhook completion fish | source
complete -C $argv[2]
END

# An interactive zsh on a terminal of its own, in which Tab is pressed; the line
# that it makes of it is written down.
spew("$stage->{dir}/inside.zsh", <<'END');
cd $STAGE
PATH=$STAGE:$PATH
autoload -Uz compinit
compinit -u -d $STAGE/.zcompdump
source <(spoolhook completion zsh)
pressed() { zle complete-word; print -r -- "$BUFFER" >$STAGE/line }
zle -N pressed
bindkey '^I' pressed
print RE''ADY
END
spew("$stage->{dir}/ask.zsh", <<'END');
zmodload zsh/zpty zsh/zselect
export STAGE=$1
cd $1
zpty shell zsh -f -i
zpty -w shell "PS1=; source $1/inside.zsh"
zpty -r -m shell seen '*READY*' || exit 1
zpty -n -w shell "$2"$'\t'
repeat 500; do
	zpty -r -t shell seen
	[[ -s $1/line ]] && break
	zselect -t 2
done
zpty -d shell
cat $1/line
END

sub fish
{
	my ($line) = @_;
	my $n = $stage->start('fish', '--no-config', "$stage->{dir}/ask.fish",
	    $stage->dir, $line);

	is($stage->reap($n), 0, "fish completes: $line") or diag $stage->errors($n);
	return [ sort map { s/\t.*//r } grep { length } split /\n/, $stage->output($n) ];
}

sub zsh
{
	my ($line) = @_;

	unlink "$stage->{dir}/line";
	my $n = $stage->start('zsh', '-f', "$stage->{dir}/ask.zsh", $stage->dir, $line);
	is($stage->reap($n), 0, "zsh completes: $line") or diag $stage->errors($n);
	return $stage->output($n) =~ s/\s+\z//r;
}

my $half = substr $delivery, 0, 10;
mkdir "$stage->{dir}/home";
local $ENV{HOME} = "$stage->{dir}/home";
SKIP: {
	skip 'no fish here', 20 unless here('fish');
	is_deeply(fish('spoolhook '), \@verbs, 'every command');
	is_deeply(fish('spoolhook rou'), ['route'], '... those that begin so');
	is_deeply(fish("spoolhook -c $etc send "), ['pager', 'pager-two'], 'webhooks');
	is_deeply(fish("spoolhook -c $etc render pager --endpoint "), ['0', 'primary'],
	    'endpoints');
	is_deeply(fish('spoolhook queue --state de'), [qw(dead deferred delivered)], 'states');
	is_deeply(fish('spoolhook queue --state=de'),
	    [qw(--state=dead --state=deferred --state=delivered)], '... behind a sign, too');
	is_deeply(fish("spoolhook -c $etc queue retry $half"), [$delivery], 'deliveries');
	is_deeply(fish('spoolhook send --end'), ['--endpoint'], 'options');
	is_deeply(fish('spoolhook route with'), ['with space.json'], 'files');
	is_deeply(fish("spoolhook -c $etc/none send "), [], 'no configuration: silence');
}
SKIP: {
	skip 'no zsh here', 16 unless here('zsh');
	is(zsh('spoolhook rou'), 'spoolhook route', 'a command');
	is(zsh("spoolhook -c $etc send pager-"), "spoolhook -c $etc send pager-two", 'a webhook');
	is(zsh("spoolhook -c $etc render pager --endpoint p"),
	    "spoolhook -c $etc render pager --endpoint primary", 'an endpoint');
	is(zsh('spoolhook queue --state def'), 'spoolhook queue --state deferred', 'a state');
	is(zsh('spoolhook queue --state=def'), 'spoolhook queue --state=deferred',
	    '... behind a sign, too');
	is(zsh("spoolhook -c $etc show $half"), "spoolhook -c $etc show $delivery", 'a delivery');
	is(zsh('spoolhook send --end'), 'spoolhook send --endpoint', 'an option');
	is(zsh('spoolhook route with'), 'spoolhook route with\\ space.json', 'a file');
}

my ($code, undef, $err) = $stage->verb('completion');
is($code, 64, 'no shell: 64');
like($err, qr/bash, zsh or fish/, '... and which there are');
($code, undef, $err) = $stage->verb('completion', 'tcsh');
is($code, 64, 'another shell: 64');
done_testing;
