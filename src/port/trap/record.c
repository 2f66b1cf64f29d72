// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record.c - what happens to a module on several logical processors at once, as the lines of a
 * recording, which happen one after the other.
 *
 * The order is made while the calls happen. Whoever is in the module has the turn, which goes round
 * first come, first served; what a call does between getting the turn and passing it on is one step
 * of the recording:
 *
 *   a call that fails	one step: the line is written, and the turn passed on
 *   one that succeeds	does its work in one step, and its line is written. Then it passes the turn
 *			on with its locks held, and releases them when it has the turn again: calls
 *			that came meanwhile have met them, as they would on hardware
 *   VP.ENTER		a step to the guest, one for each ACCEPT, one to the exit. The line of the
 *			call stands where the vCPU went in, with the registers of the exit: until
 *			they are known, later lines wait. What the guest did is a line before it
 *
 * A recording's calls release their locks before the next line. So what a call meets is said by
 * further lines:
 *
 *   lock, hold		before a line of BUSY: somebody has that lock (unless a line said so before)
 *   release		before the first step in which that lock is free again
 *   enter, exit	around the lines that fall within a vCPU's stay
 *   inject		an interrupt made a call stop
 *   poke64		memory of the host's, as the call at hand has read it
 *
 * The holder of a lock is not searched for: the word in which the lock is says whether it is held,
 * shared or exclusively. Its name is searched for among all that the registers of the call may have
 * led to (seam_debug_find_lock()).
 *
 * Differences to a module that nobody takes down: work is not done in parallel, and a call that
 * fails holds no locks while others look.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/call_line.h"
#include "port/trap/record.h"
#include "port/trap/record_file.h"
#include "port/trap/trace.h"
#include "seam/debug.h"

/* A line that waits for one before it; text: NULL while it is not known. */
struct line {
	struct line *next;
	char *text;
};

/* A logical processor that is in the module. */
struct visit {
	struct tdx_regs in;
	const os_a64_t *busy; /* what it did not get; NULL: nothing */
	bool second;	      /* the second lock of that word */
	bool written;	      /* its line */
	struct line *place;   /* VP.ENTER: where its line will be; NULL: another call */
	tdx_hpa_t tdr;
	bool entered; /* the stay has been said */
	uint32_t id;  /* its number */
	bool progress;
};

/* A lock that the recording says is held. */
struct held {
	struct held *next;
	struct seam_debug_word lock;
	uint32_t id;
};

#define LINE_BYTES 1024u /* a call: 30 registers of 20 characters */

/* Somebody who waits for the turn, on the stack. */
struct waiter {
	struct waiter *next;
	pthread_cond_t woken;
	bool turn; /* it has come */
};

struct recorder {
	int fd;
	struct seam *seam;
	struct seam_watch watch;
	enum seam_exit (*guest)(void *guest_ctx, struct seam_vcpu *vcpu);
	void *guest_ctx;

	/* The turn. */
	pthread_mutex_t lock;
	bool taken;
	struct waiter *waiters, **last_waiter;

	/* From here on: of whoever has the turn. */
	struct line *first, **last;
	struct held *held;
	uint32_t next_id, nr_stays;
	uint32_t lp; /* whose turn it is */
	bool dead;   /* the module has stopped */
	bool ended;  /* nothing is written any more */
	pid_t pid;   /* whose file it is; 0: no call has been made */
	char machine[2 * LINE_BYTES];
	struct record_troubles troubles;
	uint32_t nr_lps;
	struct visit visit[]; /* by LP; the last one is of numbers that are none */
};

/* ------------------------------------------------------------------------------------------- */
/* The turn                                                                                     */

/* First come, first served: who waits is woken by whoever passes the turn on, and nobody else. */
static void take_turn(struct recorder *r)
{
	struct waiter me = { .next = NULL };

	pthread_mutex_lock(&r->lock);
	if (r->taken) {
		pthread_cond_init(&me.woken, NULL);
		*r->last_waiter = &me;
		r->last_waiter = &me.next;
		while (!me.turn)
			pthread_cond_wait(&me.woken, &r->lock);
		pthread_cond_destroy(&me.woken);
	}
	r->taken = true;
	pthread_mutex_unlock(&r->lock);
}

