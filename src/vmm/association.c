// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * association.c - which CPU a vCPU is bound to, and how it gets away from there: to run on another
 * one, because its TD ends, or because the CPU goes offline.
 *
 * The module binds a vCPU to the CPU where it was initialised or entered, until VP.FLUSH there;
 * nowhere else can the flush be issued. VPFLUSHDONE refuses while a vCPU of the TD is bound, so a
 * CPU that went with a vCPU bound to it would take the whole TD with it.
 *
 * vcpu->bound is that CPU + 1, or 0:
 *
 *      0 --- VP.INIT, VP.ENTER on CPU n: by whoever runs the vCPU ---> n + 1
 *  n + 1 --- VP.FLUSH on CPU n: by compare-and-swap -----------------> 0
 *
 * Only the vCPU's own thread sets it to other than 0, and it does so while it holds the CPU, before
 * VP.INIT or inside. Whoever flushes may be somebody else, and may be late: then the swap finds
 * another CPU's number, or 0, and changes nothing. A flush too many does no harm, as the module
 * answers that the vCPU is not bound there.
 *
 * A CPU that goes
 * ---------------
 * vmm_cpu_leaves() says so in vmm->leaving, and then looks at each vCPU's word. A vCPU sets INSIDE
 * in its word, and then looks at vmm->leaving. Each writes before it reads, all four sequentially
 * consistent, so one of them sees the other: either the vCPU turns back before VP.ENTER, or it is
 * seen inside, kicked, and waited for. From then on nothing is entered on this CPU, whoever is
 * bound to it stays as it is, and one VP.FLUSH each ends that. vCPUs that are being made come
 * before or after, as VP.INIT is under vmm->vcpu_lock.
 *
 * A flush from elsewhere, by on_each_cpu(), does not meet this: the system does not let CPUs go
 * while one is under way. Afterwards the CPU is not visited any more, and need not be.
 */
#include "vmm/td.h"

/* This CPU, as bound and leaving have it. */
static uint32_t here(void) { return os_cpu() + 1; }

bool vmm_is_leaving(const struct vmm *vmm)
{
	/* Sequentially consistent: above. */
	return os_load32(&vmm->leaving, OS_SEQ_CST) == here();
}

/* ------------------------------------------------------------------------------------------- */
/* Flushing                                                                                     */

/* On the CPU that it is bound to. */
static int flush_vcpu(struct vcpu *vcpu)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_VP_FLUSH, 0), .rcx = vcpu->tdvpr.v };
	int error = call_make_sure(&vcpu->td->vmm->caller, &regs);
	uint32_t bound = here();

	/* Never entered here, or flushed already: as wanted. */
	if (error && !tdx_status_is((tdx_status_t){ regs.rax }, TDX_VCPU_NOT_ASSOCIATED))
		return error;
	/* Release: whoever finds it unbound comes after the flush. */
	os_cas32(&vcpu->bound, &bound, 0, OS_RELEASE);
	return 0;
}

/* What flush_here() is to flush: all of the TD, or one. */
struct flush {
	struct td *td;
	struct vcpu *only;
	int error;
};

/* On each CPU in turn: VP.FLUSH of the vCPUs that are bound to it. */
static int flush_here(void *arg)
{
	struct flush *flush = arg;

	for (uint32_t i = 0; i < flush->td->nr_vcpus; i++) {
		struct vcpu *vcpu = flush->td->vcpus[i];
		int error;

		/* The others may be running, and are not to be looked at. */
		if (flush->only && flush->only != vcpu)
			continue;
		/* Relaxed: written by this thread, or by one that handed the vCPU over. */
		if (os_load32(&vcpu->bound, OS_RELAXED) != here())
			continue;
		error = flush_vcpu(vcpu);
		if (error)
			flush->error = error;
	}
	return 0;
}

int td_flush_vcpus(struct td *td)
{
	struct flush flush = { .td = td };

	td->vmm->os->on_each_cpu(td->vmm->os->ctx, flush_here, &flush);
	return flush.error;
}

int vcpu_move_here(struct vcpu *vcpu)
{
	const struct os_services *os = vcpu->td->vmm->os;
	struct flush flush = { .td = vcpu->td, .only = vcpu };
	/* Acquire: of a vCPU that was flushed elsewhere, that this is over. */
	uint32_t bound = os_load32(&vcpu->bound, OS_ACQUIRE);

	if (!bound || bound == here())
		return 0;
	os->on_each_cpu(os->ctx, flush_here, &flush);
	/* Relaxed: written by this thread. Else that CPU was not visited, and nothing would help.
	 */
	if (!flush.error && os_load32(&vcpu->bound, OS_RELAXED) == bound)
		return -OS_EIO;
	return flush.error;
}

