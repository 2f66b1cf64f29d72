/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * scenario.h - what TDs do on a machine, as data: read from a file (docs/scenarios.md), or built
 * by the caller.
 *
 * Time goes in rounds, in each of which every TD does one thing, all at once:
 *
 *   round               arrive  +1    +2       +3    ...            end
 *   a TD                build   boot  work     work  work ...       end
 *   one with restarts 1 build   boot  restart  boot  work ...       end
 *
 * TD i of a group arrives in round arrive + i * every; it ends once it has worked for stay rounds
 * (0: in the last round of all). A restart ends the TD and builds it again; it boots in the next
 * round. The last round is the end of whoever is left.
 */
#ifndef PAMT_LAB_WORKLOAD_SCENARIO_H
#define PAMT_LAB_WORKLOAD_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCENARIO_MAX_GROUPS 32u
#define SCENARIO_MAX_TDS    1024u
#define SCENARIO_MAX_VCPUS  576u
#define SCENARIO_MAX_ROUNDS 100000u

/* In which order a guest touches its memory first. */
enum scenario_touch {
	SCENARIO_LINEAR, /* from the bottom to the top */
	SCENARIO_RANDOM, /* every page once, in no order */
	SCENARIO_ZIPF,	 /* as many touches as there are pages; the n-th favourite 1/n as often */
	SCENARIO_TOUCHES,
};

enum { SCENARIO_NODE_ANY = UINT32_MAX, SCENARIO_NODE_SPREAD = UINT32_MAX - 1 };

/* A CPU that goes offline before a round and comes back before another one. */
struct scenario_offline {
	uint32_t line; /* of the file */
	uint32_t cpu;
	uint32_t from, to; /* rounds; to UINT32_MAX: it stays away */
};
#define SCENARIO_MAX_OFFLINE 32u

/* Memory of the machine that goes before a round and comes back before another one. */
struct scenario_memory {
	uint32_t line;	      /* of the file */
	uint64_t base, bytes; /* multiples of 2M */
	uint32_t from, to;    /* as above */
};
#define SCENARIO_MAX_MEMORY 32u

/* Memory that a TD gives up for good, as to a balloon driver or virtio-mem. */
struct scenario_balloon {
	uint32_t line;	  /* of the file */
	uint32_t percent; /* of it, from the top of each vCPU's share; 0: none */
	uint32_t from;	  /* round */
};

/* TDs of one kind. */
struct scenario_group {
	char name[32];
	uint32_t line; /* where it began in the file; 0: none */
	uint32_t count;
	uint32_t vcpus;
	uint64_t bytes;	     /* of each TD; 0: its share of what is to be filled */
	uint32_t share;	     /* with bytes 0 */
	uint32_t percent_4k; /* of its regions are mapped in 4K pages, the others as 2M if it can be
			      */
	enum scenario_touch touch;
	uint32_t flip_rate; /* while booting: conversions there and back for 1000 pages touched */
	uint32_t flips;	    /* whole mappings, per vCPU and round, when its memory is there */
	uint32_t partial;   /* 4K pages out of 2M mappings, the same */
	struct scenario_balloon balloon;
	uint32_t node;				/* SCENARIO_NODE_*, or which */
	uint32_t arrive, every, stay, restarts; /* rounds; times */
};

struct scenario {
	char name[64];			/* of the file, without folder and ending */
	char title[128];		/* one line; may be empty */
	char machine[256];		/* as map_load() takes it; empty: this machine */
	uint32_t cpus, packages, nodes; /* 0: what the machine says */
	bool dynamic;
	uint64_t seed;
	uint32_t fill_percent;	   /* of free memory, for groups with a share */
	uint64_t fill_limit;	   /* but no more bytes; 0: no limit */
	uint32_t aged_percent;	   /* of free memory is not in whole 2M blocks */
	uint64_t background_bytes; /* that others hold, allocating and freeing all the time */
	uint32_t idle_limit;	   /* regions that libpamt keeps backed although nobody uses them */
	uint32_t rounds;	   /* at least so many between the first boot and the end */
	bool scattered;		   /* in virtual time: no two free single pages are neighbours */
	bool fixed_batches; /* in virtual time: CPUs fetch 64 single pages at once, no more */
	bool overcommit;    /* no memory left for a fault: the guest waits for the next round */
	uint32_t nr_offline;
	struct scenario_offline offline[SCENARIO_MAX_OFFLINE];
	uint32_t nr_memory;
	struct scenario_memory memory[SCENARIO_MAX_MEMORY];
	uint32_t nr_groups;
	struct scenario_group group[SCENARIO_MAX_GROUPS];
};

/* What one TD does in one round. */
enum scenario_action {
	SCENARIO_ABSENT,
	SCENARIO_BUILD,
	SCENARIO_BOOT,
	SCENARIO_WORK,
	SCENARIO_RESTART,
	SCENARIO_END,
	SCENARIO_ACTIONS, /* how many */
};

/* What a file that says nothing gets; no groups. */
void scenario_defaults(struct scenario *scenario);
/* What a group that says nothing gets. */
void scenario_group_defaults(struct scenario_group *group);

/* "4k", "2m" or "thp:0.9": percent of a TD's regions that are mapped in 4K pages. False: none of
 * these. */
bool scenario_parse_pages(const char *text, uint32_t *percent_4k);
/*
 * scenario_load - reads a file, "-" being standard input, or one that is shipped by its name,
 * "builtin:ten-tds"; scenario_load_shipped - the latter, by the name alone; scenario_parse - the
 * same out of a text, NUL-terminated, name being used in messages. Return: 0, or -1 with one line
 * in error, "file:line: what, what is allowed".
 */
#define SCENARIO_BUILTIN "builtin:"
int scenario_load(const char *path, struct scenario *scenario, char *error, size_t error_size);
int scenario_parse(const char *text, const char *name, struct scenario *scenario, char *error,
		   size_t error_size);
int scenario_load_shipped(const char *name, struct scenario *scenario, char *error,
			  size_t error_size);
/* The i-th that is shipped, its text, and its name; NULL: there are no more. */
const char *scenario_shipped(uint32_t i, const char **name);

uint32_t scenario_nr_tds(const struct scenario *scenario);
/* The last round is this less one. */
uint32_t scenario_nr_rounds(const struct scenario *scenario);
enum scenario_action scenario_action(const struct scenario *scenario,
				     const struct scenario_group *group, uint32_t index,
				     uint32_t round);
const char *scenario_touch_name(enum scenario_touch touch);

/*
 * Divides memory, and whole-mapping work, of all TDs by a power of two until there are at most
 * `pages` mappings to be made. Returns by how much.
 */
uint32_t scenario_scale(struct scenario *scenario, uint64_t pages);

#endif
