/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/* Buffers grow up to their ceiling and never over it. */
#include "base/buf.h"

#include "base/mem.h"
#include "tap.h"

#include <stdint.h>

static void ceiling(void)
{
	auto_buf struct buf b = BUF_INIT(8);

	buf_puts(&b, "12345678");
	ok(!b.over && b.len == 8, "the ceiling may be reached");
	buf_putc(&b, '9');
	ok(b.over, "and what would pass it is refused");
	is_str(buf_text(&b), "12345678", "as a whole");
	buf_shift(&b, 4);
	buf_puts(&b, "x");
	is_str(buf_text(&b), "5678",
	    "after that nothing is added, though there is room");
	buf_reset(&b);
	ok(!b.over, "until it is emptied");
	buf_puts(&b, "123456789");
	ok(b.over && b.len == 0, "an addition is in whole or not at all");
	buf_reset(&b);
	buf_printf(&b, "%s", "123456789");
	ok(b.over && b.len == 0, "formatted ones, too");
	buf_reset(&b);
	ok(!buf_reserve(&b, SIZE_MAX), "a huge wish does not overflow");
}

static void growing(void)
{
	auto_buf struct buf b = BUF_INIT(1 << 20);
	size_t i;
	size_t wrong = 0;

	is_str(buf_text(&b), "", "an empty buffer is an empty text");
	for (i = 0; i < 100000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	for (i = 0; i < b.len; i++)
		wrong += b.data[i] != (char)('a' + i % 26);
	ok(b.len == 100000 && !wrong, "it grows as it must");
	is_int(b.data[b.len], 0, "and always ends with a NUL");
	buf_reset(&b);
	buf_add(&b, "a\0b", 3);
	buf_printf(&b, "%d%s", 42, "!");
	ok(b.len == 6 && memcmp(b.data, "a\0b42!", 7) == 0,
	    "it holds any bytes");
	buf_add(&b, "", 0);
	is_int((long long)b.len, 6, "nothing may be added");
}

static void shifting(void)
{
	auto_buf struct buf b = BUF_INIT(64);

	buf_shift(&b, 0);
	buf_puts(&b, "abcdef");
	buf_shift(&b, 2);
	is_str(buf_text(&b), "cdef", "bytes leave at the front");
	buf_shift(&b, 4);
	is_str(buf_text(&b), "", "all of them, too");
}

static void handing_over(void)
{
	struct buf b = BUF_INIT(64);
	auto_free char *nothing = buf_steal(&b);
	auto_free char *text = NULL;

	is_str(nothing, "", "an empty buffer hands over an empty string");
	buf_puts(&b, "mine");
	text = buf_steal(&b);
	is_str(text, "mine", "a full one its bytes");
	ok(!b.data && b.len == 0 && b.max == 64, "and can be used again");
	buf_puts(&b, "again");
	is_str(buf_text(&b), "again", "at once");
	buf_clear(&b);
	ok(!b.data && b.max == 64, "clearing keeps the ceiling");
	buf_clear(&b);
	ok(!b.data, "and may happen twice");
}

int main(void)
{
	ceiling();
	growing();
	shifting();
	handing_over();
	return done();
}
