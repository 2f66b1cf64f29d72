// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td.c - a TD's beginning: root, keys, control structure, vCPUs, finalisation.
 *
 * Each step gives the module something and moves td->state on only when the module has it: state
 * and the counts of pages given (nr_tdcx, nr_vcpus, a vCPU's nr_tdcx) are at any time exactly what
 * has to be undone. So there is no unwinding here: whatever fails, td_destroy() takes the TD from
 * where it is.
 *
 * Control pages come out of the backing, with a pair already; one that the module refuses goes
 * back there at once, since nobody has seen it.
 */
#include "vmm/td.h"

/* The TD's clock: 2.5 GHz, in units of 25 MHz. */
#define TD_TSC_FREQUENCY 100

/*
 * A control page, out of the pool and so backed already, given to the module by a leaf that takes
 * it in RCX and its parent in RDX.
 */
static int give_page(struct td *td, enum tdx_leaf leaf, uint64_t rdx, tdx_hpa_t *page)
{
	struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0), .rdx = rdx };
	int error = td_alloc_page(td, NULL, page);

	if (error)
		return error;
	regs.rcx = page->v;
	error = td_issue_4k(td, *page, &regs, NULL);
	if (error)
		td_free_page(td, *page, false);
	return error;
}

/* The TDR comes first, and makes the KeyID this TD's in the module's table. */
static int create_root(struct td *td)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MNG_CREATE, 0), .rdx = td->hkid };
	tdx_hpa_t tdr;
	int error = td_alloc_page(td, NULL, &tdr);

	if (error)
		return error;
	regs.rcx = tdr.v;
	/* The page was drawn before: nobody waits for the KOT while somebody allocates. */
	os_mutex_lock(&td->vmm->kot);
	error = td_issue_4k(td, tdr, &regs, NULL);
	os_mutex_unlock(&td->vmm->kot);
	if (error) {
		td_free_page(td, tdr, false);
		return error;
	}
	td->tdr = tdr;
	td->state = TD_ASSIGNED;
	return 0;
}

/* On one CPU of each package, since each has its own table of keys. */
static int configure_key_here(void *arg)
{
	struct td *td = arg;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MNG_KEY_CONFIG, 0), .rcx = td->tdr.v };

	return call_make(&td->vmm->caller, &regs);
}

static int configure_keys(struct td *td)
{
	const struct os_services *os = td->vmm->os;
	int error = os->on_each_package(os->ctx, configure_key_here, td);

	if (!error)
		td->state = TD_KEYED;
	return error;
}

/* The pages of the control structure; one of them is the root of the S-EPT. */
static int add_tdcs(struct td *td)
{
	int error = 0;

	while (td->nr_tdcx < TDX_MIN_TDCX && !error) {
		error = give_page(td, TDH_MNG_ADDCX, td->tdr.v, &td->tdcx[td->nr_tdcx]);
		if (!error)
			td->nr_tdcx++;
	}
	return error;
}

static void fill_params(const struct td *td, uint64_t features0, struct tdx_td_params *params)
{
	os_memset(params, 0, sizeof(*params));
	/* An access to a page that was not accepted comes to the host, not to the guest as #VE. */
	params->attributes = TDX_ATTR_SEPT_VE_DISABLE;
	params->xfam = TDX_XFAM_FIXED1;
	params->max_vcpus = td->config.max_vcpus;
	params->eptp_controls = TDX_EPTP_WRITE_BACK | (uint64_t)(td->config.levels - 1)
							      << TDX_EPTP_PWL_SHIFT;
	if (td->config.levels == 5)
		params->config_flags |= TDX_CONFIG_GPAW;
	/* RBP may be the host's frame pointer: an interrupt in VP.ENTER walks the stack by it. */
	if (features0 & TDX_FEATURES0_NO_RBP_MOD)
		params->config_flags |= TDX_CONFIG_NO_RBP_MOD;
	params->tsc_frequency = TD_TSC_FREQUENCY;
}

static int init_td(struct td *td)
{
	const struct os_services *os = td->vmm->os;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = TDX_MD_FEATURES0 };
	tdx_hpa_t page;
	int error = call_make(&td->vmm->caller, &regs);

	if (error)
		return error;
	/* An ordinary page of the host's, which the module only reads. */
	page = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);
	if (hpa_is_none(page))
		return -OS_ENOMEM;
	fill_params(td, regs.r8, os->map_host(os->ctx, page, OS_WRITE));
	regs = (struct tdx_regs){
		.rax = TDX_RAX(TDH_MNG_INIT, 0),
		.rcx = td->tdr.v,
		.rdx = page.v,
	};
	error = call_make(&td->vmm->caller, &regs);
	os->free_pages(os->ctx, page, 0);
	if (!error)
		td->state = TD_BUILDING;
	return error;
}

