// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * report_page.c - the frame of a report: head, style sheet, sections, cards.
 */
#include <string.h>

#include "cli/report.h"
#include "cli/version.h"

/*
 * Series colours keep apart for the common kinds of colour blindness (Okabe and Ito's, darker on
 * white, lighter on black); areas are the same colours, thin.
 */
static const char style[] =
	":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#57606a;--line:#d8dee4;"
	"--card:#f6f8fa;--a:#0066b2;--b:#c4500a;--c:#007a5a;--d:#a8378a;--e:#8a6a00;--f:#4a56c9;"
	"--g:#6b7280;--h:#b3261e;--i:#2b2f36;--k-2m:#7fb2e5;--k-4k:#e07b2a;--k-pool:#0a8f6a;--k-"
	"idle:#b48ead;"
	"--k-free:#e9edf1;--bad:#b3261e}"
	"@media (prefers-color-scheme:dark){:root{--bg:#0f1318;--fg:#e6e9ed;--soft:#9aa4af;"
	"--line:#2d343c;--card:#181d24;--a:#5cb3ff;--b:#ff9a5c;--c:#3fd0a4;--d:#e58fd0;--e:#e0bd4a;"
	"--f:#9aa5ff;--g:#9aa4af;--h:#ff7b72;--i:#e6e9ed;--k-2m:#3b6ea5;--k-4k:#f08a3c;--k-pool:#"
	"2fc197;"
	"--k-idle:#b48ead;--k-free:#20262e;--bad:#ff7b72}}"
	"*{box-sizing:border-box}"
	"body{margin:0 auto;max-width:68rem;padding:1.5rem 1.25rem 3rem;background:var(--bg);"
	"color:var(--fg);font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',"
	"sans-serif}"
	"h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}h2{font-size:1.25rem;margin:2rem 0 "
	"0}"
	"p{margin:.25rem 0 .75rem}.soft,footer,.axis{color:var(--soft)}"
	"footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:.75rem;"
	"font-size:.875rem}"
	".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;"
	"margin:1rem 0}"
	".cards div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"
	"padding:.6rem .8rem}"
	".cards "
	"b{display:block;font-size:1.35rem;line-height:1.3;font-variant-numeric:tabular-nums}"
	".cards span{color:var(--soft);font-size:.875rem;line-height:1.3;display:block}"
	".cards .bad b{color:var(--bad)}"
	".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(26rem,100%),1fr));"
	"gap:1.25rem 1.75rem;margin:1.25rem 0}"
	"figure{margin:0;min-width:0}figcaption{font-weight:600;margin-bottom:.25rem}"
	"figcaption small{display:block;font-weight:400;color:var(--soft);font-size:.875rem}"
	"svg{display:block;width:100%;height:auto}"
	"svg text{font:11px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
	"fill:var(--soft)}svg text.name{font-weight:600}"
	".grid{stroke:var(--line);stroke-width:1;fill:none}"
	".series{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
	".area{stroke:none;opacity:.18}"
	".sa{stroke:var(--a)}.sb{stroke:var(--b)}.sc{stroke:var(--c)}.sd{stroke:var(--d)}"
	".se{stroke:var(--e)}.sf{stroke:var(--f)}.sg{stroke:var(--g)}.sh{stroke:var(--h)}"
	".si{stroke:var(--i)}.fi{fill:var(--i)}.main{stroke-width:3}"
	".fa{fill:var(--a)}.fb{fill:var(--b)}.fc{fill:var(--c)}.fd{fill:var(--d)}.fe{fill:var(--e)}"
	".ff{fill:var(--f)}.fg{fill:var(--g)}.fh{fill:var(--h)}"
	".k-2m{fill:var(--k-2m)}.k-4k{fill:var(--k-4k)}.k-pool{fill:var(--k-pool)}"
	".k-idle{fill:var(--k-idle)}.k-free{fill:var(--k-free)}"
	"details{margin:.4rem 0;font-size:.875rem}summary{cursor:pointer;color:var(--soft)}"
	".scroll{overflow-x:auto;container-type:inline-size}"
	"table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5rem 0;"
	"font-size:.875rem}"
	"th,td{padding:.2rem .7rem .2rem 0;text-align:right;border-bottom:1px solid var(--line);"
	"white-space:nowrap;vertical-align:top}th:first-child,td:first-child{text-align:left;"
	"white-space:normal}ul.notes{padding-left:1.25rem;margin:.5rem 0;overflow-wrap:anywhere}"
	"th{font-weight:600}code{overflow-wrap:anywhere}"
	/* A row that does not fit becomes a card: its cells one below the other, each with its
	   title. */
	"@container (max-width:62rem){thead{position:absolute;width:1px;height:1px;overflow:hidden;"
	"clip-path:inset(50%)}table,tbody{display:block}tr{display:grid;"
	"grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:0 1rem;padding:.4rem 0;"
	"border-bottom:1px solid var(--line)}th,td{border:0;padding:.05rem 0}"
	"td:first-child{grid-column:1/-1;font-weight:600}td[data-title]{display:flex;gap:.5rem;"
	"justify-content:space-between}td[data-title]::before{content:attr(data-title);"
	"color:var(--soft);text-align:left;overflow-wrap:anywhere;white-space:normal}}"
	"@media (max-width:30rem){body{padding:1rem .8rem 2rem}.cards{grid-template-columns:1fr "
	"1fr;"
	"gap:.5rem}.cards b{font-size:1.15rem}}"
	"@media print{:root{color-scheme:light;--bg:#fff;--fg:#000;--soft:#444;--line:#bbb;"
	"--card:#fff;--a:#0066b2;--b:#c4500a;--c:#007a5a;--d:#a8378a;--e:#8a6a00;--f:#4a56c9;"
	"--g:#6b7280;--h:#b3261e;--i:#2b2f36;--k-2m:#7fb2e5;--k-4k:#e07b2a;--k-pool:#0a8f6a;--k-"
	"idle:#b48ead;"
	"--k-free:#e9edf1;--bad:#b3261e}"
	"html{font-size:10.5pt}body{max-width:none;padding:0}.charts{grid-template-columns:1fr 1fr}"
	"section{break-before:page}section:first-of-type"
	"{break-before:auto}figure,.cards,tr{break-inside:avoid}details:not([open]){display:none}"
	"*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

