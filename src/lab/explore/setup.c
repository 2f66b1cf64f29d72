// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * setup.c - what a trial depends on as one line of text, so that a violation can be repeated.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/abi.h"
#include "lab/explore/mutants.h"
#include "lab/explore/trial.h"

static bool wrong(char *why, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static bool wrong(char *why, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, size, format, args);
	va_end(args);
	return false;
}

/* The n-th time, from 1. */
static bool parse_occasion(const char *text, uint64_t *at)
{
	char *end;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*at = strtoull(text, &end, 10);
	return !*end && !errno && *at;
}

/*
 * "alloc:3": the third allocation fails. "PHYMEM.PAMT.ADD:1:OPERAND_BUSY": the first answers so,
 * and has no effect; with ":done" behind it has its effect nevertheless.
 */
static bool parse_fault(const char *text, struct box_fault *fault)
{
	char leaf[64], number[24], status[64], done[8] = "";
	uint64_t at;
	const struct abi_leaf *found;
	const struct abi_status *code;

	memset(fault, 0, sizeof(*fault));
	if (sscanf(text, "alloc:%23s", number) == 1)
		return parse_occasion(number, &fault->alloc_at);
	if (sscanf(text, "%63[^:]:%23[^:]:%63[^:]:%7s", leaf, number, status, done) < 3 ||
	    (*done && strcmp(done, "done")))
		return false;
	found = abi_leaf_by_name(leaf);
	code = abi_status_by_name(status);
	/* Guests' calls are not the host's to fail. */
	if (!found || found->guest || !code || !parse_occasion(number, &at))
		return false;
	fault->leaf = found->number;
	fault->call_at = at;
	fault->status = code->value;
	fault->takes_effect = *done;
	return true;
}

static void print_fault(const struct box_fault *fault, char *text, size_t size)
{
	tdx_status_t status = { fault->status };

	text[0] = 0;
	if (fault->alloc_at)
		snprintf(text, size, ";fault=alloc:%llu", (unsigned long long)fault->alloc_at);
	else if (fault->call_at)
		snprintf(text, size, ";fault=%s:%llu:%s%s",
			 abi_leaf(fault->leaf, false)->name + strlen("TDH."),
			 (unsigned long long)fault->call_at, abi_status(status)->name,
			 fault->takes_effect ? ":done" : "");
}

static bool parse_count(const char *text, unsigned long min, unsigned long max, uint32_t *count)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	*count = (uint32_t)value;
	return *text >= '0' && *text <= '9' && !*end && value >= min && value <= max;
}

static bool parse_mutants(const char *text, uint64_t *mutants)
{
	unsigned int number;

	if (!mutant_find(text, &number))
		return false;
	*mutants |= UINT64_C(1) << number;
	return true;
}

bool setup_set(struct setup *s, const char *key, const char *value, char *why, size_t size)
{
	const char *reason = NULL;
	char names[128];

	if (!strcmp(key, "design")) {
		s->design = design_find(value);
		return s->design || wrong(why, size, "no design '%s'; allowed are %s", value,
					  design_names(names, sizeof(names)));
	}
	if (!strcmp(key, "module")) {
		s->module = !strcmp(value, "softseam") ? TRIAL_SOFTSEAM : TRIAL_MODEL;
		return !strcmp(value, "softseam") || !strcmp(value, "model") ||
		       wrong(why, size, "module is 'model' or 'softseam', not '%s'", value);
	}
	if (!strcmp(key, "pages")) {
		s->pages = !strcmp(value, "crossed") ? TRIAL_CROSSED : TRIAL_APART;
		return !strcmp(value, "crossed") || !strcmp(value, "apart") ||
		       wrong(why, size, "pages are 'crossed' or 'apart', not '%s'", value);
	}
	if (!strcmp(key, "program"))
		return program_parse(value, &s->program, &reason) ||
		       wrong(why, size, "program '%s': %s", value, reason);
	if (!strcmp(key, "regions"))
		return parse_count(value, 1, PROGRAM_MAX_REGIONS, &s->nr_regions) ||
		       wrong(why, size, "regions are 1 to 8, not '%s'", value);
	if (!strcmp(key, "idle"))
		return parse_count(value, 0, 512, &s->idle_limit) ||
		       wrong(why, size, "idle regions are 0 to 512, not '%s'", value);
	if (!strcmp(key, "cached")) {
		s->cached = !strcmp(value, "yes");
		return s->cached || !strcmp(value, "no") ||
		       wrong(why, size, "cached is 'yes' or 'no', not '%s'", value);
	}
	if (!strcmp(key, "chunks")) {
		s->tiny_chunks = !strcmp(value, "tiny");
		return s->tiny_chunks || !strcmp(value, "usual") ||
		       wrong(why, size, "chunks are 'usual' or 'tiny', not '%s'", value);
	}
	if (!strcmp(key, "fault"))
		return parse_fault(value, &s->fault) ||
		       wrong(why, size, "fault '%s': 'alloc:N' or 'LEAF:N:STATUS'", value);
	if (!strcmp(key, "mutant"))
		return parse_mutants(value, &s->mutants) ||
		       wrong(why, size, "no mutant '%s'", value);
	return wrong(why, size, "no field '%s'", key);
}

