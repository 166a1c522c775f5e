"""How long push, status and pull take for clips as one zip of frames each, and for the same frames as loose JPEGs.

Starts the project's own S3 server (storage/serve.py) for each of the two, in a scratch folder, and pulls into a second
clone with an empty cache. The frames are those of FRAMES, over and over, each made another by bytes after its end.
Prints a Markdown table. 1,000 clips of 10 frames take 300 MB, five times over, and some minutes.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import exit_with_message

ROOT = Path(__file__).resolve().parent.parent
GIT = ("git", "-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")


def seconds(folder: Path, *command: str) -> float:
    """How long the command takes in `folder`; ends the program if it fails."""
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"remote: {' '.join(command)}: {done.stderr.strip()}")
    return time.perf_counter() - start


def many_frames(source: Path, clips: int, each: int) -> Iterator[list[bytes]]:
    """For each clip its JPEGs; no two are the same."""
    paths = [clip.path for clip in find_clips(source, (".zip",))]
    for number, path in enumerate(islice(cycle(paths), clips)):
        with zipfile.ZipFile(path) as archive:
            frames = [archive.read(name) for name in islice(cycle(sorted(archive.namelist())), each)]
        yield [frame + f"{number} {place}".encode() for place, frame in enumerate(frames)]


def write(source: Path, data: Path, clips: int, each: int, loose: bool) -> None:
    for number, frames in enumerate(many_frames(source, clips, each)):
        clip = data / f"{number:04d}"
        clip.mkdir(parents=True)
        for place, frame in enumerate(frames):
            (clip / f"{place:03d}.jpg").write_bytes(frame)
        if not loose:
            with zipfile.ZipFile(clip.with_suffix(".zip"), "w") as archive:
                for path in sorted(clip.iterdir()):
                    archive.write(path, path.name)
            shutil.rmtree(clip)


def make_project(folder: Path) -> None:
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_bytes((ROOT / ".dvc" / "config").read_bytes())
    (folder / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (folder / ".gitignore").write_text("/.s3\n")
    seconds(folder, "git", "init", "-q")


def measure(source: Path, scratch: Path, clips: int, each: int, loose: bool) -> list[float]:
    """Seconds of push, of status with all pushed, and of pull into an empty clone."""
    home, other = scratch / "home", scratch / "other"
    make_project(home)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    write(source, home / "frames", clips, each, loose)
    seconds(home, "dvc", "add", "-q", "frames")
    seconds(home, *GIT, "add", "-A")
    seconds(home, *GIT, "commit", "-qm", "frames")
    seconds(home, sys.executable, str(ROOT / "storage/serve.py"), "start", "--port", port)
    try:
        times = [seconds(home, "dvc", "push", "-q"), seconds(home, "dvc", "status", "-q", "-c")]
        seconds(scratch, "git", "clone", "-q", str(home), str(other))
        shutil.copy(home / ".dvc" / "config.local", other / ".dvc" / "config.local")
        times.append(seconds(other, "dvc", "pull", "-q"))
    finally:
        seconds(home, sys.executable, str(ROOT / "storage/serve.py"), "stop")
    pulled = sum(path.is_file() for path in (other / "frames").rglob("*"))
    assert pulled == (clips * each if loose else clips), pulled
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path, nargs="?", default=Path("data/frames"))
    parser.add_argument("--clips", type=int, default=1000)
    parser.add_argument("--each", type=int, default=10, help="frames of each clip")
    args = parser.parse_args()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    source = args.frames.resolve()
    print("| as | files | push | status | pull |\n| --- | --- | --- | --- | --- |", flush=True)
    with exit_with_message("remote"):
        for name, loose in (("a zip a clip", False), ("loose JPEGs", True)):
            with tempfile.TemporaryDirectory(prefix="fitness-tracker-") as scratch:
                times = measure(source, Path(scratch), args.clips, args.each, loose)
            files = args.clips * (args.each if loose else 1)
            print(f"| {name} | {files:,} | {' | '.join(f'{one:.1f} s' for one in times)} |", flush=True)


if __name__ == "__main__":
    main()
