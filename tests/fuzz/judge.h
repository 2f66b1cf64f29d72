/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * judge.h - runs a recording on the module and on the naive model side by side, and says where they
 * part. What the recording itself expects plays no role.
 */
#ifndef TESTS_FUZZ_JUDGE_H
#define TESTS_FUZZ_JUDGE_H

#include "lab/recordings/replay.h"

struct verdict {
	uint64_t agreed;  /* calls and accepts that the model predicted, and rightly */
	uint64_t unknown; /* that it had no opinion on */
	bool lost;	  /* after one that it could not follow */
	/* The first disagreement; NULL: none. */
	const struct vector_item *item;
	char what[256];
};

/*
 * A module that stops with a fatal error is objected to as well, unless the recording caught
 * another LP in the middle of freeing a page. What a host writes over memory that is not its own is
 * no business of the model's; with pokes_are_mistakes it stands for a mistake of the module's.
 */
struct verdict judge(const struct vector *vector, bool pokes_are_mistakes);

#endif
