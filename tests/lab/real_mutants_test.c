// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_mutants_test.c - `pamt check --real` finds mistakes: each that is named is switched on, and
 * the hunt has so many seconds; and it finds nothing where none is named.
 *
 *     real_mutants_test SECONDS THREADS SEED [MISTAKE ...]
 */
#include <stdio.h>
#include <stdlib.h>

#include "lab/explore/mutants.h"
#include "lab/real/real.h"

static bool hunt_finds(const char *name, struct real_config *config)
{
	unsigned int mutant = 0;
	struct real_result result;

	if (name && !mutant_find(name, &mutant)) {
		fprintf(stderr, "real_mutants_test: no mistake is called '%s'\n", name);
		exit(2);
	}
	mutants_set(UINT64_C(1) << mutant);
	if (real_run(config, &result)) {
		fprintf(stderr, "real_mutants_test: %s\n", result.text);
		exit(2);
	}
	printf("%s: %s after %.1f s, %llu rounds: %s\n", name ? name : "no mistake",
	       result.found ? "found" : "nothing", result.seconds,
	       (unsigned long long)result.rounds, result.text);
	fflush(stdout);
	return result.found == !!name;
}

int main(int argc, char **argv)
{
	struct real_config config = { 0 };
	bool good = true;

	if (argc < 4)
		return 2;
	config.seconds = strtoul(argv[1], NULL, 10);
	config.threads = (uint32_t)strtoul(argv[2], NULL, 10);
	config.seed = strtoul(argv[3], NULL, 10);
	for (int i = 4; i < argc; i++)
		good &= hunt_finds(argv[i], &config);
	if (argc == 4)
		good = hunt_finds(NULL, &config);
	return !good;
}
