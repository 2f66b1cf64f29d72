// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bringup.c - from nothing to a module that is ready: the steps, in order, and how each is undone.
 *
 * Steps are a table. When one fails, its own undo and those of all steps before it run, backwards;
 * an undo works on whatever its step got done, nothing included. SYS.INIT and LP.INIT cannot be
 * undone and are not repeated either: a second try goes on behind them. After SYS.CONFIG there is
 * no second try, since the module takes one configuration in its life.
 */
#include "host/step.h"

#include "host/marks.h"
#include "host/pool.h"

static int sys_init(struct pamt_host *host)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_INIT, 0) };
	tdx_status_t status;

	if (host->sys_init_done)
		return 0;
	status = host_call_retry(host, &regs);
	if (!tdx_status_ok(status))
		return step_fail(host, PAMT_STEP_SYS_INIT, -OS_EIO, status,
				 "the module cannot be initialised");
	host->sys_init_done = true;
	return 0;
}

static int lp_init_here(void *arg)
{
	struct pamt_host *host = arg;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_LP_INIT, 0) };
	tdx_status_t status = host_call_retry(host, &regs);

	/* Done already: an earlier try got as far as this CPU. */
	if (tdx_status_ok(status) || tdx_status_is(status, TDX_SYS_LP_INIT_DONE))
		return 0;
	return step_fail(host, PAMT_STEP_LP_INIT, -OS_EIO, status, "a CPU cannot be initialised");
}

static int lp_init(struct pamt_host *host)
{
	int ret;

	if (host->lp_init_done)
		return 0;
	ret = host->os->on_each_cpu(host->os->ctx, lp_init_here, host);
	host->lp_init_done = !ret;
	return ret;
}

/* Dynamic or static: what was asked for, if the module and the machine can. */
static int metadata(struct pamt_host *host)
{
	int ret = step_metadata(host);

	if (ret)
		return ret;
	host->static_reason = NULL;
	if (!host->config.dynamic)
		return 0;
	if (!(host->module.features0 & TDX_FEATURES0_DYNAMIC_PAMT))
		host->static_reason = "the module has no Dynamic PAMT (TDX_FEATURES0 bit 36)";
	else if (host->config.hkid_start_bit > TDX_DPAMT_MAX_PA_BITS)
		host->static_reason = "KeyIDs begin above address bit 48";
	host->layout.dynamic = !host->static_reason;
	if (host->static_reason)
		host->os->log(host->os->ctx, OS_LOG_WARN, "static PAMT: %s", host->static_reason);
	return 0;
}

static void forget_layout(struct pamt_host *host)
{
	plan_free_lists(&host->plan);
	host->layout = (struct pamt_layout){ 0 };
}

static int memory(struct pamt_host *host) { return plan_memory(&host->plan); }
static int tdmrs(struct pamt_host *host) { return plan_tdmrs(&host->plan); }
static int pamt(struct pamt_host *host) { return plan_pamt(&host->plan); }
static int reserved(struct pamt_host *host) { return plan_reserved(&host->plan); }
static void free_pamt(struct pamt_host *host) { plan_free_pamt(&host->plan); }

/* What is needed at run time: per-CPU state and, with Dynamic PAMT, region words and pools. */
static int table(struct pamt_host *host)
{
	int ret = cpus_create(host);

	if (!ret && host->layout.dynamic)
		ret = table_create(host);
	if (!ret && host->layout.dynamic)
		ret = pool_create(host);
	if (!ret && host->layout.dynamic)
		marks_create(host);
	if (ret)
		step_fail(host, PAMT_STEP_TABLE, ret, tdx_status(0, 0),
			  "no memory for the region table");
	return ret;
}

static void undo_table(struct pamt_host *host)
{
	pool_destroy(host);
	marks_destroy(host);
	table_destroy(host);
	cpus_destroy(host);
}

static int key_config_here(void *arg)
{
	struct pamt_host *host = arg;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_KEY_CONFIG, 0) };
	tdx_status_t status = host_call_retry(host, &regs);

	if (tdx_status_ok(status))
		return 0;
	return step_fail(host, PAMT_STEP_KEY_CONFIG, -OS_EIO, status,
			 "the global key cannot be configured on a package");
}

static int key_config(struct pamt_host *host)
{
	/*
	 * The PAMT areas change their key now. Lines of the old one that are still in some cache
	 * would be written back over what the module writes with the new one.
	 */
	host->os->wbinvd_all(host->os->ctx);
	return host->os->on_each_package(host->os->ctx, key_config_here, host);
}

