#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# Filters in the daemon. An event is looked into only as far as some webhook
# asks; that must show nowhere but in the time it takes.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(wait_until);
use Test::More;

my $stage = Stage->new;
my ($receiver, $port) = $stage->listen;

sub webhook
{
	my ($id, $filter) = @_;

	$stage->webhook($id => { endpoints => ["http://127.0.0.1:$port/$id"],
		triggers => ['*'], $filter ? (filter => $filter) : () });
}

# Drops an event; the webhooks that took it, once the log tells.
my $serial = 0;
sub takers
{
	my (%change) = @_;
	my $incident = 'filters-' . ++$serial;
	my $line;

	$stage->drop("$incident.json",
	    $stage->event_text('triggered', %change, id => $incident));
	wait_until { ($line) = grep { $_->{incident} eq $incident }
		$stage->log('accepted') };
	return $line && join ' ', sort @{ $line->{webhooks} };
}

webhook('all');
webhook('checkout', { service => ['checkout'] });
my $daemon = $stage->run;
is(takers(), 'all', 'an event of another service goes to whoever takes all');
is(takers(service => { slug => 'checkout' }), 'all checkout',
	'the service is known without the rest of the event');

webhook('critical', { field => 'tags.severity.value', op => 'is', value => 'critical' });
is(($stage->verb('reload'))[0], 0, '(a webhook that looks at a field comes in)');
my @severe = (tags => { severity => { value => 'critical' } });
is(takers(@severe), 'all critical',
	'it sees the whole event, though no other webhook asks for it');
is(takers(tags => {}), 'all', '... and says no to one that does not fit');
is(takers(@severe, service => { slug => 'checkout' }), 'all checkout critical',
	'... and the others see what they saw');

webhook('critical', undef);
unlink $stage->etc . '/webhooks.d/critical.json';
is(($stage->verb('reload'))[0], 0, '(it goes)');
is(takers(@severe), 'all', 'without it the event is as it was');

ok(wait_until(sub { $stage->received($receiver) == 10 }),
	'every delivery arrives: ' . scalar($stage->received($receiver)));
is_deeply([ grep { $_ !~ /critical/ } map { $_->{body} }
	grep { $_->{path} =~ /critical/ } $stage->received($receiver) ], [],
	'with the whole event, whatever was looked at');
is($stage->stop($daemon), 0, 'TERM ends the daemon');
done_testing;
