// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * qemu_line.c - reads what a user says of a machine (-machine, -cpu, -smp, -m, -numa, -object) and
 * completes it: a machine q35, a processor that KVM takes for a TDX host's, memory that the plugin
 * can see. All other words go through as they are.
 *
 * Memory is shared with the plugin through files in memory (memfd_create) that belong to no file
 * system; QEMU opens them as descriptors that it inherits. A memory backend of the user's keeps
 * its name, size and node: only where its bytes come from is changed.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/qemu_line.h"
#include "machine/size.h"
#include "port/qemu/q35.h"

#define DEFAULT_MEMORY (UINT64_C(1) << 30)
#define MAX_CPUS       256u /* as many as the plugin has room for */

/* What of a processor QEMU's defaults do not have; a value of the user's wins. */
static const struct {
	const char *name, *value;
	bool only_max; /* named models know it of themselves */
} processor[] = {
	{ "vendor", "GenuineIntel", false },
	{ "family", "6", true },
	{ "model", "207", true },
	{ "stepping", "2", true },
	{ "phys-bits", "52", false },
	{ "host-phys-bits", "off", false },
	{ "svm", "off", false },
};

/* What was read of the user's words. */
struct machine {
	const char *machine, *cpu, *smp, *memory;
	uint32_t cpus, sockets;
	uint64_t bytes;
	bool accel;
	unsigned int nr_nodes, nr_backends;
	const char *node[QEMU_MAX_NODES];    /* -numa node,... */
	const char *backend[QEMU_MAX_NODES]; /* -object memory-backend-... */
	char **rest;			     /* words that go through as they are */
	unsigned int nr_rest;
};

/* ------------------------------------------------------------------------------------------- */
/* Words: "name=value" between commas                                                           */

/* The value of an option of a list, or NULL; its length in *length. */
static const char *value_of(const char *list, const char *name, size_t *length)
{
	size_t n = strlen(name);

	while (list) {
		const char *end = strchr(list, ',');

		if (!strncmp(list, name, n) && list[n] == '=') {
			*length = end ? (size_t)(end - list - (ptrdiff_t)n - 1)
				      : strlen(list + n + 1);
			return list + n + 1;
		}
		list = end ? end + 1 : NULL;
	}
	return NULL;
}

static bool has(const char *list, const char *name)
{
	size_t length;

	return value_of(list, name, &length);
}

/* A size as QEMU reads it: without a suffix it is in MB. */
static bool size_of(const char *text, size_t length, uint64_t *bytes)
{
	char word[32];
	uint64_t value;

	snprintf(word, sizeof(word), "%.*s", (int)length, text);
	if (length >= sizeof(word) || !size_parse(word, &value) || !value)
		return false;
	if (word[strlen(word) - 1] > '9') {
		*bytes = value;
		return true;
	}
	*bytes = value << 20;
	return *bytes >> 20 == value;
}

