/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * array.h - arrays that grow with what is in them, so that what could be there costs nothing, not
 * even addresses.
 */
#ifndef PAMT_MACHINE_ARRAY_H
#define PAMT_MACHINE_ARRAY_H

#include <stdint.h>
#include <stdlib.h>

#include "machine/bug.h"

#define ARRAY_FIRST 16u

/*
 * array_room - room for one element more than are used. Return: the array, most likely elsewhere:
 * a pointer into it is good until the next call. Real memory that has run out stops the program;
 * `what` is what the array is for.
 */
static inline void *array_room(void *array, uint32_t used, uint32_t *room, size_t size,
			       const char *what)
{
	uint32_t more = *room ? 2 * *room : ARRAY_FIRST;
	void *larger;

	if (used < *room)
		return array;
	larger = realloc(array, more * size);
	if (!larger)
		machine_no_memory(what, more * size);
	*room = more;
	return larger;
}

#endif
