# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Bench: what measuring needs. Processes with their CPU time, memory and
# descriptors, taken from /proc for the whole tree; the sink and what its log
# says; the generator. Everything is bounded in time, on loopback, and ended by
# the number of its process.
package Bench;

use strict;
use warnings;
use Exporter qw(import);
use File::Path qw(make_path remove_tree);
use IO::Socket::INET;
use POSIX qw(:sys_wait_h ceil);
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);

our @EXPORT_OK = qw(mono spawn end_process run_to_end sink_start drop
    watch_until judge waits percentile slurp spew settled tool);

my $tools = $ENV{BENCH_TOOLS} || 'build/bench';

sub mono { return clock_gettime(CLOCK_MONOTONIC) }
sub tool { return "$tools/$_[0]" }

sub slurp
{
	my ($path) = @_;
	open(my $in, '<:raw', $path) or return undef;
	local $/;
	return <$in> // '';
}

sub spew
{
	my ($path, $text) = @_;
	open(my $out, '>:raw', $path) or die "$path: $!";
	print $out $text or die "$path: $!";
	close $out or die "$path: $!";
}

# ---- processes -------------------------------------------------------------------

my %living;
my $owner = $$;

# Starts a command as the head of a group of its own.
sub spawn
{
	my ($output, @command) = @_;
	my $pid = fork // die "fork: $!";

	if (!$pid) {
		setpgrp;
		open(STDIN, '<', '/dev/null');
		open(STDOUT, '>>', "$output.out") or POSIX::_exit(126);
		open(STDERR, '>>', "$output.err") or POSIX::_exit(126);
		exec { $command[0] } @command or POSIX::_exit(127);
	}
	$living{$pid} = 1;
	return $pid;
}

sub reaped
{
	my ($pid, $seconds) = @_;
	my $end = mono() + $seconds;

	while (mono() < $end) {
		return 1 if waitpid($pid, WNOHANG) != 0;
		sleep 0.01;
	}
	return 0;
}

# Ends it and its group. Returns the CPU seconds that its end accounted for.
sub end_process
{
	my ($pid, $signal) = @_;
	my @before = times;

	return 0 unless delete $living{$pid};
	kill $signal // 'TERM', -$pid;
	if (!reaped($pid, 30)) {
		kill 'KILL', -$pid;
		waitpid $pid, 0;
	}
	kill 'KILL', -$pid;
	my @after = times;
	return $after[2] + $after[3] - $before[2] - $before[3];
}

sub alive { return keys %living }

END {
	if ($$ == $owner) {
		local $?;
		end_process($_, 'KILL') for keys %living;
	}
}

# A command's first line of output and its wall time; dies when it fails.
sub run_to_end
{
	my (@command) = @_;
	my $start = mono();

	open(my $out, '-|', @command) or die "$command[0]: $!";
	my @lines = <$out>;
	close $out or die "$command[0] failed\n";
	return (join('', @lines), mono() - $start);
}

sub tree
{
	my @pids = @_;

	for (my $i = 0; $i < @pids; $i++) {
		push @pids, split ' ',
		    slurp("/proc/$pids[$i]/task/$pids[$i]/children") // '';
	}
	return @pids;
}

# Listing a thousand of them twenty times a second would cost the one that is
# measured some percent; since Linux 6.2 the directory's size tells.
sub descriptors
{
	my ($path) = @_;
	my $size = -s $path;

	return $size if $size;
	opendir(my $dir, $path) or return 0;
	my $count = () = readdir $dir;
	return $count - 2;
}

