/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/id: names for events and deliveries. An id is a big-endian number of
 * 80 bits written in Crockford's base32, so comparing the text compares the
 * time. The maker promises that each id is larger than every one before it,
 * whatever the clock does: it counts on in the newest millisecond that it has
 * seen, and into the next when that is full. It reads no clock and throws no
 * dice. If we die, the newest id in the store is where the next maker goes on.
 */
#include "model/id.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { NAME_MAX_LEN = 63, DIGIT_BITS = 5, LOW_BITS = 32 };
/* 48 bits last until the year 10889. */
static const uint64_t MS_MAX = ((uint64_t)1 << 48) - 1;

static void spell(const struct id_maker *maker, char out[ID_SIZE])
{
	unsigned __int128 bits =
	    ((unsigned __int128)maker->ms << LOW_BITS) | maker->low;
	int i;

	for (i = ID_LEN - 1; i >= 0; i--) {
		out[i] = alphabet[(unsigned)bits & 31];
		bits >>= DIGIT_BITS;
	}
	out[ID_LEN] = '\0';
}

static void read_back(struct id_maker *maker, const char *text)
{
	unsigned __int128 bits = 0;
	int i;

	for (i = 0; i < ID_LEN; i++) {
		const char *digit = strchr(alphabet, text[i]);

		bits = bits << DIGIT_BITS | (unsigned)(digit - alphabet);
	}
	maker->ms = (uint64_t)(bits >> LOW_BITS);
	maker->low = (uint32_t)bits;
}

void id_maker_init(struct id_maker *maker, const char *last)
{
	*maker = (struct id_maker){ 0 };
	if (id_is_event(last))
		read_back(maker, last);
}

void id_make(
    struct id_maker *maker, int64_t wall_ms, uint32_t chance, char out[ID_SIZE])
{
	if (wall_ms > 0 && (uint64_t)wall_ms > maker->ms) {
		maker->ms = (uint64_t)wall_ms;
		maker->low = chance;
	} else if (++maker->low == 0) {
		maker->ms++;
	}
	assert(maker->ms <= MS_MAX);
	spell(maker, out);
}

void id_nth(const char *first, uint64_t n, char out[ID_SIZE])
{
	struct id_maker at;
	uint64_t low;

	read_back(&at, first);
	low = at.low + n;
	at.ms += low >> LOW_BITS;
	at.low = (uint32_t)low;
	spell(&at, out);
}

int64_t id_time_ms(const char *id)
{
	struct id_maker at;

	read_back(&at, id);
	return (int64_t)at.ms;
}

static bool starts_as_event(const char *text)
{
	int i;

	for (i = 0; i < ID_LEN; i++) {
		if (!text[i] || !strchr(alphabet, text[i]))
			return false;
	}
	return true;
}

bool id_is_event(const char *text)
{
	return starts_as_event(text) && !text[ID_LEN];
}

static bool starts_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool id_is_delivery(const char *text, const char **rest)
{
	if (!starts_as_event(text) || text[ID_LEN] != '-' ||
	    !starts_name(text[ID_LEN + 1]))
		return false;
	if (rest)
		*rest = text + ID_LEN + 1;
	return true;
}

void id_delivery(char out[ID_DELIVERY_SIZE], const char *event,
    const char *webhook, const char *endpoint)
{
	int len = snprintf(
	    out, ID_DELIVERY_SIZE, "%s-%s-%s", event, webhook, endpoint);

	assert(len > 0 && len < ID_DELIVERY_SIZE);
}

bool id_is_name(const char *text)
{
	size_t i;

	if (!starts_name(text[0]))
		return false;
	for (i = 1; text[i]; i++) {
		if (i == NAME_MAX_LEN)
			return false;
		if (!starts_name(text[i]) && text[i] != '_' && text[i] != '-')
			return false;
	}
	return true;
}

const char *id_in_name(const char *name, char out[ID_SIZE])
{
	static const char prefix[] = "submit-";
	const char *id = name + sizeof(prefix) - 1;

	if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 ||
	    !starts_as_event(id) || id[ID_LEN] != '.')
		return NULL;
	memcpy(out, id, ID_LEN);
	out[ID_LEN] = '\0';
	return out;
}