/* The host's own part of a TD. */
static struct td *alloc_td(struct vmm *vmm, const struct td_config *config)
{
	const struct os_services *os = vmm->os;
	struct td *td = os->alloc(os->ctx, sizeof(*td));

	if (!td)
		return NULL;
	os_mutex_init(&td->mutex);
	os_rwlock_init(&td->mmu_lock);
	td->vmm = vmm;
	td->config = *config;
	td->tdr = HPA_NONE;
	td->state = TD_NEW;
	if (!td->config.levels)
		td->config.levels = TD_LEVELS;
	td->vcpus = os->alloc(os->ctx, config->max_vcpus * sizeof(struct vcpu *));
	if (td->vcpus && !mirror_create(&td->mirror, os, td->config.levels))
		return td;
	if (td->vcpus)
		os->free(os->ctx, td->vcpus);
	os->free(os->ctx, td);
	return NULL;
}

int td_create(struct vmm *vmm, const struct td_config *config, struct td **out)
{
	struct td *td;
	int error;

	if (!config->max_vcpus || config->bytes % TDX_2M_SIZE ||
	    (config->levels && config->levels != 4 && config->levels != 5))
		return -OS_EINVAL;
	td = alloc_td(vmm, config);
	if (!td)
		return -OS_ENOMEM;
	error = vmm_alloc_hkid(vmm, &td->hkid);
	if (!error)
		error = create_root(td);
	if (!error)
		error = configure_keys(td);
	if (!error)
		error = add_tdcs(td);
	if (!error)
		error = init_td(td);
	/* td->state says how far it came, and with that what there is to undo. */
	if (error) {
		td_destroy(td);
		return error;
	}
	*out = td;
	return 0;
}

int td_add_vcpu(struct td *td, struct vcpu **out)
{
	const struct os_services *os = td->vmm->os;
	struct vcpu *vcpu;
	int error;

	if (td->state != TD_BUILDING)
		return -OS_EINVAL;
	if (td->nr_vcpus == td->config.max_vcpus)
		return -OS_ERANGE;
	vcpu = os->alloc(os->ctx, sizeof(*vcpu));
	if (!vcpu)
		return -OS_ENOMEM;
	vcpu->td = td;
	vcpu->index = td->nr_vcpus;
	error = give_page(td, TDH_VP_CREATE, td->tdr.v, &vcpu->tdvpr);
	if (error) {
		os->free(os->ctx, vcpu);
		return error;
	}
	/* From here on it is the TD's, complete or not. */
	td->vcpus[td->nr_vcpus++] = vcpu;
	while (vcpu->nr_tdcx < TDX_MIN_TDVPS - 1 && !error) {
		error = give_page(td, TDH_VP_ADDCX, vcpu->tdvpr.v, &vcpu->tdcx[vcpu->nr_tdcx]);
		if (!error)
			vcpu->nr_tdcx++;
	}
	if (!error)
		error = vcpu_init_here(vcpu);
	/*
	 * For its first fault: vCPUs begin to run at the same time, and would all meet at the pool.
	 */
	if (!error)
		error = td_stock_for_fault(td, &vcpu->stock);
	if (!error)
		*out = vcpu;
	return error;
}

int td_finalize(struct td *td)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MR_FINALIZE, 0), .rcx = td->tdr.v };
	int error;

	if (td->state != TD_BUILDING)
		return -OS_EINVAL;
	error = call_make(&td->vmm->caller, &regs);
	if (!error)
		td->state = TD_RUNNABLE;
	return error;
}

/* ------------------------------------------------------------------------------------------- */

_Static_assert(sizeof(struct td_counts) % sizeof(os_a64_t) == 0, "counters and nothing else");

static void add_counts(struct td_counts *sum, const struct td_counts *counts)
{
	os_a64_t *to = (os_a64_t *)sum;
	const os_a64_t *from = (const os_a64_t *)counts;

	/* Relaxed: figures. */
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i].v += os_load64(&from[i], OS_RELAXED);
}

void td_sum_counts(const struct td *td, struct td_counts *sum)
{
	os_memset(sum, 0, sizeof(*sum));
	add_counts(sum, &td->counts);
	for (uint32_t i = 0; i < td->nr_vcpus; i++)
		add_counts(sum, &td->vcpus[i]->counts);
}
