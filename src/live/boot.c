// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * boot.c - what a kernel's boot configuration recorded.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/boot.h"
#include "live/probes.h"

#define INSTANCE "pamt-boot"

static const enum call_event_kind kinds[] = { CALL_IN, CALL_OUT };

/* ------------------------------------------------------------------------------------------- */
/* The lines.                                                                                  */

int boot_check_image(const struct kernel_image *image, const char *path, struct why *why)
{
	static const char notes_path[] = "/sys/kernel/notes";
	const struct build_id other = kernel_image_id(image);
	struct build_id own;
	size_t bytes;
	char *notes = live_read_file(notes_path, &bytes, why);

	if (!notes)
		return -1;
	own = build_id_of((uint8_t *)notes, bytes);
	free(notes);
	if (!own.bytes)
		return why_not(why, "%s has no build ID: whose file it is cannot be said",
			       notes_path);
	if (own.bytes != other.bytes || memcmp(own.id, other.id, own.bytes))
		return why_not(why, "%s: not the file of the kernel that runs, by its build ID",
			       path);
	return 0;
}

/* Sites in the functions that are freed after boot. */
static int find_init_sites(const struct facts *facts, const struct kernel_image *image,
			   struct sites *sites, struct why *why)
{
	struct sites_search search = {
		.at = kallsyms_find(&facts->symbols, "_sinittext"),
		.routine = { kallsyms_find(&facts->symbols, "__seamcall"),
			     kallsyms_find(&facts->symbols, "__seamcall_ret") },
		.symbols = &facts->symbols,
	};
	const uint64_t end = kallsyms_find(&facts->symbols, "_einittext"),
		       text = kallsyms_find(&facts->symbols, "_text");

	if (!text || !search.at || end <= search.at)
		return why_not(why, "kallsyms does not say where the kernel's text of its boot is");
	search.bytes = end - search.at;
	search.text = kernel_image_at(image, search.at - (text - image->first), search.bytes);
	if (!search.text)
		return why_not(why, "the kernel's file does not have all of its text");
	return sites_in(&search, sites, why);
}

static int put_probes(const struct sites *sites, enum call_event_kind kind, FILE *to,
		      struct why *why)
{
	fprintf(to, "\t\tpamt_boot_%s {\n\t\t\tenable\n\t\t\tprobes = ", record_event_name[kind]);
	for (unsigned int i = 0; i < sites->nr; i++) {
		char what[PROBE_TEXT];

		probe_text(&sites->list[i], kind, what);
		/* With its name before it. */
		if (strlen(what) > 220)
			return why_not(why, "a probe of the boot configuration is too long: %.60s",
				       what);
		fprintf(to, "%s\"%s\"", i ? ",\n\t\t\t\t " : "", what);
	}
	fprintf(to, "\n\t\t}\n");
	return 0;
}

int boot_lines(const struct facts *facts, const struct kernel_image *image, uint32_t buffer_kb,
	       FILE *to, struct why *why)
{
	struct sites *sites = malloc(sizeof(*sites));
	int error;

	if (!sites)
		return why_not(why, "out of memory");
	*sites = facts->sites;
	error = find_init_sites(facts, image, sites, why);
	if (!error) {
		fprintf(to,
			"# What Linux %s asks of the TDX module from its boot on, for pamt record "
			"--from-boot.\nftrace.instance." INSTANCE
			" {\n\ttrace_clock = global\n\tbuffer_size = %" PRIu32
			"KB\n\tevent.kprobes {\n",
			facts->release, buffer_kb);
		for (unsigned int i = 0; !error && i < 2; i++)
			error = put_probes(sites, kinds[i], to, why);
		fprintf(to, "\t}\n}\n");
	}
	free(sites);
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* The instance.                                                                               */

static void path_of(enum call_event_kind kind, const char *file, char *path)
{
	snprintf(path, TRACEFS_PATH, "events/kprobes/pamt_boot_%s/%s", record_event_name[kind],
		 file);
}

static int read_layout(struct boot *boot, enum call_event_kind kind, struct why *why)
{
	char path[TRACEFS_PATH], *format;
	int error;

	path_of(kind, "format", path);
	format = tracefs_read(&boot->fs, path, why);
	if (!format)
		return -1;
	error = record_layout_read(kind, format, &boot->layout[kind], why);
	free(format);
	return error;
}

static int find_mark_id(struct boot *boot, struct why *why)
{
	char path[TRACEFS_PATH], *text;
	struct trace_format format;
	int error;

	snprintf(path, sizeof(path), "%s/events/ftrace/print/format", boot->fs.root);
	text = live_read_file(path, NULL, why);
	if (!text)
		return -1;
	error = trace_format_read(text, &format, why);
	free(text);
	boot->mark_id = format.id;
	return error;
}

/* What came when its events were off is missing, and nobody would know. */
static int check_on(struct boot *boot, enum call_event_kind kind, struct why *why)
{
	char path[TRACEFS_PATH], *enabled;
	bool on;

	path_of(kind, "enable", path);
	enabled = tracefs_read(&boot->fs, path, why);
	if (!enabled)
		return -1;
	on = *enabled == '1';
	free(enabled);
	if (on)
		return 0;
	return why_not(why,
		       "%s/%s is off: somebody stopped it, or began to take what it has and was "
		       "killed",
		       boot->fs.instance, path);
}

int boot_open(struct boot *boot, const struct tracefs *tracefs, struct why *why)
{
	*boot = (struct boot){ .fs = { .tool = "boot", .lock = -1 } };
	snprintf(boot->fs.root, sizeof(boot->fs.root), "%s", tracefs->root);
	snprintf(boot->fs.instance, sizeof(boot->fs.instance), "%s/instances/" INSTANCE,
		 tracefs->root);
	if (access(boot->fs.instance, F_OK))
		return why_not(why,
			       "no %s: the kernel was not booted with the lines of `pamt record "
			       "--boot`, or has no CONFIG_BOOTTIME_TRACING",
			       boot->fs.instance);
	for (unsigned int i = 0; i < 2; i++)
		if (read_layout(boot, kinds[i], why) || check_on(boot, kinds[i], why))
			return -1;
	return find_mark_id(boot, why);
}

int boot_mark(struct boot *boot, struct why *why)
{
	return tracefs_write(&boot->fs, "trace_marker", "pamt record --from-boot", why);
}

bool boot_is_mark(struct boot *boot, const struct trace_event *event)
{
	uint16_t id;

	if (event->bytes < sizeof(id))
		return false;
	memcpy(&id, event->data, sizeof(id));
	if (id != boot->mark_id)
		return false;
	/* One that was killed may have left a mark, too; the last one is of this start. */
	if (event->ns > boot->mark_ns)
		boot->mark_ns = event->ns;
	return true;
}

int boot_stop(struct boot *boot, struct why *why)
{
	for (unsigned int i = 0; i < 2; i++) {
		char path[TRACEFS_PATH];

		path_of(kinds[i], "enable", path);
		if (tracefs_write(&boot->fs, path, "0", why))
			return -1;
	}
	return 0;
}

int boot_remove(struct boot *boot, struct why *why)
{
	char path[TRACEFS_PATH], line[64];

	snprintf(path, sizeof(path), "%s/dynamic_events", boot->fs.root);
	for (unsigned int i = 0; i < 2; i++) {
		snprintf(line, sizeof(line), "-:kprobes/pamt_boot_%s\n",
			 record_event_name[kinds[i]]);
		if (live_write_file(path, line, why))
			return -1;
	}
	return rmdir(boot->fs.instance)
		       ? why_not(why, "%s stays: %s", boot->fs.instance, strerror(errno))
		       : 0;
}
