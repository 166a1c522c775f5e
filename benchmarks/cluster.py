"""What the clips of CLIPS cost on Dask clusters of 1, 2, 4 workers with one thread, all on this machine, as Markdown.

The first table: seconds of each stage. The second, of the run on one worker: what a clip costs in CPU seconds (of the
workers, and of the computer that sends the clips), in bytes kept and in bytes over the network.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("resize", "extract", "landmarks")
DASK = str(Path(sys.executable).with_name("dask"))


@contextlib.contextmanager
def cluster(workers: int, scratch: Path) -> Iterator[tuple[str, list[psutil.Process]]]:
    """(address of the scheduler, workers)."""
    address_file = scratch / "scheduler.json"
    options = ["--scheduler-file", str(address_file), "--no-dashboard"]
    with (scratch / "log").open("wb") as log, contextlib.ExitStack() as stack:

        def start(*command: str) -> psutil.Process:
            process = subprocess.Popen([DASK, *command, *options], cwd=scratch, stdout=log, stderr=log)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return psutil.Process(process.pid)

        start("scheduler", "--host", "127.0.0.1", "--port", "0")
        running = [start("worker", "--nthreads", "1", "--no-nanny") for _ in range(workers)]
        from distributed import Client

        with Client(scheduler_file=str(address_file), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
            yield client.scheduler.address, running


def cpu_seconds(workers: list[psutil.Process]) -> float:
    """Of the workers and of the processes that they ended."""
    times = [worker.cpu_times() for worker in workers]
    return sum(used.user + used.system + used.children_user + used.children_system for used in times)


def stage(name: str, videos: Path, out: Path, address: str) -> tuple[float, float]:
    """(seconds, CPU seconds of this computer's side) of one stage."""
    sources = {"resize": videos, "extract": out / "resize", "landmarks": out / "extract"}
    more = [str(ROOT / "pretrained/models"), str(out / name), str(out / "metrics")] if name == "landmarks" else []
    command = [sys.executable, "-m", f"stages.{name}", str(sources[name]), *(more or [str(out / name)])]
    own = {"DASK_SCHEDULER_ADDRESS": address, "FITNESS_TRACKER_CACHE": str(out / "cache")}
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"cluster: {done.stderr}")
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", default=Path("sample/videos"))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    args = parser.parse_args()
    videos = args.clips.resolve()
    many = sum(path.suffix == ".mp4" for path in videos.rglob("*"))
    print(f"{many} clips\n\n| workers | {' | '.join(STAGES)} | together |\n| --- | --- | --- | --- | --- |")
    costs = []
    for workers in args.workers:
        with tempfile.TemporaryDirectory(prefix="fitness-tracker-") as folder:
            scratch = Path(folder)
            with cluster(workers, scratch) as (address, running):
                taken = []
                for name in STAGES:
                    before = cpu_seconds(running)
                    seconds, here = stage(name, videos, scratch, address)
                    taken.append(seconds)
                    if workers == min(args.workers):
                        source = videos if name == "resize" else scratch / STAGES[STAGES.index(name) - 1]
                        costs.append((name, cpu_seconds(running) - before, here, size(source), size(scratch / name)))
            print(
                f"| {workers} | {' | '.join(f'{seconds:.1f} s' for seconds in taken)} | {sum(taken):.1f} s |",
                flush=True,
            )
    print("\n| stage | CPU of workers | CPU of the sender | bytes to workers | bytes back, and kept |")
    print("| --- | --- | --- | --- | --- |")
    for name, there, here, sent, back in costs:
        moved = f"{sent / many / 1000:,.0f} kB | {back / many / 1000:,.0f} kB"
        print(f"| {name} | {there / many:.3f} s | {here / many:.3f} s | {moved} |")


if __name__ == "__main__":
    main()
