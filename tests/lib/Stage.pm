# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Stage: what the stories in tests/flow/ play on. A stage is a temporary
# directory with a configuration and a spool, the real program, and real peers
# on free loopback ports. Everything that was started is ended by its pid when
# the stage goes out of scope.
package Stage;

use strict;
use warnings;
use Carp qw(croak);
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

our @EXPORT_OK = qw(wait_until free_port slurp spew top);

my $top = abs_path(dirname(__FILE__) . '/../..');
sub top { return $top }

# The program under test; bin/test sets it for sanitizer builds.
my $program = $ENV{SPOOLHOOK_PROGRAM} || "$top/bin/spoolhook";

# Waits for a fact, never for a time: calls the code until it is true.
# Returns its value, or the false one after `seconds` (30).
sub wait_until (&;$)
{
	my ($fact, $seconds) = @_;
	my $end = time + ($seconds // 30);
	my $value;

	until ($value = $fact->()) {
		return $value if time > $end;
		sleep 0.02;
	}
	return $value;
}

sub free_port
{
	my $socket = IO::Socket::INET->new(
	    Listen => 1, LocalAddr => '127.0.0.1', LocalPort => 0)
	    or die "no free port: $!";
	return $socket->sockport;
}

sub slurp
{
	my ($path) = @_;
	open(my $in, '<:raw', $path) or return undef;
	local $/;
	my $text = <$in>;
	return defined $text ? $text : '';
}

sub spew
{
	my ($path, $text) = @_;
	make_path(dirname($path));
	open(my $out, '>:raw', $path) or croak "$path: $!";
	print $out $text or croak "$path: $!";
	close $out or croak "$path: $!";
}

# new(settings => {…}, webhooks => { id => {…} })
sub new
{
	my ($class, %args) = @_;
	my $self = bless {
		dir => tempdir('spoolhook-XXXXXX', TMPDIR => 1, CLEANUP => 1),
		pids => {}, serial => 0, owner => $$,
	}, $class;

	chmod 0755, $self->{dir};
	$self->settings($args{settings} || {});
	make_path("$self->{dir}/etc/webhooks.d");
	$self->webhook($_, $args{webhooks}{$_})
	    for sort keys %{ $args{webhooks} || {} };
	return $self;
}

sub dir   { return $_[0]{dir} }
sub etc   { return "$_[0]{dir}/etc" }
sub spool { return "$_[0]{dir}/spool" }

# Writes spoolhook.json; spool.dir is set to this stage's unless given.
sub settings
{
	my ($self, $settings) = @_;
	my %all = %$settings;

	$all{spool} = { dir => '../spool', %{ $all{spool} || {} } };
	spew("$self->{dir}/etc/spoolhook.json",
	    JSON::PP->new->canonical->pretty->encode(\%all));
}

# Writes webhooks.d/ID.json; undef removes it.
sub webhook
{
	my ($self, $id, $webhook) = @_;
	my $path = "$self->{dir}/etc/webhooks.d/$id.json";

	return unlink $path unless defined $webhook;
	spew($path, ref $webhook
	    ? JSON::PP->new->canonical->pretty->encode($webhook) : $webhook);
}

# Starts a command in the background, its output into a file; returns its
# number, to be used with stop, alive, output.
sub start
{
	my ($self, @command) = @_;
	my $n = ++$self->{serial};
	my $pid = fork // die "fork: $!";

	if (!$pid) {
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$self->{dir}/out.$n") or POSIX::_exit(126);
		open(STDERR, '>', "$self->{dir}/err.$n") or POSIX::_exit(126);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	$self->{pids}{$n} = $pid;
	return $n;
}

sub pid { return $_[0]{pids}{ $_[1] } }

sub output { return slurp("$_[0]{dir}/out.$_[1]") // '' }
sub errors { return slurp("$_[0]{dir}/err.$_[1]") // '' }

# Waits for its end; returns the exit status, or "signal N", undef in time.
sub reap
{
	my ($self, $n, $seconds) = @_;
	my $pid = $self->{pids}{$n} or return undef;
	my $status;

	wait_until { waitpid($pid, WNOHANG) == $pid ? ($status = $?, 1)[1] : 0 }
	    $seconds // 60 or return undef;
	delete $self->{pids}{$n};
	return $status & 127 ? 'signal ' . ($status & 127) : $status >> 8;
}

sub stop
{
	my ($self, $n, $signal) = @_;
	my $pid = $self->{pids}{$n} or return undef;

	kill $signal || 'TERM', $pid;
	my $status = $self->reap($n);
	if (!defined $status) {
		kill 'KILL', $pid;
		$status = $self->reap($n);
	}
	return $status;
}

# Runs a verb to its end: (exit status, stdout, stderr). Input may be given as
# { stdin => TEXT } and variables as { env => {…} } before the verb.
sub verb
{
	my ($self, @args) = @_;
	my $with = ref $args[0] eq 'HASH' ? shift @args : {};
	my $n = ++$self->{serial};
	my $pid;

	spew("$self->{dir}/in.$n", $with->{stdin} // '');
	$pid = fork // die "fork: $!";
	if (!$pid) {
		%ENV = (%ENV, %{ $with->{env} || {} });
		open(STDIN, '<', "$self->{dir}/in.$n");
		open(STDOUT, '>', "$self->{dir}/out.$n");
		open(STDERR, '>', "$self->{dir}/err.$n");
		my @command = (@{ $self->{as} || [] }, $program,
		    '-c', $self->etc, @args);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	my $status = $? & 127 ? 'signal ' . ($? & 127) : $? >> 8;
	return ($status, $self->output($n), $self->errors($n));
}

# The daemon. Returns when it says that it is ready.
sub run
{
	my ($self, @args) = @_;
	my $n = $self->start(@{ $self->{as} || [] }, $program,
	    '-c', $self->etc, 'run', @args);

	$self->{daemon} = $n;
	wait_until { $self->errors($n) =~ /is ready/ || !$self->alive($n) };
	die "the daemon did not start:\n" . $self->errors($n)
	    unless $self->errors($n) =~ /is ready/;
	return $n;
}

sub alive
{
	my ($self, $n) = @_;
	my $pid = $self->{pids}{$n} or return 0;

	return kill(0, $pid) && (slurp("/proc/$pid/stat") // 'Z') !~ /\) Z /;
}

# The receiver: `spoolhook listen`. Returns (number, port).
sub listen
{
	my ($self, @args) = @_;
	my $n = $self->start($program, 'listen', '--port', 0, '--json', @args);
	my $port;

	wait_until {
		($port) = ($self->errors($n) . $self->output($n)) =~
		    m{listening on http://127\.0\.0\.1:(\d+)/};
	} or die "no receiver:\n" . $self->errors($n);
	return ($n, $port);
}

# A real nginx. The snippet stands in its server block; {PORT} and {DIR} in it
# are the port and the stage's directory. With tls => 1 it speaks TLS by
# make_cert's "server". Returns (number, port).
sub start_nginx
{
	my ($self, $snippet, %with) = @_;
	my $port = free_port();
	my $dir = "$self->{dir}/nginx.$port";
	my $tls = $with{tls} ? 'ssl' : '';
	my $certificate = $with{tls} ? "ssl_certificate $self->{dir}/server.pem;
	    ssl_certificate_key $self->{dir}/server.key;" : '';

	make_path($dir);
	$snippet =~ s/\{PORT\}/$port/g;
	$snippet =~ s/\{DIR\}/$dir/g;
	spew("$dir/nginx.conf", <<"END");
daemon off; master_process off; pid $dir/pid; error_log $dir/error.log;
events { worker_connections 1024; }
http {
	client_body_temp_path $dir/body; proxy_temp_path $dir/proxy;
	fastcgi_temp_path $dir/fcgi; uwsgi_temp_path $dir/uwsgi;
	scgi_temp_path $dir/scgi; keepalive_requests 100000;
	log_format tell '\$msec \$request_method \$uri \$status \$http_webhook_id';
	access_log $dir/access.log tell;
	server { listen 127.0.0.1:$port $tls; $certificate $snippet }
}
END
	my $n = $self->start('/usr/sbin/nginx', '-p', $dir, '-c', "$dir/nginx.conf",
	    '-e', "$dir/error.log");
	wait_until {
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)
		    || !$self->alive($n)
	};
	die "no nginx:\n" . $self->errors($n) unless $self->alive($n);
	return ($n, $port);
}

# The lines that an nginx wrote down: [time, method, path, status, webhook-id].
sub nginx_log
{
	my ($self, $port) = @_;
	my $text = slurp("$self->{dir}/nginx.$port/access.log") // '';

	return map { [split / /] } grep { /\S/ } split /\n/, $text;
}

# A certificate authority `ca.pem` and a certificate `server.pem` of it, with
# `server.key`, for the host names and addresses that are given.
sub make_cert
{
	my ($self, @names) = @_;
	my $dir = $self->{dir};
	my $alt = join ',', map { /^[\d.]+$/ ? "IP:$_" : "DNS:$_" } @names;
	my @quiet = ('-batch', '-nodes', '-newkey', 'ec', '-pkeyopt',
	    'ec_paramgen_curve:prime256v1', '-days', 30);
	my @ca = ('openssl', 'req', '-x509', @quiet, '-subj', '/CN=Stage CA',
	    '-keyout', "$dir/ca.key", '-out', "$dir/ca.pem");
	my @server = ('openssl', 'req', '-x509', @quiet, '-subj', '/CN=stage',
	    '-addext', "subjectAltName=$alt", '-addext',
	    'basicConstraints=critical,CA:FALSE', '-CA', "$dir/ca.pem",
	    '-CAkey', "$dir/ca.key", '-keyout', "$dir/server.key",
	    '-out', "$dir/server.pem");

	for my $command (\@ca, \@server) {
		my $n = $self->start(@$command);
		my $status = $self->reap($n);
		die "openssl: " . $self->errors($n) if $status;
	}
}

# What a receiver got, as decoded JSON lines.
sub received
{
	my ($self, $n) = @_;

	return map { JSON::PP->new->utf8->decode($_) }
	    grep { /^\{.*\}$/ } split /\n/, $self->output($n);
}

# Drops a file as a careful producer does: written beside, then renamed in.
sub drop
{
	my ($self, $name, $text) = @_;

	spew("$self->{dir}/spool/incoming/.$name.writing", $text);
	rename "$self->{dir}/spool/incoming/.$name.writing",
	    "$self->{dir}/spool/incoming/$name" or croak "rename: $!";
}

# The path of a name in the drop box.
sub incoming
{
	my ($self, $name) = @_;
	return "$self->{dir}/spool/incoming/$name";
}

# Writes into the drop box in place, as a careless producer does.
sub put
{
	my ($self, $name, $text) = @_;

	open(my $out, '>:raw', $self->incoming($name)) or croak "$name: $!";
	print $out $text or croak "$name: $!";
	close $out or croak "$name: $!";
}

# What lies in the drop box, sorted; hidden names, too.
sub left
{
	my ($self) = @_;

	opendir(my $dir, "$self->{dir}/spool/incoming") or return ();
	my @names = sort grep { !/^\.\.?$/ } readdir $dir;
	return @names;
}

# The reason beside a refused file, decoded; undef when there is none.
sub why
{
	my ($self, $name) = @_;
	my $text = slurp("$self->{dir}/spool/rejected/$name.why.json");

	return defined $text ? JSON::PP->new->utf8->decode($text) : undef;
}

# The bodies that a receiver got, as bytes, in the order of their arrival. Only
# what is new is read, so it may be asked again and again.
sub bodies
{
	my ($self, $n) = @_;
	my $state = $self->{bodies}{$n} ||= { at => 0, rest => '', all => [] };

	open(my $in, '<:raw', "$self->{dir}/out.$n") or return ();
	seek $in, $state->{at}, 0;
	my $new = do { local $/; <$in> } // '';
	$state->{at} += length $new;
	my @lines = split /\n/, $state->{rest} . $new, -1;
	$state->{rest} = pop(@lines) // '';
	for (grep { /^\{/ } @lines) {
		my $body = JSON::PP->new->utf8->decode($_)->{body};
		utf8::encode($body);
		push @{ $state->{all} }, $body;
	}
	return @{ $state->{all} };
}

# What came to a receiver since this was last asked: waits until it is so many,
# and returns all that is there by then.
sub news
{
	my ($self, $n, $wanted) = @_;
	my $seen = $self->{news}{$n} // 0;

	wait_until { $self->bodies($n) >= $seen + $wanted };
	my @all = $self->bodies($n);
	$self->{news}{$n} = @all;
	return @all[$seen .. $#all];
}

# Runs the program as `nobody` from now on, and gives the stage to it. False
# when we are not root.
sub as_nobody
{
	my ($self) = @_;
	my $nobody = getpwnam('nobody');

	return 0 if $> || !$nobody;
	return 0 if system('sh', '-c', 'exec setpriv --reuid nobody --regid ' .
	    'nogroup --clear-groups "$0" --version >/dev/null 2>&1', $program);
	make_path("$self->{dir}/spool");
	system('chown', '-R', 'nobody:nogroup', $self->{dir});
	$self->{as} = [qw(setpriv --reuid nobody --regid nogroup
	    --clear-groups)];
	return 1;
}

# The log's lines, decoded; with a kind, only those.
sub log
{
	my ($self, $kind) = @_;
	my $text = slurp("$self->{dir}/spool/log/delivery.jsonl") // '';
	$text =~ s/[^\n]*\z//; # a line that is being written
	my @lines = map { JSON::PP->new->utf8->decode($_) }
	    grep { length } split /\n/, $text;

	return grep { !defined $kind || $_->{kind} eq $kind } @lines;
}

# The rows of `queue --json`, of all states.
sub queue
{
	my ($self, @args) = @_;
	my ($status, $out) = $self->verb('queue', '--json', '--state', 'all', @args);

	return map { JSON::PP->new->utf8->decode($_) } split /\n/, $out;
}

# One of the four events of the page, as a hash; members may be changed.
sub event
{
	my ($self, $type, %change) = @_;
	my $json = JSON::PP->new->utf8->decode(slurp("$top/tests/data/$type.json"));

	return { %$json, %change };
}

sub event_text
{
	my ($self, $type, %change) = @_;

	return JSON::PP->new->utf8->canonical->encode(
	    $self->event($type, %change)) . "\n";
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{owner};
	local ($?, $@, $!);
	$self->stop($_) for keys %{ $self->{pids} };
}

1;