static int init_tdmr(struct pamt_host *host, const struct pamt_tdmr *t)
{
	/* Each call does at least a page's worth of entries: this many are never needed. */
	uint64_t calls = t->bytes >> TDX_PAGE_SHIFT;
	tdx_status_t status = { 0 };

	while (calls--) {
		struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_TDMR_INIT, 0), .rcx = t->base.v };

		status = host_call_retry(host, &regs);
		if (!tdx_status_ok(status))
			break;
		/* RDX: where it will go on; the end, or said to be done already. */
		if (regs.rdx >= t->base.v + t->bytes ||
		    tdx_status_is(status, TDX_TDMR_ALREADY_INITIALIZED))
			return 0;
		/* Now and then: giving way costs about as much as one call. */
		if (calls % 64 == 0)
			os_resched();
	}
	step_fail(host, PAMT_STEP_TDMR_INIT, -OS_EIO, status, "a TDMR cannot be initialised");
	host->error.base = t->base;
	host->error.bytes = t->bytes;
	return -OS_EIO;
}

static int tdmr_init(struct pamt_host *host)
{
	int ret = 0;

	for (uint32_t i = 0; i < host->layout.nr_tdmrs && !ret; i++)
		ret = init_tdmr(host, &host->layout.tdmr[i]);
	return ret;
}

static const char *const step_names[] = {
	[PAMT_STEP_NONE] = "none",
	[PAMT_STEP_SYS_INIT] = "TDH.SYS.INIT",
	[PAMT_STEP_LP_INIT] = "TDH.SYS.LP.INIT",
	[PAMT_STEP_METADATA] = "metadata",
	[PAMT_STEP_MEMORY] = "memory list",
	[PAMT_STEP_TDMRS] = "TDMRs",
	[PAMT_STEP_PAMT] = "PAMT allocation",
	[PAMT_STEP_RESERVED] = "reserved areas",
	[PAMT_STEP_TABLE] = "region table",
	[PAMT_STEP_SYS_CONFIG] = "TDH.SYS.CONFIG",
	[PAMT_STEP_KEY_CONFIG] = "TDH.SYS.KEY.CONFIG",
	[PAMT_STEP_TDMR_INIT] = "TDH.SYS.TDMR.INIT",
};

const char *pamt_step_name(enum pamt_step step)
{
	return (unsigned int)step < sizeof(step_names) / sizeof(step_names[0]) ? step_names[step]
									       : "unknown";
}

static const struct step {
	int (*run)(struct pamt_host *host);
	void (*undo)(struct pamt_host *host);
} steps[] = {
	[PAMT_STEP_NONE] = { NULL, NULL },
	[PAMT_STEP_SYS_INIT] = { sys_init, NULL },
	[PAMT_STEP_LP_INIT] = { lp_init, NULL },
	[PAMT_STEP_METADATA] = { metadata, NULL },
	[PAMT_STEP_MEMORY] = { memory, forget_layout },
	[PAMT_STEP_TDMRS] = { tdmrs, NULL },
	[PAMT_STEP_PAMT] = { pamt, free_pamt },
	[PAMT_STEP_RESERVED] = { reserved, NULL },
	[PAMT_STEP_TABLE] = { table, undo_table },
	[PAMT_STEP_SYS_CONFIG] = { step_sys_config, NULL },
	[PAMT_STEP_KEY_CONFIG] = { key_config, NULL },
	[PAMT_STEP_TDMR_INIT] = { tdmr_init, NULL },
};
#define LAST_STEP PAMT_STEP_TDMR_INIT

/* Undoes everything up to and including a step. */
static void undo_steps(struct pamt_host *host, uint32_t from)
{
	for (uint32_t i = from; i > PAMT_STEP_NONE; i--)
		if (steps[i].undo)
			steps[i].undo(host);
	host->steps_done = PAMT_STEP_NONE;
}

static int run_steps(struct pamt_host *host, enum pamt_step last, struct pamt_error *error)
{
	int ret = 0;

	host_is_given(host);
	host->error = (struct pamt_error){ .base = HPA_NONE };
	if (host->steps_done == LAST_STEP)
		ret = step_fail(host, PAMT_STEP_NONE, -OS_EBUSY, tdx_status(0, 0),
				"the module is up already");
	else if (host->sys_config_done)
		ret = step_fail(host, PAMT_STEP_NONE, -OS_ENODEV, tdx_status(0, 0),
				"an earlier try failed after SYS.CONFIG");
	while (!ret && host->steps_done < last) {
		ret = steps[host->steps_done + 1].run(host);
		if (ret)
			undo_steps(host, host->steps_done + 1);
		else
			host->steps_done++;
	}
	*error = host->error;
	return ret;
}

