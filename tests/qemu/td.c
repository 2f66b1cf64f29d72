// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td.c - a TD's life on KVM: what a VMM asks for, step by step, and its vCPUs' threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "kernel/guest_image.h"
#include "kvm_abi.h"
#include "td.h"

#define MAX_CPUID   256u
#define DONE_PORT   0x600u
#define GPA_BITS    48u
#define SHARED_BIT  (UINT64_C(1) << 47)
#define KICK_SIGNAL SIGUSR1

/* One call of the kernel: fails with a line that names it. */
static int step(struct td *td, const char *name, long result)
{
	if (result < 0)
		snprintf(td->failed, sizeof(td->failed), "%s: %s", name, strerror(errno));
	return result < 0 ? -1 : (int)result;
}

static int command(struct td *td, const char *name, int fd, enum abi_tdx id, uint32_t flags,
		   const void *data)
{
	struct abi_tdx_command command = { .id = id, .flags = flags, .data = (uintptr_t)data };
	int error = ioctl(fd, KVM_MEMORY_ENCRYPT_OP, &command);

	if (error)
		snprintf(td->failed, sizeof(td->failed), "%s: %s, the module says %#llx", name,
			 strerror(errno), (unsigned long long)command.hw_error);
	return error ? -1 : 0;
}

static int enable(struct td *td, const char *name, uint32_t cap, uint64_t value)
{
	struct kvm_enable_cap request = { .cap = cap, .args = { value } };

	return step(td, name, ioctl(td->vm, KVM_ENABLE_CAP, &request));
}

/* ------------------------------------------------------------------------------------------- */
/* Building                                                                                     */

