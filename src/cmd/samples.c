/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/samples: the events that ship with the program. The four of version 1 are
 * put together from the parts in which they differ: who is assigned, how long
 * the timeline is, what was measured. Those of version 2 are one frame around
 * what each type tells of. Pure: no clock and no dice, so that a sample is the
 * same today and tomorrow.
 */
#include "cmd/samples.h"

#include "base/buf.h"
#include "base/text.h"
#include "model/trigger.h"

#include <stddef.h>
#include <string.h>

enum { SAMPLE_MAX = 64 * 1024 };

/* ---- version 1 ---------------------------------------------------------- */

static const char v1_head[] = "{\n"
			      "  \"id\": \"61c075f78589dca75fdb2f44\",\n"
			      "  \"event_type\": \"";

static const char v1_about[] =
    "\",\n"
    "  \"organization\": {\n"
    "    \"id\": \"609b8e9978d2770008db8638\",\n"
    "    \"name\": \"My Org\"\n"
    "  },\n"
    "  \"service\": {\n"
    "    \"id\": \"61518af788792704697f3da0\",\n"
    "    \"name\": \"email trigger\",\n"
    "    \"slug\": \"email-trigger\"\n"
    "  },\n"
    "  \"alert_source\": {\n"
    "    \"id\": \"5fae6d03ef87d3896aa92ad1\",\n"
    "    \"type\": \"Squadcast UI\",\n"
    "    \"short_name\": \"squadcastui\"\n"
    "  },\n"
    "  \"message\": \"CPU Throttling: Over 90% of cpu is being "
    "utilized\",\n"
    "  \"description\": \"Over 90% of cpu is being utilized from "
    "past 2 hours which is a drastic increase from before. Please "
    "checkout the metrics.\",\n"
    "  \"status\": \"";

static const char v1_created[] =
    "\",\n"
    "  \"created_at\": \"2021-12-20T12:24:23.11Z\",\n"
    "  \"assigned_to\": {\n";

static const char v1_to_policy[] =
    "    \"id\": \"609b8e9e78d2770008db8639\",\n"
    "    \"name\": \"SRE and Devops Escalation Policy\",\n"
    "    \"type\": \"escalationpolicy\"\n";

static const char v1_to_user[] = "    \"id\": \"603360ce3aeae4de2b6edec1\",\n"
				 "    \"name\": \"Micheal Scott\",\n"
				 "    \"type\": \"user\"\n";

static const char v1_tags[] = "  },\n"
			      "  \"tags\": {\n"
			      "    \"severity\": {\n"
			      "      \"value\": \"critical\",\n"
			      "      \"color\": \"#FF0A49\"\n"
			      "    }\n"
			      "  },\n"
			      "  \"timeline\": [\n";

static const char *const v1_timeline[] = {
	"    {\n"
	"      \"action\": \"triggered\",\n"
	"      \"assigned_to\": \"escalationpolicy\",\n"
	"      \"name\": \"SRE and Devops Escalation Policy\",\n"
	"      \"time\": \"2021-12-20T12:24:23.077Z\"\n"
	"    }",
	"    {\n"
	"      \"action\": \"reassigned\",\n"
	"      \"assigned_to\": \"user\",\n"
	"      \"name\": \"Micheal Scott\",\n"
	"      \"time\": \"2021-12-21T04:59:18.173Z\"\n"
	"    }",
	"    {\n"
	"      \"action\": \"acknowledged\",\n"
	"      \"assigned_to\": \"user\",\n"
	"      \"name\": \"Micheal Scott\",\n"
	"      \"time\": \"2021-12-21T05:05:23.129Z\"\n"
	"    }",
	"    {\n"
	"      \"action\": \"resolved\",\n"
	"      \"assigned_to\": \"user\",\n"
	"      \"name\": \"Micheal Scott\",\n"
	"      \"time\": \"2021-12-21T05:11:34.219Z\"\n"
	"    }",
};

static const char v1_analytics[] = "\n"
				   "  ],\n"
				   "  \"analytics\": ";

static const char v1_acknowledged_after[] =
    "{\n"
    "    \"tta\": {\n"
    "      \"time\": 11475,\n"
    "      \"user_id\": \"603360ce3aeae4de2b6edec1\",\n"
    "      \"escalation_policy_id\": \"609b8e9e78d2770008db8639\"\n"
    "    }";

