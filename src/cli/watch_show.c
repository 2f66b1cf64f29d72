// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * watch_show.c - a reading of `pamt watch` as a table, as JSON, as metrics of Prometheus.
 *
 * What is held is what was added less what was removed since the start: of earlier pairs and TDs
 * nothing is known, and they may make it negative.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/abi.h"
#include "cli/cli.h"
#include "cli/watch_show.h"

#define PAIR_BYTES (2 * (int64_t)TDX_PAGE_SIZE)

static int64_t pairs_of(const struct watch_reading *r) { return (int64_t)(r->added - r->removed); }

static int64_t keys_of(const struct watch_reading *r) { return (int64_t)(r->created - r->freed); }

static unsigned int keys_there(const struct watch *watch)
{
	/* The first one is the module's own. */
	return watch->facts.hkid_max - watch->facts.hkid_min;
}

static void leaf_name(uint32_t leaf, char *text, size_t size)
{
	const struct abi_leaf *known = abi_leaf(leaf, false);

	if (known)
		snprintf(text, size, "%s", known->name);
	else
		snprintf(text, size, "leaf %u", leaf);
}

/* "SUCCESS", "OPERAND_BUSY(RCX)", "exit EPT_VIOLATION". */
static void status_name(const struct watch_count *c, char *text, size_t size)
{
	const struct abi_name *reason;

	if (!(c->status & TDX_STATUS_CODE_MASK) && c->leaf == TDH_VP_ENTER) {
		reason = abi_name(ABI_EXIT_REASON, (uint32_t)c->status);
		snprintf(text, size, "exit %s", reason ? reason->name : "of an unknown reason");
		return;
	}
	abi_status_text((tdx_status_t){ c->status }, text, size);
}

/* ------------------------------------------------------------------------------------------- */
/* The table.                                                                                  */

static double seconds_between(const struct watch_reading *before, const struct watch_reading *now)
{
	return before->ns ? (double)(now->ns - before->ns) / 1e9 : 0;
}

static uint64_t calls_before(const struct watch_reading *before, const struct watch_count *c)
{
	for (unsigned int i = 0; i < before->nr; i++)
		if (before->count[i].leaf == c->leaf && before->count[i].status == c->status)
			return before->count[i].calls;
	return 0;
}

static json_t *json_counts(const struct watch_reading *r)
{
	json_t *calls = json_array();

	for (unsigned int i = 0; i < r->nr; i++) {
		json_t *one = json_object();
		char leaf[64], status[ABI_TEXT];

		leaf_name(r->count[i].leaf, leaf, sizeof(leaf));
		status_name(&r->count[i], status, sizeof(status));
		json_object_set_new(one, "leaf", json_string(leaf));
		json_object_set_new(one, "rax", cli_json_hex(r->count[i].status));
		json_object_set_new(one, "status", json_string(status));
		json_object_set_new(one, "failed", json_boolean(watch_failed(r->count[i].status)));
		json_object_set_new(one, "calls", json_integer((json_int_t)r->count[i].calls));
		json_array_append_new(calls, one);
	}
	return calls;
}

static void print_counts(const struct watch_reading *now, const struct watch_reading *before)
{
	static const struct cli_shown columns[] = {
		{ "leaf", "leaf", CLI_TEXT, 0 },
		{ "status", "status", CLI_TEXT, 0 },
		{ "calls", "calls", 1, 0 },
		{ "per second", "rate", 1, 1 },
	};
	double seconds = seconds_between(before, now);
	json_t *calls = json_counts(now);

	for (unsigned int i = 0; seconds > 0 && i < now->nr; i++) {
		const struct watch_count *c = &now->count[i];
		double since = (double)(c->calls - calls_before(before, c));

		json_object_set_new(json_array_get(calls, i), "rate", json_real(since / seconds));
	}
	cli_table_json(calls, columns, 4);
	json_decref(calls);
}

