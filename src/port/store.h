/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef PORT_STORE_H
#define PORT_STORE_H

#include "base/buf.h"
#include "base/mailbox.h"
#include "base/why.h"
#include "model/answer.h"
#include "model/breaker.h"
#include "model/id.h"
#include "model/retry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The store: events with their bytes, deliveries, endpoint state, mail to
 * send. The one durable truth. This header is its treaty: nothing above port/
 * knows that SQLite is behind it.
 *
 * The daemon talks to it in groups: a list of works goes into store_commit,
 * which carries out all of them in one transaction, or none. Whoever calls it
 * does so from a thread of its own (flow/committer.h). Verbs ask and change
 * through the functions at the end, each a short transaction of its own, beside
 * a running daemon.
 *
 * The unit of order is the lane: endpoint × incident. Only the oldest open
 * delivery of a lane may be tried; the others of it are `chained` until the
 * head is delivered or dead. Waiting is a row with a time.
 */
struct store;

/* What a delivery is doing. People see STATE_CHAINED and STATE_WAITING with no
 * try spent as "queued", STATE_WAITING after a try as "deferred". */
enum state {
	STATE_CHAINED, /* an older one of its lane is open */
	STATE_WAITING, /* until its due time */
	STATE_ACTIVE, /* claimed: on the wire, or its outcome not yet settled */
	STATE_HELD, /* until an operator releases it */
	STATE_DELIVERED,
	STATE_DEAD,
};
/* "queued", "deferred", "active", "held", "delivered", "dead". */
const char *state_word(enum state state, int tries);
/* False for an unknown word. "queued" and "deferred" both give WAITING. */
bool state_from_word(const char *word, enum state *out);

enum store_use {
	STORE_DAEMON, /* makes it when missing, migrates, owns active rows */
	STORE_VERB, /* makes it when missing, migrates */
	STORE_LOOK, /* reads; fails when there is none */
};

/*
 * Opens `spool.db` at `path`. A STORE_DAEMON turns active rows back into
 * waiting ones, due at once: their answers were never committed. So whoever
 * opens it that way holds the spool's lock; a verb that got the lock, because
 * no daemon runs, may do so too. Fails with a sentence that says what to do
 * when the file is no database, is damaged, or is of a newer version.
 */
struct store *store_open(const char *path, enum store_use use, struct why *why);
void store_close(struct store *store);
/* The last event id that was ever given out, "" for none. */
void store_last_id(struct store *store, char out[ID_SIZE]);

/* ---- groups ------------------------------------------------------------ */

enum work_kind {
	WORK_ACCEPT,
	WORK_CLAIM,
	WORK_SETTLE,
	WORK_FORGET,
	WORK_ENDPOINTS,
	WORK_DIGEST,
	WORK_REST_NEXT,
	WORK_MAIL_ADD,
	WORK_MAIL_NEXT,
	WORK_MAIL_DONE,
	WORK_FLUSH,
	WORK_NOTE,
	WORK_RECEIPTS,
	WORK_PRUNE,
	WORK_TEND,
	WORK_CLOCK,
	WORK_LOGGED,
	WORK_COUNT,
};

/* The common head of every work. A work is allocated and freed by the flow
 * side; what the store hands out in it is freed by work-specific _clear
 * functions below. */
struct work {
	struct letter letter; /* on its way between threads */
	enum work_kind kind;
	bool failed; /* set when the group could not be committed */
	bool full; /* … because the disk is full: worth waiting for */
};

/*
 * A dropped file that was accepted, or accepted up to an offset, and is not
 * yet known to be removed. `birth_ns` is the inode's time of birth (its change
 * time where the file system keeps none); with the others it tells this very
 * content of this very file from any other.
 */
struct receipt {
	uint64_t device, inode;
	int64_t birth_ns, mtime_ns, size;
	int64_t done; /* bytes accepted; == size when all is */
	int64_t hash; /* of the bytes before `done` */
};

