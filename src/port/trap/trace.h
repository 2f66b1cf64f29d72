/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trace.h - one line per SEAMCALL, written from wherever the call was made, signal handlers too.
 */
#ifndef PAMT_PORT_TRAP_TRACE_H
#define PAMT_PORT_TRAP_TRACE_H

#include <stdbool.h>
#include <pamt/tdx.h>

/*
 * Writes the line for one call to fd: registers as they were before and after it; served: false if
 * there was no module to take it. Async-signal-safe, one write() per line. The first that cannot be
 * written is said on stderr.
 */
void trace_call(int fd, uint32_t lp, const struct tdx_regs *in, const struct tdx_regs *out,
		bool served);
/* Writes a text. Async-signal-safe. False: not all of it was written. */
bool trace_write(int fd, const char *text, size_t bytes);
/* Was there a text in this process that could not be written? */
bool trace_lost(void);

#endif
