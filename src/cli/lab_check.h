/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * lab_check.h - the parts of `pamt check`: what it prints, what it keeps in a file, and how it puts
 * together what several of it printed.
 */
#ifndef PAMT_CLI_LAB_CHECK_H
#define PAMT_CLI_LAB_CHECK_H

#include <limits.h>

#include "cli/cli.h"
#include "lab/explore/check.h"

#define CHECK_SCHEMA "pamt.check/2"

/* lab_check_what.c */
#define CHECK_HASH   UINT64_C(0xcbf29ce484222325) /* of nothing */
#define CHECK_BUILD  17
#define CHECK_DIFFER 512
uint64_t check_hash(uint64_t hash, const void *data, size_t size);
/* A number of this program, as text. False: it cannot be read. */
bool check_build(char text[CHECK_BUILD]);
/* "bound=2, and here it is bound=3": where two texts of check_what() differ first. */
void check_differ(const char *here, const char *there, char text[CHECK_DIFFER]);

/* lab_check_ranges.c: lists of numbers in JSON, [[0,4],[6,6]], ascending. */
struct check_range {
	uint32_t first, last;
};
/* Appends a number that is larger than all before. */
void check_ranges_add(json_t *ranges, uint32_t number);
/* Number i of the list as a range. False: it is none, or not below limit. */
bool check_range(const json_t *ranges, size_t i, uint32_t limit, struct check_range *range);
/* A member that is a number from 0 to max, or "0x..." of 64 bits. False: it is not. */
bool check_member(const json_t *object, const char *name, uint64_t max, uint64_t *value);
bool check_hex_member(const json_t *object, const char *name, uint64_t *value);
bool check_text_member(const json_t *object, const char *name, const char **value);

/* lab_check_show.c: what a hunt found as a JSON object; NULL: reported. */
json_t *check_object(const struct check_request *request, const struct check_result *result);
/* Prints such an object, as it is or in words, and frees it. Return: the exit code it means. */
int show_check(json_t *object, bool json);
int show_mutants(const struct check_mutant *mutants, double seconds, bool json);

/* lab_check_merge.c: the objects in these files as one. NULL: reported. */
json_t *check_merge(char *const files[], int nr);
/* The same of objects that were read; files: their names. */
json_t *check_merge_objects(json_t *const objects[], char *const files[], int nr);

/* lab_check_state.c: how far a hunt is, as text. */
struct state_hunt {
	char what[CHECK_WHAT + 32];
	char build[CHECK_BUILD];
};
#define STATE_WHY (CHECK_DIFFER + 128)
/* What a file of --state says, to be freed. NULL: no memory. */
char *state_text(const struct state_hunt *hunt, const struct check_state *state);
/* The hash of all of its members but "sum" is what this one has to be. */
json_t *state_sum(const json_t *object);
/*
 * Takes "sum" out of the object. False: why says what is wrong with it; check_state_free() in any
 * case.
 */
bool state_read(const struct state_hunt *hunt, json_t *object, struct check_state *state,
		char why[STATE_WHY]);

/* lab_check_keep.c: the file that --state names. */
struct state_file {
	const char *path;    /* as the user calls it */
	char file[PATH_MAX]; /* it, without symbolic links */
	char new[PATH_MAX];  /* and the next one, beside it */
	struct state_hunt hunt;
	int fd;	  /* of the file as it is now; it has this process's lock */
	int next; /* of FILE.new, locked too, while it is not renamed */
	bool failed;
	struct check_state state;
};
/* Takes the lock, and reads what is kept. Return: 0, or an exit code, reported. */
int state_open(struct state_file *file, const char *path, const struct check_request *request);
/* For check_request.save, ctx = the file. What cannot be written is reported, once. */
void state_save(void *ctx, const struct check_state *state);
void state_close(struct state_file *file);

#endif
