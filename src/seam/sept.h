/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * sept.h - entries of the secure EPT.
 */
#ifndef SEAM_SEPT_H
#define SEAM_SEPT_H

#include <pamt/os.h>

#define SEPT_LOCK (UINT64_C(1) << 11)
#define SEPT_HP	  (UINT64_C(1) << 52)

/* Host: a failure leaves HP, a success clears it. Orders as in lock.h. */
static inline bool sept_lock_host(os_a64_t *entry)
{
	uint64_t old = os_fetch_or64(entry, SEPT_LOCK, OS_ACQUIRE);

	if (old & SEPT_LOCK) {
		os_fetch_or64(entry, SEPT_HP, OS_RELAXED);
		return false;
	}
	if (old & SEPT_HP)
		os_fetch_and64(entry, ~SEPT_HP, OS_RELAXED);
	return true;
}

static inline void sept_unlock(os_a64_t *entry) { os_fetch_and64(entry, ~SEPT_LOCK, OS_RELEASE); }

#endif
