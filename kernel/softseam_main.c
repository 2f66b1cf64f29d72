// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * softseam_main.c - softseam.ko: a TDX module for machines that have none. The SEAMCALL
 * instruction, executed anywhere in the kernel, is answered by software.
 *
 * The instruction raises #UD on a CPU that is not in VMX operation. The kernel asks its die
 * notifiers before it makes an oops of that; this one looks at the bytes, serves the call with the
 * registers of the interrupted code, and lets it go on behind the instruction.
 *
 * Contexts. The exception may come from anywhere: process, softirq, hardirq, under any lock.
 * Interrupts are off in here, as they are in the real module, which is one long non-maskable
 * stretch. So nothing in here sleeps, allocates or takes a lock that could be held by what was
 * interrupted: src/seam has try-locks only, and answers "busy". An NMI may come in the middle of a
 * call, though, and if it makes a call of its own, it finds its logical processor in the module
 * already: it is told that there is no module (VMfailInvalid).
 */
#include "linux.h"

#include "services.h"
#include "softseam.h"
#include "seam/debug.h"

/* 66 0F 01 CF */
static const u8 seamcall_bytes[] = { 0x66, 0x0f, 0x01, 0xcf };

static unsigned int fault_per_million[SEAM_NR_FAULTS];
module_param_array_named(faults, fault_per_million, uint, NULL, 0444);
MODULE_PARM_DESC(faults, "failures on request, each per million occasions: lock found busy, no "
			 "entropy, interrupt pending, key generation failed");
static unsigned long fault_seed = 1;
module_param(fault_seed, ulong, 0444);
MODULE_PARM_DESC(fault_seed, "which occasions fail");

static struct seam *module_seam;
/* By CPU. */
static u32 *lp_of;
static DEFINE_PER_CPU(bool, inside);
static u8 *no_memory; /* a page to read and write where there is none */
static DEFINE_PER_CPU(unsigned long, nr_calls);

/* ------------------------------------------------------------------------------------------- */
/* Services                                                                                     */

static void *service_alloc(void *ctx, size_t bytes) { return kvzalloc(bytes, GFP_KERNEL); }
static void service_free(void *ctx, void *object) { kvfree(object); }
/* What a host names as the address of a structure may be no memory at all. */
static void *service_map(void *ctx, tdx_hpa_t at, enum os_access access)
{
	return softseam_is_ram(at.v) ? direct_map(at) : no_memory + offset_in_page(at.v);
}

static __printf(3, 4) void service_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	struct va_format line = { .fmt = format };
	va_list args;

	va_start(args, format);
	line.va = &args;
	pr_warn("softseam: %pV\n", &line);
	va_end(args);
}

static struct os_services services = {
	.alloc = service_alloc,
	.free = service_free,
	.map_host = service_map,
	.map_module = service_map,
	.zero = service_zero,
	.scrub = service_zero,
	.copy = service_copy,
	.log = service_log,
};

static void on_fatal(void *ctx, const struct seam_fatal *fatal)
{
	pr_err("softseam: the module is dead (%u): %s; leaf %u on logical processor %u, at "
	       "0x%llx\n",
	       fatal->id, fatal->rule, fatal->leaf, fatal->lp, fatal->at.v);
}

/* ------------------------------------------------------------------------------------------- */
/* The instruction                                                                              */

/*
 * Byte by byte: what comes after a byte that does not fit was not necessarily fetched, and may not
 * be there to be read.
 */
static bool is_seamcall(unsigned long ip)
{
	const u8 *code = (const u8 *)ip;

	for (size_t i = 0; i < sizeof(seamcall_bytes); i++)
		if (READ_ONCE(code[i]) != seamcall_bytes[i])
			return false;
	return true;
}

static void load_regs(struct tdx_regs *to, const struct pt_regs *from)
{
	*to = (struct tdx_regs){
		.rax = from->ax,
		.rcx = from->cx,
		.rdx = from->dx,
		.rbx = from->bx,
		.rbp = from->bp,
		.rsi = from->si,
		.rdi = from->di,
		.r8 = from->r8,
		.r9 = from->r9,
		.r10 = from->r10,
		.r11 = from->r11,
		.r12 = from->r12,
		.r13 = from->r13,
		.r14 = from->r14,
		.r15 = from->r15,
	};
}

static void store_regs(struct pt_regs *to, const struct tdx_regs *from)
{
	to->ax = from->rax;
	to->cx = from->rcx;
	to->dx = from->rdx;
	to->bx = from->rbx;
	to->bp = from->rbp;
	to->si = from->rsi;
	to->di = from->rdi;
	to->r8 = from->r8;
	to->r9 = from->r9;
	to->r10 = from->r10;
	to->r11 = from->r11;
	to->r12 = from->r12;
	to->r13 = from->r13;
	to->r14 = from->r14;
	to->r15 = from->r15;
}

