#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING
#
# `check` and `list`, driven as people do: what is wrong with a configuration
# is said at its place, files that strangers may touch are refused, secrets
# stay secret. SPOOLHOOK_PROGRAM names the program to test.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use POSIX qw(mkfifo);
use Test::More;

my $root = abs_path(dirname(__FILE__) . '/../..');
my $program = $ENV{SPOOLHOOK_PROGRAM} // "$root/bin/spoolhook";
my $dir;

delete @ENV{qw(CREDENTIALS_DIRECTORY SPOOLHOOK_CONFIG NO_COLOR HOOK_TOKEN)};
umask 022;

# A configuration of these files: name => text.
sub configure {
    my (%files) = @_;
    $dir = tempdir(CLEANUP => 1);
    chmod 0755, $dir;
    mkdir "$dir/webhooks.d";
    mkdir "$dir/secrets";
    put($_, $files{$_}) for sort keys %files;
}

sub put {
    my ($name, $text, $mode) = @_;
    open my $file, '>', "$dir/$name" or die "$dir/$name: $!";
    print $file $text;
    close $file or die;
    chmod $mode // 0640, "$dir/$name";
}

# Runs it in the configuration directory: exit code, stdout, stderr.
sub run {
    my @words = @_;
    my $errors = tempdir(CLEANUP => 1) . '/errors';
    my $pid = open my $out, '-|';
    defined $pid or die "fork: $!";
    if (!$pid) {
        chdir $dir if $dir;
        open STDERR, '>', $errors;
        open STDIN, '<', '/dev/null';
        exec $program, @words or exit 127;
    }
    local $/;
    my $text = <$out> // '';
    close $out;
    my $code = $? & 127 ? "signal $?" : $? >> 8;
    open my $file, '<', $errors or die;
    my $said = <$file> // '';
    return ($code, $text, $said);
}

sub check { return run('check', '-c', $dir, @_) }

my $hook = '{"endpoints": ["https://pager.example.org/x"]}';

# ---- what is wrong, and where ----------------------------------------------

configure('webhooks.d/pager.json' => "{\n  \"endpoints\": [\"https://h/\"],\n"
      . "  \"retry\": { \"max_retires\": 3 },\n}\n");
my ($code, $out, $err) = check();
is($code, 78, 'a configuration with an error ends with 78');
is($out, <<'END', 'a finding is printed as compilers do');
webhooks.d/pager.json:3:14: error: unknown key "max_retires" in "retry" [unknown-key]
    3 |   "retry": { "max_retires": 3 },
      |              ^~~~~~~~~~~~~
      = did you mean "max_retries"?
check: 1 file, 1 error, 0 warnings
END
is($err, '', 'findings are results: nothing goes to stderr');

($code, $out) = check('--json');
my @lines = split /\n/, $out;
my $finding = decode_json($lines[0]);
is(scalar @lines, 1, '--json prints a finding a line and no summary');
is_deeply(
    $finding,
    {
        file       => 'webhooks.d/pager.json',
        line       => 3,
        column     => 14,
        end_column => 27,
        severity   => 'error',
        code       => 'unknown-key',
        pointer    => '/retry/max_retires',
        message    => 'unknown key "max_retires" in "retry"',
        help       => 'did you mean "max_retries"?',
    },
    'with all members of a finding');

