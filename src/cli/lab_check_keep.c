// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_keep.c - the file of `pamt check --state`; what is in it: lab_check_state.c.
 *
 * CRASHES. A new state is written beside the old one as FILE.new, flushed to the disk, and renamed.
 * So whenever the machine stops FILE is whole: the old one or the new one. A FILE.new that is left
 * behind is overwritten. FILE is where symbolic links lead, so that it has one name for all.
 *
 * TWO AT ONCE. Whoever hunts has a write lock on FILE, taken on FILE.new before it is renamed, so
 * that there is no moment without one. It is gone with the process, however that ends; processes
 * forked from it do not have it. A lock that was taken on a file that meanwhile is not FILE any
 * more is worth nothing: one looks again. The first has no FILE yet; its lock is on FILE.new, and
 * is worth something if after it was taken there is no FILE still. Closing any descriptor of a file
 * gives up the lock, so FILE.new is opened once only until it is renamed.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/lab_check.h"

#define MAX_BYTES (INT64_C(1) << 28)

static bool lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_SETLK, &whole);
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET))
		return false;
	while (left) {
		ssize_t done = write(fd, text, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		left -= (size_t)done;
	}
	return !fsync(fd);
}

/* A new name is on the disk when its folder is. What cannot be flushed so is no error. */
static void flush_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Is this the file that has the name? */
static bool has_name(int fd, const char *path)
{
	struct stat by_fd, by_name;

	return !fstat(fd, &by_fd) && !stat(path, &by_name) && by_fd.st_dev == by_name.st_dev &&
	       by_fd.st_ino == by_name.st_ino;
}

/* A file and the lock on it. Return: its descriptor, or -1 with errno, EBUSY if it is locked. */
static int open_locked(const char *path, int flags)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | flags, 0666), error;

		if (fd < 0)
			return -1;
		if (!lock(fd)) {
			error = errno == EACCES || errno == EAGAIN ? EBUSY : errno;
			close(fd);
			errno = error;
			return -1;
		}
		if (has_name(fd, path))
			return fd;
		close(fd);
	}
}

/* FILE.new, locked, from now or from before. */
static bool open_new(struct state_file *f)
{
	if (f->next >= 0 && has_name(f->next, f->new))
		return true;
	if (f->next >= 0)
		close(f->next);
	f->next = open_locked(f->new, O_CREAT | O_NOFOLLOW);
	return f->next >= 0;
}

/* On network file systems one that is said to have failed may have been done. */
static bool move(const struct state_file *f)
{
	int error;

	if (!rename(f->new, f->file))
		return true;
	error = errno;
	if (has_name(f->next, f->file))
		return true;
	errno = error;
	return false;
}

/* Return: 0, or errno; the file is then as it was. */
static int replace(struct state_file *f, const char *text)
{
	int error;

	if (!open_new(f))
		return errno;
	if (!write_all(f->next, text) || !move(f)) {
		error = errno;
		return ftruncate(f->next, 0) ? errno : error;
	}
	flush_folder(f->file);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = f->next;
	f->next = -1;
	return 0;
}

void state_save(void *ctx, const struct check_state *state)
{
	struct state_file *f = ctx;
	char *text = state_text(&f->hunt, state);
	int error = text ? replace(f, text) : ENOMEM;

	if (error && !f->failed)
		cli_error(CLI_FAILED,
			  "check: --state: %s: %s; the hunt goes on, and the file stays as it was",
			  f->new, strerror(error));
	f->failed = error;
	free(text);
}

/* ------------------------------------------------------------------------------------------- */
/* Opening                                                                                      */

static int refuse(const struct state_file *f, const char *why)
{
	return cli_usage_error("check: --state: %s: %s", f->path, why);
}

static int load(struct state_file *f)
{
	char why[STATE_WHY];
	json_error_t error;
	struct stat stat;
	json_t *object;
	bool sound;

	if (fstat(f->fd, &stat) || !S_ISREG(stat.st_mode) || stat.st_size > MAX_BYTES)
		return refuse(f, "it is no file of --state");
	object = json_loadfd(f->fd, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return cli_usage_error("check: --state: %s: it is damaged: line %d: %s", f->path,
				       error.line, error.text);
	sound = state_read(&f->hunt, object, &f->state, why);
	json_decref(object);
	return sound ? 0 : refuse(f, why);
}

static int cannot_open(const struct state_file *f, const char *path)
{
	if (errno == EBUSY)
		return refuse(f, "another process is at this hunt");
	return cli_usage_error("check: --state: %s: %s", path, strerror(errno));
}

/* Return: 0, or an exit code, reported. */
static int name(struct state_file *f)
{
	struct stat link;

	if (!realpath(f->path, f->file)) {
		if (errno != ENOENT || !*f->path)
			return refuse(f, strerror(errno));
		if (!lstat(f->path, &link) && S_ISLNK(link.st_mode))
			return refuse(f, "a symbolic link to what is not there");
		snprintf(f->file, sizeof(f->file), "%s", f->path);
	}
	if (snprintf(f->new, sizeof(f->new), "%s.new", f->file) >= (int)sizeof(f->new))
		return refuse(f, strerror(ENAMETOOLONG));
	return 0;
}

int state_open(struct state_file *f, const char *path, const struct check_request *request)
{
	char what[CHECK_WHAT];
	int code;

	*f = (struct state_file){ .path = path, .fd = -1, .next = -1 };
	if (!check_build(f->hunt.build))
		return cli_error(CLI_FAILED, "check: /proc/self/exe: %s", strerror(errno));
	snprintf(f->hunt.what, sizeof(f->hunt.what), "%s;shard=%u/%u", check_what(request, what),
		 request->shards ? request->shard : 1, request->shards ? request->shards : 1);
	code = name(f);
	while (!code) {
		f->fd = open_locked(f->file, 0);
		if (f->fd >= 0)
			return load(f);
		if (errno != ENOENT)
			return cannot_open(f, f->file);
		if (!open_new(f))
			return cannot_open(f, f->new);
		if (access(f->file, F_OK))
			return 0;
		/* Somebody was first, and has renamed his. */
		close(f->next);
		f->next = -1;
	}
	return code;
}

void state_close(struct state_file *f)
{
	/* Nobody else's: it is locked. */
	if (f->next >= 0 && has_name(f->next, f->new))
		unlink(f->new);
	if (f->next >= 0)
		close(f->next);
	if (f->fd >= 0)
		close(f->fd);
	check_state_free(&f->state);
}
