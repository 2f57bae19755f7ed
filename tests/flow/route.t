#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `route`: which webhooks take an event, and what kept the others.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(spew top);
use Test::More;

my $stage = Stage->new(
	webhooks => {
		all => { endpoints => ['http://a.example/', { id => 'b', url => 'http://b.example/' }] },
		off => { enabled => JSON::PP::false, endpoints => ['http://h.example/'] },
		notes => { triggers => ['incident.incident_notes_created'],
			endpoints => ['http://h.example/'] },
	});
$stage->webhook('pager', <<'END');
{
  // comments move nothing
  "endpoints": ["http://pager.example/"],
  "filter": { "all": [
    { "field": "status", "op": "is", "value": "triggered" },
    { "any": [
      { "service": ["checkout"] },
      { "not": { "field": "tags.severity.value", "op": "in",
                 "value": ["critical", "high"] } },
      { "field": "event_payload.nothing", "op": "is", "value": 1 }
    ] }
  ] }
}
END
my $file = "$stage->{dir}/event.json";
spew($file, $stage->event_text('triggered'));

my ($status, $out, $err) = $stage->verb('route', $file);
is($status, 0, 'some webhook takes it: 0') or diag $err;
like($out, qr/^\Q$file\E: incident_triggered, incident 61c075f78589dca75fdb2f44$/m,
    'the event is named');
like($out, qr/^  all +yes +endpoints 0, b$/m, 'who takes it, and where it goes');
like($out, qr/^  off +no +it is disabled/m, 'who is disabled');
like($out, qr/^  notes +no +its triggers are incident\.incident_notes_created; the event is incident_triggered$/m,
    'whose triggers do not fit');
like($out, qr/pager +no +webhooks\.d\/pager\.json:7: service in \[checkout\]: the event has .*"email-trigger"/,
    'which clause said no, at its line, with what it saw');
like($out, qr/and webhooks\.d\/pager\.json:8: not tags\.severity\.value in \[critical, high\]: the event has "critical"/,
    'all members of an "any" did, and below a "not" it is the yes that counts');
like($out, qr/and webhooks\.d\/pager\.json:10: event_payload\.nothing is 1: the event has none/,
    'a field that is missing is said to be');
unlike($out, qr/status is/, 'a clause that passed is not blamed');

($status, $out) = $stage->verb('route', '--json', $file);
my $json = decode_json($out);
is_deeply([ map { [ $_->{webhook}, $_->{match} ? 1 : 0, $_->{reason} ] }
	@{ $json->{webhooks} } ],
    [ ['all', 1, undef], ['notes', 0, 'trigger'], ['off', 0, 'disabled'],
	['pager', 0, 'filter'] ], '--json tells the same');
is_deeply([ @{ $json->{webhooks}[3]{clauses}[1] }{qw(file line pointer said saw)} ],
    [ 'webhooks.d/pager.json', 8, '/filter/all/1/any/1/not', JSON::PP::true, '"critical"' ],
    '... with places and pointers');

# ---- as an assertion -------------------------------------------------------------
($status) = $stage->verb('route', $file, '--expect', 'all');
is($status, 0, '--expect holds');
($status, undef, $err) = $stage->verb('route', $file, '--expect', 'all,pager');
is($status, 1, '... and fails when one of them does not take it');
like($err, qr/just all,pager should take it/, '... and says so');
($status) = $stage->verb('route', $file, '--expect', '');
is($status, 1, '... and when nobody should');
($status, undef, $err) = $stage->verb('route', $file, '--expect', 'al');
is($status, 64, 'a webhook that is not there is a mistake');
like($err, qr/did you mean "all"/, '... with the nearest name');

($status) = $stage->verb('route', $file, '--expect', ' all , ');
is($status, 0, 'spaces and a comma too many do no harm');
($status, undef, $err) = $stage->verb('route', $file, '--expect', 'none');
is($status, 1, '"none" is nobody');
like($err, qr/no webhook should take it/, '... and is said so');

$stage->webhook('all', undef);
($status) = $stage->verb('route', '-q', $file);
is($status, 1, 'nobody takes it: 1');
for my $nobody ('', 'none') {
	($status) = $stage->verb('route', '-q', $file, '--expect', $nobody);
	is($status, 0, "... which may be what is expected: '$nobody'");
}
$stage->webhook('none', { endpoints => ['http://h.example/'] });
($status) = $stage->verb('route', '-q', $file, '--expect', 'none');
is($status, 0, 'a webhook that is called so is meant by its name');
$stage->webhook('none', undef);

# A filter that was inherited is found where it stands.
$stage->settings({ defaults => { filter =>
	{ field => 'status', op => 'is', value => 'resolved' } } });
$stage->webhook('heir', { endpoints => ['http://h.example/'] });
($status, $out) = $stage->verb('route', $file);
like($out, qr/heir +no +spoolhook\.json:\d+: status is resolved: the event has "triggered"/,
    'a filter of "defaults" is found in spoolhook.json');

# ---- bad events ------------------------------------------------------------------
my %bad = (
	'cut.json' => '{"event_type": "incident_triggered"',
	'none.json' => '{"id": 1}',
	'empty.json' => '',
	'nul.json' => "{\"event_type\": \"a\0b\"}",
	'utf8.json' => "{\"event_type\": \"\xff\"}",
	'deep.json' => '{"event_type":"x","a":' . '[' x 200 . ']' x 200 . '}',
	'lines.jsonl' => "{\"event_type\":\"x\"}\nnonsense\n",
);
for my $name (sort keys %bad) {
	spew("$stage->{dir}/$name", $bad{$name});
	($status, $out, $err) = $stage->verb('route', $file, "$stage->{dir}/$name");
	is($status, 65, "$name is no event: 65");
	like($err, qr/\Q$name\E:\d+:\d+: /, '... said with its place');
	is($out, '', '... before anything else is');
}
($status, undef, $err) = $stage->verb('route', "$stage->{dir}/gone.json");
is($status, 66, 'no such file: 66');
like($err, qr/gone\.json: cannot open/, '... named');
($status, undef, $err) = $stage->verb('route', $stage->dir);
is($status, 66, 'a directory is no event, either');
($status, undef, $err) = $stage->verb('route');
is($status, 64, 'without a file: 64');
like($err, qr/sample \| spoolhook route -/, '... and what to type');

# ---- strange events --------------------------------------------------------------
my $wild = { %{ $stage->event('triggered') },
	event_type => "incident_triggered", status => "\e[2Jred\x{202e}" . 'x' x 5000 };
($status, $out) = $stage->verb({ stdin => JSON::PP->new->utf8->encode($wild) },
    'route', '-');
unlike($out, qr/\e|\xe2\x80\xae/, 'what an event holds cannot write to the terminal');
my ($row) = $out =~ /(heir .*)/;
ok(length $row < 400, 'and is cut to fit');
($status, $out) = $stage->verb({ stdin => join "\n", map { $stage->event_text('resolved') } 1 .. 3 },
    'route', '-');
is($status, 0, 'several events are routed one by one');
is(scalar(() = $out =~ /^standard input:\d+: /mg), 3, '... each with its line');
done_testing;
