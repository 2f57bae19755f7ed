#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `report`, read as a program reads it: what the page says, what it must never
# say, and that nothing in it can run but what was put there. What it looks like
# and does in a browser is told in report_browser.t.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Digest::SHA qw(sha256_base64);
use File::Path qw(make_path);
use JSON::PP;
use Stage qw(wait_until free_port slurp spew top);
use Test::More;
use Time::HiRes qw(time);

$ENV{TZ} = 'UTC';

# ---- a strict reader: elements, attributes, text; dies where HTML is bent -------
my %void = map { $_ => 1 } qw(meta link input);
my %known = map { $_ => 1 } qw(html head meta link title style body header h1 h2
    h3 h4 p time input nav label main section dl dt dd div span figure figcaption
    svg path rect g ul li details summary table thead tbody tr th td pre code b a
    article footer script select option output);

# ( [ name, { attribute => value }, the text of a style or script ] … )
sub elements
{
	my ($html) = @_;
	my (@open, @found);

	$html =~ /\G<!DOCTYPE html>\n/gc or die 'no doctype';
	while (pos $html < length $html) {
		if ($html =~ /\G([^<]+)/gc) {
			my $text = $1;

			$text =~ s/&(?:amp|lt|gt|quot|#39);//g;
			die "a bare & or > in: $text" if $text =~ /[&>]/;
			next;
		}
		if ($html =~ m{\G</(\w+)>}gc) {
			my $top = pop @open // 'nothing';

			die "</$1> closes $top" if $1 ne $top;
			next;
		}
		$html =~ m{\G<(\w+)((?: [\w-]+(?:="[^"<>]*")?)*)(/?)>}gc
		    or die 'no tag: ' . substr $html, pos $html, 80;
		my ($name, $rest, $closed) = ($1, $2, $3);
		die "<$name> does not belong here" unless $known{$name};
		my %attribute;
		while ($rest =~ / ([\w-]+)(?:="([^"]*)")?/g) {
			die "$1 twice" if exists $attribute{$1};
			$attribute{$1} = $2 // '';
		}
		my $text;
		if ($name =~ /^(?:style|script)$/) {
			$html =~ m{\G(.*?)(?=</$name>)}gcs or die 'no end';
			$text = $1;
		}
		push @found, [ $name, \%attribute, $text ];
		push @open, $name unless $closed || $void{$name};
	}
	die "open at the end: @open" if @open;
	return @found;
}

sub page
{
	my ($stage, @options) = @_;
	my ($status, $out, $err) = $stage->verb('report', '-o', '-', @options);

	is($status, 0, "report @options: written") or diag $err;
	return $out;
}

# The text of the page, as it is read.
sub text
{
	my ($html) = @_;

	$html =~ s{<(style|script)>.*?</\1>}{}gs;
	$html =~ s/<[^>]*>/ /g;
	$html =~ s/&lt;/</g, $html =~ s/&gt;/>/g, $html =~ s/&quot;/"/g,
	    $html =~ s/&#39;/'/g, $html =~ s/&amp;/&/g;
	return $html;
}

# ---- bad use ----------------------------------------------------------------------
my $secret = 'hunter2-secret';
my $hostile = "</script><script>hacked=1</script><!-- \"quoted' &amp; " .
    "<img src=x onerror=hacked=1> \x{202e}gnp.exe \x{2066}x\x{2069}";
my $stage = Stage->new;
my ($receiver, $port) = $stage->listen('--status', '503,200');
my $dead = free_port;

spew($stage->etc . '/secrets/token', "$secret-token\n");
spew($stage->etc . '/secrets/url', "http://127.0.0.1:$dead/$secret-path\n");
chmod 0600, $stage->etc . "/secrets/$_" for qw(token url);
$stage->webhook(good => {
	name => 'Good <b>one</b>', description => "It's & \"works\"",
	filter => { all => [ { service => ['email-trigger'] }, { any => [
		{ field => 'message', op => 'contains', value => '<' },
		{ not => { alert_source => ['nagios'] } } ] } ] },
	endpoints => [ "http://user:$secret\@127.0.0.1:$port/in?key=$secret",
		{ id => 'copy', url => "http://127.0.0.1:$port/copy",
		headers => { 'X-Copy' => "$secret-copy" } } ],
	headers => { Authorization => { file => '../secrets/token',
		prefix => 'Bearer ' } },
	retry => { max_retries => 2, delays => ['50ms'], jitter => 0,
		never => [410] },
	failure_email => ['oncall@example.org'],
});
$stage->webhook(bad => {
	endpoints => [ { url => { file => '../secrets/url' } } ],
	retry => { max_retries => 0 },
});
$stage->webhook(off => { enabled => JSON::PP::false,
	endpoints => ["http://127.0.0.1:$port/off"] });

for my $case (
	[ [], qr/where to\?/ ],
	[ [ '-o', '-', '--days', '2', '--since', '-1d' ], qr/either/ ],
	[ [ '-o', '-', 'x' ], qr/operand/ ],
	[ [ '-o', '-', '--since', '2999-01-01' ], qr/future/ ],
	[ [ '-o', '-', '--days', '0' ], qr/days/ ],
	[ [ '-o', '-', '--max-entries', '-1' ], qr/max-entries/ ],
	[ [ '-o', '-', '--no-payload' ], qr/no-payloads/ ],
) {
	my ($status, $out, $err) = $stage->verb('report', @{ $case->[0] });

	is($status, 64, "report @{ $case->[0] }: bad use");
	like($err, $case->[1], '... and what is wrong with it');
	is($out, '', '... and no page');
}

# ---- the story ----------------------------------------------------------------------
my $daemon = $stage->run;
my $event = $stage->event('triggered', message => $hostile,
    odd => "nul\0esc\e[31m\x7f", number => 1);
my $bytes = JSON::PP->new->utf8->canonical->encode($event);
$bytes =~ s/"number":1\b/"number":1.50e3/;
$stage->drop('evil.json', $bytes);
$stage->drop('ack.json', $stage->event_text('acknowledged'));
$stage->drop('<img src=x>.json', '{"broken":,}');
$stage->drop('own.why.json', '["no event"]');
my $settled = wait_until {
	my @rows = $stage->queue;

	@rows == 6 && !grep { $_->{state} !~ /^(?:delivered|dead)$/ } @rows;
};
ok($settled, 'two events went to three endpoints each, and ended');
wait_until { -e $stage->spool . '/rejected/own.why.json.why.json' };

my $html = page($stage);
my @elements = eval { elements($html) };
is($@, '', 'the page is well-formed HTML, and all that came from outside is text');

# ---- nothing in it runs, nothing leaves it -------------------------------------------
my @scripts = grep { $_->[0] eq 'script' } @elements;
my @styles = grep { $_->[0] eq 'style' } @elements;
is(@scripts, 1, 'there is one script');
is(@styles, 1, 'there is one style sheet');
my ($policy) = map { $_->[1]{content} }
    grep { ($_->[1]{'http-equiv'} // '') eq 'Content-Security-Policy' } @elements;
is($policy, "default-src 'none'; " .
    "style-src 'sha256-" . sha256_base64($styles[0][2]) . "='; " .
    "script-src 'sha256-" . sha256_base64($scripts[0][2]) . "='; " .
    "img-src data:; base-uri 'none'; form-action 'none'",
    'the policy allows these two by their hashes, and nothing else');
is_deeply([ grep { my $e = $_; grep { /^(?:on|style$)/ } keys %{ $e->[1] } } @elements ],
    [], 'no element has a handler or a style of its own');
is_deeply([ map { @{ $_->[1] }{qw(href src)} } grep {
	($_->[1]{href} // '') !~ /^(?:#payload-\w+|data:,|)$/ || exists $_->[1]{src}
} @elements ], [], 'no address in it leads out');
unlike($styles[0][2] . $scripts[0][2], qr{https?:|url\(|\@import|innerHTML|eval\(},
    'neither does one in the style or the script');
my %ids;
$ids{ $_->[1]{id} }++ for grep { defined $_->[1]{id} } @elements;
is_deeply([ grep { $ids{$_} > 1 } keys %ids ], [], 'no id stands twice');
is_deeply([ grep { !$ids{$_} } map { ($_->[1]{href} // '') =~ /^#(.+)/ } @elements ],
    [], 'every link in the page has its end in the page');
my %meta = map { $_->[1]{name} => $_->[1]{content} }
    grep { $_->[0] eq 'meta' && $_->[1]{name} } @elements;
is($meta{robots}, 'noindex, nofollow', 'no search engine keeps it');
is($meta{referrer}, 'no-referrer', 'nobody is told where it lies');
my ($root) = grep { $_->[0] eq 'html' } @elements;
is($root->[1]{lang}, 'en', 'it tells its language');

# ---- secrets, hostile bytes ----------------------------------------------------------
unlike($html, qr/\Q$secret\E/, 'no secret is in it: header, URL, userinfo, query');
my $text = text($html);
like($text, qr/Authorization: \*\*\*/, 'a header is named, its value is masked');
like($text, qr{POST http://127\.0\.0\.1:$port/in\?}, 'a URL without its query');
like($text, qr{POST http://127\.0\.0\.1:$dead/\xe2\x80\xa6},
    'of a secret URL only the host');
like($text, qr{</script><script>hacked=1</script><!-- \\"quoted' &amp;},
    'hostile text is there, as text');
unlike($html, qr/[\x00-\x08\x0b-\x1f\x7f]/, 'no control byte is in it');
unlike($html, qr/\xe2\x80\xae|\xe2\x81[\xa6-\xa9]/, 'no mark that turns the order');
like($text, qr/\\xe2\\x80\\xaegnp/, 'such a mark can be seen');
like($text, qr/"number": 1\.50e3/, 'numbers are the bytes that came');

# ---- what it says ----------------------------------------------------------------------
my @rows = grep { $_->[0] eq 'details' && ($_->[1]{class} // '') eq 'row' } @elements;
is(@rows, 6, 'there is a row for each delivery');
is_deeply([ map { $_->[1]{'data-state'} } @rows ],
    [ map { $_->{state} } reverse $stage->queue ], '... the newest first');
like($text, qr/6 of 6 shown/, '... and they are counted');
is(() = $html =~ /<pre class="payload"/g, 2,
    'a payload is written once for all deliveries of its event');
is(() = $html =~ /class="shared"/g, 4, '... and the others point to it');
like($text, qr/HTTP 503/, 'a failed attempt is told');
like($text, qr/Spoolhook-Attempt: 1/, 'the request that was sent is shown');
like($text, qr/spoolhook resend -c \S+ \w{16}-bad-0/, 'the command to send it again, too');
like($text, qr/all of\s+service in \[email-trigger\]\s+any of\s+message contains "<"\s+not\s+alert_source in/,
    'a filter is a tree');
like($text, qr/At most 2 times, after 50ms; later when the endpoint asks so, by up to 1h\. Never after 410\. Given up after 1d\./,
    'the retry rule is a sentence');
like($text, qr/oncall\@example\.org/, 'who gets the failure mail');
like($text, qr/disabled/, 'a webhook that is off says so');
like($text, qr/Nothing waits/, 'the queue is empty, and says so');
like($text, qr/2 of 2 shown.*<img src=x>\.json\s+syntax\s+1:11/s,
    'a rejected file with code, line and column');
like($text, qr/own\.why\.json\s+not_event/,
    'a rejected file that calls itself a reason is a file');
like($text, qr/while the daemon was running/, 'it tells that the daemon runs');

# ---- the numbers, twice -----------------------------------------------------------------
my ($status, $out) = $stage->verb('report', '--json');
my $numbers = eval { JSON::PP->new->utf8->decode($out) } // {};
is($status, 0, 'report --json: one object');
is_deeply([ @$numbers{qw(deliveries delivered dead retried rejected)} ],
    [ 6, 4, 2, 1, 2 ], 'four delivered, two dead, one after a retry');
is($numbers->{success_rate}, 0.666, '... is a rate');
is($numbers->{attempts}, 7, 'seven calls');
is($numbers->{deferred}, 1, 'one of them was tried again');
is_deeply([ sort map { ($_->{status} // $_->{error_code}) . "x$_->{attempts}" }
	@{ $numbers->{answers} } ], [qw(200x4 503x1 connectx2)], 'each answer is counted');
is($numbers->{endpoints}[0]{webhook}, 'bad', 'the worst endpoint comes first');
for my $key (qw(delivered deferred dead)) {
	my $sum = 0;

	$sum += $_->{$key} for @{ $numbers->{slots} };
	is($sum, $numbers->{$key}, "the bars add up to what is $key");
}
cmp_ok(@{ $numbers->{slots} }, '<=', 60, 'a week has at most 60 bars');
like($text, qr/delivered\s+4\s+dead\s+2\s+needed a retry\s+1\s+success rate\s+66\.6 %/,
    'the tiles say the same');

# ---- options ------------------------------------------------------------------------------
$html = page($stage, '--max-entries', 2);
like(text($html), qr/2 of 6 shown/, 'rows have a limit, and what is left out is told');
like(text($html), qr/delivered\s+4\s+dead\s+2/, '... while the numbers cover all');
$html = page($stage, '--max-entries', 0);
ok(eval { elements($html) }, 'no rows at all is a page, too') or diag $@;
$html = page($stage, '--no-payloads');
unlike($html, qr/class="payload"/,
    '--no-payloads leaves payloads out');
unlike(text($html), qr/organization/, '... all of them');
$html = page($stage, '--title', '<b>Our "desk"</b>');
like($html, qr{<title>&lt;b&gt;Our &quot;desk&quot;&lt;/b&gt;</title>}, 'a title is text');

# ---- the file -----------------------------------------------------------------------------
make_path($stage->dir . '/www');
my $file = $stage->dir . '/www/report.html';
spew($file, 'old');
($status) = do { my $old = umask 022; my @got = $stage->verb('report', '-o', $file);
	umask $old; @got };
is($status, 0, 'a file is written');
is((stat $file)[2] & 07777, 0640, '... for owner and group only');
like(slurp($file), qr{</html>\n\z}, '... whole');
opendir(my $dir, $stage->dir . '/www');
is_deeply([ grep { !/^\.\.?$/ } readdir $dir ], ['report.html'],
    '... and nothing lies beside it');
my $err;
($status, undef, $err) = $stage->verb('report', '-o', $stage->dir . '/none/x.html');
is($status, 73, 'a directory that is not there: cannot create');
like($err, qr/none/, '... and which');
spew($stage->dir . '/full.sh', "#!/bin/sh\nexec \"\$@\" >/dev/full\n");
($status, undef, $err) = do {
	my $n = $stage->start('/bin/sh', $stage->dir . '/full.sh',
	    $ENV{SPOOLHOOK_PROGRAM} || top() . '/bin/spoolhook',
	    '-c', $stage->etc, 'report', '-o', '-');
	($stage->reap($n), undef, $stage->errors($n));
};
is($status, 74, 'a full disk is an error');
like($err, qr/No space left/, '... that is told');

# ---- the past without what was pruned, without a daemon -------------------------------------
$stage->stop($daemon);
my ($first) = $stage->queue;
my $db = $stage->spool . '/spool.db';
is(system('sqlite3', $db, "DELETE FROM payload WHERE event = " .
    "(SELECT seq FROM event WHERE id = '$first->{event_id}')"), 0,
    'an event loses its payload');
$html = page($stage);
ok(eval { elements($html) }, 'the daemon may be down') or diag $@;
$text = text($html);
like($text, qr/while the daemon was not running/, '... which it tells');
is(() = $text =~ /payload no longer kept/g, 3, 'a payload that is gone is said to be gone');
$stage->webhook(bad => undef);
$text = text(page($stage));
like($text, qr/bad\s+removed\s+No longer configured/, 'a webhook that was removed is told of');
like($text, qr/The endpoint is no longer configured/, '... in its rows, too');
symlink $stage->etc . '/secrets/token', $stage->spool . '/rejected/link.why.json';
spew($stage->spool . '/rejected/garbage.why.json', "\xff\xfe{");
$text = text(page($stage));
unlike($text, qr/link|\Q$secret\E/, 'a link among the reasons is not followed');
like($text, qr/garbage\s+unknown.*its reason cannot be read/s, 'a reason that is none is told');
is(system('sqlite3', $db, "UPDATE event SET message = CAST(x'3cff80c3283e' AS TEXT)"), 0,
    'bytes that are no text get into the store');
$html = page($stage);
like($html, qr/&lt;\\xff\\x80\\xc3\(&gt;/, 'invalid UTF-8 is made visible');
($status, $out) = $stage->verb('report', '--json', '--since', '-1ms');
is(JSON::PP->new->utf8->decode($out)->{deliveries}, 0, 'a period without anything');
$text = text(page($stage, '--since', '-1ms'));
like($text, qr/0 of 0 shown.*Nothing was delivered/s, '... is a page that says so');

# ---- many ------------------------------------------------------------------------------------
my $many = Stage->new(webhooks => { many => { order => 'none', concurrency => 64,
	endpoints => ["http://127.0.0.1:$dead/"], retry => { max_retries => 0 } } });
make_path($many->spool . '/incoming');
spew($many->spool . '/incoming/many.json', '[' . join(',',
    map { $stage->event_text('triggered', id => "n$_", filler => 'x' x 3000) } 1 .. 1000) . ']');
is(($many->verb('run', '--once'))[0], 1, 'a thousand deliveries die');
my $began = time;
$html = page($many, '--max-entries', 1000);
cmp_ok(time - $began, '<', 20, 'their page takes seconds');
is(() = $html =~ /<details class="row"/g, 1000, '... and shows each');
ok(eval { elements($html) }, '... well-formed') or diag $@;

# ---- what keeps deliveries waiting ------------------------------------------------------------
my $slow = Stage->new(webhooks => {
	rest => { endpoints => [ { id => 'down', url => "http://127.0.0.1:$dead/" } ],
		breaker => { failures => 1, rest => '1h' }, retry => { delays => ['1h'] } },
	break => { endpoints => ["http://127.0.0.1:$port/break"] },
	lost => { endpoints => ["http://127.0.0.1:$dead/"], retry => { delays => ['1h'] } },
	well => { endpoints => ["http://127.0.0.1:$port/well"] },
});
my $run = $slow->run;
is(($slow->verb('pause', 'break', '--for', '2h', '--reason', 'moves <now>'))[0], 0,
    'a webhook is paused');
$slow->drop("n$_.json", $slow->event_text('triggered', id => "n$_",
    message => "\x{e4}" x 5000)) for 1 .. 2;
my $waits = wait_until {
	my %got;

	$got{"$_->{webhook} $_->{state}"}++ for $slow->queue;
	($got{'rest deferred'} || 0) && ($got{'lost deferred'} || 0) == 2 &&
	    ($got{'break queued'} || 0) == 2 && ($got{'well delivered'} || 0) == 2;
};
ok($waits, 'one webhook is paused, one rests, one waits, one is well');
my ($held) = grep { $_->{webhook} eq 'lost' } $slow->queue;
is(($slow->verb('queue', 'hold', $held->{delivery}))[0], 0, 'a delivery is held');
$text = text(page($slow));
my $at = qr/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/;
like($text, qr/In the way now\s+break : Paused since\s+$at\s+by \w+, until\s+$at\s*: moves <now>/,
    'the overview tells of a pause: since when, by whom, until when, why');
like($text, qr{In the way now.*rest\s+/\s+down rests since\s+$at\s*, after \d+ failed calls? in a row; next probe\s+$at}s,
    '... and of an endpoint that rests, and when it is probed');
like($text, qr/break\s+enabled\s+paused\s.*?Paused since\s+$at/s, 'so does the webhook: paused');
like($text, qr/rest\s+enabled\s+resting\s.*?rests since\s+$at/s, '... and resting');
like($text, qr/breaker\s+After 1 failed call in a row an endpoint rests, at most 1h from probe to probe\./,
    '... the rule of the breaker is a sentence');
like($text, qr/well\s+enabled\s+webhooks/, '... while one that is well has nothing to tell');
like($text, qr/when it is resumed/, 'a delivery of a paused webhook does not claim to be due');
like($text, qr/spoolhook resume -c \S+ break\nspoolhook queue retry -c \S+ \w{16}-break-0/,
    '... and its row has the command that lets it go');
like($text, qr/endpoint rests; in \d/, '... nor does one of an endpoint that rests');
like($text, qr/when it is released/, 'one that is held says so');
unlike(text(page($slow, '--no-payloads')), qr/(?:\xc3\xa4){200}/,
    'a message of any length is cut in the rows');
like($text, qr/(?:\xc3\xa4){150}\xe2\x80\xa6/, '... at a whole character, and it shows');
like($text, qr/from\s+$at\s+to\s+$at\s*, in the time zone \+0000/,
    'the time zone is told once');
unlike($text, qr/$at \+0000/, '... and not at every moment');
{
	local $ENV{TZ} = 'Europe/Berlin';
	my ($past) = page($slow, '--since', '2026-07-01 00:00');
	like(text($past), qr/from\s+2026-07-01 00:00:00 \+0200\s+to/,
	    'a moment of summer says so in winter') if $past =~ /zone \+0100/;
}
my $now = JSON::PP->new->utf8->decode(($slow->verb('report', '--json'))[1])->{now};
is($now->{paused}[0]{reason}, 'moves <now>', '--json tells of the pause');
is("$now->{resting}[0]{webhook}/$now->{resting}[0]{endpoint}", 'rest/down',
    '... and of the rest');
like($now->{resting}[0]{next_probe}, qr/^\d{4}-.*Z$/, '... with its next probe');

$slow->webhook(rest => { endpoints => [ { id => 'down', url => "http://127.0.0.1:$dead/" } ],
	breaker => { failures => 0 } });
unlike(text(page($slow)), qr/rests since|endpoint rests;/,
    'what has no breaker any more does not rest');

# ---- one webhook, one period ------------------------------------------------------------------
$text = text(page($slow, '--webhook', 'rest'));
like($text, qr/webhook rest, from/, '--webhook: the page says whose it is');
like($text, qr/2 of 2 shown, the newest first/, '... and has its deliveries');
unlike($text, qr{\bbreak\b|\blost\b|\bwell\s*/|-well-}, '... and nothing of the others');
like($text, qr/A rejected file belongs to no webhook/, '... nor rejected files, which have none');
($status, undef, $err) = $slow->verb('report', '-o', '-', '--webhook', 'wel');
is($status, 64, 'a webhook that is none: bad use');
like($err, qr/"well"/, '... with the nearest that there is');
$slow->stop($run);
$slow->webhook(lost => undef);
is(text(page($slow, '--webhook', 'lost')) =~ /lost\s+removed/, 1,
    'one that was removed can be asked for');
like(text(page($slow)), qr/In the way now\s+The daemon is not running: nothing is sent\..*lost : no longer configured, 2 waiting/s,
    'what waits for nobody is in the way');
is(system('sqlite3', $slow->spool . '/spool.db', 'UPDATE delivery SET ' .
    'accepted_ms = accepted_ms - 172800000, changed_ms = changed_ms - 172800000 ' .
    'WHERE endpoint = (SELECT seq FROM endpoint WHERE webhook = \'well\')'), 0,
    'some things were done two days ago');
$text = text(page($slow, '--until', '-1d'));
like($text, qr/2 of 2 shown, the newest first/, '--until: the page ends there');
like($text, qr/delivered\s+2\s+dead\s+0/, '... its numbers, too');
like(text(page($slow, '--until', '-1d', '-n', 1)), qr/1 of 2 shown, the newest first\. To see the others:\s+spoolhook queue --state all -c \S+ ,/,
    '... and what is left out is told, and how to see it');
like(text(page($slow, '--since', '-3d', '--until', '-1d')), qr/2 of 2 shown/,
    'a period has two ends');
($status, undef, $err) = $slow->verb('report', '-o', '-', '--since', '-1d', '--until', '-2d');
is($status, 64, 'one that ends before it begins: bad use');
like($err, qr/--until must be later than --since/, '... and what is wrong with it');

# ---- bounds ------------------------------------------------------------------------------------
my $large = Stage->new(webhooks => { large => { order => 'none',
	endpoints => ["http://127.0.0.1:$dead/"], retry => { max_retries => 0 },
	breaker => { failures => 0 } } });
make_path($large->spool . '/incoming');
spew($large->spool . "/incoming/$_.json", '[' . join(',',
    map { $large->event_text('triggered', id => "n$_", filler => '<' x 60000) } 1 .. 10) . ']')
    for 1 .. 10;
is(($large->verb('run', '--once'))[0], 1, 'a hundred large events, hard to show');
$html = page($large);
cmp_ok(length $html, '<', 20 << 20, 'payloads do not make the page larger than it may be');
is(() = $html =~ /<details class="row"/g, 100, '... it has every row');
like(text($html), qr/Left out, for the page is large already;\s+spoolhook show --payload -c \S+ \w{16}\s+prints it/,
    '... and tells how to see what it has no room for');
is(system('sqlite3', $large->spool . '/spool.db', 'INSERT INTO attempt SELECT NULL, 1, n, 1, 1, 0, ' .
    '\'timeout\', \'\', \'\', \'deferred\', x\'\' FROM (WITH RECURSIVE c(n) AS ' .
    '(SELECT 2 UNION ALL SELECT n + 1 FROM c WHERE n < 200) SELECT n FROM c)'), 0,
    'a delivery is sent again and again');
like(text(page($large)), qr/The first 50 of 200;\s+spoolhook show -c \S+ \w{16}-large-0\s+prints all/,
    'its attempts have a bound, which is told');
done_testing;
