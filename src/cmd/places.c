/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
/*
 * cmd/places: a configuration in use remembers no positions, for that would
 * cost the daemon memory that only people need; so the file is looked at again.
 * It never shows a secret: lines come through model/source. Changes nothing.
 */
#include "cmd/places.h"

#include "base/file.h"
#include "base/mem.h"
#include "model/map.h"
#include "model/source.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1024 * 1024 };

static const char settings_name[] = "spoolhook.json";

/* The path to read, and the name to show. */
static char *webhook_path(
    const struct conf *conf, const char *webhook, char **shown)
{
	char *path = mem_printf("%s/%s.json", conf->webhooks_dir, webhook);
	size_t len = strlen(conf->dir);
	bool below = strncmp(path, conf->dir, len) == 0 && path[len] == '/';

	*shown = mem_strdup(below ? path + len + 1 : path);
	return path;
}

static bool look(struct place *place, const char *path, const char *shown,
    const char *pointer)
{
	auto_buf struct buf text = BUF_INIT(FILE_MAX);
	const struct map_entry *entry = NULL;
	struct scan_fault fault;
	struct map map;
	size_t end;

	if (file_read(AT_FDCWD, path, &text, NULL) < 0)
		return false;
	if (map_scan(&map, buf_text(&text), text.len, SCAN_RELAXED, &end,
		&fault) == SCAN_WHOLE)
		entry = map_find(&map, pointer);
	if (entry) {
		place->file = mem_strdup(shown);
		scan_position(buf_text(&text), text.len, entry->start,
		    &place->line, &place->column);
	}
	map_clear(&map);
	return entry != NULL;
}

void place_find(struct place *place, const struct conf *conf,
    const char *webhook, const char *pointer)
{
	auto_free char *shown = NULL;
	auto_free char *path = webhook_path(conf, webhook, &shown);
	auto_free char *settings =
	    mem_printf("%s/%s", conf->dir, settings_name);
	auto_free char *inherited = mem_printf("/defaults%s", pointer);

	*place = (struct place){ 0 };
	if (look(place, path, shown, pointer) ||
	    look(place, settings, settings_name, inherited))
		return;
	place->file = take(&shown);
}

void place_clear(struct place *place)
{
	free(place->file);
	*place = (struct place){ 0 };
}

static void say(const char *path, const char *shown, const char *pointer,
    enum severity severity, const char *code, const char *message,
    const char *help, struct findings *findings)
{
	auto_buf struct buf text = BUF_INIT(FILE_MAX);
	struct source source;

	if (file_read(AT_FDCWD, path, &text, NULL) < 0) {
		findings_add_file(
		    findings, severity, shown, code, message, help);
		return;
	}
	source_open(&source, shown, buf_text(&text), text.len, conf_known_keys);
	source_say(
	    &source, severity, SOURCE_VALUE, pointer, code, message, help);
	source_close(&source, findings);
}

void place_say(const struct conf *conf, const char *webhook,
    const char *pointer, enum severity severity, const char *code,
    const char *message, const char *help, struct findings *findings)
{
	auto_free char *shown = NULL;
	auto_free char *path = webhook_path(conf, webhook, &shown);

	say(path, shown, pointer, severity, code, message, help, findings);
}

void place_say_setting(const struct conf *conf, const char *pointer,
    enum severity severity, const char *code, const char *message,
    const char *help, struct findings *findings)
{
	auto_free char *path = mem_printf("%s/%s", conf->dir, settings_name);

	say(path, settings_name, pointer, severity, code, message, help,
	    findings);
}
