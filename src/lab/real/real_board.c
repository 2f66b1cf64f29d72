// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_board.c - what the hunt has found, where the process that began it reads it.
 */
#include <stdarg.h>
#include <stdio.h>

#include "lab/workload/error.h"
#include "lab/real/real_internal.h"

void real_found(struct real_hunt *hunt, const char *format, ...)
{
	struct real_board *board = hunt->board;
	va_list args;

	/* Relaxed: it only says whose text is kept; told comes with it by a release. */
	if (!os_xchg32(&board->found, 1, OS_RELAXED)) {
		va_start(args, format);
		vsnprintf(board->text, sizeof(board->text), format, args);
		va_end(args);
		os_store32(&board->told, 1, OS_RELEASE);
	}
	os_store32(&board->stop, 1, OS_RELAXED);
}

bool real_allowed(struct real_thread *thread, const char *what, int error)
{
	if (!error || error == -OS_ENOMEM)
		return true;
	real_found(thread->hunt, "%s: %s", what, error_text(error));
	return false;
}
