#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `metrics`: numbers for Prometheus that are true, keep the format, and name
# nothing that must not be a label. promtool looks at them where it is installed.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(free_port slurp spew wait_until);
use Test::More;

my $stage = Stage->new;
my ($listener, $port) = $stage->listen('--status', '503,200');

$stage->webhook('good', { endpoints => ["http://127.0.0.1:$port/?key=Geheimnis"],
	retry => { delays => ['10ms'], jitter => 0 } });
$stage->webhook('bad', { endpoints => [ { id => 'x',
	url => 'http://127.0.0.1:' . free_port() . '/' } ], retry => { max_retries => 0 },
	triggers => ['incident_triggered'] });

# Checks the format by hand and returns { 'name{labels}' => value }.
sub read_metrics
{
	my ($text) = @_;
	my (%type, %told, %value, $family, @wrong);

	for my $line (split /\n/, $text) {
		if ($line =~ /^# HELP (\w+) \S.*\.$/) {
			push @wrong, $line if $told{$1}++;
			$family = $1;
		} elsif ($line =~ /^# TYPE (\w+) (counter|gauge|histogram)$/) {
			push @wrong, $line if $family ne $1;
			$type{$1} = $2;
			push @wrong, "$1 and _total"
			    if ($2 eq 'counter') != ($1 =~ /_total$/);
		} elsif ($line =~ /^(spoolhook_\w+)((?:\{(?:\w+="[\w.+-]*",?)+\})?) (-?\d+(?:\.\d+)?)$/) {
			my ($base, $series, $number) = ($1, "$1$2", $3);

			$base =~ s/_(bucket|sum|count)$// if ($type{$family} // '') eq 'histogram';
			push @wrong, "$line is not of $family" if $base ne $family;
			push @wrong, "$line twice" if exists $value{$series};
			$value{$series} = $number + 0;
		} else {
			push @wrong, $line;
		}
	}
	is_deeply(\@wrong, [], 'every line is as Prometheus wants it');
	return \%value;
}

sub read_time { return $_[0] =~ /^spoolhook_metrics_timestamp_seconds (\S+)/m ? $1 : 0 }

my ($status, $out, $err) = $stage->verb('metrics');
isnt($status, 0, 'without a spool there is nothing to tell');
like($err, qr/\S/, '... which is said');

my $daemon = $stage->run;
$stage->drop('a.json', $stage->event_text('triggered'));
$stage->drop('b.json', $stage->event_text('resolved', event_type => "odd\"type\\"));
$stage->drop('bad.json', 'nonsense');
wait_until { (grep { $_->{state} =~ /delivered|dead/ } $stage->queue) == 2 };
wait_until { -e $stage->spool . '/rejected/bad.json.why.json' };
($status, $out) = $stage->verb('metrics');
is($status, 0, 'metrics succeeds');
my $now = read_metrics($out);
my %want = (
	'events_accepted_total{event_type="incident_triggered"}' => 1,
	'events_accepted_total{event_type="other"}' => 1,
	'events_unmatched_total' => 1,
	'attempts_total{webhook="good",endpoint="0",result="deferred"}' => 1,
	'attempts_total{webhook="good",endpoint="0",result="delivered"}' => 1,
	'deliveries_total{webhook="good",endpoint="0",result="delivered"}' => 1,
	'deliveries_total{webhook="bad",endpoint="x",result="dead"}' => 1,
	'attempt_duration_seconds_count{webhook="good"}' => 2,
	'attempt_duration_seconds_bucket{webhook="good",le="+Inf"}' => 2,
	'queue_deliveries{state="queued"}' => 0,
	'queue_oldest_seconds{webhook="bad"}' => 0,
	'webhook_paused{webhook="good"}' => 0,
	'up' => 1, 'rejected_files' => 1, 'dead_deliveries' => 1,
	'config_last_load_successful' => 1, 'config_generation' => 1,
	'endpoint_resting{webhook="good",endpoint="0"}' => 0,
	'endpoint_resting{webhook="bad",endpoint="x"}' => 0,
);
is($now->{"spoolhook_$_"}, $want{$_}, "$_ is $want{$_}") or diag explain $now
    for sort keys %want;
ok(!exists $now->{'spoolhook_last_success_timestamp_seconds{webhook="bad",endpoint="x"}'},
    'an endpoint that never succeeded has no time of it');
cmp_ok($now->{'spoolhook_last_scan_timestamp_seconds'}, '>', time - 60,
    'the last sign of life is a recent time in seconds');
unlike($out, qr/Geheimnis|odd|127\.0\.0\.1|61c075f7/,
    'no URL, id or text of an event is in it');

SKIP: {
	skip 'no promtool here', 1
	    unless grep { -x "$_/promtool" } split /:/, $ENV{PATH};
	open(my $tool, '|-', 'promtool check metrics') or die "promtool: $!";
	print $tool $out;
	close $tool;
	is($? >> 8, 0, 'promtool finds nothing to say');
}

