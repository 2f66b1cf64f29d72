// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_trap.c - `pamt trap`: runs a program whose SEAMCALL instructions the software module serves.
 *
 * The program is executed in this process's place, with a library in front of it that brings the
 * machine and the handler (port/trap/preload.c), so its exit status is its own. What can be known
 * to go wrong before that is said here; afterwards nobody would understand it.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/version.h"
#include "machine/map.h"
#include "port/trap/record_file.h"

struct request {
	const char *machine; /* NULL: this one */
	bool guard, next;
	uint64_t cpus;	    /* 0: those it may run on */
	const char *trace;  /* NULL: none; "-": stderr */
	const char *record; /* NULL: none */
	char **program;	    /* with its arguments */
};

enum { OPTION_CPUS = 1, OPTION_VERSION };

static const struct cli_option options[] = {
	{ 'm', "machine", "LOG|builtin:...", "the machine it finds; default: this one",
	  CLI_INTO(struct request, machine) },
	{ OPTION_CPUS, "cpus", "N", "logical processors; default: those it may run on", CLI_OWN },
	{ 'g', "guard", NULL, "report what it does to pages that are a TD's or the module's",
	  CLI_INTO(struct request, guard) },
	{ OPTION_VERSION, "module-version", "1.5.25|next",
	  "next: the module after it, with SYS.DISABLE", CLI_OWN },
	{ 0, "record", "FILE", "all that happens to the module, for `pamt replay`",
	  CLI_INTO(struct request, record) },
	{ 't', "trace", "[=FILE]", "a line per SEAMCALL, on stderr or into FILE",
	  CLI_INTO(struct request, trace) },
	{ 0 },
};

/* ------------------------------------------------------------------------------------------- */
/* The program                                                                                  */

/* What of an ELF file says whether a library can be put in front of it. */
struct elf {
	bool is_elf, is_x86_64, has_interpreter;
	char interpreter[PATH_MAX]; /* the dynamic linker */
};

static bool read_at(int fd, void *to, size_t bytes, uint64_t at)
{
	return pread(fd, to, bytes, (off_t)at) == (ssize_t)bytes;
}

static void read_interpreter(int fd, const Elf64_Ehdr *header, struct elf *elf)
{
	for (unsigned int i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr segment;
		size_t bytes;

		if (!read_at(fd, &segment, sizeof(segment),
			     header->e_phoff + i * (uint64_t)header->e_phentsize))
			return;
		if (segment.p_type != PT_INTERP)
			continue;
		bytes = segment.p_filesz < PATH_MAX ? segment.p_filesz : PATH_MAX - 1;
		elf->has_interpreter = read_at(fd, elf->interpreter, bytes, segment.p_offset);
		elf->interpreter[bytes] = 0;
		return;
	}
}

static void read_elf(int fd, struct elf *elf)
{
	Elf64_Ehdr header;

	*elf = (struct elf){ 0 };
	if (!read_at(fd, &header, sizeof(header), 0) || memcmp(header.e_ident, ELFMAG, SELFMAG))
		return;
	elf->is_elf = true;
	elf->is_x86_64 = header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == EM_X86_64;
	if (elf->is_x86_64)
		read_interpreter(fd, &header, elf);
}

