// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * arena.c - write protection finds the pages that change; see arena.h.
 *
 * The handler of SIGSEGV runs on a stack of its own, since the page that faults may be reached
 * from a fiber whose own stack is at its end. A fault outside every arena is handed to whoever
 * was there before.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"

#define PAGE	 4096u
#define MAX_HOT	 16384u
#define MAX_OPEN 4u

struct arena {
	char *base;
	char *image; /* contents at the freeze, of pages that were written by then */
	size_t bytes;
	volatile uint32_t nr_hot;
	uint32_t hot[MAX_HOT]; /* page numbers: written since the freeze, or so far without one */
};

/* The handler has no argument to find its arena by. */
static struct arena *open_arena[MAX_OPEN];
static struct sigaction previous;
static char handler_stack[64 * 1024];

static struct arena *arena_of(const char *address)
{
	for (unsigned int i = 0; i < MAX_OPEN; i++) {
		struct arena *arena = open_arena[i];

		if (arena && address >= arena->base && address < arena->base + arena->bytes)
			return arena;
	}
	return NULL;
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
	char *address = info->si_addr;
	struct arena *arena = arena_of(address);
	size_t page;

	if (!arena || arena->nr_hot == MAX_HOT) {
		/* Not ours: back to what it would have been without us, at the same instruction. */
		sigaction(SIGSEGV, &previous, NULL);
		return;
	}
	page = (size_t)(address - arena->base) / PAGE;
	if (mprotect(arena->base + page * PAGE, PAGE, PROT_READ | PROT_WRITE)) {
		sigaction(SIGSEGV, &previous, NULL);
		return;
	}
	arena->hot[arena->nr_hot] = (uint32_t)page;
	arena->nr_hot++;
}

static int catch_faults(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t stack = { .ss_sp = handler_stack, .ss_size = sizeof(handler_stack) };

	for (unsigned int i = 0; i < MAX_OPEN; i++)
		if (open_arena[i])
			return 0;
	if (sigaltstack(&stack, NULL))
		return -1;
	return sigaction(SIGSEGV, &action, &previous);
}

static void *reserve(size_t bytes, int access)
{
	void *map = mmap(NULL, bytes, access, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

struct arena *arena_create(size_t bytes)
{
	struct arena *arena = calloc(1, sizeof(*arena));
	unsigned int slot = 0;

	if (!arena)
		return NULL;
	while (slot < MAX_OPEN && open_arena[slot])
		slot++;
	if (slot == MAX_OPEN) {
		free(arena);
		errno = EBUSY;
		return NULL;
	}
	arena->bytes = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
	arena->base = reserve(arena->bytes, PROT_READ);
	arena->image = reserve(arena->bytes, PROT_READ | PROT_WRITE);
	if (!arena->base || !arena->image || catch_faults()) {
		arena_destroy(arena);
		return NULL;
	}
	open_arena[slot] = arena;
	return arena;
}

void arena_destroy(struct arena *arena)
{
	int error = errno;

	for (unsigned int i = 0; i < MAX_OPEN; i++)
		if (open_arena[i] == arena)
			open_arena[i] = NULL;
	if (arena->base)
		munmap(arena->base, arena->bytes);
	if (arena->image)
		munmap(arena->image, arena->bytes);
	free(arena);
	errno = error;
}

char *arena_base(const struct arena *arena) { return arena->base; }

int arena_freeze(struct arena *arena)
{
	for (uint32_t i = 0; i < arena->nr_hot; i++) {
		size_t at = (size_t)arena->hot[i] * PAGE;

		memcpy(arena->image + at, arena->base + at, PAGE);
	}
	/* What was written so far is the state to come back to; from here on it is counted anew. */
	arena->nr_hot = 0;
	if (mprotect(arena->base, arena->bytes, PROT_READ))
		return -1;
	return 0;
}

void arena_restore(struct arena *arena)
{
	for (uint32_t i = 0; i < arena->nr_hot; i++) {
		size_t at = (size_t)arena->hot[i] * PAGE;

		memcpy(arena->base + at, arena->image + at, PAGE);
	}
}