static void pass_turn(struct recorder *r)
{
	struct waiter *first;

	pthread_mutex_lock(&r->lock);
	first = r->waiters;
	if (first) {
		r->waiters = first->next;
		if (!r->waiters)
			r->last_waiter = &r->waiters;
		first->turn = true;
		pthread_cond_signal(&first->woken);
	} else {
		r->taken = false;
	}
	pthread_mutex_unlock(&r->lock);
}

static struct visit *visit_of(struct recorder *r, uint32_t lp)
{
	return &r->visit[lp < r->nr_lps ? lp : r->nr_lps];
}

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

/* What does not fit, a full disk's last line, ends the recording: no line may follow half a line.
 */
static void write_line(struct recorder *r, const char *text)
{
	static const char why[] = "pamt: record: a line cannot be written; the recording ends "
				  "before it\n";

	if (r->ended || trace_write(r->fd, text, strlen(text)))
		return;
	r->troubles.unwritten++;
	r->ended = true;
	trace_write(STDERR_FILENO, why, sizeof(why) - 1);
}

static struct line *add_line(struct recorder *r, const char *text)
{
	struct line *line = malloc(sizeof(*line));
	char *copy = text ? strdup(text) : NULL;

	if (!line || (text && !copy)) {
		free(line);
		free(copy);
		r->troubles.unwritten++;
		return NULL;
	}
	*line = (struct line){ NULL, copy };
	*r->last = line;
	r->last = &line->next;
	return line;
}

static void drop_first(struct recorder *r)
{
	struct line *line = r->first;

	r->first = line->next;
	free(line->text);
	free(line);
}

static void write_known(struct recorder *r)
{
	while (r->first && r->first->text) {
		write_line(r, r->first->text);
		drop_first(r);
	}
	if (!r->first)
		r->last = &r->first;
}

static void put_line(struct recorder *r, const char *text)
{
	if (r->first)
		add_line(r, text);
	else
		write_line(r, text);
}

/* " id=N", the end of the line, and the line. */
static void put_id(struct recorder *r, struct words *line, const char *text, uint32_t id)
{
	words_add(line, " id=");
	words_number(line, id);
	words_add(line, "\n");
	put_line(r, text);
}

/* "enter TDR id=N", "exit id=N", "release id=N" */
static void put_event(struct recorder *r, const char *name, const uint64_t *tdr, uint32_t id)
{
	char text[LINE_BYTES];
	struct words line;

	words_begin(&line, text, sizeof(text));
	words_add(&line, name);
	if (tdr) {
		words_add(&line, " ");
		words_hex(&line, *tdr, 1);
	}
	put_id(r, &line, text, id);
}

/* Something happens on this LP: vCPUs on others are inside meanwhile. */
static void say_stays(struct recorder *r, uint32_t lp)
{
	for (uint32_t i = 0; r->nr_stays && i < r->nr_lps; i++) {
		struct visit *visit = &r->visit[i];

		if (i == lp || !visit->place || visit->entered)
			continue;
		visit->entered = true;
		visit->id = r->next_id++;
		put_event(r, "enter", &visit->tdr.v, visit->id);
	}
}

/* Locks that somebody had and that are free now. */
static void say_releases(struct recorder *r)
{
	struct held **link = &r->held, *held;
	bool exclusive;

	while ((held = *link)) {
		if (seam_debug_is_held(&held->lock, &exclusive)) {
			link = &held->next;
			continue;
		}
		put_event(r, "release", NULL, held->id);
		*link = held->next;
		free(held);
	}
}

/* While others have their turn: those that wait, and those that are about to. */
static void give_way(struct recorder *r, uint32_t lp)
{
	pass_turn(r);
	sched_yield();
	take_turn(r);
	r->lp = lp;
	say_releases(r);
}

/* ------------------------------------------------------------------------------------------- */
/* BUSY                                                                                         */

