/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * abi.h - names and meanings of what tdx.h and status.h number: leaves with their operands,
 * status codes, states, page types; decoding of a completion status and of a register.
 *
 * Everything is a constant table, and every text stands once: the command, logs, tests and
 * documents print what is written here. No function allocates, sleeps or keeps a pointer; all may
 * be called in any context. Texts are static.
 */
#ifndef PAMT_ABI_H
#define PAMT_ABI_H

#include <pamt/status.h>
#include <pamt/tdx.h>

/* ------------------------------------------------------------------------------------------- */
/* Leaves                                                                                       */

/* What a register of a leaf holds. */
enum abi_value {
	ABI_NO_VALUE,	   /* ends a list of operands */
	ABI_NUMBER,	   /* a number, flags or an opaque handle */
	ABI_HPA,	   /* a 4K page's HPA, KeyID bits 0 */
	ABI_HPA_SIZE,	   /* HPA and, in bits 2:0, a size */
	ABI_HPA_KEYID,	   /* HPA with a KeyID in its upper bits */
	ABI_HPA_FLAG,	   /* HPA with a flag in bit 0 */
	ABI_OPTIONAL_PAGE, /* HPA, or NULL_PA; on return bit 63 says that it was not taken */
	ABI_FREED_PAGE,	   /* HPA, and in bit 62 that the region's last page went */
	ABI_GPA,	   /* guest address */
	ABI_GPA_LEVEL,	   /* guest address and, in bits 2:0, an S-EPT level */
	ABI_SEPT_ENTRY,	   /* S-EPT entry as the architecture shows it */
	ABI_SEPT_STATE,	   /* level 2:0, public state 15:8, VM 17:16 */
	ABI_PAGE_TYPE,	   /* type of a page, bit 63: a node with a page pair */
	ABI_SIZE,	   /* 0, 1, 2: 4K, 2M, 1G */
	ABI_KEYID,	   /* KeyID */
	ABI_SYS_CONFIG,	   /* global KeyID, and bit 16: Dynamic PAMT */
	ABI_FIELD,	   /* id of a metadata field */
	ABI_CPUID_LEAF,	   /* CPUID leaf 31:0, subleaf 63:32 (all ones: none) */
	ABI_EAX_EBX,	   /* two of CPUID's registers */
	ABI_ECX_EDX,
};

/* One register that a leaf takes or returns. */
struct abi_operand {
	uint8_t reg;	  /* enum tdx_operand, RCX .. R15 */
	uint8_t value;	  /* enum abi_value */
	const char *what; /* a few words */
};

#define ABI_MAX_OPERANDS 8

struct abi_leaf {
	uint16_t number;
	uint8_t max_version; /* highest version that the dispatcher lets through */
	bool guest;	     /* TDCALL, not SEAMCALL */
	bool loader;	     /* of the P-SEAMLDR: bit 63 of RAX is set */
	bool later;	     /* of modules later than those of the recordings */
	const char *name;    /* "TDH.MEM.PAGE.AUG" */
	const char *symbol;  /* "TDH_MEM_PAGE_AUG" */
	const char *purpose; /* one line, begins with a verb */
	struct abi_operand in[ABI_MAX_OPERANDS], out[ABI_MAX_OPERANDS]; /* end: ABI_NO_VALUE */
};

/* Host leaves that have a version 1. Of all others there is version 0 alone. */
#define ABI_VERSIONED                                                       \
	(UINT64_C(1) << TDH_MEM_SEPT_ADD | UINT64_C(1) << TDH_MNG_RD |      \
	 UINT64_C(1) << TDH_VP_INIT | UINT64_C(1) << TDH_MEM_PAGE_PROMOTE | \
	 UINT64_C(1) << TDH_VP_RD | UINT64_C(1) << TDH_MEM_SEPT_REMOVE |    \
	 UINT64_C(1) << TDH_SYS_INIT | UINT64_C(1) << TDH_SYS_UPDATE)
#define ABI_MAX_VERSION(leaf) ((leaf) < 64 ? (uint8_t)(ABI_VERSIONED >> (leaf) % 64 & 1) : 0)

/* Host leaves in order of their numbers, then guest leaves. NULL at the end. */
const struct abi_leaf *abi_leaf_at(unsigned int i);
/* NULL: no such leaf. */
const struct abi_leaf *abi_leaf(uint32_t number, bool guest);
/*
 * By name: dots or underscores, any case, "TDH." or "TDG." may be left out (host leaves are
 * looked at first). NULL: no such leaf.
 */
const struct abi_leaf *abi_leaf_by_name(const char *name);

