// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * program.c - programs as text, and all programs of a size.
 */
#include <stdio.h>
#include <string.h>

#include "lab/explore/program.h"
#include "machine/random.h"

/* What a CPU has in a region (control pages: in the first), how many of each. */
enum thing {
	NOTHING,
	GOT,	/* pages got and not mapped */
	MAPPED, /* pages mapped */
	FREED,	/* pages got whose REMOVE is done: next in line for put */
	WHOLE,	/* the region as a 2M page */
	PIECES, /* the same, split */
	CONTROL,
	CACHED, /* pages in the CPU's cache */
	NR_THINGS,
};
struct holding {
	uint32_t nr[NR_THINGS];
};

static const struct {
	char letter;
	bool region;
	const char *name;
} kinds[OP_KINDS] = {
	[OP_GET] = { 'g', true, "get" },	 [OP_AUG] = { 'a', true, "AUG" },
	[OP_REMOVE] = { 'r', true, "REMOVE" },	 [OP_PUT] = { 'p', true, "put" },
	[OP_SOFTPUT] = { 'q', true, "softput" }, [OP_MAP_2M] = { 'M', true, "map 2M" },
	[OP_UNMAP] = { 'U', true, "unmap 2M" },	 [OP_SPLIT] = { 'S', true, "split" },
	[OP_MERGE] = { 'J', true, "merge" },	 [OP_TAKE] = { 'c', false, "take" },
	[OP_GIVE] = { 'f', false, "give" },	 [OP_TOPUP] = { 't', false, "top up" },
	[OP_EMPTY] = { 'e', false, "empty" },	 [OP_SHRINK] = { 'k', false, "shrink" },
	[OP_REMAP] = { 'w', true, "remap" },	 [OP_STEAL] = { 'z', true, "steal" },
	[OP_VERIFY] = { 'v', false, "verify" },	 [OP_STRAY] = { 'x', true, "stray put" },
	[OP_TOUCH] = { 'h', true, "touch" },
};

const char *op_name(enum op_kind kind) { return kinds[kind].name; }
bool op_has_region(enum op_kind kind) { return kinds[kind].region; }

static enum op_kind kind_of(char letter)
{
	for (enum op_kind kind = 0; kind < OP_KINDS; kind++)
		if (kinds[kind].letter == letter)
			return kind;
	return OP_KINDS;
}

bool program_kinds(const char *letters, uint32_t *set)
{
	*set = 0;
	for (; *letters; letters++) {
		enum op_kind kind = kind_of(*letters);

		/*
		 * Who steals waits for another CPU's split: only where somebody wrote both. And a
		 * touch is a matter of softseam's alone.
		 */
		if (kind == OP_KINDS || kind == OP_STEAL || kind == OP_TOUCH)
			return false;
		*set |= 1u << kind;
	}
	return *set != 0;
}

bool program_parse(const char *text, struct program *program, const char **why)
{
	uint32_t cpu = 0;

	memset(program, 0, sizeof(*program));
	program->nr_cpus = 1;
	for (; *text; text++) {
		struct op *op = &program->op[cpu][program->nr_ops[cpu]];

		if (*text == ' ' || *text == ',')
			continue;
		if (*text == '/') {
			*why = "a program is for at most 8 CPUs";
			if (++cpu == PROGRAM_MAX_CPUS)
				return false;
			program->nr_cpus = cpu + 1;
			continue;
		}
		*why = "a CPU has at most 16 operations";
		if (program->nr_ops[cpu] == PROGRAM_MAX_OPS)
			return false;
		op->kind = kind_of(*text);
		*why = "operations are g a r p q M U S J w z x h with a region A..H, and c f t e k "
		       "v";
		if (op->kind == OP_KINDS)
			return false;
		if (kinds[op->kind].region) {
			text++;
			if (*text < 'A' || *text >= 'A' + PROGRAM_MAX_REGIONS)
				return false;
			op->region = (uint32_t)(*text - 'A');
		}
		program->nr_ops[cpu]++;
	}
	return true;
}

