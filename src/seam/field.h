/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * field.h - metadata fields by id: what SYS.RD, SYS.RDALL, MNG.RD, MNG.WR, VP.RD and VP.WR share.
 *
 * Which fields there are, and what of them a host may see and change, is abi's table. Here is how
 * a leaf finds its way in it, and where a value lies: a table of struct field_value for each
 * context, by the names of abi/field_list.h (sys_field.c, mng_field.c, vp_field.c). A field for
 * which that table has nothing is one that never differs from 0 here.
 */
#ifndef SEAM_FIELD_H
#define SEAM_FIELD_H

#include "abi/abi.h"
#include "abi/field_list.h"
#include "seam/call.h"
#include "seam/td.h"

/* The places of fields in abi's tables: SYS_FIELD_NUM_PKGS, TD_FIELD_HKID, VP_FIELD_VMCS_VPID, ...
 */
#define FIELD_PLACE_SYS(name, ...) SYS_FIELD_##name,
#define FIELD_PLACE_TD(name, ...)  TD_FIELD_##name,
#define FIELD_PLACE_VP(name, ...)  VP_FIELD_##name,
enum sys_field { SYS_FIELD_LIST(FIELD_PLACE_SYS) NR_SYS_FIELDS };
enum td_field { TD_FIELD_LIST(FIELD_PLACE_TD) NR_TD_FIELDS };
enum vp_field { VP_FIELD_LIST(FIELD_PLACE_VP) NR_VP_FIELDS };

/* Whose fields, and who looks. */
struct field_view {
	const struct seam *seam;
	struct call *call; /* NULL: of a field that is the module's own */
	enum abi_context context;
	const struct field_value *values; /* of that context */
	bool debug;			  /* a debug TD's */
	uint32_t has;			  /* set of enum abi_field_needs */
	struct tdr *tdr;
	uint64_t children; /* CHLDCNT */
	struct tdcs *tdcs;
	struct tdvps *tdvps;
	tdx_hpa_t tdvpr; /* address of it */
};

/* One element of a field. */
struct field_ref {
	const struct abi_field *field;
	uint32_t place; /* of the field in its table */
	uint32_t element;
};

/* Where a value lies: in a page, elements side by side; or what says it. */
enum field_home { FIELD_CONSTANT, FIELD_IN_TDR, FIELD_IN_TDCS, FIELD_IN_TDVPS, FIELD_COMPUTED };
struct field_value {
	uint8_t home;
	uint8_t bytes; /* of an element: 2, 4, 8 */
	uint16_t offset;
	uint64_t constant;
	uint64_t (*read)(const struct field_view *view, uint32_t element);
};

#define FIELD_SIZE(type, member) sizeof(((type *)0)->member)
#define FIELD_AT(where, type, member)                                        \
	{                                                                    \
		.home = (where), .bytes = (uint8_t)FIELD_SIZE(type, member), \
		.offset = offsetof(type, member)                             \
	}
#define FIELD_ARRAY(where, type, member) FIELD_AT(where, type, member[0])
#define FIELD_FIXED(value)                                  \
	{                                                   \
		.home = FIELD_CONSTANT, .constant = (value) \
	}
#define FIELD_BY(function)                                 \
	{                                                  \
		.home = FIELD_COMPUTED, .read = (function) \
	}

/* The bits that the host may see and change; 0: none. */
uint64_t field_readable(const struct field_view *view, const struct abi_field *field);
uint64_t field_writable(const struct field_view *view, const struct abi_field *field);

/* Before the first field and after the last; the context does not count. */
static inline bool field_is_none(uint64_t id) { return (id | ABI_ID_CONTEXT) == ABI_ID_NONE; }

/* The element that an id of one element names: success or FIELD_ID_INCORRECT. */
PAMT_MUST_CHECK tdx_status_t field_find(const struct field_view *view, uint64_t id,
					struct field_ref *ref);
/*
 * The id after this element, which id named: the next that the host may read; ABI_ID_NONE at the
 * end. Inside a field the id is counted up as it is, but for the context, which is the leaf's.
 */
uint64_t field_next(const struct field_view *view, uint64_t id, const struct field_ref *ref);
/* The first that the host may read. */
uint64_t field_first(const struct field_view *view);

/* The value as it is, all bits. */
uint64_t field_load(const struct field_view *view, const struct field_ref *ref);
/*
 * MNG.WR, VP.WR: may the bits of mask become those of value, where a reader sees seen now? Success,
 * FIELD_NOT_WRITABLE, FIELD_VALUE_NOT_VALID.
 */
PAMT_MUST_CHECK tdx_status_t field_check_write(const struct field_view *view,
					       const struct abi_field *field, uint64_t value,
					       uint64_t mask, uint64_t seen);

/* The element gets a value. Fields without a place of their own do not change. */
void field_store(const struct field_view *view, const struct field_ref *ref, uint64_t value);
/* Makes the bits of mask that may be written those of value; of a field that lies in a page. */
void field_change(const struct field_view *view, const struct field_ref *ref, uint64_t value,
		  uint64_t mask);

/* What MNG.RD and VP.RD, MNG.WR and VP.WR do alike, once they have their TD or vCPU. */
struct field_view field_view_of(struct call *call, enum abi_context context,
				const struct field_value *values, struct td *td);
PAMT_MUST_CHECK tdx_status_t field_read_leaf(struct call *call, const struct field_view *view);

extern const struct field_value sys_field_values[];

#endif