struct route_row {
	int64_t endpoint; /* its number, from WORK_ENDPOINTS */
	bool ordered; /* false: "order": "none" */
};

struct accepted_event {
	char id[ID_SIZE];
	const char *type;
	const char *incident; /* "" for none: then it has no lane */
	const char *service;
	const char *alert_source;
	const char *message;
	const char *body;
	size_t body_len;
	const struct route_row *routes;
	size_t route_count; /* 0: unmatched, kept all the same */
};

/* Events of one file with their deliveries, and how far the file is done. All
 * pointers are lent until the answer is back. */
struct work_accept {
	struct work work;
	int64_t now_ms;
	const char *source; /* the file's name, or "submit" */
	const struct accepted_event *events;
	size_t count;
	bool has_receipt; /* put, or written over, by device and inode */
	struct receipt receipt;
	/* Refused unless the receipt that is there says that all before `behind`
	 * was accepted: parts of a file stand or fall in their order. */
	bool follows;
	int64_t behind;
};

/* Receipts that have served: the file is gone. The directories that the files
 * were in are synced before; else a power cut may bring a file back whose
 * receipt is gone, and it would be accepted again. Their descriptors are lent
 * until the answer. */
struct work_forget {
	struct work work;
	const struct receipt *receipts;
	size_t count;
	const int *dirs;
	size_t dir_count;
};

struct claimed {
	int64_t delivery; /* its row */
	int64_t endpoint;
	char event_id[ID_SIZE];
	char *event_type;
	char *incident;
	char *body; /* the event's own bytes, from malloc */
	size_t body_len;
	int tries;
	int64_t queued_ms;
};

/* Of a paused webhook (the note "paused/WEBHOOK" begins with the end of the
 * pause in milliseconds, 0 for none) nothing is claimed; when something waits,
 * its next due time is the end of the pause, or PAUSE_LOOK_MS from now. */
enum { PAUSE_LOOK_MS = 60 * 60 * 1000 };
struct claim_wish {
	int64_t endpoint;
	int room; /* in: claim at most so many */
	bool tried_first; /* in and out: whose turn it is, of those that were
			     tried before and those that were not */
	int64_t next_due_ms; /* out: of the next waiting one, -1 for none */
	struct expiry *expiry; /* NULL, or: those that waited too long */
};

/*
 * A walk over what is due for an endpoint, to find what was queued too long
 * ago. A step looks at EXPIRY_STEP rows; begun with zeros, sent again as it
 * comes back until it is over. Of a wish with one, next_due_ms is not set.
 */
enum { EXPIRY_STEP = 500 };
struct expiry {
	int64_t queued_before_ms; /* in */
	bool tried; /* in and out: which line, */
	int64_t due_ms, seq; /* and the last row seen of it */
	bool over; /* out */
	int64_t oldest_ms; /* in and out: when the oldest of those that stay
			      was queued; -1 for none */
};

/* Marks due deliveries active and hands them out, oldest due time first; those
 * that were tried before and those that were not take turns. */
struct work_claim {
	struct work work;
	int64_t now_ms;
	struct claim_wish *wishes;
	size_t wish_count;
	struct claimed *claimed; /* out; see work_claim_clear */
	size_t claimed_count;
};
/* Frees what was claimed; bodies that were taken over are set to NULL. */
void work_claim_clear(struct work_claim *work);

/* The outcome of one attempt, or (answer NULL) the end of a delivery without
 * one. An unlocked next one of the lane is due now. */
struct work_settle {
	struct work work;
	int64_t now_ms;
	int64_t delivery;
	struct verdict verdict;
	int attempt; /* its number, from 1 */
	/* NULL: it died without an attempt, or (OUTCOME_DEFERRED) was not
	 * tried after all and waits as before. */
	const struct answer *answer;
	const struct breaker *breaker; /* of the endpoint, from now on; NULL:
					  as it was */
	bool notice; /* when dead: somebody is to be told by mail */
	bool unlocked; /* out: the lane's next one became waiting */
};

