// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt.c - finding and walking to PAMT entries, as leaves name them. States and rules: pamt.h.
 */
#include "seam/hpa.h"
#include "seam/pamt.h"

/*
 * Nearly every leaf makes two walks, each from a caller that knows where it is to end: three
 * instances of the code, each straight, are a fifth faster than one that asks.
 */
#define INLINE inline __attribute__((always_inline))

/* ------------------------------------------------------------------------------------------- */
/* Where an entry is.                                                                           */

const struct tdmr *pamt_tdmr(const struct seam *seam, tdx_hpa_t address)
{
	uint32_t low = 0, high = seam->nr_tdmrs;
	const struct tdmr *tdmr;

	/* The last TDMR that begins at or below the address is at low - 1. */
	while (low < high) {
		uint32_t middle = (low + high) / 2;

		if (seam->tdmr[middle].base.v <= address.v)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	tdmr = &seam->tdmr[low - 1];
	if (address.v - tdmr->base.v >= tdmr->size)
		return NULL;
	/* Acquire: pairs with TDMR.INIT's release, after it wrote the metadata. */
	if (address.v >= (os_load64(&tdmr->next_init, OS_ACQUIRE) & ~(TDX_1G_SIZE - 1)))
		return NULL;
	return tdmr;
}

static __attribute__((noinline)) void *map_area_page(struct call *call, struct area_map *map,
						     tdx_hpa_t page)
{
	map->page = page.v | 1;
	map->at = module_map(call->seam, page, OS_WRITE);
	return map->at;
}

/* The byte of a PAMT area, to be written. */
static INLINE void *map_area(struct call *call, tdx_hpa_t at, uint32_t level)
{
	uint64_t offset = at.v & (TDX_PAGE_SIZE - 1), page = at.v - offset;
	struct area_map *map = &call->maps->area[level][page / TDX_PAGE_SIZE % AREA_MAPS];
	uint8_t *mapped = map->at;

	if (map->page != (page | 1))
		mapped = map_area_page(call, map, hpa(page));
	return mapped + offset;
}

/* Where in physical memory the entry of a TDMR's array is. */
static INLINE tdx_hpa_t entry_address(const struct tdmr *tdmr, tdx_hpa_t address, uint32_t level)
{
	uint64_t index = (address.v - tdmr->base.v) >> TDX_LEVEL_SHIFT(level);

	return hpa(tdmr->pamt_base[level].v + index * sizeof(struct pamt_entry));
}

/* Inline, as map_area(): level is a constant in the walk, which every leaf makes. */
static INLINE struct pamt_entry *entry_at(struct call *call, const struct tdmr *tdmr,
					  tdx_hpa_t address, uint32_t level)
{
	return map_area(call, entry_address(tdmr, address, level), level);
}

struct pamt_entry *pamt_entry_at(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address,
				 uint32_t level)
{
	return entry_at(call, tdmr, address, level);
}

/* Is some of it in a reserved area? */
static bool is_reserved(const struct tdmr *tdmr, tdx_hpa_t address, uint64_t bytes)
{
	uint64_t offset = address.v - tdmr->base.v;

	for (uint32_t i = 0; i < TDX_MAX_RESERVED && tdmr->reserved[i].size; i++)
		if (offset < tdmr->reserved[i].offset + tdmr->reserved[i].size &&
		    tdmr->reserved[i].offset < offset + bytes)
			return true;
	return false;
}

/* The map becomes the region's. NULL: no TDMR covers it, or not with usable metadata. */
static __attribute__((noinline)) struct region_map *
map_region(struct call *call, struct region_map *map, tdx_hpa_t address)
{
	const struct tdmr *tdmr = pamt_tdmr(call->seam, address);

	if (!tdmr)
		return NULL;
	*map = (struct region_map){
		.number = hpa_to_region(address).v + 1,
		.tdmr = tdmr,
		.reserved = is_reserved(tdmr, hpa(address.v & ~(TDX_2M_SIZE - 1)), TDX_2M_SIZE),
		.entry_1g = entry_at(call, tdmr, address, TDX_1G),
		.entry_2m = entry_at(call, tdmr, address, TDX_2M),
	};
	return map;
}

/* What the map has, or will. */
static INLINE struct region_map *find_region(struct call *call, struct region_map *map,
					     tdx_hpa_t address)
{
	return map->number == hpa_to_region(address).v + 1 ? map : map_region(call, map, address);
}

/* The LP's maps in which a region may be, by what names it. */
static inline struct region_map *control_map(const struct call *call, tdx_hpa_t address)
{
	return &call->maps->control[hpa_to_region(address).v % OTHER_MAPS];
}

static inline struct region_map *page_map(const struct call *call, tdx_hpa_t address)
{
	return &call->maps->page[hpa_to_region(address).v & (call->maps->nr_page - 1)];
}

static inline struct region_map *find_page_region(struct call *call, tdx_hpa_t address)
{
	return find_region(call, page_map(call, address), address);
}

static __attribute__((noinline)) struct pamt_entry *
map_half(struct call *call, struct region_map *region, tdx_hpa_t address, uint32_t half)
{
	tdx_hpa_t first = hpa((address.v & ~(TDX_2M_SIZE - 1)) + half * TDX_2M_SIZE / 2);

	region->half[half] = entry_at(call, region->tdmr, first, TDX_4K);
	return region->half[half];
}

/* Static PAMT: the entry of a 4K page of the region. */
static INLINE struct pamt_entry *entry_4k(struct call *call, struct region_map *region,
					  tdx_hpa_t address)
{
	uint32_t index = hpa_to_pfn(address).v & (TDX_PAGES_PER_2M - 1), half = index / 256;
	struct pamt_entry *entries = region->half[half];

	if (!entries)
		entries = map_half(call, region, address, half);
	return &entries[index % 256];
}

const struct tdmr *pamt_find_tdmr(struct call *call, tdx_hpa_t address)
{
	struct region_map *region = find_page_region(call, address);

	return region ? region->tdmr : NULL;
}

/* Of a 4K page, or of larger ones, aligned. */
bool pamt_is_owned(struct call *call, tdx_hpa_t page, uint64_t bytes)
{
	struct region_map *map = &call->maps->owned[hpa_to_region(page).v % OTHER_MAPS];
	const struct region_map *region = find_region(call, map, page);

	return region && !(region->reserved && is_reserved(region->tdmr, page, bytes));
}

void *pamt_map_owned_slowly(struct call *call, tdx_hpa_t address, enum os_access access)
{
	if (!pamt_is_owned(call, hpa(address.v & ~(TDX_PAGE_SIZE - 1)), TDX_PAGE_SIZE)) {
		call_fatal(call, FATAL_ADDRESS, address);
		return call->seam->nowhere;
	}
	return module_map(call->seam, address, access);
}

/* Where the 4K entry behind a node is, whose head the caller has read. */
static INLINE tdx_hpa_t address_in_pair(const struct pamt_entry *node, uint64_t head,
					tdx_hpa_t address)
{
	uint32_t index = hpa_to_pfn(address).v & (TDX_PAGES_PER_2M - 1);
	/* Relaxed: the node is locked, and its pair does not change under a lock. */
	uint64_t word = index < 256 ? head : os_load64(&node->tail, OS_RELAXED);

	return hpa(pamt_pair_page(word).v + (index & 255) * sizeof(struct pamt_entry));
}

struct pamt_entry *pamt_peek(const struct seam *seam, tdx_hpa_t address, uint32_t level)
{
	const struct tdmr *tdmr = pamt_tdmr(seam, address);
	uint32_t array = level == TDX_4K && seam->dpamt ? TDX_2M : level;
	struct pamt_entry *entry;
	uint64_t head;

	if (!tdmr || level > TDX_1G)
		return NULL;
	entry = module_map(seam, entry_address(tdmr, address, array), OS_WRITE);
	if (array == level)
		return entry;
	/* Relaxed: whoever looks without a lock sees what is there at some moment. */
	head = os_load64(&entry->head, OS_RELAXED);
	if (pamt_type(head) != TDX_PT_PAMT)
		return NULL;
	address = address_in_pair(entry, head, address);
	tdmr = pamt_tdmr(seam, address);
	if (!tdmr || is_reserved(tdmr, hpa(address.v & ~(TDX_PAGE_SIZE - 1)), TDX_PAGE_SIZE))
		return NULL;
	return module_map(seam, address, OS_WRITE);
}

/* ------------------------------------------------------------------------------------------- */
/* The walk.                                                                                    */

static uint64_t read_head(const struct pamt_entry *entry)
{
	/*
	 * Relaxed: the lock that the caller has on the entry orders it. Where it has none: of an
	 * open TD's page nobody changes the entry (pamt_find()); a 1G entry is looked at behind the
	 * lock of the one below it, as is_alone() has it from the other side, or it only chooses
	 * the way.
	 */
	return os_load64(&entry->head, OS_RELAXED);
}

/* *head: of the entry, as it stays while the lock is held. */
static INLINE bool lock_entry(struct call *call, struct pamt_entry *entry, bool exclusive,
			      uint64_t *head)
{
	if (exclusive)
		return call_lock_read(call, &entry->head, LOCK_SHAREX_HP_X, head);
	return call_lock_read(call, &entry->head, LOCK_SHAREX_HP_S, head);
}

/*
 * The entry of a GiB that is NDA is locked exclusively now. That holds up every walk that begins;
 * is one on its way below? It has an entry at 2M locked then. Both sides have a full barrier (x86)
 * between their own step and the look at the other's: the lock that each has just taken.
 */
static bool is_alone(struct call *call, const struct pamt_page *page)
{
	uint64_t gib = page->address.v & ~(TDX_1G_SIZE - 1), locks = 0;

	if (page->level != TDX_1G || pamt_type(page->head) != TDX_PT_NDA)
		return true;
	for (uint32_t half = 0; half < 2; half++) {
		const struct pamt_entry *entry =
			entry_at(call, page->tdmr, hpa(gib + half * TDX_1G_SIZE / 2), TDX_2M);

		/* Relaxed: see above. */
		for (uint32_t i = 0; i < 256; i++)
			locks |= os_load64(&entry[i].head, OS_RELAXED);
	}
	return !(locks & (LOCK_HP_READERS | LOCK_EXCLUSIVE)) ||
	       sharex_hp_fail(&page->entry->head, 0);
}

/* The walk ends at an entry above 4K, which is locked shared so far. */
static bool end_walk(struct call *call, bool exclusive, struct pamt_page *page)
{
	return !exclusive || (call_lock_promote(call, &page->entry->head) && is_alone(call, page));
}

/* Down to the entry of a level above 4K, which is locked shared. */
static INLINE bool step(struct call *call, struct pamt_entry *entry, uint32_t level,
			struct pamt_page *page)
{
	page->level = level;
	page->entry = entry;
	return lock_entry(call, entry, false, &page->head);
}

/* The last step, to the 4K entry under the 2M entry that the walk has come to. */
static INLINE bool step_4k(struct call *call, struct region_map *region, bool exclusive,
			   struct pamt_page *page)
{
	page->level = TDX_4K;
	if (call->seam->dpamt) {
		page->node = page->entry;
		page->entry = pamt_map_owned(
			call, address_in_pair(page->node, page->head, page->address), OS_WRITE);
	} else {
		page->all_free = page->head & PAMT_ALL_FREE ? page->entry : NULL;
		page->entry = entry_4k(call, region, page->address);
	}
	return lock_entry(call, page->entry, exclusive, &page->head);
}

/* Does a 2M entry stand for the entries of 4K pages below it? */
static inline bool is_inner_2m(const struct seam *seam, uint64_t head)
{
	return pamt_type(head) == (seam->dpamt ? TDX_PT_PAMT : TDX_PT_NDA);
}

/* From the 2M entry down, which is locked shared. */
static INLINE bool walk_on(struct call *call, struct region_map *region, uint32_t target,
			   bool exclusive, struct pamt_page *page)
{
	if (target == TDX_2M || !is_inner_2m(call->seam, page->head))
		return end_walk(call, exclusive, page);
	return step_4k(call, region, exclusive, page);
}

/*
 * The 1G entry is where the walk ends, or somebody has it, or a host has left its priority; or a
 * plan of faults is asked at each lock.
 */
static __attribute__((noinline)) bool walk_1g(struct call *call, struct region_map *region,
					      uint32_t target, bool exclusive,
					      struct pamt_page *page)
{
	if (!step(call, region->entry_1g, TDX_1G, page))
		return false;
	if (target == TDX_1G || pamt_type(page->head) != TDX_PT_NDA)
		return end_walk(call, exclusive, page);
	return step(call, region->entry_2m, TDX_2M, page) &&
	       walk_on(call, region, target, exclusive, page);
}

/*
 * A 1G entry that only leads on, NDA and not taken, is not locked by itself: the shared lock of the
 * 2M entry below stands for both, and is_alone() looks for it. So walks write to no word that all
 * of a GiB have in common. The second look says that nobody came before that lock was there.
 * page->address says where to.
 */
static INLINE bool walk(struct call *call, struct region_map *region, uint32_t target,
			bool exclusive, struct pamt_page *page)
{
	const uint64_t taken = LOCK_EXCLUSIVE | LOCK_HP | PAMT_TYPE_MASK;
	uint32_t held = call->held.nr;

	page->tdmr = region->tdmr;
	page->node = NULL;
	page->all_free = NULL;
	if (target == TDX_1G || call->faults || read_head(region->entry_1g) & taken)
		return walk_1g(call, region, target, exclusive, page);
	if (!step(call, region->entry_2m, TDX_2M, page))
		return false;
	if (read_head(region->entry_1g) & taken) {
		held_release(&call->held, held);
		return walk_1g(call, region, target, exclusive, page);
	}
	return walk_on(call, region, target, exclusive, page);
}

/* Inline for callers that know target and exclusive. */
static INLINE bool try_walk(struct call *call, struct region_map *region, uint32_t target,
			    bool exclusive, struct pamt_page *page)
{
	uint32_t held = call->held.nr;

	if (walk(call, region, target, exclusive, page))
		return true;
	held_release(&call->held, held);
	return false;
}

bool pamt_walk(struct call *call, tdx_hpa_t address, uint32_t target, bool exclusive,
	       struct pamt_page *page)
{
	page->address = address;
	return try_walk(call, find_page_region(call, address), target, exclusive, page);
}

/* ------------------------------------------------------------------------------------------- */
/* Implicit access.                                                                             */

tdx_status_t pamt_find(struct call *call, tdx_hpa_t address, uint32_t size, struct pamt_page *page)
{
	struct region_map *region = find_page_region(call, address);
	const struct seam *seam = call->seam;
	enum tdx_page_type type;

	if (!region || size > TDX_1G ||
	    (region->reserved &&
	     is_reserved(region->tdmr, address, UINT64_C(1) << TDX_LEVEL_SHIFT(size))))
		return call_fatal(call, FATAL_IMPLICIT, address);
	page->address = address;
	page->tdmr = region->tdmr;
	page->node = NULL;
	page->all_free = NULL;
	page->level = size;
	if (size == TDX_4K && seam->dpamt) {
		page->node = region->entry_2m;
		page->head = read_head(page->node);
		if (pamt_type(page->head) != TDX_PT_PAMT)
			return call_fatal(call, FATAL_IMPLICIT, address);
		page->entry = pamt_map_owned(call, address_in_pair(page->node, page->head, address),
					     OS_WRITE);
	} else if (size == TDX_4K) {
		page->entry = entry_4k(call, region, address);
	} else {
		page->entry = size == TDX_2M ? region->entry_2m : region->entry_1g;
	}
	page->head = read_head(page->entry);
	type = pamt_type(page->head);
	if (type == TDX_PT_NDA || type == TDX_PT_RSVD || type == TDX_PT_PAMT)
		return call_fatal(call, FATAL_IMPLICIT, address);
	return CALL_OK;
}

tdx_status_t pamt_implicit(struct call *call, struct pamt_operand operand, uint32_t size,
			   struct pamt_page *page)
{
	tdx_status_t status = pamt_find(call, operand.address, size, page);

	if (call_failed(status))
		return status;
	if (!lock_entry(call, page->entry, operand.exclusive, &page->head))
		return status_operand(TDX_OPERAND_BUSY, operand.name);
	return CALL_OK;
}

tdx_status_t pamt_implicit_parent(struct call *call, tdx_hpa_t address, uint32_t level,
				  enum tdx_operand operand, struct pamt_page *page)
{
	struct region_map *region = find_page_region(call, address);

	if (!region)
		return call_fatal(call, FATAL_IMPLICIT, address);
	*page = (struct pamt_page){
		.address = address,
		.tdmr = region->tdmr,
		.entry = level == TDX_2M ? region->entry_2m : region->entry_1g,
		.level = level,
	};
	return pamt_lock_found(call, page, operand);
}

tdx_status_t pamt_lock_found(struct call *call, struct pamt_page *page, enum tdx_operand operand)
{
	if (!lock_entry(call, page->entry, true, &page->head) || !is_alone(call, page))
		return status_operand(TDX_OPERAND_BUSY, operand);
	return CALL_OK;
}

/* ------------------------------------------------------------------------------------------- */
/* The page bitmap.                                                                             */

static os_a64_t *bit_word(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address)
{
	uint64_t bit = (address.v - tdmr->base.v) >> TDX_PAGE_SHIFT;

	return map_area(call, hpa(tdmr->pamt_base[TDX_4K].v + bit / 64 * 8), TDX_4K);
}

/* TDMR bases are multiples of 64 pages, so the bit's place in its word follows from the address. */
static uint64_t bit_mask(tdx_hpa_t address) { return UINT64_C(1) << (hpa_to_pfn(address).v & 63); }

bool pamt_bit_test(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address)
{
	/* Relaxed: the bit is all that is read. */
	return os_load64(bit_word(call, tdmr, address), OS_RELAXED) & bit_mask(address);
}

bool pamt_bit_set(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address)
{
	uint64_t mask = bit_mask(address);

	/* Acquire: what the page's last user wrote is over before it becomes a PAMT page. */
	return os_fetch_or64(bit_word(call, tdmr, address), mask, OS_ACQUIRE) & mask;
}

void pamt_bit_clear(struct call *call, const struct tdmr *tdmr, tdx_hpa_t address)
{
	/* Release: pairs with the acquire of whoever sets it next. */
	os_fetch_and64(bit_word(call, tdmr, address), ~bit_mask(address), OS_RELEASE);
}

/* ------------------------------------------------------------------------------------------- */
/* Operands.                                                                                    */

/* What all operands that name a private page begin with. */
static INLINE tdx_status_t explicit_walk(struct call *call, struct region_map *map,
					 struct pamt_operand operand, uint32_t target,
					 struct pamt_page *page)
{
	struct region_map *region;

	if (!hpa_is_private(call->seam, operand.address, UINT64_C(1) << TDX_LEVEL_SHIFT(target)))
		return status_operand(TDX_OPERAND_INVALID, operand.name);
	region = find_region(call, map, operand.address);
	if (!region)
		return status_operand(TDX_OPERAND_ADDR_RANGE_ERROR, operand.name);
	page->address = operand.address;
	if (!try_walk(call, region, target, operand.exclusive, page))
		return status_operand(TDX_OPERAND_BUSY, operand.name);
	return CALL_OK;
}

tdx_status_t pamt_explicit_any(struct call *call, struct pamt_operand operand, uint32_t size,
			       struct pamt_page *page)
{
	return explicit_walk(call, page_map(call, operand.address), operand, size, page);
}

tdx_status_t pamt_explicit(struct call *call, struct pamt_operand operand, enum tdx_page_type type,
			   struct pamt_page *page)
{
	tdx_status_t status =
		explicit_walk(call, control_map(call, operand.address), operand, TDX_4K, page);

	if (call_failed(status))
		return status;
	if (page->level != TDX_4K || pamt_type(page->head) != type)
		return status_operand(TDX_PAGE_METADATA_INCORRECT, operand.name);
	return CALL_OK;
}

tdx_status_t pamt_free_4k(struct call *call, tdx_hpa_t address, enum tdx_operand operand,
			  struct pamt_page *page)
{
	const struct seam *seam = call->seam;
	tdx_status_t status =
		explicit_walk(call, page_map(call, address),
			      (struct pamt_operand){ address, operand, true }, TDX_4K, page);
	enum tdx_page_type type;

	if (call_failed(status))
		return status;
	type = pamt_type(page->head);
	if (seam->dpamt && page->level == TDX_2M && type == TDX_PT_NDA)
		return status_operand(TDX_MISSING_PAMT_PAGE_PAIR, operand);
	if (page->level != TDX_4K || type != TDX_PT_NDA)
		return status_operand(TDX_PAGE_METADATA_INCORRECT, operand);
	if (seam->dpamt && pamt_bit_test(call, page->tdmr, address))
		return status_operand(TDX_PAGE_METADATA_INCORRECT, operand);
	return CALL_OK;
}

/* No 4K page of the region is used or donated. Its 2M entry is NDA and locked exclusively. */
static bool region_is_unused(struct call *call, const struct pamt_page *page)
{
	const struct seam *seam = call->seam;
	const struct tdmr *tdmr = page->tdmr;
	tdx_hpa_t address = page->address;
	uint64_t even = 0, odd = 0;

	/* Plain loads, all: the exclusive lock keeps everyone away who would change these. */
	if (seam->dpamt) {
		const os_a64_t *words = bit_word(call, tdmr, address);

		for (uint32_t i = 0; i < TDX_PAGES_PER_2M / 64; i++)
			even |= words[i].v;
		return !even;
	}
	if (page->head & PAMT_ALL_FREE)
		return true;
	for (uint32_t half = 0; half < 2; half++) {
		uint64_t first = (address.v - tdmr->base.v) / TDX_PAGE_SIZE + half * 256;
		/* Never written, hence a page of zeros: all NDA. Mapped for reading it stays so. */
		const struct pamt_entry *entries = module_map(
			seam, hpa(tdmr->pamt_base[TDX_4K].v + first * sizeof(*entries)), OS_READ);

		/* Two sums, so that not every load waits for the one before. */
		for (uint32_t i = 0; i < 256; i += 4) {
			even |= entries[i].head.v | entries[i + 2].head.v;
			odd |= entries[i + 1].head.v | entries[i + 3].head.v;
		}
		if ((even | odd) & PAMT_TYPE_MASK)
			return false;
	}
	return true;
}

tdx_status_t pamt_free_2m(struct call *call, tdx_hpa_t address, enum tdx_operand operand,
			  struct pamt_page *page)
{
	tdx_status_t status =
		explicit_walk(call, page_map(call, address),
			      (struct pamt_operand){ address, operand, true }, TDX_2M, page);

	if (call_failed(status))
		return status;
	if (page->level != TDX_2M || pamt_type(page->head) != TDX_PT_NDA ||
	    !region_is_unused(call, page))
		return status_operand(TDX_PAGE_METADATA_INCORRECT, operand);
	return CALL_OK;
}
