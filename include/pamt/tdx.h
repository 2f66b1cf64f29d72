/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * tdx.h - the TDX module's ABI as far as physical memory is concerned: address types, leaf
 * numbers, operand ids, register layouts, structures that the host writes for the module.
 *
 * Numbers are those of TDX module 1.5.25. Status codes have a header of their own, status.h.
 * What a leaf checks and in which order is written in docs/abi.md, not here.
 */
#ifndef PAMT_TDX_H
#define PAMT_TDX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A result that nobody looks at is a mistake: errors, and what is the caller's from then on. */
#define PAMT_MUST_CHECK __attribute__((__warn_unused_result__))

/* The same structure in an expression of C and of C++, and the same check while compiling. */
#ifdef __cplusplus
#define TDX_MADE(type, value)	      (type{ value })
#define TDX_STATIC_ASSERT(cond, what) static_assert(cond, what)
#else
#define TDX_MADE(type, value)	      ((type){ value })
#define TDX_STATIC_ASSERT(cond, what) _Static_assert(cond, what)
#endif

/*
 * Address kinds. One-member structs, so that a guest address cannot be passed where a host
 * address is wanted. tdx_hpa_t, tdx_gpa_t: bytes. tdx_pfn_t: 4 KiB page frames. region_t: 2 MiB
 * regions (hpa >> 21), the unit that one PAMT page pair describes.
 */
typedef struct {
	uint64_t v;
} tdx_hpa_t;
typedef struct {
	uint64_t v;
} tdx_gpa_t;
typedef struct {
	uint64_t v;
} tdx_pfn_t;
typedef struct {
	uint64_t v;
} region_t;

#define TDX_PAGE_SHIFT	 12
#define TDX_2M_SHIFT	 21
#define TDX_1G_SHIFT	 30
#define TDX_PAGE_SIZE	 (UINT64_C(1) << TDX_PAGE_SHIFT)
#define TDX_2M_SIZE	 (UINT64_C(1) << TDX_2M_SHIFT)
#define TDX_1G_SIZE	 (UINT64_C(1) << TDX_1G_SHIFT)
#define TDX_PAGES_PER_2M 512u
#define TDX_PA_BITS	 52 /* no physical address has a bit at or above this one */

/* "No page": an optional page operand that is not given (all ones, the ABI's NULL_PA). */
#define HPA_NONE TDX_MADE(tdx_hpa_t, UINT64_MAX)

static inline tdx_hpa_t hpa(uint64_t bytes) { return TDX_MADE(tdx_hpa_t, bytes); }
static inline tdx_gpa_t gpa(uint64_t bytes) { return TDX_MADE(tdx_gpa_t, bytes); }
static inline tdx_pfn_t pfn(uint64_t frame) { return TDX_MADE(tdx_pfn_t, frame); }
static inline bool hpa_is_none(tdx_hpa_t a) { return a.v == UINT64_MAX; }
static inline tdx_pfn_t hpa_to_pfn(tdx_hpa_t a)
{
	return TDX_MADE(tdx_pfn_t, a.v >> TDX_PAGE_SHIFT);
}
static inline tdx_hpa_t pfn_to_hpa(tdx_pfn_t p)
{
	return TDX_MADE(tdx_hpa_t, p.v << TDX_PAGE_SHIFT);
}
static inline region_t hpa_to_region(tdx_hpa_t a)
{
	return TDX_MADE(region_t, a.v >> TDX_2M_SHIFT);
}
static inline region_t pfn_to_region(tdx_pfn_t p) { return TDX_MADE(region_t, p.v >> 9); }
static inline tdx_hpa_t region_to_hpa(region_t r)
{
	return TDX_MADE(tdx_hpa_t, r.v << TDX_2M_SHIFT);
}

/* The registers of one SEAMCALL. rax: leaf and version in, completion status out. */
struct tdx_regs {
	uint64_t rax, rcx, rdx, rbx, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
};

/* RAX on input: bits 15:0 leaf, 23:16 version, all others 0. */
#define TDX_RAX(leaf, version) ((uint64_t)(leaf) | (uint64_t)(version) << 16)
#define TDX_RAX_LEAF(rax)      ((uint32_t)((rax)&0xffff))
#define TDX_RAX_VERSION(rax)   ((uint32_t)(((rax) >> 16) & 0xff))
#define TDX_RAX_RESERVED       UINT64_C(0xffffffffff000000)

