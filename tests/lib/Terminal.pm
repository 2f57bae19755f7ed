# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Terminal: runs the program in a real pseudo-terminal, by script(1).
package Terminal;

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use Stage qw(spew slurp);

our @EXPORT_OK = qw(on_terminal);

my $program = $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook';

sub quoted { return join ' ', map { (my $w = $_) =~ s/'/'\\''/g; "'$w'" } @_ }

# Types `input` into a verb of the stage: (exit status, what the screen showed).
sub on_terminal
{
	my ($stage, $input, @args) = @_;
	my $dir = $stage->dir;
	my $command = quoted($program, '-c', $stage->etc, @args);

	spew("$dir/typed", $input);
	my $pid = fork // croak "fork: $!";
	if (!$pid) {
		$ENV{TERM} = 'xterm';
		delete $ENV{NO_COLOR};
		open(STDIN, '<', "$dir/typed");
		open(STDOUT, '>', '/dev/null');
		open(STDERR, '>', '/dev/null');
		exec 'script', '-qec', $command, "$dir/screen"
		    or POSIX::_exit(127);
	}
	waitpid($pid, 0);
	my $status = $? >> 8;
	my $screen = slurp("$dir/screen") // '';
	$screen =~ s/\A[^\n]*\n//;
	$screen =~ s/\nScript done[^\n]*\n\z//;
	return ($status, $screen);
}

1;
