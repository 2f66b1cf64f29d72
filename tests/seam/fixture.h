/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * fixture.h - a machine with a software module on it, for tests that call leaves directly.
 */
#ifndef TESTS_SEAM_FIXTURE_H
#define TESTS_SEAM_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <pamt/seam.h>

#include "machine/bare.h"

struct fixture {
	struct memory *memory;
	struct seam *seam;
	struct bare bare;
	struct seam_config config;
};

/*
 * The machine most tests use: 46 address bits, 6 of them KeyID (private ones 0x20..0x3f), 4 LPs in
 * 2 packages, CMRs [1 MB, 1920 MB) and [4 GB, 8 GB), the module at 512 GB.
 */
struct seam_config fixture_config(void);
/* A module on new memory, before SYS.INIT. */
void fixture_create(struct fixture *f, const struct seam_config *config);
void fixture_destroy(struct fixture *f);

/* One call on an LP; the status. regs: in and out. */
uint64_t fixture_call(struct fixture *f, uint32_t lp, struct tdx_regs *regs);
/* One call on LP 0 with RCX, RDX, R8; the status, other results lost. */
uint64_t call3(struct fixture *f, uint64_t rax, uint64_t rcx, uint64_t rdx, uint64_t r8);

void fixture_write(struct fixture *f, uint64_t at, const void *from, size_t bytes);
void fixture_read(struct fixture *f, uint64_t at, void *to, size_t bytes);

/* SYS.INIT, and SYS.LP.INIT everywhere. */
void fixture_init(struct fixture *f);

/*
 * Two TDMRs on the usual machine, [1 GB, 2 GB) and [4 GB, 6 GB), metadata at 256 MB, outside both.
 * [1920 MB, 2 GB) is no CMR and reserved.
 */
#define FIXTURE_TDMRS	2
#define FIXTURE_ARRAY	UINT64_C(0x1000000) /* where the array and the TDMR_INFOs are put */
#define FIXTURE_INFO(i) (FIXTURE_ARRAY + 0x1000 + (i)*512u)
#define FIXTURE_HKID	0x21u
#define GB		TDX_1G_SIZE
#define MB		(UINT64_C(1) << 20)
void fixture_tdmrs(struct tdx_tdmr_info info[FIXTURE_TDMRS]);
/* Writes them and calls SYS.CONFIG. */
uint64_t fixture_config_call(struct fixture *f, const struct tdx_tdmr_info *info, uint32_t nr,
			     bool dynamic);
/* From before SYS.INIT to a module with every TDMR initialised. */
void fixture_bring_up(struct fixture *f, bool dynamic);

#endif