static void put_lock(struct recorder *r, const struct seam_debug_word *lock, bool exclusive,
		     uint32_t id)
{
	static const char *const name[] = {
		[SEAM_DEBUG_SYS] = "lock sys",		[SEAM_DEBUG_KOT] = "lock kot",
		[SEAM_DEBUG_WBT] = "lock wbt",		[SEAM_DEBUG_TDMR] = "lock tdmr ",
		[SEAM_DEBUG_OPSTATE] = "lock opstate ", [SEAM_DEBUG_SEPT] = "lock sept ",
		[SEAM_DEBUG_EPOCH] = "lock epoch ",	[SEAM_DEBUG_SEPTE] = "lock septe ",
	};
	char text[LINE_BYTES];
	struct words line;

	words_begin(&line, text, sizeof(text));
	words_add(&line, lock->is_page ? "hold " : name[lock->what]);
	if (!lock->is_page && lock->what == SEAM_DEBUG_WBT) {
		words_add(&line, " package=");
		words_number(&line, lock->at);
	} else if (lock->is_page ||
		   (lock->what != SEAM_DEBUG_SYS && lock->what != SEAM_DEBUG_KOT)) {
		words_hex(&line, lock->at, 1);
	}
	if (lock->is_page) {
		words_add(&line, " level=");
		words_number(&line, lock->level);
	} else if (lock->what == SEAM_DEBUG_SEPTE) {
		words_add(&line, " rcx=");
		words_hex(&line, lock->map, 1);
	}
	if (lock->is_page || (lock->what != SEAM_DEBUG_WBT && lock->what != SEAM_DEBUG_TDMR &&
			      lock->what != SEAM_DEBUG_SEPTE))
		words_add(&line, exclusive ? " mode=exclusive" : " mode=shared");
	put_id(r, &line, text, id);
}

/* Somebody else has the lock: says so, unless that has been said. */
static void say_held(struct recorder *r, const struct seam_debug_word *lock)
{
	struct held *held;
	bool exclusive;

	for (held = r->held; held; held = held->next)
		if (held->lock.word == lock->word && held->lock.what == lock->what)
			return;
	held = malloc(sizeof(*held));
	if (!held || !seam_debug_is_held(lock, &exclusive)) {
		r->troubles.unnamed++;
		free(held);
		return;
	}
	*held = (struct held){ r->held, *lock, r->next_id++ };
	r->held = held;
	put_lock(r, lock, exclusive, held->id);
}

static void say_busy(struct recorder *r, const struct visit *visit)
{
	struct seam_debug_word lock;

	if (seam_debug_find_lock(r->seam, visit->busy, visit->second, &visit->in, &lock))
		say_held(r, &lock);
	else
		r->troubles.unnamed++;
}

static void on_busy(void *ctx, uint32_t lp, const os_a64_t *word, bool second)
{
	visit_of(ctx, lp)->busy = word;
	visit_of(ctx, lp)->second = second;
}

/* ------------------------------------------------------------------------------------------- */
/* Calls                                                                                        */

static void add_key(struct words *line, const char *key, uint64_t value)
{
	words_add(line, key);
	words_hex(line, value, 1);
}

/* "guest ...": what made the vCPU leave, out of the registers of the exit. */
static void add_guest(struct words *line, const struct visit *visit, const struct tdx_regs *out)
{
	struct tdx_regs regs = *out;

	if (out->rax == TDX_EXIT_EPT_VIOLATION) {
		add_key(line, "guest ept gpa=", out->r8);
		add_key(line, " qualification=", out->rcx);
		add_key(line, " extended=", out->rdx);
		add_key(line, " progress=", visit->progress);
	} else if (out->rax == TDX_EXIT_TDCALL) {
		/* Bits of RCX count RSP, which is none of a SEAMCALL's. */
		add_key(line, "guest vmcall rcx=", out->rcx);
		for (unsigned int i = 2; i < CALL_LINE_REGS; i++) {
			unsigned int number = i < 4 ? i : i + 1;

			if (!(out->rcx >> number & 1))
				continue;
			words_add(line, " ");
			words_add(line, call_line_reg_name[i]);
			add_key(line, "=", *call_line_reg(&regs, i));
		}
	} else {
		words_add(line, "guest interrupt");
	}
	words_add(line, "\n");
}

static bool was_interrupted(uint64_t rax)
{
	tdx_status_t status = { rax };

	return tdx_status_is(status, TDX_INTERRUPTED_RESUMABLE) ||
	       tdx_status_is(status, TDX_INTERRUPTED_RESTARTABLE);
}