static const char v1_resolved_after[] =
    ",\n"
    "    \"ttr\": {\n"
    "      \"time\": 60431142,\n"
    "      \"user_id\": \"603360ce3aeae4de2b6edec1\",\n"
    "      \"escalation_policy_id\": \"609b8e9e78d2770008db8639\"\n"
    "    }\n"
    "  }";

static const char v1_end[] =
    ",\n"
    "  \"event_count\": 1,\n"
    "  \"event_payload\": {\n"
    "    \"assignee\": {\n"
    "      \"id\": \"609b8e9e78d2770008db8639\",\n"
    "      \"type\": \"escalationpolicy\"\n"
    "    },\n"
    "    \"created_by\": \"603360ce3aeae4de2b6edec1\",\n"
    "    \"description\": \"Over 90% of cpu is being utilized from "
    "past 2 hours which is a drastic increase from before. Please "
    "checkout the metrics.\",\n"
    "    \"message\": \"CPU Throttling: Over 90% of cpu is being "
    "utilized\",\n"
    "    \"tags\": {\n"
    "      \"severity\": {\n"
    "        \"color\": \"#FF0A49\",\n"
    "        \"value\": \"critical\"\n"
    "      }\n"
    "    }\n"
    "  },\n"
    "  \"owner\": {\n"
    "    \"id\": \"6129ac09518568defa927536\",\n"
    "    \"name\": \"Default Team\",\n"
    "    \"type\": \"team\",\n"
    "    \"is_default_team\": true,\n"
    "    \"team_description\": \"Default team\"\n"
    "  },\n"
    "  \"manually_created_by\": {\n"
    "    \"id\": \"603360ce3aeae4de2b6edec1\",\n"
    "    \"name\": \"David Brent\",\n"
    "    \"email\": \"[email protected]\"\n"
    "  }\n"
    "}\n";

/* The later the event, the longer the timeline. */
static const struct {
	const char *type;
	const char *status;
	size_t timeline;
} v1_events[] = {
	{ "incident_triggered", "triggered", 1 },
	{ "incident_reassigned", "triggered", 2 },
	{ "incident_acknowledged", "acknowledged", 3 },
	{ "incident_resolved", "resolved", 4 },
};

static void add_timeline(struct buf *b, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		buf_puts(b, i ? ",\n" : "");
		buf_puts(b, v1_timeline[i]);
	}
}

/* Nothing is measured before somebody has responded. */
static void add_analytics(struct buf *b, size_t timeline)
{
	if (timeline == 1) {
		buf_puts(b, "{}");
		return;
	}
	buf_puts(b, v1_acknowledged_after);
	buf_puts(b, timeline == 4 ? v1_resolved_after : "\n  }");
}

static char *make_v1(size_t event)
{
	struct buf b = BUF_INIT(SAMPLE_MAX);
	size_t timeline = v1_events[event].timeline;

	buf_puts(&b, v1_head);
	buf_puts(&b, v1_events[event].type);
	buf_puts(&b, v1_about);
	buf_puts(&b, v1_events[event].status);
	buf_puts(&b, v1_created);
	buf_puts(&b, timeline == 1 ? v1_to_policy : v1_to_user);
	buf_puts(&b, v1_tags);
	add_timeline(&b, timeline);
	buf_puts(&b, v1_analytics);
	add_analytics(&b, timeline);
	buf_puts(&b, v1_end);
	return buf_steal(&b);
}

/* ---- version 2 ---------------------------------------------------------- */

static const char v2_incident[] =
    "{\n"
    "      \"id\": \"61c075f78589dca75fdb2f44\",\n"
    "      \"request_id\": \"7c1d5d8e-4f0c-4a1e-9d0b-3f6a2b8c9e10\",\n"
    "      \"url\": "
    "\"https://incidents.example.org/incident/61c075f78589dca75fdb2f44\",\n"
    "      \"message\": \"CPU Throttling: Over 90% of cpu is being "
    "utilized\",\n"
    "      \"description\": \"Over 90% of cpu is being utilized "
    "from past 2 hours.\",\n"
    "      \"status\": \"";

