// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * tracefs.c - a tool's own place in the kernel's tracing.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live/tracefs.h"

#define OPTIMIZATION "/proc/sys/debug/kprobes-optimization"
#define NO_SUCH	     '-'

/* ------------------------------------------------------------------------------------------- */
/* Files of the kernel's.                                                                      */

char *live_read_file(const char *path, size_t *bytes, struct why *why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0, room = 0;
	char *text = NULL;
	ssize_t n;

	if (fd < 0) {
		why_not(why, "%s: %s", path, strerror(errno));
		return NULL;
	}
	do {
		if (room - used < 2) {
			char *more = realloc(text, room = room ? 2 * room : 16384);

			if (!more) {
				errno = ENOMEM;
				n = -1;
				break;
			}
			text = more;
		}
		n = read(fd, text + used, room - used - 1);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	close(fd);
	if (n < 0) {
		why_not(why, "%s: %s", path, strerror(errno));
		free(text);
		return NULL;
	}
	text[used] = '\0';
	if (bytes)
		*bytes = used;
	return text;
}

int live_write_file(const char *path, const char *text, struct why *why)
{
	/* Appending: opened to be cut, these files forget all that they hold. */
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC), error;

	if (fd < 0)
		return why_not(why, "%s: %s", path, strerror(errno));
	error = write(fd, text, strlen(text)) < 0 ? errno : 0;
	close(fd);
	return error ? why_not(why, "%s: '%.60s': %s", path, text, strerror(error)) : 0;
}

static void path_in(const struct tracefs *fs, const char *file, char *path)
{
	snprintf(path, TRACEFS_PATH, "%s/%s", fs->instance, file);
}

int tracefs_write(const struct tracefs *fs, const char *file, const char *text, struct why *why)
{
	char path[TRACEFS_PATH];

	path_in(fs, file, path);
	return live_write_file(path, text, why);
}

char *tracefs_read(const struct tracefs *fs, const char *file, struct why *why)
{
	char path[TRACEFS_PATH];

	path_in(fs, file, path);
	return live_read_file(path, NULL, why);
}

/* ------------------------------------------------------------------------------------------- */
/* Probes.                                                                                     */

static int change_probes(const struct tracefs *fs, const char *line, struct why *why)
{
	char path[TRACEFS_PATH];

	snprintf(path, sizeof(path), "%s/dynamic_events", fs->root);
	return live_write_file(path, line, why);
}

int tracefs_probe(struct tracefs *fs, const char *type, const char *event, const char *what,
		  struct why *why)
{
	char line[512];

	if (snprintf(line, sizeof(line), "%s:pamt_%s/pamt_%s_%s %s\n", type, fs->tool, fs->tool,
		     event, what) >= (int)sizeof(line))
		return why_not(why, "a probe is longer than %zu characters: %.60s", sizeof(line),
			       what);
	if (!change_probes(fs, line, why))
		return 0;
	return why_not(why, "the kernel refuses the probe %s at %.80s: %s", event, what,
		       strerror(errno));
}

/* Names of the tool's events, each once, taken off one after the other. */
static int remove_probes(const struct tracefs *fs, struct why *why)
{
	char path[TRACEFS_PATH], mark[32], line[128], *text, *at;
	int error = 0;

	snprintf(path, sizeof(path), "%s/dynamic_events", fs->root);
	snprintf(mark, sizeof(mark), ":pamt_%s/", fs->tool);
	while (!error) {
		text = live_read_file(path, NULL, why);
		if (!text)
			return -1;
		at = strstr(text, mark);
		if (at)
			snprintf(line, sizeof(line), "-%.*s\n", (int)strcspn(at, " \n"), at);
		free(text);
		if (!at)
			return 0;
		error = change_probes(fs, line, why);
	}
	return error;
}