/* What MEM.RD finds of a TD's memory, its guest has written, of which nothing is taken down. */
static void add_results(struct words *line, const struct tdx_regs *in, const struct tdx_regs *out)
{
	struct tdx_regs known = *out;
	bool any = TDX_RAX_LEAF(in->rax) == TDH_MEM_RD && out->rax == TDX_SUCCESS;

	if (any)
		known.r8 = in->r8;
	call_line_out(line, in, &known);
	if (any)
		words_add(line, " r8=*");
}

static void write_call(struct recorder *r, uint32_t lp, const struct tdx_regs *out)
{
	struct visit *visit = visit_of(r, lp);
	char text[2 * LINE_BYTES];
	struct seam_fatal fatal;
	struct words line;

	words_begin(&line, text, sizeof(text));
	if (visit->busy)
		say_busy(r, visit);
	if (visit->place)
		add_guest(&line, visit, out);
	else
		say_stays(r, lp);
	if (was_interrupted(out->rax))
		words_add(&line, "inject interrupt\n");
	call_line_in(&line, lp, &visit->in);
	if (!r->dead && seam_is_fatal(r->seam, &fatal)) {
		r->dead = true;
		words_add(&line, " -> fatal ");
		words_number(&line, fatal.id);
	} else {
		add_results(&line, &visit->in, out);
	}
	words_add(&line, "\n");
	visit->written = true;
	if (!visit->place) {
		put_line(r, text);
		return;
	}
	if (visit->entered)
		put_event(r, "exit", NULL, visit->id);
	visit->place->text = strdup(text);
	if (!visit->place->text)
		abort();
	visit->place = NULL;
	r->nr_stays--;
	write_known(r);
}

/*
 * The first call of a process: the file is its own, from the machine's line on, until it ends. A
 * process that it forks has a machine that began in the middle.
 */
static void check_process(struct recorder *r)
{
	static const char why[] = "pamt: record: SEAMCALLs of another process have the file; this "
				  "one's are not recorded\n";

	if (r->ended || r->pid == getpid())
		return;
	if (!r->pid && record_file_take(r->fd)) {
		write_line(r, r->machine);
		r->pid = getpid();
		return;
	}
	trace_write(STDERR_FILENO, why, sizeof(why) - 1);
	r->ended = true;
}

static void on_began(void *ctx, uint32_t lp, const struct tdx_regs *in)
{
	struct recorder *r = ctx;

	take_turn(r);
	check_process(r);
	r->lp = lp;
	say_releases(r);
	*visit_of(r, lp) = (struct visit){ .in = *in };
}

static void on_ended(void *ctx, uint32_t lp, const struct tdx_regs *out)
{
	struct recorder *r = ctx;

	if (!visit_of(r, lp)->written)
		write_call(r, lp, out);
	pass_turn(r);
}

/* The call's locks are held on while others have their turn. */
static void on_worked(void *ctx, uint32_t lp, const struct tdx_regs *out)
{
	struct recorder *r = ctx;
	struct tdx_regs after = *out;

	after.rax = TDX_SUCCESS;
	write_call(r, lp, &after);
	give_way(r, lp);
}

