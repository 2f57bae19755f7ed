#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# What is shipped beside the program is right in the eyes of those who read it:
# systemd, logrotate, lnav, promtool, dpkg. Who is not installed is passed over.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Test::More;
use Cwd qw(abs_path);
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use JSON::PP;
use Stage qw(slurp spew);

chdir "$Bin/../.." or die;
my $program = abs_path($ENV{SPOOLHOOK_PROGRAM} || 'bin/spoolhook');
my $dir = tempdir('spoolhook-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

# Exit status and all that was said.
sub try
{
	my ($command) = @_;
	my $said = qx{($command) 2>&1 </dev/null};

	return ($? >> 8, $said);
}
sub there { return scalar grep { -x "$_/$_[0]" } split(/:/, $ENV{PATH}), '/usr/sbin' }

# ---- packaging/ as it is installed, with this program's place --------------------
symlink $program, "$dir/spoolhook" or die "symlink: $!";
my ($status, $said) = try("make -s -o all stage PROGRAM='$program' " .
    "B='$dir/b' bindir='$dir' datadir='$dir/share'");
is($status, 0, 'packaging/ is put to the chosen directories') or diag($said);
my $ship = "$dir/b/ship";
like(slurp("$ship/systemd/spoolhook.service"), qr{^ExecStart=\Q$dir\E/spoolhook run$}m,
    'the unit starts the program where it is installed');
like(slurp("$ship/nagios/spoolhook.cfg"), qr{\Q$dir\E/share/spoolhook/nagios/spoolhook-notify},
    'commands of Nagios lead to the installed script');

# ---- systemd ---------------------------------------------------------------------
SKIP: {
	skip 'systemd-analyze is not installed', 1 unless there('systemd-analyze');
	my @units = glob "$ship/systemd/*.service $ship/systemd/*.timer";
	cmp_ok(scalar @units, '>=', 5, 'there are units');
	($status, $said) = try("systemd-analyze verify --man=no @units");
	is($said, '', 'systemd has nothing to say about the units');
	is($status, 0, '... and takes them');

	for my $unit (grep { /\.service$/ } @units) {
		($status, $said) = try("systemd-analyze security --no-pager " .
		    "--offline=true --threshold=15 $unit");
		is($status, 0, basename($unit) . ' is exposed by 1.5 or less')
		    or diag($said =~ /(→.*)/);
	}

	# A drop-in is read behind the unit.
	make_path("$dir/opened");
	spew("$dir/opened/spoolhook.service", join "\n",
	    map { slurp($_) } "$ship/systemd/spoolhook.service",
	    sort glob "$ship/systemd/examples/*.conf");
	($status, $said) = try("systemd-analyze verify --man=no $dir/opened/spoolhook.service");
	is($said, '', 'systemd takes the unit with every example of a drop-in');
	($status, $said) = try("systemd-analyze security --no-pager " .
	    "--offline=true --threshold=20 $dir/opened/spoolhook.service");
	is($status, 0, '... which is exposed by 2.0 or less') or diag($said =~ /(→.*)/);
}

SKIP: {
	skip 'not root', 1 if $>;
	skip 'systemd is not installed', 1
	    unless there('systemd-sysusers') && there('systemd-tmpfiles');
	my $root = "$dir/root";

	make_path("$root/etc");
	for (1, 2) {
		($status, $said) = try("systemd-sysusers --root=$root $ship/systemd/spoolhook.sysusers");
		is($status, 0, 'sysusers.d is taken') or diag($said);
		($status, $said) = try("systemd-tmpfiles --root=$root --create $ship/systemd/spoolhook.tmpfiles");
		is($status, 0, 'tmpfiles.d is taken') or diag($said);
	}
	my %gid = slurp("$root/etc/group") =~ /^(\w+):[^:]*:(\d+):/mg;
	my ($uid, $login) = slurp("$root/etc/passwd") =~ /^spoolhook:[^:]*:(\d+):.*:(.*)$/m;
	my ($members) = slurp("$root/etc/group") =~ /^hookdrop:.*:(.*)$/m;
	is($members, 'spoolhook', 'the daemon is a member of hookdrop');
	($members) = slurp("$root/etc/group") =~ /^hookadm:.*:(.*)$/m;
	is($members, 'spoolhook', '... and of hookadm');
	is($login, '/usr/sbin/nologin', 'nobody logs in as spoolhook');

	my %want = (
		'' => [02771, 'hookadm'], '/incoming' => [03730, 'hookdrop'],
		'/rejected' => [02770, 'hookadm'], '/failed' => [02770, 'hookadm'],
		'/mail' => [02770, 'hookadm'], '/log' => [02770, 'hookadm'],
	);
	for my $part (sort keys %want) {
		my @st = stat "$root/var/spool/spoolhook$part";
		my ($mode, $group) = @{ $want{$part} };

		is_deeply([map { $_ // 'missing' } sprintf('%04o', ($st[2] // 0) & 07777), @st[4, 5]],
		    [sprintf('%04o', $mode), $uid, $gid{$group}],
		    "spool$part is the daemon's and of group $group, with its mode");
	}
}

# ---- logrotate ---------------------------------------------------------------------
SKIP: {
	skip 'logrotate is not installed', 1 unless there('logrotate');
	my ($user, $group) = (scalar getpwuid($>), scalar getgrgid($) + 0));
	(my $rules = slurp("$ship/logrotate/spoolhook")) =~ s/\bspoolhook hookadm\b/$user $group/g;

	spew("$dir/rotate", $rules);
	($status, $said) = try("PATH=\$PATH:/usr/sbin logrotate -d $dir/rotate");
	is($status, 0, 'logrotate takes its rules');
	unlike($said, qr/^(?:error|warning):(?! logrotate in debug mode)/m, '... and finds no fault')
	    or diag($said);
	unlike($rules, qr/^\s*copytruncate/m, 'the log is moved and not copied');
}

# ---- lnav ---------------------------------------------------------------------------
my $format = eval { JSON::PP->new->decode(slurp('packaging/lnav/spoolhook.json')) };
ok($format, 'the format for lnav is JSON') or diag($@);
my %members = map { $_ => 1 } map { slurp($_) =~ /jot_\w+\(\s*\w+,\s*"(\w+)"/g } glob 'src/flow/record*.c';
is_deeply([grep { !$members{$_} } sort keys %{ $format->{spoolhook_delivery}{value} }], [],
    'every member that it names is in the log');
SKIP: {
	skip 'lnav is not installed', 1 unless there('lnav');
	make_path("$dir/home");
	spew("$dir/delivery.jsonl", join '', map {
		sprintf qq({"v":1,"ts":"2026-11-23T10:05:1%d.123Z","level":"%s","kind":"%s",) .
		    qq("msg":"said %d","delivery":"06H0HX5JJM73NGYJ-pager-0","webhook":"pager","duration_ms":%d}\n),
		    $_, $_ == 2 ? 'error' : 'info', $_ == 2 ? 'dead' : 'attempt', $_, $_ * 10
	} 1 .. 3);
	my $lnav = "HOME=$dir/home TERM=dumb lnav";
	($status, $said) = try("$lnav -i packaging/lnav/spoolhook.json");
	is($status, 0, 'lnav takes the format') or diag($said);
	($status, $said) = try("$lnav -n -c ';select kind, log_level, duration_ms " .
	    "from spoolhook_delivery order by log_line' -c ':write-csv-to -' $dir/delivery.jsonl");
	is($said, "kind,log_level,duration_ms\nattempt,info,10\ndead,error,20\nattempt,info,30\n",
	    '... and answers questions about a log');
}

# ---- Prometheus ---------------------------------------------------------------------
my $rules = slurp('packaging/prometheus/spoolhook.rules.yml');
my %used = map { $_ => 1 } map { /\bspoolhook_(\w+)/g } $rules =~ /^\s+expr: (.*)/mg;
cmp_ok(scalar keys %used, '>', 5, 'there are alerts');
my $metrics = slurp('src/cmd/metrics.c');
is_deeply([grep { $metrics !~ /"$_"|spoolhook_$_\b/ } sort keys %used], [],
    'they ask for no metric but those that "spoolhook metrics" prints');
SKIP: {
	skip 'promtool is not installed', 1 unless there('promtool');
	($status, $said) = try('promtool check rules packaging/prometheus/spoolhook.rules.yml');
	is($status, 0, 'promtool takes the alerts') or diag($said);
	($status, $said) = try('promtool test rules tests/data/alerts.yml');
	is($status, 0, 'they go off when they should, and not else') or diag($said);
	my %tested = map { $_ => 1 } slurp('tests/data/alerts.yml') =~ /alertname: (\w+)/g;
	is_deeply([sort keys %tested], [sort $rules =~ /alert: (\w+)/g], '... each of them');
}

# ---- scripts -------------------------------------------------------------------------
my @scripts = ('packaging/nagios/spoolhook-notify', map { "packaging/debian/$_" }
    qw(postinst prerm postrm tests/configuration tests/loopback));
for my $script (@scripts) {
	($status, $said) = try("sh -n $script");
	is($status, 0, "$script is a shell script") or diag($said);
}
SKIP: {
	skip 'shellcheck is not installed', 1 unless there('shellcheck');
	($status, $said) = try("shellcheck -s sh @scripts");
	is($said, '', 'shellcheck has nothing to say');
}

# ---- Debian ----------------------------------------------------------------------------
my ($version) = slurp('src/base/version.h') =~ /VERSION "(.*)"/;
like(slurp('packaging/debian/changelog'), qr/\Aspoolhook \(\Q$version\E-\d+\) /,
    'the package has the version of the program');
my ($needs) = slurp('packaging/debian/control') =~ /^Build-Depends:(.*?)^\S/ms;
my ($list) = slurp('bin/setup') =~ /^build='\n(.*?)^'$/ms;
my %own = map { $_ => 1 } qw(build-essential ca-certificates pkg-config);
is_deeply([sort grep { /-dev$/ } $needs =~ /([a-z0-9.+-]+-dev)/g],
    [sort grep { !$own{$_} } split /\n/, $list],
    'the package is built from the libraries that bin/setup installs');
ok(-x $_, "$_ is executable") for qw(packaging/debian/rules packaging/nagios/spoolhook-notify);

done_testing;