int pamt_boot_reserve(struct pamt_host *host, struct pamt_error *error)
{
	return run_steps(host, PAMT_STEP_RESERVED, error);
}

/* Memory that no TD can have must not be handed out for one. */
static void exclude_given_up(struct pamt_host *host)
{
	const struct os_services *os = host->os;

	for (uint32_t i = 0; i < host->plan.nr_given_up; i++) {
		struct span s = host->plan.given_up[i];

		os->exclude(os->ctx, hpa(s.base), s.end - s.base);
	}
	if (host->layout.given_up_bytes)
		os->log(os->ctx, OS_LOG_WARN,
			"%llu bytes of memory given up: a TDMR takes %u reserved areas only",
			(unsigned long long)host->layout.given_up_bytes, host->module.max_reserved);
}

/* The same for usable memory that no CMR covers: the module does not know it. */
static void exclude_outside_cmrs(struct pamt_host *host)
{
	const struct pamt_host_config *c = &host->config;
	const struct os_services *os = host->os;
	const struct plan *p = &host->plan;
	uint64_t excluded = 0;
	uint32_t inside = 0;

	/* Both lists ascend, and what is inside lies in one range of the map each. */
	for (uint32_t i = 0; i < c->nr_memory; i++) {
		uint64_t end = c->memory[i].base.v + c->memory[i].bytes;
		uint64_t at = max64(c->memory[i].base.v, LOW_MEMORY);

		while (at < end) {
			bool more = inside < p->nr_memory && p->memory[inside].base < end;
			uint64_t stop = more ? p->memory[inside].base : end;

			if (at < stop)
				os->exclude(os->ctx, hpa(at), stop - at);
			excluded += stop - at;
			at = more ? p->memory[inside++].end : end;
		}
	}
	if (excluded)
		os->log(os->ctx, OS_LOG_WARN,
			"%llu bytes of usable memory lie outside all CMRs: no TD can have them",
			(unsigned long long)excluded);
}

int pamt_bring_up(struct pamt_host *host, struct pamt_error *error)
{
	int ret = run_steps(host, LAST_STEP, error);

	if (!ret) {
		exclude_given_up(host);
		exclude_outside_cmrs(host);
		host->os->log(host->os->ctx, OS_LOG_INFO, "%llu KB allocated for PAMT",
			      (unsigned long long)host->layout.pamt_bytes >> 10);
	}
	return ret;
}

static const char *config_fault(const struct os_services *os, const struct pamt_host_config *c)
{
	if (!os->nr_cpus || !os->nr_nodes)
		return "the system has no CPU or no node";
	if (!c->memory || !c->nr_memory)
		return "the memory map is empty";
	if (c->nr_hkids < 2)
		return "too few private KeyIDs: one for the module and one for a TD are needed";
	if (c->holes != PAMT_HOLES_CMR && c->holes != PAMT_HOLES_USABLE)
		return "unknown way of drawing reserved areas";
	return NULL;
}

int pamt_host_create(const struct os_services *os, const struct pamt_host_config *config,
		     struct pamt_host **result, struct pamt_error *error)
{
	const char *fault = config_fault(os, config);
	struct pamt_host *host;

	*error = (struct pamt_error){ .base = HPA_NONE, .reason = fault };
	if (fault)
		return error->error = -OS_EINVAL;
	host = os->alloc(os->ctx, sizeof(*host));
	if (!host) {
		error->reason = "no memory for the host's state";
		return error->error = -OS_ENOMEM;
	}
	os_lock_map_init(&host->word_map, "pamt region word");
	host->os = os;
	host->config = *config;
	host->plan = (struct plan){ .os = os,
				    .config = &host->config,
				    .module = &host->module,
				    .error = &host->error,
				    .layout = &host->layout };
	*result = host;
	return 0;
}

void pamt_host_destroy(struct pamt_host *host)
{
	log_leaks(host);
	undo_steps(host, host->steps_done);
	host->os->free(host->os->ctx, host);
}

const struct pamt_layout *pamt_layout(const struct pamt_host *host)
{
	host_is_given(host);
	return &host->layout;
}

bool pamt_is_dynamic(const struct pamt_host *host, const char **why)
{
	host_is_given(host);
	if (why && !host->layout.dynamic)
		*why = host->static_reason    ? host->static_reason
		       : host->config.dynamic ? "the module is not brought up"
					      : "not asked for";
	return host->layout.dynamic;
}
