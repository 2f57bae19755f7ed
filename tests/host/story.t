#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The package on a host of its own: a bare Debian with systemd as process 1.
# `make host` runs it, as root, with a network; it is no part of bin/test.
# With SPOOLHOOK_HOST_ROOT a root that was made before is taken.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use File::Temp qw(tempdir);
use Stage qw(wait_until slurp spew top);
use Test::More;

plan skip_all => 'root is needed' if $>;
my $boot = "$Bin/boot";
my $root = $ENV{SPOOLHOOK_HOST_ROOT};
if (!$root) {
	my ($deb) = grep { !/dbgsym/ } glob top() . '/build/deb/spoolhook_*.deb';
	plan skip_all => 'make deb comes first' unless $deb;
	$root = tempdir('spoolhook-host-XXXXXX', DIR => '/var/tmp', CLEANUP => 1) . '/root';
	system("'$boot' make '$root' '$deb' >'$root.log' 2>&1") == 0
	    or plan skip_all => "no Debian to try it in, see $root.log";
}
my $system = fork // die "fork: $!";
if (!$system) {
	open(STDIN, '<', '/dev/null');
	open(STDOUT, '>', "$root.boot");
	open(STDERR, '>&', \*STDOUT);
	exec $boot, 'start', $root;
}
END {
	local $?;
	if ($system && $$ != $system) {
		kill 'KILL', $system;
		waitpid $system, 0;
	}
}

# Runs a command in the host; its output, and its status in $?.
sub on
{
	open(my $said, '-|', $boot, 'in', $root, 'sh', '-c',
	    "exec 2>&1 </dev/null; $_[0]") or die "$boot: $!";
	my $out = do { local $/; <$said> } // '';
	close $said; # sets $?
	$out =~ s/\n\z//;
	return $out;
}
sub pid { on('systemctl show spoolhook -p MainPID --value') }
sub active { on("systemctl is-active $_[0]") eq 'active' }
sub webhook
{
	my ($name, $port, $more) = @_;
	spew("$root/etc/spoolhook/webhooks.d/$name.json", qq({"name":"$name",) .
	    qq("triggers":["*"],"endpoints":["http://127.0.0.1:$port/$name"]$more}\n));
	return on('spoolhook reload');
}

ok(wait_until(sub { on('systemctl is-system-running') =~ /^(?:running|degraded)$/ }, 60), 'the host is up')
    or BAIL_OUT(slurp("$root.boot"));
ok(wait_until(sub { active('spoolhook') }), 'the daemon is ready, and says so to systemd');
is(on('systemctl --failed --plain --no-legend'), '', 'nothing has failed');
on('rm -f /etc/spoolhook/webhooks.d/*.json; spoolhook queue delete --all');

