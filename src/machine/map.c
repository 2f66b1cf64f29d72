// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map.c - where maps come from: a file, this machine, or built in.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine/map_log.h"

static const struct map_options no_options;

static void start(struct map_log *log, struct machine_map *map, const char *name, char *error,
		  size_t error_size)
{
	const char *base = strrchr(name, '/');

	*log = (struct map_log){ .name = name, .error = error, .error_size = error_size };
	memset(map, 0, sizeof(*map));
	snprintf(map->name, sizeof(map->name), "%s", base && base[1] ? base + 1 : name);
}

static int finish(struct map_log *log, const struct map_options *options, struct machine_map *map,
		  int result)
{
	if (!result)
		result = map_build(log, options ? options : &no_options, map);
	log_free(log);
	if (result)
		map_free(map);
	return result;
}

void map_free(struct machine_map *map)
{
	free(map->ranges);
	map->ranges = NULL;
	map->nr_ranges = 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Files                                                                                        */

int map_read(struct map_source source, const struct map_options *options, struct machine_map *map,
	     char *error, size_t error_size)
{
	struct map_log log;

	start(&log, map, source.name, error, error_size);
	return finish(&log, options, map, log_read(&log, source.file));
}

/* ------------------------------------------------------------------------------------------- */
/* This machine                                                                                 */

/* /proc/iomem. 1: not readable, or only with zeros in place of addresses. */
static int read_iomem(struct map_log *log)
{
	FILE *file = fopen("/proc/iomem", "re");
	int result = 1;

	if (!file)
		return 1;
	if (!log_read(log, file))
		result = 0;
	fclose(file);
	return result;
}

static bool read_word(const char *directory, unsigned int entry, const char *name, char *word,
		      size_t size)
{
	char path[PATH_MAX];
	FILE *file;
	bool read;

	if (snprintf(path, sizeof(path), "%s/%u/%s", directory, entry, name) >= (int)sizeof(path))
		return false;
	file = fopen(path, "re");
	if (!file)
		return false;
	read = fgets(word, (int)size, file) != NULL;
	word[read ? strcspn(word, "\n") : 0] = '\0';
	fclose(file);
	return read;
}

/* The firmware's map, a folder per entry. 1: not there, or not readable. */
static int read_firmware_map(struct map_log *log, const char *directory)
{
	char first[32], last[32], type[32];
	unsigned int i;

	for (i = 0; read_word(directory, i, "type", type, sizeof(type)); i++) {
		struct map_line line = { .form = MAP_FIRMWARE };
		const char *wrong;

		if (!read_word(directory, i, "start", first, sizeof(first)) ||
		    !read_word(directory, i, "end", last, sizeof(last)))
			return 1;
		line.usable = map_type_is_usable(type, &line.unknown);
		wrong = map_set_range(&line, strtoull(first, NULL, 16), strtoull(last, NULL, 16));
		if (wrong)
			return log_fail(log, 0, "entry %u: %s", i, wrong);
		if (log_take(log, &line, i))
			return -1;
	}
	return i ? 0 : 1;
}

/* Its size is known, its layout is not. */
static int read_meminfo(struct map_log *log)
{
	FILE *file = fopen("/proc/meminfo", "re");
	int result = file ? log_read(log, file) : 1;

	if (file)
		fclose(file);
	if (result || !log->size)
		return log_fail(log, 0,
				"its memory is not known: /proc/iomem, "
				"/sys/firmware/memmap and /proc/meminfo do not say");
	return 0;
}

static int load_this_machine(const struct map_options *options, struct machine_map *map,
			     char *error, size_t error_size)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct map_log log;
	int result;

	start(&log, map, "this machine", error, error_size);
	log.nr_cpus = cpus < 1 ? 1 : cpus > MAP_MAX_CPUS ? MAP_MAX_CPUS : (uint32_t)cpus;
	result = read_iomem(&log);
	if (result == 1)
		result = read_firmware_map(&log, "/sys/firmware/memmap");
	if (result == 1)
		result = read_meminfo(&log);
	return finish(&log, options, map, result);
}

static int load_folder(const char *path, const struct map_options *options, struct machine_map *map,
		       char *error, size_t error_size)
{
	struct map_log log;
	int result;

	start(&log, map, path, error, error_size);
	result = read_firmware_map(&log, path);
	if (result > 0)
		result = log_fail(&log, 0,
				  "is a directory; allowed: a kernel log, or /sys/firmware/memmap "
				  "(read by root)");
	return finish(&log, options, map, result);
}

static int load_builtin(const char *name, const struct map_options *options,
			struct machine_map *map, char *error, size_t error_size)
{
	struct map_log log;

	start(&log, map, name, error, error_size);
	return finish(&log, options, map, map_build_builtin(&log, name + strlen("builtin:")));
}

static int load_file(const char *path, const struct map_options *options, struct machine_map *map,
		     char *error, size_t error_size)
{
	struct map_log log;
	FILE *file = fopen(path, "re");
	struct stat stat;
	int result;

	start(&log, map, path, error, error_size);
	if (!file) {
		result = errno == ENOENT ? map_build_size(&log, path) : 1;
		if (result > 0)
			result = log_fail(&log, 0,
					  "%s; allowed: a kernel log, - for stdin, a size such as "
					  "768G, builtin:256g, builtin:2t, builtin:64t",
					  strerror(errno));
		return finish(&log, options, map, result);
	}
	if (!fstat(fileno(file), &stat) && S_ISDIR(stat.st_mode))
		result = load_folder(path, options, map, error, error_size);
	else
		result = map_read((struct map_source){ file, path }, options, map, error,
				  error_size);
	fclose(file);
	return result;
}

int map_load(const char *source, const struct map_options *options, struct machine_map *map,
	     char *error, size_t error_size)
{
	if (!source)
		return load_this_machine(options, map, error, error_size);
	if (!strcmp(source, "-"))
		return map_read((struct map_source){ stdin, "stdin" }, options, map, error,
				error_size);
	if (!strncmp(source, "builtin:", 8))
		return load_builtin(source, options, map, error, error_size);
	return load_file(source, options, map, error, error_size);
}
