#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `check --online`: whether the peers are there, and nothing more: no request, no
# mail, no password. A real TLS server (openssl), SMTP servers of this script.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use IO::Socket::INET;
use JSON::PP;
use POSIX ();
use Stage qw(free_port slurp spew wait_until);
use Test::More;

my $stage = Stage->new;
my ($listener, $port) = $stage->listen;
my %children;
my $owner = $$;

END { if ($$ == $owner) { local $?; kill 'TERM', keys %children; waitpid $_, 0 for keys %children } }

# A server that answers each line by what `say` makes of it; what it was told
# goes to a file.
sub server
{
	my ($name, $say) = @_;
	my $socket = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1',
	    LocalPort => 0) or die "listen: $!";
	my $pid = fork // die "fork: $!";

	if (!$pid) {
		open(my $told, '>>', "$stage->{dir}/$name.told");
		$told->autoflush;
		while (my $client = $socket->accept) {
			$client->autoflush;
			print $told "connected\n";
			print $client $say->('') // '';
			while (my $line = <$client>) {
				print $told $line;
				print $client $say->($line) // last;
			}
			close $client;
		}
		POSIX::_exit(0);
	}
	$children{$pid} = 1;
	return $socket->sockport;
}
sub told { return slurp("$stage->{dir}/$_[0].told") // '' }

sub check
{
	my ($status, $out, $err) = $stage->verb('check', '--online', @_);

	return ($status, $out . $err);
}

# ---- endpoints -------------------------------------------------------------------
my $secret = 'Geheimnis';
$stage->webhook('good', { endpoints => ["http://127.0.0.1:$port/in?key=$secret"] });
my ($status, $said) = check();
is($status, 0, 'a peer that is there: 0') or diag $said;
is(scalar $stage->received($listener), 0, '... and got no request');

my $nobody = free_port();
$stage->webhook('bad', "{\n  \"endpoints\": [\n    \"http://127.0.0.1:$port/\",\n"
    . "    { \"url\": \"http://127.0.0.1:$nobody/$secret?$secret\" } ]\n}\n");
($status, $said) = check();
is($status, 1, 'a peer that may be down: 1');
like($said, qr{^webhooks\.d/bad\.json:4:14: warning: 127\.0\.0\.1:$nobody: cannot connect: Connection refused \[online\]$}m,
    '... a warning at its URL');
unlike($said, qr/\?$secret/, '... without its query');
($status, $said) = $stage->verb('check');
is($status, 0, 'without --online nobody is asked');
$stage->webhook('bad', { endpoints => ['http://no-such-name.invalid/'] });
($status, $said) = check();
is($status, 78, 'a name that does not resolve: 78');
like($said, qr{: error: no-such-name\.invalid: .*\[online\]}, '... an error');
($status, $said) = check('--json');
is((map { decode_json($_)->{code} } grep { /^\{/ } split /\n/, $said)[0], 'online',
    '--json tells it as findings');

# ---- TLS -------------------------------------------------------------------------
$stage->make_cert('127.0.0.1');
my $tls = free_port();
my $openssl = $stage->start('openssl', 's_server', '-accept', "127.0.0.1:$tls",
    '-cert', "$stage->{dir}/server.pem", '-key', "$stage->{dir}/server.key", '-quiet');
wait_until { IO::Socket::INET->new(PeerAddr => "127.0.0.1:$tls") };
$stage->webhook('bad', { endpoints => ["https://127.0.0.1:$tls/"] });
($status, $said) = check();
is($status, 78, 'a certificate that nobody trusts: 78');
like($said, qr/error: 127\.0\.0\.1:$tls: the certificate is not trusted/, '... said');
like($said, qr/ca_file/, '... and what to do');
$stage->settings({ delivery => { ca_file => "$stage->{dir}/ca.pem" } });
($status, $said) = check();
is($status, 0, 'with its authority it is trusted') or diag $said;
is($stage->output($openssl), '', '... and no request went out');
$stage->webhook('bad', { endpoints => ["https://127.0.0.1:$port/"] });
($status, $said) = check();
is($status, 78, 'a peer that talks no TLS: 78');
like($said, qr/TLS failed/, '... said');
$stage->webhook('bad', undef);

# ---- mail ------------------------------------------------------------------------
my $plain = server('plain', sub {
	my ($line) = @_;
	return "220 here\r\n" if $line eq '';
	return "250 hello\r\n" if $line =~ /^(EHLO|HELO)/;
	return "221 bye\r\n";
});
sub mail
{
	my %with = @_;
	$stage->settings({ mail => { timeout => '2s', %with } });
	return check();
}
($status, $said) = mail(server => "127.0.0.1:$plain", hello => 'me.example');
is($status, 0, 'a mail server that is there: 0') or diag $said;
like(told('plain'), qr/^EHLO me\.example/m, '... was greeted');
unlike(told('plain'), qr/MAIL|RCPT|AUTH|DATA/i, '... and got neither mail nor password');
spew($stage->etc . '/secrets/mail', "$secret\n");
chmod 0640, $stage->etc . '/secrets/mail';
($status, $said) = mail(server => "127.0.0.1:$plain", starttls => 'required',
    auth => { user => 'u', password => { file => 'secrets/mail' } });
is($status, 78, 'one without STARTTLS, when it is required: 78');
like($said, qr{^spoolhook\.json:\d+:\d+: error: 127\.0\.0\.1:$plain: the server offers no STARTTLS}m,
    '... said at "server"');
unlike(told('plain'), qr/AUTH|$secret/, '... and the password stayed here');
my $later = server('later', sub { $_[0] eq '' ? "421 not now\r\n" : "221 bye\r\n" });
($status, $said) = mail(server => "127.0.0.1:$later");
is($status, 1, 'one that sends us away: 1');
like($said, qr/warning: 127\.0\.0\.1:$later: /, '... a warning');
my $mute = server('mute', sub { '' });
($status, $said) = mail(server => "127.0.0.1:$mute");
is($status, 1, 'one that says nothing: 1');
like($said, qr/within 2s/, '... after its time');
($status, $said) = mail(server => '127.0.0.1:' . free_port());
is($status, 1, 'none at all: 1');
done_testing;