# Of a process and its children: CPU seconds, resident MiB, descriptors.
sub look
{
	my ($root) = @_;
	my ($cpu, $rss, $fds) = (0, 0, 0);

	for my $pid (tree($root)) {
		my $stat = slurp("/proc/$pid/stat") // next;
		my @field = split ' ', $stat =~ s/.*\) //r;

		$cpu += ($field[11] + $field[12] + $field[13] + $field[14]) / 100;
		$rss += $field[21] * 4096 / 1048576;
		$fds += descriptors("/proc/$pid/fd");
	}
	my ($peak) = (slurp("/proc/$root/status") // '') =~ /VmHWM:\s+(\d+)/;
	$peak = ($peak // 0) / 1024;
	return { cpu => $cpu, rss => $rss > $peak ? $rss : $peak, fds => $fds };
}

# Jiffies that the machine spent busy.
sub machine_busy
{
	my @n = split ' ', (slurp('/proc/stat') =~ /^cpu (.*)/)[0];
	return ($n[0] + $n[1] + $n[2] + $n[5] + $n[6]) / 100;
}

# ---- the sink --------------------------------------------------------------------

sub sink_start
{
	my ($dir) = @_;
	my $self = bless { log => "$dir/sink.log" }, 'Bench::Sink';

	$self->{pid} = spawn("$dir/sink", tool('sink'), $self->{log});
	for (1 .. 500) {
		($self->{port}) = (slurp("$dir/sink.out") // '') =~ /^(\d+)\n/;
		last if $self->{port};
		sleep 0.01;
	}
	die "the sink did not start: " . slurp("$dir/sink.err")
	    unless $self->{port};
	return $self;
}

sub Bench::Sink::url { return "http://127.0.0.1:$_[0]{port}$_[1]" }
sub Bench::Sink::stop { Bench::end_process($_[0]{pid}) }

sub Bench::Sink::ask
{
	my ($self, $path) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
	    PeerPort => $self->{port}, Timeout => 5) or return '';

	print $socket "GET $path HTTP/1.1\r\n\r\n";
	sysread $socket, my $answer, 4096;
	return ($answer // '') =~ s/.*\r\n\r\n//sr;
}

# (answered 2xx, came at all)
sub Bench::Sink::count { return split ' ', $_[0]->ask('/sink/count') }
sub Bench::Sink::set { $_[0]->ask("/sink/set/$_[1]/$_[2]") }

# Its log as [seconds, status, number, path].
sub Bench::Sink::records
{
	my ($self) = @_;

	$self->ask('/sink/count');
	open(my $in, '<', $self->{log}) or die "$self->{log}: $!";
	return map { chomp; my @r = split / /; $r[0] /= 1e9; \@r } <$in>;
}

# ---- the generator ---------------------------------------------------------------

# Starts `drop`; returns its process, to be given to `settled`.
sub drop
{
	my ($box, $count, @options) = @_;

	make_path($box =~ s{/[^/]+$}{}r);
	return spawn("$box.drop", tool('drop'), @options, $count, $box);
}

# Waits for the generator's end.
sub settled
{
	my ($pid, $seconds) = @_;

	reaped($pid, $seconds // 600) or die "drop took too long\n";
	delete $living{$pid};
	die "drop failed\n" if $?;
}

# ---- waiting and judging ---------------------------------------------------------

# Watches a contender until `fact` holds, `seconds` passed, or nothing came for
# `stall` seconds. Returns peaks and whether it held.
sub watch_until
{
	my ($pid, $sink, $fact, $seconds, $stall) = @_;
	my ($start, $last, $moved) = (mono(), -1, mono());
	my $peak = { cpu => 0, rss => 0, fds => 0 };
	my $busy = machine_busy();
	my $own = look($pid)->{cpu} + look($sink->{pid})->{cpu} + own_cpu();

	for (;;) {
		my ($good, $came) = $sink->count;
		my $now = look($pid);

		for my $key (qw(cpu rss fds)) {
			$peak->{$key} = $now->{$key}
			    if $now->{$key} > $peak->{$key};
		}
		$peak->{done} = $fact->($good, $came) ? 1 : 0;
		($last, $moved) = ($came, mono()) if $came != $last;
		last if $peak->{done} || mono() > $start + $seconds ||
		    mono() > $moved + ($stall // 20);
		sleep 0.05;
	}
	$busy = machine_busy() - $busy;
	$own = look($pid)->{cpu} + look($sink->{pid})->{cpu} + own_cpu() - $own;
	$peak->{others} = ($busy - $own) / (mono() - $start + 1e-3);
	return $peak;
}

sub own_cpu { my @t = times; return $t[0] + $t[1] }

# Were the numbers from..to-1 answered 2xx at this path, and once? `keep` are
# the sink's records.
sub judge
{
	my ($records, $path, $from, $to) = @_;
	my ($first, $last);
	my %seen;
	my $twice = 0;

	for my $r (@$records) {
		next if $r->[1] < 200 || $r->[1] > 299 || $r->[3] ne $path;
		next if $r->[2] < $from || $r->[2] >= $to;
		$twice++ if $seen{ $r->[2] }++;
		$first //= $r->[0];
		$last = $r->[0];
	}
	return { first => $first, last => $last, got => scalar keys %seen,
		lost => $to - $from - keys %seen, twice => $twice };
}

# Milliseconds from a rename to the first arrival at this path, sorted.
sub waits
{
	my ($records, $path, $times) = @_;
	my %renamed = map { /^(\d+) (\d+)/ ? ($1, $2 / 1e9) : () }
	    split /\n/, slurp($times);
	my %arrived;

	for my $r (grep { $_->[3] eq $path } @$records) {
		$arrived{ $r->[2] } //= $r->[0];
	}
	return sort { $a <=> $b }
	    map { ($arrived{$_} - $renamed{$_}) * 1000 }
	    grep { exists $arrived{$_} } keys %renamed;
}

sub percentile
{
	my ($percent, @sorted) = @_;

	return undef unless @sorted;
	return $sorted[ceil($percent / 100 * @sorted) - 1];
}

1;