# ---- exposure -------------------------------------------------------------------
for (qw(spoolhook spoolhook-once spoolhook-report)) {
	my ($level) = on("systemd-analyze security --no-pager $_.service") =~ /level for .*: ([\d.]+)/;
	cmp_ok($level // 10, '<=', 1.5, "$_.service is exposed by 1.5 or less");
}

# ---- delivery and reload ---------------------------------------------------------
on('systemd-run -q --unit=receiver spoolhook listen --port 9099');
wait_until(sub { on('journalctl -u receiver -o cat --no-pager') =~ /listening/ });
like(webhook(first => 9099, ''), qr/generation \d+ is in use/, 'a webhook is taken by a reload');
on('id producer || useradd -M -G hookdrop producer');
my $drop = 'setpriv --reuid producer --regid producer --init-groups';
on("$drop spoolhook submit --message hello --service checkout");
is($?, 0, 'a member of hookdrop submits');
on("$drop sh -c 'spoolhook sample >/var/spool/spoolhook/incoming/plain.json'");
is($?, 0, '... and drops a file');
on("$drop ls /var/spool/spoolhook/incoming");
isnt($?, 0, '... but sees nothing of what others dropped');
on('setpriv --reuid nobody --regid nogroup --clear-groups touch /var/spool/spoolhook/incoming/x.json');
isnt($?, 0, 'nobody else drops anything');
ok(wait_until(sub { 2 <= (() = on('journalctl -u receiver -o cat --no-pager') =~ m{POST /first}g) }),
    'both arrive');
like(webhook(first => 9099, ',"tirggers":[]'), qr/did you mean "triggers"/, 'a bad reload is refused');
on('systemctl reload spoolhook');
ok(wait_until(sub { on('journalctl -u spoolhook -o cat --no-pager') =~ /generation \d+ goes on/ }),
    '... by the daemon, too, which goes on');
webhook(first => 9099, '');

# ---- hanging, killed, misconfigured -------------------------------------------------
webhook(later => 9198, ',"retry":{"delays":["1h"]}');
on('spoolhook submit --message waits');
ok(wait_until(sub { on('spoolhook queue') =~ /later-0 +deferred/ }), 'a delivery waits');
spew("$root/etc/systemd/system/spoolhook.service.d/test.conf", "[Service]\nWatchdogSec=3\n");
on('systemctl daemon-reload; systemctl restart spoolhook');
my $first = pid();
on("kill -STOP $first");
ok(wait_until(sub { active('spoolhook') && pid() !~ /^(?:0|$first)$/ }, 60), 'a daemon that hangs is replaced');
my $second = pid();
on("kill -KILL $second");
ok(wait_until(sub { active('spoolhook') && pid() !~ /^(?:0|$second)$/ }, 60), '... and one that was killed');
like(on('spoolhook queue'), qr/later-0 +deferred/, 'what waited still waits');
on('rm /etc/systemd/system/spoolhook.service.d/test.conf; systemctl daemon-reload');
on('cp -p /etc/spoolhook/spoolhook.json /root/good; echo "{," >/etc/spoolhook/spoolhook.json');
on('systemctl restart spoolhook');
is(on('systemctl show spoolhook -p ExecMainStatus -p NRestarts --value'), "0\n78", 'a bad configuration is said once');
on('cp -p /root/good /etc/spoolhook/spoolhook.json');

# ---- without a daemon -----------------------------------------------------------------
on('spoolhook submit --message once; systemctl start spoolhook-once.service');
is($?, 0, 'the timer\'s run goes well with something left to wait');
like(on('spoolhook log'), qr{first/0 delivered.*\z}s, '... and delivers');
on('systemctl start spoolhook-report.service');
like(slurp("$root/var/lib/spoolhook/report.html") // '', qr/<!doctype html/i, 'the report is written');
on('systemctl start spoolhook; systemctl enable --now spoolhook-report.timer');

# ---- rotation ---------------------------------------------------------------------------
is(on('logrotate -f /etc/logrotate.d/spoolhook'), '', 'logrotate has nothing to say');
on('spoolhook submit --message rotated');
ok(wait_until(sub { (slurp("$root/var/spool/spoolhook/log/delivery.jsonl") // '') =~ /"delivered"/ }),
    'what comes then is in the new log');

# ---- Nagios and Icinga ---------------------------------------------------------------------
on('cp /usr/share/spoolhook/nagios/spoolhook.cfg /etc/nagios4/conf.d/');
like(on('nagios4 -v /etc/nagios4/nagios.cfg'), qr/Total Errors: +0/, 'Nagios takes its commands');
on('cp /usr/share/spoolhook/icinga2/spoolhook.conf /etc/icinga2/conf.d/');
my $said = on('icinga2 daemon -C');
is($?, 0, 'Icinga 2 takes its commands') or diag($said);

# ---- package ---------------------------------------------------------------------------------
my $before = pid();
$said = on('DEBIAN_FRONTEND=noninteractive dpkg -i /root/spoolhook.deb');
is($?, 0, 'the package is installed again, as by an upgrade') or diag($said);
isnt(pid(), $before, '... which starts the new program');
ok(active('spoolhook-report.timer'), '... and leaves the timers running');
like(on('spoolhook queue'), qr/later-0 +deferred/, '... and the queue as it was');
on('dpkg -r spoolhook');
is(on("systemctl list-units --plain --no-legend 'spoolhook*'"), '', 'a removal ends all of it');
like(on('dpkg -P spoolhook'), qr{/var/spool/spoolhook is kept}, 'a purge tells of the spool that it keeps');
ok(!-e "$root/etc/spoolhook" && -s "$root/var/spool/spoolhook/spool.db", '... and only that');
on('dpkg -i /root/spoolhook.deb');
like(on('spoolhook queue'), qr/later-0 +held/, 'installed anew, what waited is there, held for its webhook');

done_testing;
