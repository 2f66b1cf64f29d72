/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * status.h - completion status of a SEAMCALL or TDCALL (RAX on return).
 *
 *   63 ERROR   62 NON_RECOVERABLE   61 FATAL   60 HOST_RECOVERABILITY_HINT   59:48 reserved
 *   47:40 class   39:32 code within the class   31:0 detail
 *
 * The detail is usually an operand id (enum tdx_operand); for OP_STATE_INCORRECT and
 * VCPU_STATE_INCORRECT the current state; for SYS.CONFIG's TDMR and PAMT errors four info bytes;
 * for PAMT_PAGE_NOT_EMPTY which page of the pair. Compare codes with tdx_status_is(): it leaves
 * the detail out, and compares the host's own software errors whole.
 */
#ifndef PAMT_STATUS_H
#define PAMT_STATUS_H

#include <pamt/tdx.h>

typedef struct {
	uint64_t v;
} tdx_status_t;

#define TDX_STATUS_ERROR	   (UINT64_C(1) << 63)
#define TDX_STATUS_NON_RECOVERABLE (UINT64_C(1) << 62)
#define TDX_STATUS_FATAL	   (UINT64_C(1) << 61)
#define TDX_STATUS_HOST_HINT	   (UINT64_C(1) << 60)
#define TDX_STATUS_CODE_MASK	   UINT64_C(0xffffffff00000000)

/*
 * Every code, once: the TDX_<name> constants, `pamt explain`, docs and tests all come from this
 * list.
 */