const char *program_print(const struct program *program, char text[PROGRAM_TEXT])
{
	size_t at = 0;

	text[0] = 0;
	for (uint32_t cpu = 0; cpu < program->nr_cpus; cpu++) {
		if (cpu)
			at += (size_t)snprintf(text + at, PROGRAM_TEXT - at, "/");
		for (uint32_t i = 0; i < program->nr_ops[cpu]; i++) {
			const struct op *op = &program->op[cpu][i];
			char region[2] = { (char)('A' + op->region), 0 };

			at += (size_t)snprintf(text + at, PROGRAM_TEXT - at, "%s%c%s", i ? " " : "",
					       kinds[op->kind].letter,
					       kinds[op->kind].region ? region : "");
		}
	}
	return text;
}

/* ------------------------------------------------------------------------------------------- */
/* All of a size                                                                                */

/* What an operation takes and what it makes of it. */
static const struct change {
	enum thing takes, or_else, makes;
	bool small; /* not where the region is a 2M page of this CPU's */
	bool alone; /* not where the CPU has anything else */
	bool once;  /* not where the CPU has what it makes */
} changes[OP_KINDS] = {
	[OP_GET] = { .makes = GOT, .small = true },
	[OP_AUG] = { .takes = GOT, .makes = MAPPED, .small = true },
	[OP_REMOVE] = { .takes = MAPPED, .makes = FREED },
	[OP_PUT] = { .takes = FREED, .or_else = GOT },
	[OP_SOFTPUT] = { .takes = FREED, .or_else = GOT },
	[OP_MAP_2M] = { .makes = WHOLE, .small = true, .alone = true },
	[OP_UNMAP] = { .takes = WHOLE },
	[OP_SPLIT] = { .takes = WHOLE, .makes = PIECES },
	[OP_MERGE] = { .takes = PIECES, .makes = WHOLE },
	[OP_TAKE] = { .makes = CONTROL },
	[OP_GIVE] = { .takes = CONTROL },
	[OP_REMAP] = { .takes = PIECES, .makes = PIECES },
	[OP_TOPUP] = { .makes = CACHED, .once = true },
	[OP_EMPTY] = { .takes = CACHED },
};

/* Does the operation have something to work on? Then the holding is what it is afterwards. */
static bool apply(struct holding *h, enum op_kind kind)
{
	const struct change *c = &changes[kind];
	enum thing takes = c->takes;

	if (c->small && (h->nr[WHOLE] || h->nr[PIECES]))
		return false;
	if (c->alone && (h->nr[GOT] || h->nr[MAPPED] || h->nr[FREED]))
		return false;
	if (c->once && h->nr[c->makes])
		return false;
	if (!h->nr[takes] && c->or_else)
		takes = c->or_else;
	if (takes != NOTHING) {
		if (!h->nr[takes])
			return false;
		h->nr[takes]--;
	}
	if (c->makes != NOTHING)
		h->nr[c->makes]++;
	return true;
}

/*
 * WHOSE MEMORY IT IS
 *
 * A region is mapped as a 2M page by whoever the system gave all of it to. So no program has one
 * CPU that maps a region as 2M and another that gets a page of it, in whatever order, and no CPU
 * gets a page of a 2M page of its own: that page would be memory with two owners. KVM cannot come
 * to it. A folio of guest_memfd is one guest's; within a guest who maps 2M has frozen the entry
 * that a 4K page's S-EPT page would be linked at; and a put comes before its page is given back to
 * the system. Two CPUs may want to map the same region: the system decides. Written programs may do
 * anything.
 */
struct others {
	uint32_t pages, whole; /* regions, as bits: CPUs before this one get pages, or map 2M */
};

static bool is_anothers(const struct others *others, enum op_kind kind, uint32_t region)
{
	uint32_t theirs = kind == OP_GET ? others->whole : kind == OP_MAP_2M ? others->pages : 0;

	return theirs >> region & 1;
}

