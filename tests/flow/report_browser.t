#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# The report in a real Chromium: with scripts and without, by keyboard, narrow,
# dark, printed, and with what hostile payloads and a changed page would want
# to do in it.
use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/../lib";
use Browser;
use JSON::PP;
use Stage qw(wait_until free_port slurp spew);
use Test::More;

plan skip_all => 'there is no chromium here (bin/setup test installs it)'
    unless Browser::program();
$ENV{TZ} = 'UTC';

my $stage = Stage->new;
my ($receiver, $port) = $stage->listen('--status', '503,200');
my $dead = free_port;
my $hostile = '</script><script>hacked=1</script></pre></details>' .
    '<img src=x onerror="hacked=1"><svg onload=hacked=1> <!-- \'"';

$stage->webhook(good => { name => 'Good <i onclick=hacked=1>one</i>',
	filter => { all => [ { any => [ { field => 'id', op => 'exists' },
		{ field => 'x', op => 'is', value => '</section>' } ] } ] },
	endpoints => [ "http://127.0.0.1:$port/in", { id => 'copy',
		url => "http://127.0.0.1:$port/" . 'long' x 60 } ],
	retry => { delays => ['20ms'], jitter => 0 } });
$stage->webhook(bad => { endpoints => ["http://127.0.0.1:$dead/"],
	retry => { max_retries => 0 } });
$stage->webhook(later => { endpoints => ["http://127.0.0.1:$dead/"],
	retry => { delays => ['1h'] } });
# Names as long as they may be, where pictures, lists and rows must make room.
$stage->webhook('n' x 58 => { name => 'N' x 200, description => 'D' x 500,
	endpoints => [ { id => 'e' x 30, url => "https://127.0.0.1:$dead/" . 'u' x 200,
	headers => { 'X-' . 'H' x 60 => 'v' } } ], triggers => ['incident_acknowledged'],
	retry => { max_retries => 0 }, breaker => { failures => 1, rest => '1h' } });
my $daemon = $stage->run;
$stage->drop('evil.json', $stage->event_text('triggered',
    message => $hostile, description => 'wide' x 400));
$stage->drop('ack.json', $stage->event_text('acknowledged', id => 'other'));
$stage->drop('x' x 150 . '.json', '{"broken":,}');
$stage->drop('"><img src=x onerror=hacked=1>.json', '{"broken":,}');
ok((wait_until {
	my @rows = $stage->queue;

	@rows == 9 && !grep { $_->{state} eq 'active' || !$_->{tries} } @rows;
}), 'there is something to report');
wait_until { glob($stage->spool . '/rejected/*.why.json') };
my $file = $stage->dir . '/report.html';
is(($stage->verb('report', '-o', $file))[0], 0, 'the page is written');
$stage->stop($daemon);

my $browser = Browser->new;
my $harmless = 'typeof hacked + document.images.length + ' .
    'document.scripts.length + document.querySelectorAll("i, [onclick]").length';
my $shown = '[0,1,2,3,4].filter(n => document.getElementById("p" + n)' .
    '.checkVisibility()).join()';

