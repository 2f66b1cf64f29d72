// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record_file.c - a recording in a file, compressed while it is written.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/call_line.h"
#include "live/record_file.h"

#define HEAD_TEXT    2048u /* bytes of the first line, blanks at its end included */
#define HEAD_MEMBER  (HEAD_TEXT + 64)
#define SEAMRR_BYTES UINT64_C(0x2000000)
#define POKE_WORDS   32u

/* ------------------------------------------------------------------------------------------- */
/* The first line.                                                                             */

static size_t add_cmr(char *text, size_t size, size_t n, uint64_t base, uint64_t bytes)
{
	return n + (size_t)snprintf(text + n, size - n, "%s0x%" PRIx64 "+0x%" PRIx64, n ? "," : "",
				    base, bytes);
}

/*
 * Memory that can be a TD's, as far as is known: what the TDMRs cover. Holes are left out as long
 * as there are not more ranges than a module has.
 */
static void add_covered(const struct facts *facts, char *text, size_t size)
{
	uint32_t nr = 0;
	size_t n = 0;

	for (uint32_t i = 0, k; i < facts->nr_tdmrs; i = k) {
		const uint64_t base = facts->tdmr[i].base;
		uint64_t end = base;

		for (k = i;
		     k < facts->nr_tdmrs && (facts->tdmr[k].base == end || nr == TDX_MAX_CMRS - 1);
		     k++)
			end = facts->tdmr[k].base + facts->tdmr[k].size;
		n = add_cmr(text, size, n, base, end - base);
		nr++;
	}
}

/* What the module said of it, where the kernel has asked. */
static void add_cmrs(const struct record_file *file, const struct facts *facts, char *text,
		     size_t size)
{
	size_t n = 0;

	for (uint32_t i = 0; i < file->nr_cmrs; i++)
		n = add_cmr(text, size, n, file->cmr[i].base, file->cmr[i].size);
	if (!file->nr_cmrs)
		add_covered(facts, text, size);
}

static uint64_t end_of_memory(const struct facts *facts)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < facts->nr_tdmrs; i++)
		if (facts->tdmr[i].base + facts->tdmr[i].size > end)
			end = facts->tdmr[i].base + facts->tdmr[i].size;
	return end;
}

/* HEAD_TEXT bytes, the last one a newline. */
static void head_text(const struct record_file *file, const struct facts *facts, const char *end,
		      char *text)
{
	char cmrs[TDX_MAX_CMRS * 40] = ""; /* two numbers of 64 bits each */
	int n;

	add_cmrs(file, facts, cmrs, sizeof(cmrs));
	memset(text, ' ', HEAD_TEXT);
	n = snprintf(text, HEAD_TEXT,
		     "machine max_pa=%u hkid_bits=%u hkid_min=%u hkid_max=%u lps=%u packages=%u "
		     "cache_blocks=1024 seamrr=0x%" PRIx64 "+0x%" PRIx64
		     " cmr=%s features=1 live=1%s%s",
		     facts->max_pa, facts->hkid_bits, facts->hkid_min, facts->hkid_max,
		     facts->nr_lps, facts->nr_packages, end_of_memory(facts), SEAMRR_BYTES, cmrs,
		     file->from_boot ? " init=0" : "", end);
	text[n] = ' ';
	text[HEAD_TEXT - 1] = '\n';
}

/* A member of a gzip file in which nothing is compressed. Return: its bytes. */
static size_t head_member(const char *text, uint8_t *member)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)text,
		       .avail_in = HEAD_TEXT,
		       .next_out = member,
		       .avail_out = HEAD_MEMBER };

	if (deflateInit2(&z, Z_NO_COMPRESSION, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY))
		return 0;
	if (deflate(&z, Z_FINISH) != Z_STREAM_END)
		z.total_out = 0;
	deflateEnd(&z);
	return z.total_out;
}

static int write_head(struct record_file *file, const struct facts *facts, const char *end,
		      struct why *why)
{
	uint8_t member[HEAD_MEMBER];
	char text[HEAD_TEXT];
	size_t bytes;

	head_text(file, facts, end, text);
	bytes = head_member(text, member);
	if (!bytes)
		return why_not(why, "%s: zlib has no memory", file->path);
	if (pwrite(file->fd, member, bytes, 0) != (ssize_t)bytes)
		return why_not(why, "%s: %s", file->path, strerror(errno));
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Lines.                                                                                      */

/* What zlib has no memory for is no error of the system's. */
static void note_failure(struct record_file *file)
{
	if (!file->failed)
		file->failed = errno ? errno : ENOMEM;
}

static void put(struct record_file *file, const char *text)
{
	errno = 0;
	if (gzputs(file->gz, text) < 0)
		note_failure(file);
}

void record_file_comment(struct record_file *file, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(file, "# ");
	put(file, text);
	put(file, "\n");
}

void record_file_words(struct record_file *file, tdx_hpa_t at, const uint64_t *word,
		       unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		char text[64];

		if (!(i % POKE_WORDS)) {
			snprintf(text, sizeof(text), "%spoke64 0x%" PRIx64, i ? "\n" : "",
				 at.v + i * sizeof(*word));
			put(file, text);
		}
		snprintf(text, sizeof(text), " 0x%" PRIx64, word[i]);
		put(file, text);
	}
	put(file, "\n");
}

