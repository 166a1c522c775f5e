"""How fast resize and extract are, in one run on the same clips: the usual way, ours, and the limit; a Markdown table.

a: moviepy's `resized`, frame by frame, then OpenCV writing every n-th frame. b: our stages, nothing known. c: our
stages again. d: one clip more. e: bare ffmpeg for both jobs, as many at once as there are cores. a, b and e take the
clips of CLIPS (or every `--every`-th of them) and a drawn one of 60 s, 1080p. c, d and the growth take 10, 100 and
1,000 clips: those of CLIPS again and again, with other bytes at their end, so that every one is computed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import load_params
from fitness_tracker.video.ffmpeg import ENCODING, ffmpeg_command
from fitness_tracker.video.letterbox import FILTERS

ROOT = Path(__file__).resolve().parent.parent


def timed(work: Callable[..., None], *arguments: Any) -> float:
    start = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - start


def run(*command: str, **environment: str) -> float:
    """Runs a command from the project's folder; ends the program if it fails. Returns MiB of its largest process."""
    with tempfile.TemporaryFile() as output:
        started = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            output.seek(0)
            sys.exit(f"video: {' '.join(command[:4])} …: {output.read().decode(errors='replace').strip()}")
    return usage.ru_maxrss / 1024


def long_clip(target: Path) -> None:
    """60 s of moving patterns with noise, 1080p, 30 frames a second."""
    run(
        *ffmpeg_command(), "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=30:duration=60",
        "-vf", "noise=alls=8:allf=t", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "23", "-pix_fmt", "yuv420p",
        str(target),
    )  # fmt: skip


def usual(clips: Sequence[Path], out: Path, fps: float) -> None:
    """Every frame through Python, twice."""
    import cv2
    from moviepy import VideoFileClip

    for number, path in enumerate(clips):
        small = out / f"{number}.mp4"
        with VideoFileClip(str(path)) as video:
            video.resized((640, 480)).write_videofile(str(small), codec="libx264", audio=False, logger=None)
        video = cv2.VideoCapture(str(small))
        step = max(1, round(video.get(cv2.CAP_PROP_FPS) / fps))
        place = 0
        while (read := video.read())[0]:
            if place % step == 0:
                cv2.imwrite(str(out / f"{number}_{place:05d}.jpg"), read[1])
            place += 1


def bare(clips: Sequence[Path], out: Path, fps: float) -> None:
    def both(number: int) -> None:
        small, first = str(out / f"{number}.mp4"), [*ffmpeg_command(), "-threads", "1", "-i"]
        scale = ["-map", "0:v:0", "-vf", FILTERS["pad"], "-filter_threads", "1"]
        run(*first, str(clips[number]), *scale, *ENCODING, small)
        run(*first, small, "-vf", f"fps={fps}", "-q:v", "3", str(out / f"{number}_%05d.jpg"))

    largest_first = sorted(range(len(clips)), key=lambda number: -clips[number].stat().st_size)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        list(pool.map(both, largest_first))


PEAKS: list[float] = []  # MiB, of the largest process of our stages


def ours(videos: Path, out: Path) -> None:
    """Both stages, as DVC calls them."""
    for stage, source, target in (("resize", videos, out / "resized"), ("extract", out / "resized", out / "frames")):
        cache = {"FITNESS_TRACKER_CACHE": str(out / "cache")}
        PEAKS.append(run(sys.executable, "-m", f"stages.{stage}", str(source), str(target), **cache))


def lay(clips: Sequence[Path], videos: Path) -> None:
    (videos / "exercise").mkdir(parents=True)
    for number, path in enumerate(clips):
        shutil.copy(path, videos / "exercise" / f"{number:04d}__1{path.suffix}")


def side_by_side(clips: Sequence[Path], scratch: Path, fps: float) -> None:
    """a, b and e."""
    lay(clips, scratch / "videos")
    for name in ("a", "e"):
        (scratch / name).mkdir()
    times = {
        "b, our stages": timed(ours, scratch / "videos", scratch / "b"),
        "e, bare ffmpeg": timed(bare, clips, scratch / "e", fps),
        "a, moviepy and OpenCV": timed(usual, clips, scratch / "a", fps),
    }
    for name, taken in sorted(times.items()):
        print(f"| {name} | {len(clips)} | {taken:.1f} s | {taken / times['b, our stages']:.2f} |", flush=True)


def multiply(clips: Sequence[Path], videos: Path, numbers: range) -> None:
    """Copies of the clips, in turn, that differ in bytes after their end, which nothing reads."""
    (videos / "exercise").mkdir(parents=True, exist_ok=True)
    for number in numbers:
        copy = clips[number % len(clips)].read_bytes() + b"\0\0\0\x10free%08d" % number
        (videos / "exercise" / f"{number:04d}__1.mp4").write_bytes(copy)


def growth(clips: Sequence[Path], sizes: Sequence[int], scratch: Path) -> None:
    """b, c and d for more and more clips."""
    alone = scratch / "alone"
    multiply(clips[:1], alone / "videos", range(1))
    own = timed(ours, alone / "videos", alone)
    print(f"| one clip alone | 1 | {own:.1f} s | |")
    for size in sizes:
        place = scratch / str(size)
        multiply(clips, place / "videos", range(size))
        cold = timed(ours, place / "videos", place)
        again = timed(ours, place / "videos", place)
        multiply(clips[:1], place / "videos", range(size, size + 1))
        more = timed(ours, place / "videos", place)
        print(f"| b, nothing known | {size:,} | {cold:.1f} s | 1 |")
        print(f"| c, nothing changed | {size:,} | {again:.1f} s | {again / cold:.3f} |")
        print(f"| d, one clip more | {size + 1:,} | {more:.1f} s | {more / cold:.3f} |", flush=True)
        shutil.rmtree(place)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", default=Path("sample/videos"))
    parser.add_argument("--every", type=int, default=1, help="take one clip in so many")
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 100, 1000])
    parser.add_argument("--without-long", action="store_true", help="leave out the 60 s in 1080p")
    args = parser.parse_args()
    with exit_with_message("video"):
        fps = load_params().extract.fps
        clips = [clip.path.resolve() for clip in find_clips(args.clips)][:: args.every]
    print("| way | clips | time | of b |\n| --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory(prefix="fitness-tracker-") as folder:
        scratch = Path(folder)
        longer = []
        if not args.without_long:
            long_clip(scratch / "long.mp4")
            longer = [scratch / "long.mp4"]
        side_by_side([*clips, *longer], scratch / "side", fps)
        growth(clips, args.sizes, scratch / "growth")
    print(f"\npeak memory of the largest process of our stages: {max(PEAKS):,.0f} MiB")


if __name__ == "__main__":
    main()