static void on_read(void *ctx, tdx_hpa_t at, const void *bytes, uint32_t nr)
{
	struct recorder *r = ctx;
	char text[LINE_BYTES];
	struct words line;
	uint64_t word;

	say_stays(r, r->lp);
	for (uint32_t i = 0; i < nr; i += sizeof(word)) {
		if (i % 256 == 0) {
			words_begin(&line, text, sizeof(text));
			add_key(&line, "poke64 ", at.v + i);
		}
		word = 0;
		memcpy(&word, (const char *)bytes + i,
		       nr - i < sizeof(word) ? nr - i : sizeof(word));
		add_key(&line, " ", word);
		if ((i + sizeof(word)) % 256 && i + sizeof(word) < nr)
			continue;
		words_add(&line, "\n");
		put_line(r, text);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Guests                                                                                       */

static void add_accept(struct words *line, enum seam_debug_accept how, tdx_status_t status)
{
	if (how == SEAM_ACCEPT_STATUS)
		add_key(line, " -> rax=", status.v);
	else
		words_add(line, how == SEAM_ACCEPT_TDEXIT ? " -> tdexit" : " -> interrupted");
	words_add(line, "\n");
}

static void on_accepted(void *ctx, uint32_t lp, const struct seam_accepted *a)
{
	struct recorder *r = ctx;
	struct seam_debug_word lock;
	char text[LINE_BYTES];
	struct words line;

	say_stays(r, lp);
	if (a->how == SEAM_ACCEPT_STATUS && tdx_status_is(a->status, TDX_OPERAND_BUSY)) {
		if (seam_debug_lock_word(r->seam, SEAM_DEBUG_SEPTE, a->tdr.v, a->rcx, &lock))
			say_held(r, &lock);
		else
			r->troubles.unnamed++;
	}
	words_begin(&line, text, sizeof(text));
	if (a->how == SEAM_ACCEPT_INTERRUPTED)
		words_add(&line, "inject interrupt\n");
	add_key(&line, "accept ", a->tdr.v);
	add_key(&line, " rcx=", a->rcx);
	add_accept(&line, a->how, a->status);
	put_line(r, text);
	give_way(r, lp);
}

/* The guest of the module: the place of the call's line, then the one that there is. */
static enum seam_exit guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct recorder *r = ctx;
	struct visit *visit = visit_of(r, r->lp);
	enum seam_exit how = SEAM_EXIT_INTERRUPT;

	say_stays(r, r->lp);
	visit->tdr = seam_guest_tdr(vcpu);
	visit->place = add_line(r, NULL);
	if (!visit->place)
		abort();
	r->nr_stays++;
	if (r->guest)
		how = r->guest(r->guest_ctx, vcpu);
	visit->progress = seam_debug_progress(vcpu);
	return how;
}

/* ------------------------------------------------------------------------------------------- */
/* Beginning and end                                                                            */

static void add_field(struct words *line, const char *key, uint64_t value)
{
	words_add(line, key);
	words_number(line, value);
}

static void note_machine(struct recorder *r, const struct seam_config *config)
{
	struct words line;

	words_begin(&line, r->machine, sizeof(r->machine));
	add_field(&line, "machine max_pa=", config->max_pa);
	add_field(&line, " hkid_bits=", config->hkid_bits);
	add_field(&line, " hkid_min=", config->hkid_min);
	add_field(&line, " hkid_max=", config->hkid_max);
	add_field(&line, " lps=", config->nr_lps);
	add_field(&line, " packages=", config->nr_packages);
	add_field(&line, " cache_blocks=", config->cache_blocks);
	add_key(&line, " seamrr=", config->seamrr.base);
	add_key(&line, "+", config->seamrr.size);
	for (unsigned int i = 0; i < TDX_MAX_CMRS && config->cmr[i].size; i++) {
		add_key(&line, i ? "," : " cmr=", config->cmr[i].base);
		add_key(&line, "+", config->cmr[i].size);
	}
	words_add(&line, " init=0");
	add_field(&line, " static=", !!(config->features0_clear & TDX_FEATURES0_DYNAMIC_PAMT));
	add_field(&line, " next=", config->next);
	if (config->features)
		words_add(&line, " features=1");
	words_add(&line, "\n");
}

struct recorder *record_create(int fd, struct seam_config *config)
{
	struct recorder *r = calloc(1, sizeof(*r) + (config->nr_lps + 1) * sizeof(r->visit[0]));

	if (!r)
		return NULL;
	r->fd = fd;
	r->nr_lps = config->nr_lps;
	r->last = &r->first;
	r->guest = config->guest;
	r->guest_ctx = config->guest_ctx;
	config->guest = guest;
	config->guest_ctx = r;
	pthread_mutex_init(&r->lock, NULL);
	r->last_waiter = &r->waiters;
	r->watch = (struct seam_watch){
		.ctx = r,
		.began = on_began,
		.ended = on_ended,
		.worked = on_worked,
		.busy = on_busy,
		.read = on_read,
		.accepted = on_accepted,
	};
	note_machine(r, config);
	return r;
}

void record_begin(struct recorder *r, struct seam *seam)
{
	r->seam = seam;
	seam_debug_watch(seam, &r->watch);
}

struct record_troubles record_end(struct recorder *r)
{
	struct record_troubles troubles;

	take_turn(r);
	r->ended = true;
	troubles = r->troubles;
	pass_turn(r);
	return troubles;
}

void record_destroy(struct recorder *r)
{
	if (!r)
		return;
	while (r->first)
		drop_first(r);
	while (r->held) {
		struct held *held = r->held;

		r->held = held->next;
		free(held);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}
