// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest_faults.c - failure on request: probes at the entries of pamt.ko's services.
 *
 * A service whose turn it is returns at once, with the answer that says so. pamt.ko is the same
 * with and without: the probes are there from the first request to faults_none(), and cost an
 * interrupt or a call each time meanwhile. The kernel has to have kprobes.
 */
#include "selftest.h"

#include <linux/kprobes.h>

static atomic64_t alloc_nr, seamcall_nr;
static u64 alloc_at, seamcall_at, seamcall_status;

/* What the service answers instead. */
struct fault {
	struct kprobe probe;
	u64 answer;
};

/* Where a service goes that does nothing: back to its caller, the answer in RAX as it is. */
static noinline notrace void return_at_once(void) {}

static int skip_service(struct pt_regs *regs, u64 answer)
{
	regs->ax = answer;
	instruction_pointer_set(regs, (unsigned long)return_at_once);
	return 1;
}

/* Any context. */
static int before_alloc(struct kprobe *probe, struct pt_regs *regs)
{
	if (atomic64_inc_return(&alloc_nr) != READ_ONCE(alloc_at))
		return 0;
	return skip_service(regs, container_of(probe, struct fault, probe)->answer);
}

static int before_seamcall(struct kprobe *probe, struct pt_regs *regs)
{
	struct tdx_regs *call = (struct tdx_regs *)regs_get_kernel_argument(regs, 1);

	if (atomic64_inc_return(&seamcall_nr) != READ_ONCE(seamcall_at))
		return 0;
	call->rax = READ_ONCE(seamcall_status);
	return skip_service(regs, call->rax);
}

/* A probe that has one may go elsewhere: it is not made into a jump. */
static void after(struct kprobe *probe, struct pt_regs *regs, unsigned long flags) {}

enum { ALLOC_PAGES, ALLOC_RANGE, ALLOC, SPARSE, POPULATE, CHARGED_PAGES, CHARGED, SEAMCALL, NR };
static struct fault faults[NR];
static struct kprobe *probes[NR];
static bool armed;

static void set_fault(int i, void *service, kprobe_pre_handler_t handler, u64 answer)
{
	faults[i] = (struct fault){
		.probe = { .addr = service, .pre_handler = handler, .post_handler = after },
		.answer = answer,
	};
	probes[i] = &faults[i].probe;
}

static int arm(void)
{
	const struct os_services *own = host_services, *charged = tenant_services;
	int error;

	if (armed)
		return 0;
	set_fault(ALLOC_PAGES, own->alloc_pages, before_alloc, HPA_NONE.v);
	set_fault(ALLOC_RANGE, own->alloc_range, before_alloc, HPA_NONE.v);
	set_fault(ALLOC, own->alloc, before_alloc, 0);
	set_fault(SPARSE, own->sparse_create, before_alloc, 0);
	set_fault(POPULATE, own->sparse_populate, before_alloc, (u64)-ENOMEM);
	set_fault(CHARGED_PAGES, charged->alloc_pages, before_alloc, HPA_NONE.v);
	set_fault(CHARGED, charged->alloc, before_alloc, 0);
	set_fault(SEAMCALL, own->seamcall, before_seamcall, 0);
	error = register_kprobes(probes, NR);
	armed = !error;
	return error;
}

int faults_alloc(u64 at)
{
	WRITE_ONCE(alloc_at, at);
	atomic64_set(&alloc_nr, 0);
	return arm();
}

int faults_seamcall(u64 at, u64 status)
{
	WRITE_ONCE(seamcall_status, status);
	WRITE_ONCE(seamcall_at, at);
	atomic64_set(&seamcall_nr, 0);
	return arm();
}

u64 faults_allocs(void) { return atomic64_read(&alloc_nr); }

void faults_none(void)
{
	WRITE_ONCE(alloc_at, 0);
	WRITE_ONCE(seamcall_at, 0);
	if (armed)
		unregister_kprobes(probes, NR);
	armed = false;
}