# ---- what an alert is made of ----------------------------------------------------
my $loaded = $now->{spoolhook_config_last_load_success_timestamp_seconds};
cmp_ok($loaded, '>', time - 60, 'the configuration was loaded at a recent time');
my $whole = slurp($stage->etc . '/webhooks.d/bad.json');
$stage->webhook(bad => '{');
kill 'HUP', $stage->pid($daemon);
wait_until { $stage->log('reload_failed') };
($status) = $stage->verb('metrics');
is($status, 0, 'a webhook that cannot be read hides nothing of the others');
$stage->webhook(bad => $whole);
$now = read_metrics(($stage->verb('metrics'))[1]);
is($now->{spoolhook_config_last_load_successful}, 0, 'a reload that was refused is seen');
is($now->{spoolhook_config_last_load_success_timestamp_seconds}, $loaded,
    '... and since when the old one is in use');
$stage->webhook(bad => { endpoints => [ { id => 'x',
	url => 'http://127.0.0.1:' . free_port() . '/' } ], retry => { max_retries => 0 },
	triggers => ['disk_full'], breaker => { failures => 1 } });
kill 'HUP', $stage->pid($daemon);
wait_until { $stage->log('reloaded') };
$stage->drop('c.json', $stage->event_text('triggered', event_type => 'disk_full', id => 'c'));
ok(wait_until(sub { read_metrics(($stage->verb('metrics'))[1])
	->{'spoolhook_endpoint_resting{webhook="bad",endpoint="x"}'} }),
    'an endpoint that rests is seen');
$now = read_metrics(($stage->verb('metrics'))[1]);
is($now->{spoolhook_config_last_load_successful}, 1, 'a good reload ends the alert');
cmp_ok($now->{spoolhook_config_last_load_success_timestamp_seconds}, '>', $loaded,
    '... with its time');

# ---- true counters ---------------------------------------------------------------
$stage->stop($daemon);
($status, $out) = $stage->verb('metrics');
$now = read_metrics($out);
is($now->{spoolhook_up}, 0, 'the daemon is down');
is($now->{'spoolhook_events_rejected_total{code="syntax"}'}, 1,
    'what it counted itself is in the store');
is($now->{'spoolhook_deliveries_total{webhook="good",endpoint="0",result="delivered"}'}, 1,
    'counters stay with the daemon down');
my ($id) = map { $_->{delivery} } grep { $_->{webhook} eq 'good' } $stage->queue;
($status, $out, $err) = $stage->verb('resend', $id);
is($status, 0, 'a delivery is sent again') or diag $err;
$daemon = $stage->run;
wait_until { $stage->received($listener) == 3 };
wait_until { 3 == grep { $_->{state} =~ /delivered|dead/ } $stage->queue };
($status, $out) = $stage->verb('metrics');
is(read_metrics($out)->{'spoolhook_deliveries_total{webhook="good",endpoint="0",result="delivered"}'},
    2, '... and counts once more: a counter only grows');

# ---- a file for the collector ----------------------------------------------------
my $file = "$stage->{dir}/spoolhook.prom";
my $old = umask 077;
($status, $out, $err) = $stage->verb('metrics', '-o', $file);
umask $old;
is($status, 0, '-o succeeds') or diag $err;
is($out, '', '... and prints nothing');
is((stat $file)[2] & 07777, 0644, 'the collector can read it, whatever the umask');
read_metrics(slurp($file));
is_deeply([ glob "$stage->{dir}/.spoolhook*" ], [], 'nothing is left beside it');
($status, undef, $err) = $stage->verb('metrics', '-o', "$stage->{dir}/no/such/x.prom");
is($status, 73, 'a file that cannot be made: 73');
like($err, qr/x\.prom/, '... named');
($status, undef, $err) = $stage->verb('metrics', $file);
is($status, 64, 'a file without -o is a mistake');
like($err, qr/-o FILE/, '... that says what to type');

# ---- kept fresh by the daemon ----------------------------------------------------
my $kept = "$stage->{dir}/prom/kept.prom";
$stage->settings({ metrics => { textfile => $kept, interval => '1s' } });
kill 'HUP', $stage->pid($daemon);
wait_until { $stage->errors($daemon) =~ /kept\.prom.*No such file/ };
like($stage->errors($daemon), qr/kept\.prom/, 'a file that cannot be written is said');
mkdir "$stage->{dir}/prom";
ok(wait_until { -s $kept }, 'and written when it can be');
my $written = read_metrics(slurp($kept));
is($written->{spoolhook_up}, 1, '... while the daemon is up');
my $first = $written->{spoolhook_metrics_timestamp_seconds};
ok(wait_until { read_time(slurp($kept)) > $first }, '... again and again');
$stage->settings({});
kill 'HUP', $stage->pid($daemon);
wait_until { () = $stage->errors($daemon) =~ /generation 3 is in use/ };
is($stage->stop($daemon), 0, 'the daemon ends well');
done_testing;