struct endpoint_row {
	const char *webhook;
	const char *endpoint;
	int64_t place; /* in: where it is; 0: not known, as it was */
	int64_t number; /* out; the same for ever */
	int64_t next_due_ms; /* out: -1 for none */
	struct breaker breaker; /* out: as it was settled last */
};

/* An endpoint that is no longer configured, though deliveries wait for it. */
struct stray {
	char *webhook;
	char *endpoint;
	int64_t open; /* deliveries that are not final */
};

/* Gives each endpoint of the configuration its number, and names those that
 * are not among them but have open deliveries. The rest of one that is at
 * another place now is over: its next delivery is a probe. */
struct work_endpoints {
	struct work work;
	struct endpoint_row *rows;
	size_t count;
	struct stray *strays; /* out; see work_endpoints_clear */
	size_t stray_count;
};
/* Frees what was handed out; the rows are the caller's. */
void work_endpoints_clear(struct work_endpoints *work);

/* One death that nobody was told of yet. */
struct death_row {
	char *endpoint;
	char event_id[ID_SIZE];
	char *event_type;
	char *incident;
	char *message;
	int tries;
	int64_t died_ms;
	int last_status;
	char *last_code; /* error_code word, or "" */
	char *last_error; /* a sentence, or "" */
	char *last_answer; /* text of the last answer, or "" */
};

enum { DIGEST_ROWS_MAX = 20 };

/*
 * Asks which webhook has deaths to tell. `ready_before_ms`: only webhooks
 * whose last notice was sent then or earlier, or never. Answers with one
 * webhook, its first deaths and the count of all; webhook NULL: none is ready,
 * and last_notice_ms is the earliest last notice among those with deaths, -1
 * when no deaths wait at all.
 */
struct work_digest {
	struct work work;
	int64_t ready_before_ms;
	char *webhook; /* out */
	struct death_row rows[DIGEST_ROWS_MAX]; /* out */
	size_t row_count; /* out */
	int64_t total; /* out */
	int64_t upto; /* out: for work_mail_add */
	int64_t last_notice_ms; /* out, when webhook is NULL: see above */
};
void work_digest_clear(struct work_digest *work);

/*
 * Asks which endpoint's people are to be told that it rests, or that it works
 * again after they were told. `ready_before_ms`: of a rest only when they were
 * told of one then or earlier, or never. Endpoint 0: none is ready, and
 * last_told_ms is the earliest last time among those that rest untold, -1 for
 * none.
 */
struct work_rest_next {
	struct work work;
	int64_t ready_before_ms;
	int64_t endpoint; /* out */
	char *webhook; /* out */
	char *name; /* out */
	bool resting; /* out */
	int failures; /* out: attempts in a row */
	int64_t since_ms; /* out: when the rest began */
	int last_status; /* out: of the last attempt that failed */
	char *last_code; /* out: error_code word, or "" */
	int64_t last_told_ms; /* out: see above */
};
void work_rest_next_clear(struct work_rest_next *work);

/* Queues a mail, and strikes off what it tells of: deaths, or a rest. */
struct work_mail_add {
	struct work work;
	int64_t now_ms;
	const char *webhook;
	int64_t upto; /* of the digest; 0: it tells of no deaths */
	int64_t endpoint; /* whose rest it tells of, 0 for none */
	bool resting; /* that it rests, else that it works again */
	const char *from;
	const char *recipients; /* one address a line */
	const char *message; /* RFC 5322, CRLF; NULL: nobody wants it */
	size_t message_len;
};

/* The next mail that is due. */
struct work_mail_next {
	struct work work;
	int64_t now_ms;
	int64_t mail; /* out: its row, 0 for none */
	char *webhook;
	char *from;
	char *recipients;
	char *message;
	size_t message_len;
	int tries;
	int64_t queued_ms;
	int64_t next_due_ms; /* out, when mail is 0: -1 for none */
};
void work_mail_next_clear(struct work_mail_next *work);

