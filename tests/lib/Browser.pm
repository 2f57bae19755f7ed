# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Browser: a real Chromium without a window, asked over its debugging pipe
# (descriptors 3 and 4, JSON messages ended by NUL): no port, no library. It
# ends with the object, and its profile with it.
package Browser;

use strict;
use warnings;
use Carp qw(croak);
use Fcntl qw(F_SETFD F_GETFD FD_CLOEXEC);
use File::Temp qw(tempdir);
use IO::Select;
use JSON::PP;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time);

my $json = JSON::PP->new->utf8->allow_nonref;
my @flags = qw(--headless --no-sandbox --disable-gpu --disable-quic
    --no-first-run --no-default-browser-check --disable-background-networking
    --disable-component-update --disable-sync --disable-extensions
    --disable-dev-shm-usage --force-color-profile=srgb
    --remote-debugging-pipe);

# The program's path, undef where there is none.
sub program
{
	for my $name (qw(chromium chromium-browser google-chrome)) {
		for my $dir (split /:/, $ENV{PATH}) {
			return "$dir/$name" if -x "$dir/$name";
		}
	}
	return undef;
}

sub new
{
	my ($class) = @_;
	my $dir = tempdir('spoolhook-browser-XXXXXX', TMPDIR => 1);
	pipe(my $in, my $to) or die "pipe: $!";
	pipe(my $from, my $out) or die "pipe: $!";
	my $pid = fork // die "fork: $!";

	if (!$pid) {
		# High first, so that neither is written over by the other.
		POSIX::dup2(fileno($in), 60);
		POSIX::dup2(fileno($out), 61);
		POSIX::dup2(60, 3);
		POSIX::dup2(61, 4);
		POSIX::close($_) for 60, 61;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>', "$dir/out");
		open(STDERR, '>', "$dir/err");
		setpgrp(0, 0);
		$ENV{HOME} = $dir;
		exec program(), @flags, "--user-data-dir=$dir/profile",
		    'about:blank' or POSIX::_exit(127);
	}
	close $in;
	close $out;
	binmode $_ for $to, $from;
	$to->autoflush(1);
	my $self = bless { pid => $pid, owner => $$, dir => $dir, to => $to,
		from => $from, rest => '', next => 0, events => [] }, $class;
	$self->attach;
	return $self;
}

sub attach
{
	my ($self) = @_;
	my $target = $self->call('Target.createTarget', { url => 'about:blank' });
	my $got = $self->call('Target.attachToTarget',
	    { targetId => $target->{targetId}, flatten => JSON::PP::true });

	$self->{session} = $got->{sessionId};
	$self->call("$_.enable") for qw(Page Runtime Network Log);
}

# The next message; dies when none comes in time.
sub message
{
	my ($self, $seconds) = @_;
	my $end = time + ($seconds // 30);
	my $at;

	while (($at = index $self->{rest}, "\0") < 0) {
		my $left = $end - time;

		croak 'the browser says nothing'
		    unless $left > 0 &&
		    IO::Select->new($self->{from})->can_read($left);
		sysread($self->{from}, $self->{rest}, 65536,
		    length $self->{rest}) or croak 'the browser is gone';
	}
	my $text = substr $self->{rest}, 0, $at + 1, '';
	chop $text;
	return $json->decode($text);
}

sub call
{
	my ($self, $method, $params) = @_;
	my $id = ++$self->{next};
	my %ask = (id => $id, method => $method, params => $params // {});

	$ask{sessionId} = $self->{session} if $self->{session};
	print { $self->{to} } $json->encode(\%ask), "\0";
	while (1) {
		my $got = $self->message;

		if (!defined $got->{id}) {
			push @{ $self->{events} }, $got;
			next;
		}
		next if $got->{id} != $id;
		croak "$method: $got->{error}{message}" if $got->{error};
		return $got->{result};
	}
}

# Goes to a file and waits until it is loaded.
sub open_file
{
	my ($self, $path) = @_;

	$self->{events} = [];
	$self->call('Page.navigate', { url => "file://$path" });
	until (grep { $_->{method} eq 'Page.loadEventFired' }
	    @{ $self->{events} }) {
		push @{ $self->{events} }, $self->message;
	}
}

# The value of an expression in the page.
sub eval
{
	my ($self, $expression) = @_;
	my $got = $self->call('Runtime.evaluate', { expression => $expression,
		returnByValue => JSON::PP::true, awaitPromise => JSON::PP::true });

	croak $got->{exceptionDetails}{exception}{description} // 'thrown'
	    if $got->{exceptionDetails};
	return $got->{result}{value};
}

# What was loaded since the page was opened.
sub requests
{
	my ($self) = @_;
	return map { $_->{params}{request}{url} }
	    grep { $_->{method} eq 'Network.requestWillBeSent' }
	    @{ $self->{events} };
}

# What the browser complained of.
sub complaints
{
	my ($self) = @_;
	return map { $_->{params}{entry}{text} }
	    grep { $_->{method} eq 'Log.entryAdded' } @{ $self->{events} };
}

sub key
{
	my ($self, $key, $code, $text) = @_;
	my %key = (key => $key, code => $key, windowsVirtualKeyCode => $code);

	$key{text} = $text if defined $text;
	$self->call('Input.dispatchKeyEvent', { type => 'keyDown', %key });
	$self->call('Input.dispatchKeyEvent', { type => 'keyUp', %key });
}

sub scripts
{
	my ($self, $on) = @_;
	$self->call('Emulation.setScriptExecutionDisabled',
	    { value => $on ? JSON::PP::false : JSON::PP::true });
}

sub width
{
	my ($self, $width, $height) = @_;
	$self->call('Emulation.setDeviceMetricsOverride', { width => $width,
		height => $height // 800, deviceScaleFactor => 1,
		mobile => JSON::PP::false });
}

# media(scheme => 'dark') or media(type => 'print').
sub media
{
	my ($self, %want) = @_;
	$self->call('Emulation.setEmulatedMedia', { media => $want{type} // '',
		features => [ { name => 'prefers-color-scheme',
			value => $want{scheme} // 'light' } ] });
}

# A picture of the page as PNG bytes.
sub picture
{
	my ($self) = @_;
	require MIME::Base64;
	my $got = $self->call('Page.captureScreenshot', { format => 'png' });
	return MIME::Base64::decode_base64($got->{data});
}

sub DESTROY
{
	my ($self) = @_;
	return if $$ != $self->{owner};
	local ($?, $@, $!);
	local $SIG{PIPE} = 'IGNORE';

	close $self->{to};
	close $self->{from};
	my $end = time + 5;
	my $gone = 0;
	until ($gone || time > $end) {
		$gone = waitpid($self->{pid}, WNOHANG);
		select(undef, undef, undef, 0.02) unless $gone;
	}
	# The group is the browser's own: its helpers go with it.
	kill 'KILL', -$self->{pid};
	waitpid($self->{pid}, 0) unless $gone;
	require File::Path;
	File::Path::remove_tree($self->{dir}, { error => \my $ignored });
}

1;
