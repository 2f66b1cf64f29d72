#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR MIT
"""Long jobs that somebody ends: Ctrl-C shows what was found so far and says how to go on, and the process
ends by the signal. What they say of how far they are: in lines on a file, and so that it fits on a terminal.

Argument: pamt."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios

pamt = sys.argv[1]
environment = dict(os.environ, PAMT_PROGRESS_MS="1")
failures = []

# Words, what stdout has, what stderr says of how to go on.
JOBS = [
    (["check", "--module", "model", "--bound", "4"], "violations", "with --state FILE the same command goes on"),
    (["check", "--mutants"], "not looked for", "begins anew"),
    (["check", "--real", "--threads", "2"], "operations: ", "--seed [0-9]+ goes on from here"),
    (["compare"], "design", "of [0-9]+ runs; .* shorter with --designs"),
    (["compare", "--matrix"], "", "of [0-9]+ cells; .*--cells TEXT"),
    (["bench", "seam"], "this machine", "shorter with fewer --rounds"),
    (["bench", "host"], "figure", "shorter with fewer --rounds"),
    (["bench", "host", "--threads", "1"], "", "shorter with fewer --rounds"),
]


def check(what, good, *seen):
    if not good:
        failures.append(what)
        print(f"FAILED {what}", *seen, sep="\n    ")


def end(words, stdout, stderr):
    """The signal comes after the job has said how far it is for the third time."""
    name = " ".join(words)
    job = subprocess.Popen([pamt, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                           env=environment)
    lines = [job.stderr.readline() for _ in range(3)]
    job.send_signal(signal.SIGINT)
    out, err = job.communicate()
    check(f"{name}: lines say how far it is", all(re.match(r"pamt: .*\d+", line) for line in lines), *lines)
    check(f"{name}: it ends by the signal", job.returncode == -signal.SIGINT, job.returncode, err)
    check(f"{name}: what there is so far", stdout in out, out[-400:], err[-400:])
    check(f"{name}: how to go on", re.search(stderr, err), err[-400:])


def terminal_closed():
    """It is a Ctrl-C that nobody pressed; after nohup it is nothing."""
    words = [pamt, "check", "--module", "model", "--bound", "4"]
    for handler, status in ((signal.SIG_DFL, -signal.SIGHUP), (signal.SIG_IGN, -signal.SIGTERM)):
        job = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                               preexec_fn=lambda: signal.signal(signal.SIGHUP, handler))
        job.stderr.readline()
        job.send_signal(signal.SIGHUP)
        job.stderr.readline()
        if handler == signal.SIG_IGN:
            job.send_signal(signal.SIGTERM)
        out, err = job.communicate()
        check(f"SIGHUP: ended by {status}", job.returncode == status and "violations" in out, job.returncode, out, err)


def json_of_a_part():
    """Half an object of a bench would pass for the whole."""
    job = subprocess.Popen([pamt, "bench", "seam", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           text=True, env=environment)
    job.stderr.readline()
    job.send_signal(signal.SIGTERM)
    out, err = job.communicate()
    check("no JSON of a part of a bench", out == "" and job.returncode == -signal.SIGTERM, out, err)


def quiet():
    """With -q nothing is said."""
    done = subprocess.run([pamt, "check", "-q", "--module", "model", "--schedules", "200000"], capture_output=True,
                          text=True, env=environment)
    check("-q: no progress", done.stderr == "" and done.returncode == 0, done.stderr)


def on_a_terminal(columns):
    """All that stands on the line at once is shorter than the line."""
    pid, terminal = pty.fork()
    if not pid:
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(pamt, [pamt, "check", "--module", "model", "--schedules", "1000000"])
    text = b""
    while True:
        try:
            text += os.read(terminal, 65536)
        except OSError:
            break
    os.waitpid(pid, 0)
    lines = [line for line in text.decode().split("\r\x1b[K") if "schedules:" in line]
    lines = [line.split("\r")[0] for line in lines]
    check(f"{columns} columns: there is progress", lines, text[-300:])
    longest = max(map(len, lines), default=0)
    check(f"{columns} columns: it fits", longest < columns, *lines[-3:])


for job in JOBS:
    end(*job)
terminal_closed()
json_of_a_part()
quiet()
for columns in (30, 200):
    on_a_terminal(columns)
print(f"{len(failures)} failed")
sys.exit(1 if failures else 0)