/* What came of a mail: done for good, or the rest of it later. */
struct work_mail_done {
	struct work work;
	int64_t mail;
	const char *recipients; /* who is left, one a line; NULL or "": done */
	int64_t due_ms;
};

/*
 * Whatever waits for a later time becomes due now; endpoint 0: of all
 * endpoints. One work moves at most FLUSH_STEP deliveries, so it holds nobody
 * up; while `more` comes back, send it again as it is.
 */
enum { FLUSH_STEP = 1000 };
struct work_flush {
	struct work work;
	int64_t now_ms;
	int64_t endpoint;
	int64_t cursor; /* in and out: 0 starts */
	int64_t moved; /* out */
	bool more; /* out */
};

/* Sets or (value NULL) removes a line that `status` shows: "trouble/PATH",
 * "daemon/pid", "paused/WEBHOOK", … Removing a name that ends in a slash
 * removes all that stand below it. */
struct work_note {
	struct work work;
	int64_t now_ms;
	const char *name;
	const char *value;
	const void *sender; /* whose answer it is; the store does not look */
};

/* Adds to a counter that only grows (port/store_meter.h); both words come from
 * closed sets, for each pair is a row for ever. */
struct work_count {
	struct work work;
	const char *name;
	const char *label;
	int64_t more;
};

/* The receipts that are left over; asked once, at start. */
struct work_receipts {
	struct work work;
	struct receipt *receipts; /* out, from malloc */
	size_t count;
};

/*
 * Takes a walk's next step over the events, oldest first, and removes those
 * that are past their time, with all that hangs on them: unmatched ones by
 * their acceptance, others when each of their deliveries is final and changed
 * before its limit. One step looks at few events, so it holds nobody up;
 * the walk is over when `cursor` comes back as 0. While the database is larger
 * than `max_bytes`, the oldest events that are not open go whatever their age.
 * Space that became free is given back to the disk in the same small steps.
 */
/* More than the usual step is for who is far behind (6 ms of work). */
enum { PRUNE_STEP = 64, PRUNE_STEP_MAX = 256 };
struct work_prune {
	struct work work;
	int64_t delivered_before_ms;
	int64_t dead_before_ms;
	int64_t unmatched_before_ms;
	int64_t max_bytes; /* 0: no limit */
	bool dry; /* only count */
	int64_t step; /* events to look at; 0: PRUNE_STEP */
	int64_t cursor; /* in and out: 0 starts at the oldest */
	int64_t excess; /* in and out, of this walk; 0 at its start */
	int64_t events; /* out: how many were removed for their age */
	int64_t squeezed; /* out: how many more for the size */
};

/* What a step of tending did to the deliveries of one endpoint. */
struct tended {
	char *webhook;
	char *endpoint;
	int64_t count;
	bool held; /* else released */
};

/*
 * Keeps what waits in line with the clock and the configuration: takes away
 * pauses that are over; ends the rests that an operator wants ended (a note
 * HURRY_NOTES "WEBHOOK" says so, and is taken away); holds what waits for endpoints that are not among
 * `numbers` (its lanes stay behind it); releases what was held so and is
 * configured again, due now. An operator's hold is left alone. A step moves a
 * bounded number; `more`: send it again.
 */
#define HURRY_NOTES "hurry/"
struct work_tend {
	struct work work;
	int64_t now_ms;
	const int64_t *numbers; /* of all configured endpoints, sorted; lent */
	size_t number_count;
	char **resumed; /* out: webhooks whose pause is over */
	size_t resumed_count;
	int64_t next_ms; /* out: when the next pause ends, -1 for none */
	char **hurried; /* out: webhooks whose endpoints are to be tried now */
	size_t hurried_count;
	struct tended *moved; /* out */
	size_t moved_count;
	bool more; /* out */
};
/* Frees what was handed out. */
void work_tend_clear(struct work_tend *work);