/* The library is made for the C library that pamt itself runs with. */
static bool same_linker(const struct elf *elf)
{
	struct stat theirs, ours;
	struct elf self;
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return true; /* nothing to compare with */
	read_elf(fd, &self);
	close(fd);
	if (!self.has_interpreter || !strcmp(self.interpreter, elf->interpreter))
		return true;
	return !stat(self.interpreter, &ours) && !stat(elf->interpreter, &theirs) &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Of a script, the program in its first line; false: not a script. */
static bool read_script(int fd, char *interpreter)
{
	char line[PATH_MAX + 2] = "";
	const char *name = line + 2;

	if (pread(fd, line, sizeof(line) - 1, 0) < 2 || line[0] != '#' || line[1] != '!')
		return false;
	name += strspn(name, " \t");
	snprintf(interpreter, PATH_MAX, "%.*s", (int)strcspn(name, " \t\n"), name);
	return *interpreter != 0;
}

/* The system follows that many scripts that are the interpreter of another. */
#define MAX_SCRIPTS 4

/* An executable file that a library can be put in front of; or an error was reported. */
static bool program_fits(const char *path, unsigned int scripts)
{
	char interpreter[PATH_MAX];
	struct stat stat;
	bool script;
	struct elf elf;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &stat)) {
		cli_usage_error("trap: %s: %s", path, strerror(errno));
		return false;
	}
	read_elf(fd, &elf);
	script = read_script(fd, interpreter);
	close(fd);
	if (script && scripts < MAX_SCRIPTS)
		return program_fits(interpreter, scripts + 1);
	if (stat.st_mode & (S_ISUID | S_ISGID))
		cli_usage_error("trap: %s runs with the rights of its owner; the system lets no "
				"library before it",
				path);
	else if (elf.is_elf && !elf.is_x86_64)
		cli_usage_error("trap: %s is not a program for 64-bit x86", path);
	else if (elf.is_elf && !elf.has_interpreter)
		cli_usage_error("trap: %s is a static program; only dynamically linked ones can be "
				"trapped",
				path);
	else if (elf.is_elf && !same_linker(&elf))
		cli_usage_error("trap: %s uses another C library (%s)", path, elf.interpreter);
	else
		return true;
	return false;
}

static bool is_executable_file(const char *path)
{
	struct stat stat_;

	return !stat(path, &stat_) && S_ISREG(stat_.st_mode) && !access(path, X_OK);
}

/* Where the program is, as the shell would find it; or an error was reported. */
static bool find_program(const char *name, char *path)
{
	const char *search = getenv("PATH");
	struct stat stat_;

	if (strchr(name, '/')) {
		snprintf(path, PATH_MAX, "%s", name);
		if (stat(path, &stat_))
			cli_usage_error("trap: %s: %s", path, strerror(errno));
		else if (!S_ISREG(stat_.st_mode))
			cli_usage_error("trap: %s is not a file", path);
		else if (access(path, X_OK))
			cli_usage_error("trap: %s is not executable", path);
		else
			return true;
		return false;
	}
	for (; *name && search && *search;
	     search += strcspn(search, ":"), search += *search == ':') {
		int length = (int)strcspn(search, ":");

		snprintf(path, PATH_MAX, "%.*s%s%s", length, search, length ? "/" : "", name);
		if (is_executable_file(path))
			return true;
	}
	cli_usage_error("trap: no program '%s' in PATH", name);
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* What goes in front of it                                                                     */

/* A word in front of those that the variable holds already. */
static bool put_before(const char *variable, const char *word)
{
	const char *others = getenv(variable);
	char *value;

	if (asprintf(&value, "%s%s%s", word, others && *others ? ":" : "", others ? others : "") <
	    0)
		return false;
	setenv(variable, value, 1);
	free(value);
	return true;
}

/*
 * LD_PRELOAD takes names between spaces and colons, LD_LIBRARY_PATH folders between colons and
 * semicolons: where the folder has a space in its name, the library is found by way of the second.
 */
static bool put_in_front(char *library)
{
	char *name = strrchr(library, '/');

	if (!strpbrk(library, " :"))
		return put_before("LD_PRELOAD", library);
	if (strpbrk(library, ":;")) {
		cli_error(CLI_NOT_POSSIBLE,
			  "trap: '%s' cannot be preloaded: there is a colon or a semicolon in its "
			  "name",
			  library);
		return false;
	}
	*name = 0;
	return put_before("LD_LIBRARY_PATH", library) && put_before("LD_PRELOAD", name + 1);
}

/* As the program, or one that it starts in another folder, is to find the file. */
static bool set_path(const char *variable, const char *name)
{
	char path[PATH_MAX];

	if (!realpath(name, path)) {
		cli_usage_error("trap: %s: %s", name, strerror(errno));
		return false;
	}
	setenv(variable, path, 1);
	return true;
}

static bool set_machine(const struct request *request)
{
	struct machine_map map;

	unsetenv("PAMT_TRAP_MACHINE");
	if (request->machine && !strcmp(request->machine, "-")) {
		cli_usage_error("trap: --machine: standard input is the program's; name a file");
		return false;
	}
	/* Read here first: this is where mistakes in it are reported. */
	if (!cli_map_load(request->machine, NULL, &map))
		return false;
	map_free(&map);
	if (!request->machine)
		return true;
	if (strncmp(request->machine, "builtin:", 8))
		return set_path("PAMT_TRAP_MACHINE", request->machine);
	setenv("PAMT_TRAP_MACHINE", request->machine, 1);
	return true;
}

/* The file is made empty here; each process then writes to its end. */
static bool set_output(const char *option, const char *variable, const char *name)
{
	int fd, error;

	unsetenv(variable);
	if (!name)
		return true;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	error = fd < 0 ? -errno : record_file_begin(fd);
	if (fd >= 0)
		close(fd);
	if (error) {
		cli_usage_error("trap: --%s: %s: %s", option, name,
				error == -EBUSY
					? "another program's SEAMCALLs are being recorded there"
					: strerror(-error));
		return false;
	}
	return set_path(variable, name);
}

static bool set_trace(const struct request *request)
{
	if (!request->trace || strcmp(request->trace, "-"))
		return set_output("trace", "PAMT_TRAP_TRACE", request->trace);
	setenv("PAMT_TRAP_TRACE", "-", 1);
	return true;
}

static void set_cpus(const struct request *request)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)request->cpus);
	if (request->cpus)
		setenv("PAMT_TRAP_LPS", text, 1);
	else
		unsetenv("PAMT_TRAP_LPS");
}