/*
 * Leaves that abi_leaf() does not know, since no recorded module serves them: the P-SEAMLDR's, and
 * later ones. By RAX; NULL: none of these. abi_other_leaf_at(): NULL at the end.
 */
#define ABI_LOADER_BIT (UINT64_C(1) << 63)
const struct abi_leaf *abi_other_leaf(uint64_t rax);
const struct abi_leaf *abi_other_leaf_at(unsigned int i);

/* ------------------------------------------------------------------------------------------- */
/* Numbers with names                                                                           */

/* Kinds of named numbers. */
enum abi_name_kind {
	ABI_OPERAND,
	ABI_PAGE_TYPE_NAME,
	ABI_SEPT_STATE_NAME,
	ABI_SYS_STATE,
	ABI_LIFECYCLE,
	ABI_OP_STATE,
	ABI_KEYID_STATE,
	ABI_VCPU_STATE,
	ABI_EXIT_REASON, /* of VP.ENTER, as VMX numbers them */
	ABI_VECTOR,	 /* of an exception that the instruction raised */
	ABI_NR_NAME_KINDS,
};

struct abi_name {
	uint32_t number;
	const char *name;
	const char *what; /* a few words */
};

const char *abi_kind_text(enum abi_name_kind kind);
/* The i-th of a kind, NULL at the end. */
const struct abi_name *abi_name_at(enum abi_name_kind kind, unsigned int i);
const struct abi_name *abi_name(enum abi_name_kind kind, uint32_t number);
/* Any case. */
const struct abi_name *abi_name_by_name(enum abi_name_kind kind, const char *name);

/* ------------------------------------------------------------------------------------------- */
/* Metadata fields                                                                              */

/*
 * An id is 64 bits: 23:0 code, 33:32 size of an element (8, 16, 32, 64 bits), 37:34 elements of a
 * field and 46:38 fields of a sequence, both less 1, 50 codes go by 2 (VMCS fields), 51 a write
 * mask follows, 54:52 context, 61:56 class, 63 defined by the implementation. Class and code say
 * which element it is. The reserved bits, and those that are of lists, must be 0 in an id that
 * names one element.
 */
#define ABI_ID_NONE	UINT64_MAX /* before the first field, after the last */
#define ABI_ID_RESERVED (UINT64_C(0xff) << 24 | UINT64_C(7) << 47 | UINT64_C(0x81) << 55)
#define ABI_ID_LIST	(UINT64_C(0xf) << 34 | UINT64_C(0x1ff) << 38)
#define ABI_ID_STEP_2	(UINT64_C(1) << 50)
#define ABI_ID_CONTEXT	(UINT64_C(7) << 52)

static inline uint32_t abi_id_code(uint64_t id) { return id & 0xffffff; }
static inline uint32_t abi_id_class(uint64_t id) { return id >> 56 & 0x3f; }
static inline uint32_t abi_id_bits(uint64_t id) { return 8u << (id >> 32 & 3); }

/* What the fields are of; numbered as in an id. */
enum abi_context { ABI_SYS, ABI_TD, ABI_VP, ABI_NR_CONTEXTS };

/* What must be there for a field to exist. */
enum abi_field_needs { ABI_ALWAYS, ABI_L2_VM_1, ABI_L2_VM_2, ABI_L2_VM_3, ABI_DYNAMIC_PAMT };

struct abi_field {
	const char *name;
	uint64_t id;	   /* of the first element */
	uint32_t fields;   /* with consecutive codes */
	uint32_t elements; /* of each field */
	uint8_t needs;	   /* enum abi_field_needs */
	/* Bits of an element that a host may read and write, of a production and of a debug TD. */
	uint64_t read, write, read_debug, write_debug;
};

/* By what the code grows from element to element. */
static inline uint32_t abi_field_step(const struct abi_field *field)
{
	return field->id & ABI_ID_STEP_2 ? 2 : 1;
}

static inline uint32_t abi_field_elements(const struct abi_field *field)
{
	return field->fields * field->elements;
}

/* "module", "TD", "vCPU" */
const char *abi_context_name(enum abi_context context);
/* In the order of class and code, NULL at the end. */
const struct abi_field *abi_field_at(enum abi_context context, uint32_t i);
/* The field to which class and code of an id belong, and which element it is; NULL: none. */
const struct abi_field *abi_field(enum abi_context context, uint64_t id, uint32_t *element);
/* Any case. NULL: none. */
const struct abi_field *abi_field_by_name(enum abi_context context, const char *name);