#define TDX_STATUS_LIST(X)                                           \
	/* class 0x00: generic */                                    \
	X(SUCCESS, 0x0000000000000000)                               \
	X(NON_RECOVERABLE_VCPU, 0x4000000100000000)                  \
	X(NON_RECOVERABLE_TD, 0x6000000200000000)                    \
	X(INTERRUPTED_RESUMABLE, 0x8000000300000000)                 \
	X(INTERRUPTED_RESTARTABLE, 0x8000000400000000)               \
	X(NON_RECOVERABLE_TD_NON_ACCESSIBLE, 0x6000000500000000)     \
	X(INVALID_RESUMPTION, 0xc000000600000000)                    \
	X(NON_RECOVERABLE_TD_WRONG_APIC_MODE, 0xe000000700000000)    \
	X(CROSS_TD_FAULT, 0x8000000800000000)                        \
	X(CROSS_TD_TRAP, 0x9000000900000000)                         \
	X(NON_RECOVERABLE_TD_CORRUPTED_MD, 0x6000000a00000000)       \
	/* class 0x01: operand */                                    \
	X(OPERAND_INVALID, 0xc000010000000000)                       \
	X(OPERAND_ADDR_RANGE_ERROR, 0xc000010100000000)              \
	X(EVENT_FILTER_INVALID, 0xc000010200000000)                  \
	X(EVENT_FILTER_ORDER_INVALID, 0xc000010300000000)            \
	/* class 0x02: busy */                                       \
	X(OPERAND_BUSY, 0x8000020000000000)                          \
	X(PREVIOUS_TLB_EPOCH_BUSY, 0x8000020100000000)               \
	X(SYS_BUSY, 0x8000020200000000)                              \
	X(RND_NO_ENTROPY, 0x8000020300000000)                        \
	X(OPERAND_BUSY_HOST_PRIORITY, 0x8000020400000000)            \
	X(HOST_PRIORITY_BUSY_TIMEOUT, 0x9000020500000000)            \
	X(INTERRUPTED_BUSY, 0x8000020600000000)                      \
	/* class 0x03: page metadata */                              \
	X(PAGE_METADATA_INCORRECT, 0xc000030000000000)               \
	X(PAGE_ALREADY_FREE, 0x0000030100000000)                     \
	X(PAGE_NOT_OWNED_BY_TD, 0xc000030200000000)                  \
	X(PAGE_NOT_FREE, 0xc000030300000000)                         \
	X(HPA_RANGE_NOT_FREE, 0xc000030400000000)                    \
	X(NO_PAMT_PAGE_PAIR, 0xc000030500000000)                     \
	X(PAMT_PAGE_NOT_EMPTY, 0xc000030600000000)                   \
	X(INTERRUPTED_PAMT, 0x8000030700000000)                      \
	X(MISSING_PAMT_PAGE_PAIR, 0x8000030800000000)                \
	/* class 0x04: dependents */                                 \
	X(TD_ASSOCIATED_PAGES_EXIST, 0xc000040000000000)             \
	/* class 0x05: the module as a whole */                      \
	X(SYS_INIT_NOT_PENDING, 0xc000050000000000)                  \
	X(SYS_LP_INIT_NOT_DONE, 0xc000050200000000)                  \
	X(SYS_LP_INIT_DONE, 0xc000050300000000)                      \
	X(SYS_NOT_READY, 0xc000050500000000)                         \
	X(SYS_SHUTDOWN, 0xc000050600000000)                          \
	X(SYS_KEY_CONFIG_NOT_PENDING, 0xc000050700000000)            \
	X(SYS_STATE_INCORRECT, 0xc000050800000000)                   \
	X(SYS_INVALID_HANDOFF, 0xc000050900000000)                   \
	X(SYS_INCOMPATIBLE_SIGSTRUCT, 0xc000050a00000000)            \
	X(SYS_LP_INIT_NOT_PENDING, 0xc000050b00000000)               \
	X(SYS_CONFIG_NOT_PENDING, 0xc000050c00000000)                \
	X(INCOMPATIBLE_SEAM_CAPABILITIES, 0xc000050d00000000)        \
	X(CRYPTO_SELF_TEST_FAILED, 0xc000051100000000)               \
	X(UPDATE_COMPATIBILITY_SENSITIVE, 0x8000051200000000)        \
	/* class 0x06: TD */                                         \
	X(TD_FATAL, 0xe000060400000000)                              \
	X(TD_NON_DEBUG, 0xc000060500000000)                          \
	X(TDCS_NOT_ALLOCATED, 0xc000060600000000)                    \
	X(LIFECYCLE_STATE_INCORRECT, 0xc000060700000000)             \
	X(OP_STATE_INCORRECT, 0xc000060800000000)                    \
	X(NO_VCPUS, 0xc000060900000000)                              \
	X(TDCX_NUM_INCORRECT, 0xc000061000000000)                    \
	X(X2APIC_ID_NOT_UNIQUE, 0xc000062100000000)                  \
	X(INCOMPATIBLE_MRTD_CONTEXT, 0xc000062200000000)             \
	/* class 0x07: vCPU */                                       \
	X(VCPU_STATE_INCORRECT, 0xc000070000000000)                  \
	X(VCPU_ASSOCIATED, 0x8000070100000000)                       \
	X(VCPU_NOT_ASSOCIATED, 0x8000070200000000)                   \
	X(NO_VALID_VE_INFO, 0xc000070400000000)                      \
	X(MAX_VCPUS_EXCEEDED, 0xc000070500000000)                    \
	X(TSC_ROLLBACK, 0xc000070600000000)                          \
	X(INTERRUPTIBILITY_BLOCKED, 0xc000070700000000)              \
	X(TD_VMCS_FIELD_NOT_INITIALIZED, 0xc000073000000000)         \
	X(TD_VMCS_FIELD_ERROR, 0xc000073100000000)                   \
	/* class 0x08: keys */                                       \
	X(KEY_GENERATION_FAILED, 0x8000080000000000)                 \
	X(TD_KEYS_NOT_CONFIGURED, 0x8000081000000000)                \
	X(KEY_STATE_INCORRECT, 0xc000081100000000)                   \
	X(KEY_CONFIGURED, 0x0000081500000000)                        \
	X(WBCACHE_NOT_COMPLETE, 0x8000081700000000)                  \
	X(HKID_NOT_FREE, 0xc000082000000000)                         \
	X(NO_HKID_READY_TO_WBCACHE, 0x0000082100000000)              \
	X(WBCACHE_RESUME_ERROR, 0xc000082300000000)                  \
	X(FLUSHVP_NOT_DONE, 0x8000082400000000)                      \
	X(NUM_ACTIVATED_HKIDS_NOT_SUPPORTED, 0xc000082500000000)     \
	/* class 0x09: platform */                                   \
	X(INCORRECT_CPUID_VALUE, 0xc000090000000000)                 \
	X(LIMIT_CPUID_MAXVAL_SET, 0xc000090100000000)                \
	X(INCONSISTENT_CPUID_FIELD, 0xc000090200000000)              \
	X(CPUID_MAX_SUBLEAVES_UNRECOGNIZED, 0xc000090300000000)      \
	X(CPUID_LEAF_1F_FORMAT_UNRECOGNIZED, 0xc000090400000000)     \
	X(INVALID_WBINVD_SCOPE, 0xc000090500000000)                  \
	X(INVALID_PKG_ID, 0xc000090600000000)                        \
	X(ENABLE_MONITOR_FSM_NOT_SET, 0xc000090700000000)            \
	X(CPUID_LEAF_NOT_SUPPORTED, 0xc000090800000000)              \
	X(SMRR_NOT_LOCKED, 0xc000091000000000)                       \
	X(INVALID_SMRR_CONFIGURATION, 0xc000091100000000)            \
	X(SMRR_OVERLAPS_CMR, 0xc000091200000000)                     \
	X(SMRR_LOCK_NOT_SUPPORTED, 0xc000091300000000)               \
	X(SMRR_NOT_SUPPORTED, 0xc000091400000000)                    \
	X(INCONSISTENT_MSR, 0xc000092000000000)                      \
	X(INCORRECT_MSR_VALUE, 0xc000092100000000)                   \
	X(SEAMREPORT_NOT_AVAILABLE, 0xc000093000000000)              \
	X(SEAMDB_GETREF_NOT_AVAILABLE, 0xc000093100000000)           \
	X(SEAMDB_REPORT_NOT_AVAILABLE, 0xc000093200000000)           \
	X(SEAMVERIFYREPORT_NOT_AVAILABLE, 0xc000093300000000)        \
	/* class 0x0A: TDMR and PAMT */                              \
	X(INVALID_TDMR, 0xc0000a0000000000)                          \
	X(NON_ORDERED_TDMR, 0xc0000a0100000000)                      \
	X(TDMR_OUTSIDE_CMRS, 0xc0000a0200000000)                     \
	X(TDMR_ALREADY_INITIALIZED, 0x00000a0300000000)              \
	X(INVALID_PAMT, 0xc0000a1000000000)                          \
	X(PAMT_OUTSIDE_CMRS, 0xc0000a1100000000)                     \
	X(PAMT_OVERLAP, 0xc0000a1200000000)                          \
	X(INVALID_RESERVED_IN_TDMR, 0xc0000a2000000000)              \
	X(NON_ORDERED_RESERVED_IN_TDMR, 0xc0000a2100000000)          \
	X(CMR_LIST_INVALID, 0xc0000a2200000000)                      \
	/* class 0x0B: EPT */                                        \
	X(EPT_WALK_FAILED, 0xc0000b0000000000)                       \
	X(EPT_ENTRY_FREE, 0xc0000b0100000000)                        \
	X(EPT_ENTRY_NOT_FREE, 0xc0000b0200000000)                    \
	X(EPT_ENTRY_NOT_PRESENT, 0xc0000b0300000000)                 \
	X(EPT_ENTRY_NOT_LEAF, 0xc0000b0400000000)                    \
	X(EPT_ENTRY_LEAF, 0xc0000b0500000000)                        \
	X(GPA_RANGE_NOT_BLOCKED, 0xc0000b0600000000)                 \
	X(GPA_RANGE_ALREADY_BLOCKED, 0x00000b0700000000)             \
	X(TLB_TRACKING_NOT_DONE, 0xc0000b0800000000)                 \
	X(EPT_INVALID_PROMOTE_CONDITIONS, 0xc0000b0900000000)        \
	X(PAGE_ALREADY_ACCEPTED, 0x00000b0a00000000)                 \
	X(PAGE_SIZE_MISMATCH, 0xc0000b0b00000000)                    \
	X(GPA_RANGE_BLOCKED, 0xc0000b0c00000000)                     \
	X(EPT_ENTRY_STATE_INCORRECT, 0xc0000b0d00000000)             \
	X(EPT_PAGE_NOT_FREE, 0xc0000b0e00000000)                     \
	X(L2_SEPT_WALK_FAILED, 0xc0000b0f00000000)                   \
	X(L2_SEPT_ENTRY_NOT_FREE, 0xc0000b1000000000)                \
	X(PAGE_ATTR_INVALID, 0xc0000b1100000000)                     \
	X(L2_SEPT_PAGE_NOT_PROVIDED, 0xc0000b1200000000)             \
	/* class 0x0C: metadata fields */                            \
	X(METADATA_FIELD_ID_INCORRECT, 0xc0000c0000000000)           \
	X(METADATA_FIELD_NOT_WRITABLE, 0xc0000c0100000000)           \
	X(METADATA_FIELD_NOT_READABLE, 0xc0000c0200000000)           \
	X(METADATA_FIELD_VALUE_NOT_VALID, 0xc0000c0300000000)        \
	X(METADATA_LIST_OVERFLOW, 0xc0000c0400000000)                \
	X(INVALID_METADATA_LIST_HEADER, 0xc0000c0500000000)          \
	X(REQUIRED_METADATA_FIELD_MISSING, 0xc0000c0600000000)       \
	X(METADATA_ELEMENT_SIZE_INCORRECT, 0xc0000c0700000000)       \
	X(METADATA_LAST_ELEMENT_INCORRECT, 0xc0000c0800000000)       \
	X(METADATA_FIELD_CURRENTLY_NOT_WRITABLE, 0xc0000c0900000000) \
	X(METADATA_WR_MASK_NOT_VALID, 0xc0000c0a00000000)            \
	X(METADATA_FIRST_FIELD_ID_IN_CONTEXT, 0x00000c0b00000000)    \
	X(METADATA_FIELD_SKIP, 0x00000c0c00000000)                   \
	X(VIRTUAL_MSR_VALUE_NOT_VALID, 0xc0000c0d00000000)           \
	X(METADATA_FIELD_NOT_ALLOCATED, 0xc0000c0e00000000)          \
	/* class 0x0D: service TD */                                 \
	X(SERVTD_ALREADY_BOUND_FOR_TYPE, 0xc0000d0000000000)         \
	X(SERVTD_TYPE_MISMATCH, 0xc0000d0100000000)                  \
	X(SERVTD_ATTR_MISMATCH, 0xc0000d0200000000)                  \
	X(SERVTD_INFO_HASH_MISMATCH, 0xc0000d0300000000)             \
	X(SERVTD_UUID_MISMATCH, 0xc0000d0400000000)                  \
	X(SERVTD_NOT_BOUND, 0xc0000d0500000000)                      \
	X(SERVTD_BOUND, 0xc0000d0600000000)                          \
	X(TARGET_UUID_MISMATCH, 0xc0000d0700000000)                  \
	X(TARGET_UUID_UPDATED, 0xc0000d0800000000)                   \
	/* class 0x0E: migration */                                  \
	X(INVALID_MBMD, 0xc0000e0000000000)                          \
	X(INCORRECT_MBMD_MAC, 0xc0000e0100000000)                    \
	X(NOT_WRITE_BLOCKED, 0xc0000e0200000000)                     \
	X(ALREADY_WRITE_BLOCKED, 0x00000e0300000000)                 \
	X(NOT_EXPORTED, 0xc0000e0400000000)                          \
	X(MIGRATION_STREAM_STATE_INCORRECT, 0xc0000e0500000000)      \
	X(MAX_MIGS_NUM_EXCEEDED, 0xc0000e0600000000)                 \
	X(EXPORTED_DIRTY_PAGES_REMAIN, 0xc0000e0700000000)           \
	X(MIGRATION_DECRYPTION_KEY_NOT_SET, 0xc0000e0800000000)      \
	X(TD_NOT_MIGRATABLE, 0xc0000e0900000000)                     \
	X(PREVIOUS_EXPORT_CLEANUP_INCOMPLETE, 0xc0000e0a00000000)    \
	X(NUM_MIGS_HIGHER_THAN_CREATED, 0xc0000e0b00000000)          \
	X(IMPORT_MISMATCH, 0xc0000e0c00000000)                       \
	X(MIGRATION_EPOCH_OVERFLOW, 0xc0000e0d00000000)              \
	X(MAX_EXPORTS_EXCEEDED, 0xc0000e0e00000000)                  \
	X(INVALID_PAGE_MAC, 0xc0000e0f00000000)                      \
	X(MIGRATED_IN_CURRENT_EPOCH, 0xc0000e1000000000)             \
	X(DISALLOWED_IMPORT_OVER_REMOVED, 0xc0000e1100000000)        \
	X(SOME_VCPUS_NOT_MIGRATED, 0xc0000e1200000000)               \
	X(ALL_VCPUS_IMPORTED, 0xc0000e1300000000)                    \
	X(MIN_MIGS_NOT_CREATED, 0xc0000e1400000000)                  \
	X(VCPU_ALREADY_EXPORTED, 0xc0000e1500000000)                 \
	X(INVALID_MIGRATION_DECRYPTION_KEY, 0xc0000e1600000000)      \
	X(INCOMPATIBLE_MBMD_MAC_CONTEXT, 0xc0000e2200000000)         \
	/* class 0x10: attestation */                                \
	X(INVALID_CPUSVN, 0xc000100000000000)                        \
	X(INVALID_REPORTMACSTRUCT, 0xc000100100000000)               \
	/* class 0x11: L2 VMs */                                     \
	X(L2_EXIT_HOST_ROUTED_ASYNC, 0x0000110000000000)             \
	X(L2_EXIT_HOST_ROUTED_TDVMCALL, 0x0000110100000000)          \
	X(L2_EXIT_PENDING_INTERRUPT, 0x0000110200000000)             \
	X(L2_VM_ENTRY_FAILED, 0x8000110300000000)                    \
	X(PENDING_INTERRUPT, 0x0000112000000000)                     \
	X(TD_EXIT_BEFORE_L2_ENTRY, 0x0000114000000000)               \
	X(TD_EXIT_ON_L2_VM_EXIT, 0x0000114100000000)                 \
	X(TD_EXIT_ON_L2_TO_L1, 0x0000114200000000)                   \
	X(GLA_NOT_CANONICAL, 0xc000116000000000)