static void set_flag(const char *name, bool set)
{
	if (set)
		setenv(name, "1", 1);
	else
		unsetenv(name);
}

static int run(const struct request *request)
{
	char program[PATH_MAX], library[PATH_MAX];

	if (!find_program(request->program[0], program) || !program_fits(program, 0) ||
	    !set_machine(request) || !set_trace(request) ||
	    !set_output("record", "PAMT_TRAP_RECORD", request->record))
		return CLI_USAGE;
	if (!cli_find_part("trap", "pkg/libpamt-trap.so", PAMT_TRAP_LIBRARY, library) ||
	    !put_in_front(library))
		return CLI_NOT_POSSIBLE;
	set_cpus(request);
	set_flag("PAMT_TRAP_GUARD", request->guard);
	set_flag("PAMT_TRAP_NEXT", request->next);
	cli_signals_back();
	execv(program, request->program);
	return cli_usage_error("trap: %s: %s", program, strerror(errno));
}

/* ------------------------------------------------------------------------------------------- */

/* More than the program can run on could never all be initialised. */
static uint64_t processors(void)
{
	cpu_set_t allowed;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return 1;
	return (uint64_t)CPU_COUNT(&allowed);
}

int cmd_trap(int argc, char **argv)
{
	struct request request = { 0 };
	struct cli_args args = { .options = options,
				 .argc = argc,
				 .argv = argv,
				 .into = &request,
				 .options_first = true };
	int id, nr;

	while ((id = cli_next_option(&args)) > 0) {
		if (id == OPTION_VERSION && !cli_module_version(args.value, &request.next))
			return CLI_USAGE;
		if (id == OPTION_CPUS &&
		    !cli_option_number("cpus", args.value, 1, processors(), &request.cpus))
			return CLI_USAGE;
	}
	if (id < 0)
		return args.exit;
	if (args.json)
		return cli_usage_error("trap: no --json: the output is the program's");
	request.program = cli_operands(&args, &nr);
	if (!nr)
		return cli_usage_error("trap: say which program to run");
	return run(&request);
}
