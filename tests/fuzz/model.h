/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * model.h - a second, naive model of what a TDX module does with memory: the oracle for fuzzing.
 *
 * Written from the rules and not from src/seam, and unlike it in every way that counts: no locks,
 * no packed entries, no walk, nothing in simulated memory. Pages, mappings and TDs are kept in
 * lists that are searched; page counts are counted again each time; whether two operands of a call
 * stand in each other's way is worked out from the list of what the call holds.
 *
 * The model is told every call together with what came out. It predicts RAX, and where it predicts
 * success also the registers that return pages; then it makes the change itself. A call that it
 * knows nothing of is MODEL_UNKNOWN; if such a call succeeded and may have changed what the model
 * keeps, the model is lost: it has no opinion on anything that follows.
 */
#ifndef TESTS_FUZZ_MODEL_H
#define TESTS_FUZZ_MODEL_H

#include <pamt/seam.h>

#include "machine/memory.h"
#include "seam/debug.h"

struct model;

enum model_verdict { MODEL_AGREES, MODEL_DISAGREES, MODEL_UNKNOWN };

/* A module in the state after SYS.INIT and LP.INIT. memory: to read what SYS.CONFIG is given. */
struct model *model_create(const struct seam_config *config, struct memory *memory);
void model_destroy(struct model *model);

/*
 * A call on an LP, its registers before and after. excused: another LP holds a lock, or a fault or
 * an interrupt was asked for: a busy or interrupted status is then right as well, and changes
 * nothing. why: what the model expected, if it disagrees.
 */
enum model_verdict model_call(struct model *model, uint32_t lp, const struct tdx_regs *in,
			      const struct tdx_regs *out, bool excused, char *why, size_t why_size);
enum model_verdict model_accept(struct model *model, uint64_t tdr, uint64_t rcx,
				enum seam_debug_accept how, uint64_t rax, bool excused, char *why,
				size_t why_size);

/*
 * Did the module have to stop, because SYS.INFO or SYS.RDALL were to write into a page that is not
 * the host's?
 */
bool model_stops(const struct model *model, const struct tdx_regs *in);

/* What was set from outside, as the lines of a recording set it. */
void model_force_td(struct model *model, uint64_t tdr, enum tdx_op_state state, unsigned int pwl,
		    bool gpaw);
void model_num_vcpus(struct model *model, uint64_t tdr, uint32_t n);
void model_assoc_vcpus(struct model *model, uint64_t tdr, uint32_t n);
void model_vcpu_state(struct model *model, uint64_t tdvpr, uint32_t state);
void model_epf(struct model *model, uint64_t tdvpr, const uint64_t *gpa, unsigned int nr);
void model_lp_init(struct model *model, uint32_t lp, bool done);
void model_td_fatal(struct model *model, uint64_t tdr, bool fatal);
void model_enter(struct model *model, uint64_t tdr, uint32_t id);
void model_exit(struct model *model, uint32_t id);
/* Is the page at this address the module's (PAMT), a TD's, or one of a pair? */
bool model_owns(const struct model *model, uint64_t hpa);
/* Something that the model cannot follow. */
void model_lose(struct model *model);
bool model_is_lost(const struct model *model);

/*
 * Compares everything the model knows of page metadata with what the module has. Return: whether
 * they are the same; if not, why says where.
 */
bool model_same_metadata(const struct model *model, struct seam *seam, char *why, size_t why_size);

#endif
