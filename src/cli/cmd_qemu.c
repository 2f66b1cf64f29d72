// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_qemu.c - `pamt qemu`: a machine in QEMU that is a TDX host.
 *
 * QEMU is executed in this process's place, with the plugin (port/qemu) and the user's own words,
 * completed (qemu_line.c). What can be known to go wrong before that is said here.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/abi.h"
#include "cli/cli.h"
#include "cli/qemu_line.h"
#include "cli/version.h"
#include "machine/map.h"
#include "port/qemu/q35.h"

struct request {
	const char *qemu;
	const char *machine; /* NULL: none */
	const char *trace;   /* NULL: none; "-": stderr */
	const char *record;  /* NULL: none */
	const char *faults;  /* NULL: none */
	uint64_t seed;
	const struct abi_leaf *leaf; /* NULL: any */
	bool is_static, stats, instructions, guard, next;
	char **words;
};

enum { OPTION_LEAF = 1, OPTION_VERSION };

static const struct cli_option options[] = {
	{ 0, "qemu", "PATH", "the program; default: qemu-system-x86_64",
	  CLI_INTO(struct request, qemu) },
	{ 'm', "machine", "LOG|builtin:...",
	  "a server whose CMRs, KeyIDs, sockets and nodes it has",
	  CLI_INTO(struct request, machine) },
	{ 0, "static", NULL, "a module without Dynamic PAMT", CLI_INTO(struct request, is_static) },
	{ OPTION_VERSION, "module-version", "1.5.25|next",
	  "next: the module after it, with SYS.DISABLE", CLI_OWN },
	{ 0, "faults", "N[,N...]",
	  "per million: lock busy, no entropy, interrupt, key configuration busy",
	  CLI_INTO(struct request, faults) },
	{ OPTION_LEAF, "fault-leaf", "LEAF", "fail in calls of this leaf only", CLI_OWN },
	{ 0, "fault-seed", "N", "which occasions fail; default: 1",
	  CLI_NUMBER(struct request, seed, 0, UINT64_MAX) },
	{ 'g', "guard", NULL, "report what the host does to pages that are a TD's or the module's",
	  CLI_INTO(struct request, guard) },
	{ 't', "trace", "[=FILE]", "a line per SEAMCALL, on stderr or into FILE",
	  CLI_INTO(struct request, trace) },
	{ 0, "record", "FILE", "all that happens to the module, for `pamt replay`",
	  CLI_INTO(struct request, record) },
	{ 0, "stats", NULL, "at the end: calls by leaf and status, pairs, pages",
	  CLI_INTO(struct request, stats) },
	{ 0, "instructions", NULL,
	  "at the end: how many were executed, and from a call to the next of its leaf",
	  CLI_INTO(struct request, instructions) },
	{ 0 },
};

/* ------------------------------------------------------------------------------------------- */

/* The program's own version, "11.1.3"; false: it does not say one. */
static bool ask_version(const char *qemu, unsigned int *major, unsigned int *minor)
{
	char line[256] = "";
	int ends[2];
	ssize_t nr;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return false;
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDOUT_FILENO);
		execlp(qemu, qemu, "--version", NULL);
		_exit(127);
	}
	close(ends[1]);
	nr = read(ends[0], line, sizeof(line) - 1);
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return nr > 0 && sscanf(line, "QEMU emulator version %u.%u", major, minor) == 2;
}

static int check_qemu(const char *qemu)
{
	unsigned int major, minor;

	if (!ask_version(qemu, &major, &minor))
		return cli_error(CLI_NOT_POSSIBLE,
				 "qemu: '%s' is no QEMU that can be run; name one with --qemu PATH",
				 qemu);
	if (major < 11 || (major == 11 && minor < 1))
		return cli_error(
			CLI_NOT_POSSIBLE,
			"qemu: %s is version %u.%u; the plugin needs 11.1 or newer (plugin "
			"API %d), which Debian has in trixie-backports",
			qemu, major, minor, PAMT_QEMU_PLUGIN_API);
	return CLI_OK;
}

/* QEMU takes a comma in a value doubled. */
static bool fits(const char *what, const char *path)
{
	if (!strchr(path, ','))
		return true;
	cli_usage_error("qemu: %s: '%s': no commas, please", what, path);
	return false;
}

/* "50,0,10": as the plugin takes it, with colons. */
static bool read_faults(const char *text, char *plugin, size_t size)
{
	unsigned int nr = 0;

	snprintf(plugin, size, "%s", text);
	for (char *at = plugin; *at; nr++) {
		char *end;
		unsigned long value = strtoul(at, &end, 10);

		if (end == at || value > 1000000 || (*end && *end != ',') || nr == 4) {
			cli_usage_error("qemu: --faults %s: up to four numbers from 0 to 1000000",
					text);
			return false;
		}
		if (*end)
			*end++ = ':';
		at = end;
	}
	return true;
}

/* What the plugin is told, ",NAME=VALUE" after ",NAME=VALUE". */
struct plugin_words {
	char text[3 * PATH_MAX];
	size_t length;
};

__attribute__((format(printf, 2, 3))) static void add_word(struct plugin_words *words,
							   const char *format, ...)
{
	size_t room = sizeof(words->text) - words->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(words->text + words->length, room, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length < room)
		words->length += (size_t)length;
}