static const char v2_since[] =
    "\",\n"
    "      \"created_at\": \"2021-12-20T12:24:23.11Z\",\n"
    "      \"service\": {\n"
    "        \"id\": \"61518af788792704697f3da0\",\n"
    "        \"name\": \"email trigger\",\n"
    "        \"slug\": \"email-trigger\"\n"
    "      },\n"
    "      \"alert_source\": {\n"
    "        \"id\": \"5fae6d03ef87d3896aa92ad1\",\n"
    "        \"type\": \"Squadcast UI\",\n"
    "        \"short_name\": \"squadcastui\"\n"
    "      },\n"
    "      \"assigned_to\": {\n"
    "        \"id\": \"603360ce3aeae4de2b6edec1\",\n"
    "        \"name\": \"Micheal Scott\",\n"
    "        \"type\": \"user\",\n"
    "        \"assigned_at\": \"2021-12-21T04:59:18.173Z\"\n"
    "      },\n"
    "      \"tags\": {\n"
    "        \"severity\": {\n"
    "          \"value\": \"critical\",\n"
    "          \"color\": \"#FF0A49\"\n"
    "        }\n"
    "      },\n"
    "      \"timeline\": [\n"
    "        {\n"
    "          \"action\": \"triggered\",\n"
    "          \"assigned_to\": \"escalationpolicy\",\n"
    "          \"name\": \"SRE and Devops Escalation Policy\",\n"
    "          \"time\": \"2021-12-20T12:24:23.077Z\"\n"
    "        },\n"
    "        {\n"
    "          \"action\": \"";

static const char v2_counted[] =
    "\",\n"
    "          \"assigned_to\": \"user\",\n"
    "          \"name\": \"Micheal Scott\",\n"
    "          \"time\": \"2021-12-21T05:05:23.129Z\"\n"
    "        }\n"
    "      ],\n"
    "      \"event_count\": 1\n"
    "    }";

static const char v2_owner[] = "    \"organization\": {\n"
			       "      \"id\": \"609b8e9978d2770008db8638\",\n"
			       "      \"name\": \"My Org\"\n"
			       "    },\n"
			       "    \"team\": {\n"
			       "      \"id\": \"6129ac09518568defa927536\",\n"
			       "      \"name\": \"Default Team\"\n"
			       "    }";

static const char v2_note[] =
    "{\n"
    "      \"id\": \"61c160aa8589dca75fdb3001\",\n"
    "      \"type\": \"text\",\n"
    "      \"message\": {\n"
    "        \"message\": \"Restarted the batch workers, watching "
    "the graphs.\",\n"
    "        \"raw_message\": \"Restarted the batch workers, "
    "watching the graphs.\"\n"
    "      },\n"
    "      \"created_by\": {\n"
    "        \"id\": \"603360ce3aeae4de2b6edec1\",\n"
    "        \"name\": \"Micheal Scott\",\n"
    "        \"email_id\": \"micheal@example.org\"\n"
    "      },\n"
    "      \"created_at\": \"2021-12-21T05:01:10.401Z\",\n"
    "      \"updated_at\": \"2021-12-21T05:05:23.129Z\"\n"
    "    }";

static const char v2_task[] =
    "{\n"
    "      \"id\": \"61c160aa8589dca75fdb3002\",\n"
    "      \"tasks\": [\n"
    "        {\n"
    "          \"id\": \"61c160aa8589dca75fdb3003\",\n"
    "          \"content\": \"Move the nightly jobs to another host\",\n"
    "          \"completed\": false\n"
    "        }\n"
    "      ],\n"
    "      \"created_by\": {\n"
    "        \"id\": \"603360ce3aeae4de2b6edec1\",\n"
    "        \"name\": \"Micheal Scott\",\n"
    "        \"email_id\": \"micheal@example.org\"\n"
    "      },\n"
    "      \"deleted\": false,\n"
    "      \"deleted_at\": null\n"
    "    }";

static const char v2_channel[] =
    "{\n"
    "      \"id\": \"61c160aa8589dca75fdb3004\",\n"
    "      \"type\": \"chat_room\",\n"
    "      \"title\": \"War room\",\n"
    "      \"url\": \"https://chat.example.org/rooms/cpu\",\n"
    "      \"channel_id\": \"C02RW8XQ1\",\n"
    "      \"archived_at\": null\n"
    "    }";

static const char v2_slo[] =
    "{\n"
    "      \"id\": \"61c160aa8589dca75fdb3005\",\n"
    "      \"slo\": {\n"
    "        \"id\": 7,\n"
    "        \"name\": \"Checkout answers within 300 ms\"\n"
    "      },\n"
    "      \"slis\": [\n"
    "        \"latency\"\n"
    "      ],\n"
    "      \"is_false_positive\": false,\n"
    "      \"error_budget_spent\": 12\n"
    "    }";

static const char v2_page[] =
    "{\n"
    "      \"id\": \"61c160aa8589dca75fdb3006\",\n"
    "      \"user\": \"Micheal Scott\",\n"
    "      \"updated_at\": \"2021-12-21T05:05:23.129Z\",\n"
    "      \"message\": \"We are looking into slow answers.\",\n"
    "      \"status\": \"investigating\",\n"
    "      \"is_public\": true\n"
    "    }";

