"""How fast landmarks are found on one core and on two, by threads and by processes, and what holds Python's lock.

Reads FRAMES, the out of the extract stage; prints two Markdown tables. Repetitions are interleaved, the best of each
counts, since others may use the machine. Threads lose against processes what they wait for Python's lock.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.blazepose.tracker import find_landmarks, pose_tracker
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.video.frames import read_zip

WAYS: tuple[tuple[str, int, Callable[[int], Executor]], ...] = (
    ("one thread", 1, ThreadPoolExecutor),
    ("two threads", 2, ThreadPoolExecutor),
    ("two processes", 2, ProcessPoolExecutor),
)


class TimedInterpreter:
    """An interpreter that counts the CPU seconds of its network."""

    def __init__(self, interpreter: Any) -> None:
        self.interpreter, self.seconds = interpreter, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.interpreter, name)

    def invoke(self) -> None:
        start = time.thread_time()
        self.interpreter.invoke()
        self.seconds += time.thread_time() - start


def seconds_of(pool: Executor, find: Callable[[bytes], bytes], clips: list[bytes]) -> float:
    start = time.perf_counter()
    list(pool.map(find, clips))
    return time.perf_counter() - start


def cpu_of_parts(networks: dict[str, bytes], paths: list[Path]) -> dict[str, float]:
    """CPU seconds of this thread, by what it does."""
    start = time.thread_time()
    clips = [list(read_zip(path)) for path in paths]
    parts = {"reading JPEGs": time.thread_time() - start}
    tracker = pose_tracker(**networks)
    timed = [TimedInterpreter(network.interpreter) for network in (tracker.detector, tracker.landmarker)]
    tracker.detector.interpreter, tracker.landmarker.interpreter = timed
    start = time.thread_time()
    for clip in clips:
        tracker.track(clip)
    whole = time.thread_time() - start
    tracker.detector.interpreter, tracker.landmarker.interpreter = (one.interpreter for one in timed)
    parts["the two networks"] = sum(one.seconds for one in timed)
    return parts | {"cropping and decoding": whole - parts["the two networks"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("--networks", type=Path, default=Path("pretrained/models"))
    parser.add_argument("--every", type=int, default=1, help="take every n-th clip")
    parser.add_argument("--repetitions", type=int, default=3)
    args = parser.parse_args()
    with exit_with_message("landmarks"):
        networks = read_networks(args.networks)
        paths = [clip.path for clip in find_clips(args.frames, (".zip",))[:: args.every]]
        clips = sorted((path.read_bytes() for path in paths), key=len, reverse=True)
        frames = sum(1 for path in paths for _ in read_zip(path))
        cores = sorted(os.sched_getaffinity(0))
        find = partial(find_landmarks, **networks)
        best: dict[str, float] = {}
        for _ in range(args.repetitions):
            for name, workers, executor in WAYS:
                os.sched_setaffinity(0, set(cores[:workers]))
                with executor(workers) as pool:
                    list(pool.map(find, clips[-workers:]))  # makes the interpreters
                    best[name] = min(best.get(name, float("inf")), seconds_of(pool, find, clips))
        parts = [cpu_of_parts(networks, paths) for _ in range(args.repetitions)]
    print(f"{len(clips)} clips, {frames} frames\n\n| how | frames a second | of one thread |\n| --- | --- | --- |")
    for name, seconds in best.items():
        print(f"| {name} | {frames / seconds:.0f} | {best['one thread'] / seconds:.2f} |")
    print("\n| CPU of a frame | ms |\n| --- | --- |")
    for part in parts[0]:
        print(f"| {part} | {1000 * min(one[part] for one in parts) / frames:.2f} |")


if __name__ == "__main__":
    main()