(undef, $out) = check('--color=always');
like($out, qr/\e\[31merror\e\[0m/, 'colour comes when it is wanted');

configure(
    'spoolhook.json'    => '{"mail": {"server": "m.example:465"}}',
    'webhooks.d/a.json' => '{"endpoints": []}',
    'webhooks.d/b.json' => 'no JSON',
    'webhooks.d/c.json' => '',
);
($code, $out) = check();
is($code, 78, 'several broken files end with 78');
like($out, qr/^$_/m, "all are named: $_")
  for qw(spoolhook.json:1:21 webhooks.d/a.json:1:15 webhooks.d/b.json:1:1
    webhooks.d/c.json:1:1);
like($out, qr/^check: 4 files, 4 errors, 0 warnings$/m, 'and counted');

# ---- which files -----------------------------------------------------------

configure('webhooks.d/good.json' => $hook);
($code, $out) = check();
is($code, 0, 'a good configuration ends with 0, also without settings');
is($out, "check: 1 file, 0 errors, 0 warnings\n", 'and says little');
($code, $out) = check('-q');
is($out, '', 'with -q nothing');

put("webhooks.d/$_", 'broken')
  for ('.hidden.json', 'a.json~', 'a.json.bak', '.a.json.swp',
    'a.json.disabled', 'a.json.dpkg-old', 'a.json.rpmsave');
mkdir "$dir/webhooks.d/secrets";
($code, $out) = check();
is($out, "check: 1 file, 0 errors, 0 warnings\n",
    'what editors and packagers leave beside is not looked at');
put('webhooks.d/README', 'text');
($code, $out) = check();
like($out, qr/^webhooks.d\/README: warning: .*\[ignored-file\]/m,
    'a file that is no webhook is a warning');
is($code, 0, 'which is no error');
put('webhooks.d/Bad Name.json', $hook);
put("webhooks.d/e\e[2Jvil.json", $hook);
($code, $out) = check();
is($code, 78, 'a file whose name is no id is an error');
like($out, qr/Bad Name.json: error: .*\[bad-file-name\]/, 'that is named');
unlike($out, qr/\e/, 'and its name cannot write to the terminal');

configure('spoolhook.json' => '{}');
rmdir "$dir/webhooks.d";
($code, $out) = check();
is($code, 0, 'no directory of webhooks is no error');
like($out, qr/^webhooks.d: warning: .*\[no-webhooks\]/m, 'but a warning');

($code, $out, $err) = run('check', '-c', "$dir/gone");
is($code, 66, 'no configuration directory at all ends with 66');
like($err, qr/gone: cannot open/, 'and says which');
($code, $out, $err) = run('check', '-c', $dir, 'operand');
is($code, 64, 'check takes no operand');

configure('webhooks.d/good.json' => $hook);
mkfifo("$dir/webhooks.d/pipe.json", 0600) or die;
($code, $out) = check();
like($out, qr/pipe.json: error: is not a regular file/,
    'a pipe among the webhooks stops nothing');

configure('webhooks.d/big.json' => '[' . ' ' x 1100000 . ']');
($code, $out) = check();
like($out, qr/big.json: error: .*larger than/, 'a huge file is refused');

configure(map { ("webhooks.d/w$_.json" => '{"endpoints":["http://127.0.0.1:9/"]}') }
    1 .. 10_000);
($code, $out) = check();
is($code, 0, 'there may be ten thousand webhooks') or diag(substr $out, 0, 500);
put('webhooks.d/more.json', $hook);
($code, $out) = check();
like($out, qr/webhooks\.d: error: holds more than 10000 files/, 'and no more');

# ---- who may write ---------------------------------------------------------

for my $case ([0666, 'webhooks.d/a.json'], [0777, 'webhooks.d'],
    [01777, 'webhooks.d'], [0757, '.'], [0662, 'spoolhook.json'])
{
    my ($mode, $name) = @$case;
    configure('webhooks.d/a.json' => $hook, 'spoolhook.json' => '{}');
    chmod $mode, "$dir/$name";
    ($code, $out) = check();
    is($code, 78, sprintf 'mode %o of %s is refused', $mode, $name);
    like($out, qr/error: .*\[writable-by-others\]/, 'as writable by others');
}
configure('webhooks.d/a.json' => $hook);
chmod 0775, "$dir/webhooks.d";
($code) = check();
is($code, 0, 'a group may write: that is what groups are for');

# ---- secrets ---------------------------------------------------------------

sub with_secret {
    my ($where) = @_;
    return "{\"endpoints\": [\"https://h/\"],\n"
      . "\"headers\": {\"Authorization\": $where}}";
}

configure('webhooks.d/a.json' => with_secret('{"file": "secrets/token"}'));
($code, $out) = check();
is($code, 78, 'a secret that is not there is an error');
like($out, qr{neither .*/webhooks.d/secrets/token nor .*/secrets/token},
    'and both places are named');
put('secrets/token', "T0PSECRET\n", 0640);
($code) = check();
is($code, 0, 'a secret may lie below the configuration directory');
mkdir "$dir/webhooks.d/secrets";
put('webhooks.d/secrets/token', "T0P\nSECRET\n", 0600);
($code, $out) = check();
is($code, 78, 'but that beside the file comes first');
like($out, qr/line break/, 'and a line break in it is refused');
unlike($out, qr/SECRET/, 'without being shown');
unlink "$dir/webhooks.d/secrets/token";
chmod 0644, "$dir/secrets/token";
($code, $out) = check();
is($code, 78, 'a secret that others may read is refused');
like($out, qr/chmod o=/, 'with the way out');
put('secrets/token', "T0P\0SECRET", 0600);
($code, $out) = check();
like($out, qr/holds a NUL/, 'a NUL in a secret is refused');

configure('webhooks.d/a.json' => with_secret('{"env": "HOOK_TOKEN"}'));
($code, $out) = check();
is($code, 78, 'a variable that is not set is an error');
$ENV{HOOK_TOKEN} = 'T0PSECRET';
($code) = check();
is($code, 0, 'a variable that is set is a secret');

configure('webhooks.d/a.json' => with_secret('{"credential": "token"}'));
($code, $out) = check();
is($code, 0, 'a credential is no error where the service manager gave none');
like($out, qr/warning: .*CREDENTIALS_DIRECTORY/, 'but a warning');
$ENV{CREDENTIALS_DIRECTORY} = "$dir/secrets";
($code) = check();
is($code, 78, 'within the service it must be there');
put('secrets/token', 'T0PSECRET', 0400);
($code, $out) = check();
is($code, 0, 'and then it is found');
chmod 0444, "$dir/secrets/token";
($code) = check();
is($code, 0, 'who may read it is the affair of the service manager');
configure('webhooks.d/a.json' => with_secret('{"credential": "../x"}'));
($code) = check();
is($code, 78, 'a credential cannot leave its directory');
delete $ENV{CREDENTIALS_DIRECTORY};

configure('webhooks.d/a.json' => <<'END');
{"endpoints": ["https://me:T0PSECRET@h/?k=T0PSECRET", 7], "heders": {"A": "T0PSECRET"},
 "headers": {"A": "T0PSECRET", "B B": "T0PSECRET"}, "mail": "T0PSECRET" }
END
($code, $out) = check();
is($code, 78, 'mistakes beside secrets are found');
like($out, qr/^    1 \| .*\*\*\*/m, 'their lines are shown');
unlike($out, qr/T0PSECRET/, 'and the secrets in them are not');

# ---- list ------------------------------------------------------------------

configure(
    'webhooks.d/b.json' => with_secret('{"credential": "gone"}'),
    'webhooks.d/a.json' => '{"name": "Ä\\u0007", "enabled": false, '
      . '"triggers": ["*"], "endpoints": ['
      . '"https://me:T0PSECRET@pager.example:8443/T0PSECRET?T0PSECRET", '
      . '{"id": "x", "method": "PUT", "url": {"file": "gone"}}], '
      . '"filter": {"service": ["s"]}, "failure_email": ["o@x"]}',
);
($code, $out, $err) = run('list', '-c', $dir);
is($code, 78, 'a name with a control character is refused by list, too');
like($err, qr/a.json:1:10: error/, 'with the finding on stderr');
put('webhooks.d/a.json', '{"name": "Ä", "enabled": false, '
      . '"triggers": ["*"], "endpoints": ['
      . '"https://me:T0PSECRET@pager.example:8443/T0PSECRET?T0PSECRET", '
      . '{"id": "x", "method": "PUT", "url": {"file": "gone"}}], '
      . '"filter": {"service": ["s"]}, "failure_email": ["o@x"]}');
($code, $out, $err) = run('list', '-c', $dir);
is($code, 0, 'list needs no secrets');
@lines = split /\n/, $out;
is(scalar @lines, 3, 'a heading, and a line for each webhook');
like($lines[1],
    qr/^a +no +Ä +\* +POST pager.example:8443, PUT \*\*\* +o\@x +service/,
    'in the order of their ids');
unlike($out, qr/T0PSECRET/, 'of a URL only the host is shown');
($code, $out) = run('list', '-c', $dir, '--json');
my @hooks = map { decode_json($_) } split /\n/, $out;
is($hooks[1]{id}, 'b', '--json prints a webhook a line');
is($hooks[0]{endpoints}[0]{host}, 'pager.example:8443', 'with its hosts');
is($hooks[1]{filter}, undef, 'and null for what it has not');

$ENV{SPOOLHOOK_CONFIG} = $dir;
($code, $out) = run('list');
like($out, qr/^ID/, 'SPOOLHOOK_CONFIG names the directory, too');
delete $ENV{SPOOLHOOK_CONFIG};

# ---- what we ship ----------------------------------------------------------

undef $dir;
($code, $out) = run('check', '-c', "$root/etc");
is($code, 0, "the checkout's own configuration is good") or diag($out);
like($out, qr/ 0 errors, 0 warnings/, 'without a warning');

done_testing();
