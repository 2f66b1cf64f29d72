/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * kvm_abi.h - what KVM's interface has for TDs, declared by us: the <linux/kvm.h> of the oldest
 * system on which this is built does not know it. The rest of the interface is in that header.
 */
#ifndef PAMT_TESTS_QEMU_KVM_ABI_H
#define PAMT_TESTS_QEMU_KVM_ABI_H

#include <stdint.h>
#include <linux/kvm.h>

#define TDX_VM_TYPE 5

/* Memory that user space cannot see. */
struct abi_memfd {
	uint64_t bytes, flags, reserved[6];
};
struct abi_region {
	uint32_t slot, flags;
	uint64_t gpa, bytes, address, memfd_offset;
	uint32_t memfd, pad1;
	uint64_t pad2[14];
};
struct abi_attributes {
	uint64_t gpa, bytes, attributes, flags;
};
struct abi_prefault {
	uint64_t gpa, bytes, flags, pad[5];
};
#define ABI_SET_REGION	   _IOW(KVMIO, 0x49, struct abi_region)
#define ABI_SET_ATTRIBUTES _IOW(KVMIO, 0xd2, struct abi_attributes)
#define ABI_CREATE_MEMFD   _IOWR(KVMIO, 0xd4, struct abi_memfd)
#define ABI_PREFAULT	   _IOWR(KVMIO, 0xd5, struct abi_prefault)
#define ABI_REGION_MEMFD   (1u << 2)
#define ABI_PRIVATE	   (UINT64_C(1) << 3)

/* KVM_RUN left because memory is private and should be shared, or the other way round. */
#define ABI_EXIT_MEMORY_FAULT 39
struct abi_memory_fault {
	uint64_t flags, gpa, bytes;
};
#define ABI_FAULT_PRIVATE (UINT64_C(1) << 3)
/* A guest asks for the same; attributes: bit 4 is private. */
#define ABI_HYPERCALL_MAP_GPA 12
#define ABI_MAP_GPA_PRIVATE   (1u << 4)

/* Commands of KVM_MEMORY_ENCRYPT_OP. */
enum abi_tdx {
	ABI_TDX_CAPABILITIES,
	ABI_TDX_INIT_VM,
	ABI_TDX_INIT_VCPU,
	ABI_TDX_INIT_MEM_REGION,
	ABI_TDX_FINALIZE_VM,
	ABI_TDX_GET_CPUID,
};
struct abi_tdx_command {
	uint32_t id, flags;
	uint64_t data, hw_error;
};
struct abi_tdx_capabilities {
	uint64_t attributes, xfam, vmcalls[4], reserved[250];
	struct kvm_cpuid2 cpuid;
};
struct abi_tdx_init_vm {
	uint64_t attributes, xfam, measured[18], reserved[12];
	struct kvm_cpuid2 cpuid;
};
struct abi_tdx_init_mem_region {
	uint64_t address, gpa, pages;
};
#define ABI_TDX_MEASURE 1u

#endif
