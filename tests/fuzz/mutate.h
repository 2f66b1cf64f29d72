/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * mutate.h - makes recordings out of recordings, for the fuzzer.
 */
#ifndef TESTS_FUZZ_MUTATE_H
#define TESTS_FUZZ_MUTATE_H

#include <stddef.h>

/*
 * One change somewhere behind the bring-up. text: size bytes, room for max, no terminating 0.
 * Return: the new size.
 */
size_t mutate(char *text, size_t size, size_t max, unsigned int seed);
/* The first with some of the second's lines. */
size_t cross(const char *first, size_t first_size, const char *second, size_t second_size, char *to,
	     size_t max, unsigned int seed);

#endif
