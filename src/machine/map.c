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
#include "machine/size.h"

#define MB (UINT64_C(1) << 20)
#define GB (UINT64_C(1) << 30)
#define TB (UINT64_C(1) << 40)

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
/* Built in                                                                                     */

static int add(struct map_log *log, enum map_form form, uint64_t base, uint64_t end, uint32_t node)
{
	struct log_range range = { .base = base, .end = end, .node = node };

	return log_add(log, form, &range);
}

/* The hole for devices, as firmware lays memory out around it. */
#define LOW_END	  (2 * GB)
#define HIGH_BASE (4 * GB)

/* Node n has [n * each + shift, (n + 1) * each + shift), less what must be kept free of it. */
struct layout {
	uint32_t nr_nodes;
	uint64_t each, shift;
};

static void node_span(const struct layout *layout, uint32_t node, uint64_t *base, uint64_t *end)
{
	*base = node ? node * layout->each + layout->shift : HIGH_BASE;
	*end = (node + 1) * layout->each + layout->shift;
}

/* A CMR, and memory, for each node above 4 GB, and one for node 0 below. */
static int add_nodes(struct map_log *log, const struct layout *layout)
{
	int result = add(log, MAP_CMR, MB, LOW_END, 0) || add(log, MAP_NODE, MB, LOW_END, 0) ||
		     add(log, MAP_E820, MB, LOW_END, 0);

	for (uint32_t node = 0; node < layout->nr_nodes && !result; node++) {
		uint64_t base, end;

		node_span(layout, node, &base, &end);
		result = add(log, MAP_CMR, base, end, 0) || add(log, MAP_NODE, base, end, node);
	}
	return result;
}

static int build_256g(struct map_log *log)
{
	const struct layout layout = { 1, 256 * GB, LOW_END };

	return add_nodes(log, &layout) || add(log, MAP_E820, HIGH_BASE, 256 * GB + LOW_END, 0);
}

static int build_2t(struct map_log *log)
{
	const struct layout layout = { 2, TB, LOW_END };

	return add_nodes(log, &layout) || add(log, MAP_E820, HIGH_BASE, 2 * TB + LOW_END, 0);
}

/*
 * The largest machine: 64 TB of addresses, 8 nodes, 2000 usable ranges. Between them lie holes of
 * 64 KB to 2 MB, as firmware leaves for its tables.
 */
static int build_64t(struct map_log *log)
{
	const struct layout layout = { 8, 8 * TB, 0 };
	int result = add_nodes(log, &layout);

	for (uint32_t node = 0; node < layout.nr_nodes && !result; node++) {
		uint32_t nr = node ? 250 : 249;
		uint64_t base, end, step;

		node_span(&layout, node, &base, &end);
		step = (end - base) / nr & ~(2 * MB - 1);
		for (uint32_t i = 0; i < nr && !result; i++) {
			uint64_t stop = i + 1 == nr ? end : base + step;

			result = add(log, MAP_E820, base, stop - (1 + i % 32) * MB / 16, 0);
			base = stop;
		}
	}
	return result;
}

static const struct {
	const char *name;
	int (*build)(struct map_log *log);
} builtins[] = {
	{ "256g", build_256g },
	{ "2t", build_2t },
	{ "64t", build_64t },
};

/* A machine of which the size is all that is said; 1 if the word is no size. */
static int build_size(struct map_log *log, const char *word)
{
	uint64_t bytes, next = 0;
	int result;

	if (!size_parse(word, &bytes) || !strpbrk(word, "KMGTPkmgtp"))
		return 1;
	if (bytes < 16 * MB || bytes > UINT64_C(1) << (TDX_PA_BITS - 2))
		return log_fail(log, 0, "a machine of this size; allowed: 16M to 1024T");
	result = log_lay_out(log, bytes & ~(TDX_PAGE_SIZE - 1), 0, &next);
	log->of_form[MAP_NODE].nr = 0;
	return result;
}

static int load_builtin(const char *name, const struct map_options *options,
			struct machine_map *map, char *error, size_t error_size)
{
	const char *word = name + strlen("builtin:");
	struct map_log log;
	int result;

	start(&log, map, name, error, error_size);
	for (unsigned int i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
		if (!strcmp(word, builtins[i].name))
			return finish(&log, options, map, builtins[i].build(&log));
	result = build_size(&log, word);
	if (result > 0)
		result = log_fail(&log, 0,
				  "no such map; allowed: builtin:256g, builtin:2t, builtin:64t, "
				  "or any size");
	return finish(&log, options, map, result);
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

static int load_file(const char *path, const struct map_options *options, struct machine_map *map,
		     char *error, size_t error_size)
{
	struct map_log log;
	FILE *file = fopen(path, "re");
	struct stat stat;
	int result;

	start(&log, map, path, error, error_size);
	if (!file) {
		result = errno == ENOENT ? build_size(&log, path) : 1;
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
