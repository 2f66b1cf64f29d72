// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * live.c - recordings of running hosts, made ready to be replayed.
 *
 * Each call gets a turn, VP.ENTER two; turns are sorted by time, and the items are put together
 * anew, turn by turn, while a list is kept of the TDs and vCPUs that were created on the way.
 */
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"
#include "lab/recordings/live.h"

/* Items first .. call of the recording, the last one a call; or the end of a vCPU's stay. */
struct turn {
	uint64_t ns, in_ns, out_ns; /* when it comes; when the call began and ended */
	size_t first, call;
	bool exit;
};

/* When calls began, and when they ended, each in order. */
struct times {
	size_t nr;
	uint64_t *began, *ended;
};

/* A root page, of a TD or a vCPU, and the TD it belongs to. */
struct root {
	uint64_t page, tdr;
	bool before; /* a TD that was there before */
};

struct live {
	struct vector *raw;
	struct live_counts *counts;
	struct turn *turn;
	size_t nr_turns, behind; /* the last call: the first item behind it */
	struct times times;
	uint64_t *stay;		  /* by item: the TD in which that VP.ENTER's vCPU is, 0: in none */
	void *roots;		  /* a tree of struct root, by page */
	struct vector_item *item; /* the new ones */
	size_t nr_items, room_items;
	bool no_memory;
};

bool live_is(const struct vector *vector) { return vector->items[0].machine->live; }

static uint32_t leaf_of(const struct vector_call *call) { return TDX_RAX_LEAF(call->in.rax); }

static bool succeeded(const struct vector_call *call)
{
	return !(call->after.rax & TDX_STATUS_CODE_MASK);
}

/* A VP.ENTER that got into the TD: nothing else may have an exit reason. */
static bool went_in(const struct vector_call *call)
{
	return leaf_of(call) == TDH_VP_ENTER && !(call->after.rax >> 63);
}

/* ------------------------------------------------------------------------------------------- */
/* New items.                                                                                  */

static struct vector_item *new_item(struct live *l)
{
	if (l->nr_items == l->room_items) {
		size_t room = l->room_items ? 2 * l->room_items : 1024;
		struct vector_item *more = realloc(l->item, room * sizeof(*more));

		if (!more) {
			l->no_memory = true;
			return NULL;
		}
		l->item = more;
		l->room_items = room;
	}
	return memset(&l->item[l->nr_items++], 0, sizeof(*l->item));
}

/* An item of the recording goes over, and is gone there. */
static struct vector_item *move_item(struct live *l, size_t from)
{
	struct vector_item *item = new_item(l);

	if (!item)
		return NULL;
	*item = l->raw->items[from];
	l->raw->items[from] = (struct vector_item){ .kind = VECTOR_KINDS };
	return item;
}

/* One that is not in the recording, at the line of a call, and at its time. */
static struct vector_item *made_item(struct live *l, enum vector_kind kind, uint32_t line,
				     const struct turn *turn, const char *text)
{
	struct vector_item *item = new_item(l);

	if (!item)
		return NULL;
	item->kind = kind;
	item->line = line;
	item->in_ns = turn->in_ns;
	item->out_ns = turn->out_ns;
	item->text = strdup(text);
	l->no_memory |= !item->text;
	return item;
}

/* ------------------------------------------------------------------------------------------- */
/* Turns.                                                                                      */

