// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vector_line.c - one line of a recording into one item, every mistake named.
 *
 * A line is its name, a fixed number of positional numbers, then key=value fields in any order.
 * Which keys a line may and must have is data (forms[]); a function per kind turns the collected
 * fields into an item. `call` and `accept` have results behind "->" and are read by hand.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lab/recordings/vector_line.h"

/* How a kind of line is written. */
struct form {
	/*
	 * Shown in errors, and obeyed: its words are the name (1 or 2 words), positional numbers,
	 * then key=value, in [] where it may be missing. A form with "->", or with " ..." for a
	 * list, reads its own fields.
	 */
	const char *syntax;
	unsigned int words; /* of the name */
	enum vector_kind kind;
	int (*build)(struct vector_line *line, struct vector_item *item);
	unsigned int detail; /* lock: which one; inject: what */
};

int vector_line_fail(struct vector_line *line, const char *format, ...)
{
	va_list args;
	int n = snprintf(line->error, line->error_size, "%s:%u: ", line->file, line->number);

	if (n < 0 || (size_t)n >= line->error_size)
		return -1;
	va_start(args, format);
	vsnprintf(line->error + n, line->error_size - (size_t)n, format, args);
	va_end(args);
	return -1;
}

static int fail_syntax(struct vector_line *line, const char *what, const char *field)
{
	return vector_line_fail(line, "%s '%.40s'; allowed: %s", what, field, line->form->syntax);
}

/* A whole number, hexadecimal with 0x or decimal, nothing before or after it. */
static bool number(const char *text, uint64_t *value)
{
	int base = text[0] == '0' && text[1] == 'x' ? 16 : 10;
	const char *digits = base == 16 ? text + 2 : text;
	char *end;

	if (!*digits || strspn(digits, "0123456789abcdefABCDEF") != strlen(digits))
		return false;
	errno = 0;
	*value = strtoull(digits, &end, base);
	return !errno && !*end;
}

/* The text behind key=, NULL where the line does not have it. */
static const char *key_text(const struct vector_line *line, const char *key)
{
	for (unsigned int k = 0; k < line->nr_keys; k++)
		if (!strcmp(line->key[k], key))
			return line->value[k];
	return NULL;
}

/* The value of a key as a number of at most max; an absent key leaves *value alone. */
static int key_number(struct vector_line *line, const char *key, uint64_t max, uint64_t *value)
{
	const char *text = key_text(line, key);
	uint64_t v;

	if (!text)
		return 0;
	if (!number(text, &v) || v > max)
		return vector_line_fail(line,
					"%s='%.40s' is no number from 0 to %#llx; allowed: %s", key,
					text, (unsigned long long)max, line->form->syntax);
	*value = v;
	return 0;
}

static int key_u32(struct vector_line *line, const char *key, uint32_t max, uint32_t *value)
{
	uint64_t v = *value;

	if (key_number(line, key, max, &v))
		return -1;
	*value = (uint32_t)v;
	return 0;
}