int tracefs_missed(const struct tracefs *fs, unsigned long long *missed, struct why *why)
{
	char path[TRACEFS_PATH], *text, mark[32];

	*missed = 0;
	snprintf(path, sizeof(path), "%s/kprobe_profile", fs->root);
	snprintf(mark, sizeof(mark), "pamt_%s_", fs->tool);
	text = live_read_file(path, NULL, why);
	if (!text)
		return -1;
	for (char *line = text, *end; *line; line = end) {
		char name[128];
		unsigned long long hits, lost;

		end = line + strcspn(line, "\n");
		end += *end == '\n';
		/* The file has names without their group, and lines of other tools. */
		if (sscanf(line, " %127s %llu %llu", name, &hits, &lost) == 3 &&
		    !strncmp(name, mark, strlen(mark)))
			*missed += lost;
	}
	free(text);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Beginning and end.                                                                          */

static int find_root(struct tracefs *fs, struct why *why)
{
	static const char *const places[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };

	for (unsigned int i = 0; i < 2; i++) {
		char path[TRACEFS_PATH];

		snprintf(fs->root, sizeof(fs->root), "%s", places[i]);
		snprintf(path, sizeof(path), "%s/dynamic_events", fs->root);
		if (!access(path, W_OK))
			return 0;
		if (errno == EACCES || errno == EPERM)
			return why_not(why,
				       "%s: %s: this has to run as root, in a kernel that is "
				       "not locked down",
				       path, strerror(errno));
	}
	return why_not(why,
		       "no dynamic_events in /sys/kernel/tracing: tracefs is not mounted (mount "
		       "-t tracefs tracefs /sys/kernel/tracing), or this kernel has no "
		       "CONFIG_KPROBE_EVENTS");
}

/* Takes the lock of an instance's folder; false: somebody has it. */
static bool lock_instance(struct tracefs *fs)
{
	fs->lock = open(fs->instance, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->lock >= 0 && !flock(fs->lock, LOCK_EX | LOCK_NB))
		return true;
	if (fs->lock >= 0)
		close(fs->lock);
	return false;
}

/* No event of the tool's is on, and none has a trigger: opened to be cut, that file forgets all. */
static int switch_off(const struct tracefs *fs, struct why *why)
{
	char folder[TRACEFS_PATH], path[2 * TRACEFS_PATH];
	struct dirent *entry;
	int error = 0, fd;
	DIR *events;

	snprintf(folder, sizeof(folder), "%s/events/pamt_%s", fs->instance, fs->tool);
	events = opendir(folder);
	if (!events) /* there are none yet */
		return 0;
	while ((entry = readdir(events))) {
		snprintf(path, sizeof(path), "%s/%s/trigger", folder, entry->d_name);
		fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
		else if (errno != ENOENT && errno != ENOTDIR)
			error = why_not(why, "%s: %s", path, strerror(errno));
	}
	closedir(events);
	snprintf(path, sizeof(path), "%s/enable", folder);
	return live_write_file(path, "0", why) || error ? -1 : 0;
}

/* The N of another tool's instance, alive or left behind; 0: there is none. */
static char others(const struct tracefs *fs)
{
	const char *own = strrchr(fs->instance, '/');
	char path[TRACEFS_PATH], n = 0;
	struct dirent *entry;
	DIR *folder;

	snprintf(path, sizeof(path), "%s/instances", fs->root);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		const char *name = entry->d_name, *dot = strrchr(name, '.');

		/* Somebody may call an instance of his own "pamt-test". */
		if (!strncmp(name, "pamt-", 5) && dot && dot[1] && strchr("01-", dot[1]) &&
		    !dot[2] && (!own || strcmp(name, own + 1)))
			n = dot[1];
	}
	if (folder)
		closedir(folder);
	return n;
}

/* With the lock on all instances. */
static bool put_back(struct tracefs *fs, struct why *why)
{
	char value[2] = { fs->optimized, '\0' };
	bool clean = true;

	clean &= !switch_off(fs, why);
	clean &= !remove_probes(fs, why);
	if (fs->optimized != NO_SUCH && !others(fs))
		clean &= !live_write_file(OPTIMIZATION, value, why);
	close(fs->lock);
	if (!clean)
		return false; /* the folder stays, and with it what the next start has to know */
	if (rmdir(fs->instance)) {
		why_not(why, "%s stays: %s", fs->instance, strerror(errno));
		return false;
	}
	*fs->instance = '\0';
	return true;
}

