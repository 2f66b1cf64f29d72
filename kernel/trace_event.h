/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trace_event.h - the tracepoint pamt:pamt: a PAMT.ADD or PAMT.REMOVE, of which region (the number
 * of its 2 MiB), and the status of the SEAMCALL.
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
	TP_PROTO(const char *event, unsigned long long region, unsigned long long status),
	TP_ARGS(event, region, status),
	TP_STRUCT__entry(
		__string(event, event)
		__field(unsigned long long, region)
		__field(unsigned long long, status)
	),
	TP_fast_assign(
		pamt_assign_event(event);
		__entry->region = region;
		__entry->status = status;
	),
	TP_printk("event=%s region=0x%llx status=0x%llx", __get_str(event), __entry->region,
		  __entry->status)
);
/* clang-format on */

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace_event
#include <trace/define_trace.h>
