// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * debugfs.c - /sys/kernel/debug/pamt: what libpamt has counted, what the regions are, whether the
 * module agrees.
 *
 *   stats      a name and a number in each line; bytes, pages and calls
 *   regions    by kind, how many; then every region that is not free
 *   verify     reading it compares every region with the module; lists findings, 256 at most, and
 *              says how many there are
 */
#include "linux.h"

#include "host/region.h"

#include "host_port.h"
#include "pamt_kernel.h"

static struct dentry *folder;

/* ------------------------------------------------------------------------------------------- */

#define STAT(member)                                         \
	{                                                    \
#member, offsetof(struct pamt_stats, member) \
	}
static const struct {
	const char *name;
	size_t at;
} stat_names[] = {
	STAT(static_bytes),
	STAT(bitmap_bytes),
	STAT(table_bytes),
	STAT(os_bytes),
	STAT(os_bytes_peak),
	STAT(used_bytes),
	STAT(pairs_installed),
	STAT(pairs_idle),
	STAT(pairs_installed_peak),
	STAT(pages_cached),
	STAT(pages_spare),
	STAT(control_pages),
	STAT(leaf_regions),
	STAT(gets_fast),
	STAT(gets_slow),
	STAT(puts),
	STAT(adds),
	STAT(removes),
	STAT(waits),
	STAT(busy),
	STAT(remove_busy),
	STAT(remove_not_empty),
	STAT(remove_no_pair),
	STAT(leaked_regions),
	STAT(unbalanced_puts),
	STAT(quarantined),
	STAT(given_up_bytes),
};
#undef STAT

static int stats_show(struct seq_file *m, void *v)
{
	struct host_port_account account;
	struct pamt_stats stats;

	pamt_stats(pamt_kernel.host, &stats);
	for (size_t i = 0; i < ARRAY_SIZE(stat_names); i++)
		seq_printf(m, "%s %llu\n", stat_names[i].name,
			   *(u64 *)((char *)&stats + stat_names[i].at));
	for (size_t i = 0; i < ARRAY_SIZE(stats.chunks); i++)
		seq_printf(m, "chunks_of_order_%zu %llu\n", i, stats.chunks[i]);
	host_port_account(&account);
	seq_printf(m, "held_pages %llu\nheld_objects %llu\nexcluded_pages %llu\n", account.pages,
		   account.objects, account.excluded_pages);
	seq_printf(m, "tds %lld\n", (s64)atomic64_read(&pamt_kernel.tds));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/* ------------------------------------------------------------------------------------------- */

/*
 * One region in each step, so that a long list is read in pieces, each made once. The sums come
 * first, out of a pass of their own.
 */
static void *regions_at(loff_t at)
{
	return at <= pamt_kernel.host->table.bytes / sizeof(os_a16_t) ? (void *)(at + 1) : NULL;
}

static void *regions_start(struct seq_file *m, loff_t *at) { return regions_at(*at); }

static void *regions_next(struct seq_file *m, void *v, loff_t *at)
{
	cond_resched();
	return regions_at(++*at);
}

static void regions_stop(struct seq_file *m, void *v) {}

/* False: in no TDMR. Relaxed: a picture of a moment. */
static bool region_value(u64 r, u16 *value)
{
	os_a16_t *word = region_word(pamt_kernel.host, (region_t){ r });

	if (word)
		*value = os_load16(word, OS_RELAXED);
	return word;
}

static void regions_sums(struct seq_file *m)
{
	u64 count[REGION_STATE_ILLEGAL + 1] = { 0 };
	u16 value;

	for (u64 r = 0; regions_at(r + 1); r++) {
		if (region_value(r, &value))
			count[region_state(value)]++;
		cond_resched();
	}
	for (int i = 0; i < ARRAY_SIZE(count); i++)
		seq_printf(m, "all %s %llu\n", region_state_name(i), count[i]);
}

/* 1: the sums; r + 2: region r. */
static int regions_show(struct seq_file *m, void *v)
{
	u64 r = (unsigned long)v - 2;
	u16 value;

	if ((unsigned long)v == 1)
		regions_sums(m);
	else if (region_value(r, &value) && region_state(value) != REGION_STATE_FREE)
		seq_printf(m, "0x%llx %s %u\n", r << TDX_2M_SHIFT,
			   region_state_name(region_state(value)), region_count(value));
	return 0;
}

static const struct seq_operations regions_sops = {
	.start = regions_start,
	.next = regions_next,
	.stop = regions_stop,
	.show = regions_show,
};
DEFINE_SEQ_ATTRIBUTE(regions);

/* ------------------------------------------------------------------------------------------- */

/*
 * Where the buffer is too small for what is shown, it is shown again, all of it, into a larger one.
 * The module is not to be asked about every region a second time for that: there is room for what
 * is listed, and what is beyond is counted only.
 */
#define VERIFY_LISTED 256u
#define VERIFY_BUFFER (VERIFY_LISTED * 256u)

struct listing {
	struct seq_file *m;
	u32 nr;
};

static void show_finding(void *arg, const struct pamt_finding *finding)
{
	struct listing *listing = arg;

	if (listing->nr++ >= VERIFY_LISTED)
		return;
	seq_printf(listing->m, "0x%llx word 0x%04x module 0x%llx: %s\n",
		   finding->region.v << TDX_2M_SHIFT, finding->word, finding->rdmd_rcx,
		   finding->what);
}

static int verify_show(struct seq_file *m, void *v)
{
	struct listing listing = { .m = m };
	s64 findings = pamt_verify(pamt_kernel.host, show_finding, &listing);

	if (findings < 0)
		return findings;
	seq_printf(m, "findings %lld\n", findings);
	return 0;
}

static int verify_open(struct inode *inode, struct file *file)
{
	return single_open_size(file, verify_show, NULL, VERIFY_BUFFER);
}

static const struct file_operations verify_fops = {
	.owner = THIS_MODULE,
	.open = verify_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ------------------------------------------------------------------------------------------- */

/* debugfs is never needed: a kernel without it has none of this. */
int pamt_debugfs_init(void)
{
	folder = debugfs_create_dir("pamt", NULL);
	debugfs_create_file("stats", 0400, folder, NULL, &stats_fops);
	debugfs_create_file("regions", 0400, folder, NULL, &regions_fops);
	debugfs_create_file("verify", 0400, folder, NULL, &verify_fops);
	return 0;
}

void pamt_debugfs_exit(void) { debugfs_remove(folder); }
