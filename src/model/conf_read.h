/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_CONF_READ_H
#define MODEL_CONF_READ_H

#include "base/buf.h"
#include "model/conf.h"
#include "model/source.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Tables of keys and the readers of their values, for the model/conf files.
 * An object of the configuration is a table; a key is a row: what reads it,
 * which member of a struct it fills, what range it has. A reader that finds a
 * mistake says so and leaves the member as it was.
 */
struct reader {
	struct source *source;
	struct buf pointer; /* of what is being read */
	const char *base; /* the folder of the file */
	const struct conf_secrets *secrets;
};

struct key {
	const char *name; /* NULL ends the table */
	void (*read)(
	    struct reader *r, const struct key *key, json_t *json, void *field);
	size_t offset; /* of the member that it fills */
	int64_t min, max;
	const struct key *keys; /* read_object */
	const char *const *words; /* read_choice; NULL-ended */
	const char *(*check)(const char *text); /* read_text, read_list */
};

#define KEY(key_name, how, ...)                               \
	{                                                     \
		.name = key_name, .read = how, ##__VA_ARGS__, \
	}
#define KEY_END       \
	{             \
		NULL, \
	}

void reader_init(struct reader *r, struct source *source, const char *base,
    const struct conf_secrets *secrets);
void reader_clear(struct reader *r);

/* Goes to a member or element; leave with what enter returned. */
size_t reader_enter(struct reader *r, const char *token);
size_t reader_enter_index(struct reader *r, size_t index);
void reader_leave(struct reader *r, size_t mark);

/* Says a mistake about what is being read. The sentence begins behind the
 * key's name: `"retry.delays" ` and then "must …". */
void reader_say(struct reader *r, const char *code, const char *help,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
void reader_warn(struct reader *r, const char *code, const char *help,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* About the key itself, a whole sentence. */
void reader_say_key(struct reader *r, const char *code, const char *help,
    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* `"KEY" must be WANTED, not a number`. */
void reader_say_type(struct reader *r, json_t *json, const char *wanted);
/* Says that a key which must be there is not. */
void reader_say_missing(struct reader *r, const char *key);
/* What a value is, for people: "a number". */
const char *reader_type(json_t *json);
/* What is being read, as people write it: `endpoints[1].headers.X-Team`. */
void reader_name(const struct reader *r, struct buf *out);
/* `did you mean "WORD"?`, the caller's; NULL when no word is near. */
char *reader_nearest(const char *word, const char *const *words);
/* `"a", "b" or "c"`. */
void reader_words(struct buf *out, const char *const *words);

/* Reads each member by its row, into `target`; says unknown keys. False when
 * it is no object. */
bool read_members(
    struct reader *r, const struct key *keys, json_t *json, void *target);

/* The readers, by the type of the member that they fill. */
void read_object(struct reader *, const struct key *, json_t *, void *);
void read_nothing(struct reader *, const struct key *, json_t *, void *);
void read_bool(struct reader *, const struct key *, json_t *, void *);
void read_int(struct reader *, const struct key *, json_t *, void *);
void read_share(struct reader *, const struct key *, json_t *, void *);
void read_duration(struct reader *, const struct key *, json_t *, void *);
void read_size(struct reader *, const struct key *, json_t *, void *);
/* char *: freed and replaced; up to key->max bytes, key->check. */
void read_text(struct reader *, const struct key *, json_t *, void *);
/* char *: joined with the folder of the file. */
void read_path(struct reader *, const struct key *, json_t *, void *);
/* int: the index of the word. */
void read_choice(struct reader *, const struct key *, json_t *, void *);
/* char **, NULL-ended: key->min to key->max texts that pass key->check. */
void read_list(struct reader *, const struct key *, json_t *, void *);

/* How many elements a list of `what` has; -1 when it is no list, or they are
 * not from min to max (was said). */
int read_count(
    struct reader *r, json_t *json, int min, int max, const char *what);
/* One text of an array, after its check; NULL when it is wrong (was said). */
const char *read_element(
    struct reader *r, const char *(*check)(const char *), json_t *json);
/* A string, or where a secret lies; NULL when it cannot be had (was said, but
 * for SECRETS_OPTIONAL, which gives ""). *secret tells which it was. */
char *read_secret(struct reader *r, json_t *json, bool *secret);
/* Where the value lies (struct conf's origins); NULL for one that stands in
 * the configuration itself. The caller's reference. */
json_t *secret_origin(const struct reader *r, json_t *json);

void list_free(char **list);
char **list_copy(const char *const *list);

#endif
