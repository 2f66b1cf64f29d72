// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mirror.c - nodes, walks and legal steps of the mirror of a secure EPT.
 */
#include "vmm/mirror.h"

#define STEP(state) (1u << MIRROR_##state)

/* From each state, the states that may follow. */
static const uint8_t mirror_steps[MIRROR_STATES] = {
	/* A fault; a conversion to shared. */
	[MIRROR_NONE] = STEP(FROZEN) | STEP(SHARED),
	/* A conversion to private: of all of it; of a part, by way of an S-EPT page. */
	[MIRROR_SHARED] = STEP(NONE) | STEP(FROZEN),
	/* The SEAMCALL succeeded, for a page or an S-EPT page; or failed. */
	[MIRROR_FROZEN] = STEP(LEAF) | STEP(LINK) | STEP(NONE) | STEP(SHARED),
	/* BLOCK; at the TD's end its page is reclaimed as it is. */
	[MIRROR_LINK] = STEP(LINK_BLOCKED) | STEP(NONE),
	/* UNBLOCK; SEPT.REMOVE, for good or for a conversion; PROMOTE. */
	[MIRROR_LINK_BLOCKED] = STEP(LINK) | STEP(NONE) | STEP(SHARED) | STEP(LEAF),
	/* BLOCK; at the TD's end. */
	[MIRROR_LEAF] = STEP(LEAF_BLOCKED) | STEP(NONE),
	/* UNBLOCK; PAGE.REMOVE, for good or for a conversion; DEMOTE. */
	[MIRROR_LEAF_BLOCKED] = STEP(LEAF) | STEP(NONE) | STEP(SHARED) | STEP(LINK),
};
#undef STEP

bool mirror_step_is_legal(enum mirror_state from, enum mirror_state to)
{
	return from < MIRROR_STATES && to < MIRROR_STATES && mirror_steps[from] & 1u << to;
}

/* LEAF and LEAF_BLOCKED, LINK and LINK_BLOCKED are neighbours in the enum. */
_Static_assert(MIRROR_LEAF_BLOCKED == MIRROR_LEAF + 1, "blocked is one more");
_Static_assert(MIRROR_LINK_BLOCKED == MIRROR_LINK + 1, "blocked is one more");

struct mirror_entry mirror_blocked(struct mirror_entry e)
{
	OS_INVARIANT(mirror_state(e) == MIRROR_LEAF || mirror_state(e) == MIRROR_LINK);
	return (struct mirror_entry){ e.v + 1 };
}

struct mirror_entry mirror_unblocked(struct mirror_entry e)
{
	OS_INVARIANT(mirror_state(e) == MIRROR_LEAF_BLOCKED ||
		     mirror_state(e) == MIRROR_LINK_BLOCKED);
	return (struct mirror_entry){ e.v - 1 };
}

int mirror_create(struct mirror *mirror, const struct os_services *os, unsigned int levels)
{
	struct mirror_node *root = os->alloc(os->ctx, sizeof(*root));

	OS_INVARIANT(levels >= 2 && levels <= MIRROR_MAX_LEVELS);
	if (!root)
		return -OS_ENOMEM;
	root->page = HPA_NONE;
	root->level = levels - 1;
	mirror->root = root;
	mirror->levels = levels;
	return 0;
}

void mirror_destroy(struct mirror *mirror, const struct os_services *os)
{
	os->free(os->ctx, mirror->root);
	mirror->root = NULL;
}

/*
 * Acquire: an entry that says LINK was published by mirror_thaw() with release, so the node behind
 * it is seen filled in.
 */
static struct mirror_entry mirror_read(const struct mirror_slot *slot)
{
	return (struct mirror_entry){ os_load64(mirror_word(slot), OS_ACQUIRE) };
}

void mirror_descend(tdx_gpa_t at, struct mirror_slot *slot)
{
	OS_INVARIANT(mirror_is_link(slot->seen));
	slot->node = mirror_child(slot->seen);
	slot->index = mirror_index(at, slot->node->level);
	slot->seen = mirror_read(slot);
}

void mirror_walk(const struct mirror *mirror, tdx_gpa_t at, unsigned int level,
		 struct mirror_slot *slot)
{
	slot->node = mirror->root;
	slot->index = mirror_index(at, mirror->root->level);
	slot->seen = mirror_read(slot);
	while (slot->node->level > level && mirror_is_link(slot->seen))
		mirror_descend(at, slot);
}

bool mirror_freeze(struct mirror_slot *slot)
{
	uint64_t old = slot->seen.v;

	OS_INVARIANT(old == MIRROR_NONE || old == MIRROR_SHARED);
	/*
	 * Acquire: what the last owner of this entry did (the SEAMCALL that emptied it) is before
	 * what the new one will do.
	 */
	if (os_cas64(mirror_word(slot), &old, MIRROR_FROZEN, OS_ACQUIRE)) {
		slot->seen = mirror_make(MIRROR_FROZEN);
		return true;
	}
	slot->seen = (struct mirror_entry){ old };
	return false;
}

static void mirror_change(struct mirror_slot *slot, struct mirror_entry to)
{
	OS_INVARIANT(os_load64(mirror_word(slot), OS_RELAXED) == slot->seen.v);
	OS_INVARIANT(mirror_step_is_legal(mirror_state(slot->seen), mirror_state(to)));
	/* Release: the node below a new LINK is complete before anybody can find it. */
	os_store64(mirror_word(slot), to.v, OS_RELEASE);
	slot->seen = to;
}

void mirror_thaw(struct mirror_slot *slot, struct mirror_entry to)
{
	OS_INVARIANT(mirror_state(slot->seen) == MIRROR_FROZEN);
	mirror_change(slot, to);
}

void mirror_set(struct mirror_slot *slot, struct mirror_entry to)
{
	OS_INVARIANT(mirror_state(slot->seen) != MIRROR_FROZEN);
	mirror_change(slot, to);
}

void mirror_prepare_child(struct mirror_node *node, const struct mirror_slot *parent,
			  tdx_hpa_t page, enum mirror_state fill)
{
	/* mirror_child() needs the low bits of the node's address. */
	OS_INVARIANT(!((uintptr_t)node & (MIRROR_STATE_MASK | MIRROR_PENDING)));
	OS_INVARIANT(parent->node->level > 0);
	node->page = page;
	node->base = mirror_gpa(parent);
	node->level = parent->node->level - 1;
	node->next = NULL;
	for (unsigned int i = 0; i < MIRROR_ENTRIES; i++)
		node->entry[i].v = fill; /* not published yet: plain */
}
