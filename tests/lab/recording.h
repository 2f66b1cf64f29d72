/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * recording.h - for tests: a recording is read and replayed, or the test fails with the reason.
 * Behind cmocka.h.
 */
#ifndef PAMT_TESTS_LAB_RECORDING_H
#define PAMT_TESTS_LAB_RECORDING_H

#include "lab/recordings/replay.h"

/* Closes the file. */
static inline void recording_read(FILE *file, const char *name, struct vector *vector)
{
	char error[512];

	if (vector_read(file, name, vector, error, sizeof(error)))
		fail_msg("%s", error);
	fclose(file);
}

static inline struct replay_result recording_replay(const struct vector *vector)
{
	struct replay_result result;
	char error[512];

	if (replay_run(vector, NULL, &result, error, sizeof(error)))
		fail_msg("%s", error);
	return result;
}

#endif
