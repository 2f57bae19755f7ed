#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Installing: what lands where, that it works from there, and that nothing is
# left when it is taken away. Then what is installed beside the program, at
# work: notifications of Nagios, and the rotation of the log.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(wait_until slurp spew top);
use Test::More;
use Cwd qw(abs_path);
use File::Find qw(find);

chdir top() or die;
my $program = abs_path($ENV{SPOOLHOOK_PROGRAM} || 'bin/spoolhook');
my $stage = Stage->new;
my $dir = $stage->dir;

sub try
{
	my ($command) = @_;
	my $said = qx{($command) 2>&1 </dev/null};

	return ($? >> 8, $said);
}

# make TARGET into a root: as `make TARGET`, but for the program as it is built.
sub make
{
	my ($root, @args) = @_;
	my ($status, $said) = try("make -s -o all PROGRAM='$program' " .
	    "B='$dir/b' DESTDIR='$root' @args");

	is($status, 0, "make @args goes well") or diag($said);
}

# Files below a directory, with their modes; directories end in a slash.
sub tree
{
	my ($root) = @_;
	my %tree;

	find({ no_chdir => 1, wanted => sub {
		my $name = substr $_, length $root;
		my $mode = (lstat)[2] & 07777;
		$tree{ $name . (-d _ ? '/' : '') } = sprintf '%o', $mode;
	} }, $root);
	return %tree;
}
sub files { my %tree = tree($_[0]); return sort grep { !m{/$} } keys %tree }

# ---- where things go -----------------------------------------------------------------
my $root = "$dir/a root";
make($root, 'install', 'prefix=/usr');
my %tree = tree($root);
is($tree{'/usr/bin/spoolhook'}, '755', 'the program lies in bindir');
is($tree{"/usr/share/man/man$_"}, '644', "the manual has $_") for
    map { m{^man/(.*\.(\d))$}; "$2/$1" } glob 'man/*.[157]';
is($tree{"/usr/share/doc/spoolhook/$_"}, '644', "docdir has $_")
    for qw(README.md CHANGELOG.md COPYING examples/spoolhook.json examples/webhooks.d/example.json);
is($tree{'/usr/share/spoolhook/nagios/spoolhook-notify'}, '755',
    'a script is installed as one');
is_deeply([grep { m{^/(?:etc|var|lib|usr/lib)\b} } files($root)], [],
    'no live configuration, unit or spool is touched');
is_deeply([grep { m{/debian/|install\.mk} } files($root)], [],
    'what makes packages is not installed');
