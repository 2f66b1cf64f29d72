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
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi/call_line.h"
#include "port/trap/record_internal.h"
#include "port/trap/record_file.h"
#include "port/trap/trace.h"

static struct visit *visit_of(struct recorder *r, uint32_t lp)
{
	return &r->visit[lp < r->nr_lps ? lp : r->nr_lps];
}

/* ------------------------------------------------------------------------------------------- */
/* What others do meanwhile                                                                     */

/* Something happens on this LP: vCPUs on others are inside meanwhile. */
static void say_stays(struct recorder *r, uint32_t lp)
{
	for (uint32_t i = 0; r->nr_stays && i < r->nr_lps; i++) {
		struct visit *visit = &r->visit[i];

		if (i == lp || !visit->place || visit->entered)
			continue;
		visit->entered = true;
		visit->id = r->next_id++;
		record_put_event(r, "enter", &visit->tdr.v, visit->id);
	}
}

/*
 * While others have their turn: those that wait, and those that are about to. Of the latter there
 * are none where one LP makes one call after the other; then yielding would only mean that whatever
 * else this machine does goes first, each time.
 */
static void give_way(struct recorder *r, uint32_t lp)
{
	record_pass_turn(r);
	if (visit_of(r, lp)->company)
		sched_yield();
	record_take_turn(r);
	r->lp = lp;
	record_say_releases(r);
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
		record_say_busy(r, visit);
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
		record_put_line(r, text);
		return;
	}
	if (visit->entered)
		record_put_event(r, "exit", NULL, visit->id);
	visit->place->text = strdup(text);
	if (!visit->place->text)
		abort();
	visit->place = NULL;
	r->nr_stays--;
	record_write_known(r);
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
		record_write_line(r, r->machine);
		r->pid = getpid();
		return;
	}
	trace_write(STDERR_FILENO, why, sizeof(why) - 1);
	r->ended = true;
}

static void on_began(void *ctx, uint32_t lp, const struct tdx_regs *in)
{
	struct recorder *r = ctx;
	bool company;

	record_take_turn(r);
	check_process(r);
	company = r->lp != lp;
	r->lp = lp;
	record_say_releases(r);
	*visit_of(r, lp) = (struct visit){ .in = *in, .company = company };
}

static void on_ended(void *ctx, uint32_t lp, const struct tdx_regs *out)
{
	struct recorder *r = ctx;

	if (!visit_of(r, lp)->written)
		write_call(r, lp, out);
	record_pass_turn(r);
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
		record_put_line(r, text);
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
			record_say_held(r, &lock);
		else
			r->troubles.unnamed++;
	}
	words_begin(&line, text, sizeof(text));
	if (a->how == SEAM_ACCEPT_INTERRUPTED)
		words_add(&line, "inject interrupt\n");
	add_key(&line, "accept ", a->tdr.v);
	add_key(&line, " rcx=", a->rcx);
	add_accept(&line, a->how, a->status);
	record_put_line(r, text);
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
	visit->place = record_add_line(r, NULL);
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

	record_take_turn(r);
	r->ended = true;
	troubles = r->troubles;
	record_pass_turn(r);
	return troubles;
}

void record_destroy(struct recorder *r)
{
	if (!r)
		return;
	while (r->first)
		record_drop_first(r);
	while (r->held) {
		struct held *held = r->held;

		r->held = held->next;
		free(held);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}
