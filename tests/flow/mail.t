#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The mail verb as the daemon and as a person runs it: against servers that
# hang, drip and lie (processes of this script), and against a real one (exim,
# one process a connection, with TLS and passwords), all on free loopback ports
# and below a temporary directory. SPOOLHOOK_PROGRAM names another program to test.

use strict;
use warnings;

use File::Temp qw(tempdir);
use FindBin qw($Bin);
use IO::Select;
use IO::Socket::INET;
use IPC::Open3 qw(open3);
use JSON::PP qw(decode_json encode_json);
use POSIX qw(_exit setpgid);
use Symbol qw(gensym);
use Test::More;
use Time::HiRes qw(time);

my $program = $ENV{SPOOLHOOK_PROGRAM} // "$Bin/../../bin/spoolhook";
my ($exim) = grep { -x } map { "$_/exim4" } split(/:/, $ENV{PATH}), '/usr/sbin';
my $dir = tempdir(CLEANUP => 1);
my @servers;
my $owner = $$;

# Ends what was started here, by the number of its process group.
sub end_servers {
	for my $pid (splice @servers) {
		kill '-KILL', $pid;
		waitpid $pid, 0;
	}
}
END { end_servers() if defined $owner && $$ == $owner }

# A server on a free port: each connection is given to the sub in a process of
# its own. Returns the port.
sub server {
	my ($serve) = @_;
	my $listener = IO::Socket::INET->new(
		LocalAddr => '127.0.0.1', Listen => 16, ReuseAddr => 1)
	    or die "cannot listen: $!";
	my $port = $listener->sockport;
	my $pid = fork // die "cannot fork: $!";
	setpgid($pid, $pid);
	if ($pid == 0) {
		setpgid(0, 0);
		$SIG{CHLD} = 'IGNORE';
		while (1) {
			my $peer = $listener->accept or next;
			my $child = fork // _exit(1);
			if ($child == 0) {
				close $listener;
				alarm 60;
				$SIG{CHLD} = 'DEFAULT';
				$serve->($peer);
				_exit(0);
			}
			close $peer;
		}
	}
	push @servers, $pid;
	return $port;
}

# Runs the verb; its exit code, result (undef: none), both outputs and seconds.
sub run {
	my ($input, @args) = @_;
	my $errors = gensym;
	my $started = time;
	local $SIG{PIPE} = 'IGNORE';
	my $pid = open3(my $in, my $out, $errors, $program, @args);
	print $in $input;
	close $in;
	my ($text, $said) = ('', '');
	my $both = IO::Select->new($out, $errors);
	while ($both->count) {
		for my $pipe ($both->can_read(30)) {
			my $got = sysread $pipe, my $block, 65536;
			if (!$got) {
				$both->remove($pipe);
			} elsif ($pipe == $out) {
				$text .= $block;
			} else {
				$said .= $block;
			}
		}
	}
	waitpid $pid, 0;
	my $result = $text =~ /\A\{[^\n]*\}\n\z/ ? decode_json($text) : undef;
	return { code => $? >> 8, signal => $? & 127, result => $result,
		out => $text, err => $said, took => time - $started };
}

# A configuration directory with these mail settings.
my $configs = 0;
sub config {
	my (%mail) = @_;
	my $conf = "$dir/conf" . ++$configs;
	mkdir $conf, 0700 or die "$conf: $!";
	mkdir "$conf/webhooks.d", 0700;
	open my $file, '>', "$conf/spoolhook.json" or die "$conf: $!";
	print $file encode_json({ spool => { dir => "$dir/spool" },
		mail => \%mail });
	close $file;
	chmod 0600, "$conf/spoolhook.json";
	return $conf;
}

my $message = "From: hooks\@example.org\nTo: joe\@example.org\nSubject: try\n"
    . "Date: Mon, 20 Dec 2021 12:24:23 +0000\nMessage-ID: <1\@b>\n\n"
    . "hello\n.\n..two dots\nend\n";

sub left_alone {
	my ($got, $error, $name) = @_;
	is($got->{code}, 75, "$name: try again later");
	is_deeply($got->{result}{left}, ['joe@example.org'],
		'  the recipient is left');
	like($got->{result}{error}, $error, '  the sentence says why');
	like($got->{err}, $error, '  and is said on standard error');
}

# ---- what cannot be sent at all ---------------------------------------------

my $conf = config(server => '127.0.0.1:1', starttls => 'off');
my $got = run($message, '-c', $conf, 'mail');
is($got->{code}, 64, 'with nobody to send to it is a usage error');
$got = run($message, '-c', $conf, 'mail', "joe\@example.org\r\nDATA");
is($got->{code}, 64, 'an address with a line break is a usage error');
$got = run($message, '-c', $conf, 'mail', '--from', 'nobody', 'joe@example.org');
is($got->{code}, 64, 'so is a sender that is no address');
$got = run('', '-c', $conf, 'mail', 'joe@example.org');
is($got->{code}, 65, 'an empty message is no message');
$got = run('x' x 999, '-c', $conf, 'mail', 'joe@example.org');
is($got->{code}, 65, 'nor is one with a line over 998 bytes');
like($got->{err}, qr/line 1 of the message has 999 bytes/, 'which is named');
$got = run($message, '-c', config(), 'mail', 'joe@example.org');
is($got->{code}, 78, 'without a server nothing can be sent');
like($got->{err}, qr/mail\.server.*files/, 'and it says what happens instead');