static int open_vm(struct td *td)
{
	long types, bytes;

	td->kvm = step(td, "/dev/kvm", open("/dev/kvm", O_RDWR | O_CLOEXEC));
	if (td->kvm < 0)
		return -1;
	types = ioctl(td->kvm, KVM_CHECK_EXTENSION, 235 /* VM types */);
	if (types < 0 || !(types & 1 << TDX_VM_TYPE)) {
		snprintf(td->failed, sizeof(td->failed), "KVM has no VMs of TDX's type (%#lx)",
			 types);
		return -1;
	}
	bytes = step(td, "KVM_GET_VCPU_MMAP_SIZE", ioctl(td->kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
	td->run_bytes = (uint32_t)bytes;
	td->vm = step(td, "KVM_CREATE_VM", ioctl(td->kvm, KVM_CREATE_VM, TDX_VM_TYPE));
	return bytes < 0 || td->vm < 0 ? -1 : 0;
}

static int enable_caps(struct td *td)
{
	if (enable(td, "KVM_CAP_SPLIT_IRQCHIP", KVM_CAP_SPLIT_IRQCHIP, 24) ||
	    enable(td, "KVM_CAP_X2APIC_API", KVM_CAP_X2APIC_API,
		   KVM_X2APIC_API_USE_32BIT_IDS | KVM_X2APIC_API_DISABLE_BROADCAST_QUIRK))
		return -1;
	return enable(td, "KVM_CAP_EXIT_HYPERCALL", KVM_CAP_EXIT_HYPERCALL,
		      1 << ABI_HYPERCALL_MAP_GPA);
}

static int init_vm(struct td *td)
{
	size_t room = MAX_CPUID * sizeof(struct kvm_cpuid_entry2);
	struct abi_tdx_capabilities *caps = calloc(1, sizeof(*caps) + room);
	struct abi_tdx_init_vm *init = calloc(1, sizeof(*init) + room);
	int error = -1, failed;

	if (!caps || !init) {
		snprintf(td->failed, sizeof(td->failed), "out of memory");
		goto out;
	}
	caps->cpuid.nent = MAX_CPUID;
	if (command(td, "KVM_TDX_CAPABILITIES", td->vm, ABI_TDX_CAPABILITIES, 0, caps))
		goto out;
	/* Registers: x87 and SSE. Of CPUID what must be said: the width of addresses. */
	init->xfam = caps->xfam & 3;
	init->cpuid.nent = 1;
	/* What KVM_TDX_CAPABILITIES lets be chosen, and no bit more: the module refuses those. */
	init->cpuid.entries[0] =
		(struct kvm_cpuid_entry2){ .function = 0x80000008, .eax = GPA_BITS << 16 | 46 };
	error = command(td, "KVM_TDX_INIT_VM", td->vm, ABI_TDX_INIT_VM, 0, init);
out:
	failed = errno;
	free(caps);
	free(init);
	errno = failed;
	return error;
}

int td_set_private(struct td *td, uint64_t gpa, uint64_t bytes, bool is_private)
{
	struct abi_attributes attributes = { .gpa = gpa,
					     .bytes = bytes,
					     .attributes = is_private ? ABI_PRIVATE : 0 };

	return step(td, "KVM_SET_MEMORY_ATTRIBUTES",
		    ioctl(td->vm, ABI_SET_ATTRIBUTES, &attributes));
}

int td_punch(struct td *td, uint64_t gpa, uint64_t bytes)
{
	return step(td, "fallocate",
		    fallocate(td->memfd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)gpa,
			      (off_t)bytes));
}

int td_prefault(struct td *td, uint64_t gpa, uint64_t bytes)
{
	struct abi_prefault range = { .gpa = gpa, .bytes = bytes };
	int result;

	/* It comes back with what is left. */
	do {
		result = ioctl(td->vcpu[0].fd, ABI_PREFAULT, &range);
	} while (range.bytes && (!result || errno == EINTR || errno == EAGAIN));
	return step(td, "KVM_PRE_FAULT_MEMORY", result);
}

static int add_memory(struct td *td)
{
	struct abi_memfd memfd = { .bytes = td->plan.bytes };
	struct abi_region region = { .flags = ABI_REGION_MEMFD, .bytes = td->plan.bytes };

	td->memfd = step(td, "KVM_CREATE_GUEST_MEMFD", ioctl(td->vm, ABI_CREATE_MEMFD, &memfd));
	if (td->memfd < 0)
		return -1;
	td->shared = mmap(NULL, td->plan.bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (td->shared == MAP_FAILED) {
		td->shared = NULL;
		return step(td, "mmap", -1);
	}
	region.address = (uintptr_t)td->shared;
	region.memfd = (uint32_t)td->memfd;
	if (step(td, "KVM_SET_USER_MEMORY_REGION2", ioctl(td->vm, ABI_SET_REGION, &region)))
		return -1;
	return td_set_private(td, 0, td->plan.bytes, true);
}

/* A local APIC in x2APIC mode, as each TD's vCPU has it, and the width of its addresses. */
static int set_cpuid(struct td *td, struct td_vcpu *vcpu)
{
	struct kvm_cpuid2 *cpuid =
		calloc(1, sizeof(*cpuid) + MAX_CPUID * sizeof(cpuid->entries[0]));
	int error = -1;

	if (!cpuid)
		return step(td, "calloc", -1);
	cpuid->nent = MAX_CPUID;
	if (step(td, "KVM_GET_SUPPORTED_CPUID", ioctl(td->kvm, KVM_GET_SUPPORTED_CPUID, cpuid)))
		goto out;
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function == 1)
			cpuid->entries[i].ecx |= 1u << 21;
		if (cpuid->entries[i].function == 0x80000008)
			cpuid->entries[i].eax = (cpuid->entries[i].eax & ~0xffu) | GPA_BITS;
	}
	error = step(td, "KVM_SET_CPUID2", ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid));
out:
	free(cpuid);
	return error;
}

/*
 * KVM_TDX_INIT_VCPU on one CPU from beginning to end. The module has the vCPU associated with a CPU
 * from TDH.VP.INIT on, but KVM of Linux 7.3 does not yet flush it there if its thread is moved: the
 * TDH.VP.WR that follow on the other CPU are refused (VCPU_ASSOCIATED), and KVM gives up the VM
 * with a warning.
 */
static int init_vcpu(struct td *td, const struct td_vcpu *vcpu)
{
	cpu_set_t before, here;
	int error, failed;

	CPU_ZERO(&here);
	CPU_SET((unsigned int)sched_getcpu(), &here);
	if (!td->plan.restless && (sched_getaffinity(0, sizeof(before), &before) ||
				   sched_setaffinity(0, sizeof(here), &here)))
		return step(td, "sched_setaffinity", -1);
	error = command(td, "KVM_TDX_INIT_VCPU", vcpu->fd, ABI_TDX_INIT_VCPU, 0, NULL);
	failed = errno;
	if (!td->plan.restless && sched_setaffinity(0, sizeof(before), &before))
		return step(td, "sched_setaffinity", -1);
	errno = failed;
	return error;
}