/*
 * The wall clock was set by jump_ms: what waits moves along. jump_ms 0, asked
 * at the start: when the clock is behind the last moment that was written down
 * by at least slack_ms, what was written in the future waits from now on.
 *
 * A step moves about CLOCK_STEP deliveries, and the store remembers how far it
 * came: while `more` comes back, send it again with the time of that moment;
 * nothing may be claimed meanwhile. What an earlier daemon left half done is
 * finished first.
 */
enum { CLOCK_STEP = 2048 };
struct work_clock {
	struct work work;
	int64_t now_ms;
	int64_t jump_ms;
	int64_t slack_ms;
	int64_t behind_ms; /* in and out, from 0: at the start, how far */
	bool begun; /* in and out, from false: not only what was left */
	bool began; /* the store's own: this very step did */
	bool more; /* out */
};

/* Rows of events and attempts, by their numbers, up to which something is
 * known. */
struct log_mark {
	int64_t event, attempt;
};

/* Remembers up to where the log is whole, and tells which rows are the newest
 * now: once this answer is back, everything up to them was written down
 * (port/store_late.h). */
struct work_logged {
	struct work work;
	int64_t now_ms;
	struct log_mark whole; /* event below 0: only ask */
	struct log_mark newest; /* out */
};

/*
 * Carries out the works of the list, in its order, in one durable transaction
 * (claims read what the works before them wrote). On -1 nothing was changed,
 * nothing is handed out, and every work has `failed` set; `full` tells whether
 * the disk is full, in which case trying again later makes sense. A verb may
 * commit WORK_FLUSH, WORK_NOTE and WORK_PRUNE beside a running daemon.
 */
int store_commit(
    struct store *store, struct work *first, bool *full, struct why *why);

/* ---- questions and changes of verbs ------------------------------------ */

struct delivery_row {
	int64_t row;
	char delivery[ID_DELIVERY_SIZE];
	char event_id[ID_SIZE];
	const char *webhook; /* text is lent for the call of `each` */
	const char *endpoint;
	enum state state;
	int tries;
	int64_t queued_ms; /* when it (last) entered the queue */
	int64_t due_ms;
	int64_t changed_ms; /* of its last change of state */
	const char *event_type;
	const char *incident;
	int64_t accepted_ms;
	int64_t bytes;
	int last_status;
	const char *last_code;
	const char *last_error;
};

/* Which deliveries: every field that is set must fit. */
struct delivery_query {
	const char *id; /* event or delivery id */
	const char *webhook;
	const char *endpoint;
	const char *event_type;
	const char *incident;
	unsigned states; /* 1u << enum state, 0: open ones (not final) */
	bool all_states;
	int64_t since_ms, until_ms; /* of acceptance; 0: no limit */
	int64_t changed_since_ms; /* of its last change; 0: no limit */
	int64_t limit; /* 0: no limit */
	bool newest_first;
};

/* Calls `each` by acceptance, oldest first; a non-zero return ends it. Returns the
 * number of calls, -1 when it could not. Nothing is locked during a call: it
 * may take its time, and may change the store. */
int64_t store_deliveries(struct store *store,
    const struct delivery_query *query,
    int (*each)(void *arg, const struct delivery_row *row), void *arg,
    struct why *why);

struct attempt_row {
	int attempt;
	int64_t started_ms, duration_ms;
	int status;
	const char *code, *error, *remote, *outcome;
	const char *answer;
	size_t answer_len;
};
int64_t store_attempts(struct store *store, int64_t delivery,
    int (*each)(void *arg, const struct attempt_row *row), void *arg,
    struct why *why);

struct event_row {
	char id[ID_SIZE];
	char *type, *incident, *service, *alert_source, *message, *source;
	int64_t accepted_ms;
	char *body;
	size_t body_len;
};
/* 1 found, 0 there is none, -1 could not. */
int store_event(struct store *store, const char *id, struct event_row *out,
    struct why *why);
void event_row_clear(struct event_row *row);