void setup_init(struct setup *setup)
{
	memset(setup, 0, sizeof(*setup));
	setup->design = designs[0];
	setup->module = TRIAL_SOFTSEAM;
	setup->pages = TRIAL_CROSSED;
	setup->nr_regions = 2;
}

bool setup_parse(const char *text, struct setup *setup, struct explore_schedule *schedule,
		 char *why, size_t why_size)
{
	char copy[SETUP_TEXT], *save = NULL;

	setup_init(setup);
	if (schedule)
		schedule->nr = 0;
	if (strlen(text) >= sizeof(copy))
		return wrong(why, why_size, "longer than %zu characters", sizeof(copy) - 1);
	strcpy(copy, text);
	for (char *field = strtok_r(copy, ";", &save); field; field = strtok_r(NULL, ";", &save)) {
		char *value = strchr(field, '=');

		if (!value)
			return wrong(why, why_size, "'%s' is not KEY=VALUE", field);
		*value++ = 0;
		if (schedule && !strcmp(field, "schedule")) {
			if (!explore_schedule_parse(value, schedule))
				return wrong(why, why_size,
					     "schedule '%s': 'CPU:STEPS CPU:STEPS ...'", value);
		} else if (!setup_set(setup, field, value, why, why_size)) {
			return false;
		}
	}
	if (!setup->program.nr_cpus)
		return wrong(why, why_size, "no program");
	if (setup->design->is_static && setup->module == TRIAL_MODEL)
		return wrong(why, why_size, "the model knows Dynamic PAMT only: module=softseam");
	for (uint32_t cpu = 0; cpu < setup->program.nr_cpus; cpu++)
		for (uint32_t i = 0; i < setup->program.nr_ops[cpu]; i++)
			if (setup->program.op[cpu][i].region >= setup->nr_regions)
				return wrong(why, why_size, "the program uses more than %u regions",
					     setup->nr_regions);
	return true;
}

const char *setup_print(const struct setup *s, char text[SETUP_TEXT])
{
	char program[PROGRAM_TEXT], fault[128], mutants[256] = "", name[MUTANT_NAME_BYTES];
	size_t at = 0;

	print_fault(&s->fault, fault, sizeof(fault));
	for (unsigned int number = 0; number < 64; number++)
		if (s->mutants >> number & 1)
			at += (size_t)snprintf(mutants + at, sizeof(mutants) - at, ";mutant=%s",
					       mutant_name(number, name));
	snprintf(text, SETUP_TEXT, "design=%s;module=%s;pages=%s;regions=%u%s%s;program=%s",
		 s->design->name, s->module == TRIAL_MODEL ? "model" : "softseam",
		 s->pages == TRIAL_CROSSED ? "crossed" : "apart", s->nr_regions,
		 s->tiny_chunks ? ";chunks=tiny" : "", s->cached ? ";cached=yes" : "",
		 program_print(&s->program, program));
	at = strlen(text);
	if (s->idle_limit)
		at += (size_t)snprintf(text + at, SETUP_TEXT - at, ";idle=%u", s->idle_limit);
	snprintf(text + at, SETUP_TEXT - at, "%s%s", fault, mutants);
	return text;
}
