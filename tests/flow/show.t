#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `show`: an event or one delivery of it, from the command line or from standard
# input, and nothing at all about what is not there.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use JSON::PP;
use Stage qw(spew);
use Test::More;

my $stage = Stage->new;
my $closed = Stage::free_port();
$stage->webhook($_ => { triggers => ['*'], retry => { max_retries => 0 },
	endpoints => ["http://127.0.0.1:$closed/"] }) for qw(one two);
spew($stage->incoming('odd.json'), qq({"event_type":"odd",\n "n":1.0e+05}));
is(($stage->verb('run', '--once'))[0], 1, 'both deliveries die');

my ($one, $two) = sort map { $_->{delivery} } $stage->queue;
my $event = substr $one, 0, 16;
my ($status, $out, $err) = $stage->verb('show', $event);
is($status, 0, 'an event is shown');
like($out, qr/^Delivery +\Q$one\E .*^Delivery +\Q$two\E /ms,
    'with all its deliveries');

($status, $out, $err) = $stage->verb('show', $one);
is($status, 0, 'a delivery is shown');
like($out, qr/^Delivery +\Q$one\E /m, 'itself');
unlike($out, qr/\Q$two\E/, '... and no other one');
like($out, qr/to send it again: spoolhook resend -c \Q$stage->{dir}\E\/etc \Q$one\E$/m,
    '... with the command to send it again, of this configuration');
{
	local $ENV{SPOOLHOOK_CONFIG} = $stage->etc;
	my $program = $ENV{SPOOLHOOK_PROGRAM} || Stage::top() . '/bin/spoolhook';

	like(`$program show $one`, qr/again: spoolhook resend \Q$one\E$/m,
	    '... which needs no -c where none was given');
}

for my $only ([], ['--payload'], ['--response'], ['--json']) {
	my $how = "@$only" || 'plain';
	($status, $out, $err) = $stage->verb('show', "${one}x", @$only);
	is($status, 1, "a delivery that the event does not have is none ($how)");
	is($out, '', '... and nothing of the event is printed');
	like($err, qr/there is no "\Q${one}x\E"/, '... but told');
}
is(($stage->verb('show', 'nonsense'))[0], 1, 'what is no id is told');

($status, $out) = $stage->verb({ stdin => "$one\n\n $two \n" },
    'show', '--json', '-');
is($status, 0, 'ids are read from standard input');
my @shown = map { JSON::PP->new->decode($_) } split /\n/, $out;
is_deeply([map { $_->{deliveries}[0]{delivery} } @shown], [$one, $two],
    '... each shown on its line, in their order');
($status, $out) = $stage->verb({ stdin => "$one\nnonsense\n$two\n" },
    'show', '--json', '-');
is($status, 1, 'a bad id among them is an error');
is(scalar(split /\n/, $out), 2, '... that costs the others nothing');

($status, $out) = $stage->verb('show', '--payload', $one);
is($out, qq({"event_type":"odd",\n "n":1.0e+05}), 'the payload is the own bytes');

done_testing;