/* 64-bit enumerators: GNU C, as both compilers and the kernel have it. */
#define TDX_STATUS_ENUM(name, value) TDX_##name = UINT64_C(value),
/* Wider than int, which C before C23 calls an extension. */
__extension__ enum tdx_status_code { TDX_STATUS_LIST(TDX_STATUS_ENUM) };
#undef TDX_STATUS_ENUM

/*
 * What the host's own SEAMCALL wrapper reports when the instruction itself failed (Linux's
 * convention): never returned by the module, compared whole, detail included.
 */
#define TDX_SW_ERROR		   UINT64_C(0x8000ff0000000000)
#define TDX_SEAMCALL_VMFAILINVALID (TDX_SW_ERROR | UINT64_C(0xffff0000)) /* no module loaded */
#define TDX_SEAMCALL_GP		   (TDX_SW_ERROR | 13) /* #GP: TDX is off in the BIOS */
#define TDX_SEAMCALL_UD		   (TDX_SW_ERROR | 6)  /* #UD: not in VMX operation */

static inline tdx_status_t tdx_status(uint64_t code, uint32_t detail)
{
	return TDX_MADE(tdx_status_t, code | detail);
}

static inline bool tdx_status_is_software(tdx_status_t s)
{
	return (s.v & TDX_SW_ERROR) == TDX_SW_ERROR;
}

static inline bool tdx_status_is(tdx_status_t s, uint64_t code)
{
	return tdx_status_is_software(s) ? s.v == code : (s.v & TDX_STATUS_CODE_MASK) == code;
}

static inline uint32_t tdx_status_detail(tdx_status_t s) { return (uint32_t)s.v; }
static inline bool tdx_status_ok(tdx_status_t s) { return !(s.v & TDX_STATUS_ERROR); }

#endif