/* Host-side leaves (SEAMCALL). Names: TDH_<leaf with _ for .>. */
#define TDX_LEAF_LIST(X)                  \
	X(TDH_VP_ENTER, 0)                \
	X(TDH_MNG_ADDCX, 1)               \
	X(TDH_MEM_PAGE_ADD, 2)            \
	X(TDH_MEM_SEPT_ADD, 3)            \
	X(TDH_VP_ADDCX, 4)                \
	X(TDH_MEM_PAGE_RELOCATE, 5)       \
	X(TDH_MEM_PAGE_AUG, 6)            \
	X(TDH_MEM_RANGE_BLOCK, 7)         \
	X(TDH_MNG_KEY_CONFIG, 8)          \
	X(TDH_MNG_CREATE, 9)              \
	X(TDH_VP_CREATE, 10)              \
	X(TDH_MNG_RD, 11)                 \
	X(TDH_MEM_RD, 12)                 \
	X(TDH_MNG_WR, 13)                 \
	X(TDH_MEM_WR, 14)                 \
	X(TDH_MEM_PAGE_DEMOTE, 15)        \
	X(TDH_MR_EXTEND, 16)              \
	X(TDH_MR_FINALIZE, 17)            \
	X(TDH_VP_FLUSH, 18)               \
	X(TDH_MNG_VPFLUSHDONE, 19)        \
	X(TDH_MNG_KEY_FREEID, 20)         \
	X(TDH_MNG_INIT, 21)               \
	X(TDH_VP_INIT, 22)                \
	X(TDH_MEM_PAGE_PROMOTE, 23)       \
	X(TDH_PHYMEM_PAGE_RDMD, 24)       \
	X(TDH_MEM_SEPT_RD, 25)            \
	X(TDH_VP_RD, 26)                  \
	X(TDH_MNG_KEY_RECLAIMID, 27)      \
	X(TDH_PHYMEM_PAGE_RECLAIM, 28)    \
	X(TDH_MEM_PAGE_REMOVE, 29)        \
	X(TDH_MEM_SEPT_REMOVE, 30)        \
	X(TDH_SYS_KEY_CONFIG, 31)         \
	X(TDH_SYS_INFO, 32)               \
	X(TDH_SYS_INIT, 33)               \
	X(TDH_SYS_RD, 34)                 \
	X(TDH_SYS_LP_INIT, 35)            \
	X(TDH_SYS_TDMR_INIT, 36)          \
	X(TDH_SYS_RDALL, 37)              \
	X(TDH_MEM_TRACK, 38)              \
	X(TDH_MEM_RANGE_UNBLOCK, 39)      \
	X(TDH_PHYMEM_CACHE_WB, 40)        \
	X(TDH_PHYMEM_PAGE_WBINVD, 41)     \
	X(TDH_MEM_SEPT_WR, 42)            \
	X(TDH_VP_WR, 43)                  \
	X(TDH_SYS_LP_SHUTDOWN, 44)        \
	X(TDH_SYS_CONFIG, 45)             \
	X(TDH_SERVTD_BIND, 48)            \
	X(TDH_SERVTD_PREBIND, 49)         \
	X(TDH_SYS_SHUTDOWN, 52)           \
	X(TDH_SYS_UPDATE, 53)             \
	X(TDH_PHYMEM_PAMT_ADD, 58)        \
	X(TDH_PHYMEM_PAMT_REMOVE, 59)     \
	X(TDH_EXPORT_ABORT, 64)           \
	X(TDH_EXPORT_BLOCKW, 65)          \
	X(TDH_EXPORT_RESTORE, 66)         \
	X(TDH_EXPORT_MEM, 68)             \
	X(TDH_EXPORT_PAUSE, 70)           \
	X(TDH_EXPORT_TRACK, 71)           \
	X(TDH_EXPORT_STATE_IMMUTABLE, 72) \
	X(TDH_EXPORT_STATE_TD, 73)        \
	X(TDH_EXPORT_STATE_VP, 74)        \
	X(TDH_EXPORT_UNBLOCKW, 75)        \
	X(TDH_IMPORT_ABORT, 80)           \
	X(TDH_IMPORT_END, 81)             \
	X(TDH_IMPORT_COMMIT, 82)          \
	X(TDH_IMPORT_MEM, 83)             \
	X(TDH_IMPORT_TRACK, 84)           \
	X(TDH_IMPORT_STATE_IMMUTABLE, 85) \
	X(TDH_IMPORT_STATE_TD, 86)        \
	X(TDH_IMPORT_STATE_VP, 87)        \
	X(TDH_MIG_STREAM_CREATE, 96)

