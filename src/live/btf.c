// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * btf.c - BTF: a header, types one after the other, strings.
 *
 * A type is three words, and by its kind more. Structures have a list of members: name, type,
 * offset in bits. Types and strings are numbered from 1 and 0; those of a module's BTF go on where
 * the kernel's end. All that is read is checked first, since it may be anything.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "live/btf.h"

#define BTF_MAGIC 0xeb9fu

enum {
	KIND_INT = 1,
	KIND_ARRAY = 3,
	KIND_STRUCT = 4,
	KIND_UNION = 5,
	KIND_ENUM = 6,
	KIND_TYPEDEF = 8,
	KIND_VOLATILE = 9,
	KIND_CONST = 10,
	KIND_FUNC_PROTO = 13,
	KIND_VAR = 14,
	KIND_DATASEC = 15,
	KIND_DECL_TAG = 17,
	KIND_TYPE_TAG = 18,
	KIND_ENUM64 = 19,
	KIND_LAST = KIND_ENUM64,
};

struct header {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t length, types, types_bytes, strings, strings_bytes;
};

struct record {
	uint32_t name, info, size_or_type;
};

struct member {
	uint32_t name, type, offset;
};

/* Bytes behind the three words: for the type itself, and for each that it counts. */
static const struct {
	uint8_t own, each;
} extra[KIND_LAST + 1] = {
	[KIND_INT] = { 4, 0 },	   [KIND_ARRAY] = { 12, 0 },   [KIND_STRUCT] = { 0, 12 },
	[KIND_UNION] = { 0, 12 },  [KIND_ENUM] = { 0, 8 },     [KIND_FUNC_PROTO] = { 0, 8 },
	[KIND_VAR] = { 4, 0 },	   [KIND_DATASEC] = { 0, 12 }, [KIND_DECL_TAG] = { 4, 0 },
	[KIND_ENUM64] = { 0, 12 },
};

static struct record record_of(const uint8_t *type)
{
	struct record r;

	memcpy(&r, type, sizeof(r));
	return r;
}

static unsigned int kind_of(const struct record *r) { return r->info >> 24 & 0x1f; }

static uint32_t members_of(const struct record *r) { return r->info & 0xffff; }

/* Bytes of a type, 0: of a kind that nobody knows. */
static size_t bytes_of(const struct record *r)
{
	unsigned int kind = kind_of(r);

	if (!kind || kind > KIND_LAST)
		return 0;
	return sizeof(*r) + extra[kind].own + (size_t)extra[kind].each * members_of(r);
}

static int add_type(struct btf *btf, const uint8_t *type)
{
	if (btf->nr == btf->room) {
		uint32_t room = btf->room ? 2 * btf->room : 1024;
		const uint8_t **list = realloc(btf->type, room * sizeof(*list));

		if (!list)
			return -1;
		btf->type = list;
		btf->room = room;
	}
	btf->type[btf->nr++] = type;
	return 0;
}

static int add_types(struct btf *btf, const uint8_t *types, size_t size, struct why *why)
{
	for (size_t at = 0; at < size;) {
		struct record r;
		size_t bytes = 0;

		if (size - at >= sizeof(r)) {
			r = record_of(types + at);
			bytes = bytes_of(&r);
		}
		if (!bytes || bytes > size - at)
			return why_not(why, "BTF: type %u is broken, or of a new kind",
				       btf->nr + 1);
		if (add_type(btf, types + at))
			return why_not(why, "out of memory");
		at += bytes;
	}
	return 0;
}

int btf_add(struct btf *btf, const uint8_t *bytes, size_t size, struct why *why)
{
	struct header h;
	const uint8_t *strings;

	if (size < sizeof(h))
		return why_not(why, "BTF: too short");
	memcpy(&h, bytes, sizeof(h));
	if (h.magic != BTF_MAGIC || h.version != 1 || h.length < sizeof(h) || h.length > size)
		return why_not(why, "BTF: it is none, or of another version");
	size -= h.length;
	if (h.types > size || h.types_bytes > size - h.types || h.strings > size ||
	    h.strings_bytes > size - h.strings || !h.strings_bytes || btf->nr_parts == 2)
		return why_not(why, "BTF: cut short");
	strings = bytes + h.length + h.strings;
	if (strings[h.strings_bytes - 1])
		return why_not(why, "BTF: cut short");
	btf->part[btf->nr_parts].strings = (const char *)strings;
	btf->part[btf->nr_parts].bytes = h.strings_bytes;
	btf->nr_parts++;
	return add_types(btf, bytes + h.length + h.types, h.types_bytes, why);
}

