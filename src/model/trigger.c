/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * model/trigger: which event types a trigger takes. Types are compared byte
 * by byte, but for '.' and '_', which the two payload generations write in
 * each other's place. The lists are knowledge, not a fence: a type that is not
 * in them is as good as one that is.
 */
#include "model/trigger.h"

#include <string.h>

const char *const trigger_defaults[] = {
	"incident_triggered",
	"incident_reassigned",
	"incident_acknowledged",
	"incident_resolved",
	NULL,
};

const char *const trigger_known[] = {
	"incident_triggered",
	"incident_reassigned",
	"incident_acknowledged",
	"incident_resolved",
	"incident.triggered",
	"incident.reassigned",
	"incident.acknowledged",
	"incident.resolved",
	"incident.tags_updated",
	"incident.slo_violating_incident_created",
	"incident.slo_violating_incident_false_positive_marked",
	"incident.slo_violating_incident_false_positive_unmarked",
	"incident.slo_violating_incident_error_budget_spent_updated",
	"incident.incident_notes_created",
	"incident.incident_notes_updated",
	"incident.incident_notes_deleted",
	"incident.incident_notes_starred",
	"incident.incident_notes_unstarred",
	"incident.incident_task_created",
	"incident.incident_task_updated",
	"incident.incident_task_deleted",
	"incident.incident_task_completed",
	"incident.incident_task_uncompleted",
	"incident.communication_channel_created",
	"incident.communication_channel_updated",
	"incident.communication_channel_deleted",
	"incident.statuspage_updated",
	"incident.postmortem_created",
	"incident.postmortem_updated",
	"incident.postmortem_deleted",
	NULL,
};

static char fold(char c)
{
	return c == '.' ? '_' : c;
}

int trigger_compare(const char *a, const char *b)
{
	while (*a && fold(*a) == fold(*b)) {
		a++;
		b++;
	}
	return (unsigned char)fold(*a) - (unsigned char)fold(*b);
}

bool trigger_equal(const char *a, const char *b)
{
	return trigger_compare(a, b) == 0;
}

bool trigger_takes(const char *trigger, const char *type)
{
	return strcmp(trigger, "*") == 0 || trigger_equal(trigger, type);
}

bool trigger_among(char *const *triggers, const char *type)
{
	for (; *triggers; triggers++) {
		if (trigger_takes(*triggers, type))
			return true;
	}
	return false;
}
