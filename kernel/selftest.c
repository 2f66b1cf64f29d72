// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest.c - pamt_selftest.ko: libpamt in the contexts that only a kernel has, with the kernel's
 * own allocator, and failures on request. Results are KTAP lines in the kernel log.
 *
 * In /sys/kernel/debug/pamt, while it is loaded:
 *
 *   selftest   writing to it runs the self-tests; reading it gives the number that failed last
 *   faults     "alloc N": the n-th allocation from now fails; "seamcall N STATUS": the n-th
 *              SEAMCALL is not made and answers so; "none"
 *
 * pamt.ko knows nothing of this: what is called of it is in exports.c, and what fails fails by
 * probes of its functions (selftest_faults.c).
 */
#include "selftest.h"

/* Self-tests and faults are one's at a time. */
static DEFINE_MUTEX(selftest_mutex);

void selftest_wrong(struct outcome *outcome, const char *format, ...)
{
	va_list args;

	if (outcome->failed)
		return;
	va_start(args, format);
	vscnprintf(outcome->text, sizeof(outcome->text), format, args);
	va_end(args);
	outcome->failed = true;
}

static const struct selftest_case *const parts[] = { selftest_cases, selftest_storms,
						     selftest_td_cases };

/* Return: did it fail? */
static bool run_case(const struct selftest_case *one, unsigned int number)
{
	struct outcome outcome = { .failed = false };

	one->fn(&outcome);
	if (outcome.failed)
		pr_info("    # %s\n", outcome.text);
	pr_info("%s %u %s\n", outcome.failed ? "not ok" : "ok", number, one->name);
	return outcome.failed;
}

/* Return: how many failed; -EBUSY. */
static int run_all(void)
{
	unsigned int nr = 0;
	int failed = 0;

	if (atomic64_read(&pamt_kernel.tds)) {
		pr_warn("pamt: self-tests need zero TDs\n");
		return -EBUSY;
	}
	pr_info("KTAP version 1\n");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (const struct selftest_case *one = parts[i]; one->fn; one++)
			failed += run_case(one, ++nr);
	pr_info("1..%u\n", nr);
	return failed;
}

/* ------------------------------------------------------------------------------------------- */

static ssize_t faults_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	char text[64];
	u64 nr, status;
	int error = 0;

	if (size >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, from, size))
		return -EFAULT;
	text[size] = 0;
	if (mutex_lock_interruptible(&selftest_mutex))
		return -EINTR;
	if (sscanf(text, "alloc %llu", &nr) == 1)
		error = faults_alloc(nr);
	else if (sscanf(text, "seamcall %llu %llx", &nr, &status) == 2)
		error = faults_seamcall(nr, status);
	else if (sysfs_streq(text, "none"))
		faults_none();
	else
		error = -EINVAL;
	mutex_unlock(&selftest_mutex);
	return error ? error : size;
}

static const struct file_operations faults_fops = {
	.owner = THIS_MODULE,
	.write = faults_write,
	.llseek = noop_llseek,
};

/* ------------------------------------------------------------------------------------------- */

static int selftest_failed = -1; /* never run */

static int selftest_show(struct seq_file *m, void *v)
{
	seq_printf(m, "%d\n", READ_ONCE(selftest_failed));
	return 0;
}

static int selftest_open(struct inode *inode, struct file *file)
{
	return single_open(file, selftest_show, NULL);
}

static ssize_t selftest_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	if (mutex_lock_interruptible(&selftest_mutex))
		return -EINTR;
	WRITE_ONCE(selftest_failed, run_all());
	mutex_unlock(&selftest_mutex);
	return size;
}

static const struct file_operations selftest_fops = {
	.owner = THIS_MODULE,
	.open = selftest_open,
	.read = seq_read,
	.write = selftest_write,
	.llseek = seq_lseek,
	.release = single_release,
};

/* ------------------------------------------------------------------------------------------- */

static struct dentry *faults_file, *selftest_file;

static int __init selftest_init(void)
{
	struct dentry *folder = debugfs_lookup("pamt", NULL);

	if (!folder) {
		pr_err("pamt: self-tests are asked for in debugfs, which this kernel has not\n");
		return -ENODEV;
	}
	faults_file = debugfs_create_file("faults", 0200, folder, NULL, &faults_fops);
	selftest_file = debugfs_create_file("selftest", 0600, folder, NULL, &selftest_fops);
	dput(folder);
	return 0;
}

static void __exit selftest_exit(void)
{
	debugfs_remove(faults_file);
	debugfs_remove(selftest_file);
	faults_none();
}

module_init(selftest_init);
module_exit(selftest_exit);
MODULE_DESCRIPTION("Self-tests of pamt.ko, and failures on request");
MODULE_LICENSE("Dual MIT/GPL");
PAMT_IMPORTS;
