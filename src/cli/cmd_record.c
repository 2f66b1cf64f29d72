// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cmd_record.c - `pamt record`: the SEAMCALLs of this machine's own kernel into a file.
 *
 * It goes on until a signal comes, or until the command that it was given has ended. What was
 * missed is said at the end, and stands in the file's first line.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/child.h"
#include "cli/cli.h"
#include "live/boot.h"
#include "live/record.h"

struct wishes {
	uint64_t buffer;
	const char *image; /* NULL: record */
	bool from_boot;
};

static const struct cli_option options[] = {
	{ 'b', "buffer", "SIZE", "of each CPU in the kernel; default: 4M",
	  CLI_NUMBER(struct wishes, buffer, 64 * 1024, UINT64_C(1) << 30) },
	{ 0, "boot", "IMAGE",
	  "print the boot configuration with which this kernel, whose file is IMAGE, records from "
	  "its next boot on",
	  CLI_INTO(struct wishes, image) },
	{ 0, "from-boot", NULL, "begin with what was recorded so",
	  CLI_INTO(struct wishes, from_boot) },
	{ 0 },
};

static bool start(void *ctx)
{
	struct child *child = ctx;

	cli_note("recording; %s ends it", child->words ? child->words[0] : "Ctrl-C");
	return child_start(child);
}

static bool is_over(void *ctx) { return child_is_over(ctx); }

static json_t *json_report(const struct record_report *r)
{
	const struct cli_figure numbers[] = {
		{ "calls", r->calls },
		{ "missed_hits", r->missed_hits },
		{ "overrun", r->overrun },
		{ "cut", r->cut },
		{ "moved", r->moved },
		{ "td_params", r->params },
		{ "no_td_params", r->no_params },
	};
	json_t *root = cli_json("pamt.record/1");

	cli_json_figures(root, numbers, sizeof(numbers) / sizeof(*numbers));
	return root;
}

static void print_report(const struct record_report *r)
{
	printf("%" PRIu64 " calls\n", r->calls);
	if (r->missed_hits || r->overrun)
		printf("missed: %" PRIu64 " events: %" PRIu64
		       " for which the buffer had no room (more "
		       "with --buffer), %" PRIu64
		       " hits of probes\nThe recording may not replay.\n",
		       r->missed_hits + r->overrun, r->overrun, r->missed_hits);
	if (r->cut)
		printf("%" PRIu64 " calls of which only the beginning or the end was seen\n",
		       r->cut);
	if (r->moved)
		printf("%" PRIu64
		       " calls whose thread changed the CPU meanwhile: on which of the two "
		       "it was made is not known\n",
		       r->moved);
	if (r->no_params)
		printf("%" PRIu64 " calls of TDH.MNG.INIT without TD_PARAMS: %s\n", r->no_params,
		       *r->params_why.text ? r->params_why.text : "they were overwritten");
}

static int run(struct record_request *request, const char *path, bool json)
{
	struct record_report report;
	struct record_file file;
	struct why why;

	cli_stop_expect();
	if (record_file_open(&file, path, &why))
		return cli_usage_error("record: %s", why.text);
	request->file = &file;
	if (record_run(request, &report, &why))
		return cli_error(report.possible ? CLI_FAILED : CLI_NOT_POSSIBLE, "record: %s",
				 why.text);
	if (json)
		cli_json_print(json_report(&report));
	else
		print_report(&report);
	return child_code(request->ctx);
}

static int print_lines_of(const struct kernel_image *image, uint32_t buffer_kb)
{
	struct facts *facts = cli_alloc(1, sizeof(*facts));
	int code = CLI_OK;
	struct why why;

	if (facts_find(facts, false, &why) || boot_lines(facts, image, buffer_kb, stdout, &why))
		code = cli_error(CLI_NOT_POSSIBLE, "record: %s", why.text);
	facts_free(facts);
	free(facts);
	return code;
}

static int print_boot_lines(const char *path, uint32_t buffer_kb)
{
	struct kernel_image image;
	struct why why;
	int code;

	if (kernel_image_read(path, &image, &why))
		return cli_usage_error("record: --boot: %s", why.text);
	code = boot_check_image(&image, path, &why)
		       ? cli_usage_error("record: --boot: %s", why.text)
		       : print_lines_of(&image, buffer_kb);
	kernel_image_free(&image);
	return code;
}

int cmd_record(int argc, char **argv)
{
	struct wishes wishes = { .buffer = 4096 * 1024 };
	struct cli_args args = {
		.options = options,
		.argc = argc,
		.argv = argv,
		.into = &wishes,
		.options_first = true,
	};
	struct child child = { 0 };
	struct record_request request = {
		.stop = &cli_stop,
		.ready = start,
		.over = is_over,
		.ctx = &child,
	};
	char **operands;
	int nr;

	if (!cli_read_options(&args))
		return args.exit;
	operands = cli_operands(&args, &nr);
	if (wishes.image && (nr || wishes.from_boot))
		return cli_usage_error("record: --boot prints, and records nothing: no file, no "
				       "command, no --from-boot");
	if (wishes.image)
		return print_boot_lines(wishes.image, (uint32_t)(wishes.buffer / 1024));
	if (!nr)
		return cli_usage_error("record: no file; allowed: FILE, and a command behind it");
	request.buffer_kb = (uint32_t)(wishes.buffer / 1024);
	request.from_boot = wishes.from_boot;
	child.words = nr > 1 ? operands + 1 : NULL;
	return run(&request, operands[0], args.json);
}