struct webhook_counts {
	const char *webhook;
	int64_t by_state[STATE_DEAD + 1]; /* deliveries now in the store */
	int64_t deferred; /* those of STATE_WAITING that spent a try */
	int64_t oldest_ms; /* acceptance of the oldest open one, -1 */
	int64_t last_success_ms; /* -1 for none */
	int64_t last_failure_ms;
	int last_status; /* of the last attempt that failed, 0 for none */
	const char *last_code;
};
int64_t store_counts(struct store *store,
    int (*each)(void *arg, const struct webhook_counts *counts), void *arg,
    struct why *why);

/* Age classes that double, as qshape(1) has them: under 5 minutes, under 10,
 * … under 1280, and older. */
enum { AGE_BUCKETS = 10, AGE_FIRST_MS = 5 * 60 * 1000 };
int store_age_bucket(int64_t age_ms);

struct age_query {
	int64_t now_ms;
	unsigned states; /* 1u << enum state; WAITING means not yet tried */
	bool deferred; /* those that wait after a try */
};
struct webhook_ages {
	const char *webhook;
	int64_t by_age[AGE_BUCKETS]; /* open deliveries, by acceptance */
	int64_t total;
};
/* For each webhook that has any, by name. */
int64_t store_ages(struct store *store, const struct age_query *asked,
    int (*each)(void *arg, const struct webhook_ages *ages), void *arg,
    struct why *why);

/* How the attempts of the last hours went, by webhook. At most RECENT_MAX are
 * looked at; *reached_ms is how far back that went, `since_ms` if all. */
enum { RECENT_MAX = 100 * 1000 };
struct recent {
	const char *webhook;
	int64_t attempts;
	int64_t delivered, dead; /* those that ended so */
	int64_t p95_ms; /* of all attempts' durations */
};
int64_t store_recent(struct store *store, int64_t since_ms, int64_t *reached_ms,
    int (*each)(void *arg, const struct recent *recent), void *arg,
    struct why *why);

/* The endpoints that the store knows, of one webhook or (NULL) of all. */
int64_t store_endpoints(struct store *store, const char *webhook,
    int (*each)(void *arg, const struct endpoint_row *row), void *arg,
    struct why *why);
/* 1 when a delivery of this event to this webhook is dead, 0 when none is, -1
 * could not. */
int store_any_dead(struct store *store, const char *event_id,
    const char *webhook, struct why *why);

int64_t store_notes(struct store *store, const char *prefix,
    int (*each)(void *arg, const char *name, const char *value, int64_t ms),
    void *arg, struct why *why);

/* How many events and waiting mails there are. */
int store_totals(struct store *store, int64_t *events, int64_t *unmatched,
    int64_t *mails, struct why *why);

/* What an operator does to a delivery. None touches one that is on the wire. */
enum change {
	CHANGE_HOLD, /* queued or deferred: held; its lane waits behind it */
	CHANGE_RELEASE, /* held: back into the queue, due now */
	CHANGE_RETRY, /* waiting: due now */
	CHANGE_DELETE, /* gone; with its last delivery an event goes, too */
	CHANGE_RESEND, /* delivered, dead or held: queued, due now, all tries */
};
enum changed {
	CHANGED,
	CHANGED_NOT, /* its state makes that pointless */
	CHANGED_BUSY, /* it is on the wire */
	CHANGED_GONE, /* there is no such delivery */
};
/* Applies one change to `count` rows in one transaction, and answers for each:
 * -1 nothing was changed at all. A few hundred rows a call keep the daemon
 * from waiting. */
int store_change(struct store *store, enum change change, const int64_t *rows,
    size_t count, int64_t now_ms, enum changed *answers, struct why *why);
/* The same, the n-th due at due_ms[n] instead of now, which only RESEND and
 * RELEASE look at. */
int store_change_at(struct store *store, enum change change,
    const int64_t *rows, const int64_t *due_ms, size_t count, int64_t now_ms,
    enum changed *answers, struct why *why);

#endif