/* Of the module that comes after 1.5.25. */
#define TDH_SYS_DISABLE 69u

#define TDX_LEAF_ENUM(name, number) name = number,
enum tdx_leaf { TDX_LEAF_LIST(TDX_LEAF_ENUM) };
#undef TDX_LEAF_ENUM

/* Guest-side leaves (TDCALL). */
#define TDG_LEAF_LIST(X)            \
	X(TDG_VP_VMCALL, 0)         \
	X(TDG_VP_INFO, 1)           \
	X(TDG_MR_RTMR_EXTEND, 2)    \
	X(TDG_VP_VEINFO_GET, 3)     \
	X(TDG_MR_REPORT, 4)         \
	X(TDG_VP_CPUIDVE_SET, 5)    \
	X(TDG_MEM_PAGE_ACCEPT, 6)   \
	X(TDG_VM_RD, 7)             \
	X(TDG_VM_WR, 8)             \
	X(TDG_VP_RD, 9)             \
	X(TDG_VP_WR, 10)            \
	X(TDG_SYS_RD, 11)           \
	X(TDG_SYS_RDALL, 12)        \
	X(TDG_SERVTD_RD, 18)        \
	X(TDG_SERVTD_WR, 20)        \
	X(TDG_MR_VERIFYREPORT, 22)  \
	X(TDG_MEM_PAGE_ATTR_RD, 23) \
	X(TDG_MEM_PAGE_ATTR_WR, 24) \
	X(TDG_VP_ENTER, 25)         \
	X(TDG_VP_INVEPT, 26)        \
	X(TDG_VP_INVVPID, 27)

#define TDG_LEAF_ENUM(name, number) name = number,
enum tdg_leaf { TDG_LEAF_LIST(TDG_LEAF_ENUM) };
#undef TDG_LEAF_ENUM

/* Operand ids: bits 31:0 of most failing statuses say which operand it was. */
#define TDX_OPERAND_LIST(X)             \
	X(RAX, 0)                       \
	X(RCX, 1)                       \
	X(RDX, 2)                       \
	X(RBX, 3)                       \
	X(RBP, 5)                       \
	X(RSI, 6)                       \
	X(RDI, 7)                       \
	X(R8, 8)                        \
	X(R9, 9)                        \
	X(R10, 10)                      \
	X(R11, 11)                      \
	X(R12, 12)                      \
	X(R13, 13)                      \
	X(R14, 14)                      \
	X(R15, 15)                      \
	X(ATTRIBUTES, 64)               \
	X(XFAM, 65)                     \
	X(EXEC_CONTROLS, 66)            \
	X(EPTP_CONTROLS, 67)            \
	X(MAX_VCPUS, 68)                \
	X(CPUID_CONFIG, 69)             \
	X(TSC_FREQUENCY, 70)            \
	X(NUM_L2_VMS, 71)               \
	X(ARCH_CAPABILITIES_CONFIG, 72) \
	X(PAGE, 95)                     \
	X(TDMR_INFO_PA, 96)             \
	X(GPA_LIST_ENTRY, 97)           \
	X(MIG_BUFF_LIST_ENTRY, 98)      \
	X(NEW_PAGE_LIST_ENTRY, 99)      \
	X(TDR, 128)                     \
	X(TDCX, 129)                    \
	X(TDVPR, 130)                   \
	X(REG_PAGE, 132)                \
	X(TDCS, 144)                    \
	X(TDVPS, 145)                   \
	X(SEPT_TREE, 146)               \
	X(SEPT_ENTRY, 147)              \
	X(RTMR, 168)                    \
	X(TD_EPOCH, 169)                \
	X(L2_VAPIC_GPA, 170)            \
	X(MIGSC, 171)                   \
	X(OP_STATE, 172)                \
	X(MIG, 173)                     \
	X(SERVTD_BINDINGS, 174)         \
	X(METADATA_FIELD, 176)          \
	X(NUM_VCPUS, 177)               \
	X(CPUID_FIXED0_BITMAP, 178)     \
	X(SYS, 184)                     \
	X(TDMR, 185)                    \
	X(KOT, 186)                     \
	X(KET, 187)                     \
	X(WBCACHE, 188)

#define TDX_OPERAND_ENUM(name, number) TDX_OP_##name = number,
enum tdx_operand { TDX_OPERAND_LIST(TDX_OPERAND_ENUM) };
#undef TDX_OPERAND_ENUM

