/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef MODEL_TALLY_H
#define MODEL_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The numbers of a period, added up one delivery and one attempt at a time, so
 * that a million of them takes no more memory than ten. The period is cut into
 * at most TALLY_SLOTS_MAX slots of a round length (minutes to years). Times
 * are milliseconds.
 */

/*
 * Durations by size: exact below 16 ms, in steps of a sixteenth above, up to
 * ten hours. A percentile is at most 7 % too high, and never too low.
 */
enum { SPREAD_STEPS = 16, SPREAD_OCTAVES = 21 };
enum { SPREAD_SIZE = SPREAD_STEPS * (SPREAD_OCTAVES + 1) };
struct spread {
	uint32_t counts[SPREAD_SIZE];
	int64_t total;
};
void spread_add(struct spread *spread, int64_t ms);
/* The duration that `percent` (1 to 100) of all do not exceed; -1 for none. */
int64_t spread_at(const struct spread *spread, int percent);

enum { TALLY_SLOTS_MAX = 60, TALLY_FAULTS_MAX = 24, TALLY_FAULT_SIZE = 20 };
enum { TALLY_STATUS_MAX = 999 };

struct tally_slot {
	int64_t delivered, deferred, dead;
	struct spread durations; /* of attempts that were delivered */
};

/* One endpoint, by the store's number. */
struct tally_endpoint {
	int64_t number;
	char *webhook, *endpoint;
	int64_t delivered, dead; /* deliveries */
	int64_t attempts, failed; /* calls */
	struct {
		uint32_t attempts, failed;
	} slots[TALLY_SLOTS_MAX];
};

struct tally {
	int64_t since_ms, until_ms;
	int64_t first_ms; /* where the first slot begins */
	int64_t slot_ms; /* the length of one */
	int slot_count;
	struct tally_slot *slots;
	int64_t deliveries; /* all whose last change lies in the period */
	int64_t delivered, dead; /* of these */
	int64_t retried; /* those that needed more than one try */
	int64_t attempts;
	int64_t deferred; /* attempts that failed and are tried again */
	struct spread durations; /* of attempts that were delivered */
	int64_t by_status[TALLY_STATUS_MAX + 1]; /* 0: no HTTP answer came */
	struct tally_fault {
		char word[TALLY_FAULT_SIZE]; /* error_code */
		int64_t count;
	} faults[TALLY_FAULTS_MAX]; /* of attempts without an answer */
	size_t fault_count;
	struct tally_endpoint **endpoints; /* see tally_worst_first */
	size_t endpoint_count;
};

struct tally_delivery {
	int64_t endpoint; /* its number */
	const char *webhook, *name;
	bool delivered, dead; /* neither: it is open */
	int tries;
	int64_t changed_ms;
};

struct tally_attempt {
	int64_t endpoint;
	const char *webhook, *name;
	int64_t started_ms, duration_ms;
	int status; /* 0: none came */
	const char *code; /* error_code, or "" */
	bool delivered, deferred;
};

/* `zone_ms` is what local time is ahead of UTC: slots of hours and days begin
 * on its hours and midnights. */
void tally_init(
    struct tally *tally, int64_t since_ms, int64_t until_ms, int64_t zone_ms);
void tally_clear(struct tally *tally);

/* What lies outside of the period is not counted. */
void tally_add_delivery(
    struct tally *tally, const struct tally_delivery *delivery);
void tally_add_attempt(
    struct tally *tally, const struct tally_attempt *attempt);

/* Orders the endpoints: most failed calls first, then by name. After it
 * nothing may be added. */
void tally_worst_first(struct tally *tally);

/* Where slot `i` begins; slot `slot_count` is the end of the last. */
int64_t tally_slot_ms(const struct tally *tally, int i);
/* Delivered among delivered and dead, in thousandths; -1 when there is
 * neither. */
int tally_success(const struct tally *tally);

#endif
