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
		'X-Token' => { file => 'secrets/token', prefix => 'Bearer ' },
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
# Any shell runs it, and hands the secrets over as they lie there.
sub here { my ($name) = @_; return grep { -x "$_/$name" } split /:/, $ENV{PATH} }
for my $shell (qw(sh bash zsh)) {
	SKIP: {
		skip "no $shell or no curl here", 5
		    unless here($shell) && here('curl');
		my $run = $stage->start($shell, "$stage->{dir}/curl.sh");

		is($stage->reap($run), 0, "the command runs in $shell")
		    or diag $stage->errors($run);
		my $made = ($stage->received($listener))[-1];
		is($made->{body}, $bytes, '... with the same body');
		is($made->{method}, 'PUT', '... and method');
		is($made->{path} // $made->{target} // $made->{url}, "/by-file?key=$secret",
		    '... to the URL that lies in a file');
		is($made->{headers}{'X-Token'}, "Bearer $secret",
		    '... and the secret from where it lies, with its scheme');
	}
}

# What a shell, curl or a terminal might take for its own.
my $odd = q{a"b\\c$(d)`e`'f%g!};
my $text2 = "{\"event_type\":\"incident_triggered\",\"id\":\"1\",\"m\":\"100% \x{e2}\x{80}\x{ae}' \\\\ !! \$HOME\"}";
spew($stage->etc . "/secrets/an 'odd' name", "$odd\n");
chmod 0640, $stage->etc . "/secrets/an 'odd' name";
$stage->webhook('odd', {
	endpoints => [ { url => { file => 'secrets/url-tail',
		prefix => "http://127.0.0.1:$port/in/" } } ],
	headers => { 'X-Odd' => { file => "secrets/an 'odd' name" },
		'X-Env' => { env => 'STAGE_ODD' } },
});
spew($stage->etc . '/secrets/url-tail', "hidden/$secret\n");
chmod 0640, $stage->etc . '/secrets/url-tail';
($status, $out, $err) = $stage->verb({ stdin => $text2, env => { STAGE_ODD => $odd } },
    'render', 'odd', '-', '--curl');
is($status, 0, 'what is odd is rendered') or diag $err;
unlike($out, qr/\x{e2}\x{80}\x{ae}/, '... and nothing in it turns a terminal around');
unlike($out, qr/masked/, '... and nothing has to be put in');
spew("$stage->{dir}/odd.sh", $out);
for my $shell (qw(sh bash zsh)) {
	SKIP: {
		skip "no $shell or no curl here", 4
		    unless here($shell) && here('curl');
		local $ENV{STAGE_ODD} = $odd;
		my $run = $stage->start($shell, "$stage->{dir}/odd.sh");

		is($stage->reap($run), 0, "what is odd is quoted for $shell")
		    or diag $stage->errors($run);
		my $made = ($stage->received($listener))[-1];
		utf8::encode(my $body = $made->{body});
		is($body, $text2, '... the body');
		is($made->{headers}{'X-Odd'}, $odd, '... a secret from a file');
		is($made->{headers}{'X-Env'}, $odd, '... and one from a variable');
	}
}

# What stands around a secret may be one, too.
spew($stage->etc . '/secrets/user', "bot\n");
chmod 0640, $stage->etc . '/secrets/user';
$stage->webhook('around', {
	endpoints => [ { url => { file => 'secrets/user', prefix => "http://u:$secret",
		suffix => "\@127.0.0.1:$port/?key=$secret" } } ],
	headers => { 'X-Key' => { file => 'secrets/user', prefix => "key=$secret&user=",
		suffix => "&sum=$secret" } },
});
for my $form ([], ['--curl'], ['--json']) {
	($status, $out) = $stage->verb('render', 'around', $file, @$form);
	is($status, 0, "render @$form of a secret with texts around it");
	unlike($out, qr/$secret/, '... shows none of them');
}
($status, $out) = $stage->verb('render', 'around', $file, '--curl');
like($out, qr/^# of header X-Key a part is masked/m, '... and --curl says what to put in');
like($out, qr/^# the URL is masked/m, '... of the URL, too');
$stage->webhook($_, undef) for qw(odd around);

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
for my $two (['--curl', '--body'], ['--curl', '--json'], ['--json', '--body']) {
	($status, undef, $err) = $stage->verb('render', 'pager', $file, @$two);
	is($status, 64, "one form at a time, not @$two: 64");
	like($err, qr/$two->[0] and $two->[1] cannot go together/, '... which it says');
}
($status) = $stage->verb('render', 'pager', "$stage->{dir}/gone");
is($status, 66, 'no such file: 66');
($status) = $stage->verb({ stdin => '{"event_type":' }, 'render', 'pager', '-');
is($status, 65, 'no event: 65');
ok(!-e $stage->spool . '/spool.db', 'nothing was stored by all this');
done_testing;