/* Page sizes, also S-EPT levels of leaf entries; levels 3 and 4 are 512G and 256T. */
enum tdx_size { TDX_4K = 0, TDX_2M = 1, TDX_1G = 2 };
#define TDX_LEVEL_SHIFT(level) (TDX_PAGE_SHIFT + 9 * (level))

/* Page types in a PAMT entry. */
enum tdx_page_type {
	TDX_PT_NDA = 0,	  /* not directly assigned: free */
	TDX_PT_RSVD = 1,  /* inside a reserved area (static PAMT only) */
	TDX_PT_REG = 3,	  /* guest memory */
	TDX_PT_TDR = 4,	  /* TD root */
	TDX_PT_TDCX = 5,  /* TD control structure extension */
	TDX_PT_TDVPR = 6, /* vCPU root */
	TDX_PT_EPT = 8,	  /* S-EPT page */
	TDX_PT_PAMT = 15, /* 2M node with a page pair; a page of such a pair */
};

/* Dynamic PAMT: a page count beside a pair can be read by RDMD from the 2M entry. */
#define TDX_HINT_BIT	  (UINT64_C(1) << 62) /* in a returned HPA: region's last page freed */
#define TDX_PAGE_HPA(reg) TDX_MADE(tdx_hpa_t, (reg)&UINT64_C(0x000ffffffffff000))
#define TDX_NULL_PA	  UINT64_MAX
#define TDX_RDMD_NODE	  (UINT64_C(1) << 63) /* RDMD, RCX out: the entry is a node */

/* RCX of the MEM leaves: GPA and level. RCX of PAMT.ADD, PAMT.REMOVE, RDMD: HPA and size. */
static inline uint64_t tdx_gpa_level(tdx_gpa_t a, unsigned int level) { return a.v | level; }
static inline uint64_t tdx_hpa_size(tdx_hpa_t a, enum tdx_size size)
{
	return a.v | (uint64_t)size;
}

/* RCX of WBINVD and of shared HPAs: an HPA with the KeyID above the hkid start bit. */
static inline uint64_t tdx_hpa_hkid(tdx_hpa_t a, uint16_t hkid, unsigned int hkid_start_bit)
{
	return a.v | (uint64_t)hkid << hkid_start_bit;
}

/* SYS.CONFIG R8: global KeyID, and the switch for Dynamic PAMT. */
#define TDX_SYS_CONFIG_DYNAMIC_PAMT (UINT64_C(1) << 16)

/* Limits of the module. */
#define TDX_MAX_TDMRS	      64u
#define TDX_MAX_RESERVED      16u /* reserved areas per TDMR */
#define TDX_MAX_CMRS	      32u
#define TDX_MAX_PACKAGES      8u
#define TDX_MAX_HKIDS	      2048u
#define TDX_PAMT_ENTRY_BYTES  16u
#define TDX_INFO_ALIGN	      512u /* alignment of TDMR_INFO and of the array that points to them */
#define TDX_MIN_TDCX	      6u   /* TDCS pages that a TD needs */
#define TDX_MAX_TDCX	      9u
#define TDX_MIN_TDVPS	      6u /* pages of a vCPU, TDVPR included */
#define TDX_TDVPS_PER_L2_VM   3u
#define TDX_MAX_TDVPS	      15u
#define TDX_MAX_L2_VMS	      3u
#define TDX_DPAMT_MAX_PA_BITS 48u /* Dynamic PAMT needs the KeyID start bit at or below this */

/* TDMR_INFO: what SYS.CONFIG is given of one TDMR, 320 bytes at a 512-byte boundary. */
struct tdx_reserved_area {
	uint64_t offset; /* bytes from the TDMR's base, 4K multiple */
	uint64_t size;	 /* bytes, 4K multiple; 0 ends the list */
};

struct tdx_tdmr_info {
	uint64_t base, size;		     /* bytes, 1G multiples */
	uint64_t pamt_1g_base, pamt_1g_size; /* bytes, 4K multiples */
	uint64_t pamt_2m_base, pamt_2m_size;
	uint64_t pamt_4k_base, pamt_4k_size; /* Dynamic PAMT: the page bitmap */
	struct tdx_reserved_area reserved[TDX_MAX_RESERVED];
};
TDX_STATIC_ASSERT(sizeof(struct tdx_tdmr_info) == 320, "TDMR_INFO is 320 bytes");