/* ------------------------------------------------------------------------------------------- */
/* All vCPUs                                                                                    */

static int init_locked(struct vcpu *vcpu)
{
	struct vmm *vmm = vcpu->td->vmm;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_VP_INIT, 0), .rcx = vcpu->tdvpr.v };

	OS_INVARIANT(os_mutex_is_held(&vmm->vcpu_lock));
	if (vmm_is_leaving(vmm))
		return -OS_EAGAIN;
	vcpu->next = vmm->vcpus;
	if (vcpu->next)
		vcpu->next->previous = vcpu;
	vmm->vcpus = vcpu;
	/*
	 * VP.INIT binds the vCPU to this CPU, even if nothing ever runs. Before the call, as a
	 * call that failed half-way must be flushed too. Relaxed: nobody looks without the lock.
	 */
	os_store32(&vcpu->cpu, os_cpu(), OS_RELAXED);
	os_store32(&vcpu->bound, here(), OS_RELAXED);
	return call_make(&vmm->caller, &regs);
}

int vcpu_init_here(struct vcpu *vcpu)
{
	struct vmm *vmm = vcpu->td->vmm;
	int error;

	os_mutex_lock(&vmm->vcpu_lock);
	os_cpu_hold();
	error = init_locked(vcpu);
	os_cpu_release();
	os_mutex_unlock(&vmm->vcpu_lock);
	return error;
}

void vcpu_forget(struct vcpu *vcpu)
{
	struct vmm *vmm = vcpu->td->vmm;

	os_mutex_lock(&vmm->vcpu_lock);
	if (vcpu->next)
		vcpu->next->previous = vcpu->previous;
	if (vcpu->previous)
		vcpu->previous->next = vcpu->next;
	else if (vmm->vcpus == vcpu)
		vmm->vcpus = vcpu->next;
	os_mutex_unlock(&vmm->vcpu_lock);
}

/* ------------------------------------------------------------------------------------------- */
/* A CPU that goes                                                                              */

static int leave_and_flush(struct vcpu *vcpu)
{
	const struct os_services *os = vcpu->td->vmm->os;
	/* Sequentially consistent: above. */
	uint32_t word = os_load32(&vcpu->word, OS_SEQ_CST);

	/* Relaxed: cpu was stored before INSIDE, which the load above has seen. */
	if (word & VCPU_INSIDE && os_load32(&vcpu->cpu, OS_RELAXED) == os_cpu()) {
		os->kick(os->ctx, os_cpu());
		vcpu_wait_out(vcpu, word);
	}
	/* Relaxed: by whoever was here, and is out. */
	return os_load32(&vcpu->bound, OS_RELAXED) == here() ? flush_vcpu(vcpu) : 0;
}

static void stay(struct vmm *vmm)
{
	uint32_t leaving = here();

	/* Relaxed: a vCPU that still finds it only turns back once more. */
	os_cas32(&vmm->leaving, &leaving, 0, OS_RELAXED);
}

int vmm_cpu_leaves(struct vmm *vmm)
{
	int error = 0;

	/* Sequentially consistent: above. */
	os_store32(&vmm->leaving, here(), OS_SEQ_CST);
	os_mutex_lock(&vmm->vcpu_lock);
	for (struct vcpu *vcpu = vmm->vcpus; vcpu && !error; vcpu = vcpu->next)
		error = leave_and_flush(vcpu);
	os_mutex_unlock(&vmm->vcpu_lock);
	if (error)
		stay(vmm);
	return error;
}

int vmm_cpu_returns(struct vmm *vmm)
{
	/* Any call that needs an initialised CPU would tell. */
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = TDX_MD_FEATURES0 };
	tdx_status_t status = vmm->os->seamcall(vmm->os->ctx, &regs);

	if (tdx_status_is(status, TDX_SYS_LP_INIT_NOT_DONE)) {
		vmm->os->log(vmm->os->ctx, OS_LOG_WARN,
			     "vmm: CPU %u stays offline: it was not there when the TDX module was "
			     "configured, and cannot be initialised any more",
			     os_cpu());
		return -OS_ENODEV;
	}
	stay(vmm);
	return 0;
}
