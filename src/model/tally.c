/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/tally: the numbers of a period. It owns counters and the names of
 * endpoints; it promises fixed memory for each slot and each endpoint, however
 * much is added, and that the totals are the sums of what the slots show.
 *
 * It reads no clock and no store; what it is told twice it counts twice.
 */
#include "model/tally.h"

#include "base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* ---- durations --------------------------------------------------------- */

static int octave_of(uint64_t ms)
{
	return ms < SPREAD_STEPS ? 0 : 63 - __builtin_clzll(ms) - 3;
}

static size_t cell_of(int64_t ms)
{
	uint64_t value = ms > 0 ? (uint64_t)ms : 0;
	int octave = octave_of(value);

	if (octave > SPREAD_OCTAVES)
		return SPREAD_SIZE - 1;
	if (octave == 0)
		return (size_t)value;
	return (size_t)octave * SPREAD_STEPS +
	    (size_t)((value >> (octave - 1)) - SPREAD_STEPS);
}

/* The largest duration of a cell. */
static int64_t cell_top(size_t cell)
{
	size_t octave = cell / SPREAD_STEPS;
	int64_t step = (int64_t)(cell % SPREAD_STEPS);

	if (octave == 0)
		return step;
	return ((SPREAD_STEPS + step + 1) << (octave - 1)) - 1;
}

void spread_add(struct spread *spread, int64_t ms)
{
	spread->counts[cell_of(ms)]++;
	spread->total++;
}

int64_t spread_at(const struct spread *spread, int percent)
{
	int64_t wanted = (spread->total * percent + 99) / 100;
	int64_t seen = 0;

	assert(percent > 0 && percent <= 100);
	for (size_t i = 0; i < SPREAD_SIZE; i++) {
		seen += spread->counts[i];
		if (spread->total && seen >= wanted)
			return cell_top(i);
	}
	return -1;
}

/* ---- slots ------------------------------------------------------------- */

enum { MINUTE = 60 * 1000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
static const int64_t lengths[] = { MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE,
	HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
	28LL * DAY, 365LL * DAY };
enum { LENGTHS = sizeof(lengths) / sizeof(*lengths) };

/* The last slot ends at or after the period's end. */
static int64_t cut(struct tally *tally, int64_t zone_ms, int64_t length)
{
	int64_t local = tally->since_ms + zone_ms;
	int64_t into = ((local % length) + length) % length;

	tally->slot_ms = length;
	tally->first_ms = tally->since_ms - into;
	return (tally->until_ms - tally->first_ms + length - 1) / length;
}

void tally_init(
    struct tally *tally, int64_t since_ms, int64_t until_ms, int64_t zone_ms)
{
	int64_t count = TALLY_SLOTS_MAX + 1;