static int add_vcpu(struct td *td, uint32_t i)
{
	struct td_vcpu *vcpu = &td->vcpu[i];

	vcpu->td = td;
	vcpu->fd = step(td, "KVM_CREATE_VCPU", ioctl(td->vm, KVM_CREATE_VCPU, i));
	if (vcpu->fd < 0)
		return -1;
	vcpu->run = mmap(NULL, td->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED) {
		vcpu->run = NULL;
		return step(td, "mmap of a vCPU", -1);
	}
	if (set_cpuid(td, vcpu))
		return -1;
	return init_vcpu(td, vcpu);
}

/* The first pages: the guest's orders, and room for what its vCPUs remember. */
static int add_image(struct td *td)
{
	uint64_t pages = GUEST_IMAGE_PAGES(td->plan.vcpus);
	struct guest_orders *image = mmap(NULL, pages * TDX_PAGE_SIZE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct abi_tdx_init_mem_region region = { .address = (uintptr_t)image, .pages = pages };
	int error, failed;

	if (image == MAP_FAILED)
		return step(td, "mmap", -1);
	*image = (struct guest_orders){
		.magic = GUEST_IMAGE_MAGIC,
		.bytes = td->plan.bytes - td->plan.spare,
		.vcpus = td->plan.vcpus,
		.percent_4k = td->plan.percent_4k,
		.pages_4k = td->plan.pages_4k,
		.flips = td->plan.flips,
		.seed = td->plan.seed,
		.port = DONE_PORT,
	};
	error = command(td, "KVM_TDX_INIT_MEM_REGION", td->vcpu[0].fd, ABI_TDX_INIT_MEM_REGION,
			ABI_TDX_MEASURE, &region);
	failed = errno;
	munmap(image, pages * TDX_PAGE_SIZE);
	errno = failed;
	return error;
}

int td_again(struct td *td, enum td_step which)
{
	switch (which) {
	case TD_STEP_INIT_VM:
		return init_vm(td);
	case TD_STEP_INIT_VCPU:
		return init_vcpu(td, &td->vcpu[0]);
	case TD_STEP_INIT_MEM_REGION:
		return add_image(td);
	case TD_STEP_FINALIZE:
		return command(td, "KVM_TDX_FINALIZE_VM", td->vm, ABI_TDX_FINALIZE_VM, 0, NULL);
	}
	return -1;
}

int td_build(struct td *td, const struct td_plan *plan)
{
	*td = (struct td){ .plan = *plan, .kvm = -1, .vm = -1, .memfd = -1 };
	for (uint32_t i = 0; i < TD_MAX_VCPUS; i++)
		td->vcpu[i].fd = -1;
	if (open_vm(td) || enable_caps(td) || init_vm(td) || add_memory(td))
		return -1;
	for (uint32_t i = 0; i < plan->vcpus; i++)
		if (add_vcpu(td, i))
			return -1;
	if (!plan->no_orders && add_image(td))
		return -1;
	return command(td, "KVM_TDX_FINALIZE_VM", td->vm, ABI_TDX_FINALIZE_VM, 0, NULL);
}

/* ------------------------------------------------------------------------------------------- */
/* Running                                                                                      */

static int on_hypercall(struct td_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	if (run->hypercall.nr != ABI_HYPERCALL_MAP_GPA)
		return -1;
	vcpu->conversions++;
	run->hypercall.ret = 0;
	return td_set_private(vcpu->td, run->hypercall.args[0] & ~SHARED_BIT,
			      run->hypercall.args[1] * TDX_PAGE_SIZE,
			      run->hypercall.args[2] & ABI_MAP_GPA_PRIVATE);
}

static int on_memory_fault(struct td_vcpu *vcpu)
{
	const struct abi_memory_fault *fault = (const void *)&vcpu->run->hypercall;

	vcpu->memory_faults++;
	return td_set_private(vcpu->td, fault->gpa & ~SHARED_BIT, fault->bytes,
			      fault->flags & ABI_FAULT_PRIVATE);
}

/* The guest's last word, through its port. */
static int on_port(struct td_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;
	uint32_t value;

	if (run->io.port == GUEST_POWER_PORT) {
		memcpy(&value, (const char *)run + run->io.data_offset, sizeof(value));
		vcpu->finished = (uint16_t)value == GUEST_POWER_OFF;
		return vcpu->finished ? 0 : -1;
	}
	if (run->io.port != DONE_PORT || run->io.direction != KVM_EXIT_IO_OUT || run->io.size != 4)
		return -1;
	memcpy(&value, (const char *)run + run->io.data_offset, sizeof(value));
	vcpu->flips = value & ~GUEST_SAYS_FAILED;
	if (value & GUEST_SAYS_FAILED)
		return -1;
	vcpu->finished = true;
	return 0;
}

/* One return from KVM_RUN. 0: go on. */
static int handle_exit(struct td_vcpu *vcpu, int result, int error)
{
	/* With a memory fault KVM_RUN fails, and says more in its page. */
	if (result < 0 && vcpu->run->exit_reason == ABI_EXIT_MEMORY_FAULT)
		return on_memory_fault(vcpu);
	if (result < 0) {
		errno = error;
		return -1;
	}
	switch (vcpu->run->exit_reason) {
	case KVM_EXIT_HYPERCALL:
		return on_hypercall(vcpu);
	case KVM_EXIT_IO:
		return on_port(vcpu);
	}
	return -1;
}

static void *vcpu_thread(void *arg)
{
	struct td_vcpu *vcpu = arg;
	struct td *td = vcpu->td;

	while (!vcpu->finished && !__atomic_load_n(&td->stop, __ATOMIC_RELAXED)) {
		int result = ioctl(vcpu->fd, KVM_RUN, 0), error = errno;

		vcpu->runs++;
		if (result < 0 && (error == EINTR || error == EAGAIN))
			continue;
		if (handle_exit(vcpu, result, error)) {
			snprintf(vcpu->error, sizeof(vcpu->error),
				 "KVM_RUN %d (%s), exit reason %u.%u, %u flips", result,
				 strerror(error), vcpu->run->exit_reason,
				 vcpu->run->internal.suberror, vcpu->flips);
			break;
		}
	}
	return NULL;
}

static void on_kick(int sig) {}

int td_start(struct td *td)
{
	struct sigaction act = { .sa_handler = on_kick };

	sigaction(KICK_SIGNAL, &act, NULL);
	for (uint32_t i = 0; i < td->plan.vcpus; i++) {
		errno = pthread_create(&td->vcpu[i].thread, NULL, vcpu_thread, &td->vcpu[i]);
		if (errno) {
			td->vcpu[i].thread = 0;
			return step(td, "pthread_create", -1);
		}
	}
	return 0;
}

/* Joins a thread; not yet over at the deadline: ETIMEDOUT. */
static int join(struct td_vcpu *vcpu, const struct timespec *deadline)
{
	int error = pthread_timedjoin_np(vcpu->thread, NULL, deadline);

	if (!error)
		vcpu->thread = 0;
	return error;
}

int td_wait(struct td *td, unsigned int seconds)
{
	struct timespec deadline;
	int result = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	for (uint32_t i = 0; i < td->plan.vcpus; i++) {
		struct td_vcpu *vcpu = &td->vcpu[i];

		if (vcpu->thread && join(vcpu, &deadline))
			snprintf(vcpu->error, sizeof(vcpu->error), "not finished after %u s",
				 seconds);
		if (vcpu->finished)
			continue;
		snprintf(td->failed, sizeof(td->failed), "vCPU %u: %.140s", i, vcpu->error);
		result = -1;
	}
	return result;
}

void td_stop(struct td *td)
{
	__atomic_store_n(&td->stop, true, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < td->plan.vcpus; i++) {
		struct timespec soon;

		/* It may be on its way into KVM_RUN: again and again. */
		while (td->vcpu[i].thread) {
			pthread_kill(td->vcpu[i].thread, KICK_SIGNAL);
			clock_gettime(CLOCK_REALTIME, &soon);
			soon.tv_nsec += 20000000;
			soon.tv_sec += soon.tv_nsec / 1000000000;
			soon.tv_nsec %= 1000000000;
			join(&td->vcpu[i], &soon);
		}
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void td_close(struct td *td)
{
	td_stop(td);
	for (uint32_t i = 0; i < TD_MAX_VCPUS; i++) {
		if (td->vcpu[i].run)
			munmap(td->vcpu[i].run, td->run_bytes);
		close_fd(&td->vcpu[i].fd);
	}
	if (td->shared)
		munmap(td->shared, td->plan.bytes);
	close_fd(&td->memfd);
	close_fd(&td->vm);
	close_fd(&td->kvm);
}