/* False: VMfailInvalid, no register changes. */
static bool serve(struct pt_regs *regs)
{
	u32 lp = lp_of[smp_processor_id()];
	struct tdx_regs tdx;

	if (lp == SOFTSEAM_NO_LP || this_cpu_read(inside) || seam_is_fatal(module_seam, NULL))
		return false;
	load_regs(&tdx, regs);
	this_cpu_write(inside, true);
	/* An NMI from here on finds the CPU inside. */
	barrier();
	seam_call(module_seam, lp, &tdx);
	barrier();
	this_cpu_write(inside, false);
	this_cpu_inc(nr_calls);
	store_regs(regs, &tdx);
	return true;
}

static int on_die(struct notifier_block *block, unsigned long event, void *data)
{
	const unsigned long flags = X86_EFLAGS_CF | X86_EFLAGS_PF | X86_EFLAGS_AF | X86_EFLAGS_ZF |
				    X86_EFLAGS_SF | X86_EFLAGS_OF;
	struct die_args *args = data;
	struct pt_regs *regs = args->regs;

	if (event != DIE_TRAP || args->trapnr != X86_TRAP_UD || user_mode(regs) ||
	    !is_seamcall(regs->ip))
		return NOTIFY_DONE;
	regs->flags &= ~flags;
	if (!serve(regs))
		regs->flags |= X86_EFLAGS_CF;
	regs->ip += sizeof(seamcall_bytes);
	return NOTIFY_STOP;
}

static struct notifier_block die_notifier = { .notifier_call = on_die, .priority = INT_MAX };

/* ------------------------------------------------------------------------------------------- */

/*
 * Whoever drives the module may hold it here, so that it does not go away underneath. There is
 * nothing to call: that the symbol is in use is all.
 */
void softseam_hold(void);
void softseam_hold(void) {}
EXPORT_SYMBOL_GPL(softseam_hold);

static int set_faults(void)
{
	struct seam_faults faults = { .leaf = SEAM_ANY_LEAF, .seed = fault_seed };
	bool any = false;

	for (int i = 0; i < SEAM_NR_FAULTS; i++) {
		if (fault_per_million[i] > 1000000) {
			pr_err("softseam: faults=: %u per million\n", fault_per_million[i]);
			return -EINVAL;
		}
		faults.per_million[i] = fault_per_million[i];
		any |= fault_per_million[i];
	}
	return any ? seam_debug_faults(module_seam, &faults) : 0;
}

static int __init softseam_init(void)
{
	struct seam_config *config = kzalloc(sizeof(*config), GFP_KERNEL);
	const char *why = NULL;
	int error = -ENOMEM;

	lp_of = kcalloc(nr_cpu_ids, sizeof(*lp_of), GFP_KERNEL);
	no_memory = (u8 *)get_zeroed_page(GFP_KERNEL);
	if (!config || !lp_of || !no_memory)
		goto out;
	error = softseam_find_ram();
	if (error)
		goto out;
	error = softseam_configure(config, lp_of);
	if (error)
		goto out;
	config->guest = softseam_guest;
	config->on_fatal = on_fatal;
	services.nr_cpus = config->nr_lps;
	error = seam_create(&services, config, &module_seam, &why);
	if (error) {
		pr_err("softseam: no TDX module for this machine: %s\n", why);
		goto out;
	}
	error = set_faults();
	if (!error)
		error = register_die_notifier(&die_notifier);
	if (error)
		seam_destroy(module_seam);
	else
		pr_info("softseam: a software TDX module answers SEAMCALL on %u CPUs in %u "
			"packages\n",
			config->nr_lps, config->nr_packages);
out:
	kfree(config);
	if (error) {
		softseam_forget_ram();
		kfree(lp_of);
		free_page((unsigned long)no_memory);
	}
	return error;
}

static void __exit softseam_exit(void)
{
	unsigned long calls = 0;
	int cpu;

	unregister_die_notifier(&die_notifier);
	/* The chain is walked under RCU: whoever was in it has left. */
	synchronize_rcu();
	for_each_possible_cpu(cpu)
		calls += per_cpu(nr_calls, cpu);
	seam_destroy(module_seam);
	softseam_forget_ram();
	kfree(lp_of);
	free_page((unsigned long)no_memory);
	pr_info("softseam: gone after %lu calls\n", calls);
}

module_init(softseam_init);
module_exit(softseam_exit);
MODULE_DESCRIPTION("A TDX module in software, called by the SEAMCALL instruction");
MODULE_LICENSE("Dual MIT/GPL");