	*tally = (struct tally){ .since_ms = since_ms, .until_ms = until_ms };
	for (size_t i = 0; i < LENGTHS && count > TALLY_SLOTS_MAX; i++)
		count = cut(tally, zone_ms, lengths[i]);
	if (count > TALLY_SLOTS_MAX)
		count = TALLY_SLOTS_MAX;
	tally->slot_count = count > 0 ? (int)count : 1;
	tally->slots =
	    mem_array((size_t)tally->slot_count, sizeof(*tally->slots));
}

void tally_clear(struct tally *tally)
{
	for (size_t i = 0; i < tally->endpoint_count; i++) {
		if (!tally->endpoints[i])
			continue;
		free(tally->endpoints[i]->webhook);
		free(tally->endpoints[i]->endpoint);
		free(tally->endpoints[i]);
	}
	free(tally->endpoints);
	free(tally->slots);
	*tally = (struct tally){ 0 };
}

int64_t tally_slot_ms(const struct tally *tally, int i)
{
	return tally->first_ms + i * tally->slot_ms;
}

/* -1 for what lies outside. */
static int slot_of(const struct tally *tally, int64_t ms)
{
	int64_t slot = (ms - tally->first_ms) / tally->slot_ms;

	if (ms < tally->since_ms || ms > tally->until_ms)
		return -1;
	return slot < tally->slot_count ? (int)slot : tally->slot_count - 1;
}

/* ---- endpoints --------------------------------------------------------- */

/* The store numbers them from 1 without gaps, so the number is the place. */
static struct tally_endpoint *endpoint_of(struct tally *tally, int64_t number,
    const char *webhook, const char *endpoint)
{
	size_t place = (size_t)number;
	size_t count = tally->endpoint_count;
	struct tally_endpoint *made;

	assert(number >= 0 && number < INT32_MAX);
	if (place >= count) {
		size_t wanted = place + 1 + place / 2;

		tally->endpoints = mem_grow(
		    tally->endpoints, wanted, sizeof(struct tally_endpoint *));
		memset(tally->endpoints + count, 0,
		    (wanted - count) * sizeof(struct tally_endpoint *));
		tally->endpoint_count = wanted;
	}
	if (tally->endpoints[place])
		return tally->endpoints[place];
	made = mem_zalloc(sizeof(*made));
	made->number = number;
	made->webhook = mem_strdup(webhook);
	made->endpoint = mem_strdup(endpoint);
	tally->endpoints[place] = made;
	return made;
}

static int by_failures(const void *left, const void *right)
{
	const struct tally_endpoint *a =
	    *(const struct tally_endpoint *const *)left;
	const struct tally_endpoint *b =
	    *(const struct tally_endpoint *const *)right;
	int order;

	if (a->failed != b->failed)
		return a->failed > b->failed ? -1 : 1;
	order = strcmp(a->webhook, b->webhook);
	return order ? order : strcmp(a->endpoint, b->endpoint);
}

void tally_worst_first(struct tally *tally)
{
	size_t kept = 0;

	for (size_t i = 0; i < tally->endpoint_count; i++) {
		if (tally->endpoints[i])
			tally->endpoints[kept++] = tally->endpoints[i];
	}
	tally->endpoint_count = kept;
	if (kept)
		qsort(tally->endpoints, kept, sizeof(*tally->endpoints),
		    by_failures);
}

/* ---- adding up --------------------------------------------------------- */

void tally_add_delivery(
    struct tally *tally, const struct tally_delivery *delivery)
{
	int slot = slot_of(tally, delivery->changed_ms);
	struct tally_endpoint *endpoint;

	if (slot < 0)
		return;
	endpoint = endpoint_of(
	    tally, delivery->endpoint, delivery->webhook, delivery->name);
	tally->deliveries++;
	tally->retried += delivery->tries > 1;
	tally->delivered += delivery->delivered;
	tally->dead += delivery->dead;
	tally->slots[slot].delivered += delivery->delivered;
	tally->slots[slot].dead += delivery->dead;
	endpoint->delivered += delivery->delivered;
	endpoint->dead += delivery->dead;
}

static void add_fault(struct tally *tally, const char *word)
{
	size_t i = 0;

	while (i < tally->fault_count && strcmp(tally->faults[i].word, word))
		i++;
	if (i == TALLY_FAULTS_MAX)
		return;
	if (i == tally->fault_count) {
		tally->fault_count++;
		snprintf(tally->faults[i].word, TALLY_FAULT_SIZE, "%s", word);
	}
	tally->faults[i].count++;
}

static void add_answer(struct tally *tally, const struct tally_attempt *attempt)
{
	int status = attempt->status;

	if (status < 0 || status > TALLY_STATUS_MAX)
		status = 0;
	tally->by_status[status]++;
	if (!status)
		add_fault(tally, attempt->code);
}

void tally_add_attempt(struct tally *tally, const struct tally_attempt *attempt)
{
	int slot = slot_of(tally, attempt->started_ms + attempt->duration_ms);
	struct tally_endpoint *endpoint;

	if (slot < 0)
		return;
	endpoint = endpoint_of(
	    tally, attempt->endpoint, attempt->webhook, attempt->name);
	tally->attempts++;
	tally->deferred += attempt->deferred;
	tally->slots[slot].deferred += attempt->deferred;
	add_answer(tally, attempt);
	endpoint->attempts++;
	endpoint->failed += !attempt->delivered;
	endpoint->slots[slot].attempts++;
	endpoint->slots[slot].failed += !attempt->delivered;
	if (!attempt->delivered)
		return;
	spread_add(&tally->durations, attempt->duration_ms);
	spread_add(&tally->slots[slot].durations, attempt->duration_ms);
}

int tally_success(const struct tally *tally)
{
	int64_t ended = tally->delivered + tally->dead;

	return ended ? (int)(tally->delivered * 1000 / ended) : -1;
}