/* Return: the descriptor that has the lock on all instances, or -1. */
static int lock_all(const struct tracefs *fs, struct why *why)
{
	char path[TRACEFS_PATH];
	int fd, error;

	snprintf(path, sizeof(path), "%s/instances", fs->root);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A signal is no reason to leave things in the kernel. */
	do
		error = fd < 0 ? -1 : flock(fd, LOCK_EX);
	while (error && errno == EINTR);
	if (error) {
		why_not(why, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

bool tracefs_end(struct tracefs *fs, struct why *why)
{
	bool clean;
	int all;

	if (!*fs->instance)
		return true;
	all = lock_all(fs, why);
	if (all < 0)
		return false;
	clean = put_back(fs, why);
	close(all);
	return clean;
}

/* One that a killed tool left is put back; one that is alive is in the way. */
static int end_earlier(const struct tracefs *fs, const char *name, struct why *why)
{
	struct tracefs earlier = *fs;

	snprintf(earlier.instance, sizeof(earlier.instance), "%s/instances/%.60s", fs->root, name);
	earlier.optimized = name[strlen(name) - 1];
	if (!lock_instance(&earlier))
		return why_not(why, "another `pamt %s` is running", fs->tool);
	return put_back(&earlier, why) ? 0 : -1;
}

static int end_all_earlier(const struct tracefs *fs, struct why *why)
{
	char path[TRACEFS_PATH], mark[32];
	struct dirent *entry;
	DIR *folder;
	int error = 0;

	snprintf(path, sizeof(path), "%s/instances", fs->root);
	snprintf(mark, sizeof(mark), "pamt-%s.", fs->tool);
	folder = opendir(path);
	if (!folder)
		return why_not(why, "%s: %s", path, strerror(errno));
	while (!error && (entry = readdir(folder)))
		if (!strncmp(entry->d_name, mark, strlen(mark)) &&
		    strlen(entry->d_name) == strlen(mark) + 1)
			error = end_earlier(fs, entry->d_name, why);
	closedir(folder);
	return error;
}

/* What kernel.kprobes-optimization was before our tools. A kernel that has none does not optimise.
 */
static char optimization(const struct tracefs *fs)
{
	char value = others(fs), *text;
	struct why ignored;

	if (value)
		return value;
	text = live_read_file(OPTIMIZATION, NULL, &ignored);
	if (!text)
		return NO_SUCH;
	value = *text == '0' ? '0' : '1';
	free(text);
	return value;
}

static int make_instance(struct tracefs *fs, struct why *why)
{
	fs->optimized = optimization(fs);
	snprintf(fs->instance, sizeof(fs->instance), "%s/instances/pamt-%s.%c", fs->root, fs->tool,
		 fs->optimized);
	if (!mkdir(fs->instance, 0700) && lock_instance(fs))
		return 0;
	why_not(why, "%s: %s", fs->instance, strerror(errno));
	*fs->instance = '\0';
	return -1;
}

int tracefs_begin(struct tracefs *fs, const char *tool, struct why *why)
{
	struct why unclean;
	int all, error;

	*fs = (struct tracefs){ .lock = -1 };
	snprintf(fs->tool, sizeof(fs->tool), "%s", tool);
	if (find_root(fs, why))
		return -1;
	all = lock_all(fs, why);
	if (all < 0)
		return -1;
	error = end_all_earlier(fs, why) || make_instance(fs, why) ? -1 : 0;
	if (!error && (remove_probes(fs, why) || tracefs_write(fs, "trace_clock", "mono", why) ||
		       (fs->optimized != NO_SUCH && live_write_file(OPTIMIZATION, "0", why)))) {
		put_back(fs, &unclean);
		error = -1;
	}
	close(all);
	return error;
}