# ---- servers that are down, slow or lying -----------------------------------

$got = run($message, '-c', $conf, 'mail', 'joe@example.org');
left_alone($got, qr/cannot connect: Connection refused/, 'nobody listens');

my $silent = server(sub { sysread $_[0], my $block, 1 });
$got = run($message, '-c', config(server => "127.0.0.1:$silent",
	timeout => '500ms', starttls => 'off'), 'mail', 'joe@example.org');
left_alone($got, qr/no end within 500ms/, 'a server that says nothing');
cmp_ok($got->{took}, '<', 5, '  it ends in its time');

my $drips = server(sub {
	my ($peer) = @_;
	for (1 .. 1000) {
		syswrite $peer, '2' or return;
		select undef, undef, undef, 0.05;
	}
});
$got = run($message, '-c', config(server => "127.0.0.1:$drips",
	timeout => '1s', starttls => 'off'), 'mail', 'joe@example.org');
left_alone($got, qr/no end within 1/, 'a server that drips');
cmp_ok($got->{took}, '<', 6, '  it ends in its time');

# Takes the mail, then answers with `$end` to the message and never to QUIT.
sub taker {
	my ($end) = @_;
	return server(sub {
		my ($peer) = @_;
		my $data = 0;
		print $peer "220 test\r\n";
		while (my $line = <$peer>) {
			if ($data) {
				next if $line ne ".\r\n";
				$data = 0;
				print $peer $end;
			} elsif ($line =~ /^DATA/) {
				$data = 1;
				print $peer "354 go\r\n";
			} elsif ($line !~ /^QUIT/) {
				print $peer "250 fine\r\n";
			}
		}
	});
}
$got = run($message, '-c', config(server => '127.0.0.1:' . taker("250 taken\r\n"),
	timeout => '1s', starttls => 'off'), 'mail', 'joe@example.org');
is($got->{code}, 0, 'a server that hangs at QUIT has the mail: it is sent');
is_deeply($got->{result}{sent}, ['joe@example.org'], '  and not sent again');
$got = run($message, '-c', config(server => '127.0.0.1:'
	. taker("554 \e[31mspam\xff\r\n"),
	timeout => '1s', starttls => 'off'), 'mail', 'joe@example.org');
is($got->{code}, 69, 'a message that is refused needs no other try');
is_deeply($got->{result}{refused}, ['joe@example.org'], '  it is refused');
like($got->{err}, qr/554 \\x1b\[31mspam\\xff/,
	'  what the server said is made visible');

# ---- as the daemon runs it ---------------------------------------------------

sub job {
	my (%change) = @_;
	return encode_json({ server => '127.0.0.1:1', starttls => JSON::PP::false,
		ca_file => undef, user => undef, password => undef,
		hello => undef, timeout_ms => 5000, from => 'hooks@example.org',
		recipients => ['joe@example.org'], %change }) . "\n";
}
$got = run("nonsense\n$message", 'mail', '--settings-on-stdin');
is($got->{code}, 65, 'a job that is none is refused');
ok(!defined $got->{result}, '  without a result');
$got = run(job() . $message, 'mail', '--settings-on-stdin', 'joe@example.org');
is($got->{code}, 64, 'a job comes without operands');
$got = run(job() . $message, 'mail', '--settings-on-stdin');
is($got->{code}, 75, 'a job needs no configuration');
like($got->{result}{error}, qr/Connection refused/, '  its result says why');
is($got->{err}, '', '  and standard error nothing: the daemon says it');

# ---- a real server -----------------------------------------------------------

SKIP: {
	skip 'exim4 is not installed', 1 if !$exim;
	skip 'exim4 in this form needs root', 1 if $> != 0;
	my $home = "$dir/exim";
	mkdir $home, 0755;
	chmod 0755, $dir;
	# It gives up root before it writes.
	mkdir "$home/spool", 0750;
	chown +(getpwnam 'Debian-exim')[2, 3], $home, "$home/spool";
	system('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:P-256', '-nodes', '-days', '3',
		'-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost',
		'-keyout', "$home/key.pem", '-out', "$home/cert.pem",
		'-batch') == 0 or die 'openssl failed'
	    if !-e "$home/cert.pem";
	chmod 0644, "$home/key.pem";
	open my $file, '>', "$home/exim.conf" or die $!;
	print $file <<"CONF";
primary_hostname = localhost
spool_directory = $home/spool
log_file_path = $home/log-%slog
keep_environment =
queue_only = true
host_lookup =
rfc1413_hosts =
tls_advertise_hosts = *
tls_certificate = $home/cert.pem
tls_privatekey = $home/key.pem
auth_advertise_hosts = \${if eq{\$tls_in_cipher}{}{}{*}}
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  deny local_parts = gone
       message = no such mailbox
  defer local_parts = busy
       message = mailbox is busy
  accept authenticated = *
  accept senders = open\@example.org
  deny message = relay not permitted
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{hooks}}{eq{\$auth3}{right}}}}
  server_set_id = \$auth2
