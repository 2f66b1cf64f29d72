// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trace_page.c - events out of the pages of a kernel's ring buffer.
 *
 * A page begins with a time and the number of bytes in use; its upper bits say that events were
 * lost before it. An event begins with a word: 5 bits of type, 27 bits of time since the one
 * before. Types 1 to 28 are the length of the data in words, 0 has it in the next word; the other
 * three are padding, a longer time, and a time of its own.
 */
#include <string.h>

#include "live/trace_page.h"

#define HEAD_BYTES  16u
#define LOST	    (UINT64_C(1) << 31)
#define COMMIT_MASK UINT64_C(0x3fffffff)
#define DELTA_BITS  27
/* A time of its own has 59 bits; the others are those of the time before. */
#define OWN_TIME ((UINT64_C(1) << 59) - 1)

enum {
	TYPE_LONG = 0,
	TYPE_PADDING = 29,
	TYPE_EXTEND = 30,
	TYPE_STAMP = 31,
};

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* One entry of at least 4 bytes: its length, 0: it reaches beyond the end. */
static size_t one(const uint8_t *at, size_t left, uint64_t *ns, struct trace_event *event)
{
	const uint32_t head = word_at(at), type = head & 31, delta = head >> 5;
	const bool second = type == TYPE_LONG || type >= TYPE_PADDING;
	const uint64_t more = second && left >= 8 ? word_at(at + 4) : 0;
	size_t length;

	event->data = NULL;
	if (type == TYPE_PADDING && !delta)
		return left;
	if (second && left < 8)
		return 0;
	if (type == TYPE_STAMP) {
		*ns = (*ns & ~OWN_TIME) | ((more << DELTA_BITS | delta) & OWN_TIME);
		return 8;
	}
	if (type == TYPE_EXTEND) {
		*ns += more << DELTA_BITS | delta;
		return 8;
	}
	length = second ? 4 + more : 4 + 4 * (size_t)type;
	if (length > left || (second && more < 4))
		return 0;
	if (type == TYPE_PADDING)
		return length;
	*ns += delta;
	event->ns = *ns;
	event->data = at + (second ? 8 : 4);
	event->bytes = length - (second ? 8 : 4);
	return length;
}

int trace_page(const uint8_t *page, size_t bytes, struct trace_reader *reader, struct why *why)
{
	uint64_t ns, commit, used;

	if (bytes < HEAD_BYTES)
		return why_not(why, "a page of the trace has %zu bytes", bytes);
	memcpy(&ns, page, sizeof(ns));
	memcpy(&commit, page + 8, sizeof(commit));
	reader->gap = commit & LOST;
	used = commit & COMMIT_MASK;
	if (used > bytes - HEAD_BYTES)
		return why_not(why, "a page of the trace says that it has %llu bytes of events",
			       (unsigned long long)used);
	for (size_t at = 0; at < used;) {
		struct trace_event e;
		size_t length = used - at < 4 ? 0 : one(page + HEAD_BYTES + at, used - at, &ns, &e);

		if (!length)
			return why_not(why, "a page of the trace is broken at byte %zu",
				       HEAD_BYTES + at);
		if (e.data)
			reader->event(reader->ctx, &e);
		at += length;
	}
	return 0;
}
