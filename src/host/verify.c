// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * verify.c - the host's view of every region against the module's, and what leaked.
 */
#include "host/pool.h"

#include "host/region.h"

#define RESCHED_REGIONS 1024u
#define LOGGED_LEAKS	16u

static const char not_given_back[] = "pages of the pool were not given back";

static tdx_status_t read_metadata(struct pamt_host *host, tdx_hpa_t at, enum tdx_size size,
				  struct tdx_regs *regs)
{
	tdx_status_t status;

	*regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_PHYMEM_PAGE_RDMD, 0),
				   .rcx = tdx_hpa_size(at, size) };
	status = host->os->seamcall(host->os->ctx, regs);
	if (tdx_status_is(status, TDX_OPERAND_BUSY))
		count(host, STAT_BUSY);
	return status;
}

/* What the module must say of a region's 2M entry: page type, and whether it is a node. */
static const struct {
	uint64_t type;
	bool node;
	const char *otherwise;
} expected[] = {
	[REGION_STATE_FREE] = { TDX_PT_NDA, false,
				"the region is free, but the module has a pair or a page there" },
	[REGION_STATE_USED] = { TDX_PT_PAMT, true,
				"the region has users, but the module has no pair there" },
	[REGION_STATE_IDLE] = { TDX_PT_PAMT, true,
				"the region is idle, but the module has no pair there" },
	[REGION_STATE_LARGE] = { TDX_PT_REG, false,
				 "the region is a 2M page, but not to the module" },
	[REGION_STATE_LEAKED] = { TDX_PT_PAMT, true,
				  "the region leaked, but the module has no pair there" },
	/* No type is that: whatever the module says, the word is wrong. */
	[REGION_STATE_ILLEGAL] = { UINT64_MAX, true, "the region's word is none that can be" },
};

static bool as_expected(enum region_state state, uint64_t rcx)
{
	return (rcx & 0xf) == expected[state].type &&
	       !!(rcx & TDX_RDMD_NODE) == expected[state].node;
}

/*
 * The word and the module's entry at the same moment: LOCKED keeps those away who would change
 * both. Between remove_2m and release_2m the entry is free already while the word is LARGE.
 */
const char *region_verify(struct pamt_host *host, region_t region, os_a16_t *word,
			  struct pamt_finding *found)
{
	struct tdx_regs regs;
	tdx_status_t status;
	enum region_state state;
	uint16_t old;
	os_irq_t irq;

	for (int tries = 1;; tries++) {
		do
			old = region_read(host, word);
		while (!region_lock(host, word, old, &irq));
		status = read_metadata(host, region_to_hpa(region), TDX_2M, &regs);
		region_unlock(host, word, old, irq);
		if (!tdx_status_is(status, TDX_OPERAND_BUSY) || tries == REGION_BUSY_TRIES)
			break;
		os_relax();
	}
	state = region_state(old);
	*found = (struct pamt_finding){ .region = region,
					.word = old,
					.rdmd_rcx = regs.rcx,
					.page = HPA_NONE,
					.owner = HPA_NONE };
	if (!tdx_status_ok(status))
		return "the module cannot be asked about the region";
	if (as_expected(state, regs.rcx) ||
	    (state == REGION_STATE_LARGE && as_expected(REGION_STATE_FREE, regs.rcx)))
		return NULL;
	return expected[state].otherwise;
}

typedef void (*report_fn)(void *arg, const struct pamt_finding *finding);

/* Calls look for every region of every TDMR; a reason is a finding. */
static uint64_t walk(struct pamt_host *host, report_fn report, void *arg,
		     const char *(*look)(struct pamt_host *host, region_t region, os_a16_t *word,
					 struct pamt_finding *found))
{
	uint64_t findings = 0;

	for (uint32_t i = 0; i < host->layout.nr_tdmrs; i++) {
		struct span s = tdmr_span(&host->layout.tdmr[i]);

		for (uint64_t r = s.base >> TDX_2M_SHIFT; r < s.end >> TDX_2M_SHIFT; r++) {
			region_t region = { r };
			struct pamt_finding found;

			found.what = look(host, region, region_word(host, region), &found);
			if (found.what) {
				findings++;
				if (report)
					report(arg, &found);
			}
			if (r % RESCHED_REGIONS == 0)
				os_resched();
		}
	}
	return findings;
}