/* TD_PARAMS: what MNG.INIT is told of a TD, 1024 bytes at a 1 KB boundary. */
struct tdx_td_params {
	uint64_t attributes;
	uint64_t xfam; /* extended features; x87 and SSE are not optional */
	uint16_t max_vcpus;
	uint8_t num_l2_vms;
	uint8_t msr_config_ctls; /* bit 0: TDX_MSR_ARCH_CAPABILITIES */
	uint32_t reserved0;
	uint64_t eptp_controls; /* 2:0 memory type, 5:3 levels of the S-EPT less one */
	uint64_t config_flags;	/* TDX_CONFIG_* */
	uint16_t tsc_frequency; /* in units of 25 MHz */
	uint8_t reserved1[38];
	uint8_t mrconfigid[48], mrowner[48], mrownerconfig[48];
	uint64_t arch_capabilities_config;
	uint8_t reserved2[24];
	uint32_t cpuid_config[28][4]; /* EAX, EBX, ECX, EDX of the leaves that SYS.RD names */
	uint8_t reserved3[320];
};
TDX_STATIC_ASSERT(sizeof(struct tdx_td_params) == 1024, "TD_PARAMS is 1024 bytes");

#define TDX_TD_PARAMS_ALIGN	  1024u
#define TDX_ATTR_DEBUG		  (UINT64_C(1) << 0)
#define TDX_ATTR_ICSSD		  (UINT64_C(1) << 16)
#define TDX_ATTR_MIGRATABLE	  (UINT64_C(1) << 29)
#define TDX_ATTR_PERFMON	  (UINT64_C(1) << 63)
#define TDX_ATTR_LASS		  (UINT64_C(1) << 27)
#define TDX_ATTR_SEPT_VE_DISABLE  (UINT64_C(1) << 28)
#define TDX_ATTR_PKS		  (UINT64_C(1) << 30)
#define TDX_XFAM_FIXED1		  UINT64_C(3) /* x87, SSE */
#define TDX_EPTP_WRITE_BACK	  UINT64_C(6)
#define TDX_EPTP_PWL_SHIFT	  3
#define TDX_CONFIG_GPAW		  (UINT64_C(1) << 0) /* 52-bit guest addresses */
#define TDX_CONFIG_NO_RBP_MOD	  (UINT64_C(1) << 2) /* VP.ENTER leaves the host's RBP alone */
#define TDX_CONFIG_MAXPA_VIRT	  (UINT64_C(1) << 3) /* CPUID shows the width that is asked for */
#define TDX_CONFIG_MAXGPA_VIRT	  (UINT64_C(1) << 4) /* CPUID shows the width of guest addresses */
#define TDX_MSR_ARCH_CAPABILITIES 1u /* msr_config_ctls: arch_capabilities_config counts */

/* Why VP.ENTER returned: RAX bits 31:0, as VMX numbers exit reasons. */
#define TDX_EXIT_INTERRUPT     1u  /* R9 interruption information */
#define TDX_EXIT_EPT_VIOLATION 48u /* RCX exit qualification, RDX the extended one, R8 GPA */
#define TDX_EXIT_TDCALL	       77u /* TDG.VP.VMCALL: RCX mask of registers, those as they were */

/* Exit qualification, and the extended one. */
#define TDX_EPT_VIOLATION_READ	 UINT64_C(1)
#define TDX_EPT_VIOLATION_WRITE	 UINT64_C(2)
#define TDX_EPT_EXTENDED_ACCEPT	 1u /* TDG.MEM.PAGE.ACCEPT found nothing to accept */
#define TDX_EPT_EXTENDED_PENDING 6u /* a page that the guest has not accepted */
/* Interruption information: an external interrupt is valid and its vector. */
#define TDX_INTERRUPT_VALID (UINT64_C(1) << 31)

/* GHCI, TDG.VP.VMCALL with R10 = 0: R11 says which; R10 answers at the next VP.ENTER. */
#define TDX_VMCALL_HALT		   12u
#define TDX_VMCALL_IO		   30u	    /* R12 bytes, R13 0 in 1 out, R14 port, R15 value */
#define TDX_VMCALL_MAP_GPA	   0x10001u /* R12 GPA, shared bit as wanted; R13 bytes */
#define TDX_VMCALL_SUCCESS	   UINT64_C(0)
#define TDX_VMCALL_RETRY	   UINT64_C(1) /* go on at the GPA in R11, shared bit as asked */
#define TDX_VMCALL_INVALID_OPERAND (UINT64_C(1) << 63)

