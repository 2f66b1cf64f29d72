/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * q35.h - where QEMU's machine type q35 has its memory: `pamt qemu` asks for it, the plugin finds
 * it there.
 *
 * The backends lie one behind the other, and the whole is cut in two: what fits below the hole for
 * devices, and the rest from 4 GB up. If memory reaches into the last quarter below 4 GB the cut is
 * made at 2 GB, so that both parts are aligned. max-ram-below-4g can only make the low part
 * smaller.
 */
#ifndef PAMT_PORT_QEMU_Q35_H
#define PAMT_PORT_QEMU_Q35_H

#include <stdint.h>

#define Q35_ABOVE_HOLE (UINT64_C(4) << 30)

/* Of so many bytes, those below 4 GB. most: max-ram-below-4g; 0: not given. */
static inline uint64_t q35_low_bytes(uint64_t bytes, uint64_t most)
{
	uint64_t low = bytes < UINT64_C(0xb0000000) ? UINT64_C(0xb0000000) : UINT64_C(0x80000000);

	if (most && most < low)
		low = most;
	return bytes < low ? bytes : low;
}

#endif
