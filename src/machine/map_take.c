// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_take.c - what one line says of a machine goes into the log.
 */
#include <stdlib.h>
#include <string.h>

#include "machine/map_log.h"

/* No machine has more; a file that is made to fill memory has. */
#define MAX_ENTRIES 4096u

/* A word that nobody knows, up to where it ends, for the note about it. */
static void take_unknown(struct log_ranges *ranges, const char *word, uint64_t nr)
{
	int length = (int)strcspn(word, "|<>\"(){}[],;");

	if (ranges->unknown++)
		return;
	ranges->unknown_line = nr;
	snprintf(ranges->unknown_type, sizeof(ranges->unknown_type), "%.*s", length, word);
}

static int take_range(struct map_log *log, const struct map_line *line, uint64_t nr)
{
	struct log_ranges *ranges = &log->of_form[line->form];
	struct log_range range = {
		.base = line->base,
		.end = line->end,
		.line = nr,
		.node = line->node,
		.boot = log->boot,
	};

	if (!log->memory_known)
		log->first_boot = log->boot;
	log->last_boot = log->boot;
	log->memory_known = true;
	if (ranges->boot != log->boot) {
		ranges->boot = log->boot;
		ranges->lines = ranges->unknown = 0;
	}
	if (!ranges->lines++ || line->base < ranges->lowest)
		ranges->lowest = line->base;
	if (line->unknown)
		take_unknown(ranges, line->unknown, nr);
	return line->usable ? log_add(log, line->form, &range) : 0;
}

/* The word that is so many columns from the right, a number; -1: it is none. */
static int64_t number_from_right(const char *text, uint64_t column)
{
	const char *at = text + strlen(text), *word;
	uint64_t value;

	do {
		while (at > text && at[-1] == ' ')
			at--;
		while (at > text && at[-1] != ' ')
			at--;
	} while (--column && at > text);
	word = at;
	return !column && map_number(&word, 10, &value) && (!*word || *word == ' ')
		       ? (int64_t)(value & INT64_MAX)
		       : -1;
}

/* A range of lsmem, and of which node it is where a column says that. */
static int take_lsmem(struct map_log *log, const struct map_line *line, uint64_t nr)
{
	struct log_range range = { line->base, line->end, nr, 0, log->boot };
	int64_t node = -1;

	if (log->lsmem_node && line->columns)
		node = number_from_right(line->columns, log->lsmem_node);
	if (node >= MAP_MAX_NODES)
		return log_fail(log, nr, "bad node; allowed: 0 to %u", MAP_MAX_NODES - 1);
	range.node = node < 0 ? 0 : (uint32_t)node;
	if (line->usable && node >= 0 && log_add(log, MAP_NODE, &range))
		return -1;
	return take_range(log, line, nr);
}

static struct log_entry *entry_at(struct map_log *log, uint32_t nr)
{
	struct log_entry *larger;

	if (nr < log->nr_entries)
		return &log->entry[nr];
	larger = nr < MAX_ENTRIES ? realloc(log->entry, (nr + 1) * sizeof(*larger)) : NULL;
	if (!larger)
		return NULL;
	memset(larger + log->nr_entries, 0, (nr + 1 - log->nr_entries) * sizeof(*larger));
	log->entry = larger;
	log->nr_entries = nr + 1;
	return &larger[nr];
}

/* An entry of /sys/firmware/memmap is there when its three words are. */
static int take_field(struct map_log *log, const struct map_line *line, uint64_t nr)
{
	struct log_entry *entry = entry_at(log, line->node);
	struct map_line range = { .form = MAP_FIRMWARE };

	if (!entry)
		return log_fail(log, nr, "entry %u of /sys/firmware/memmap; allowed: 0 to %u",
				line->node, MAX_ENTRIES - 1);
	entry->words |= 1u << (line->form - MAP_FIELD_START);
	if (line->form == MAP_FIELD_START)
		entry->first = line->base;
	else if (line->form == MAP_FIELD_END)
		entry->last = line->base;
	else
		entry->usable = line->usable;
	if (line->unknown)
		take_unknown(&log->of_form[MAP_FIRMWARE], line->unknown, nr);
	if (entry->words != 7)
		return 0;
	entry->words = 0;
	range.usable = entry->usable;
	if (map_set_range(&range, entry->first, entry->last))
		return log_fail(log, nr, "entry %u of /sys/firmware/memmap ends before it begins",
				line->node);
	return take_range(log, &range, nr);
}

static uint32_t bounded(uint64_t value, uint32_t most)
{
	return value < most ? (uint32_t)value : most;
}

static void take_count(struct map_log *log, const struct map_line *line)
{
	switch (line->form) {
	case MAP_CPUS:
		log->nr_cpus = bounded(line->base, MAP_MAX_CPUS);
		break;
	case MAP_NODE_CPUS:
		log->cpus_of_node[line->node] = bounded(line->base, MAP_MAX_CPUS);
		break;
	case MAP_PACKAGES:
		log->nr_packages = bounded(line->base, TDX_MAX_PACKAGES);
		break;
	case MAP_NODES:
		log->nr_nodes = bounded(line->base, MAP_MAX_NODES);
		break;
	case MAP_SIZE:
		log->size = line->base;
		break;
	case MAP_NODE_SIZE:
		log->node_size[line->node] = line->base;
		break;
	case MAP_LIMITED:
		log->limited = true;
		break;
	case MAP_DYNAMIC:
		log->dynamic = true;
		break;
	case MAP_HKIDS:
		log->hkids.base = line->base;
		log->hkids.end = line->end;
		log->hkids.boot = log->boot;
		break;
	default:
		log->pamt.kb = line->base;
		log->pamt.boot = log->boot;
		log->pamt.said = true;
	}
}

int log_take(struct map_log *log, struct map_line *line, uint64_t nr)
{
	if (line->form == MAP_NONE)
		return 0;
	if (line->form == MAP_BOOT) {
		log->boot++;
		log->dynamic = log->limited = false;
		return 0;
	}
	if (line->form == MAP_LSMEM_HEAD) {
		log->lsmem_node = line->base;
		return 0;
	}
	log->known = true;
	if (line->form == MAP_LSMEM)
		return take_lsmem(log, line, nr);
	if (line->form < MAP_NR_RANGES)
		return take_range(log, line, nr);
	if (line->form >= MAP_FIELD_START && line->form <= MAP_FIELD_TYPE)
		return take_field(log, line, nr);
	if (line->form == MAP_LSMEM_RANGE) {
		log->pending = *line;
		return 0;
	}
	if (line->form == MAP_LSMEM_STATE) {
		line->base = log->pending.base;
		line->end = log->pending.end;
		line->form = MAP_LSMEM;
		log->pending.end = 0;
		return line->end ? take_range(log, line, nr) : 0;
	}
	take_count(log, line);
	return 0;
}
