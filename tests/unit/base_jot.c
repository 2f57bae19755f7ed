/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* What is jotted down is JSON, whatever bytes came in. */
#include "base/jot.h"

#include "tap.h"

static void hostile(void)
{
	auto_buf struct buf b = BUF_INIT(4096);

	jot_open(&b, NULL, '{');
	jot_str(&b, "a\"b\n", "\"\\/\b\f\n\r\t\x1f\x7f");
	jot_bytes(&b, "nul", "a\0b", 3);
	jot_str(&b, "bad",
	    "\xff"
	    "x\xc3");
	jot_str(&b, "half", "\xe2\x82");
	jot_str(&b, "good", "\xe2\x82\xac\xf0\x9f\x98\x80");
	jot_close(&b, '}');
	is_str(buf_text(&b),
	    "{\"a\\\"b\\n\":\"\\\"\\\\/\\u0008\\u000c\\n\\u000d\\t\\u001f"
	    "\\u007f\",\"nul\":\"a\\u0000b\",\"bad\":\"\xef\xbf\xbdx"
	    "\xef\xbf\xbd\",\"half\":\"\xef\xbf\xbd\xef\xbf\xbd\","
	    "\"good\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}",
	    "any bytes make a valid JSON string");
}

static void values(void)
{
	auto_buf struct buf b = BUF_INIT(4096);

	jot_open(&b, NULL, '{');
	jot_int(&b, "min", INT64_MIN);
	jot_int(&b, "max", INT64_MAX);
	jot_bool(&b, "yes", true);
	jot_bool(&b, "no", false);
	jot_null(&b, "null");
	jot_str(&b, "none", NULL);
	jot_str(&b, "empty", "");
	jot_time(&b, "time", 1640002987123);
	jot_time(&b, "never", -1);
	jot_raw(&b, "raw", "[1, 2]", 6);
	jot_close(&b, '}');
	is_str(buf_text(&b),
	    "{\"min\":-9223372036854775808,\"max\":9223372036854775807,"
	    "\"yes\":true,\"no\":false,\"null\":null,\"none\":null,"
	    "\"empty\":\"\",\"time\":\"2021-12-20T12:23:07.123Z\","
	    "\"never\":null,\"raw\":[1, 2]}",
	    "every kind of value has its form");
}

static void nesting(void)
{
	auto_buf struct buf b = BUF_INIT(4096);

	jot_open(&b, NULL, '{');
	jot_open(&b, "list", '[');
	jot_open(&b, NULL, '{');
	jot_close(&b, '}');
	jot_open(&b, NULL, '[');
	jot_close(&b, ']');
	jot_int(&b, NULL, 1);
	jot_str(&b, NULL, "[");
	jot_str(&b, NULL, "{");
	jot_str(&b, NULL, "");
	jot_close(&b, ']');
	jot_open(&b, "object", '{');
	jot_str(&b, "", ",");
	jot_close(&b, '}');
	jot_close(&b, '}');
	is_str(buf_text(&b),
	    "{\"list\":[{},[],1,\"[\",\"{\",\"\"],\"object\":{\"\":\",\"}}",
	    "commas stand between members, whatever they are");
}

static void lines(void)
{
	auto_buf struct buf b = BUF_INIT(4096);

	jot_open(&b, NULL, '{');
	jot_close(&b, '}');
	buf_putc(&b, '\n');
	jot_open(&b, NULL, '{');
	jot_close(&b, '}');
	is_str(buf_text(&b), "{}\n{}", "a new line needs no comma");
}

static void overflow(void)
{
	auto_buf struct buf b = BUF_INIT(10);

	jot_open(&b, NULL, '{');
	jot_str(&b, "key", "a longer value");
	jot_close(&b, '}');
	ok(b.over, "a buffer that is too small says so at the end");
}

int main(void)
{
	hostile();
	values();
	nesting();
	lines();
	overflow();
	return done();
}
