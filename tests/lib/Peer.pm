# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Peer: an endpoint that behaves as its path says, on a free loopback port. It
# writes down each request when it comes and when it ends, so a story can ask
# what came, when, and how many at once. What a path does can be changed while
# it runs. A process of its own, with a child for each connection; all of it is
# ended when the peer goes out of scope.
#
#	/ok	204			/silent		reads, never answers
#	/status/503[/AFTER]		/date/SECONDS	503, Retry-After as a date
#	/delay/MS	then 204	/redirect	302 to /ok
#	/close	no answer		/reset		a TCP reset
#	/garbage	no HTTP		/drip		a body without end, slowly
#	/flood/200	a huge body	/short		less body than announced
package Peer;

use strict;
use warnings;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use JSON::PP;
use POSIX qw(strftime);
use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(sleep time);

sub new
{
	my ($class) = @_;
	my $socket = IO::Socket::INET->new(Listen => 512,
	    LocalAddr => '127.0.0.1', LocalPort => 0) or die "no port: $!";
	my $self = bless {
		dir => tempdir('peer-XXXXXX', TMPDIR => 1, CLEANUP => 1),
		port => $socket->sockport, owner => $$,
	}, $class;

	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid}) {
		setpgrp;
		$SIG{CHLD} = 'IGNORE';
		$SIG{PIPE} = 'IGNORE';
		$self->accept_all($socket);
	}
	close $socket;
	return $self;
}

sub port { return $_[0]{port} }
sub url  { return "http://127.0.0.1:$_[0]{port}$_[1]" }

# From now on requests for `path` are answered as if they were for `other`.
sub answer
{
	my ($self, $path, $other) = @_;
	my $file = $self->plan_file($path);

	open(my $out, '>', "$file.new") or die "$file: $!";
	print $out $other;
	close $out;
	rename "$file.new", $file or die "$file: $!";
}

sub plan_file
{
	my ($self, $path) = @_;

	$path =~ s/([^A-Za-z0-9])/sprintf '_%02x', ord $1/ge;
	return "$self->{dir}/plan$path";
}

# What came so far, in order: { n, at, method, path, headers, body, end }.
sub requests
{
	my ($self, $path) = @_;
	my (@all, %by);

	open(my $in, '<', "$self->{dir}/log") or return wantarray ? () : 0;
	while (my $line = <$in>) {
		next unless $line =~ /\n\z/;
		my $entry = JSON::PP->new->utf8->decode($line);

		if ($entry->{path}) {
			push @all, $by{ $entry->{n} } = $entry;
		} else {
			$by{ $entry->{n} }{end} = $entry->{end};
		}
	}
	return grep { !defined $path || $_->{path} eq $path } @all;
}

# The most requests that were open at the same time.
sub peak
{
	my ($self, $path) = @_;
	my @edges = sort { $a->[0] <=> $b->[0] || $a->[1] <=> $b->[1] }
	    map { [$_->{at}, 1], [$_->{end} // time, -1] } $self->requests($path);
	my ($open, $peak) = (0, 0);

	for my $edge (@edges) {
		$open += $edge->[1];
		$peak = $open if $open > $peak;
	}
	return $peak;
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{owner};
	local ($?, $@, $!);
	kill 'KILL', -$self->{pid};
	waitpid($self->{pid}, 0);
}

# ---- the server's side ----------------------------------------------------------

sub accept_all
{
	my ($self, $socket) = @_;

	for (;;) {
		my $client = $socket->accept or next;
		my $pid = fork;

		if (defined $pid && !$pid) {
			close $socket;
			eval { $self->serve($client) };
			POSIX::_exit(0);
		}
		close $client;
	}
}

sub note
{
	my ($self, $entry) = @_;
	my $line = JSON::PP->new->utf8->canonical->encode($entry) . "\n";

	open(my $out, '>>', "$self->{dir}/log") or return;
	syswrite $out, $line;
	close $out;
}

sub read_request
{
	my ($client) = @_;
	my $text = '';

	while ($text !~ /\r\n\r\n/) {
		sysread($client, $text, 65536, length $text) or return;
	}
	my ($head, $body) = split /\r\n\r\n/, $text, 2;
	my ($first, @lines) = split /\r\n/, $head;
	my ($method, $path) = split / /, $first;
	my %headers = map { /^([^:]+):\s*(.*)$/ ? (lc $1 => $2) : () } @lines;
	my $want = $headers{'content-length'} // 0;

	while (length $body < $want) {
		sysread($client, $body, 65536, length $body) or return;
	}
	return { method => $method, path => $path, headers => \%headers,
		body => $body };
}

# When the answer went out: once it is there, the next request may come, to
# another child, before this one has written anything down.
my $answered;

sub serve
{
	my ($self, $client) = @_;

	while (my $request = read_request($client)) {
		my $n = "$$." . time;

		$self->note({ %$request, n => $n, at => time });
		my $file = $self->plan_file($request->{path});
		my $path = $request->{path};
		if (open(my $in, '<', $file)) {
			$path = <$in>;
		}
		undef $answered;
		my $more = act($client, $path);
		$self->note({ n => $n, end => $answered // time });
		last unless $more;
	}
	close $client;
}

sub say_to
{
	my ($client, $status, @lines) = @_;
	my $text = join "\r\n", "HTTP/1.1 $status Word", @lines,
	    'Content-Length: 0', '', '';

	$answered = time;
	syswrite $client, $text;
	return 1;
}

# Until the other side closes.
sub hang
{
	my ($client) = @_;
	my $byte;

	1 while sysread $client, $byte, 1;
	return 0;
}

sub flood
{
	my ($client, $status) = @_;
	my $block = 'x' x 65536;

	syswrite $client, "HTTP/1.1 $status Word\r\n\r\n";
	1 while syswrite $client, $block;
	return 0;
}

sub drip
{
	my ($client) = @_;

	syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
	sleep 0.02 while syswrite $client, '.';
	return 0;
}

# True when the connection may be used again.
sub act
{
	my ($client, $path) = @_;

	return say_to($client, 204) if $path =~ m{^(/ok|http://)};
	return say_to($client, $1, $2 ? "Retry-After: $2" : ())
	    if $path =~ m{^/status/(\d+)(?:/(.+))?};
	if ($path =~ m{^/delay/(\d+)}) {
		sleep $1 / 1000;
		return say_to($client, 204);
	}
	return say_to($client, 503, 'Retry-After: ' .
	    strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime(time + $1)))
	    if $path =~ m{^/date/(\d+)};
	return say_to($client, 302, 'Location: /ok') if $path =~ m{^/redirect};
	return hang($client) if $path =~ m{^/silent};
	return drip($client) if $path =~ m{^/drip};
	return flood($client, $1) if $path =~ m{^/flood/(\d+)};
	syswrite $client, "\x01\xff garbage \x1b[31m\r\n\r\n"
	    if $path =~ m{^/garbage};
	syswrite $client, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nabc"
	    if $path =~ m{^/short};
	setsockopt $client, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)
	    if $path =~ m{^/reset};
	return 0;
}

1;
