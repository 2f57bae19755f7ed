/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef TESTS_SCRATCH_H
#define TESTS_SCRATCH_H

/*
 * A folder of its own for a test, and files in it. Names are relative to the
 * folder, which is the working directory from scratch_begin to scratch_end.
 */
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_path[4096];

__attribute__((unused)) static void scratch_begin_in(const char *parent)
{
	snprintf(scratch_path, sizeof(scratch_path), "%s/spoolhook-test-XXXXXX",
	    parent);
	if (!mkdtemp(scratch_path) || chdir(scratch_path) < 0) {
		perror(scratch_path);
		exit(1);
	}
}

__attribute__((unused)) static void scratch_begin(void)
{
	const char *parent = getenv("TMPDIR");

	scratch_begin_in(parent ? parent : "/tmp");
}

static int scratch_remove_one(
    const char *path, const struct stat *st, int kind, struct FTW *walk)
{
	(void)st;
	(void)kind;
	(void)walk;
	return remove(path);
}

__attribute__((unused)) static void scratch_remove(const char *path)
{
	nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

__attribute__((unused)) static void scratch_end(void)
{
	if (chdir("/") == 0)
		scratch_remove(scratch_path);
}

/* Writes the file anew, or ends the test. */
__attribute__((unused)) static void scratch_put(
    const char *name, const char *text)
{
	FILE *file = fopen(name, "we");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0) {
		perror(name);
		exit(1);
	}
}

/* The file's text in a buffer that the next call uses again; NULL for none. */
__attribute__((unused)) static const char *scratch_get(const char *name)
{
	static char text[65536];
	FILE *file = fopen(name, "re");
	size_t len;

	if (!file)
		return NULL;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	return text;
}

__attribute__((unused)) static int scratch_has(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

/* How many names a folder holds, dotted ones too; -1 when it is none. */
__attribute__((unused)) static int scratch_count(const char *folder)
{
	struct dirent **names;
	int count = scandir(folder, &names, NULL, NULL);
	int i;

	for (i = 0; i < count; i++)
		free(names[i]);
	if (count >= 0)
		free(names);
	return count < 0 ? -1 : count - 2;
}

#endif