static const char v2_postmortem[] =
    "{\n"
    "      \"id\": \"61c160aa8589dca75fdb3007\",\n"
    "      \"title\": \"CPU throttling on the mail hosts\",\n"
    "      \"status\": \"in_progress\",\n"
    "      \"created_by\": {\n"
    "        \"id\": \"603360ce3aeae4de2b6edec1\",\n"
    "        \"name\": \"Micheal Scott\",\n"
    "        \"email_id\": \"micheal@example.org\"\n"
    "      },\n"
    "      \"updated_at\": \"2021-12-21T05:05:23.129Z\"\n"
    "    }";

/* What a type tells of: its own thing beside the incident, or (NULL) the
 * incident itself. The first row whose prefix fits is taken. */
static const struct {
	const char *prefix;
	const char *resource;
	const char *status;
	const char *action;
	const char *data;
} v2_events[] = {
	{ "incident.triggered", "incident", "triggered", "triggered", NULL },
	{ "incident.reassigned", "incident", "triggered", "reassigned", NULL },
	{ "incident.acknowledged", "incident", "acknowledged", "acknowledged",
	    NULL },
	{ "incident.resolved", "incident", "resolved", "resolved", NULL },
	{ "incident.tags_updated", "incident_tags", "acknowledged",
	    "tags_modified", NULL },
	{ "incident.slo_violating_incident", "slo_violating_incident",
	    "acknowledged", "slo_incident_promoted", v2_slo },
	{ "incident.incident_notes", "incident_notes", "acknowledged",
	    "note_created", v2_note },
	{ "incident.incident_task", "incident_task", "acknowledged",
	    "task_added", v2_task },
	{ "incident.communication_channel", "communication_channel",
	    "acknowledged", "communication_card_created", v2_channel },
	{ "incident.statuspage", "statuspage", "acknowledged", "acknowledged",
	    v2_page },
	{ "incident.postmortem", "postmortem", "resolved", "resolved",
	    v2_postmortem },
	{ "", "incident", "triggered", "triggered", NULL },
};

static void add_incident(struct buf *b, size_t row)
{
	buf_puts(b, v2_incident);
	buf_puts(b, v2_events[row].status);
	buf_puts(b, v2_since);
	buf_puts(b, v2_events[row].action);
	buf_puts(b, v2_counted);
}

/* `number` makes the event ids differ from type to type. */
static char *make_v2(const char *type, size_t row, size_t number)
{
	struct buf b = BUF_INIT(SAMPLE_MAX);

	buf_printf(&b,
	    "{\n  \"version\": \"v2\",\n  \"event\": {\n"
	    "    \"id\": \"61c160b38589dca75fdb4%03zu\",\n"
	    "    \"type\": \"%s\",\n    \"resource\": \"%s\",\n"
	    "    \"timestamp\": \"2021-12-21T05:05:23.129482771Z\"\n  },\n"
	    "  \"data\": {\n    \"resource_type\": \"%s\",\n"
	    "    \"resource_data\": ",
	    number, type, v2_events[row].resource, v2_events[row].resource);
	if (v2_events[row].data) {
		buf_puts(&b, v2_events[row].data);
		buf_puts(&b, ",\n    \"incident\": ");
	}
	add_incident(&b, row);
	buf_puts(&b, ",\n");
	buf_puts(&b, v2_owner);
	buf_puts(&b, "\n  }\n}\n");
	return buf_steal(&b);
}

static size_t row_of(const char *type)
{
	size_t row = 0;

	while (!text_starts(type, v2_events[row].prefix))
		row++;
	return row;
}

/* The type as it is known, in either spelling; -1 for unknown ones. */
static int find(const char *type)
{
	int like = -1;
	int i;

	for (i = 0; trigger_known[i]; i++) {
		if (strcmp(trigger_known[i], type) == 0)
			return i;
		if (like < 0 && trigger_equal(trigger_known[i], type))
			like = i;
	}
	return like;
}

char *sample_make(const char *type)
{
	int known = find(type);
	size_t i;

	if (known < 0)
		return NULL;
	type = trigger_known[known];
	for (i = 0; i < sizeof(v1_events) / sizeof(v1_events[0]); i++) {
		if (strcmp(v1_events[i].type, type) == 0)
			return make_v1(i);
	}
	return make_v2(type, row_of(type), (size_t)known);
}
