/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * record_file.h - whose a recording's file is.
 *
 * A process whose SEAMCALLs are recorded holds a lock on the whole file from its first call to its
 * end. It is the process's and not the open file's, which a child of fork() has in common with it.
 */
#ifndef PORT_TRAP_RECORD_FILE_H
#define PORT_TRAP_RECORD_FILE_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>

/* Is it this process's from now on? false: another one has it, or the file can be nobody's. */
static inline bool record_file_take(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_SETLK, &whole);
}

/* Empties it for a new recording. Return: 0; -EBUSY: it is being written; another -errno. */
static inline int record_file_begin(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (!fcntl(fd, F_GETLK, &whole) && whole.l_type != F_UNLCK)
		return -EBUSY;
	/* EINVAL: a device or a pipe, which is empty. */
	return ftruncate(fd, 0) && errno != EINVAL ? -errno : 0;
}

#endif