is_deeply([grep { ($tree{$_} // '') =~ /[2367]$|[2367].$/ && !/\/$/ } keys %tree], [],
    'nobody but the owner may write what is installed');
my ($has) = try("$program help completion");
SKIP: {
	skip 'there is no completion yet', 3 if $has;
	for (['bash-completion/completions/spoolhook', 'bash'],
	    ['zsh/vendor-completions/_spoolhook', 'zsh'],
	    ['fish/vendor_completions.d/spoolhook.fish', 'fish'])
	{
		ok(-s "$root/usr/share/$_->[0]", "there is completion for $_->[1]");
	}
}

# ---- it works from there --------------------------------------------------------------
my ($status, $said) = try("'$root/usr/bin/spoolhook' --version");
is($status, 0, 'the installed program runs');
make($root, 'installcheck', 'prefix=/usr');
make($root, 'install', 'prefix=/usr');
is_deeply({ tree($root) }, \%tree, 'installing again changes nothing');

# ---- and nothing is left ---------------------------------------------------------------
spew("$root/usr/share/doc/other/README", "not ours\n");
spew("$root/usr/share/doc/spoolhook/NOTES", "the administrator's\n");
make($root, 'uninstall', 'prefix=/usr');
is_deeply([files($root)], ['/usr/share/doc/other/README', '/usr/share/doc/spoolhook/NOTES'],
    'uninstall takes away what install brought, and nothing else');
unlink "$root/usr/share/doc/spoolhook/NOTES";
make($root, 'uninstall', 'prefix=/usr');
is_deeply([grep { /spoolhook/ } keys %{ { tree($root) } }], [],
    'no directory of ours is left, and to uninstall twice does no harm');

# ---- other places -----------------------------------------------------------------------
my @places = qw(prefix=/opt/hook sysconfdir=/opt/etc localstatedir=/opt/var);
my $other = "$dir/other";
make($other, 'install-system', @places);
is_deeply([grep { !m{^/opt/} } files($other)], [], 'everything follows the chosen directories');
my $unit = slurp("$other/opt/hook/lib/systemd/system/spoolhook.service");
like($unit, qr{^ExecStart=/opt/hook/bin/spoolhook run$}m, 'the unit starts that program');
like($unit, qr{^Environment=SPOOLHOOK_CONFIG=/opt/etc/spoolhook$}m, '... with that configuration');
like($unit, qr{^ReadWritePaths=/opt/var/spool/spoolhook$}m, '... and lets it write that spool');
like(slurp("$other/opt/hook/share/doc/spoolhook/examples/spoolhook.json"),
    qr{"dir": "/opt/var/spool/spoolhook"}, 'the example names that spool, too');
like(slurp("$other/opt/hook/lib/tmpfiles.d/spoolhook.conf"),
    qr{^d /opt/var/spool/spoolhook/incoming  3730 spoolhook hookdrop}m,
    'the drop box is made there');
ok(-f "$other/opt/etc/logrotate.d/spoolhook", 'and the log is rotated');
make($other, 'uninstall', @places);
is_deeply([files($other)], [], 'uninstall takes all of that away');

# ---- Nagios hands over what it likes ------------------------------------------------------
my ($receiver, $port) = $stage->listen;
$stage->webhook(all => { triggers => ['*'], endpoints => ["http://127.0.0.1:$port/"] });
my $daemon = $stage->run;
local $ENV{SPOOLHOOK} = $program;
local $ENV{SPOOLHOOK_CONFIG} = $stage->etc;
my $notify = 'packaging/nagios/spoolhook-notify';
my $nasty = qq(--dead "half' \$(touch $dir/owned) `touch $dir/owned` \\ \n{"a":1}, \xff\xfe end);
my @notices = (
	['PROBLEM', 42, 0, 'web1', 'CRITICAL', $nasty],
	['DOWNTIMESTART', 42, 0, 'web1', 'CRITICAL', 'no incident'],
	['ACKNOWLEDGEMENT', 42, 0, 'web1', 'CRITICAL', ''],
	['RECOVERY', 0, 42, 'web1', 'OK', "all's well"],
	['Problem', 'web1!http', '', 'web1 http', 'Warning', 'as Icinga spells it'],
);
for my $notice (@notices) {
	my $n = $stage->start($notify, @$notice);
	is($stage->reap($n), 0, "$notice->[0] is handed over") or diag($stage->errors($n));
}
wait_until { $stage->received($receiver) >= 4 };
my @got = map { JSON::PP->new->decode($_->{body}) } $stage->received($receiver);
is(scalar @got, 4, 'a downtime is no incident, the others arrive');
is_deeply([map { $_->{event_type} } grep { $_->{id} eq 'nagios-42' } @got],
    [qw(incident_triggered incident_acknowledged incident_resolved)],
    'problem, acknowledgement and recovery are one incident, in order');
like($got[0]{description} // '', qr/^--dead "half' \$\(touch .* end\z/s,
    'what a plugin prints arrives as it was, options, quotes and all');
ok(!-e "$dir/owned", '... and is run by nobody');
is($got[-1]{id}, 'nagios-web1!http', 'Icinga has names in place of numbers');
is($stage->reap($stage->start($notify, 'PROBLEM')), 64, 'too few arguments are refused');

# ---- the log is rotated under a running daemon ----------------------------------------------
SKIP: {
	my ($logrotate) = grep { -x } map { "$_/logrotate" } split(/:/, $ENV{PATH}), '/usr/sbin';
	skip 'logrotate is not installed', 1 unless $logrotate;
	my $log = $stage->spool . '/log/delivery.jsonl';
	my $pid = $stage->pid($daemon);
	my ($user, $group) = (scalar getpwuid($>), scalar getgrgid($) + 0));
	my $rules = slurp('packaging/logrotate/spoolhook');

	$rules =~ s{^/\S+ /\S+ \{$}{$log \{}m or die;
	$rules =~ s/\bspoolhook hookadm\b/$user $group/g;
	$rules =~ s/^\s*\Ksystemctl kill .*/kill -USR1 $pid/m or die;
	spew("$dir/rotate", $rules);
	my @before = $stage->log;
	my $inode = (stat $log)[1];
	for my $round (1 .. 3) {
		($status, $said) = try("$logrotate -f -s $dir/rotate.state $dir/rotate");
		is($status, 0, 'logrotate does its work') or diag($said);
		$stage->drop("$round.json", $stage->event_text('triggered', id => "round-$round"));
		ok(wait_until {
			grep { $_->{kind} eq 'delivered' && ($_->{incident} // '') eq "round-$round" }
			    $stage->log;
		}, 'what comes then is in the new log');
	}
	isnt((stat $log)[1], $inode, 'the log is a new file');
	my $all = join '', map { m/\.gz$/ ? qx(gzip -dc '$_') : slurp($_) }
	    reverse($log, sort { $a cmp $b } glob "$log.*");
	my @all = map { JSON::PP->new->decode($_) } split /\n/, $all;
	is_deeply([@all[0 .. $#before]], \@before, 'the old lines are whole');
	is(scalar(grep { $_->{kind} eq 'delivered' } @all), 7, 'and no line is lost');
	is($stage->stop($daemon), 0, 'the daemon ran through all of it');
}

done_testing;