static void add_to_others(struct others *others, enum op_kind kind, uint32_t region)
{
	others->pages |= (uint32_t)(kind == OP_GET) << region;
	others->whole |= (uint32_t)(kind == OP_MAP_2M) << region;
}

/* One CPU's list of operations, as numbers kind * 8 + region: what is compared and permuted. */
struct list {
	uint8_t op[PROGRAM_MAX_OPS]; /* NO_OP behind the last */
};
#define NO_OP UINT8_MAX

struct enumeration {
	struct program_size size;
	bool (*each)(void *ctx, const struct program *program);
	void *ctx;
	uint64_t nr;
	uint64_t work; /* comparisons so far */
	bool stopped;
	struct list list[PROGRAM_MAX_CPUS];
	struct others others[PROGRAM_MAX_CPUS];
};

/* A few seconds; whoever wants more has asked for too much. */
#define MAX_WORK (UINT64_C(1) << 25)

static uint8_t rename_op(uint8_t op, const uint8_t *names)
{
	return op != NO_OP && kinds[op / 8].region ? (uint8_t)(op / 8 * 8 + names[op % 8]) : op;
}

/* Of all programs that differ only in names, the one whose sorted lists come first stands. */
static bool is_first(struct enumeration *e, const uint8_t *names)
{
	struct list renamed[PROGRAM_MAX_CPUS];

	e->stopped |= ++e->work > MAX_WORK;

	for (uint32_t cpu = 0; cpu < e->size.nr_cpus; cpu++) {
		struct list list;
		uint32_t at = cpu;

		for (uint32_t i = 0; i < PROGRAM_MAX_OPS; i++)
			list.op[i] = rename_op(e->list[cpu].op[i], names);
		for (; at && memcmp(&renamed[at - 1], &list, sizeof(list)) > 0; at--)
			renamed[at] = renamed[at - 1];
		renamed[at] = list;
	}
	return memcmp(e->list, renamed, e->size.nr_cpus * sizeof(struct list)) <= 0;
}

/* is_first() under every renaming of regions: Heap's algorithm. */
static bool is_representative(struct enumeration *e)
{
	uint8_t names[PROGRAM_MAX_REGIONS], counter[PROGRAM_MAX_REGIONS] = { 0 };
	uint32_t i = 1;

	for (uint8_t region = 0; region < PROGRAM_MAX_REGIONS; region++)
		names[region] = region;
	if (!is_first(e, names))
		return false;
	while (i < e->size.nr_regions) {
		uint32_t j = i % 2 ? counter[i] : 0;
		uint8_t swap = names[j];

		if (counter[i] == i) {
			counter[i++] = 0;
			continue;
		}
		names[j] = names[i];
		names[i] = swap;
		if (!is_first(e, names))
			return false;
		counter[i]++;
		i = 1;
	}
	return true;
}

static void emit(struct enumeration *e)
{
	struct program program = { .nr_cpus = e->size.nr_cpus };

	if (!is_representative(e))
		return;
	for (uint32_t cpu = 0; cpu < program.nr_cpus; cpu++) {
		const uint8_t *op = e->list[cpu].op;
		uint32_t *nr = &program.nr_ops[cpu];

		for (; *nr < PROGRAM_MAX_OPS && op[*nr] != NO_OP; ++*nr)
			program.op[cpu][*nr] = (struct op){ op[*nr] / 8, op[*nr] % 8 };
	}
	e->nr++;
	e->stopped |= !e->each(e->ctx, &program);
}

static void extend(struct enumeration *e, uint32_t cpu, uint32_t at, uint32_t done,
		   const struct holding *holding);