void report_text(FILE *to, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", to);
			break;
		case '<':
			fputs("&lt;", to);
			break;
		case '>':
			fputs("&gt;", to);
			break;
		case '"':
			fputs("&quot;", to);
			break;
		default:
			fputc(*text, to);
		}
	}
}

void report_begin(FILE *to, const char *title)
{
	fputs("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
	      to);
	report_text(to, title);
	fputs("</title>\n<style>", to);
	fputs(style, to);
	fputs("</style>\n</head>\n<body>\n<main>\n<h1>", to);
	report_text(to, title);
	fputs("</h1>\n", to);
}

void report_end(FILE *to)
{
	fputs("</main>\n<footer>Made by pamt " PAMT_VERSION
	      ". KB, MB, GB and TB are powers of 1024."
	      "</footer>\n</body>\n</html>\n",
	      to);
}

void report_section(FILE *to, const char *title, const char *subtitle)
{
	fputs("<section>\n<h2>", to);
	report_text(to, title);
	fputs("</h2>\n<p class=\"soft\">", to);
	report_text(to, subtitle);
	fputs("</p>\n", to);
}

void report_origin(FILE *to, const json_t *root)
{
	const char *written = json_string_value(json_object_get(root, REPORT_WRITTEN));
	const char *command = json_string_value(json_object_get(root, "command"));

	fputs("<p class=\"soft\">", to);
	if (written)
		fprintf(to, "Written %s; ", written);
	fprintf(to, "seed %llu", (unsigned long long)report_integer(root, "seed"));
	if (report_integer(root, "scaled") > 1)
		fprintf(to, ", memory divided by %llu",
			(unsigned long long)report_integer(root, "scaled"));
	if (command) {
		fputs("; <code>", to);
		report_text(to, command);
		fputs("</code>", to);
	}
	fputs("</p>\n", to);
}

void report_section_end(FILE *to) { fputs("</section>\n", to); }

void report_cell(FILE *to, const char *title, const char *value, bool bad)
{
	fputs("<td data-title=\"", to);
	report_text(to, title);
	fputs(bad ? "\"><strong>" : "\">", to);
	report_text(to, value);
	fputs(bad ? "</strong></td>" : "</td>", to);
}

void report_cards(FILE *to) { fputs("<div class=\"cards\">\n", to); }

void report_card(FILE *to, const char *value, const char *what, bool bad)
{
	fprintf(to, "<div%s><b>", bad ? " class=\"bad\"" : "");
	report_text(to, value);
	fputs("</b><span>", to);
	report_text(to, what);
	fputs("</span></div>\n", to);
}

void report_cards_end(FILE *to) { fputs("</div>\n", to); }

/* A file may name any number. With these sums and products of a few of them stay numbers. */
#define LARGEST 1e270

double report_number(const json_t *object, const char *key)
{
	double value = json_number_value(json_object_get(object, key));

	return value > LARGEST ? LARGEST : value < -LARGEST ? -LARGEST : value;
}

uint64_t report_integer(const json_t *object, const char *key)
{
	json_int_t value = json_integer_value(json_object_get(object, key));

	return value > 0 ? (uint64_t)value : 0;
}
