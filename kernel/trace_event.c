// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trace_event.c - where the tracepoint lives.
 */
#include "linux.h"

#define CREATE_TRACE_POINTS
#include "trace_event.h"
