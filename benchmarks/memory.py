"""Peak memory of training the frame network, for ten times the frames: it should hardly grow.

Writes zips of made-up frames into a scratch folder and trains one epoch on them; prints a Markdown table.
"""

import argparse
import os
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import yaml

from fitness_tracker.video.frames import encode_jpeg

FRAMES_A_CLIP = 100
EXERCISES = ("lunge", "squat")


def make_clips(folder: Path, frames: int) -> None:
    """Clips of ten people, `FRAMES_A_CLIP` frames each; every clip has a picture of its own."""
    for number in range(frames // FRAMES_A_CLIP):
        noise = np.random.default_rng(number).integers(0, 256, (60, 80, 3), dtype=np.uint8)
        picture = encode_jpeg(np.kron(noise, np.ones((8, 8, 1), np.uint8)), 90)
        path = folder / EXERCISES[number % 2] / f"person{number // 2 % 10}__{number}.zip"
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for frame in range(FRAMES_A_CLIP):
                archive.writestr(f"{frame / 10:09.3f}.jpg", picture)


def peak(folder: Path) -> int:
    """The most memory, in MiB, that the train stage held on the frames in `folder`."""
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["train"].update(epochs=1, model="cnn")
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    paths = os.pathsep.join([str(Path.cwd()), os.environ.get("PYTHONPATH", "")])
    command = [
        sys.executable,
        "-m",
        "stages.train",
        "frames",
        "landmarks",
        "corpus",
        "networks",
        "classifier",
        "metrics",
    ]
    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(sys.executable, command, {**os.environ, "PYTHONPATH": paths})
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit("memory: the train stage failed")
    return usage.ru_maxrss // 1024  # Linux counts in KiB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=int, nargs="*", default=[2_000, 20_000])
    args = parser.parse_args()
    rows = []
    for frames in args.frames:
        with tempfile.TemporaryDirectory() as scratch:
            make_clips(Path(scratch) / "frames", frames)
            rows.append(f"| {frames:,} | {peak(Path(scratch)):,} MiB |")
    print("| frames | peak memory of training |\n| --- | --- |", *rows, sep="\n")


if __name__ == "__main__":
    main()