sub is_quiet
{
	my ($when) = @_;

	is_deeply([ grep { !m{^(?:file://\Q$file\E|data:)} } $browser->requests ],
	    [], "$when: the page loads nothing");
	is_deeply([ $browser->complaints ], [], "$when: the browser has no complaint");
	is($browser->eval($harmless), 'undefined010', "$when: what is hostile stays text");
}

# ---- without scripts ------------------------------------------------------------------
$browser->width(1280);
$browser->scripts(0);
$browser->open_file($file);
is_quiet('scripts off');
is($browser->eval($shown), '0', 'it opens with the overview');
is($browser->eval('document.getElementById("pick").checkVisibility()'), JSON::PP::false,
    'what needs a script does not show');
$browser->key('Tab', 9);
is($browser->eval('document.activeElement.id'), 't0', 'the first key goes to the tabs');
for my $n (1 .. 4) {
	$browser->key('ArrowRight', 39);
	is($browser->eval($shown), $n, "an arrow key turns to tab $n");
}
$browser->eval('document.getElementById("t1").click()');
$browser->eval('document.querySelector("details.row summary").focus()');
$browser->key('Enter', 13, "\r");
is($browser->eval('document.querySelector("details.row").open'), JSON::PP::true,
    'Enter opens a row');
is($browser->eval('document.querySelector("details.row .payload").checkVisibility()'),
    JSON::PP::true, '... and the payload is there');
like($browser->eval('[...document.querySelectorAll(".payload")].map(p => p.textContent).join()'),
    qr{"message": "</script><script>hacked=1</script></pre></details><img},
    '... as it was sent');
ok($browser->eval('[...document.querySelectorAll("a.shared")].every(a =>' .
	'document.getElementById(a.getAttribute("href").slice(1)))'),
    'a shared payload is one click away');

# ---- with scripts -----------------------------------------------------------------------
$browser->scripts(1);
$browser->open_file($file);
is_quiet('scripts on');
$browser->eval('document.getElementById("t1").click()');
is($browser->eval('document.getElementById("pick").checkVisibility()'), JSON::PP::true,
    'rows can be picked');
my $visible = '[...document.querySelectorAll("details.row")].filter(r => ' .
    '!r.hidden).map(r => r.dataset.state).join()';

sub pick
{
	my ($what, $value) = @_;

	$browser->eval("(() => { const e = document.querySelector('$what');" .
	    "e.value = '$value';" .
	    "e.dispatchEvent(new Event('input', { bubbles: true })); })()");
}
pick('[data-key=state]', 'dead');
ok((wait_until { $browser->eval($visible) eq 'dead,dead,dead' } 5), '... by state');
is($browser->eval('document.getElementById("hits").textContent'), '3 of these 9',
    '... and are counted');
pick('[data-key=state]', '');
pick('#find', 'ONERROR');
ok((wait_until { $browser->eval($visible) !~ /^(?:dead,dead,dead|)$/ &&
	$browser->eval($visible) =~ tr/,// == 3 } 5), '... by a word of the payload')
    or diag $browser->eval($visible);
pick('#find', '');
ok((wait_until { $browser->eval($visible) =~ tr/,// == 8 } 5), '... and all again');
is($browser->eval('(async () => { const r = document.querySelector(".shared").closest(".row");' .
	'r.open = true; await new Promise(f => setTimeout(f, 100));' .
	'return r.querySelectorAll("pre.payload").length + ' .
	'r.querySelector("button").textContent })()'), '1copy',
    'a row that is opened borrows its payload, and offers a copy');
$browser->eval('document.querySelector("details.row[open] button").click()');
like($browser->eval('getSelection().toString()'), qr/\A\{\n  "/, 'copy takes the payload');

# ---- narrow, dark, printed ----------------------------------------------------------------
my $contrast = <<'JS';
(() => {
	const channels = c => c.match(/[\d.]+/g).map(Number);
	const light = c => channels(c).slice(0, 3).map(v => v / 255).map(v =>
	    v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
	    .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
	const behind = e => { for (; e; e = e.parentElement) {
		const c = getComputedStyle(e).backgroundColor;
		if (channels(c)[3] !== 0) return c; } };
	const bad = new Set;
	let seen = 0;
	for (const e of document.querySelectorAll("body *")) {
		if (e.closest("svg, script") || ![...e.childNodes].some(n =>
		    n.nodeType === 3 && n.data.trim()) || !e.checkVisibility())
			continue;
		const a = light(getComputedStyle(e).color), b = light(behind(e));
		const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
		seen++;
		if (ratio < 4.5)
			bad.add(e.tagName + "." + e.className + " " + ratio.toFixed(2));
	}
	return seen < 10 ? "too little seen" : [...bad].join();
})()
JS
for my $scheme (qw(light dark)) {
	$browser->media(scheme => $scheme);
	my ($back) = $browser->eval('getComputedStyle(document.body).backgroundColor')
	    =~ /(\d+)/;
	cmp_ok($back, $scheme eq 'dark' ? '<' : '>', 128, "$scheme is $scheme");
	for my $n (0 .. 4) {
		$browser->eval("document.getElementById('t$n').click();" .
		    "document.querySelectorAll('#p$n details').forEach(d => d.open = true)");
		is($browser->eval($contrast), '', "$scheme: all text of tab $n can be read");
	}
}
$browser->media(scheme => 'light');
for my $width (320, 1280) {
	$browser->width($width);
	for my $n (0 .. 4) {
		$browser->eval("document.getElementById('t$n').click()");
		cmp_ok($browser->eval('document.scrollingElement.scrollWidth'), '<=', $width,
		    "tab $n fits into $width px");
		is($browser->eval("[...document.querySelectorAll('#p$n .plot > svg, #p$n .tiles dd')]" .
		    ".filter(e => { const r = e.getBoundingClientRect();" .
		    "return r.width < 40 || r.right > $width; }).length"), 0,
		    '... and its pictures have room');
	}
}
is($browser->eval('[...document.querySelectorAll("h1, h2, h3, h4")].map(h => +h.tagName[1])' .
	'.filter((n, i, all) => n - (i ? all[i - 1] : 0) > 1).length'), 0,
    'no level of headings is left out');
for my $n (0 .. 4) {
	$browser->eval("document.getElementById('t$n').focus()");
	$browser->key('Tab', 9);
	is($browser->eval('(e => e.matches(":focus-visible") && ' .
		'getComputedStyle(e).outlineStyle)(document.activeElement)'), 'solid',
	    "the next place of tab $n can be seen when it is reached by key")
	    if $browser->eval("!!document.querySelector('#p$n summary, #p$n [tabindex], #p$n input')");
}
$browser->eval('document.getElementById("t0").click()');
is($browser->eval('[...document.querySelectorAll("svg[role=img]")].filter(s =>' .
	'!s.getAttribute("aria-label") || !s.querySelector("title")).length'), 0,
    'each picture has words, and each of its marks');
cmp_ok($browser->eval('document.querySelectorAll("svg[role=img] title").length'), '>', 4,
    '... and there are marks');
is($browser->eval('[...document.querySelectorAll("input, select")].filter(e =>' .
	'!e.labels.length).length'), 0, 'each control has a label');
cmp_ok(length $browser->picture, '>', 10_000, 'there is a picture of it');
$browser->media(type => 'print');
is($browser->eval($shown), '0,1,2,3,4', 'on paper are all tabs');
is($browser->eval('document.querySelector("nav").checkVisibility()'), JSON::PP::false,
    '... and no buttons');
$browser->width(700);
is($browser->eval('[...document.querySelectorAll(".row .msg, .row .to, .tiles div, figure, .say")]' .
	'.filter(e => e.scrollWidth > e.clientWidth + 1 || e.getBoundingClientRect().right > 700)' .
	'.map(e => e.className + ": " + e.textContent.slice(0, 40)).join()'),
    '', '... and nothing is cut off at the edge or in a row');

# ---- the policy holds --------------------------------------------------------------------
my $changed = $stage->dir . '/changed.html';
my $page = slurp($file);
$page =~ s{</main>}{<script>hacked=1</script><p id="x" style="color:red" onclick="hacked=2">x</p>
<img src="http://127.0.0.1:$port/leak"><img src=x onerror=hacked=3>
<style>body{display:none}</style><iframe src="data:text/html,x"></iframe></main>} or die;
spew($changed, $page);
$browser->media;
$browser->open_file($changed);
$browser->eval('document.getElementById("x").click()');
is($browser->eval('typeof hacked'), 'undefined', 'a script that got in does not run');
is($browser->eval('getComputedStyle(document.body).display + ' .
	'getComputedStyle(document.getElementById("x")).color.startsWith("rgb(255, 0")'),
    'blockfalse', '... nor does a style apply');
ok((grep { /Content Security Policy/ } $browser->complaints), '... the browser says why');
is((grep { /leak/ } map { $_->{path} // '' } $stage->received($receiver)), 0,
    '... and nothing is loaded');
done_testing;