void qemu_line_add(struct qemu_line *line, const char *format, ...)
{
	char *word;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vasprintf(&word, format, arguments);
	va_end(arguments);
	if (line->argc + 2 > line->room) {
		line->room = line->room ? 2 * line->room : 64;
		line->argv = realloc(line->argv, line->room * sizeof(*line->argv));
	}
	if (length < 0 || !line->argv) {
		cli_error(CLI_FAILED, "qemu: out of memory");
		exit(CLI_FAILED);
	}
	if (!line->argc)
		line->argv[line->argc++] = NULL;
	line->argv[line->argc++] = word;
	line->argv[line->argc] = NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Reading                                                                                      */

static bool refuse_kvm(void)
{
	cli_usage_error(
		"qemu: SEAMCALLs are served where QEMU translates instructions (-accel tcg); "
		"with KVM they would reach the processor");
	return false;
}

static bool read_object(struct machine *m, const char *value, bool *taken)
{
	*taken = !strncmp(value, "memory-backend-", 15);
	if (!*taken)
		return true;
	if (m->nr_backends == QEMU_MAX_NODES) {
		cli_usage_error("qemu: more than %u memory backends", QEMU_MAX_NODES);
		return false;
	}
	m->backend[m->nr_backends++] = value;
	return true;
}

static bool read_numa(struct machine *m, const char *value, bool *taken)
{
	*taken = !strncmp(value, "node", 4) && (!value[4] || value[4] == ',');
	if (!*taken)
		return true;
	if (m->nr_nodes == QEMU_MAX_NODES) {
		cli_usage_error("qemu: more than %u nodes", QEMU_MAX_NODES);
		return false;
	}
	m->node[m->nr_nodes++] = value;
	return true;
}

/* One option with its value; *taken: it is ours to say again. */
static bool read_option(struct machine *m, const char *option, const char *value, bool *taken)
{
	*taken = true;
	if (!strcmp(option, "machine") || !strcmp(option, "M"))
		m->machine = value;
	else if (!strcmp(option, "cpu"))
		m->cpu = value;
	else if (!strcmp(option, "smp"))
		m->smp = value;
	else if (!strcmp(option, "m"))
		m->memory = value;
	else if (!strcmp(option, "object"))
		return read_object(m, value, taken);
	else if (!strcmp(option, "numa"))
		return read_numa(m, value, taken);
	else
		*taken = false;
	if (!strcmp(option, "accel")) {
		m->accel = true;
		return strncmp(value, "tcg", 3) ? refuse_kvm() : true;
	}
	return true;
}

static bool read_words(struct machine *m, char **words)
{
	unsigned int nr = 0;

	while (words[nr])
		nr++;
	m->rest = calloc(nr + 1, sizeof(*m->rest));
	for (unsigned int i = 0; m->rest && i < nr; i++) {
		const char *option = words[i] + strspn(words[i], "-");
		bool taken = false;

		if (!strcmp(option, "enable-kvm"))
			return refuse_kvm();
		if (words[i][0] == '-' && words[i + 1] &&
		    !read_option(m, option, words[i + 1], &taken))
			return false;
		if (taken)
			i++;
		else
			m->rest[m->nr_rest++] = words[i];
	}
	return m->rest;
}

/* ------------------------------------------------------------------------------------------- */
/* Completing                                                                                   */

/* "q35" of "q35,smm=off" and of "smm=off,type=q35"; NULL: no word of it is a type. */
static const char *type_of(const char *machine, size_t *length)
{
	const char *type = value_of(machine, "type", length);

	if (type)
		return type;
	*length = strcspn(machine, ",");
	return memchr(machine, '=', *length) ? NULL : machine;
}

static bool add_machine(struct qemu_line *line, const struct machine *m,
			const struct qemu_server *server)
{
	const char *machine = m->machine ? m->machine : "q35";
	size_t length;
	const char *type = type_of(machine, &length);
	char low[48] = "";

	if (has(machine, "accel") && !strstr(machine, "accel=tcg"))
		return refuse_kvm();
	if (type && !(length == 3 && !strncmp(type, "q35", 3)) && strncmp(type, "pc-q35-", 7)) {
		cli_usage_error(
			"qemu: -machine %.*s: where its memory is is not known; allowed: q35, "
			"pc-q35-...",
			(int)length, type);
		return false;
	}
	if (has(machine, "memory-backend") || has(machine, "max-ram-below-4g")) {
		cli_usage_error("qemu: -machine: memory-backend and max-ram-below-4g are not the "
				"user's; say -m and -numa");
		return false;
	}
	qemu_line_add(line, "-machine");
	if (server->low_bytes)
		snprintf(low, sizeof(low), ",max-ram-below-4g=%llu",
			 (unsigned long long)server->low_bytes);
	qemu_line_add(line, "%s%s%s%s", type ? "" : "q35,", machine, low,
		      m->nr_nodes ? "" : ",memory-backend=pamt0");
	return true;
}

static bool add_cpu(struct qemu_line *line, const struct machine *m)
{
	const char *cpu = m->cpu ? m->cpu : "max";
	bool max = !strncmp(cpu, "max", 3) && (!cpu[3] || cpu[3] == ',');
	char extra[256] = "";

	if (!strncmp(cpu, "host", 4) && (!cpu[4] || cpu[4] == ','))
		return refuse_kvm();
	for (size_t i = 0; i < sizeof(processor) / sizeof(processor[0]); i++) {
		size_t length = strlen(extra);

		if (has(cpu, processor[i].name) || (processor[i].only_max && !max))
			continue;
		snprintf(extra + length, sizeof(extra) - length, ",%s=%s", processor[i].name,
			 processor[i].value);
	}
	qemu_line_add(line, "-cpu");
	qemu_line_add(line, "%s%s", cpu, extra);
	return true;
}

/* What -smp may have, in QEMU's order of the levels. */
enum {
	SMP_CPUS,
	SMP_MAXCPUS,
	SMP_SOCKETS,
	SMP_DIES,
	SMP_MODULES,
	SMP_CORES,
	SMP_THREADS,
	SMP_NAMES
};
static const char *const smp_name[SMP_NAMES] = { "cpus",    "maxcpus", "sockets", "dies",
						 "modules", "cores",   "threads" };

/* One word of it: "sockets=2", or in the first place "8". */
static bool read_smp_word(const char *word, size_t length, bool first, uint32_t number[SMP_NAMES])
{
	const char *equals = memchr(word, '=', length), *digits = equals ? equals + 1 : word;
	unsigned int i = first && !equals ? SMP_CPUS : equals ? 0 : SMP_NAMES;
	unsigned long value;
	char *end = NULL;

	while (equals && i < SMP_NAMES &&
	       (strlen(smp_name[i]) != (size_t)(equals - word) ||
		strncmp(smp_name[i], word, strlen(smp_name[i]))))
		i++;
	value = *digits >= '0' && *digits <= '9' ? strtoul(digits, &end, 10) : 0;
	if (i < SMP_NAMES && value && value <= UINT16_MAX && end == word + length) {
		number[i] = (uint32_t)value;
		return true;
	}
	cli_usage_error(
		"qemu: -smp: '%.*s'; allowed: N, and cpus, maxcpus, sockets, dies, modules, "
		"cores, threads = a number from 1 to %u",
		(int)length, word, UINT16_MAX);
	return false;
}

static bool read_smp(const char *smp, uint32_t number[SMP_NAMES])
{
	for (const char *word = smp, *end;; word = end + 1) {
		end = strchrnul(word, ',');
		if (!read_smp_word(word, (size_t)(end - word), word == smp, number))
			return false;
		if (!*end)
			return true;
	}
}

/* How many processors that is; 0: what does not go together was reported. */
static uint32_t count_cpus(const struct machine *m, const uint32_t number[SMP_NAMES])
{
	uint64_t cpus = number[SMP_CPUS] ? number[SMP_CPUS] : number[SMP_MAXCPUS];

	if (!cpus && !m->smp)
		cpus = 2 * m->sockets;
	if (!cpus) {
		cpus = m->sockets;
		for (unsigned int i = SMP_DIES; i < SMP_NAMES && cpus <= MAX_CPUS; i++)
			cpus *= number[i] ? number[i] : 1;
	}
	if (number[SMP_MAXCPUS] && number[SMP_MAXCPUS] != cpus)
		cli_usage_error("qemu: -smp: processors cannot be plugged in later (maxcpus=%u)",
				number[SMP_MAXCPUS]);
	else if (cpus > MAX_CPUS)
		cli_usage_error("qemu: -smp: %llu processors; allowed: up to %u",
				(unsigned long long)cpus, MAX_CPUS);
	else if (cpus % m->sockets)
		cli_usage_error("qemu: -smp: %llu processors in %u sockets",
				(unsigned long long)cpus, m->sockets);
	else
		return (uint32_t)cpus;
	return 0;
}

static bool add_smp(struct qemu_line *line, struct machine *m, const struct qemu_server *server)
{
	uint32_t number[SMP_NAMES] = { 0 };
	char levels[128] = "";

	if (m->smp && !read_smp(m->smp, number))
		return false;
	m->sockets = number[SMP_SOCKETS];
	if (!m->sockets)
		m->sockets = server->packages ? server->packages : 1;
	m->cpus = count_cpus(m, number);
	if (!m->cpus)
		return false;
	line->packages = m->sockets;
	qemu_line_add(line, "-smp");
	if (number[SMP_SOCKETS]) {
		qemu_line_add(line, "%s", m->smp);
		return true;
	}
	for (unsigned int i = SMP_DIES; i < SMP_NAMES; i++) {
		size_t length = strlen(levels);

		if (number[i])
			snprintf(levels + length, sizeof(levels) - length, ",%s=%u", smp_name[i],
				 number[i]);
	}
	qemu_line_add(line, "cpus=%u,sockets=%u%s", m->cpus, m->sockets, levels);
	return true;
}

/* A file in memory of that size, that the program which this becomes inherits. */
static bool add_memory(struct qemu_line *line, uint64_t bytes, const char **path)
{
	unsigned int i = line->nr_memories;
	int fd = memfd_create("pamt-qemu", 0);

	if (fd < 0 || ftruncate(fd, (off_t)bytes)) {
		cli_error(CLI_FAILED, "qemu: %llu MB of memory: %s",
			  (unsigned long long)(bytes >> 20), strerror(errno));
		return false;
	}
	line->memory[i].fd = fd;
	snprintf(line->memory[i].path, sizeof(line->memory[i].path), "/proc/self/fd/%d", fd);
	*path = line->memory[i].path;
	line->nr_memories++;
	return true;
}

/* A backend for a node that has none, or for a machine without nodes. */
static bool add_own_backend(struct qemu_line *line, uint64_t bytes, unsigned int node)
{
	const char *path;

	if (!add_memory(line, bytes, &path))
		return false;
	qemu_line_add(line, "-object");
	qemu_line_add(line, "memory-backend-file,id=pamt%u,size=%lluM,mem-path=%s,share=on", node,
		      (unsigned long long)(bytes >> 20), path);
	return true;
}

/* The user's backend of that name, out of a file in memory. */
static bool add_users_backend(struct qemu_line *line, const struct machine *m, const char *id,
			      size_t id_length)
{
	size_t length, size_length;
	const char *name, *size, *path;
	uint64_t bytes;

	for (unsigned int i = 0; i < m->nr_backends; i++) {
		name = value_of(m->backend[i], "id", &length);
		if (!name || length != id_length || strncmp(name, id, length))
			continue;
		size = value_of(m->backend[i], "size", &size_length);
		if (!size || !size_of(size, size_length, &bytes)) {
			cli_usage_error("qemu: -object %s: no size that can be read",
					m->backend[i]);
			return false;
		}
		if (!add_memory(line, bytes, &path))
			return false;
		qemu_line_add(line, "-object");
		qemu_line_add(line, "memory-backend-file,id=%.*s,size=%lluM,mem-path=%s,share=on",
			      (int)length, name, (unsigned long long)(bytes >> 20), path);
		return true;
	}
	cli_usage_error("qemu: -numa: no memory backend '%.*s'", (int)id_length, id);
	return false;
}

/* What a node has of all memory, in whole MB: together they have all of it. */
static uint64_t share_of(uint64_t bytes, unsigned int nodes, unsigned int node)
{
	const uint64_t mb = bytes >> 20;

	return (mb / nodes + (node < mb % nodes)) << 20;
}

/* The nodes of -numa; nodes without a backend of their own have the same share of -m each. */
static bool add_nodes(struct qemu_line *line, const struct machine *m)
{
	for (unsigned int i = 0; i < m->nr_nodes; i++) {
		size_t length;
		const char *id = value_of(m->node[i], "memdev", &length);

		if (has(m->node[i], "mem")) {
			cli_usage_error("qemu: -numa %s: q35 takes memdev=, not mem=", m->node[i]);
			return false;
		}
		if (id ? !add_users_backend(line, m, id, length)
		       : !add_own_backend(line, share_of(m->bytes, m->nr_nodes, i), i))
			return false;
		qemu_line_add(line, "-numa");
		if (id)
			qemu_line_add(line, "%s", m->node[i]);
		else
			qemu_line_add(line, "%s,memdev=pamt%u", m->node[i], i);
	}
	return true;
}

/* Nodes that nobody asked for but the server that the machine is to be like. */
static bool add_default_nodes(struct qemu_line *line, const struct machine *m, uint32_t nodes)
{
	uint32_t each = m->cpus / nodes;

	for (uint32_t i = 0; i < nodes; i++) {
		if (!add_own_backend(line, share_of(m->bytes, nodes, i), i))
			return false;
		qemu_line_add(line, "-numa");
		qemu_line_add(line, "node,nodeid=%u,cpus=%u-%u,memdev=pamt%u", i, i * each,
			      (i + 1) * each - 1, i);
	}
	return true;
}

static bool read_memory_size(struct machine *m)
{
	size_t length = 0;
	const char *size = NULL;

	m->bytes = DEFAULT_MEMORY;
	if (!m->memory)
		return true;
	size = value_of(m->memory, "size", &length);
	if (!size) {
		size = m->memory;
		length = strcspn(size, ",");
	}
	if (has(m->memory, "maxmem")) {
		cli_usage_error("qemu: -m %s: memory cannot be plugged in later", m->memory);
		return false;
	}
	if (!size_of(size, length, &m->bytes) || m->bytes % (UINT64_C(1) << 20)) {
		cli_usage_error("qemu: -m %s: not a size", m->memory);
		return false;
	}
	return true;
}

/* Memory ends where the server's has its first hole above 4 GB: QEMU leaves none. */
static bool fits_server(const struct machine *m, const struct qemu_server *server)
{
	uint64_t most = q35_low_bytes(UINT64_MAX, server->low_bytes) + server->high_bytes;

	if (!server->high_bytes || m->bytes <= most)
		return true;
	cli_usage_error("qemu: -m %lluM: the server of --machine has a hole at %#llx; allowed: up "
			"to %lluM",
			(unsigned long long)(m->bytes >> 20),
			(unsigned long long)(Q35_ABOVE_HOLE + server->high_bytes),
			(unsigned long long)(most >> 20));
	return false;
}

/* A backend that no node names would be missing in the machine. */
static bool all_are_nodes(const struct machine *m)
{
	for (unsigned int i = 0; i < m->nr_backends; i++) {
		size_t length = 0, id_length = 0;
		const char *id = value_of(m->backend[i], "id", &id_length), *memdev;
		bool found = false;

		for (unsigned int n = 0; id && n < m->nr_nodes; n++) {
			memdev = value_of(m->node[n], "memdev", &length);
			found |= memdev && length == id_length && !strncmp(memdev, id, length);
		}
		if (found)
			continue;
		cli_usage_error("qemu: -object %s is no node's; say -numa node,memdev=...",
				m->backend[i]);
		return false;
	}
	return true;
}

static bool complete(struct qemu_line *line, struct machine *m, const struct qemu_server *server)
{
	uint32_t nodes = server->nodes;

	if (!all_are_nodes(m))
		return false;
	/* QEMU takes it in one place only. */
	if (!m->accel && !(m->machine && has(m->machine, "accel"))) {
		qemu_line_add(line, "-accel");
		qemu_line_add(line, "tcg,thread=multi");
	}
	if (!add_smp(line, m, server))
		return false;
	if (m->nr_nodes || nodes <= 1 || m->cpus % nodes || nodes > QEMU_MAX_NODES)
		nodes = 0;
	if (m->nr_nodes ? !add_nodes(line, m)
	    : nodes	? !add_default_nodes(line, m, nodes)
			: !add_own_backend(line, m->bytes, 0))
		return false;
	m->nr_nodes += nodes;
	if (!add_machine(line, m, server) || !add_cpu(line, m))
		return false;
	qemu_line_add(line, "-m");
	qemu_line_add(line, "%lluM", (unsigned long long)(m->bytes >> 20));
	for (unsigned int i = 0; i < m->nr_rest; i++)
		qemu_line_add(line, "%s", m->rest[i]);
	return true;
}

bool qemu_line_make(struct qemu_line *line, char **words, const struct qemu_server *server)
{
	struct machine m = { 0 };
	bool made;

	*line = (struct qemu_line){ 0 };
	made = read_words(&m, words) && read_memory_size(&m) && fits_server(&m, server) &&
	       complete(line, &m, server);
	free(m.rest);
	return made;
}

void qemu_line_free(struct qemu_line *line)
{
	for (unsigned int i = 0; i < line->argc; i++)
		free(line->argv[i]);
	free(line->argv);
	for (unsigned int i = 0; i < line->nr_memories; i++)
		close(line->memory[i].fd);
}
