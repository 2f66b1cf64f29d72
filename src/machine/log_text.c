// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * log_text.c - the decoration of log lines, taken away.
 *
 * A line is rewritten in place: every rule makes it shorter or leaves its length. First a
 * journal's JSON gives way to its message; then one pass over the bytes applies the first rule
 * that matches; then the ends are trimmed.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "machine/log_text.h"

/* ------------------------------------------------------------------------------------------- */
/* JSON                                                                                         */

/* Keys under which journalctl, dmesg and log shippers keep the text of a line. */
static const char *const keys[] = { "\"MESSAGE\"", "\"message\"", "\"msg\"", "\"log\"" };

/* Behind the colon of the first such key; NULL: none. */
static char *find_message(char *line)
{
	for (unsigned int i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		char *at = strstr(line, keys[i]);

		if (!at)
			continue;
		at += strlen(keys[i]);
		at += strspn(at, " \t");
		if (*at != ':')
			continue;
		at++;
		at += strspn(at, " \t");
		if (*at == '"' || *at == '[')
			return at;
	}
	return NULL;
}

/* Four hexadecimal digits as UTF-8 (half of a pair as '?'); bytes written. */
static unsigned int put_unicode(const char *digits, char *to)
{
	char copy[5] = { 0 };
	unsigned long c;

	memcpy(copy, digits, strnlen(digits, 4));
	c = strtoul(copy, NULL, 16);
	if (c && c < 0x80) {
		to[0] = (char)c;
		return 1;
	}
	if (!c || (c >= 0xd800 && c < 0xe000)) {
		to[0] = '?';
		return 1;
	}
	if (c < 0x800) {
		to[0] = (char)(0xc0 | c >> 6);
		to[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	to[0] = (char)(0xe0 | c >> 12);
	to[1] = (char)(0x80 | (c >> 6 & 0x3f));
	to[2] = (char)(0x80 | (c & 0x3f));
	return 3;
}

/* A JSON string from behind its quote; what follows it is dropped. */
static void take_string(char *line, const char *at)
{
	char *to = line;

	while (*at && *at != '"') {
		char c = *at++;

		if (c != '\\' || !*at) {
			*to++ = c;
			continue;
		}
		c = *at++;
		if (c == 'u' && strnlen(at, 4) == 4) {
			to += put_unicode(at, to);
			at += 4;
		} else {
			*to++ = c == 'n' ? '\n' : strchr("tbfr", c) ? ' ' : c;
		}
	}
	*to = '\0';
}

/* journalctl writes a message with control characters as a list of its bytes. */
static void take_bytes(char *line, const char *at)
{
	char *to = line, *end;

	for (; *at && *at != ']'; at = end) {
		unsigned long byte = strtoul(at, &end, 10);

		if (end != at)
			*to++ = byte ? (char)byte : '?';
		else
			end++; /* a comma */
	}
	*to = '\0';
}

static void unwrap_json(char *line)
{
	char *message = find_message(line);

	if (message && *message == '"')
		take_string(line, message + 1);
	else if (message)
		take_bytes(line, message + 1);
}

/* ------------------------------------------------------------------------------------------- */
/* Rules                                                                                        */

/* Length of a terminal's sequence from behind its introducing ESC; 0: none. */
static size_t sequence(const char *at)
{
	size_t n;

	if (*at == ']') { /* up to BEL, or ESC and a backslash */
		n = strcspn(at, "\a\033");
		return at[n] == '\a' ? n + 1 : at[n] && at[n + 1] ? n + 2 : n;
	}
	if (*at == '(' || *at == ')')
		return at[1] ? 2 : 1;
	if (*at != '[')
		return *at >= '@' && *at <= '_' ? 1 : 0;
	n = 1 + strspn(at + 1, "0123456789;:?<=>");
	return at[n] >= '@' && at[n] <= '~' ? n + 1 : n;
}

/* The ways in which ESC is written where it cannot stand itself. */
static size_t written_escape(const char *at)
{
	static const char *const forms[] = { "^[[",  "\\x1b[",	 "\\x1B[",   "\\033[",
					     "\\e[", "\\u001b[", "\\u001B[", "#033[" };

	for (unsigned int i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t n = strlen(forms[i]);

		if (!strncmp(at, forms[i], n))
			return n - 1 + sequence(at + n - 1);
	}
	return 0;
}

/* A tag of a web page; not "<6>" of syslog, nor "<host>". */
static size_t tag(const char *at, char *put)
{
	static const char *const names[] = { "br", "p",	   "pre",    "code", "span", "div",
					     "td", "tr",   "li",     "b",    "i",    "em",
					     "a",  "font", "strong", "tt",   "u",    "samp" };
	const char *name = at + 1 + (at[1] == '/');
	size_t n = 0, end = strcspn(at, ">");

	while (isalpha((unsigned char)name[n]))
		n++;
	if (!n || at[end] != '>' || (name[n] != '>' && name[n] != ' ' && name[n] != '/'))
		return 0;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strlen(names[i]) == n && !strncasecmp(name, names[i], n)) {
			*put = i ? '\0' : '\n';
			return end + 1;
		}
	return 0;
}

/* What stands for one character or for none (put 0). */
static const struct {
	const char *text;
	char put;
} fixed[] = {
	{ "\\n", '\n' },
	{ "\\t", ' ' },
	{ "\\r", 0 },
	{ "\\\"", '"' },
	{ "&gt;", '>' },
	{ "&lt;", '<' },
	{ "&amp;", '&' },
	{ "&quot;", '"' },
	{ "&#34;", '"' },
	{ "&#39;", '\'' },
	{ "&#x27;", '\'' },
	{ "&#160;", ' ' },
	{ "&nbsp;", ' ' },
	{ "**", 0 },
	{ "`", ' ' },
	{ "\xc2\xa0", ' ' },
	{ "\xe2\x80\xaf", ' ' },
	{ "\xe2\x80\x8b", 0 },
	{ "\xef\xbb\xbf", 0 },
	{ "\xe2\x80\x98", '\'' },
	{ "\xe2\x80\x99", '\'' },
	{ "\xe2\x80\x9c", '"' },
	{ "\xe2\x80\x9d", '"' },
	{ "\xe2\x80\x90", '-' },
	{ "\xe2\x80\x91", '-' },
	{ "\xe2\x80\x92", '-' },
	{ "\xe2\x80\x93", '-' },
	{ "\xe2\x80\x94", '-' },
	{ "\xe2\x88\x92", '-' },
	{ "\xe2\x94\x82", ' ' },
};

static size_t fixed_rule(const char *at, char *put)
{
	for (unsigned int i = 0; i < sizeof(fixed) / sizeof(*fixed); i++) {
		size_t n = strlen(fixed[i].text);

		if (!strncmp(at, fixed[i].text, n)) {
			*put = fixed[i].put;
			return n;
		}
	}
	return 0;
}

/* Length of what a rule takes away at this place, and what it puts there; 0: the byte stays. */
static size_t apply_rule(const char *at, char *put)
{
	size_t n = 0;

	*put = '\0';
	switch (*at) {
	case '\033':
		return 1 + sequence(at + 1);
	case '<':
		return tag(at, put);
	case '^':
	case '#':
		return written_escape(at);
	case '\\':
		n = written_escape(at);
		return n ? n : fixed_rule(at, put);
	case '&':
	case '*':
	case '`':
		return fixed_rule(at, put);
	default:
		if ((unsigned char)*at >= 0x80)
			return fixed_rule(at, put);
		*put = ' ';
		return iscntrl((unsigned char)*at) && *at != '\n';
	}
}

/* Blanks, quotes and what stands behind a quote in lists and programs. */
static char *trim(char *line)
{
	size_t length = strlen(line);

	while (length && strchr(" \"',|", line[length - 1]))
		line[--length] = '\0';
	return line;
}

void log_text_clean(char *line)
{
	const char *at = line;
	char *to = line, put;

	unwrap_json(line);
	while (*at) {
		size_t n = apply_rule(at, &put);

		if (!n)
			*to++ = *at++;
		else if (put)
			*to++ = put;
		at += n;
	}
	*to = '\0';
}

/* ------------------------------------------------------------------------------------------- */
/* Files                                                                                        */

int log_reader_open(struct log_reader *reader, FILE *file)
{
	*reader = (struct log_reader){ .file = file, .buffer = malloc(LOG_LINE_SIZE) };
	return reader->buffer ? 0 : -1;
}

void log_reader_close(struct log_reader *reader)
{
	free(reader->buffer);
	reader->buffer = NULL;
}

/* One line without its end, cut to size. False: the file has ended. */
static bool read_raw(struct log_reader *reader)
{
	char *text = reader->buffer;
	size_t length = 0;
	int c;

	if (reader->bytes > LOG_MAX_BYTES)
		return false;
	while ((c = getc_unlocked(reader->file)) != EOF && c != '\n') {
		reader->zero |= !c;
		if (length < LOG_LINE_SIZE - 1)
			text[length++] = c ? (char)c : '?';
		if (++reader->bytes > LOG_MAX_BYTES)
			break;
	}
	reader->bytes++;
	reader->open_end = c == EOF;
	text[length] = '\0';
	return c != EOF || length;
}

char *log_reader_next(struct log_reader *reader)
{
	char *line = reader->next;

	if (!line) {
		if (!read_raw(reader))
			return NULL;
		reader->number++;
		log_text_clean(reader->buffer);
		line = reader->buffer;
	}
	reader->next = strchr(line, '\n');
	if (reader->next)
		*reader->next++ = '\0';
	return trim(line);
}
