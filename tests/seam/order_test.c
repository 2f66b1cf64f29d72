/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * order_test.c - the order in which leaves report, as docs/abi.md says it.
 *
 * Of what can be wrong with a leaf (order.h) the last is made wrong first, and each one before it
 * on top of those: the first of all that are wrong is what the call must answer. The document's row
 * for the leaf is read too: it must name the same things in the same order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "order.h"

static uint64_t call(struct order *o)
{
	struct tdx_regs regs = o->in;

	return rig_call(&o->rig, 0, &regs);
}

static size_t nr_steps(const struct leaf *leaf)
{
	size_t nr = 0;

	while (leaf->steps[nr].make)
		nr++;
	return nr;
}

static void the_first_of_all_that_is_wrong_is_reported(void **state)
{
	(void)state;
	for (size_t i = 0; i < order_nr_leaves; i++) {
		const struct leaf *leaf = &order_leaves[i];
		static struct order o;
		uint64_t status;

		leaf->begin(&o);
		for (size_t k = nr_steps(leaf); k--;) {
			leaf->steps[k].make(&o, leaf->steps[k].arg);
			status = call(&o);
			if (status != leaf->steps[k].status)
				fail_msg("%s, step %zu (%s): 0x%llx", leaf->name, k,
					 leaf->steps[k].says, (unsigned long long)status);
		}
		rig_stop(&o.rig);
		leaf->begin(&o);
		status = call(&o);
		if (status != TDX_SUCCESS)
			fail_msg("%s: nothing is wrong, and it answers 0x%llx", leaf->name,
				 (unsigned long long)status);
		rig_stop(&o.rig);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* The document.                                                                                */

static char *document;

/*
 * What it says of a leaf or a building block: the row of a table, or from its name in bold letters
 * to the next that is so.
 */
static char *section_of(const char *name)
{
	char mark[64], *at, *end;

	snprintf(mark, sizeof(mark), "\n| %s |", name);
	at = strstr(document, mark);
	if (at) {
		end = strchr(at + 1, '\n');
	} else {
		snprintf(mark, sizeof(mark), "\n**%s**", name);
		at = strstr(document, mark);
		if (!at)
			fail_msg("%s is not in the document", name);
		end = strstr(at + strlen(mark), "\n**");
	}
	assert_non_null(end);
	return strndup(at + strlen(mark), (size_t)(end - at) - strlen(mark));
}

/* Lines are broken anywhere. */
static void join_lines(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++)
		if (!(strchr(" \n", *from) && to > text && to[-1] == ' '))
			*to++ = *from == '\n' ? ' ' : *from;
	*to = '\0';
}

/* *at goes on to the phrase, where it may be already. */
static void must_follow(const char *name, const char **at, const char *phrase)
{
	const char *found = strstr(*at, phrase);

	if (!found)
		fail_msg("the document has no '%s' here: %s: %s", phrase, name, *at);
	*at = found;
}

/* In the building block, without the operand that the leaf gives it. */
static void block_has_order(const struct step *step, size_t nr)
{
	char name[64], *row;
	const char *at;

	snprintf(name, sizeof(name), "%s", step->block);
	if (strchr(name, '('))
		strcpy(strchr(name, '('), " *r*");
	row = section_of(name);
	at = row;
	for (size_t i = 0; i < nr && strcmp(name, "address *r*"); i++)
		must_follow(name, &at, step[i].says);
	free(row);
}

static void the_document_has_these_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < order_nr_leaves; i++) {
		const struct step *step = order_leaves[i].steps;
		char *section = section_of(order_leaves[i].name);
		const char *at = section;
		size_t nr;

		join_lines(section);
		for (; step->make; step += nr) {
			must_follow(order_leaves[i].name, &at,
				    step->block ? step->block : step->says);
			for (nr = 1; step->block && step[nr].block; nr++)
				if (strcmp(step[nr].block, step->block) != 0)
					break;
			if (step->block)
				block_has_order(step, nr);
		}
		free(section);
	}
}

/* A row that is added to a table of orders is added here too. */
static void every_row_is_tested(void **state)
{
	static const char head[] = "| leaf | order |\n| --- | --- |\n";

	(void)state;
	for (const char *at = document; (at = strstr(at, head));) {
		for (at += strlen(head); !strncmp(at, "| ", 2); at = strchr(at, '\n') + 1) {
			size_t i = 0;

			while (i < order_nr_leaves &&
			       (strncmp(at + 2, order_leaves[i].name,
					strlen(order_leaves[i].name)) != 0 ||
				strncmp(at + 2 + strlen(order_leaves[i].name), " |", 2) != 0))
				i++;
			if (i == order_nr_leaves)
				fail_msg("not tested: %.40s", at);
		}
	}
}

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	if (!file || !text || !fread(text, 1, (1 << 20) - 1, file))
		exit(2);
	fclose(file);
	return text;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_of_all_that_is_wrong_is_reported),
		cmocka_unit_test(the_document_has_these_orders),
		cmocka_unit_test(every_row_is_tested),
	};
	int failed;

	if (argc != 2)
		return 2;
	document = read_all(argv[1]);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(document);
	return failed;
}