static int by_time(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns < y->ns ? -1 : 1;
	if (x->call != y->call)
		return x->call < y->call ? -1 : 1;
	return x->exit - y->exit;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void add_times(struct times *times, const struct vector_item *call)
{
	times->began[times->nr] = call->in_ns;
	times->ended[times->nr++] = call->out_ns;
}

static bool make_turns(struct live *l)
{
	const struct vector *raw = l->raw;
	size_t first = 1;

	l->turn = calloc(2 * raw->nr_items, sizeof(*l->turn));
	l->stay = calloc(raw->nr_items, sizeof(*l->stay));
	l->times.began = calloc(raw->nr_items, sizeof(*l->times.began));
	l->times.ended = calloc(raw->nr_items, sizeof(*l->times.ended));
	if (!l->turn || !l->stay || !l->times.began || !l->times.ended)
		return false;
	for (size_t i = 1; i < raw->nr_items; i++) {
		const struct vector_item *item = &raw->items[i];
		struct turn turn = {
			.in_ns = item->in_ns, .out_ns = item->out_ns, .first = first, .call = i
		};
		bool in;

		if (item->kind != VECTOR_CALL)
			continue;
		add_times(&l->times, item);
		in = went_in(&item->call);
		turn.ns = in ? item->in_ns : item->out_ns;
		l->turn[l->nr_turns++] = turn;
		turn.ns = item->out_ns;
		turn.exit = true;
		if (in)
			l->turn[l->nr_turns++] = turn;
		first = i + 1;
	}
	l->behind = first;
	qsort(l->turn, l->nr_turns, sizeof(*l->turn), by_time);
	qsort(l->times.began, l->times.nr, sizeof(*l->times.began), by_value);
	qsort(l->times.ended, l->times.nr, sizeof(*l->times.ended), by_value);
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs and vCPUs that are known.                                                               */

static int by_page(const void *a, const void *b)
{
	return by_value(&((const struct root *)a)->page, &((const struct root *)b)->page);
}

static struct root *find_root(const struct live *l, uint64_t page)
{
	const struct root wanted = { .page = page };
	struct root **found = tfind(&wanted, &l->roots, by_page);

	return found ? *found : NULL;
}

static void set_root(struct live *l, uint64_t page, uint64_t tdr, bool before)
{
	struct root *root = find_root(l, page), *made = NULL;

	if (!root)
		root = made = malloc(sizeof(*root));
	if (root)
		*root = (struct root){ page, tdr, before };
	if (made && !tsearch(made, &l->roots, by_page)) {
		free(made);
		root = NULL;
	}
	l->no_memory |= !root;
}

/* The register of this call's input whose operand is called like that; NULL: none is. */
static const uint64_t *operand(const struct vector_call *call, const char *what)
{
	const struct abi_leaf *leaf = abi_leaf(leaf_of(call), false);
	const size_t length = strlen(what);

	for (unsigned int i = 0; leaf && i < ABI_MAX_OPERANDS && leaf->in[i].value; i++) {
		const struct abi_operand *o = &leaf->in[i];

		if (strncmp(o->what, what, length) || (o->what[length] && o->what[length] != ','))
			continue;
		/* They are numbered as they stand in struct tdx_regs. */
		if (o->reg == TDX_OP_RCX || o->reg == TDX_OP_RDX)
			return &call->in.rax + o->reg;
	}
	return NULL;
}

/* The root page of what a call is about, 0: of no TD. */
static uint64_t subject(const struct vector_call *call)
{
	const uint64_t *page = operand(call, "TDR");

	if (!page)
		page = operand(call, "TDVPR");
	if (page)
		return *page & ~(TDX_PAGE_SIZE - 1);
	/* Whose page it is says the answer; the TDR itself is its own. */
	if (leaf_of(call) == TDH_PHYMEM_PAGE_RECLAIM && succeeded(call))
		return call->after.rdx ? call->after.rdx : call->in.rcx;
	if (leaf_of(call) == TDH_PHYMEM_PAGE_RDMD && succeeded(call))
		return call->after.rdx;
	return 0;
}

/* Is a call about something that is older than the recording? */
static bool is_before(struct live *l, const struct vector_call *call)
{
	uint64_t page = subject(call);
	const struct root *root = page ? find_root(l, page) : NULL;

	if (!page)
		return false;
	if (root)
		return root->before;
	/* A call that fails may be about a page that is no TD's root at all. */
	if (!succeeded(call) && !went_in(call))
		return false;
	set_root(l, page, page, true);
	l->counts->tds_before += !operand(call, "TDVPR");
	return true;
}

/* What a call makes, or takes away. */
static void learn(struct live *l, const struct vector_call *call)
{
	if (!succeeded(call))
		return;
	if (leaf_of(call) == TDH_MNG_CREATE)
		set_root(l, call->in.rcx, call->in.rcx, false);
	else if (leaf_of(call) == TDH_VP_CREATE)
		set_root(l, call->in.rcx, call->in.rdx, false);
}

/* ------------------------------------------------------------------------------------------- */
/* Calls.                                                                                      */

static bool found_busy(const struct vector_call *call)
{
	const uint64_t code = call->after.rax & TDX_STATUS_CODE_MASK;

	return code == TDX_OPERAND_BUSY || code == TDX_OPERAND_BUSY_HOST_PRIORITY;
}

/* How many of them are at most that. */
static size_t up_to(const uint64_t *sorted, size_t nr, uint64_t most)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (sorted[middle] <= most)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Was somebody else in the module: of all that had begun at its end not all were over before it. */
static bool has_company(const struct live *l, const struct turn *own)
{
	const struct times *t = &l->times;
	size_t over = own->in_ns ? up_to(t->ended, t->nr, own->in_ns - 1) : 0;

	return up_to(t->began, t->nr, own->out_ns) - over > 1;
}

/* What happens by chance, and has to happen again. */
static const struct {
	uint64_t code;
	enum seam_debug_inject inject;
	const char *text;
} chances[] = {
	{ TDX_INTERRUPTED_RESUMABLE, SEAM_INJECT_INTERRUPT, "inject interrupt" },
	{ TDX_RND_NO_ENTROPY, SEAM_INJECT_RNG_FAIL, "inject rng=fail" },
	{ TDX_KEY_GENERATION_FAILED, SEAM_INJECT_PCONFIG_ENTROPY, "inject pconfig=entropy" },
};

static void add_chance(struct live *l, const struct vector_item *call, const struct turn *turn)
{
	for (unsigned int i = 0; i < sizeof(chances) / sizeof(*chances); i++) {
		struct vector_item *item;

		if ((call->call.after.rax & TDX_STATUS_CODE_MASK) != chances[i].code)
			continue;
		item = made_item(l, VECTOR_INJECT, call->line, turn, chances[i].text);
		if (item)
			item->inject = chances[i].inject;
	}
}

/* Are the TD_PARAMS of this MNG.INIT among the lines before it? */
static bool has_params(const struct live *l, const struct turn *turn)
{
	for (size_t i = turn->first; i < turn->call; i++)
		if (l->raw->items[i].kind == VECTOR_POKE64 &&
		    l->raw->items[i].list.at.v == l->raw->items[turn->call].call.in.rdx)
			return true;
	return false;
}

static void add_forced(struct live *l, const struct vector_item *call, const struct turn *turn)
{
	struct vector_item *item = made_item(l, VECTOR_FORCE_TD, call->line, turn, call->text);

	l->counts->no_params++;
	if (item)
		item->force_td = (struct vector_force_td){
			.tdr = hpa(call->call.in.rcx & ~(TDX_PAGE_SIZE - 1)),
			.state = TDX_OP_INITIALIZED,
			.pwl = 3,
		};
}

/* enter or exit, by the number of the turn's call; inside TD, which is there. */
static void add_stay(struct live *l, uint32_t line, const struct turn *turn)
{
	struct vector_item *item = made_item(l, turn->exit ? VECTOR_EXIT : VECTOR_ENTER, line, turn,
					     turn->exit ? "exit" : "enter");

	if (item)
		item->lock = (struct vector_lock){
			.id = (uint32_t)turn->call,
			.arg = l->stay[turn->call],
		};
}

static void add_entry(struct live *l, const struct turn *turn)
{
	struct vector_item *item = move_item(l, turn->call);
	const struct root *root;
	uint32_t line;

	if (!item)
		return;
	item->call.any = VECTOR_ANY_REGS;
	l->counts->given++;
	line = item->line;
	root = find_root(l, item->call.in.rcx);
	/* Alone in the module, it is in and out at once. */
	if (!root || (turn + 1 < l->turn + l->nr_turns && turn[1].call == turn->call))
		return;
	l->stay[turn->call] = root->tdr;
	add_stay(l, line, turn);
}

/* What stands before a call goes over; where the call does not, without what is for it alone. */
static void move_lines(struct live *l, const struct turn *turn, bool with_call)
{
	for (size_t i = turn->first; i < turn->call; i++) {
		enum vector_kind kind = l->raw->items[i].kind;

		if (with_call || (kind != VECTOR_INJECT && kind != VECTOR_GUEST))
			move_item(l, i);
	}
}

static void take_turn(struct live *l, const struct turn *turn)
{
	const struct vector_item *raw = &l->raw->items[turn->call];
	const struct vector_call *call = &raw->call;

	l->counts->calls++;
	if (is_before(l, call)) {
		l->counts->before++;
		move_lines(l, turn, false);
		return;
	}
	if (found_busy(call) && has_company(l, turn)) {
		l->counts->busy++;
		move_lines(l, turn, false);
		return;
	}
	if (leaf_of(call) == TDH_MNG_INIT && succeeded(call) && !has_params(l, turn)) {
		move_lines(l, turn, false);
		add_forced(l, raw, turn);
		return;
	}
	learn(l, call);
	move_lines(l, turn, true);
	add_chance(l, raw, turn);
	if (went_in(call))
		add_entry(l, turn);
	else
		move_item(l, turn->call);
}

static void take_turns(struct live *l)
{
	/* What stands before the first call was there before it. */
	size_t first = 1;

	move_item(l, 0);
	while (first < l->raw->nr_items && l->raw->items[first].kind != VECTOR_CALL)
		first++;
	while (first > 1 && l->raw->items[first - 1].kind != VECTOR_CONFIGURED)
		first--;
	for (size_t i = 1; i < first; i++)
		move_item(l, i);
	for (size_t i = 0; i < l->nr_turns && !l->no_memory; i++) {
		if (l->turn[i].first < first)
			l->turn[i].first = first;
		if (!l->turn[i].exit)
			take_turn(l, &l->turn[i]);
		else if (l->stay[l->turn[i].call])
			add_stay(l, l->item[l->nr_items - 1].line, &l->turn[i]);
	}
	for (size_t i = l->behind; i < l->raw->nr_items && !l->no_memory; i++)
		if (l->raw->items[i].kind != VECTOR_KINDS)
			move_item(l, i);
}

int live_prepare(struct vector *vector, struct live_counts *counts)
{
	struct live l = { .raw = vector, .counts = counts };
	struct vector old = { .nr_items = vector->nr_items, .items = vector->items };

	*counts = (struct live_counts){ 0 };
	l.no_memory = !make_turns(&l);
	if (!l.no_memory)
		take_turns(&l);
	free(l.turn);
	free(l.stay);
	free(l.times.began);
	free(l.times.ended);
	tdestroy(l.roots, free);
	vector->items = l.item;
	vector->nr_items = l.nr_items;
	vector_free(&old); /* what did not go over */
	return l.no_memory ? -1 : 0;
}
