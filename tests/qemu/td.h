/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * td.h - a small VMM: TDs on KVM's own interface, each step by name.
 *
 * Functions return 0, or -1 with the failed step, its error number and what the TDX module said in
 * td->failed.
 */
#ifndef PAMT_TESTS_QEMU_TD_H
#define PAMT_TESTS_QEMU_TD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/kvm.h>

#define TD_MAX_VCPUS 16u

struct td_plan {
	uint64_t bytes; /* of memory, a multiple of 2M */
	uint64_t spare; /* of these, at the end, the guest does not know; bytes */
	uint32_t vcpus;
	uint32_t percent_4k; /* of the regions are accepted in 4K pages */
	uint32_t pages_4k;   /* so many of each of these; 0: all */
	uint32_t flips;	     /* per vCPU */
	uint32_t seed;
	bool no_orders; /* nothing is added to its memory: it does what it does by itself */
	bool restless;	/* its vCPUs are initialised by a thread that may be moved meanwhile */
};

struct td;

struct td_vcpu {
	struct td *td;
	int fd; /* -1: none */
	struct kvm_run *run;
	pthread_t thread;
	uint64_t runs, conversions, memory_faults;
	uint32_t flips; /* that the guest says it has done */
	bool finished;	/* the guest said so, or switched the machine off */
	char error[160];
};

struct td {
	struct td_plan plan;
	int kvm, vm, memfd;
	uint32_t run_bytes;
	void *shared; /* what shared GPAs show */
	struct td_vcpu vcpu[TD_MAX_VCPUS];
	bool stop;
	char failed[160];
};

/* From opening /dev/kvm to KVM_TDX_FINALIZE_VM. */
int td_build(struct td *td, const struct td_plan *plan);
/* Starts a thread per vCPU. */
int td_start(struct td *td);
/* Waits until each guest says that it has finished; -1: one failed, or none did in the time. */
int td_wait(struct td *td, unsigned int seconds);
/* Makes the threads leave KVM_RUN and end. */
void td_stop(struct td *td);
/* Gives all of it back; after td_build(), whatever it returned. */
void td_close(struct td *td);

int td_set_private(struct td *td, uint64_t gpa, uint64_t bytes, bool is_private);
/* Gives memory back to the system. */
int td_punch(struct td *td, uint64_t gpa, uint64_t bytes);
/* Maps memory before the guest comes for it; by the thread of vCPU 0 or before td_start(). */
int td_prefault(struct td *td, uint64_t gpa, uint64_t bytes);

/* A step of td_build() once more; errno says why not. */
enum td_step { TD_STEP_INIT_VM, TD_STEP_INIT_VCPU, TD_STEP_INIT_MEM_REGION, TD_STEP_FINALIZE };
int td_again(struct td *td, enum td_step step);

#endif
