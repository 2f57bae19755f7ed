# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Contender: who is measured. Each knows how to say whether it is installed,
# where its drop box lies below a folder, and how it is started there for some
# URLs. BENCHMARKS.md gives the reason for each setting.
package Contender;

use strict;
use warnings;
use Bench qw(spawn spew slurp mono);
use File::Path qw(make_path);
use FindBin qw($Bin);
use IO::Socket::INET;
use JSON::PP;
use Time::HiRes qw(sleep);

my $program = $ENV{SPOOLHOOK_PROGRAM} || 'bin/spoolhook';

sub which
{
	my ($name) = @_;
	my ($found) = grep { -x } map { "$_/$name" }
	    split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
	return $found;
}

my %kinds = (
	'spoolhook' => {
		needs => [],
		box => 'spool/incoming',
		start => \&start_spoolhook,
	},
	'syslog-ng' => {
		needs => ['syslog-ng'],
		box => 'incoming',
		start => \&start_syslog_ng,
	},
	'alertmanager' => {
		needs => [qw(prometheus-alertmanager inotifywait)],
		box => 'incoming',
		start => \&start_alertmanager,
	},
	'shell loop' => {
		needs => [qw(inotifywait curl)],
		box => 'incoming',
		start => \&start_loop,
	},
);

sub new
{
	my ($class, $name, $dir) = @_;
	my $kind = $kinds{$name} or die "no contender is called $name\n";

	make_path("$dir/$kind->{box}");
	return bless { name => $name, dir => $dir, %$kind }, $class;
}

# The names of what is not installed, none when it can take part.
sub missing
{
	my ($name) = @_;
	return grep { !which($_) } @{ $kinds{$name}{needs} };
}

sub box { return "$_[0]{dir}/$_[0]{box}" }
sub pid { return $_[0]{pid} }

# Starts it; `urls` is a list. What else is given is the contender's own.
sub start
{
	my ($self, @rest) = @_;
	return $self->{pid} = $self->{start}->($self, @rest);
}

sub stop
{
	my ($self, $signal) = @_;
	return Bench::end_process($self->{pid}, $signal);
}

# ---- spoolhook -------------------------------------------------------------------

# With { webhooks => {…}, settings => {…} } instead of URLs those are used.
sub start_spoolhook
{
	my ($self, $urls, $own) = @_;
	my $etc = "$self->{dir}/etc";

	$self->configure($urls, $own || {}) unless -d $etc;
	return spawn("$self->{dir}/daemon", $program, '-c', $etc, 'run');
}

sub configure
{
	my ($self, $urls, $own) = @_;
	my $etc = "$self->{dir}/etc";
	my $webhooks = $own->{webhooks};
	my $json = JSON::PP->new->canonical;
	my $n = 0;

	$webhooks //= { map { ('url' . $n++, { endpoints => [$_] }) } @$urls };
	make_path("$etc/webhooks.d");
	chmod 0755, $etc, "$etc/webhooks.d";
	spew("$etc/spoolhook.json", $json->encode({
		%{ $own->{settings} || {} }, spool => { dir => '../spool' } }));
	for my $id (keys %$webhooks) {
		spew("$etc/webhooks.d/$id.json", $json->encode(
		    { triggers => ['*'], %{ $webhooks->{$id} } }));
	}
}

# Runs a verb of spoolhook on this contender's spool: (status, output, seconds).
sub verb
{
	my ($self, @args) = @_;
	my $start = mono();
	my $out = '';

	open(my $pipe, '-|', $program, '-c', "$self->{dir}/etc", @args)
	    or die "$program: $!";
	{ local $/; $out = <$pipe> // ''; }
	close $pipe;
	return ($? >> 8, $out, mono() - $start);
}

# ---- syslog-ng -------------------------------------------------------------------

# Its manual's way for this work: a message a file, four workers, a reliable
# disk buffer for each URL, flow control.
sub start_syslog_ng
{
	my ($self, $urls) = @_;
	my $dir = $self->{dir};
	my $n = 0;
	my $to = join "\n", map { my $i = $n++; <<"DESTINATION" } @$urls;
destination d$i { http(url("$_") method("POST")
    headers("Content-Type: application/json") body("\${MESSAGE}")
    workers(4) batch-lines(1) timeout(10) retries(1000) time-reopen(1)
    disk-buffer(reliable(yes) mem-buf-size(33554432) disk-buf-size(536870912)
        dir("$dir"))); };
log { source(s); destination(d$i); flags(flow-control); };
DESTINATION

	spew("$dir/syslog-ng.conf", <<"CONF");
\@version: 3.38
options { stats-freq(0); };
source s { wildcard-file(base-dir("$dir/incoming") filename-pattern("*.json")
    flags(no-parse) max-files(25000) log-iw-size(2500000)); };
$to
CONF
	return spawn("$dir/daemon", which('syslog-ng'), '-F', '--no-caps',
	    '-f', "$dir/syslog-ng.conf", '-R', "$dir/persist",
	    '-p', "$dir/pid", '-c', "$dir/control");
}

# ---- Alertmanager ----------------------------------------------------------------

sub free_port
{
	my $socket = IO::Socket::INET->new(Listen => 1,
	    LocalAddr => '127.0.0.1') or die "no free port: $!";
	return $socket->sockport;
}

sub start_alertmanager
{
	my ($self, $urls) = @_;
	my $dir = $self->{dir};
	my $port = free_port();
	my $hooks = join '', map { "  - url: $_\n    send_resolved: false\n" }
	    @$urls;

	spew("$dir/alertmanager.yml", <<"CONF");
route:
  receiver: sink
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 24h
receivers:
- name: sink
  webhook_configs:
$hooks
CONF
	# One group of processes: the feeder waits until the other listens.
	return spawn("$dir/daemon", '/bin/sh', '-c', join(' ',
	    which('prometheus-alertmanager'), "--config.file=$dir/alertmanager.yml",
	    "--storage.path=$dir/data", '--cluster.listen-address=',
	    "--web.listen-address=127.0.0.1:$port", '--log.level=error', '&',
	    "$Bin/feeder", "$dir/incoming", $port, '& wait'));
}

# ---- inotifywait and curl --------------------------------------------------------

sub start_loop
{
	my ($self, $urls) = @_;

	unlink $self->box . '.pipe';
	return spawn("$self->{dir}/daemon", "$Bin/loop.sh", $self->box, @$urls);
}

1;