void btf_free(struct btf *btf)
{
	free(btf->type);
	*btf = (struct btf){ 0 };
}

static const char *name_at(const struct btf *btf, uint32_t at)
{
	for (unsigned int i = 0; i < btf->nr_parts; i++) {
		if (at < btf->part[i].bytes)
			return btf->part[i].strings + at;
		at -= btf->part[i].bytes;
	}
	return "";
}

/* A type by number, through names and qualifiers; NULL: no structure and no union. */
static const uint8_t *structure_of(const struct btf *btf, uint32_t number)
{
	for (unsigned int hops = 0; number && number <= btf->nr && hops < 16; hops++) {
		const uint8_t *type = btf->type[number - 1];
		struct record r = record_of(type);

		switch (kind_of(&r)) {
		case KIND_STRUCT:
		case KIND_UNION:
			return type;
		case KIND_TYPEDEF:
		case KIND_VOLATILE:
		case KIND_CONST:
		case KIND_TYPE_TAG:
			number = r.size_or_type;
			break;
		default:
			return NULL;
		}
	}
	return NULL;
}

/* What is looked for, and how many members may still be looked at. */
struct name {
	const char *text;
	size_t length;
	unsigned int left;
};

/* No structure has so many; one that is broken may be in itself, again and again. */
#define MOST_MEMBERS 100000u

/* Where a member is, in bits from the beginning of what is looked through, and its type. */
struct place {
	uint32_t bits, type;
};

/* The member of that name; depth: how many nameless ones are around it. place is where type is. */
static bool find_member(const struct btf *btf, const uint8_t *type, struct name *name,
			struct place *place, unsigned int depth)
{
	const struct record r = record_of(type);

	for (uint32_t i = 0; i < members_of(&r) && name->left; i++) {
		struct place at = *place;
		const uint8_t *inner;
		const char *own;
		struct member m;

		name->left--;
		memcpy(&m, type + sizeof(r) + i * sizeof(m), sizeof(m));
		own = name_at(btf, m.name);
		/* With bit 31 of info set the upper byte is the width of a bit field. */
		at.bits += r.info >> 31 ? m.offset & 0xffffff : m.offset;
		at.type = m.type;
		if (!strncmp(own, name->text, name->length) && !own[name->length]) {
			*place = at;
			return true;
		}
		inner = *own || depth == 8 ? NULL : structure_of(btf, m.type);
		if (inner && find_member(btf, inner, name, &at, depth + 1)) {
			*place = at;
			return true;
		}
	}
	return false;
}

static bool find_path(const struct btf *btf, const uint8_t *type, const char *path, uint32_t *bits)
{
	struct place place = { 0 };

	while (type) {
		struct name name = { path, strcspn(path, "."), MOST_MEMBERS };

		if (!find_member(btf, type, &name, &place, 0))
			return false;
		*bits = place.bits;
		if (!path[name.length])
			return true;
		path += name.length + 1;
		type = structure_of(btf, place.type);
	}
	return false;
}

int btf_offset(const struct btf *btf, const char *structure, const char *path, uint32_t *offset,
	       struct why *why)
{
	bool seen = false;

	for (uint32_t i = 0; i < btf->nr; i++) {
		struct record r = record_of(btf->type[i]);
		uint32_t bits = 0;

		if (kind_of(&r) != KIND_STRUCT || strcmp(name_at(btf, r.name), structure))
			continue;
		seen = true;
		if (find_path(btf, btf->type[i], path, &bits) && !(bits % 8)) {
			*offset = bits / 8;
			return 0;
		}
	}
	return why_not(why, seen ? "BTF: struct %s has no member %s" : "BTF: no struct %s (for %s)",
		       structure, path);
}
