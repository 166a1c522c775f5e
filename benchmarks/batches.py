"""How much sooner a folder of clips is answered on all cores than on one.

Runs `fitness-tracker predict FOLDER`, start included, by turns bound to one core and on all, ROUNDS times; checks that
both print the same, and prints a Markdown table of the fastest run of each: its time, the CPU time of all its
processes, the most memory that they had at once (what they share counts for each), and how busy others kept the cores
meanwhile. Two runs compare only if that is little: on a shared machine repeat it until it is.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil

from fitness_tracker.core.errors import UserError, exit_with_message


class Run(NamedTuple):
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    others: float  # cores that other programs used, on average
    printed: bytes


def predict(folder: Path, classifier: Path, cores: set[int]) -> Run:
    words = ["-m", "fitness_tracker.cli", "predict", "--json", str(folder), "--classifier", str(classifier)]
    before, begin, peak = busy_seconds(), time.perf_counter(), 0
    with tempfile.TemporaryFile() as out:
        running = subprocess.Popen(
            [sys.executable, *words], stdout=out, preexec_fn=lambda: os.sched_setaffinity(0, cores)
        )
        while not (ended := os.wait4(running.pid, os.WNOHANG))[0]:
            peak = max(peak, memory_of(running.pid))
            time.sleep(0.1)
        seconds, busy = time.perf_counter() - begin, busy_seconds() - before
        cpu_seconds = ended[2].ru_utime + ended[2].ru_stime
        running.returncode = ended[1]
        out.seek(0)
        return Run(seconds, cpu_seconds, peak, max(0.0, busy - cpu_seconds) / seconds, out.read())


def busy_seconds() -> float:
    """CPU seconds of all programs on this machine since it was started."""
    times = psutil.cpu_times()
    return times.user + times.system


def memory_of(leader: int) -> int:
    """Bytes of memory of a process and all that it started."""
    total = 0
    for process in (parent := psutil.Process(leader), *parent.children(recursive=True)):
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"))
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = os.sched_getaffinity(0)
    runs: dict[int, list[Run]] = {1: [], len(cores): []}
    with exit_with_message("batches"):
        for _ in range(args.rounds):
            for number, some in runs.items():
                some.append(predict(args.folder, args.classifier, set(sorted(cores)[:number])))
        if len({run.printed for some in runs.values() for run in some}) > 1:
            raise UserError("the answers differ")
    one = min(run.seconds for run in runs[1])
    print("| cores | time | times as fast | CPU | peak memory | others |\n| --- | --- | --- | --- | --- | --- |")
    for number, some in runs.items():
        best = min(some)
        print(
            f"| {number} | {best.seconds:.1f} s | {one / best.seconds:.2f} | {best.cpu_seconds:.1f} s "
            f"| {best.peak_bytes / 2**20:,.0f} MiB | {best.others:.2f} cores |"
        )


if __name__ == "__main__":
    main()
