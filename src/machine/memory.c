// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memory.c - sparse physical memory: a three-level table from page to backing, over an arena of
 * 4K slots.
 *
 * Table. A 40-bit page number is 18 bits of root, 13 of directory (16 GB), 9 of table (2 MB).
 * Lookups take no lock: a level is published by compare-and-swap once it is zeroed, and is not
 * taken away before memory_destroy(). Only the last step, page to slot, goes back to empty, when
 * the page is zeroed.
 *
 * Arena. Slots come from large mappings that are carved from front to back, so that only slots
 * which were handed out are ever touched. The first touch of fresh memory costs microseconds, so
 * used slots go first; they are dirty and are cleared when they are handed out again, not before.
 *
 * Magazines. Slots pass through one of NR_MAGAZINES small stacks, picked by thread, each with a
 * lock of its own; the depot behind them sees one visit in 32 slots. Lock order: magazine, depot.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "machine/bug.h"
#include "machine/lock.h"
#include "machine/memory.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MEMORY_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define MEMORY_ASAN 1
#endif
#ifdef MEMORY_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes)   ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

#define TABLE_BITS	9
#define DIRECTORY_BITS	13
#define ROOT_BITS	(TDX_PA_BITS - TDX_PAGE_SHIFT - DIRECTORY_BITS - TABLE_BITS)
#define TABLE_PAGES	(UINT64_C(1) << TABLE_BITS)
#define DIRECTORY_PAGES (TABLE_PAGES << DIRECTORY_BITS)
#define ROOT_ENTRIES	(UINT64_C(1) << ROOT_BITS)

#define NR_MAGAZINES  32u
#define MAGAZINE_SIZE 64u
/* A visit to the depot moves this many dirty slots, or takes this many fresh ones. */
#define DEPOT_BATCH 32u
#define FRESH_BATCH 16u

/* The first mapping is small, for the many small machines of tests; later ones use huge pages. */
#define FIRST_CHUNK (UINT64_C(2) << 20)
#define NEXT_CHUNK  (UINT64_C(32) << 20)

/* A pointer in a magazine with this bit set is a slot fresh from the system: it holds zeros. */
#define SLOT_CLEAN ((uintptr_t)1)

struct table {
	void *slot[TABLE_PAGES];
};
_Static_assert(sizeof(struct table) == TDX_PAGE_SIZE, "a table fits a slot");

struct directory {
	struct directory *next; /* all of a memory's, for memory_destroy() */
	struct {
		struct table *table;
		uint32_t backed; /* slots in the table: a range without any is passed over */
	} entry[1u << DIRECTORY_BITS];
};

struct magazine {
	struct lock lock;
	uint32_t nr;
	int64_t backed; /* pages given backing through here, less those that lost it */
	int64_t most;	/* the highest that was, since the last visit to the depot */
	uintptr_t slot[MAGAZINE_SIZE];
} __attribute__((aligned(64)));

/* A mapping of the arena; its first slot is this header. */
struct chunk {
	struct chunk *next;
	uint64_t bytes;
};

/* A dirty slot in the depot: the list runs through the slots. */
struct free_slot {
	struct free_slot *next;
};

struct memory {
	uint64_t serial; /* no other memory of this process has it */
	struct directory **root;
	struct magazine magazine[NR_MAGAZINES];

	struct lock lock; /* of all that follows */
	struct free_slot *free;
	struct chunk *chunks;
	struct directory *directories;
	uint8_t *fresh, *fresh_end; /* what is not carved yet of the newest chunk */
	uint64_t peak;		    /* pages */
};

/* What OS_READ gives for a page without backing. In read-only data: a store there faults. */
static const uint8_t zeros[TDX_PAGE_SIZE] __attribute__((aligned(4096))) = { 0 };

