/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_ID_H
#define MODEL_ID_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Event ids: 80 bits in 16 characters of Crockford base32, 48 of milliseconds
 * and 32 that chance starts and every further id of the same millisecond
 * raises. They sort by time and are never used twice, also when the clock
 * steps back. A delivery id is `EVENT-webhook-endpoint`.
 */
enum { ID_LEN = 16, ID_SIZE = ID_LEN + 1 };
/* 16 + 1 + 63 + 1 + 63, and the NUL. */
enum { ID_DELIVERY_SIZE = 145 };

struct id_maker {
	uint64_t ms;
	uint32_t low;
};

/* Goes on after an id that was made earlier; "", or what is no id, for none. */
void id_maker_init(struct id_maker *maker, const char *last);
void id_make(struct id_maker *maker, int64_t wall_ms, uint32_t chance,
    char out[ID_SIZE]);

/* The id that lies `n` behind `first` (which is an id). */
void id_nth(const char *first, uint64_t n, char out[ID_SIZE]);
/* The moment that an id was made at, in milliseconds since 1970. */
int64_t id_time_ms(const char *id);

/* A file that `submit` dropped carries the id of its first event in its name:
 * `submit-ID.json`. NULL for any other name. */
const char *id_in_name(const char *name, char out[ID_SIZE]);

/* True for 16 characters of the alphabet, in upper case. */
bool id_is_event(const char *text);
/* True when the text starts as a delivery id does; *rest is behind the dash.
 * Names hold dashes too, so only the store knows where the webhook's ends.
 * `rest` may be NULL. */
bool id_is_delivery(const char *text, const char **rest);
void id_delivery(char out[ID_DELIVERY_SIZE], const char *event,
    const char *webhook, const char *endpoint);
/* `[a-z0-9][a-z0-9_-]{0,62}`: webhook and endpoint ids. */
bool id_is_name(const char *text);

#endif