static bool add_module_words(struct plugin_words *words, const struct request *request)
{
	char faults[128];

	if (request->faults) {
		if (!read_faults(request->faults, faults, sizeof(faults)))
			return false;
		add_word(words, ",faults=%s,seed=%llu", faults, (unsigned long long)request->seed);
	}
	if (request->leaf)
		add_word(words, ",leaf=%u", request->leaf->number);
	if (request->guard)
		add_word(words, ",guard=on");
	if (request->stats)
		add_word(words, ",stats=on");
	if (request->instructions)
		add_word(words, ",instructions=on");
	if (request->is_static)
		add_word(words, ",static=on");
	if (request->next)
		add_word(words, ",next=on");
	return true;
}

/* -plugin and its words. */
static bool add_plugin(struct qemu_line *line, const struct request *request,
		       const struct machine_map *map, const struct qemu_server *server)
{
	struct plugin_words words = { .length = 0 };
	char library[PATH_MAX];

	if (!cli_find_part("qemu", "src/port/qemu/libpamt-qemu.so", PAMT_QEMU_LIBRARY, library))
		return false;
	if (!fits("the library", library) || (request->trace && !fits("--trace", request->trace)) ||
	    (request->record && !fits("--record", request->record)))
		return false;
	add_word(&words, "%s,packages=%u", library, line->packages);
	for (unsigned int i = 0; i < line->nr_memories; i++)
		add_word(&words, ",ram=%s", line->memory[i].path);
	if (request->trace)
		add_word(&words, ",trace=%s",
			 strcmp(request->trace, "-") ? request->trace : "/dev/stderr");
	if (request->record)
		add_word(&words, ",record=%s", request->record);
	if (server->low_bytes)
		add_word(&words, ",low=%llu", (unsigned long long)server->low_bytes);
	if (request->machine)
		add_word(&words, ",keyids=%u-%u", map->hkid_min, map->hkid_max);
	if (!add_module_words(&words, request))
		return false;
	qemu_line_add(line, "-plugin");
	qemu_line_add(line, "%s", words.text);
	return true;
}

/*
 * The CMRs that a machine of QEMU's can have: the one that ends below 4 GB and the one from there
 * on.
 */
static void read_cmrs(const struct machine_map *map, struct qemu_server *server)
{
	for (uint32_t i = 0; i < map->nr_cmrs; i++) {
		uint64_t end = map->cmr[i].base + map->cmr[i].size;

		if (map->cmr[i].base <= MAP_LOW_LIMIT && end <= Q35_ABOVE_HOLE)
			server->low_bytes = end;
		else if (map->cmr[i].base <= Q35_ABOVE_HOLE && end > Q35_ABOVE_HOLE)
			server->high_bytes = end - Q35_ABOVE_HOLE;
	}
}

/* Becomes QEMU; returns only with what went wrong. */
static int become_qemu(const struct request *request, struct qemu_line *line,
		       const struct machine_map *map)
{
	struct qemu_server server = { .nodes = map->nr_nodes, .packages = map->nr_packages };
	int error;

	read_cmrs(map, &server);
	if (!qemu_line_make(line, request->words, &server))
		return CLI_USAGE;
	error = check_qemu(request->qemu);
	if (error)
		return error;
	if (!add_plugin(line, request, map, &server))
		return CLI_USAGE;
	line->argv[0] = strdup(request->qemu);
	execvp(request->qemu, line->argv);
	return cli_error(CLI_NOT_POSSIBLE, "qemu: %s: %s", request->qemu, strerror(errno));
}

static int run(const struct request *request)
{
	struct machine_map map = { 0 };
	struct qemu_line line = { 0 };
	int error;

	if (request->machine && !cli_map_load(request->machine, NULL, &map))
		return CLI_USAGE;
	error = become_qemu(request, &line, &map);
	qemu_line_free(&line);
	map_free(&map);
	return error;
}

/* ------------------------------------------------------------------------------------------- */

static const char *leaf_name(unsigned int i)
{
	const struct abi_leaf *leaf = abi_leaf_at(i);

	return leaf ? leaf->name : NULL;
}

int cmd_qemu(int argc, char **argv)
{
	struct request request = { .qemu = "qemu-system-x86_64", .seed = 1 };
	struct cli_args args = {
		.options = options,
		.argc = argc,
		.argv = argv,
		.into = &request,
		.options_first = true,
		.names = leaf_name,
	};
	int id, nr;

	while ((id = cli_next_option(&args)) > 0) {
		if (id == OPTION_VERSION && !cli_module_version(args.value, &request.next))
			return CLI_USAGE;
		if (id != OPTION_LEAF)
			continue;
		request.leaf = abi_leaf_by_name(args.value);
		if (!request.leaf)
			return cli_usage_error("qemu: --fault-leaf: no leaf '%s'; `pamt explain` "
					       "knows them",
					       args.value);
	}
	if (id < 0)
		return args.exit;
	if (args.json)
		return cli_usage_error("qemu: no --json: the output is the machine's");
	if (request.record && request.faults)
		return cli_usage_error("qemu: --record: failures on request cannot be recorded");
	request.words = cli_operands(&args, &nr);
	return run(&request);
}
