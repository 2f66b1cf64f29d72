// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * create_test.c - machines that cannot be, and memory that is not there when a module is made.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "rig.h"

static void narrow(struct seam_config *c) { c->max_pa = 45; }
static void wide(struct seam_config *c) { c->max_pa = 53; }
static void no_keys(struct seam_config *c) { c->hkid_bits = 0; }
static void no_shared_key(struct seam_config *c) { c->hkid_min = 0; }
static void keys_reversed(struct seam_config *c) { c->hkid_min = c->hkid_max + 1; }
static void key_too_large(struct seam_config *c) { c->hkid_max = 64; }
static void no_package(struct seam_config *c) { c->nr_packages = 0; }
static void nine_packages(struct seam_config *c) { c->nr_packages = 9; }
static void empty_package(struct seam_config *c) { c->nr_packages = 5; }
static void too_many_lps(struct seam_config *c) { c->nr_lps = 2049; }
static void no_cache(struct seam_config *c) { c->cache_blocks = 0; }
static void key_2048(struct seam_config *c)
{
	c->hkid_bits = 12;
	c->hkid_max = 2048;
}

static void (*const faults[])(struct seam_config *) = {
	narrow,	    wide,	   no_keys,	  no_shared_key, keys_reversed, key_too_large,
	no_package, nine_packages, empty_package, too_many_lps,	 no_cache,	key_2048,
};

static void impossible_machines_are_refused_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct seam *seam = NULL;
		const char *why = NULL;
		struct rig rig;

		rig_init(&rig, true, 2);
		faults[i](&rig.config);
		assert_int_equal(seam_create(&rig.bare.os, &rig.config, &seam, &why), -OS_EINVAL);
		assert_non_null(why);
		assert_true(strlen(why) > 10);
		assert_int_equal(seam_create(&rig.bare.os, &rig.config, &seam, NULL), -OS_EINVAL);
		assert_null(seam);
	}
}

static int allocations_left;

static void *scarce_alloc(void *ctx, size_t bytes)
{
	(void)ctx;
	return allocations_left-- > 0 ? calloc(1, bytes) : NULL;
}

static void without_memory_nothing_is_made(void **state)
{
	const char *why = NULL;
	struct seam *seam = NULL;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig.config.guard = true;
	rig.bare.os.alloc = scarce_alloc;
	for (int n = 0; n < 2; n++) {
		allocations_left = n;
		assert_int_equal(seam_create(&rig.bare.os, &rig.config, &seam, &why), -OS_ENOMEM);
		assert_string_equal(why, "no memory");
		assert_null(seam);
	}
	allocations_left = 2;
	assert_int_equal(seam_create(&rig.bare.os, &rig.config, &seam, &why), 0);
	seam_destroy(seam);
	seam_destroy(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(impossible_machines_are_refused_with_a_reason),
		cmocka_unit_test(without_memory_nothing_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
