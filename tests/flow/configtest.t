#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `test`: unit tests of a configuration. Those that ship with the example run
# here as well; then everything that can fail, and everything that is wrong.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(spew top);
use Test::More;

my $secret = 'Geheimnis-7391';
my $stage = Stage->new;
my $dir = $stage->etc . '/tests.d';

spew($stage->etc . '/secrets/token', "$secret\n");
chmod 0640, $stage->etc . '/secrets/token';
$stage->webhook('pager', <<"END");
{
  "endpoints": [ "http://a.example/",
    { "id": "audit", "url": "http://b.example/", "method": "PUT",
      "headers": { "X-Copy": "1" } } ],
  "headers": { "X-Team": "$secret", "Authorization": { "file": "secrets/token" } },
  "filter": { "all": [
    { "service": ["email-trigger"] },
    { "field": "tags.severity.value", "op": "is", "value": "critical" } ] }
}
END

# Writes a test file of these cases and runs it.
sub try
{
	my ($cases, @args) = @_;

	spew("$dir/pager.json", ref $cases
	    ? JSON::PP->new->canonical->encode({ webhook => 'pager', cases => $cases })
	    : $cases);
	return $stage->verb('test', @args);
}
my %triggered = (name => 'x', event => 'incident_triggered');

my ($status, $out, $err) = $stage->verb('-c', top() . '/etc', 'test');
is($status, 0, 'the tests that ship with the example pass') or diag $out, $err;
unlike($out, qr/^not ok/m, '... all of them');
like($out, qr/^1\.\.\d+$/m, '... as TAP with a plan');
like($out, qr/^# webhook example is disabled/m, 'though the example is disabled');

# ---- what holds ------------------------------------------------------------------
spew("$dir/events/one.json", $stage->event_text('triggered'));
($status, $out, $err) = try([
	{ %triggered, expect => { match => JSON::PP::true } },
	{ %triggered, event => 'events/one.json',
	  expect => { endpoints => ['audit', '0'] } },
	{ %triggered, event => $stage->event('triggered'),
	  expect => { headers => { 'x-team' => JSON::PP::true,
		'X-No' => JSON::PP::false, Authorization => JSON::PP::true } } },
	{ %triggered, endpoint => 'audit',
	  expect => { method => 'PUT', headers => { 'X-Copy' => '1' } } },
	{ %triggered, set => { 'tags.severity.value' => 'low' },
	  expect => { match => JSON::PP::false } },
	{ %triggered, set => { 'a["odd key"].b' => [ 1, 2 ], 'timeline[-1].name' => 'last' },
	  expect => { body => { 'a["odd key"]' => { b => [ 1, 2 ] },
		'timeline[*].name' => 'last', event_count => 1 } } },
	{ %triggered, event => 'incident.tags_updated', expect => { match => JSON::PP::false } },
]);
is($status, 0, 'all hold: 0') or diag $out, $err;
is(scalar(() = $out =~ /^ok /mg), 7, 'each case is told');

# ---- what fails ------------------------------------------------------------------
sub fails
{
	my ($case, $said, $name) = @_;
	my ($code, $tap) = try([ { %triggered, %$case } ]);

	is($code, 1, "$name: 1");
	like($tap, qr/^not ok 1 - pager: x$/m, '... not ok');
	like($tap, $said, '... with what was wanted and what came');
	unlike($tap, qr/$secret/, '... and no secret');
}

fails({ set => { 'tags.severity.value' => 'low' }, expect => { match => JSON::PP::true } },
    qr{pager\.json:1:\d+: match: wanted true, got false\n#   decided by webhooks\.d/pager\.json:8: tags\.severity\.value is critical: the event has "low"},
    'an event that ought to match');
fails({ event => 'incident.tags_updated', expect => { match => JSON::PP::true } },
    qr{got false\n#   no trigger of webhook pager fits}, 'a trigger that is missing');
fails({ expect => { match => JSON::PP::false } },
    qr{match: wanted false, got true\n#   webhook pager takes it: all\(service in}, 'an event that ought not');
fails({ expect => { endpoints => ['0'] } },
    qr{endpoints: wanted \["0"\], got \["0","audit"\]}, 'other endpoints');
fails({ expect => { method => 'POST' } },
    qr{endpoint audit: method: wanted "POST", got "PUT"}, 'another method');
fails({ expect => { headers => { 'X-Team' => 'dev' } } },
    qr{endpoint 0: headers\.X-Team: wanted "dev", got another value \(\*\*\*\)}, "a header's value");
fails({ expect => { headers => { Authorization => 'guess' } } },
    qr{headers\.Authorization: wanted "guess", got a secret \(\*\*\*\); expect true}, "a secret's value");
fails({ expect => { headers => { 'X-Copy' => JSON::PP::true } } },
    qr{endpoint 0: headers\.X-Copy: wanted true, got nothing}, 'a header that is missing');
fails({ expect => { body => { event_count => '1' } } },
    qr{body\.event_count: wanted "1", got 1}, 'a value of another type');
fails({ expect => { body => { 'no.such' => undef } } },
    qr{body\.no\.such: wanted null, got nothing}, 'a member that is missing');

($status, $out) = try([ { %triggered, name => "sly # SKIP",
	expect => { method => 'PATCH' } } ], '--json');
my $json = decode_json($out);
ok(!$json->{ok}, '--json tells that a case failed');
is($json->{failures}[0]{what}, 'method', '... and in what');
($status, $out) = try([ { %triggered, name => "sly # SKIP", expect => { method => 'PATCH' } } ]);
like($out, qr/^not ok 1 - pager: sly \\# SKIP$/m,
    'a name cannot skip a test');

# ---- what is wrong ---------------------------------------------------------------
sub wrong
{
	my ($text, $said, $name) = @_;
	my ($code, $tap, $errors) = try($text);

	is($code, 78, "$name: 78");
	like($errors, $said, '... said at its place');
}

wrong("{\n \"webhook\": \"pager\",\n \"cases\": [ { \"name\": \"x\", \"event\": \"incident_triggered\",\n  \"expcet\": {} } ] }",
    qr{pager\.json:4:3: error: unknown key "expcet" in "cases\[0\]".*did you mean "expect"}s,
    'an unknown key');
wrong('{ "webhook": "pagr", "cases": [ { "name": "x", "event": "incident_triggered", "expect": { "match": true } } ] }',
    qr{pager\.json:1:14: error: there is no webhook "pagr"}, 'an unknown webhook');
wrong([ { %triggered, endpoint => 'x', expect => { method => 'PUT' } } ],
    qr{the webhook has no such endpoint}, 'an unknown endpoint');
wrong([ { %triggered, expect => {} } ], qr{"cases\[0\]\.expect" expects nothing}, 'nothing expected');
wrong([ { %triggered, expect => { match => JSON::PP::false, method => 'PUT' } } ],
    qr{"method" cannot be expected with "match": false}, 'what cannot be');
wrong([ { %triggered, expect => { match => 1 } } ], qr{must be true or false, not a number}, 'a wrong type');
wrong([ { %triggered, event => 'gone.json', expect => { match => JSON::PP::true } } ],
    qr{pager\.json:1:\d+: error: .*gone\.json: cannot open}, 'an event that is not there');
wrong([ { %triggered, event => {}, expect => { match => JSON::PP::true } } ],
    qr{error: neither "event_type"}, 'an event that is none');
wrong([ { %triggered, set => { 'a..b' => 1 }, expect => { match => JSON::PP::true } } ],
    qr{a key is expected here}, 'a path that is none');
wrong([ { %triggered, set => { 'status.x' => 1 }, expect => { match => JSON::PP::true } } ],
    qr{leads nowhere in this event}, 'a path that leads nowhere');
wrong([ { %triggered, name => "\e[2J", expect => { match => JSON::PP::true } } ],
    qr{"cases\[0\]\.name" }, 'a name that writes to the terminal');
wrong('{ "webhook": "pager", "cases": [] }', qr{must hold from 1 to}, 'no case');
wrong('', qr{the file is empty}, 'an empty file');
wrong('{ "webhook": "pager", "cases": [ { } ', qr{pager\.json:1:}, 'half a file');
wrong('[' x 500, qr{too deep|nested}i, 'a deep file');

# ---- who takes it, of all --------------------------------------------------------
$stage->webhook('chat', { endpoints => ['http://c.example/'],
	triggers => ['incident_triggered', 'incident_resolved'] });
$stage->webhook('off', { endpoints => ['http://c.example/'], triggers => ['*'],
	enabled => JSON::PP::false });
sub of_all
{
	my (@cases) = @_;
	my $all = { cases => [ map { { %triggered, %$_ } } @cases ] };

	return try(JSON::PP->new->canonical->encode($all));
}
($status, $out, $err) = of_all(
	{ expect => { webhooks => ['chat', 'pager'] } },
	{ set => { 'tags.severity.value' => 'low' }, expect => { webhooks => ['chat'] } },
	{ event => 'incident_reassigned', set => { 'tags.severity.value' => 'low' },
	  expect => { webhooks => [] } });
is($status, 0, 'who takes an event can be expected without naming a webhook first')
    or diag $out, $err;
like($out, qr/^ok 1 - x$/m, '... and the case is told by its name');
($status, $out) = of_all({ expect => { webhooks => ['chat'] } },
	{ event => 'incident_reassigned', expect => { webhooks => ['chat', 'pager'] } },
	{ expect => { webhooks => ['chat', 'off', 'pager'] } });
is($status, 1, 'one too many, one too few: 1');
like($out, qr/webhooks: wanted \["chat"\], got \["chat","pager"\]\n#   webhook pager takes it: all/,
    '... with the one that should not');
like($out, qr/got \["pager"\]\n#   no trigger of webhook chat fits/, '... or why it does not');
like($out, qr/#   webhook off is disabled/, '... a disabled one does not');
($status, $out) = try([ { %triggered, expect => { webhooks => ['chat', 'pager'],
	endpoints => ['0', 'audit'] } } ]);
is($status, 0, 'both may be expected of a case') or diag $out;
($status, $out) = try([ { %triggered, set => { 'tags.severity.value' => 'low' },
	expect => { webhooks => ['chat'] } } ]);
is($status, 0, '... and of its webhook nothing, when nothing is written') or diag $out;
($status, undef, $err) = of_all({ expect => { webhooks => ['chta'] } });
is($status, 78, 'a webhook that is none: 78');
like($err, qr/there is no webhook "chta" \(did you mean "chat"\?\)/, '... with the nearest');
($status, undef, $err) = of_all({ expect => { match => JSON::PP::true } });
is($status, 78, 'what is expected of one needs to know of which');
like($err, qr/must hold "webhook", which is missing/, '... which is said');
($status) = try([ { %triggered, expect => { match => JSON::PP::true } } ]);

($status, $out, $err) = $stage->verb('test', "$dir/gone.json", "$dir/pager.json");
is($status, 66, 'a test file that is not there: 66');
like($err, qr/gone\.json: cannot open: No such file/, '... said once, with its name');
like($out, qr/^ok 1 - pager: x$/m, '... and the others are run');
unlink "$dir/pager.json";
($status, undef, $err) = $stage->verb('test');
is($status, 66, 'no tests at all: 66');
like($err, qr/there are no tests in \Q$dir\E/, '... and where they would be');
done_testing;
