// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lkvs_fail.c - the failure that a case ends with.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "lab/lkvs/lkvs_box.h"

bool lkvs_fail(struct lkvs_box *box, const char *format, ...)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	va_list args;

	pthread_mutex_lock(&lock);
	if (!box->result->error[0]) {
		va_start(args, format);
		vsnprintf(box->result->error, sizeof(box->result->error), format, args);
		va_end(args);
	}
	pthread_mutex_unlock(&lock);
	/* Relaxed: the guests stop soon. */
	os_store32(&box->stop, 1, OS_RELAXED);
	return false;
}