/* May the CPU's list end here? Then on with the next CPU's. */
static void end_list(struct enumeration *e, uint32_t cpu, uint32_t at, uint32_t done)
{
	const struct program_size *size = &e->size;
	struct holding none[PROGRAM_MAX_REGIONS] = { { { 0 } } };

	if (size->nr_ops ? at < size->nr_ops : !at)
		return;
	if (cpu + 1 < size->nr_cpus) {
		e->others[cpu + 1] = e->others[cpu];
		for (uint32_t i = 0; i < at; i++)
			add_to_others(&e->others[cpu + 1], e->list[cpu].op[i] / 8,
				      e->list[cpu].op[i] % 8);
		extend(e, cpu + 1, 0, done, none);
	} else if (size->nr_ops || done == size->in_all) {
		emit(e);
	}
}

/* CPU cpu has `at` operations so far, all together `done`. */
static void extend(struct enumeration *e, uint32_t cpu, uint32_t at, uint32_t done,
		   const struct holding *holding)
{
	const struct program_size *size = &e->size;

	memset(e->list[cpu].op + at, NO_OP, PROGRAM_MAX_OPS - at);
	end_list(e, cpu, at, done);
	if (size->nr_ops ? at == size->nr_ops : done == size->in_all || at == PROGRAM_MAX_OPS)
		return;
	for (enum op_kind kind = 0; kind < OP_KINDS && !e->stopped; kind++) {
		uint32_t regions = kinds[kind].region ? size->nr_regions : 1;

		for (uint32_t region = 0; (size->kinds >> kind & 1) && region < regions; region++) {
			struct holding next[PROGRAM_MAX_REGIONS];

			memcpy(next, holding, sizeof(next));
			if (e->stopped || is_anothers(&e->others[cpu], kind, region) ||
			    !apply(&next[region], kind))
				continue;
			e->list[cpu].op[at] = (uint8_t)(kind * 8 + region);
			extend(e, cpu, at + 1, done + 1, next);
			memset(e->list[cpu].op + at, NO_OP, PROGRAM_MAX_OPS - at);
		}
	}
}

uint64_t program_enumerate(const struct program_size *size,
			   bool (*each)(void *ctx, const struct program *program), void *ctx)
{
	struct enumeration e = { .size = *size, .each = each, .ctx = ctx };
	struct holding none[PROGRAM_MAX_REGIONS] = { { { 0 } } };

	extend(&e, 0, 0, 0, none);
	return e.stopped ? UINT64_MAX : e.nr;
}

/* ------------------------------------------------------------------------------------------- */
/* Random ones                                                                                  */

/* Every operation that makes sense now is as likely as any other. */
static bool random_op(uint64_t *random, const struct program_size *size,
		      const struct others *others, struct holding *holding, struct op *op)
{
	uint32_t seen = 0;

	for (enum op_kind kind = 0; kind < OP_KINDS; kind++) {
		uint32_t regions = kinds[kind].region ? size->nr_regions : 1;

		for (uint32_t region = 0; (size->kinds >> kind & 1) && region < regions; region++) {
			struct holding there = holding[region];

			if (is_anothers(others, kind, region) || !apply(&there, kind))
				continue;
			if ((random_quick(random) >> 33) % ++seen == 0)
				*op = (struct op){ kind, region };
		}
	}
	return seen && apply(&holding[op->region], op->kind);
}

void program_random(uint64_t seed, uint64_t i, const struct program_size *size,
		    struct program *program)
{
	uint64_t random =
		(seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (i + 1) * UINT64_C(0xd1342543de82ef95);
	struct others others = { 0 };

	memset(program, 0, sizeof(*program));
	program->nr_cpus = size->nr_cpus;
	for (uint32_t cpu = 0; cpu < size->nr_cpus; cpu++) {
		struct holding holding[PROGRAM_MAX_REGIONS] = { { { 0 } } };
		uint32_t *nr = &program->nr_ops[cpu];

		while (*nr < size->nr_ops &&
		       random_op(&random, size, &others, holding, &program->op[cpu][*nr]))
			++*nr;
		for (uint32_t n = 0; n < *nr; n++)
			add_to_others(&others, program->op[cpu][n].kind,
				      program->op[cpu][n].region);
	}
}
