/* SPDX-License-Identifier: GPL-2.0-or-later, with the exception in COPYING */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buf.h"
#include "base/why.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Files by a directory's descriptor and a name (AT_FDCWD for a path). All
 * descriptors are close-on-exec. Failures: -1 and the sentence. */

/* Closes at the end of the scope: `auto_close int fd = open(…);` */
#define auto_close __attribute__((cleanup(file_cleanup)))
void file_cleanup(int *fd);

/* Adds the whole file to `out`; a file over the buf's ceiling fails. */
int file_read(int dir, const char *name, struct buf *out, struct why *why);
/* The same from a descriptor that is read to its end; `name` is for the
 * sentence only. */
int file_read_fd(int fd, const char *name, struct buf *out, struct why *why);
/* Writes all bytes, past interruptions and short writes. */
int file_write_fd(
    int fd, const char *name, const void *data, size_t len, struct why *why);
/* Writes beside, syncs, renames, syncs the directory: the file is there whole
 * or not at all, and stays after a power cut. */
int file_write(int dir, const char *name, const void *data, size_t len,
    mode_t mode, struct why *why);
int file_sync_dir(int dir, const char *name, struct why *why);
/* Opens a directory; with `make` it is made (one level) when missing. */
int file_open_dir(
    int dir, const char *name, bool make, mode_t mode, struct why *why);
/* `name` itself when absolute, else below `base`; below an absolute one, `../`
 * goes up by name, as people read it. The caller's string. */
char *file_join(const char *base, const char *name);

/* True for an errno that tells of our own want: of descriptors or memory. */
bool file_is_shortage(int error);
/* 0 when one more file can be opened, else the errno. */
int file_try(void);

#endif
