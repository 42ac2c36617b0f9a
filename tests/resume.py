#!/usr/bin/env python3
"""A story that is killed anywhere goes on where it was, and ends in the same bytes as one that was not.

    tests/resume.py PROGRAM [NUMBER OF MOMENTS, 20]

Kills `make` with SIGKILL at moments spread over an unbroken run, starts it again, and compares every file (of report.json
all but the seconds). Then the same once with SIGINT, which has to end with exit code 130 within seconds.
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from program import SMALL_STORY, Run, difference, story_bytes


def start_and_signal(program, out, delay, number):
    """Starts a story, sends it a signal after `delay` seconds; its exit code, negative where the signal ended it."""
    process = subprocess.Popen([os.fspath(program), *SMALL_STORY, "--out", str(out)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(delay)
    process.send_signal(number)
    return process.wait(timeout=30)


def finish(program, out, whole, name):
    """Starts the story again; a message where it does not end in the bytes of the whole one."""
    run = Run(program, [*SMALL_STORY, "--out", str(out)], timeout=600)
    if run.code != 0:
        return f"{name}: the second start ended with {run.code}: {run.message[-500:]}"
    different = difference(whole, story_bytes(out))
    return f"{name}: other bytes in {different}" if different else None


def main():
    program, moments = pathlib.Path(sys.argv[1]).resolve(), int(sys.argv[2]) if len(sys.argv) > 2 else 20
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        first = Run(program, [*SMALL_STORY, "--out", str(folder / "whole")], timeout=600)
        if first.code != 0:
            print(f"the unbroken run ended with {first.code}: {first.message[-2000:]}")
            return 1
        whole = story_bytes(folder / "whole")
        print(f"unbroken: {first.seconds:.1f} s, {len(whole)} files", flush=True)
        killed = 0
        for moment in range(moments):
            delay = first.seconds * (moment + 0.5) / moments
            out = folder / f"killed_{moment}"
            killed += start_and_signal(program, out, delay, signal.SIGKILL) == -signal.SIGKILL
            failures.append(finish(program, out, whole, f"killed after {delay:.2f} s"))
        out = folder / "interrupted"
        begin = time.monotonic()
        code = start_and_signal(program, out, first.seconds / 2, signal.SIGINT)
        if code != 130 or time.monotonic() - begin > first.seconds / 2 + 5:
            failures.append(f"SIGINT: exit code {code} after {time.monotonic() - begin:.1f} s")
        failures.append(finish(program, out, whole, "interrupted"))
        if killed < moments * 3 // 4:
            failures.append(f"only {killed} of {moments} runs were still going when they were killed")
    failures = [failure for failure in failures if failure]
    print("\n".join(failures) or f"{killed} runs killed and 1 interrupted: all end in the bytes of the unbroken one")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