/* ------------------------------------------------------------------------------------------- */
/* Completion status                                                                            */

/* What bits 31:0 of a status mean. */
enum abi_detail {
	ABI_DETAIL_OPERAND, /* operand id; the rule where nothing else is known */
	ABI_DETAIL_NONE,
	ABI_DETAIL_EXIT_REASON,	  /* VP.ENTER: why the TD exited */
	ABI_DETAIL_TDMR,	  /* byte 0: index of the TDMR */
	ABI_DETAIL_TDMR_RESERVED, /* byte 0: TDMR, byte 1: reserved area */
	ABI_DETAIL_TDMR_PAMT,	  /* byte 0: TDMR, byte 1: level of the PAMT area */
	ABI_DETAIL_TDMR_OVERLAP,  /* the same, and byte 2: the other TDMR */
	ABI_DETAIL_OP_STATE,
	ABI_DETAIL_VCPU_STATE,
	ABI_DETAIL_PAIR_INDEX, /* which page of the pair, 0 or 1 */
	ABI_DETAIL_L2_SEPT,    /* 31:16 VM, 15:0 level */
	ABI_DETAIL_LEVEL,      /* S-EPT level */
	ABI_DETAIL_X2APIC_ID,
	ABI_DETAIL_MSR,
	ABI_DETAIL_INDEX,  /* index of an entry of a list */
	ABI_DETAIL_UPDATE, /* 31:16 how many, 15:0 what of: builds or interrupted imports */
	ABI_DETAIL_VECTOR, /* software errors: the exception */
};

struct abi_status {
	uint64_t value;	     /* low 32 bits 0; software errors: whole */
	const char *name;    /* without TDX_ */
	const char *meaning; /* what it usually means for the host, one line */
	const char *advice;  /* what to do, one line */
	uint8_t detail;	     /* enum abi_detail */
};

/* A status taken apart. */
struct abi_decoded {
	uint64_t value;
	const struct abi_status *status;  /* NULL: a code that is not in the list */
	const struct abi_status *similar; /* then: same class and code, other flags; or NULL */
	const char *class_name;		  /* NULL: no such class */
	uint8_t class, code;
	bool error, non_recoverable, fatal, host_hint;
	bool software;	   /* made by the host's wrapper, not by the module */
	uint16_t reserved; /* bits 59:48, 0 in every status of the module */
	uint32_t detail;
};

/* The i-th status of TDX_STATUS_LIST, then the software errors; NULL at the end. */
const struct abi_status *abi_status_at(unsigned int i);
/* NULL: not in the list. */
const struct abi_status *abi_status(tdx_status_t status);
/* Any case; "TDX_" and, for software errors, "TDX_SEAMCALL_" may be left out. NULL: none. */
const struct abi_status *abi_status_by_name(const char *name);
/* Codes of the P-SEAMLDR, compared whole. NULL: none. abi_loader_status_at(): NULL at the end. */
const struct abi_status *abi_loader_status(uint64_t value);
const struct abi_status *abi_loader_status_at(unsigned int i);
/*
 * What a status means of this leaf where that is more, or other, than what it means of all (only
 * meaning and advice are set). NULL: nothing is.
 */
const struct abi_status *abi_status_of_leaf(const struct abi_leaf *leaf, tdx_status_t status);
/* NULL: no such class. */
const char *abi_class_name(uint8_t class);
void abi_decode(tdx_status_t status, struct abi_decoded *decoded);
/* Do details of this code have names? Then *kind says which. */
bool abi_detail_names(const struct abi_status *status, enum abi_name_kind *kind);

/* ------------------------------------------------------------------------------------------- */
/* Text. Each writes into buffer, cut where it is full but always terminated, and returns it.   */

#define ABI_TEXT 128 /* bytes that are enough for all of them */

/* What the detail says: "operand RCX (register)", "TDMR 2, reserved area 3"; "" if nothing. */
const char *abi_detail_text(const struct abi_decoded *decoded, char *buffer, size_t size);
/* One word for logs: "OPERAND_BUSY(SEPT_TREE)", "0xc000ee0000000001" if unknown. */
const char *abi_status_text(tdx_status_t status, char *buffer, size_t size);
/*
 * What a register of a leaf holds, in words; "" if nothing is known of it.
 */
struct abi_register {
	const struct abi_leaf *leaf;
	const tdx_status_t *status; /* what the leaf returned, NULL before the call */
	uint8_t reg;		    /* enum tdx_operand */
	uint64_t value;
};
const char *abi_register_text(const struct abi_register *reg, char *buffer, size_t size);

#endif