/* mode=shared|exclusive */
static int key_mode(struct vector_line *line, bool *exclusive)
{
	const char *text = key_text(line, "mode");

	*exclusive = !strcmp(text, "exclusive");
	if (!*exclusive && strcmp(text, "shared"))
		return fail_syntax(line, "bad mode", text);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* One function per kind of line: fields to item.                                               */

/* BASE+SIZE, up to the end or a comma; *text moves behind it. */
static bool range(const char **text, struct tdx_cmr *r)
{
	char one[64];
	size_t n = strcspn(*text, ",");
	char *plus;

	if (n >= sizeof(one))
		return false;
	memcpy(one, *text, n);
	one[n] = '\0';
	*text += n;
	plus = strchr(one, '+');
	if (!plus)
		return false;
	*plus = '\0';
	return number(one, &r->base) && number(plus + 1, &r->size);
}

static int cmr_list(struct vector_line *line, const char *text, struct seam_config *config)
{
	for (unsigned int i = 0;; i++) {
		if (i == TDX_MAX_CMRS)
			return vector_line_fail(line, "more than %u CMRs; allowed: 1 to %u",
						TDX_MAX_CMRS, TDX_MAX_CMRS);
		if (!range(&text, &config->cmr[i]))
			return fail_syntax(line, "bad CMR in", key_text(line, "cmr"));
		if (!*text)
			return 0;
		text++; /* the comma */
	}
}

/* What kind of module, and how far it has come. */
static int build_module(struct vector_line *line, struct vector_machine *machine)
{
	uint32_t init = 1, is_static = 0, next = 0, features = 0;

	if (key_u32(line, "init", 1, &init) || key_u32(line, "static", 1, &is_static) ||
	    key_u32(line, "next", 1, &next) || key_u32(line, "features", 1, &features))
		return -1;
	machine->init = init;
	machine->config.features = features;
	machine->config.next = next;
	if (is_static)
		machine->config.features0_clear = TDX_FEATURES0_DYNAMIC_PAMT;
	return 0;
}

/* Taken from a running host; only one that was brought to its end says what is missing. */
static int build_live(struct vector_line *line, struct vector_machine *machine)
{
	uint32_t live = 0;

	if (key_u32(line, "live", 1, &live) ||
	    key_number(line, "missed", UINT64_MAX, &machine->missed) ||
	    key_number(line, "cut", UINT64_MAX, &machine->cut))
		return -1;
	machine->live = live;
	machine->ended = key_text(line, "missed");
	return 0;
}

static int build_machine(struct vector_line *line, struct vector_item *item)
{
	uint32_t hkid_min = 0, hkid_max = 0;
	struct vector_machine *machine = calloc(1, sizeof(*machine));
	const char *seamrr = key_text(line, "seamrr");
	struct seam_config *config;

	if (!machine)
		return vector_line_fail(line, "out of memory");
	item->machine = machine;
	config = &machine->config;
	/* What the numbers may be together is for seam_create() to say. */
	if (key_u32(line, "max_pa", 64, &config->max_pa) ||
	    key_u32(line, "hkid_bits", 64, &config->hkid_bits) ||
	    key_u32(line, "hkid_min", UINT16_MAX, &hkid_min) ||
	    key_u32(line, "hkid_max", UINT16_MAX, &hkid_max) ||
	    key_u32(line, "lps", UINT16_MAX, &config->nr_lps) ||
	    key_u32(line, "packages", UINT16_MAX, &config->nr_packages) ||
	    key_u32(line, "cache_blocks", UINT32_MAX, &config->cache_blocks))
		return -1;
	config->hkid_min = (uint16_t)hkid_min;
	config->hkid_max = (uint16_t)hkid_max;
	if (!range(&seamrr, &config->seamrr) || *seamrr)
		return fail_syntax(line, "bad seamrr", key_text(line, "seamrr"));
	return build_module(line, machine) || build_live(line, machine) ||
			       cmr_list(line, key_text(line, "cmr"), config)
		       ? -1
		       : 0;
}

static int build_word(struct vector_line *line, struct vector_item *item)
{
	item->word.at = hpa(line->arg[0]);
	item->word.value = line->arg[1];
	return 0;
}

/* Where words of memory are: below 2^52, all of them. */
static int check_words(struct vector_line *line, uint64_t at, unsigned int nr)
{
	if (at <= (UINT64_C(1) << TDX_PA_BITS) - nr * sizeof(uint64_t))
		return 0;
	return fail_syntax(line, "no physical address, which is below 2^52:", line->field[1]);
}

static int build_u32(struct vector_line *line, struct vector_item *item)
{
	if (line->arg[1] > UINT32_MAX)
		return fail_syntax(line, "more than 32 bits:", line->field[2]);
	return build_word(line, item);
}

static int build_flag(struct vector_line *line, struct vector_item *item)
{
	if (line->arg[1] > 1)
		return fail_syntax(line, "neither 0 nor 1:", line->field[2]);
	return build_word(line, item);
}

static int build_init_tdmr(struct vector_line *line, struct vector_item *item)
{
	item->word.at = hpa(line->arg[0]);
	return key_number(line, "calls", UINT32_MAX, &item->word.value);
}

static int build_force_td(struct vector_line *line, struct vector_item *item)
{
	uint32_t state = 0, pwl = 3, gpaw = 0;

	if (key_u32(line, "op_state", TDX_OP_RUNNABLE, &state) || key_u32(line, "pwl", 4, &pwl) ||
	    key_u32(line, "gpaw", 1, &gpaw))
		return -1;
	if (pwl < 3)
		return fail_syntax(line, "bad pwl", key_text(line, "pwl"));
	item->force_td = (struct vector_force_td){
		.tdr = hpa(line->arg[0]),
		.state = (enum tdx_op_state)state,
		.pwl = pwl,
		.gpaw = gpaw,
	};
	return 0;
}

static int build_enter(struct vector_line *line, struct vector_item *item)
{
	item->lock.arg = line->arg[0];
	return key_u32(line, "id", UINT32_MAX, &item->lock.id);
}

static int build_hold(struct vector_line *line, struct vector_item *item)
{
	item->lock.arg = line->arg[0];
	if (key_u32(line, "level", TDX_1G, &item->lock.level) ||
	    key_mode(line, &item->lock.exclusive))
		return -1;
	return key_u32(line, "id", UINT32_MAX, &item->lock.id);
}

/* sys, kot: mode, id. opstate, sept, epoch: TDR, mode, id. */
static int build_lock_mode(struct vector_line *line, struct vector_item *item)
{
	item->lock.what = (enum seam_debug_lock)line->form->detail;
	item->lock.arg = line->arg[0];
	if (key_mode(line, &item->lock.exclusive))
		return -1;
	return key_u32(line, "id", UINT32_MAX, &item->lock.id);
}

/* wbt: package, id. tdmr: BASE, id. septe: TDR, rcx, id. These have one mode only. */
static int build_lock(struct vector_line *line, struct vector_item *item)
{
	item->lock.what = (enum seam_debug_lock)line->form->detail;
	item->lock.arg = line->arg[0];
	item->lock.exclusive = true;
	if (key_number(line, "package", UINT32_MAX, &item->lock.arg) ||
	    key_number(line, "rcx", UINT64_MAX, &item->lock.map))
		return -1;
	return key_u32(line, "id", UINT32_MAX, &item->lock.id);
}

/* PA VALUE|* ..., PA VALUE ..., TDVPR [GPA ...]: all that follows the first number. */
static int build_list(struct vector_line *line, struct vector_item *item)
{
	struct vector_list *list = &item->list;
	bool stars = strchr(line->form->syntax, '*'), words = strstr(line->form->syntax, " VALUE");

	if (line->nr_fields < (words ? 3u : 2u))
		return fail_syntax(line, "too few fields behind", line->field[0]);
	if (line->nr_fields > 2 + VECTOR_MAX_LIST)
		return vector_line_fail(line, "more than %u values; allowed: %s", VECTOR_MAX_LIST,
					line->form->syntax);
	if (!number(line->field[1], &list->at.v))
		return fail_syntax(line, "bad number", line->field[1]);
	for (unsigned int i = 2; i < line->nr_fields; i++, list->nr++) {
		if (stars && !strcmp(line->field[i], "*"))
			list->any |= UINT32_C(1) << list->nr;
		else if (!number(line->field[i], &list->value[list->nr]))
			return fail_syntax(line, "bad number", line->field[i]);
	}
	return words ? check_words(line, list->at.v, list->nr) : 0;
}

static int build_inject(struct vector_line *line, struct vector_item *item)
{
	/* The second word is part of the form's name: nothing is left to read. */
	item->inject = (enum seam_debug_inject)line->form->detail;
	return 0;
}

static int build_pamt(struct vector_line *line, struct vector_item *item)
{
	struct vector_pamt *p = &item->pamt;
	uint32_t type = 0;
	const char *comma;
	char first[32];

	p->pa = hpa(line->arg[0]);
	p->has_owner = key_text(line, "owner");
	p->has_count = key_text(line, "count");
	p->has_pair = key_text(line, "pair");
	if (key_u32(line, "level", TDX_1G, &p->level) || key_u32(line, "type", 31, &type) ||
	    key_number(line, "owner", UINT64_MAX, &p->owner.v) ||
	    key_u32(line, "count", 512, &p->count))
		return -1;
	p->type = (enum tdx_page_type)type;
	if (!p->has_pair)
		return 0;
	comma = strchr(key_text(line, "pair"), ',');
	if (!comma || (size_t)(comma - key_text(line, "pair")) >= sizeof(first))
		return fail_syntax(line, "bad pair", key_text(line, "pair"));
	memcpy(first, key_text(line, "pair"), (size_t)(comma - key_text(line, "pair")));
	first[comma - key_text(line, "pair")] = '\0';
	if (!number(first, &p->pair[0].v) || !number(comma + 1, &p->pair[1].v))
		return fail_syntax(line, "bad pair", key_text(line, "pair"));
	return 0;
}

/* name=VALUE or name=* (only where any is given); *index is the register. */
static int reg_value(struct vector_line *line, char *field, unsigned int *index, uint64_t *value,
		     uint16_t *any)
{
	char *equals = strchr(field, '=');

	if (!equals)
		return fail_syntax(line, "not register=value:", field);
	*equals = '\0';
	for (*index = 0; *index < VECTOR_REGS; ++*index)
		if (!strcmp(field, call_line_reg_name[*index]))
			break;
	if (*index == VECTOR_REGS)
		return fail_syntax(line, "no register is called", field);
	if (any && !strcmp(equals + 1, "*")) {
		*any |= (uint16_t)(1u << *index);
		return 0;
	}
	if (!number(equals + 1, value))
		return fail_syntax(line, "bad number", equals + 1);
	return 0;
}

/* Registers that a list names, each at most once, as bits: all, and those with any value. */
struct reg_list {
	struct tdx_regs *regs;
	uint16_t seen, *any; /* any: NULL: each has a value */
};

/* Of fields first .. last-1. */
static int read_regs(struct vector_line *line, unsigned int first, unsigned int last,
		     struct reg_list *list)
{
	for (unsigned int i = first; i < last; i++) {
		unsigned int index = 0;
		uint64_t value = 0;

		if (reg_value(line, line->field[i], &index, &value, list->any))
			return -1;
		if (list->seen & 1u << index)
			return fail_syntax(line, "given twice:", call_line_reg_name[index]);
		list->seen |= (uint16_t)(1u << index);
		if (!list->any || !(*list->any & 1u << index))
			*call_line_reg(list->regs, index) = value;
	}
	return 0;
}

/* The place of "->", or nr_fields. */
static unsigned int find_arrow(const struct vector_line *line)
{
	unsigned int i = 1;

	while (i < line->nr_fields && strcmp(line->field[i], "->"))
		i++;
	return i;
}

/* What stands behind "->" of a call. */
static int call_result(struct vector_line *line, unsigned int arrow, struct vector_call *call)
{
	uint64_t id;
	struct reg_list list = { &call->after, 0, &call->any };

	call->after = call->in;
	if (arrow + 1 >= line->nr_fields)
		return fail_syntax(line, "no result behind '->' in", line->field[0]);
	if (arrow + 2 == line->nr_fields && !strcmp(line->field[arrow + 1], "*")) {
		call->any = VECTOR_ANY_REGS;
		return 0;
	}
	if (!strcmp(line->field[arrow + 1], "fatal")) {
		if (arrow + 3 != line->nr_fields || !number(line->field[arrow + 2], &id) ||
		    id > UINT32_MAX)
			return fail_syntax(line, "no fatal error number behind", "fatal");
		call->fatal = true;
		call->fatal_id = (uint32_t)id;
		return 0;
	}
	if (read_regs(line, arrow + 1, line->nr_fields, &list))
		return -1;
	if (!(list.seen & 1))
		return fail_syntax(line, "no rax= behind", "->");
	return 0;
}

/* BEGIN+DURATION, in nanoseconds. */
static int call_time(struct vector_line *line, const char *text, struct vector_item *item)
{
	struct tdx_cmr time;

	if (!range(&text, &time) || *text || time.base + time.size < time.base)
		return fail_syntax(line, "no BEGIN+DURATION:", text);
	item->in_ns = time.base;
	item->out_ns = time.base + time.size;
	return 0;
}

static int build_call(struct vector_line *line, struct vector_item *item)
{
	struct vector_call *call = &item->call;
	unsigned int arrow = find_arrow(line), first = 2, last;
	struct reg_list list = { &call->in, .seen = 1 }; /* rax is the first field */
	uint64_t lp = 0;

	if (line->nr_fields < 2 || !number(line->field[1], &call->in.rax))
		return fail_syntax(line, "bad RAX", line->nr_fields < 2 ? "" : line->field[1]);
	if (arrow == line->nr_fields)
		return fail_syntax(line, "no '->' in", line->field[0]);
	if (first < arrow && !strncmp(line->field[first], "lp=", 3)) {
		if (!number(line->field[first] + 3, &lp) || lp > UINT32_MAX)
			return fail_syntax(line, "bad", line->field[first]);
		first++;
	}
	call->lp = (uint32_t)lp;
	last = arrow;
	if (last > first && !strncmp(line->field[last - 1], "at=", 3) &&
	    call_time(line, line->field[--last] + 3, item))
		return -1;
	if (read_regs(line, first, last, &list))
		return -1;
	return call_result(line, arrow, call);
}

static int build_configured(struct vector_line *line, struct vector_item *item)
{
	struct vector_configured *c = &item->configured;
	uint32_t dynamic = 0;

	c->at = hpa(line->arg[0]);
	if (key_u32(line, "count", TDX_MAX_TDMRS, &c->count) ||
	    key_number(line, "stride", TDX_PAGE_SIZE, &c->stride) ||
	    key_number(line, "hkid", UINT16_MAX, &c->hkid) || key_u32(line, "dynamic", 1, &dynamic))
		return -1;
	if (dynamic)
		c->hkid |= TDX_SYS_CONFIG_DYNAMIC_PAMT;
	/* All of them below 2^52. */
	return check_words(line, c->at.v,
			   (TDX_MAX_TDMRS * (unsigned int)TDX_PAGE_SIZE) / sizeof(uint64_t));
}

static int build_accept(struct vector_line *line, struct vector_item *item)
{
	struct vector_accept *accept = &item->accept;
	const char *result;

	if (line->nr_fields != 5 || strncmp(line->field[2], "rcx=", 4) ||
	    strcmp(line->field[3], "->"))
		return fail_syntax(line, "malformed", line->field[0]);
	if (!number(line->field[1], &accept->tdr.v) || !number(line->field[2] + 4, &accept->rcx))
		return fail_syntax(line, "bad number in", line->field[0]);
	result = line->field[4];
	accept->how = SEAM_ACCEPT_STATUS;
	accept->any = !strcmp(result, "*");
	if (accept->any)
		return 0;
	if (!strcmp(result, "tdexit"))
		accept->how = SEAM_ACCEPT_TDEXIT;
	else if (!strcmp(result, "interrupted"))
		accept->how = SEAM_ACCEPT_INTERRUPTED;
	else if (strncmp(result, "rax=", 4) || !number(result + 4, &accept->rax))
		return fail_syntax(line, "bad result", result);
	return 0;
}

static int build_guest(struct vector_line *line, struct vector_item *item)
{
	item->guest = calloc(1, sizeof(*item->guest));
	if (!item->guest)
		return vector_line_fail(line, "out of memory");
	item->guest->how = SEAM_EXIT_INTERRUPT;
	return 0;
}

static int build_guest_ept(struct vector_line *line, struct vector_item *item)
{
	uint32_t progress = 0;

	if (build_guest(line, item))
		return -1;
	item->guest->how = SEAM_EXIT_EPT;
	if (key_number(line, "qualification", UINT64_MAX, &item->guest->regs.rcx) ||
	    key_number(line, "extended", UINT64_MAX, &item->guest->regs.rdx) ||
	    key_number(line, "gpa", UINT64_MAX, &item->guest->regs.r8) ||
	    key_u32(line, "progress", 1, &progress))
		return -1;
	item->guest->progress = progress;
	return 0;
}

static int build_guest_vmcall(struct vector_line *line, struct vector_item *item)
{
	struct reg_list list = { .seen = 1 }; /* rax is not the guest's to give */

	if (build_guest(line, item))
		return -1;
	item->guest->how = SEAM_EXIT_VMCALL;
	list.regs = &item->guest->regs;
	return read_regs(line, 2, line->nr_fields, &list);
}

/* ------------------------------------------------------------------------------------------- */
/* The forms.                                                                                   */

#define CALL "call RAX [lp=N] [reg=VALUE ...] [at=N+N] -> rax=VALUE [reg=VALUE|* ...] | fatal N | *"
#define MODE "mode=shared|exclusive id=N"
#define MACHINE                                                                                 \
	"machine max_pa=N hkid_bits=N hkid_min=N hkid_max=N lps=N packages=N cache_blocks=N "   \
	"seamrr=BASE+SIZE cmr=BASE+SIZE,... [init=0|1] [static=0|1] [next=0|1] [features=0|1] " \
	"[live=0|1] [missed=N] [cut=N]"

static const struct form forms[] = {
	{ MACHINE, 1, VECTOR_MACHINE, build_machine, 0 },
	{ "poke64 PA VALUE ...", 1, VECTOR_POKE64, build_list, 0 },
	{ CALL, 1, VECTOR_CALL, build_call, 0 },
	{ "init-tdmr BASE calls=N", 1, VECTOR_INIT_TDMR, build_init_tdmr, 0 },
	{ "force-td TDR op_state=0|1|2 [pwl=3|4] [gpaw=0|1]", 1, VECTOR_FORCE_TD, build_force_td,
	  0 },
	{ "accept TDR rcx=VALUE -> rax=VALUE | tdexit | interrupted | *", 1, VECTOR_ACCEPT,
	  build_accept, 0 },
	{ "enter TDR id=N", 1, VECTOR_ENTER, build_enter, 0 },
	{ "exit id=N", 1, VECTOR_EXIT, build_enter, 0 },
	{ "hold PA level=0|1|2 " MODE, 1, VECTOR_HOLD, build_hold, 0 },
	{ "lock sys " MODE, 2, VECTOR_LOCK, build_lock_mode, SEAM_DEBUG_SYS },
	{ "lock kot " MODE, 2, VECTOR_LOCK, build_lock_mode, SEAM_DEBUG_KOT },
	{ "lock wbt package=N id=N", 2, VECTOR_LOCK, build_lock, SEAM_DEBUG_WBT },
	{ "lock tdmr BASE id=N", 2, VECTOR_LOCK, build_lock, SEAM_DEBUG_TDMR },
	{ "lock opstate TDR " MODE, 2, VECTOR_LOCK, build_lock_mode, SEAM_DEBUG_OPSTATE },
	{ "lock sept TDR " MODE, 2, VECTOR_LOCK, build_lock_mode, SEAM_DEBUG_SEPT },
	{ "lock epoch TDR " MODE, 2, VECTOR_LOCK, build_lock_mode, SEAM_DEBUG_EPOCH },
	{ "lock septe TDR rcx=MAP id=N", 2, VECTOR_LOCK, build_lock, SEAM_DEBUG_SEPTE },
	{ "release id=N", 1, VECTOR_RELEASE, build_enter, 0 },
	{ "inject interrupt", 2, VECTOR_INJECT, build_inject, SEAM_INJECT_INTERRUPT },
	{ "inject pconfig=busy", 2, VECTOR_INJECT, build_inject, SEAM_INJECT_PCONFIG_BUSY },
	{ "inject pconfig=entropy", 2, VECTOR_INJECT, build_inject, SEAM_INJECT_PCONFIG_ENTROPY },
	{ "inject rng=fail", 2, VECTOR_INJECT, build_inject, SEAM_INJECT_RNG_FAIL },
	{ "vcpus TDR N", 1, VECTOR_VCPUS, build_u32, 0 },
	{ "assoc TDR N", 1, VECTOR_ASSOC, build_u32, 0 },
	{ "vcpu-state TDVPR N", 1, VECTOR_VCPU_STATE, build_u32, 0 },
	{ "td-fatal TDR 0|1", 1, VECTOR_TD_FATAL, build_flag, 0 },
	{ "half-freed PA", 1, VECTOR_HALF_FREED, build_word, 0 },
	{ "pamt PA level=0|1|2 type=T [owner=TDR] [count=N] [pair=HPA0,HPA1]", 1, VECTOR_PAMT,
	  build_pamt, 0 },
	{ "bitmap PA 0|1", 1, VECTOR_BITMAP, build_flag, 0 },
	{ "chldcnt TDR N", 1, VECTOR_CHLDCNT, build_word, 0 },
	{ "peek64 PA VALUE|* ...", 1, VECTOR_PEEK64, build_list, 0 },
	{ "lp-init LP 0|1", 1, VECTOR_LP_INIT, build_flag, 0 },
	{ "guest ept gpa=N qualification=N extended=N progress=0|1", 2, VECTOR_GUEST,
	  build_guest_ept, 0 },
	{ "guest vmcall [reg=VALUE ...]", 2, VECTOR_GUEST, build_guest_vmcall, 0 },
	{ "guest interrupt", 2, VECTOR_GUEST, build_guest, 0 },
	{ "configured PA count=N stride=N hkid=N [dynamic=0|1]", 1, VECTOR_CONFIGURED,
	  build_configured, 0 },
	{ "epf TDVPR [GPA ...]", 1, VECTOR_EPF, build_list, 0 },
};
#define NR_FORMS (sizeof(forms) / sizeof(forms[0]))

/* The next word of a syntax: its start, and its length; 0 at the end. */
static size_t next_word(const char **syntax)
{
	*syntax += strspn(*syntax, " []");
	return strcspn(*syntax, " ]");
}

/* How many of the words of its name the line begins with. */
static unsigned int words_matched(const struct form *form, const struct vector_line *line)
{
	const char *word = form->syntax;
	unsigned int n = 0;
	size_t length;

	while (n < form->words && n < line->nr_fields) {
		length = next_word(&word);
		if (strlen(line->field[n]) != length || strncmp(line->field[n], word, length))
			break;
		word += length;
		n++;
	}
	return n;
}

/*
 * What could have stood where no form fits: the forms that begin with the line's first word, or
 * else all first words.
 */
static void list_forms(const struct vector_line *line, char *list, size_t list_size)
{
	size_t used = 0;
	bool known = false;

	for (size_t i = 0; i < NR_FORMS; i++)
		known = known || words_matched(&forms[i], line);
	for (size_t i = 0; i < NR_FORMS && used < list_size; i++) {
		const char *text = forms[i].syntax;
		size_t length = known ? strlen(text) : next_word(&text);

		/* Forms with the same first word stand together. */
		if (known ? !words_matched(&forms[i], line)
			  : i && !strncmp(forms[i - 1].syntax, text, length + 1))
			continue;
		used += (size_t)snprintf(list + used, list_size - used, "%s%.*s", used ? "; " : "",
					 (int)length, text);
	}
}

static int find_form(struct vector_line *line)
{
	char list[512] = "";

	for (size_t i = 0; i < NR_FORMS; i++)
		if (words_matched(&forms[i], line) == forms[i].words) {
			line->form = &forms[i];
			return 0;
		}
	list_forms(line, list, sizeof(list));
	return vector_line_fail(line, "unknown line '%.40s%s%.40s'; allowed: %s", line->field[0],
				line->nr_fields > 1 ? " " : "",
				line->nr_fields > 1 ? line->field[1] : "", list);
}

static bool form_has_key(const struct form *form, const char *key)
{
	const char *word = form->syntax;
	size_t length, n = strlen(key);

	for (; (length = next_word(&word)); word += length)
		if (n && n < length && word[n] == '=' && !strncmp(word, key, n))
			return true;
	return false;
}

/* One key=value field of the line. */
static int read_key(struct vector_line *line, char *field)
{
	char *equals = strchr(field, '=');

	if (!equals)
		return fail_syntax(line, "one field too many:", field);
	*equals = '\0';
	if (!form_has_key(line->form, field))
		return fail_syntax(line, "unknown field", field);
	if (key_text(line, field))
		return fail_syntax(line, "given twice:", field);
	/* None came twice: a form has more keys than that, which is a mistake here. */
	if (line->nr_keys == VECTOR_MAX_KEYS)
		return fail_syntax(line, "one field too many:", field);
	line->key[line->nr_keys] = field;
	line->value[line->nr_keys++] = equals + 1;
	return 0;
}

/* Is the key=... of a syntax in the line, if it must be? */
static int check_key(struct vector_line *line, const char *word)
{
	char key[32];

	snprintf(key, sizeof(key), "%.*s", (int)strcspn(word, "="), word);
	if (word[-1] == '[' || key_text(line, key))
		return 0;
	return fail_syntax(line, "missing field", key);
}

/* Positional numbers and keys of the line, as its form's syntax has them. */
static int read_fields(struct vector_line *line)
{
	const char *word = line->form->syntax;
	unsigned int field = 0, nr_args = 0;
	size_t length;

	/* Keys come last, so that the first one in the syntax ends the positional fields. */
	for (; (length = next_word(&word)) && !memchr(word, '=', length); word += length, field++) {
		if (field < line->form->words)
			continue;
		if (field >= line->nr_fields)
			return fail_syntax(line, "too few fields behind", line->field[0]);
		if (!number(line->field[field], &line->arg[nr_args++]))
			return fail_syntax(line, "bad number", line->field[field]);
	}
	for (; field < line->nr_fields; field++)
		if (read_key(line, line->field[field]))
			return -1;
	for (; (length = next_word(&word)); word += length)
		if (check_key(line, word))
			return -1;
	return 0;
}

static int split(struct vector_line *line, char *text)
{
	char *rest = text, *field;

	while ((field = strtok_r(rest, " \t\r\n", &rest))) {
		if (line->nr_fields == VECTOR_MAX_FIELDS)
			return vector_line_fail(line, "more than %d fields", VECTOR_MAX_FIELDS);
		line->field[line->nr_fields++] = field;
	}
	return 0;
}

int vector_line_read(struct vector_line *line, char *text, struct vector_item *item)
{
	if (split(line, text) || find_form(line))
		return -1;
	item->kind = line->form->kind;
	if (!strstr(line->form->syntax, "->") && !strstr(line->form->syntax, " ...") &&
	    read_fields(line))
		return -1;
	return line->form->build(line, item);
}
