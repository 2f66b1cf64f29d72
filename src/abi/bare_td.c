// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bare_td.c - a TD's beginning, call by call.
 */
#include "abi/bare_td.h"

/* One call that gives a page away in RCX. */
static int give(struct bare_td *td, enum tdx_leaf leaf, uint64_t rdx, tdx_hpa_t *given)
{
	const tdx_hpa_t page = td->page(td->ctx);
	struct tdx_regs regs = { .rax = leaf, .rcx = page.v, .rdx = rdx };

	*given = page;
	return hpa_is_none(page) ? -1 : td->call(td->ctx, &regs, page);
}

static int give_all(struct bare_td *td, enum tdx_leaf leaf, tdx_hpa_t to, uint32_t nr)
{
	tdx_hpa_t page;
	int error = 0;

	while (nr-- && !error)
		error = give(td, leaf, to.v, &page);
	return error;
}

int bare_td_root(struct bare_td *td)
{
	struct tdx_regs regs = { .rax = TDH_MNG_KEY_CONFIG };
	int error = give(td, TDH_MNG_CREATE, td->hkid, &td->tdr);

	regs.rcx = td->tdr.v;
	if (!error)
		error = td->call(td->ctx, &regs, HPA_NONE);
	return error ? error : give_all(td, TDH_MNG_ADDCX, td->tdr, TDX_MIN_TDCX);
}

int bare_td_init(struct bare_td *td, tdx_hpa_t params)
{
	struct tdx_regs regs = { .rax = TDH_MNG_INIT, .rcx = td->tdr.v, .rdx = params.v };

	return td->call(td->ctx, &regs, HPA_NONE);
}

int bare_td_vcpu(struct bare_td *td, uint32_t id, tdx_hpa_t *tdvpr)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_VP_INIT, 1), .r8 = id };
	int error = give(td, TDH_VP_CREATE, td->tdr.v, tdvpr);

	if (!error)
		error = give_all(td, TDH_VP_ADDCX, *tdvpr, TDX_MIN_TDVPS - 1);
	regs.rcx = tdvpr->v;
	return error ? error : td->call(td->ctx, &regs, HPA_NONE);
}

void bare_td_params(struct tdx_td_params *params, uint16_t max_vcpus)
{
	*params = (struct tdx_td_params){
		.attributes = TDX_ATTR_SEPT_VE_DISABLE,
		.xfam = TDX_XFAM_FIXED1,
		.max_vcpus = max_vcpus,
		.eptp_controls = TDX_EPTP_WRITE_BACK | 3 << TDX_EPTP_PWL_SHIFT,
		.tsc_frequency = 40,
	};
}
