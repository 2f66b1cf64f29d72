/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * model_field.h - a metadata field that a call names, in the naive model.
 */
#ifndef TESTS_FUZZ_MODEL_FIELD_H
#define TESTS_FUZZ_MODEL_FIELD_H

#include "abi/abi.h"
#include "model_attempt.h"

struct field_place {
	enum abi_context context;
	bool debug; /* of a debug TD */
	const struct abi_field *field;
	uint32_t element;
	uint64_t read, write; /* bits that a host may see and change */
};

bool field_id_is_null(uint64_t id);
/* context and debug are given, the rest is filled in. False: no such element. */
bool field_lookup(struct field_place *p, uint64_t id);
bool field_is(const struct field_place *p, const char *name);

/* What the RD leaves do with the id in RDX, and with RDX; R8 is the caller's. */
uint64_t field_read(struct attempt *a, struct field_place *p, bool with_next);
/* What the WR leaves ask of R8 and R9 first. seen: the value as a reader has it. */
uint64_t field_write(const struct attempt *a, const struct field_place *p, uint64_t seen);
/* R8 is the value, or not predicted. */
void field_value(struct attempt *a, const struct field_place *p, bool known, uint64_t value);

/* A page's address with the KeyID of the TD. */
uint64_t with_td_key(const struct model *m, const struct m_td *td, uint64_t page);

#endif
