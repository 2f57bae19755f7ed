#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `render`: the request that an event would become is the one that is sent, but
# for what must not be seen; as a curl command it can be made by hand.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(slurp spew wait_until);
use Test::More;

my $secret = 'Geheimnis-7391';
my $stage = Stage->new;
my ($listener, $port) = $stage->listen;

spew($stage->etc . "/secrets/$_", "$secret\n") for qw(token);
spew($stage->etc . '/secrets/url', "http://127.0.0.1:$port/by-file?key=$secret\n");
chmod 0640, glob $stage->etc . '/secrets/*';
$stage->webhook('pager', {
	endpoints => [
		"http://u:$secret\@127.0.0.1:$port/in?key=$secret",
		{ id => 'hidden', url => { file => 'secrets/url' }, method => 'PUT',
		  headers => { 'X-Copy' => '1', 'User-Agent' => 'mine/1' } },
	],
	headers => {
		'X-Team' => $secret,
		'X-Token' => { file => 'secrets/token', prefix => '100% \n ' },
	},
});
my $text = "  {\"event_type\":\"incident_triggered\", \"id\": \"it's 1.10\",\n\t\"n\": 1.10, \"u\": \"\\u0007\"}\n\n";
my $file = "$stage->{dir}/event.json";
spew($file, $text);
(my $bytes = $text) =~ s/^\s+|\s+$//g;

my ($status, $out, $err) = $stage->verb('render', 'pager', $file);
is($status, 0, 'render succeeds') or diag $err;
is($err, '', '... without a word about an event that is taken');
unlike($out, qr/$secret/, 'no secret is shown');
my @shown = split /^# webhook pager, endpoint \w+\n/m, $out;
shift @shown;
is(scalar @shown, 2, 'each endpoint has its request');
like($shown[0], qr{^POST http://127\.0\.0\.1:$port/in\?}, 'the first line');
like($shown[0], qr{^Authorization: \*\*\*$}m, 'a user in the URL becomes a header');
like($shown[1], qr{^PUT http://127\.0\.0\.1:$port/…? HTTP/1\.1}, 'a secret URL shows its host');
like($shown[1], qr{^X-Token: <file:secrets/token>$}m, 'a secret shows where it lies');
like($shown[1], qr{^X-Copy: \*\*\*$}m, "other headers' values are masked");
like($shown[1], qr{^User-Agent: \*\*\*$}m, '... and so is one that replaces ours');
like($shown[0], qr{^Content-Type: application/json$}m, 'what is ours is shown');
is((split /\n\n/, $shown[1], 2)[1], "$bytes\n", 'the body are the bytes of the event');

# ---- the same as what is sent ----------------------------------------------------
($status, $out, $err) = $stage->verb('send', 'pager', $file);
is($status, 0, 'the same event is sent') or diag $out, $err;
my @got = $stage->received($listener);
is(scalar @got, 2, '... to both endpoints');
for my $n (0, 1) {
	my ($head) = split /\n\n/, $shown[$n];
	my @names = map { /^([\w-]+): / ? lc $1 : () } split /\n/, $head;
	my %want = map { lc($_) => $got[$n]{headers}{$_} } keys %{ $got[$n]{headers} };

	is_deeply([ sort @names ], [ sort keys %want ],
	    "endpoint $n: the headers shown are those that arrive");
	for my $line (split /\n/, $head) {
		my ($name, $value) = $line =~ /^([\w-]+): (.*)/ or next;

		next if $value =~ /^(\*\*\*|<.*>)$/ || $name =~ /^webhook-/;
		is($value, $want{ lc $name }, "endpoint $n: $name as shown");
	}
	is($got[$n]{body}, $bytes, "endpoint $n: and the body, byte for byte");
}

# ---- curl ------------------------------------------------------------------------
($status, $out) = $stage->verb('render', 'pager', $file, '--curl');
is($status, 0, '--curl succeeds');
unlike($out, qr/$secret/, 'the command holds no secret');
like($out, qr/^# header X-Team is masked/m, 'and says what is masked');
like($out, qr/^# the URL is masked/m, '... the URL, too');
($status, $out) = $stage->verb('render', 'pager', $file, '--curl', '--endpoint', 'hidden');
spew("$stage->{dir}/curl.sh", $out);
SKIP: {
	skip 'no curl here', 5 unless grep { -x "$_/curl" } split /:/, $ENV{PATH};
	my $run = $stage->start('bash', "$stage->{dir}/curl.sh");

	is($stage->reap($run), 0, 'the command runs in bash')
	    or diag $stage->errors($run);
	my $made = ($stage->received($listener))[-1];
	is($made->{body}, $bytes, '... with the same body');
	is($made->{method}, 'PUT', '... and method');
	is($made->{path} // $made->{target} // $made->{url}, "/by-file?key=$secret",
	    '... to the URL that lies in a file');
	is($made->{headers}{'X-Token'}, "100% \\n $secret",
	    '... and the secret from where it lies, with its prefix');
}

# ---- other forms -----------------------------------------------------------------
($status, $out) = $stage->verb('render', 'pager', $file, '--json', '--endpoint', '0');
my $json = decode_json($out);
is($json->{headers}{'X-Team'}, '***', '--json masks as well');
is($json->{body}, $bytes, '... and holds the body');
($status, $out) = $stage->verb('render', 'pager', $file, '--body', '--endpoint', '0');
is($out, "$bytes\n", '--body prints nothing else');

unlink $stage->etc . '/secrets/token';
($status, $out) = $stage->verb('render', 'pager', $file, '--endpoint', '0');
is($status, 0, 'a secret that cannot be read here is no obstacle');

# ---- bad use ---------------------------------------------------------------------
$stage->webhook('off', { endpoints => ['http://h/'], enabled => JSON::PP::false });
($status, $out, $err) = $stage->verb('render', 'off', $file);
is($status, 0, 'a disabled webhook can be rendered');
like($err, qr/does not take this event \(disabled\)/, '... with a warning');
($status, undef, $err) = $stage->verb('render', 'pagr', $file);
is($status, 64, 'a webhook that is not there: 64');
like($err, qr/did you mean "pager"/, '... with the nearest name');
($status, undef, $err) = $stage->verb('render', 'pager', $file, '--endpoint', 'x');
is($status, 64, 'an endpoint that is not there: 64');
like($err, qr/but 0, hidden/, '... with those that are');
($status, undef, $err) = $stage->verb('render', 'pager');
is($status, 64, 'without a file: 64');
($status) = $stage->verb('render', 'pager', "$stage->{dir}/gone");
is($status, 66, 'no such file: 66');
($status) = $stage->verb({ stdin => '{"event_type":' }, 'render', 'pager', '-');
is($status, 65, 'no event: 65');
ok(!-e $stage->spool . '/spool.db', 'nothing was stored by all this');
done_testing;