CONF
	close $file;
	my $port = server(sub {
		my ($peer) = @_;
		open STDIN, '<&', $peer;
		open STDOUT, '>&', $peer;
		open STDERR, '>', '/dev/null';
		close $peer;
		exec $exim, '-C', "$home/exim.conf", '-bs', '-odq';
	});

	# The newest queued message: its envelope and its body.
	my $queued = sub {
		my ($newest) = sort { -M $a <=> -M $b || $b cmp $a }
		    glob "$home/spool/input/*-H";
		return ('', '') if !$newest;
		local $/;
		open my $head, '<:raw', $newest or die "$newest: $!";
		my $envelope = <$head>;
		(my $data = $newest) =~ s/-H$/-D/;
		open my $tail, '<:raw', $data or die "$data: $!";
		my $body = <$tail>;
		$body =~ s/\A[^\n]*\n//;
		unlink $newest, $data;
		return ($envelope, $body);
	};

	my $plain = config(server => "127.0.0.1:$port", starttls => 'off',
		from => 'open@example.org', to => ['joe@example.org']);
	$got = run($message, '-c', $plain, 'mail');
	is($got->{code}, 0, 'exim takes a mail in clear')
	    or diag $got->{err};
	is_deeply($got->{result}, { sent => ['joe@example.org'], left => [],
		refused => [], permanent => JSON::PP::false, code => 0,
		error => '' }, '  mail.to is told');
	my ($envelope, $body) = $queued->();
	is($body, "hello\n.\n..two dots\nend\n", '  the body arrives as it was');
	like($envelope, qr/^<open\@example\.org>$/m, '  from mail.from');
	like($envelope, qr/Subject: try/, '  with its header');
	$got = run("just a line", '-c', $plain, 'mail', 'joe@example.org');
	($envelope, $body) = $queued->();
	is($body, "just a line\n", 'text without a header is a body');
	like($envelope, qr/Date: .*From: .*open\@example\.org/s,
		'  and gets a header');

	$got = run($message, '-c', $plain, 'mail', 'joe@example.org',
		'busy@example.org', 'gone@example.org');
	is($got->{code}, 75, 'one taken, one deferred, one refused: try again');
	is_deeply([@{$got->{result}}{qw(sent left refused)}],
		[['joe@example.org'], ['busy@example.org'], ['gone@example.org']],
		'  and only the one that is left');
	is($got->{result}{code}, 451, '  by the code of the first failure');
	$queued->();
	$got = run($message, '-c', $plain, 'mail', 'gone@example.org');
	is($got->{code}, 69, 'refused by all: no other try');

	my %tls = (server => "localhost:$port", starttls => 'required',
		ca_file => "$home/cert.pem", from => 'hooks@example.org');
	my %auth = (auth => { user => 'hooks', password => 'right' });
	$got = run($message, '-c', config(%tls, %auth), 'mail',
		'joe@example.org');
	is($got->{code}, 0, 'exim takes a mail by TLS and password')
	    or diag $got->{err};
	($envelope) = $queued->();
	like($envelope, qr/^--?auth_id hooks$/m, '  as the user');
	like($envelope, qr/^-tls_cipher TLS1\.2/m, '  over TLS');
	like($envelope, qr/^--?tls_sni localhost$/m, '  by its name');

	$got = run($message, '-c', config(%tls, auth => { user => 'hooks',
		password => 'a-wrong-one' }), 'mail', 'joe@example.org');
	is($got->{code}, 78, 'a wrong password is a matter of configuration');
	like($got->{err}, qr/authentication failed: 535/, '  it says so');
	is_deeply($got->{result}{left}, ['joe@example.org'],
		'  and no recipient counts as refused');
	unlike("$got->{out}$got->{err}", qr/a-wrong-one/,
		'  no password is shown');

	$got = run($message, '-c', config(%tls, server => "127.0.0.1:$port"),
		'mail', 'joe@example.org');
	is($got->{code}, 78, 'a certificate for another name stops it');
	like($got->{err}, qr/certificate refused: IP address mismatch/,
		'  it says so');
	my %system = %tls;
	delete $system{ca_file};
	$got = run($message, '-c', config(%system), 'mail', 'joe@example.org');
	is($got->{code}, 78, 'so does one that nobody signed');
	like($got->{err}, qr/certificate refused: self.signed/, '  it says so');

	$got = run(job(server => "localhost:$port", starttls => JSON::PP::true,
		ca_file => "$home/cert.pem", user => 'hooks',
		password => 'right') . $message, 'mail', '--settings-on-stdin');
	is($got->{code}, 0, 'a job of the daemon is sent likewise');
	($envelope) = $queued->();
	like($envelope, qr/^--?auth_id hooks$/m, '  as the user');
}

end_servers();
done_testing();
