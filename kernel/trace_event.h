/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trace_event.h - the tracepoint pamt:pamt: what happens at an edge, by name, with two numbers.
 *
 *   pamt.add, pamt.remove   region (2 MiB), status of the SEAMCALL
 *   pamt.shrink             pages asked for, pages given back
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM pamt

#if !defined(PAMT_KERNEL_TRACE_EVENT_H) || defined(TRACE_HEADER_MULTI_READ)
#define PAMT_KERNEL_TRACE_EVENT_H

#include <linux/tracepoint.h>
#include <linux/version.h>

/* The macro had the source as a second argument up to 6.9. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
#define pamt_assign_event(event) __assign_str(event, event)
#else
#define pamt_assign_event(event) __assign_str(event)
#endif

/* A table of macros, in the form that all tracepoints have. */
/* clang-format off */
TRACE_EVENT(pamt,
	TP_PROTO(const char *event, unsigned long long a, unsigned long long b),
	TP_ARGS(event, a, b),
	TP_STRUCT__entry(
		__string(event, event)
		__field(unsigned long long, a)
		__field(unsigned long long, b)
	),
	TP_fast_assign(
		pamt_assign_event(event);
		__entry->a = a;
		__entry->b = b;
	),
	TP_printk("%s 0x%llx 0x%llx", __get_str(event), __entry->a, __entry->b)
);
/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_event
#include <trace/define_trace.h>