static void *map_anonymous(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

static void *map_or_stop(uint64_t bytes)
{
	void *at = map_anonymous(bytes);

	if (!at)
		machine_no_memory("pages of the simulated machine", bytes);
	return at;
}

/* ------------------------------------------------------------------------------------------- */
/* Slots                                                                                        */

/* Adds a mapping to the arena. Under memory->lock. */
static void depot_grow(struct memory *memory)
{
	uint64_t bytes = memory->chunks ? NEXT_CHUNK : FIRST_CHUNK;
	struct chunk *chunk = map_or_stop(bytes);

	/* Advice only: with 4K pages it works as well, with a fault per slot. */
	if (bytes == NEXT_CHUNK)
		madvise(chunk, bytes, MADV_HUGEPAGE);
	chunk->bytes = bytes;
	chunk->next = memory->chunks;
	memory->chunks = chunk;
	memory->fresh = (uint8_t *)chunk + TDX_PAGE_SIZE;
	memory->fresh_end = (uint8_t *)chunk + bytes;
}

/*
 * Sums over counters that move: exact while nothing else runs. Relaxed, because nothing but the
 * figures themselves is read from other threads here.
 */
static uint64_t backed_pages(const struct memory *memory)
{
	int64_t pages = 0;

	for (unsigned int i = 0; i < NR_MAGAZINES; i++)
		pages += __atomic_load_n(&memory->magazine[i].backed, __ATOMIC_RELAXED);
	return pages > 0 ? (uint64_t)pages : 0;
}

static uint64_t peak_pages(const struct memory *memory)
{
	uint64_t peak = __atomic_load_n(&memory->peak, __ATOMIC_RELAXED);
	int64_t pages = 0;

	for (unsigned int i = 0; i < NR_MAGAZINES; i++)
		pages += __atomic_load_n(&memory->magazine[i].most, __ATOMIC_RELAXED);
	return pages > (int64_t)peak ? (uint64_t)pages : peak;
}

/* Changed under the magazine's lock, read without it: hence atomic, hence relaxed is enough. */
static void count_backed(struct magazine *magazine, int64_t pages)
{
	int64_t backed = magazine->backed + pages;

	__atomic_store_n(&magazine->backed, backed, __ATOMIC_RELAXED);
	if (backed > magazine->most)
		__atomic_store_n(&magazine->most, backed, __ATOMIC_RELAXED);
}

/* At a visit to the depot, with both locks. Relaxed: as above. */
static void note_peak(struct memory *memory, struct magazine *magazine)
{
	__atomic_store_n(&memory->peak, peak_pages(memory), __ATOMIC_RELAXED);
	__atomic_store_n(&magazine->most, magazine->backed, __ATOMIC_RELAXED);
}

/* Fills an empty magazine: with dirty slots if there are any, else with fresh ones. */
static void magazine_fill(struct memory *memory, struct magazine *magazine)
{
	lock_take(&memory->lock);
	note_peak(memory, magazine);
	while (memory->free && magazine->nr < DEPOT_BATCH) {
		magazine->slot[magazine->nr++] = (uintptr_t)memory->free;
		memory->free = memory->free->next;
	}
	if (!magazine->nr) {
		if (memory->fresh == memory->fresh_end)
			depot_grow(memory);
		while (memory->fresh != memory->fresh_end && magazine->nr < FRESH_BATCH) {
			magazine->slot[magazine->nr++] = (uintptr_t)memory->fresh | SLOT_CLEAN;
			memory->fresh += TDX_PAGE_SIZE;
		}
	}
	lock_drop(&memory->lock);
}

/*
 * Makes room in a full magazine. What goes is its upper half: fresh slots, which a list through
 * them would touch, only ever lie in the lowest FRESH_BATCH places.
 */
static void magazine_drain(struct memory *memory, struct magazine *magazine)
{
	lock_take(&memory->lock);
	note_peak(memory, magazine);
	while (magazine->nr > MAGAZINE_SIZE - DEPOT_BATCH) {
		struct free_slot *slot = (struct free_slot *)magazine->slot[--magazine->nr];

		ASAN_UNPOISON_MEMORY_REGION(slot, sizeof(*slot));
		slot->next = memory->free;
		memory->free = slot;
	}
	lock_drop(&memory->lock);
}

/* The calling thread's magazine, locked. */
static struct magazine *magazine_take(struct memory *memory)
{
	static uint32_t nr_threads;
	static _Thread_local uint32_t thread; /* from 1 */
	struct magazine *magazine;

	/* Relaxed: only the number matters, nothing is published with it. */
	if (!thread)
		thread = __atomic_add_fetch(&nr_threads, 1, __ATOMIC_RELAXED);
	magazine = &memory->magazine[thread % NR_MAGAZINES];
	lock_take(&magazine->lock);
	return magazine;
}

/*
 * 4K of zeros; or of anything, where access says that the caller fills it. backed: 1 if it is to
 * count as backing, 0 if it becomes a table.
 */
static void *slot_get(struct memory *memory, int64_t backed, enum os_access access)
{
	struct magazine *magazine = magazine_take(memory);
	uintptr_t slot;

	if (!magazine->nr)
		magazine_fill(memory, magazine);
	slot = magazine->slot[--magazine->nr];
	count_backed(magazine, backed);
	lock_drop(&magazine->lock);

	if (slot & SLOT_CLEAN)
		return (void *)(slot & ~SLOT_CLEAN);
	ASAN_UNPOISON_MEMORY_REGION((void *)slot, TDX_PAGE_SIZE);
	if (access == OS_FILL)
		return (void *)slot;
	return memset((void *)slot, 0, TDX_PAGE_SIZE);
}

static void slot_put(struct memory *memory, void *slot, int64_t backed)
{
	struct magazine *magazine;

	/* A pointer to this page that somebody has kept is a use after free from here on. */
	ASAN_POISON_MEMORY_REGION(slot, TDX_PAGE_SIZE);
	magazine = magazine_take(memory);
	if (magazine->nr == MAGAZINE_SIZE)
		magazine_drain(memory, magazine);
	magazine->slot[magazine->nr++] = (uintptr_t)slot;
	count_backed(magazine, -backed);
	lock_drop(&magazine->lock);
}

/* ------------------------------------------------------------------------------------------- */
/* The table                                                                                    */

static struct directory *directory_add(struct memory *memory, struct directory **entry)
{
	struct directory *directory = map_or_stop(sizeof(*directory)), *found = NULL;

	/*
	 * Release: whoever finds the directory finds it zeroed. Acquire on failure: it is the
	 * other thread's directory that is used then.
	 */
	if (!__atomic_compare_exchange_n(entry, &found, directory, false, __ATOMIC_RELEASE,
					 __ATOMIC_ACQUIRE)) {
		munmap(directory, sizeof(*directory));
		return found;
	}
	lock_take(&memory->lock);
	directory->next = memory->directories;
	memory->directories = directory;
	lock_drop(&memory->lock);
	return directory;
}

static struct table *table_add(struct memory *memory, struct table **entry)
{
	struct table *table = slot_get(memory, 0, OS_WRITE), *found = NULL;

	/* Orders as in directory_add(). */
	if (__atomic_compare_exchange_n(entry, &found, table, false, __ATOMIC_RELEASE,
					__ATOMIC_ACQUIRE))
		return table;
	slot_put(memory, table, 0);
	return found;
}

/* A write to a page without backing. */
static __attribute__((noinline)) void *back_page(struct memory *memory, uint64_t page,
						 enum os_access access)
{
	struct directory **root = &memory->root[page / DIRECTORY_PAGES], *directory;
	uint64_t index = page / TABLE_PAGES % (1u << DIRECTORY_BITS);
	struct table *table;
	void **entry, *slot, *found = NULL;

	/* Acquire, here and for the table: what the publisher zeroed is seen as zero. */
	directory = __atomic_load_n(root, __ATOMIC_ACQUIRE);
	if (!directory)
		directory = directory_add(memory, root);
	table = __atomic_load_n(&directory->entry[index].table, __ATOMIC_ACQUIRE);
	if (!table)
		table = table_add(memory, &directory->entry[index].table);

	slot = slot_get(memory, 1, access);
	entry = &table->slot[page % TABLE_PAGES];
	/*
	 * Relaxed, and before the page appears: a memory_zero() that is ordered after this write
	 * sees the count because it is ordered after; one that is not may miss the page anyway.
	 */
	__atomic_fetch_add(&directory->entry[index].backed, 1, __ATOMIC_RELAXED);
	/* Orders as in directory_add(). */
	if (__atomic_compare_exchange_n(entry, &found, slot, false, __ATOMIC_RELEASE,
					__ATOMIC_ACQUIRE))
		return slot;
	__atomic_fetch_sub(&directory->entry[index].backed, 1, __ATOMIC_RELAXED);
	slot_put(memory, slot, 1);
	return found;
}

/*
 * The tables that this thread used last, by a hash of their number. A table stays for the life of
 * its memory, and keys are not used twice, so that an entry is right or not found. It saves two
 * dependent loads of three, on the path that everything simulated goes through.
 */
#define RECENT_BITS 6
static _Thread_local struct recent {
	uint64_t key;
	struct table *table;
} recent[1u << RECENT_BITS];

static inline struct recent *recent_entry(uint64_t number)
{
	return &recent[number * UINT64_C(0x9e3779b97f4a7c15) >> (64 - RECENT_BITS)];
}

/* Numbers of tables are below that; the serial of the memory is above. */
#define NUMBER_BITS (TDX_PA_BITS - TDX_PAGE_SHIFT - TABLE_BITS)

/* The table of a page, NULL if there is none yet; it is a recent one from now on. */
static struct table *find_table(struct memory *memory, uint64_t page)
{
	uint64_t number = page / TABLE_PAGES;
	struct recent *entry = recent_entry(number);
	struct directory *directory;
	struct table *table;

	/* Acquire, twice: the level found was zeroed before it was published. */
	directory = __atomic_load_n(&memory->root[page / DIRECTORY_PAGES], __ATOMIC_ACQUIRE);
	if (!directory)
		return NULL;
	table = __atomic_load_n(&directory->entry[number % (1u << DIRECTORY_BITS)].table,
				__ATOMIC_ACQUIRE);
	if (table) {
		entry->key = memory->serial << NUMBER_BITS | number;
		entry->table = table;
	}
	return table;
}

/* The page is not backed, or its table is not a recent one. */
static __attribute__((noinline)) void *map_slowly(struct memory *memory, tdx_hpa_t at,
						  enum os_access access)
{
	uint64_t page = at.v >> TDX_PAGE_SHIFT, offset = at.v & (TDX_PAGE_SIZE - 1);
	const struct table *table;
	uint8_t *slot = NULL;

	if (page / DIRECTORY_PAGES >= ROOT_ENTRIES)
		machine_bug("physical address 0x%llx is not below 2^%d", (unsigned long long)at.v,
			    TDX_PA_BITS);

	table = find_table(memory, page);
	if (table)
		/* Acquire: the slot was zeroed before it was published. */
		slot = __atomic_load_n(&table->slot[page % TABLE_PAGES], __ATOMIC_ACQUIRE);
	if (!slot) {
		if (access == OS_READ)
			return (void *)(zeros + offset);
		slot = back_page(memory, page, access);
	}
	return slot + offset;
}

void *memory_map(struct memory *memory, tdx_hpa_t at, enum os_access access)
{
	uint64_t number = at.v >> (TDX_PAGE_SHIFT + TABLE_BITS);
	const struct recent *entry = recent_entry(number);
	uint8_t *slot;

	if (entry->key == (memory->serial << NUMBER_BITS | number) && !(number >> NUMBER_BITS)) {
		/* Acquire: as in map_slowly(). */
		slot = __atomic_load_n(
			&entry->table->slot[at.v >> TDX_PAGE_SHIFT & (TABLE_PAGES - 1)],
			__ATOMIC_ACQUIRE);
		if (slot)
			return slot + (at.v & (TDX_PAGE_SIZE - 1));
	}
	return map_slowly(memory, at, access);
}

/* Takes the backing of one page, if it has any. */
static void page_zero(struct memory *memory, struct directory *directory, uint64_t index,
		      void **entry)
{
	void *slot;

	/* Relaxed: a hint; the exchange below decides. */
	if (!__atomic_load_n(entry, __ATOMIC_RELAXED))
		return;
	/* Acquire: what was written to the slot comes before its next use. */
	slot = __atomic_exchange_n(entry, NULL, __ATOMIC_ACQUIRE);
	if (!slot)
		return;
	__atomic_fetch_sub(&directory->entry[index].backed, 1, __ATOMIC_RELAXED);
	slot_put(memory, slot, 1);
}

/* Pages [page, end), which are in one directory. */
static void directory_zero(struct memory *memory, struct directory *directory, uint64_t page,
			   uint64_t end)
{
	while (page < end) {
		uint64_t index = page / TABLE_PAGES % (1u << DIRECTORY_BITS);
		uint64_t stop = (page | (TABLE_PAGES - 1)) + 1;
		struct table *table;

		stop = stop < end ? stop : end;
		/* Relaxed: see back_page(). Acquire: as in memory_map(). */
		if (__atomic_load_n(&directory->entry[index].backed, __ATOMIC_RELAXED) &&
		    (table = __atomic_load_n(&directory->entry[index].table, __ATOMIC_ACQUIRE)))
			for (uint64_t i = page; i < stop; i++)
				page_zero(memory, directory, index, &table->slot[i % TABLE_PAGES]);
		page = stop;
	}
}

void memory_zero(struct memory *memory, tdx_hpa_t base, uint64_t bytes)
{
	uint64_t page = base.v >> TDX_PAGE_SHIFT, end = page + (bytes >> TDX_PAGE_SHIFT);

	if ((base.v | bytes) & (TDX_PAGE_SIZE - 1))
		machine_bug("zero of 0x%llx bytes at 0x%llx: not a multiple of 4K",
			    (unsigned long long)bytes, (unsigned long long)base.v);
	if (end > ROOT_ENTRIES * DIRECTORY_PAGES)
		machine_bug("zero of 0x%llx bytes at 0x%llx: not below 2^%d",
			    (unsigned long long)bytes, (unsigned long long)base.v, TDX_PA_BITS);

	while (page < end) {
		uint64_t stop = (page | (DIRECTORY_PAGES - 1)) + 1;
		struct directory *directory;

		stop = stop < end ? stop : end;
		/* Acquire: as in memory_map(). */
		directory =
			__atomic_load_n(&memory->root[page / DIRECTORY_PAGES], __ATOMIC_ACQUIRE);
		if (directory)
			directory_zero(memory, directory, page, stop);
		page = stop;
	}
}

void memory_copy(struct memory *memory, tdx_hpa_t to, tdx_hpa_t from)
{
	const void *source = memory_map(memory, from, OS_READ);

	if ((to.v | from.v) & (TDX_PAGE_SIZE - 1))
		machine_bug("copy of a page from 0x%llx to 0x%llx: not a multiple of 4K",
			    (unsigned long long)from.v, (unsigned long long)to.v);
	if (source == zeros)
		memory_zero(memory, to, TDX_PAGE_SIZE);
	else if (to.v != from.v)
		memcpy(memory_map(memory, to, OS_WRITE), source, TDX_PAGE_SIZE);
}

/* ------------------------------------------------------------------------------------------- */

struct memory *memory_create(void)
{
	static uint64_t serials;
	struct memory *memory = aligned_alloc(64, sizeof(*memory));

	if (!memory)
		return NULL;
	memset(memory, 0, sizeof(*memory));
	/* Relaxed: all that matters is that no two are the same. */
	memory->serial = __atomic_add_fetch(&serials, 1, __ATOMIC_RELAXED);
	memory->root = map_anonymous(ROOT_ENTRIES * sizeof(*memory->root));
	if (!memory->root) {
		free(memory);
		return NULL;
	}
	return memory;
}

void memory_destroy(struct memory *memory)
{
	if (!memory)
		return;
	while (memory->directories) {
		struct directory *directory = memory->directories;

		memory->directories = directory->next;
		munmap(directory, sizeof(*directory));
	}
	while (memory->chunks) {
		struct chunk *chunk = memory->chunks;
		uint64_t bytes = chunk->bytes;

		memory->chunks = chunk->next;
		ASAN_UNPOISON_MEMORY_REGION(chunk, bytes);
		munmap(chunk, bytes);
	}
	munmap(memory->root, ROOT_ENTRIES * sizeof(*memory->root));
	free(memory);
}

uint64_t memory_backed(const struct memory *memory)
{
	return backed_pages(memory) << TDX_PAGE_SHIFT;
}

uint64_t memory_backed_peak(const struct memory *memory)
{
	return peak_pages(memory) << TDX_PAGE_SHIFT;
}
