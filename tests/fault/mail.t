#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# kill -9, again and again, while failure mails go to a real server (exim): each
# notice arrives; one that comes twice was on its way when the daemon died, and
# the server's answer to it was not committed.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib", $Bin;
use Fault qw(drop event_body full seed);
use File::Path qw(make_path);
use Stage qw(free_port slurp spew wait_until);
use Test::More;
use Time::HiRes qw(time);

my ($exim) = grep { -x } map { "$_/exim4" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'exim4 is not installed' unless $exim;
plan skip_all => 'exim4 in this form needs root' if $> != 0;

seed();
my $webhooks = full() ? 120 : 24;
my $home = Stage->new;
my $receiver = Fault->receiver($home->dir);
my $place = $home->dir . '/exim';
my $port = free_port();

# It gives up root before it writes, and keeps all that it takes.
make_path("$place/spool");
chown +(getpwnam 'Debian-exim')[2, 3], $place, "$place/spool";
spew("$place/conf", <<"END");
primary_hostname = localhost
spool_directory = $place/spool
log_file_path = $place/spool/%slog
pid_file_path = $place/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = $port
keep_environment =
queue_only = true
host_lookup =
rfc1413_hosts =
smtp_accept_max = 0
tls_advertise_hosts =
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept
END
my $server = $home->start($exim, '-C', "$place/conf", '-bdf', '-odq');
my $listens = wait_until {
	!$home->alive($server) || IO::Socket::INET->new(PeerAddr => '127.0.0.1',
		PeerPort => $port)
} 20;
ok($listens && $home->alive($server), 'a real mail server runs')
    or BAIL_OUT($home->errors($server));

# What it has taken: webhook => how often. Each webhook tells an address of its
# own; a message is whole when its header file is there.
sub taken
{
	my %taken;

	for my $file (glob "$place/spool/input/*-H") {
		my ($id) = (slurp($file) // '') =~ /^w(\d+)\@example\.org$/m;
		$taken{$id}++ if defined $id;
	}
	return %taken;
}

sub mails { return scalar(() = glob "$place/spool/input/*-H") }

my $stage = Stage->new(settings => {
	spool => { min_free => '1M' },
	mail => { server => "127.0.0.1:$port", starttls => 'off',
		from => 'hooks@example.org' } });
for my $n (1 .. $webhooks) {
	$stage->webhook("w$n" => { triggers => ['*'],
		endpoints => [ 'http://127.0.0.1:' . $receiver->port . '/dead' ],
		retry => { max_retries => 0 }, breaker => { failures => 1000 },
		failure_email => ["w$n\@example.org"] });
}
make_path($stage->spool . '/incoming');
drop($stage->spool . '/incoming', 'one.json', event_body(1, 'i1'));

# Of whom the server has a mail and the store none to send: that is settled.
sub settled
{
	my %taken = taken();
	my $copy = $stage->dir . '/at_death';

	make_path($copy);
	unlink glob "$copy/*";
	system('cp', '-p', glob($stage->spool . '/spool.db*'), $copy) == 0 or die;
	my %queued = map { substr($_->[0], 1) => 1 }
	    Fault::query($copy, 'SELECT webhook FROM mail');
	return map { $_ => $taken{$_} } grep { !$queued{$_} } keys %taken;
}

my $kills = 0;
my (%settled, @wrong);
my $end = time + 120;
while (keys %settled < $webhooks && time < $end) {
	my $daemon = $stage->run;
	my $before = mails();
	my $more = int rand 4;

	# At another moment of another mail each time.
	wait_until { mails() >= $before + $more } 5;
	my $until = time + rand 0.03;
	wait_until { time > $until } 1;
	$kills++ if $stage->stop($daemon, 'KILL') eq 'signal 9';
	my %now = settled();
	for (grep { $now{$_} != $settled{$_} } keys %settled) {
		push @wrong, "w$_ was settled with $settled{$_} mails, and has "
		    . ($now{$_} // 'one more to come');
	}
	%settled = (%now, %settled);
}
my $daemon = $stage->run;
wait_until { my %now = settled(); keys %now == $webhooks } 30;
is($stage->stop($daemon), 0, 'the last one ends well');
my %taken = taken();
my $twice = 0;
$twice += $_ - 1 for values %taken;
cmp_ok($kills, '>', 4, "killed $kills times while mails went");
is(keys %taken, $webhooks, "each of $webhooks notices arrived");
is_deeply(\@wrong, [], 'none came again whose answer was committed');
cmp_ok($twice, '<=', $kills, "$twice came twice, at most one for each death");
diag("mail: $kills deaths tried; $webhooks notices, "
    . ($webhooks - keys %taken) . " lost; $twice repeats of what was on its way");
done_testing;
