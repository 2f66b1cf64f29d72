// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vm-zap.c - a program of the machine that kernel/vm boots: a process that is in the middle of a
 * zap of 32 TB is killed, and must stop there, its TD whole.
 *
 * The TD belongs to the parent, so that what takes time is the zap alone and not the TD's end.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "device_abi.h"

#define MB 0x100000ull

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int call(int fd, const char *what, unsigned long request, void *argument)
{
	if (!ioctl(fd, request, argument))
		return 0;
	printf("%s: %s\n", what, strerror(errno));
	return -1;
}

/* Seconds from the signal to the child's end; below 0: it was not killed in its zap. */
static double kill_in_zap(int fd, struct pamt_abi_range *range)
{
	pid_t child = fork();
	double killed;
	int status;

	if (!child)
		_exit(ioctl(fd, PAMT_IOC_ZAP, range) ? 1 : 0);
	usleep(100000);
	killed = now();
	kill(child, SIGKILL);
	if (waitpid(child, &status, 0) != child || !WIFSIGNALED(status))
		return -1;
	return now() - killed;
}

static int try_it(int fd)
{
	struct pamt_abi_create create = {
		.bytes = 96 * MB, .vcpus = 4, .percent_4k = 100, .node = PAMT_ANY_NODE
	};
	struct pamt_abi_range range = { .gpa = 2 * MB, .bytes = 32ull << 40 };
	struct pamt_abi_counts counts;
	double seconds;
	__u64 leaked = 0;

	if (call(fd, "create", PAMT_IOC_CREATE, &create) || call(fd, "run", PAMT_IOC_RUN, NULL))
		return -1;
	seconds = kill_in_zap(fd, &range);
	if (call(fd, "counts", PAMT_IOC_COUNTS, &counts))
		return -1;
	printf("killed after %llu pages, gone after %.3f s\n", (unsigned long long)counts.zaps_4k,
	       seconds);
	if (seconds < 0 || counts.zaps_4k >= 94 * MB / 4096)
		return -1;
	if (call(fd, "zap of the rest", PAMT_IOC_ZAP, &range) ||
	    call(fd, "destroy", PAMT_IOC_DESTROY, &leaked))
		return -1;
	printf("%llu pages lost\n", (unsigned long long)leaked);
	return leaked ? -1 : 0;
}

int main(void)
{
	int fd = open(PAMT_DEVICE, O_RDWR);

	if (fd < 0) {
		printf("%s: %s\n", PAMT_DEVICE, strerror(errno));
		return 1;
	}
	return try_it(fd) ? 1 : 0;
}
