#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
# report.sh - `pamt report`: a page from a run and from a comparison, that it needs nothing beside
# it, and bad input. With `look` in $3 the page is drawn by a browser and its picture looked at;
# without one the test is skipped.
what=${3-}
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh" "$1" "$2"
exec </dev/null
here=$(dirname "$0")

# To be looked at it must have something in both kinds of pages in more than a few squares.
if [ "$what" = look ]; then size=(--memory 2G --4k 60); else size=(--memory 512M --4k 10); fi
runs a_run 0 run --json --machine builtin:256g "${size[@]}" --flips 8
json '.regions.total["4k"] > 0 and .regions.total["2m"] > 0 and .regions.total.pool > 0'
json '([.regions.total[]] | add) == .regions.regions'
json '.regions as $r | ([$r.cells[] | .[0] * (.[1:] | add)] | add) == $r.regions'
json '(.regions.cells | length) <= 2048 and ([.regions.cells[][0]] | add) <= 2048'
cp "$scratch/out" "$scratch/run.json"

if [ "$what" = look ]; then
	browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
		echo 'there is no chromium to draw the page with'
		exit 77
	}
	runs page 0 report --output "$scratch/page.html" "$scratch/run.json" "$data/compare.json"
	# A phone and a desk, light and dark. A window is never narrower than 500: the page is in a frame.
	for look in dark:375 light:375 dark:1280 light:1280; do
		scheme=$([ "${look%:*}" = dark ] && echo 0 || echo 1) width=${look#*:}
		window=$((width > 500 ? width : 500))
		name="picture, $look"
		sed "s,WIDTH,$width,; s,PAGE,file://$scratch/page.html," "$here/look.html" >"$scratch/look.html"
		for what in "--screenshot=$scratch/$look.png" --dump-dom; do
			HOME=$scratch timeout 120 "$browser" --headless --no-sandbox --disable-gpu \
				--hide-scrollbars --user-data-dir="$scratch/profile" \
				--allow-file-access-from-files --blink-settings=preferredColorScheme="$scheme" \
				--window-size="$window,9000" "$what" "file://$scratch/look.html" \
				>"$scratch/out" 2>"$scratch/err"
		done
		check_that 'it was drawn' test -s "$scratch/$look.png"
		check_that 'it looks right' python3 "$here/look.py" "$scratch/$look.png" "${look%:*}" "$width"
		# What the browser says of it: its width, and what does not fit.
		out_has "page: $width of $width, cut: none, names over the edge: none"
		out_has 'text: Dynamic PAMT, builtin:256g'
	done
	finish
	exit
fi

runs page 0 report "$scratch/run.json"
err_empty
out_has '<!doctype html>'
out_has 'PAMT over time, static against dynamic'
out_has 'What memory is used for'
out_has '<title>2 MiB regions by kind</title>'
# Whose figures these are: the machine, when, the seed, the options.
out_has '<h1>Dynamic PAMT, builtin:256g, 20'
out_has "Written $(date -u -r "$scratch/run.json" '+%Y-%m-%d %H:%M UTC'); seed 1; <code>pamt run --json"
for axis in 'memory for PAMT' 'memory of all TDs together' 'number so far (logarithmic)' 'time since boot'; do
	out_has "$axis</text>"
done
out_has 'prefers-color-scheme:dark'
out_has '@media print'
# Nothing is fetched, nothing runs.
for word in 'http' '<script' '<link' '<img' 'url(' '@import'; do
	out_lacks "$word"
done
check_that 'well-formed' python3 "$here/wellformed.py" "$scratch/out"
# However long it took: a tick at the very end of the time axis had its text over the edge of the drawing.
jq '.timeline[-1].seconds as $last | .timeline[].seconds *= 0.6001 / $last' "$scratch/run.json" >"$scratch/even.json"
runs tick_at_the_end 0 report "$scratch/even.json"
out_has '>600 ms<'
check_that 'well-formed' python3 "$here/wellformed.py" "$scratch/out"

runs a_comparison 0 report --title 'Ours & <theirs>' "$data/compare.json"
out_has 'Ours &amp; &lt;theirs&gt;'
out_has 'Get and put, for each get'
out_has 'per-region'
# The columns of the terminal, under its names.
for column in 'PAMT at boot' 'at peak' left ADD REMOVE BUSY missing failures 'in any order' gets 'mean get' 'in get' \
	'get+put' waited longest 'faults/s' 'TD boot'; do
	out_has "<th scope=\"col\">$column</th>"
	out_has "<td data-title=\"$column\">"
done
check_that 'every design has its line and its name at the end' test \
	"$(grep -o 'class="name' "$scratch/out" | wc -l)" -ge "$(jq '.runs | length' "$data/compare.json")"
check_that 'well-formed' python3 "$here/wellformed.py" "$scratch/out"

runs both_into_a_file 0 report --json -o "$scratch/page.html" "$scratch/run.json" "$data/compare.json"
json '.schema == "pamt.report/1" and .files == 2 and .bytes > 10000'
check_that 'the file is there' test -s "$scratch/page.html"

runs static_run 0 run --json --static --machine builtin:256g --memory 64M --flips 0
json '.regions == null'
cp "$scratch/out" "$scratch/static.json"
runs page_of_static 0 report "$scratch/static.json"
out_has 'Memory of TDs'

# What a file says is text, whatever it is.
jq '.scenario = "<script>alert(1)</script>"' "$scratch/run.json" >"$scratch/odd.json"
runs odd_name 0 report "$scratch/odd.json"
out_lacks '<script'
out_has '&lt;script&gt;'
# Members of other kinds than they should be: less is drawn, nothing breaks.
jq '.timeline = [1, "x", {"seconds": -1}] | .regions = {"cells": [3, [1, 2], [9000000, 1, 1, 1, 1, 1]],
	"kinds": "no", "per_cell": -4}' "$scratch/run.json" >"$scratch/odd.json"
runs odd_members 0 report "$scratch/odd.json"
check_that 'well-formed' python3 "$here/wellformed.py" "$scratch/out"
jq '.runs = [{}, 3, {"design": 4}] | .curve = [{"design": "a"}, {"cpus": 4}, 7]' "$data/compare.json" \
	>"$scratch/odd.json"
runs odd_comparison 0 report "$scratch/odd.json"
check_that 'well-formed' python3 "$here/wellformed.py" "$scratch/out"

echo '{"schema": "pamt.plan/1"}' >"$scratch/plan.json"
echo '{"schema": "pamt.run/1"}' >"$scratch/empty.json"
printf '{\n"schema": pamt' >"$scratch/broken.json"
refuses no_file '1 to 64 files' report
refuses missing_file 'no-such-file' report "$scratch/no-such-file"
refuses other_schema "schema 'pamt.plan/1' is not known; allowed: pamt.run/1, pamt.compare/1" report "$scratch/plan.json"
refuses not_json 'broken.json:2:' report "$scratch/broken.json"
refuses no_run "member 'machine'" report "$scratch/empty.json"
refuses json_alone 'needs --output' report --json "$scratch/run.json"
refuses no_place 'no-such-folder' report -o "$scratch/no-such-folder/x" "$scratch/run.json"

finish