int64_t pamt_verify(struct pamt_host *host, report_fn report, void *arg)
{
	if (!has_regions(host))
		return 0;
	return (int64_t)walk(host, report, arg, region_verify);
}

/* Who still uses a region: the module's metadata of its 4K pages. Sound with zero TDs only. */
static void name_users(struct pamt_host *host, region_t region, struct pamt_finding *found)
{
	for (uint32_t i = 0; i < TDX_PAGES_PER_2M; i++) {
		tdx_hpa_t page = hpa(region_to_hpa(region).v + i * TDX_PAGE_SIZE);
		struct tdx_regs regs;
		uint64_t type;

		if (!tdx_status_ok(read_metadata(host, page, TDX_4K, &regs)))
			continue;
		type = regs.rcx & 0xf;
		if (type == TDX_PT_NDA || type == TDX_PT_RSVD || type == TDX_PT_PAMT)
			continue;
		if (!found->pages++) {
			found->page = page;
			found->owner = type == TDX_PT_TDR ? page : hpa(regs.rdx);
		}
	}
}

/* What the region's word and the pool say, without the module. */
static const char *still_used(struct pamt_host *host, region_t region, os_a16_t *word,
			      struct pamt_finding *found)
{
	uint16_t old = region_read(host, word);
	enum region_state state = region_state(old);
	uint32_t pins;

	if (state == REGION_STATE_FREE || state == REGION_STATE_IDLE)
		return NULL;
	*found = (struct pamt_finding){
		.region = region, .word = old, .page = HPA_NONE, .owner = HPA_NONE
	};
	if (state == REGION_STATE_LARGE)
		return "a 2M page was not removed or not released";
	if (state == REGION_STATE_LEAKED)
		return "a page of the region was still a TD's when its last user was put";
	found->pool_pages = pool_pages_out(host, region, &pins);
	return region_count(old) > pins ? "users of the region were not put" : not_given_back;
}

static const char *leak(struct pamt_host *host, region_t region, os_a16_t *word,
			struct pamt_finding *found)
{
	const char *what = still_used(host, region, word, found);

	if (!what)
		return NULL;
	name_users(host, region, found);
	if (found->pages && region_state(found->word) != REGION_STATE_LARGE)
		return "pages of the region are still a TD's";
	return what;
}

/*
 * The same at the end of the host, when the module is called no more. Nothing was shrunk: a chunk
 * that nobody has a page of is no leak, and which of its pages are pairs of idle regions, by right,
 * is not known here.
 */
static const char *left_over(struct pamt_host *host, region_t region, os_a16_t *word,
			     struct pamt_finding *found)
{
	const char *what = still_used(host, region, word, found);

	/* Relaxed: no call is in flight. */
	if (what == not_given_back &&
	    (found->pool_pages <= 2 || os_load64(&host->idle, OS_RELAXED)))
		return NULL;
	return what;
}

struct leak_log {
	const struct os_services *os;
	uint64_t lines;
};

static void log_leak(void *arg, const struct pamt_finding *found)
{
	struct leak_log *log = arg;

	if (log->lines++ < LOGGED_LEAKS)
		log->os->log(log->os->ctx, OS_LOG_ERROR, "leak: region 0x%llx, word 0x%04x: %s",
			     (unsigned long long)region_to_hpa(found->region).v, found->word,
			     found->what);
}

void log_leaks(struct pamt_host *host)
{
	struct leak_log log = { 0 };

	if (!has_regions(host))
		return;
	log.os = host->os;
	walk(host, log_leak, &log, left_over);
	if (log.lines > LOGGED_LEAKS)
		log.os->log(log.os->ctx, OS_LOG_ERROR, "leak: and %llu regions more",
			    (unsigned long long)(log.lines - LOGGED_LEAKS));
}

uint64_t pamt_leaks(struct pamt_host *host, report_fn report, void *arg)
{
	if (!has_regions(host))
		return 0;
	pamt_shrink(host, UINT64_MAX);
	return walk(host, report, arg, leak);
}
