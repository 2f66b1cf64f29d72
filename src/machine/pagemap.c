// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pagemap.c - buddy arithmetic on the 512 pages of a 2M block, by words.
 */
#include "machine/pagemap.h"

/* Bits at the multiples of 2^order, for the orders that have several in a word. */
static const uint64_t aligned[7] = {
	UINT64_MAX,
	UINT64_C(0x5555555555555555),
	UINT64_C(0x1111111111111111),
	UINT64_C(0x0101010101010101),
	UINT64_C(0x0001000100010001),
	UINT64_C(0x0000000100000001),
	UINT64_C(0x0000000000000001),
};

/*
 * From "bit i is set: the 2^order pages from i on are all there", i a multiple of 2^order, to the
 * same for order + 1. True if any is left.
 */
static bool fold(struct pagemap *runs, unsigned int order)
{
	uint64_t any = 0;

	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++) {
		uint64_t *word = &runs->word[i];

		if (order < 6) {
			*word &= *word >> (1u << order) & aligned[order + 1];
		} else {
			unsigned int buddy = 1u << (order - 6);

			/* Only words at multiples of 2 * buddy keep their bit 0. */
			*word &= i % (2 * buddy) ? 0 : runs->word[i + buddy];
		}
		any |= *word;
	}
	return any != 0;
}

int pagemap_order(const struct pagemap *map)
{
	struct pagemap runs = *map;
	unsigned int order = 0;

	if (pagemap_next(map, 0) == PAGEMAP_BITS)
		return -1;
	while (order < 9 && fold(&runs, order))
		order++;
	return (int)order;
}

/* Takes the runs of 2^order that are halves of a larger one out of runs. */
static void keep_unpaired(struct pagemap *runs, const struct pagemap *larger, unsigned int order)
{
	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++) {
		uint64_t first = larger->word[i];

		if (order < 6)
			runs->word[i] &= ~(first | first << (1u << order));
		else if (first)
			runs->word[i] = runs->word[i + (1u << (order - 6))] = 0;
	}
}

unsigned int pagemap_find(const struct pagemap *map, unsigned int order)
{
	struct pagemap runs = *map;

	for (unsigned int i = 0; i < order; i++)
		if (!fold(&runs, i))
			return PAGEMAP_BITS;
	for (; order < 9; order++) {
		struct pagemap larger = runs;

		if (!fold(&larger, order))
			break;
		keep_unpaired(&runs, &larger, order);
		if (pagemap_next(&runs, 0) != PAGEMAP_BITS)
			break;
		runs = larger;
	}
	return pagemap_next(&runs, 0);
}

unsigned int pagemap_next(const struct pagemap *map, unsigned int from)
{
	uint64_t mask = UINT64_MAX << from % 64;

	for (unsigned int i = from / 64; i < PAGEMAP_WORDS; i++, mask = UINT64_MAX)
		if (map->word[i] & mask)
			return i * 64 + (unsigned int)__builtin_ctzll(map->word[i] & mask);
	return PAGEMAP_BITS;
}

unsigned int pagemap_prev(const struct pagemap *map, unsigned int from)
{
	uint64_t mask = UINT64_MAX >> (63 - from % 64);

	for (unsigned int i = from / 64 + 1; i-- > 0; mask = UINT64_MAX)
		if (map->word[i] & mask)
			return i * 64 + 63 - (unsigned int)__builtin_clzll(map->word[i] & mask);
	return PAGEMAP_BITS;
}

static struct pagemap inverse(const struct pagemap *map)
{
	struct pagemap not ;

	for (unsigned int i = 0; i < PAGEMAP_WORDS; i++)
		not .word[i] = ~map->word[i];
	return not ;
}

unsigned int pagemap_next_clear(const struct pagemap *map, unsigned int from)
{
	struct pagemap not = inverse(map);

	return pagemap_next(&not, from);
}

unsigned int pagemap_prev_clear(const struct pagemap *map, unsigned int from)
{
	struct pagemap not = inverse(map);

	return pagemap_prev(&not, from);
}