static void put_infos(struct record_file *file, const struct facts *facts)
{
	for (uint32_t i = 0; i < facts->nr_tdmrs; i++)
		record_file_words(file, facts->tdmr_at[i], (const uint64_t *)&facts->tdmr[i],
				  sizeof(facts->tdmr[i]) / sizeof(uint64_t));
}

void record_file_tdmrs(struct record_file *file, const struct facts *facts, tdx_hpa_t list)
{
	uint64_t at[TDX_MAX_TDMRS];

	for (uint32_t i = 0; i < facts->nr_tdmrs; i++)
		at[i] = facts->tdmr_at[i].v;
	put_infos(file, facts);
	record_file_words(file, list, at, facts->nr_tdmrs);
}

/* Fields of a CMR by its number. */
static void note_cmr(struct record_file *file, const struct live_call *call)
{
	const uint64_t id = call->in.rdx, base = id - TDX_MD_CMR_BASE(0),
		       size = id - TDX_MD_CMR_SIZE(0);

	if (TDX_RAX_LEAF(call->in.rax) != TDH_SYS_RD || call->out.rax)
		return;
	if (id == TDX_MD_NUM_CMRS && call->out.r8 <= TDX_MAX_CMRS)
		file->nr_cmrs = (uint32_t)call->out.r8;
	else if (base < TDX_MAX_CMRS)
		file->cmr[base].base = call->out.r8;
	else if (size < TDX_MAX_CMRS)
		file->cmr[size].size = call->out.r8;
}

void record_file_call(struct record_file *file, const struct live_call *call, uint32_t lp)
{
	char text[1024], at[64];
	struct words line;

	note_cmr(file, call);
	words_begin(&line, text, sizeof(text));
	call_line_in(&line, lp, &call->in);
	snprintf(at, sizeof(at), " at=%" PRIu64 "+%" PRIu64, call->in_ns,
		 call->out_ns - call->in_ns);
	words_add(&line, at);
	call_line_out(&line, &call->in, &call->out);
	put(file, text);
	put(file, "\n");
}

/* ------------------------------------------------------------------------------------------- */

static void put_tdmrs(struct record_file *file, const struct facts *facts)
{
	char text[160];

	put_infos(file, facts);
	snprintf(text, sizeof(text),
		 "configured 0x%" PRIx64 " count=%u stride=%" PRIu64 " hkid=%u dynamic=%d\n",
		 facts->tdmr_at[0].v, facts->nr_tdmrs,
		 facts->nr_tdmrs > 1 ? facts->tdmr_at[1].v - facts->tdmr_at[0].v
				     : (uint64_t)TDX_INFO_ALIGN,
		 facts->hkid_global, facts->dynamic);
	put(file, text);
}

static int open_or_make(const char *path, bool *made)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	int fd = open(path, flags | O_CREAT | O_EXCL, 0600);

	*made = fd >= 0;
	return fd < 0 && errno == EEXIST ? open(path, flags) : fd;
}

/*
 * root writes here, perhaps where others may write too: no link is followed, no file of somebody
 * else's is taken, and a pipe is not waited for.
 */
int record_file_open(struct record_file *file, const char *path, struct why *why)
{
	struct stat stat;
	int error = 0;

	*file = (struct record_file){ .path = path };
	file->fd = open_or_make(path, &file->made);
	if (file->fd < 0)
		return why_not(why, "%s: %s", path,
			       errno == ELOOP ? "a link; name the file itself" : strerror(errno));
	if (fstat(file->fd, &stat) || !S_ISREG(stat.st_mode))
		error = why_not(why, "%s: not a file: its first line is written when all is over",
				path);
	else if (stat.st_uid != geteuid())
		error = why_not(why, "%s: it is another user's", path);
	if (error)
		close(file->fd);
	return error;
}

void record_file_forget(struct record_file *file)
{
	struct stat own, there;

	if (file->made && !fstat(file->fd, &own) && !lstat(file->path, &there) &&
	    own.st_dev == there.st_dev && own.st_ino == there.st_ino)
		unlink(file->path);
	close(file->fd);
}

int record_file_begin(struct record_file *file, const struct facts *facts, bool from_boot,
		      struct why *why)
{
	file->from_boot = from_boot;
	if (ftruncate(file->fd, 0))
		return why_not(why, "%s: %s", file->path, strerror(errno));
	if (write_head(file, facts, "", why))
		return -1;
	if (lseek(file->fd, 0, SEEK_END) < 0)
		return why_not(why, "%s: %s", file->path, strerror(errno));
	file->gz = gzdopen(dup(file->fd), "wb1");
	if (!file->gz)
		return why_not(why, "%s: zlib has no memory", file->path);
	record_file_comment(file, "taken from Linux %s by pamt record", facts->release);
	if (!from_boot)
		put_tdmrs(file, facts);
	return 0;
}

void record_file_leave(struct record_file *file)
{
	gzclose(file->gz);
	close(file->fd);
}

int record_file_end(struct record_file *file, const struct facts *facts, uint64_t missed,
		    uint64_t cut, struct why *why)
{
	char end[96];
	int error = 0;

	errno = 0;
	if (gzclose(file->gz) != Z_OK)
		note_failure(file);
	if (file->failed)
		error = why_not(why, "%s: %s", file->path, strerror(file->failed));
	snprintf(end, sizeof(end), " missed=%" PRIu64 " cut=%" PRIu64, missed, cut);
	if (!error)
		error = write_head(file, facts, end, why);
	if (close(file->fd) && !error)
		error = why_not(why, "%s: %s", file->path, strerror(errno));
	return error;
}