void watch_show_table(const struct watch *watch, const struct watch_reading *now,
		      const struct watch_reading *before)
{
	double seconds = seconds_between(before, now);

	printf("since the start:\n");
	printf("pairs: %" PRId64 ", %" PRId64 " bytes (%" PRIu64 " added, %" PRIu64 " removed)\n",
	       pairs_of(now), pairs_of(now) * PAIR_BYTES, now->added, now->removed);
	if (seconds > 0)
		printf("per second: %.1f added, %.1f removed\n",
		       (double)(now->added - before->added) / seconds,
		       (double)(now->removed - before->removed) / seconds);
	printf("regions: %" PRIu64 " got a pair, %" PRIu64 " of them more than once\n",
	       now->regions, now->flipping);
	printf("TDs: %" PRIu64 " created; KeyIDs: %" PRId64, now->created, keys_of(now));
	if (watch->facts.own)
		printf(" of %u", keys_there(watch));
	printf(" in use\n");
	if (now->missed)
		printf("missed: %" PRIu64 " calls are not counted\n", now->missed);
	if (now->nr) {
		printf("\n");
		print_counts(now, before);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* The same as data.                                                                           */

struct metric {
	const char *name, *type, *help;
	int64_t value;
};

#define MOST_METRICS 10u

/* Return: how many. How many KeyIDs there are only Linux's own host says. */
static unsigned int metrics_of(const struct watch *watch, const struct watch_reading *r,
			       struct metric metrics[MOST_METRICS])
{
	const struct metric all[MOST_METRICS] = {
		{ "pamt_pairs", "gauge", "Pairs of PAMT pages added less those removed.",
		  pairs_of(r) },
		{ "pamt_pair_bytes", "gauge", "Memory of these pairs.", pairs_of(r) * PAIR_BYTES },
		{ "pamt_pairs_added_total", "counter", "Pairs of PAMT pages added.",
		  (int64_t)r->added },
		{ "pamt_pairs_removed_total", "counter", "Pairs of PAMT pages removed.",
		  (int64_t)r->removed },
		{ "pamt_regions", "gauge", "2M regions that got a pair by ADD.",
		  (int64_t)r->regions },
		{ "pamt_regions_flipping", "gauge",
		  "2M regions that got a pair by ADD more than once.", (int64_t)r->flipping },
		{ "pamt_tds_created_total", "counter", "TDs created.", (int64_t)r->created },
		{ "pamt_keyids_used", "gauge", "KeyIDs given to TDs less those given back.",
		  keys_of(r) },
		{ "pamt_missed_calls_total", "counter", "SEAMCALLs that were not counted.",
		  (int64_t)r->missed },
		{ "pamt_keyids", "gauge", "KeyIDs that TDs can get.", keys_there(watch) },
	};

	memcpy(metrics, all, sizeof(all));
	return watch->facts.own ? MOST_METRICS : MOST_METRICS - 1;
}

void watch_show_json(const struct watch *watch, const struct watch_reading *now)
{
	struct metric metrics[MOST_METRICS];
	const unsigned int nr = metrics_of(watch, now, metrics);
	json_t *root = cli_json("pamt.watch/1");

	for (unsigned int i = 0; i < nr; i++)
		json_object_set_new(root, metrics[i].name + strlen("pamt_"),
				    json_integer(metrics[i].value));
	json_object_set_new(root, "calls", json_counts(now));
	cli_json_print(root);
}

/* ------------------------------------------------------------------------------------------- */
/* Prometheus.                                                                                 */

static void put_head(FILE *file, const char *name, const char *type, const char *help)
{
	fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Calls by leaf, and failures by leaf and status: of one leaf all statuses stand together. */
static void put_calls(FILE *file, const struct watch_reading *r)
{
	char leaf[64], status[ABI_TEXT];

	put_head(file, "pamt_seamcalls_total", "counter", "SEAMCALLs by leaf.");
	for (unsigned int i = 0, next; i < r->nr; i = next) {
		uint64_t calls = 0;

		for (next = i; next < r->nr && r->count[next].leaf == r->count[i].leaf; next++)
			calls += r->count[next].calls;
		leaf_name(r->count[i].leaf, leaf, sizeof(leaf));
		fprintf(file, "pamt_seamcalls_total{leaf=\"%s\"} %" PRIu64 "\n", leaf, calls);
	}
	put_head(file, "pamt_seamcall_failures_total", "counter",
		 "SEAMCALLs that did not succeed, by leaf and status.");
	for (unsigned int i = 0; i < r->nr; i++) {
		if (!watch_failed(r->count[i].status))
			continue;
		leaf_name(r->count[i].leaf, leaf, sizeof(leaf));
		status_name(&r->count[i], status, sizeof(status));
		fprintf(file,
			"pamt_seamcall_failures_total{leaf=\"%s\",status=\"%s\",rax=\"0x%" PRIx64
			"\"} %" PRIu64 "\n",
			leaf, status, r->count[i].status, r->count[i].calls);
	}
}

static void put_metrics(FILE *file, const struct watch *watch, const struct watch_reading *now)
{
	struct metric metrics[MOST_METRICS];
	const unsigned int nr = metrics_of(watch, now, metrics);

	for (unsigned int i = 0; i < nr; i++) {
		put_head(file, metrics[i].name, metrics[i].type, metrics[i].help);
		fprintf(file, "%s %" PRId64 "\n", metrics[i].name, metrics[i].value);
	}
	put_calls(file, now);
}

/*
 * Whoever may write into the folder can have put anything there, also a link to a file that only
 * root may write to: what is opened is new.
 */
static FILE *open_new(const char *path)
{
	FILE *file;
	int fd;

	unlink(path); /* of one that was killed */
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return NULL;
	file = fdopen(fd, "w");
	if (!file)
		close(fd);
	return file;
}

/* node_exporter reads *.prom only: not this one. NULL: reported. */
static FILE *open_beside(const char *path, char beside[PATH_MAX])
{
	FILE *file = NULL;

	if (snprintf(beside, PATH_MAX, "%s.new", path) >= PATH_MAX)
		errno = ENAMETOOLONG;
	else
		file = open_new(beside);
	if (!file)
		cli_usage_error("watch: --prometheus: %s: %s", path, strerror(errno));
	return file;
}

int watch_show_metrics_try(const char *path)
{
	char beside[PATH_MAX];
	struct stat there;
	FILE *file;

	if (!lstat(path, &there) && S_ISDIR(there.st_mode))
		return cli_usage_error("watch: --prometheus: %s: %s", path, strerror(EISDIR));
	file = open_beside(path, beside);
	if (!file)
		return CLI_USAGE;
	fclose(file);
	unlink(beside);
	return CLI_OK;
}

int watch_show_metrics(const struct watch *watch, const struct watch_reading *now, const char *path)
{
	char beside[PATH_MAX];
	FILE *file = open_beside(path, beside);
	bool bad;

	if (!file)
		return CLI_USAGE;
	put_metrics(file, watch, now);
	bad = ferror(file);
	bad |= fclose(file) != 0;
	if (!bad && !rename(beside, path))
		return CLI_OK;
	bad = cli_error(CLI_FAILED, "watch: %s: %s", path, strerror(errno));
	unlink(beside);
	return bad;
}
