# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Fault: what the stories in tests/fault/ share: a receiver that writes down
# what came before it answers, a look into the store, and the judge, who
# compares both with the promises (spoolhook-failures(7)) and returns the
# sentences of those that were broken.
package Fault;

use strict;
use warnings;
use Exporter qw(import);
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Digest::SHA qw(sha1_hex);
use IO::Select;
use IO::Socket::INET;
use JSON::PP;
use File::Path ();
use POSIX ();
use Stage qw(slurp spew wait_until);
use Time::HiRes qw(sleep);

our @EXPORT_OK = qw(event_body drop full sanitized look judge finish sample
	program build_dir shim seed failing_disk break_disk struck mounted
	summary);

# The full form takes minutes to hours; the short one seconds.
sub full { return $ENV{SPOOLHOOK_FAULT} && $ENV{SPOOLHOOK_FAULT} eq 'full' }

sub program { return $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook' }

sub sanitized
{
	return (slurp(program()) // '') =~ /__(?:asan|tsan)_init/;
}

# A number that is printed, so that a run can be repeated.
sub seed
{
	my $seed = $ENV{SPOOLHOOK_SEED} // int(rand(1 << 31));

	srand($seed);
	Test::More::diag("SPOOLHOOK_SEED=$seed repeats this run of $0");
	return $seed;
}

# Helpers in C are built beside the program.
sub build_dir
{
	my $dir = $ENV{SPOOLHOOK_FAULT_BUILD} || Stage::top() . '/build/fault';

	File::Path::make_path($dir);
	return $dir;
}

# Builds tests/fault/NAME.c as NAME or NAME.so; the arguments go to the compiler.
sub shim
{
	my ($name, @flags) = @_;
	my $target = build_dir() . "/$name";
	my $source = Stage::top() . "/tests/fault/" . ($name =~ s/\.so$//r) . '.c';

	return $target if -e $target && -M $target < -M $source;
	my @command = ('gcc', '-std=gnu17', '-D_GNU_SOURCE', '-O1', '-g', '-Wall',
		'-Wextra', '-Werror', '-pthread', '-o', "$target.$$", $source, @flags);
	system(@command) == 0 or return undef;
	rename "$target.$$", $target or return undef;
	return $target;
}

# The variables that preload the failing disk; break_disk says what fails.
sub failing_disk
{
	my ($stage) = @_;
	my $library = shim('faultio.so', qw(-shared -fPIC)) or die 'no faultio';

	break_disk($stage);
	return (LD_PRELOAD => $library, FAULTIO => $stage->dir . '/faults',
		ASAN_OPTIONS => join ':', $ENV{ASAN_OPTIONS} // (),
		'verify_asan_link_order=0');
}

# Lines "CALL ERRNO PART" of faultio.c; none mends the disk.
sub break_disk
{
	my ($stage, @faults) = @_;
	my $file = $stage->dir . '/faults';

	unlink "$file.struck";
	spew("$file.new", join '', map { "$_\n" } @faults);
	rename "$file.new", $file;
}

# How often the broken disk was met.
sub struck
{
	my ($stage) = @_;

	return scalar(() = (slurp($stage->dir . '/faults.struck') // '') =~ /\n/g);
}

# Mounts, until the returned guard goes; undef when that is not permitted.
sub mounted
{
	my ($place, @arguments) = @_;

	File::Path::make_path($place);
	return undef if system('mount', @arguments, $place);
	return bless { place => $place, owner => $$ }, 'Fault::Mount';
}

package Fault::Mount {
	sub DESTROY
	{
		my ($self) = @_;

		return if $$ != $self->{owner};
		local ($?, $@, $!);
		Stage::wait_until(sub {
			system("umount $self->{place} 2>/dev/null") == 0 }, 2)
		    or system('umount', '-l', $self->{place});
	}
}

# ---- events ----------------------------------------------------------------

# The bytes of event number `n` of an incident: small, and like no other.
sub event_body
{
	my ($n, $incident, $type) = @_;

	return sprintf('{"id":"%s","event_type":"%s","message":"number %d",'
	    . '"service":{"id":"s1","name":"email trigger","slug":"email-trigger"},'
	    . '"pad":"%s"}',
	    $incident, $type // 'incident_triggered', $n, sha1_hex("event $n"));
}

# Drops a file by rename, with a time of writing in the past: so it is seen that
# it came whole, also within one tick of the file system's clock.
sub drop
{
	my ($dir, $name, $text) = @_;

	spew("$dir/.$name.writing", $text);
	utime(time - 5, time - 5, "$dir/.$name.writing");
	rename "$dir/.$name.writing", "$dir/$name" or die "rename: $!";
}

# ---- the receiver ----------------------------------------------------------

# A receiver in a process of its own. Before it answers, it appends a line
# {path, id, attempt, body, at} to its file; `at` is the size of the file
# `clock`, where one is given. Modes are read for each request from a file with
# lines "PATH STATUS" or "PATH slow": dead paths answer 500, others 204.
sub receiver
{
	my ($class, $dir, %with) = @_;
	my $listening = IO::Socket::INET->new(Listen => 128,
		LocalAddr => '127.0.0.1', LocalPort => 0, ReuseAddr => 1)
	    or die "no receiver: $!";
	my $self = bless { file => "$dir/received", modes => "$dir/modes",
		port => $listening->sockport, clock => $with{clock}, owner => $$,
	}, $class;

	spew($self->{file}, '');
	spew($self->{modes}, '');
	$self->{pid} = fork // die "fork: $!";
	if (!$self->{pid}) {
		$SIG{PIPE} = 'IGNORE';
		eval { $self->serve($listening) };
		POSIX::_exit(0);
	}
	close $listening;
	return $self;
}

sub port { return $_[0]{port} }

sub mode
{
	my ($self, %modes) = @_;

	$self->{mode} = { %{ $self->{mode} || {} }, %modes };
	spew("$self->{modes}.new",
	    join '', map { "$_ $self->{mode}{$_}\n" } sort keys %{ $self->{mode} });
	rename "$self->{modes}.new", $self->{modes};
}

sub answer_to
{
	my ($self, $path) = @_;
	my ($mode) = (slurp($self->{modes}) // '') =~ /^\Q$path\E (\S+)$/m;

	return $mode // ($path =~ /dead/ ? 500 : 204);
}

sub serve
{
	my ($self, $listening) = @_;
	my $select = IO::Select->new($listening);
	my (%input, @later);

	open(my $out, '>>:raw', $self->{file}) or die;
	for (;;) {
		for my $socket ($select->can_read(@later ? 0.01 : 1)) {
			if ($socket == $listening) {
				my $new = $listening->accept or next;
				$select->add($new);
				$input{$new} = '';
				next;
			}
			my $got = sysread($socket, $input{$socket}, 65536,
			    length $input{$socket});
			if (!$got) {
				$select->remove($socket);
				delete $input{$socket};
				close $socket;
				next;
			}
			$self->take($socket, \$input{$socket}, $out, \@later);
		}
		my $now = Time::HiRes::time();
		while (@later && $later[0][0] <= $now) {
			my ($at, $socket, $text) = @{ shift @later };
			syswrite($socket, $text) if $socket->opened;
		}
		return if getppid() != $self->{owner};
	}
}

sub take
{
	my ($self, $socket, $input, $out, $later) = @_;

	while ($$input =~ /\A(.*?)\r\n\r\n/s) {
		my $head = $1;
		my $from = length($head) + 4;
		my ($size) = $head =~ /^content-length: *(\d+)/im;
		my ($path) = $head =~ /\A\S+ (\S+)/;

		return if length($$input) < $from + ($size // 0);
		my $body = substr($$input, $from, $size // 0);
		substr($$input, 0, $from + ($size // 0)) = '';
		my ($id) = $head =~ /^webhook-id: *(\S+)/im;
		my ($try) = $head =~ /^spoolhook-attempt: *(\S+)/im;
		syswrite($out, JSON::PP->new->canonical->latin1->encode({
			path => $path, id => $id, attempt => $try, body => $body,
			at => $self->{clock} ? (-s $self->{clock}) + 0 : 0,
		}) . "\n");
		my $answer = $self->answer_to($path);
		my $status = $answer eq 'slow' ? 204 : $answer;
		my $text = "HTTP/1.1 $status Answer\r\n"
		    . ($status == 204 ? '' : "Content-Length: 0\r\n") . "\r\n";
		if ($answer eq 'slow') {
			push @$later, [ Time::HiRes::time() + 0.15, $socket, $text ];
		} else {
			syswrite($socket, $text);
		}
	}
}

# Where the file ends now; `received` may begin there.
sub mark { return (-s $_[0]{file}) // 0 }

sub received
{
	my ($self, $mark) = @_;
	my $text = substr(slurp($self->{file}), $mark // 0);

	# What is not a whole line yet is being written.
	$text =~ s/[^\n]*\z//;
	return map { JSON::PP->new->latin1->decode($_) } split /\n/, $text;
}

sub DESTROY
{
	my ($self) = @_;

	return if !$self->{pid} || $$ != $self->{owner};
	local ($?, $@, $!);
	kill 'KILL', $self->{pid};
	waitpid($self->{pid}, 0);
}

# ---- the store -------------------------------------------------------------

# Runs a query by sqlite3(1), for this is what an operator has.
sub query
{
	my ($spool, $text) = @_;

	open(my $in, '-|', 'sqlite3', '-batch', '-bail', '-cmd', '.timeout 5000',
	    '-separator', '|', "$spool/spool.db", $text) or die "sqlite3: $!";
	my @rows = map { chomp; [ split /\|/, $_, -1 ] } <$in>;
	close $in;
	return @rows;
}

# Events and deliveries as hashes, in the order of acceptance.
sub look
{
	my ($spool) = @_;
	my (@events, @deliveries);

	for my $row (query($spool, "SELECT 'e', event.seq, event.id, "
	    . 'event.incident, hex(body), 0 FROM event '
	    . 'LEFT JOIN payload ON payload.event = event.seq '
	    . "UNION ALL SELECT 'd', delivery.seq, event.id || '-' || "
	    . "webhook || '-' || name, state, event.incident, tries "
	    . 'FROM delivery JOIN event ON event.seq = delivery.event '
	    . 'JOIN endpoint ON endpoint.seq = delivery.endpoint '
	    . 'ORDER BY 1, 2')) {
		if ($row->[0] eq 'e') {
			push @events, { seq => $row->[1], id => $row->[2],
				incident => $row->[3],
				body => pack('H*', $row->[4]) };
		} else {
			push @deliveries, { seq => $row->[1], id => $row->[2],
				state => $row->[3], incident => $row->[4],
				tries => $row->[5] };
		}
	}
	return (\@events, \@deliveries);
}

# Runs `run --once` to the end, again while something is deferred. Returns its
# last status and what it said.
sub finish
{
	my ($stage, $rounds) = @_;
	my ($status, $out, $err);

	for (1 .. $rounds // 3) {
		($status, $out, $err) = $stage->verb('run', '--once');
		last if $status ne '75';
	}
	return ($status, $err);
}

# ---- the judge -------------------------------------------------------------

sub hidden_names
{
	my ($dir) = @_;

	opendir(my $in, $dir) or return ();
	return grep { !/^\.\.?$/ } readdir $in;
}

# What all the judgements of a run saw.
our %sum = (events => 0, lost => 0, calls => 0, repeated => 0);

# A run's last line: "kill: 1200 points tried, 6000 events, 0 lost, …".
sub summary
{
	my ($tried) = @_;
	my ($name) = $0 =~ m{([^/]+)\.t$};

	return "$name: $tried tried; $sum{events} events, $sum{lost} lost; "
	    . "$sum{calls} calls, $sum{repeated} of them repeats of what was in "
	    . 'flight';
}

sub judge_events
{
	my ($case, $events) = @_;
	my (%count, @wrong);

	$sum{events} += @$events;

	$count{ $_->{body} }++ for @$events;
	for my $body (sort keys %{ $case->{must} }) {
		my $n = delete $count{$body} // 0;
		push @wrong, "accepted $n times instead of once: $body" if $n != 1;
		$sum{lost}++ if !$n;
	}
	for my $body (sort keys %{ $case->{may} || {} }) {
		my $n = delete $count{$body} // 0;
		push @wrong, "accepted $n times instead of at most once: $body"
		    if $n > 1;
	}
	push @wrong, 'accepted, but nobody dropped it: "'
	    . substr($_, 0, 200) . '"' for sort keys %count;
	return @wrong;
}

# Repeats are what was in flight when the process died: at most as many as one
# endpoint's concurrency for each death.
sub judge_calls
{
	my ($case, $events, $deliveries, $calls) = @_;
	my %body = map { $_->{id} => $_->{body} } @$events;
	my %known = map { $_->{id} => $_ } @$deliveries;
	my (%seen, %last, @wrong, $repeats);

	for my $call (@$calls) {
		my ($event) = $call->{id} =~ /^([0-9A-Z]{16})-/;
		my $delivery = $known{ $call->{id} };

		if (!$delivery) {
			push @wrong, "$call->{id} was sent and is not in the store"
			    unless $case->{pruned};
			next;
		}
		push @wrong, "$call->{id} was sent with other bytes"
		    if $call->{body} ne ($body{$event} // '');
		$repeats++ if $seen{ $call->{id} }++;
		my $lane = "$call->{path} $delivery->{incident}";
		push @wrong, "$call->{id} was sent after a later one of $lane"
		    if ($last{$lane} // 0) > $delivery->{seq} && !$case->{resent};
		$last{$lane} = $delivery->{seq};
	}
	for my $id (sort keys %known) {
		push @wrong, "$id was never sent" unless $seen{$id};
	}
	$sum{calls} += @$calls;
	$sum{repeated} += $repeats // 0;
	push @wrong, "$repeats attempts were repeated, $case->{repeats} at most"
	    if defined $case->{repeats} && ($repeats // 0) > $case->{repeats};
	return @wrong;
}

sub judge_rejected
{
	my ($case, $spool) = @_;
	my %want = %{ $case->{rejected} || {} };
	my @wrong;

	for my $name (sort { $a cmp $b } hidden_names("$spool/rejected")) {
		next if $name =~ /\.why\.json$/;
		next if $name =~ /^\./;
		my $bytes = slurp("$spool/rejected/$name") // '';
		my $why = eval { JSON::PP->new->utf8->decode(
			slurp("$spool/rejected/$name.why.json")) };

		push @wrong, "rejected/$name lies there without its reason"
		    unless $why && $why->{code} && $why->{source};
		# A death between a reason and its file leaves the reason alone;
		# the file then comes under the next number.
		(my $as = $name) =~ s/\.\d+\z//;
		push @wrong, "rejected/$name lies there, which should not"
		    unless exists $want{$as} && $want{$as} eq $bytes;
		delete $want{$as};
	}
	push @wrong, "rejected/$_ is missing" for sort keys %want;
	return @wrong;
}

sub judge_files
{
	my ($case, $spool, $events, $deliveries) = @_;
	# A writer that died leaves a hidden file, which is nobody's event.
	my @left = grep { !$case->{left}{$_} && !/^\..*\.tmp$/ }
	    hidden_names("$spool/incoming");
	my (@wrong, $line);

	push @wrong, "incoming/ still holds @left" if @left;
	for (split /\n/, slurp("$spool/log/delivery.jsonl") // '') {
		$line = eval { JSON::PP->new->utf8->decode($_) };
		push @wrong, "a log line is none: $_" unless $line || $case->{torn};
	}
	my @dead = grep { $_->{state} == 5 } @$deliveries;
	my @mail = glob("$spool/mail/*.eml");
	for (@dead) {
		my ($event, $webhook) = $_->{id} =~ /^([^-]+)-(.*)-[^-]+$/;
		push @wrong, "failed/$webhook/$event.json is missing"
		    unless -s "$spool/failed/$webhook/$event.json";
	}
	push @wrong, 'nobody was told of the dead'
	    if @dead && !$case->{untold} && !@mail;
	return @wrong;
}

# judge({ spool, calls, must => { BODY => 1 }, may, rejected => { NAME =>
# BYTES }, repeats, left, dead => REGEX of deliveries that die }): the promises
# that were broken, none when all is well. All work must have ended.
sub judge
{
	my ($case) = @_;
	my ($events, $deliveries) = look($case->{spool});
	my @wrong = judge_events($case, $events);

	for (@$deliveries) {
		my $want = $_->{id} =~ ($case->{dead} // qr/-dead-/) ? 5 : 4;
		push @wrong, "$_->{id} ended in state $_->{state}, not $want"
		    if $_->{state} != $want;
	}
	my $per = $case->{per_event} // 2;
	push @wrong, @$deliveries . ' deliveries for ' . @$events . ' events'
	    if @$deliveries != $per * @$events;
	push @wrong, judge_calls($case, $events, $deliveries, $case->{calls});
	push @wrong, judge_rejected($case, $case->{spool});
	push @wrong, judge_files($case, $case->{spool}, $events, $deliveries);
	my ($sound) = query($case->{spool}, 'PRAGMA integrity_check');
	push @wrong, 'spool.db is damaged'
	    unless $sound && $sound->[0] eq 'ok';
	return @wrong;
}

1;
