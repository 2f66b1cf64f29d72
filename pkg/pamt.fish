# SPDX-License-Identifier: GPL-2.0-only OR MIT
# fish completion for pamt, which itself says what may stand where: src/cli/complete.c.

function __pamt_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l before (string match -r '^.*[=,]' -- $current)
    for line in (command $words[1] complete $words[2..-1] "$current" 2>/dev/null)
        switch $line
            case :files
                for file in (complete -C "'' "(string replace -r '^.*[=,]' '' -- $current))
                    echo "$before$file"
                end
            case :commands
                __fish_complete_command
            case ':program *'
                set -l from (math (string replace ':program ' '' -- $line) + 1)
                complete -C (string join ' ' -- (string escape -- $words[$from..-1]) "$current")
            case '*'
                echo $line
        end
    end
end

complete -c pamt -f -a '(__pamt_complete)'
