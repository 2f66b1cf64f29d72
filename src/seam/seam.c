// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seam.c - a module's beginning and end.
 */
#include "seam/fault.h"
#include "seam/guard.h"

/* NULL, or what is wrong with the machine that the module is to run on. */
static const char *config_fault(const struct seam_config *config)
{
	uint32_t keys = 0;

	if (config->max_pa < 46 || config->max_pa > TDX_PA_BITS)
		return "max_pa is not within 46..52";
	if (config->hkid_bits < 1 || config->hkid_bits > 15)
		return "hkid_bits is not within 1..15";
	keys = 1u << config->hkid_bits;
	if (config->hkid_min < 1 || config->hkid_min > config->hkid_max || config->hkid_max >= keys)
		return "private KeyIDs are not 1 <= hkid_min <= hkid_max < 2^hkid_bits";
	if (config->hkid_max >= TDX_MAX_HKIDS)
		return "KeyIDs above 2047 are not supported";
	if (config->nr_packages < 1 || config->nr_packages > TDX_MAX_PACKAGES)
		return "nr_packages is not within 1..8";
	if (config->nr_lps < config->nr_packages)
		return "fewer logical processors than packages";
	/* A call has one 1G entry locked up to five times, and a lock counts to 16383. */
	if (config->nr_lps > 2048)
		return "more than 2048 logical processors";
	if (config->cache_blocks < 1)
		return "cache_blocks is 0";
	return NULL;
}

int seam_create(const struct os_services *os, const struct seam_config *config, struct seam **seam,
		const char **why)
{
	const char *fault = config_fault(config);
	struct seam *s;

	if (fault) {
		if (why)
			*why = fault;
		return -OS_EINVAL;
	}
	s = os->alloc(os->ctx, sizeof(*s) + config->nr_lps * sizeof(struct lp));
	if (!s) {
		if (why)
			*why = "no memory";
		return -OS_ENOMEM;
	}
	s->os = os;
	s->config = *config;
	s->hkid_start_bit = config->max_pa - config->hkid_bits;
	s->hkid_mask = ((UINT64_C(1) << config->hkid_bits) - 1) << s->hkid_start_bit;
	for (uint32_t lp = 0; lp < config->nr_lps; lp++)
		lp_forget_maps(&s->lp[lp]);
	if (config->guard && guard_create(s)) {
		os->free(os->ctx, s);
		if (why)
			*why = "no memory";
		return -OS_ENOMEM;
	}
	*seam = s;
	return 0;
}

void seam_destroy(struct seam *seam)
{
	if (!seam)
		return;
	debug_release_all(seam);
	guard_destroy(seam);
	faults_destroy(seam);
	seam->os->free(seam->os->ctx, seam);
}

bool seam_is_fatal(const struct seam *seam, struct seam_fatal *fatal)
{
	/* Acquire: pairs with the release in call_fatal(). */
	if (os_load32(&seam->fatal_state, OS_ACQUIRE) != 2)
		return false;
	if (fatal)
		*fatal = seam->fatal;
	return true;
}