/* CMR_INFO: memory that the platform can protect, as SYS.INFO returns it. */
struct tdx_cmr {
	uint64_t base, size; /* bytes; size 0: unused slot */
};

/* Ids of global metadata fields, RDX of SYS.RD. */
#define TDX_MD_NUM_FEATURES	   UINT64_C(0x0a00000000000001)
#define TDX_MD_FEATURES0	   UINT64_C(0x0a00000300000008)
#define TDX_MD_NUM_CMRS		   UINT64_C(0x9000000100000000)
#define TDX_MD_CMR_BASE(i)	   (UINT64_C(0x9000000300000080) + (i))
#define TDX_MD_CMR_SIZE(i)	   (UINT64_C(0x9000000300000100) + (i))
#define TDX_MD_MAX_TDMRS	   UINT64_C(0x9100000100000008)
#define TDX_MD_MAX_RESERVED	   UINT64_C(0x9100000100000009)
#define TDX_MD_PAMT_4K_ENTRY_SIZE  UINT64_C(0x9100000100000010)
#define TDX_MD_PAMT_2M_ENTRY_SIZE  UINT64_C(0x9100000100000011)
#define TDX_MD_PAMT_1G_ENTRY_SIZE  UINT64_C(0x9100000100000012)
#define TDX_MD_PAMT_BITMAP_BITS	   UINT64_C(0x9100000000000013)
#define TDX_MD_DPAMT_MIN_HKID_BITS UINT64_C(0x9100000000000014)
#define TDX_MD_TDR_BASE_SIZE	   UINT64_C(0x9800000100000000)
#define TDX_MD_TDCS_BASE_SIZE	   UINT64_C(0x9800000100000100)
#define TDX_MD_TDVPS_BASE_SIZE	   UINT64_C(0x9800000100000200)

/* Bits of TDX_FEATURES0. */
#define TDX_FEATURES0_HOST_PRIORITY   (UINT64_C(1) << 10)
#define TDX_FEATURES0_NO_RBP_MOD      (UINT64_C(1) << 18)
#define TDX_FEATURES0_DYNAMIC_PAMT    (UINT64_C(1) << 36)
#define TDX_FEATURES0_ENHANCED_DEMOTE (UINT64_C(1) << 51)

/* Life of the module, of a TD, of a KeyID, of a vCPU. */
enum tdx_sys_state {
	TDX_SYS_INIT_PENDING,
	TDX_SYS_INIT_DONE,
	TDX_SYS_CONFIG_DONE,
	TDX_SYS_READY,
	TDX_SYS_STATE_SHUTDOWN
};
enum tdx_lifecycle { TDX_HKID_ASSIGNED, TDX_KEYS_CONFIGURED, TDX_BLOCKED, TDX_TEARDOWN };
enum tdx_op_state {
	TDX_OP_UNINITIALIZED,
	TDX_OP_INITIALIZED,
	TDX_OP_RUNNABLE,
	/* of migration, not gone through here */
	TDX_OP_LIVE_EXPORT,
	TDX_OP_PAUSED_EXPORT,
	TDX_OP_POST_EXPORT,
	TDX_OP_MEMORY_IMPORT,
	TDX_OP_STATE_IMPORT,
	TDX_OP_POST_IMPORT,
	TDX_OP_LIVE_IMPORT,
	TDX_OP_FAILED_IMPORT,
	TDX_OP_START_IMPORT
};
enum tdx_kot_state { TDX_KOT_FREE, TDX_KOT_ASSIGNED, TDX_KOT_FLUSHED, TDX_KOT_RESERVED };
enum tdx_vcpu_state {
	TDX_VCPU_UNINITIALIZED = 0,
	TDX_VCPU_READY = 2,
	TDX_VCPU_ACTIVE = 4,
	TDX_VCPU_DISABLED = 8,
	TDX_VCPU_IMPORT = 0x10
};

/* Public states of an S-EPT entry: bits 15:8 of RDX where a leaf returns entry details. */
enum tdx_sept_state {
	TDX_SEPT_FREE = 0,
	TDX_SEPT_BLOCKED = 1,
	TDX_SEPT_PENDING = 2,
	TDX_SEPT_PENDING_BLOCKED = 3,
	TDX_SEPT_MAPPED = 4,
	TDX_SEPT_REMOVED = 5,
	TDX_SEPT_NL_BLOCKED = 0x81,
	TDX_SEPT_NL_MAPPED = 0x84,
};

#endif
