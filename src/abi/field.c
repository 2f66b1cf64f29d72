// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * field.c - metadata fields: the tables behind the lists of field_list.h, and ids.
 */
#include "abi/abi.h"
#include "abi/field_list.h"
#include "abi/word.h"

#define ALL	     UINT64_MAX
#define ALWAYS	     ABI_ALWAYS
#define L2_VM_1	     ABI_L2_VM_1
#define L2_VM_2	     ABI_L2_VM_2
#define L2_VM_3	     ABI_L2_VM_3
#define DYNAMIC_PAMT ABI_DYNAMIC_PAMT

#define SYS_FIELD(name, id, fields, elements, needs) \
	{ #name, UINT64_C(id), fields, elements, needs, ALL, 0, ALL, 0 },
#define FIELD(name, id, fields, elements, needs, read, write, read_debug, write_debug) \
	{ #name, UINT64_C(id), fields, elements, needs, read, write, read_debug, write_debug },

static const struct abi_field sys_fields[] = { SYS_FIELD_LIST(SYS_FIELD) };
static const struct abi_field td_fields[] = { TD_FIELD_LIST(FIELD) };
static const struct abi_field vp_fields[] = { VP_FIELD_LIST(FIELD) };

#define TABLE(name, fields)                                        \
	{                                                          \
		name, fields, sizeof(fields) / sizeof((fields)[0]) \
	}
static const struct {
	const char *name;
	const struct abi_field *fields;
	uint32_t nr;
} contexts[ABI_NR_CONTEXTS] = {
	[ABI_SYS] = TABLE("module", sys_fields),
	[ABI_TD] = TABLE("TD", td_fields),
	[ABI_VP] = TABLE("vCPU", vp_fields),
};

const char *abi_context_name(enum abi_context context)
{
	return context < ABI_NR_CONTEXTS ? contexts[context].name : "";
}

const struct abi_field *abi_field_at(enum abi_context context, uint32_t i)
{
	return context < ABI_NR_CONTEXTS && i < contexts[context].nr ? &contexts[context].fields[i]
								     : NULL;
}

const struct abi_field *abi_field_by_name(enum abi_context context, const char *name)
{
	const struct abi_field *field;

	for (uint32_t i = 0; (field = abi_field_at(context, i)); i++)
		if (word_same(field->name, name))
			return field;
	return NULL;
}

/* Class and code as one number: the order of the tables. */
static uint64_t which(uint64_t id) { return (uint64_t)abi_id_class(id) << 24 | abi_id_code(id); }

const struct abi_field *abi_field(enum abi_context context, uint64_t id, uint32_t *element)
{
	const struct abi_field *fields = contexts[context].fields;
	uint32_t low = 0, high = contexts[context].nr;
	uint64_t distance;

	/* The last field that begins at or before the id. */
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (which(fields[middle].id) <= which(id))
			low = middle;
		else
			high = middle;
	}
	distance = which(id) - which(fields[low].id);
	if (distance % abi_field_step(&fields[low]))
		return NULL;
	distance /= abi_field_step(&fields[low]);
	if (distance >= abi_field_elements(&fields[low]))
		return NULL;
	*element = (uint32_t)distance;
	return &fields[low];
}
