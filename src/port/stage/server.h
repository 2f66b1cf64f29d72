/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * server.h - os_services of the stage over a simulated machine with the software TDX module: the
 * same machine that the threads port has, with fibers for CPUs and prices for what they do.
 *
 * box.h is the small machine whose state can be put back, for exploration; this is the large one,
 * for runs in virtual time. The module is softseam, whose steps are not announced: a SEAMCALL is
 * one step that takes effect at its beginning, and its time passes while it holds its locks
 * (seam.h, pace), so that BUSY is met when it would be.
 */
#ifndef PAMT_STAGE_SERVER_H
#define PAMT_STAGE_SERVER_H

#include <pamt/os.h>
#include <pamt/seam.h>

#include "machine/machine.h"
#include "port/stage/page_lists.h"

struct server;

struct server_config {
	struct seam_config
		seam; /* interrupt_pending, pace, on_fatal and ctx are the server's own */
	/* What a leaf takes, ns; a failing one takes what leaf 0 does. NULL: nothing. */
	uint64_t (*cost)(uint32_t leaf);
	enum os_log_level log_level; /* and above, to stderr */
};

/*
 * The stage is open, with as many CPUs as the machine has. The machine must outlive the server.
 * Return: 0; -1 with one line in error.
 */
int server_create(struct machine *machine, const struct server_config *config, struct server **out,
		  char *error, size_t error_size);
void server_destroy(struct server *server);

/*
 * Between two runs: a CPU goes offline, or comes back; leaves(), or returns(), is called on it. A
 * CPU that is offline is visited by no on_each_cpu(). Return as threads_offline().
 */
int server_offline(struct server *server, uint32_t cpu, int (*leaves)(void *arg), void *arg);
int server_online(struct server *server, uint32_t cpu, int (*returns)(void *arg), void *arg);

const struct os_services *server_services(const struct server *server);
/* Between two runs: the pages that CPUs have in stock go back to the allocator. */
void server_drain(struct server *server);
/* Before the first run: how CPUs come to single pages. */
void server_choose_lists(struct server *server, struct page_lists_kind kind);
uint64_t server_seamcalls(const struct server *server);

#endif
