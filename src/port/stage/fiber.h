/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * fiber.h - a stack of its own and the switch to it. Knows nothing of scheduling.
 */
#ifndef PAMT_STAGE_FIBER_H
#define PAMT_STAGE_FIBER_H

#include <stdbool.h>
#include <stddef.h>

struct fiber {
	void *sp;	/* while it does not run */
	char *low;	/* lowest usable byte of the stack; a guard page lies below */
	size_t bytes;	/* of the stack */
	void *fake;	/* AddressSanitizer's own stack of this fiber */
	bool abandoned; /* the fiber that is left now never runs again */
};

/* Gives a fiber its stack. Return: 0 or -1 with errno. */
int fiber_create(struct fiber *fiber);
void fiber_destroy(struct fiber *fiber);
/* The thread itself as a fiber, to switch back to. */
int fiber_adopt_thread(struct fiber *fiber);
/*
 * From the next switch to it, the fiber runs entry(arg) from the start, wherever it was before.
 * entry must not return.
 */
void fiber_reset(struct fiber *fiber, void (*entry)(void *arg), void *arg);
/* Leaves `from`, which is what runs now, and goes on in `to`. */
void fiber_switch(struct fiber *from, struct fiber *to);
/* First thing in an entry function: tells AddressSanitizer that the new stack is in use. */
void fiber_entered(struct fiber *fiber);

#endif
