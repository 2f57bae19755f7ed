#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Wrong use, of every verb: it changes nothing, prints nothing on standard
# output, and gets one line that says what to type instead, with the exit code
# of its kind.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Stage qw(spew);
use Test::More;

my $stage = Stage->new(webhooks => {
	pager => { endpoints => [ { id => 'primary', url => 'http://127.0.0.1:9/' } ] },
	chat => { endpoints => ['http://127.0.0.1:9/'] },
});
$stage->verb('run', '--once', '-q');
my $event = "$stage->{dir}/event.json";
my $gone = "$stage->{dir}/gone.json";
my $half = "$stage->{dir}/half.json";
spew($event, $stage->event_text('triggered'));
spew($half, '{"event_type": "incident_tr');
my $none = '0' x 16;

# [what is typed], the exit code, what the line says
my @wrong = (
	[[], 64, qr/which command\? "spoolhook help" lists them/],
	[['quue'], 64, qr/unknown command "quue" \(did you mean "queue"\?\)/],
	[['xyzzy'], 64, qr/try "spoolhook help"/],
	[['help', 'quue'], 64, qr/did you mean "queue"/],
	[['--jsn', 'list'], 64, qr/did you mean "--json"/],
	[['--color=blue', 'list'], 64, qr/"auto", "always" or "never"/],
	[['-c'], 64, qr/"--config" needs DIR/],
	[['run', 'x'], 64, qr/unexpected argument "x"/],
	[['run', '--onc'], 64, qr/did you mean "--once"/],
	[['reload'], 69, qr/no daemon is running; "spoolhook run" starts one/],
	[['reload', 'x'], 64, qr/spoolhook help reload/],
	[['flush', 'pagr'], 1, qr/did you mean "pager"/],
	[['flush', '--wait=x'], 64, qr/no duration \(like/],
	[['pause'], 64, qr/which webhook\?/],
	[['pause', 'pagr'], 1, qr/did you mean "pager"/],
	[['pause', 'pager', '--for', '1x'], 64, qr/no duration \(like/],
	[['pause', 'pager', '--for', '0s'], 64, qr/needs a time like/],
	[['resume'], 64, qr/which webhook\?/],
	[['resume', 'pagr'], 1, qr/did you mean "pager"/],
	[['submit', $gone], 66, qr/gone\.json: cannot open: No such file/],
	[['submit', $half], 65, qr/half\.json:1:\d+: .*nothing of it was submitted/],
	[['submit', '--tag', 'x'], 64, qr/--tag wants NAME=VALUE/],
	[['submit', '--set', 'x'], 64, qr/--set wants PATH=VALUE/],
	[['submit', '--servce', 'x'], 64, qr/did you mean "--service"/],
	[['submit', $event, '--message', 'x'], 64, qr/give files, or options/],
	[['submit', '--wait=5', $event], 64, qr/no duration \(like/],
	[['sample', 'incident_trigered'], 64, qr/did you mean "incident_triggered"/],
	[['sample', 'a', 'b'], 64, qr/one event type at a time/],
	[['check', 'x'], 64, qr/-c DIR names the configuration directory/],
	[['config'], 64, qr/say "spoolhook config show"/],
	[['config', 'shwo'], 64, qr/say "spoolhook config show"/],
	[['config', 'show', 'retentoin'], 1, qr/did you mean "retention"/],
	[['config', 'show', '--changed', '--defaults'], 64, qr/cannot go together/],
	[['list', 'x'], 64, qr/takes no operand/],
	[['route'], 64, qr/spoolhook sample \| spoolhook route -/],
	[['route', $gone], 66, qr/gone\.json: cannot open/],
	[['route', $half], 65, qr/half\.json:1:\d+: /],
	[['route', $event, '--expect', 'pagr'], 64, qr/did you mean "pager"/],
	[['render', 'pager'], 64, qr/spoolhook sample \| spoolhook render WEBHOOK -/],
	[['render', 'pagr', $event], 64, qr/did you mean "pager"/],
	[['render', 'pager', $event, '--endpoint', '1'], 64, qr/no endpoint "1", but primary/],
	[['render', 'pager', $event, '--curl', '--json'], 64, qr/cannot go together/],
	[['send'], 64, qr/name a webhook/],
	[['send', 'pagr'], 64, qr/did you mean "pager"/],
	[['send', 'pager', $gone], 66, qr/gone\.json: cannot open/],
	[['send', 'pager', $half], 65, qr/half\.json:1:\d+: /],
	[['test'], 66, qr/there are no tests in .*spoolhook-webhook\(5\) tells how/],
	[['queue', 'lst'], 64, qr/did you mean "list"/],
	[['queue', 'list', $none], 64, qr/"spoolhook show ID" tells of one/],
	[['queue', '--state', 'ded'], 64, qr/did you mean "dead"/],
	[['queue', '--state', 'x'], 64, qr/there are queued, deferred, active/],
	[['queue', '--status', '9xx'], 64, qr/list of statuses like 503, 5xx/],
	[['queue', '--since', 'tomorow'], 64, qr/no time \(like/],
	[['queue', '-n', '0'], 64, qr/no whole number from 1/],
	[['queue', 'list', '--dry-run'], 64, qr/takes no --dry-run/],
	[['queue', 'summary', '--incident', 'x'], 64, qr/takes no --incident/],
	[['queue', 'summary', '--state', 'dead'], 64, qr/"queue --state dead" lists the rest/],
	[['queue', 'hold', '-n', '1', '--all'], 64, qr/takes no --lines/],
	(map { [['queue', $_], 64, qr/which deliveries\?.*--webhook, or --all/],
	       [['queue', $_, '--all'], 1, qr/no delivery matched; nothing was changed/],
	       [['queue', $_, '--webhook', 'pagr'], 1, qr/did you mean "pager"/],
	       [['queue', $_, 'nope'], 1, qr/"nope" is no event or delivery id \("spoolhook queue"/],
	       [['queue', $_, $none], 1, qr/there is no delivery "$none" in the store/] }
	    qw(hold release retry delete)),
	[['queue', '--endpoint', 'primry'], 1,
	    qr/no webhook has an endpoint "primry" \("spoolhook config show webhooks"/],
	[['queue', '--endpoint', 'primary'], 1, qr/no delivery matched$/m],
	[['queue', '--event-type', 'incident.triggered'], 1, qr/is it "incident_triggered"\?/],
	[['queue', '--event-type', 'incident_resolved'], 1, qr/is it "incident\.resolved"\?/],
	[['queue', '--event-type', 'incident'], 1, qr/no delivery matched$/m],
	[['resend'], 64, qr/which deliveries\?/],
	[['resend', '--all'], 1, qr/no delivery matched; nothing was changed/],
	[['resend', '--all', '--rate', 'x'], 64, qr{no rate like 10, 10/s, 600/m}],
	[['resend', $none], 1, qr/there is no delivery/],
	[['show'], 64, qr/which event or delivery\?/],
	[['show', 'nope'], 1, qr/"nope" is no event or delivery id/],
	[['show', $none], 1, qr/there is no "$none" in the store/],
	[['show', $none, '--payload', '--response'], 64, qr/cannot go together/],
	[['prune', 'x'], 64, qr/"retention" in spoolhook\.json/],
	[['listen', 'x'], 64, qr/takes no operand/],
	[['listen', '--port', '99999'], 64, qr/whole number from 0 to 65535/],
	[['listen', '--status', '5'], 64, qr/as in 503\*3,200/],
	[['listen', '--delay', 'x'], 64, qr/no duration \(like/],
	[['completion'], 64, qr/bash, zsh or fish/],
	[['completion', 'tcsh'], 64, qr/bash, zsh and fish/],
);

for my $row (@wrong) {
	my ($typed, $code, $says) = @$row;
	my ($status, $out, $err) = $stage->verb('-q', @$typed);
	my $name = join ' ', 'spoolhook', map { s{.*/}{}r } @$typed;

	is($status, $code, "$name: $code");
	is($out, '', '... and nothing on standard output');
	like($err, qr/\Aspoolhook: error: [^\n]+\n\z/, '... but one line');
	like($err, $says, '... that says what to type');
}
is(scalar($stage->log), scalar(grep { $_->{kind} =~ /^(started|stopped)$/ } $stage->log),
    'none of it did anything');

# ---- without a configuration, and without room ------------------------------------
for my $verb (qw(list queue check reload)) {
	my ($status, $out, $err) = $stage->verb('-c', "$stage->{dir}/none", $verb);

	is($status, 66, "$verb: no such configuration directory: 66");
	like($err, qr/\A[^\n]+none: cannot open[^\n]+; -c DIR or SPOOLHOOK_CONFIG names another\n\z/,
	    '... and how another one is named');
}
SKIP: {
	skip 'no /dev/full here', 20 unless -c '/dev/full';
	my $program = $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook';

	for my $verb ('check', 'config show', 'list', "route $event", "render pager $event",
	    'queue', 'queue summary', 'sample', 'sample -l', 'help', 'completion zsh') {
		my $n = $stage->start('sh', '-c', 'exec "$0" -c "$1" ' . $verb . ' >/dev/full',
		    $program, $stage->etc);

		is($stage->reap($n), 74, "$verb: output that cannot be written is an error")
		    or diag $stage->errors($n);
		like($stage->errors($n), qr/cannot write the output(: No space left on device)?$/m,
		    '... and said, with no other reason than its own');
	}
}

# What is mistyped is shown so that a terminal stays whole.
for my $typed (["\e[2Jx"], ['queue', "\e[2Jx"], ['show', "\e[2Jx"], ['pause', "\e[2Jx"],
    ['render', "\e[2Jx", $event], ['config', 'show', "\e[2Jx"], ["--\e[2Jx"],
    ['sample', "\e[2Jx"], ['submit', "\e[2Jx"], ['queue', '--state', "\e[2Jx"],
    ['listen', '--address', "\e[2Jx"], ['help', "\e[2Jx"], ['completion', "\e[2Jx"],
    ['queue', '--since', "\e[2Jx"], ['resend', '--all', '--rate', "\e[2Jx"],
    ['submit', '--tag', "\e[2Jx"], ['test', "\e[2Jx"], ['--color', "\e[2Jx", 'list']) {
	my ($status, $out, $err) = $stage->verb(@$typed);

	isnt($status, 0, 'control characters are no ' . $typed->[0] =~ s/\e.*/word/r);
	unlike($out . $err, qr/\e/, '... and do not reach the terminal');
}
done_testing;
