// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * load_map.c - a machine that a user named, read for a command.
 */
#include "cli/cli.h"
#include "machine/map.h"

bool cli_map_load(const char *source, const struct map_options *options, struct machine_map *map)
{
	char error[512];

	if (!map_load(source, options, map, error, sizeof(error)))
		return true;
	cli_usage_error("%s", error);
	return false;
}
