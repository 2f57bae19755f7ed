#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `list`: every webhook with what it takes and where it goes; a line each in a
# pipe, a paragraph each on a terminal that is too narrow for the lines.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(spew);
use Terminal qw(on_terminal);
use Test::More;

my $secret = 'Geheimnis-7391';
my $stage = Stage->new(settings => { mail => { to => ['ops@example.org'] } });
my ($status, $out, $err) = $stage->verb('list');
is($status, 0, 'no webhooks are no failure');
is($out, '', '... and nothing is listed');
like($err, qr/no webhooks in .*webhooks\.d/, '... but said, and where they would be');

$stage->webhook('w', { endpoints => ['http://h/'], triggers => ['*'], name => 'n' });
($status, $out) = on_terminal($stage, '', 'list', '--color=never');
like($out, qr/^ID +ENABLED +NAME +TRIGGERS +ENDPOINTS +FAILURE MAIL +FILTER\r?$/m,
    'what fits on a terminal is a table');

spew($stage->etc . '/secrets/url', "http://a.example/$secret\n");
chmod 0640, $stage->etc . '/secrets/url';
$stage->webhook('w', undef);
$stage->webhook('pager', {
	name => 'Pager bridge',
	endpoints => [ "https://u:$secret\@p.example:8443/x?key=$secret",
		{ id => 'audit', url => { file => 'secrets/url' }, method => 'PUT' } ],
	headers => { 'X-Key' => $secret },
	filter => { service => [ 'checkout', 'shop' ] },
	failure_email => ['oncall@example.org'],
});
$stage->webhook('off', { endpoints => ['http://h/'], enabled => JSON::PP::false });

($status, $out) = $stage->verb('list');
is($status, 0, 'list succeeds');
my @lines = split /\n/, $out;
is(scalar @lines, 3, 'in a pipe each webhook has a line, below the heading');
like($lines[1], qr/^off +no +off +incident_triggered.* POST h +ops\@example\.org +-$/,
    'what is disabled is, and who hears of failures by default');
like($lines[2], qr/^pager +yes +Pager bridge .* POST p\.example:8443, PUT a\.example +oncall\@example\.org +service in \[checkout, shop\]$/,
    'hosts and methods, mail and filter');
unlike($out, qr/$secret/, 'no secret is shown');

($status, $out) = on_terminal($stage, '', 'list', '--color=never');
is($status, 0, 'on a narrow terminal');
my @wide = grep { length > 80 } map { s/\r//r } split /\n/, $out;
is(scalar(grep { !/TRIGGERS/ } @wide), 0, '... nothing but a list is wider than it');
like($out, qr/^pager\r?\n  ENABLED       yes\r?\n  NAME          Pager bridge\r?$/m,
    '... each has a paragraph');
like($out, qr/^  FILTER        service in \[checkout, shop\]\r?$/m, '... with all of it');
unlike($out, qr/$secret/, '... and no secret');

$stage->verb('run', '--once', '-q');
$stage->verb('pause', 'pager');
($status, $out) = $stage->verb('list', '--json');
my %row = map { $_->{id} => $_ } map { decode_json($_) } split /\n/, $out;
ok($row{pager}{paused}, '--json tells who is paused');
is_deeply($row{pager}{endpoints}, [ { id => '0', method => 'POST', host => 'p.example:8443' },
	{ id => 'audit', method => 'PUT', host => 'a.example' } ], '... and the endpoints');
is($row{off}{filter}, undef, '... null where there is no filter');
unlike($out, qr/$secret/, '... and no secret');
done_testing;
