#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `config show`: the configuration that applies, for jq, without a secret.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(slurp spew top);
use Test::More;

my $secret = 'Geheimnis-7391';
my $stage = Stage->new(
	settings => {
		delivery => { proxy => "http://me:$secret\@proxy.example:3128/" },
		mail => {
			server => 'mail.example:587', starttls => 'required',
			auth => { user => 'hooks', password => { file => 'secrets/mail' } },
		},
		defaults => { headers => { 'X-All' => $secret }, timeout => '20s' },
	},
	webhooks => {
		pager => {
			endpoints => [
				"https://u:$secret\@pager.example/in?key=$secret",
				{ id => 'audit', url => { file => 'secrets/url' },
				  method => 'PUT', headers => { 'X-Copy' => $secret } },
			],
			headers => {
				Authorization => { file => 'secrets/token', prefix => 'Bearer ' },
				'X-Env' => { env => 'HOOK_TOKEN' },
				'X-Cred' => { credential => 'token' },
			},
			filter => { any => [ { service => 'checkout' },
				{ not => { field => 'tags.x', op => 'exists' } } ] },
		},
		plain => { endpoints => ['http://h.example/'] },
	});
spew($stage->etc . "/secrets/$_", "$secret\n") for qw(token mail);
spew($stage->etc . '/secrets/url', "https://$secret.example/\n");
chmod 0640, glob $stage->etc . '/secrets/*';

sub show
{
	my ($status, $out, $err) = $stage->verb({ env => { HOOK_TOKEN => $secret } },
	    'config', 'show', @_);

	is($status, 0, "config show @_ succeeds") or diag $err;
	return ($out, JSON::PP->new->utf8->allow_nonref->decode($out));
}

my ($text, $all) = show();
unlike($text, qr/$secret/, 'no secret is shown');
is($all->{webhooks}{pager}{headers}{Authorization}, '<file:secrets/token>',
    'a secret in a file shows the place where it lies');
is($all->{webhooks}{pager}{headers}{'X-Env'}, '<env:HOOK_TOKEN>',
    '... and one in the environment');
is($all->{webhooks}{pager}{headers}{'X-Cred'}, '<credential:token>',
    '... and a credential, though only the service has it');
is($all->{webhooks}{pager}{headers}{'X-All'}, '***',
    "a header's value that stands in the configuration is masked");
is($all->{webhooks}{pager}{endpoints}[1]{url}, '<file:secrets/url>',
    'a secret URL is not shown at all');
like($all->{webhooks}{pager}{endpoints}[0]{url}, qr{^https://pager\.example/in\?},
    'of a URL the user and the query are not shown');
is($all->{mail}{auth}{password}, '<file:secrets/mail>', 'nor is a password');
is($all->{webhooks}{plain}{timeout}, '20s', 'what "defaults" say applies');
is($all->{webhooks}{plain}{retry}{max_retries}, 3, 'and what nobody says');
is_deeply($all->{webhooks}{pager}{filter}, { any => [ { service => ['checkout'] },
	{ not => { field => 'tags.x', op => 'exists', value => JSON::PP::true } } ] },
    'a filter comes as its grammar writes it');

my (undef, $changed) = show('--changed');
is_deeply([ sort keys %$changed ], [qw(delivery log mail spool webhooks)],
    '--changed leaves out what is as built in');
is_deeply($changed->{webhooks}{plain}, { name => 'plain', timeout => '20s',
	headers => { 'X-All' => '***' },
	endpoints => [ { id => '0', url => 'http://h.example/', method => 'POST',
		headers => {} } ] }, '... of a webhook, too');
my (undef, $defaults) = show('--defaults');
is($defaults->{defaults}{concurrency}, 8, '--defaults tells the built-in ones');
is($defaults->{retention}{dead}, '30d', '... in the words of the files');
ok(!exists $defaults->{webhooks}, '... and nothing of this configuration');

# A key that is added to the configuration has to be shown, too.
my %named;
for my $file (glob top() . '/src/model/conf_*.c') {
	my $source = slurp($file);

	next if $file =~ /conf_(show|secret)\.c$/;
	$named{$_} = 1 for $source =~ /KEY\("(\w+)"/g;
}
my $source = slurp(top() . '/src/model/conf_show.c');
is_deeply([ grep { $source !~ /"\Q$_\E"/ } sort keys %named ], [],
    'every key that can be written is shown');

(undef, my $one) = show('webhooks.plain.retry.delays');
is_deeply($one, ['10s', '1m', '10m'], 'a single key can be asked for');
my ($status, $out, $err) = $stage->verb('config', 'show', 'spol');
is($status, 1, 'one that is not there ends with 1');
like($err, qr/did you mean "spool"/, '... and the nearest name');
for (['retention.daed', 'retention.dead'], ['retnetion.dead', 'retention'],
    ['webhooks.plain.rety', 'webhooks.plain.retry']) {
	my ($key, $near) = @$_;
	(undef, undef, $err) = $stage->verb('config', 'show', $key);
	like($err, qr/there is no "\S+" \(did you mean "\Q$near\E"\?\)/,
	    "... also of a key that lies deeper: $key");
}
($status, undef, $err) = $stage->verb('config');
is($status, 64, '"config" alone is a mistake');
like($err, qr/config show/, '... that says what to type');
($status) = $stage->verb('config', 'show', '--changed', '--defaults');
is($status, 64, 'two views at once are a mistake');

# What was shown is a configuration again, but for its secrets.
my $copy = Stage->new;
my %again = %{ $all };
my $plain = { %{ delete($again{webhooks})->{plain} } };
$_->{filter} // delete $_->{filter} for $plain;
delete $plain->{failure_email};
delete $again{delivery}{$_} for qw(proxy user_agent ca_file);
delete $again{metrics}{textfile};
delete @again{qw(mail webhooks_dir templates_dir)};
spew($copy->etc . '/spoolhook.json', encode_json(\%again));
$copy->webhook('plain', $plain);
($status, $out, $err) = $copy->verb('config', 'show', 'webhooks.plain', '--json');
is($status, 0, 'what is shown can be read again') or diag $err;
is_deeply(decode_json($out), $all->{webhooks}{plain}, '... to the same end');

$stage->webhook('plain', '{ "endpoint": [] }');
($status, $out, $err) = $stage->verb('config', 'show');
is($status, 78, 'a configuration that cannot be used is not shown');
like($err, qr/webhooks\.d\/plain\.json:1:3: error: .*endpoint/, '... but why');
done_testing;
