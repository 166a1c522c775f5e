"""What x264's presets, qualities and key frames cost in both stages together, on CLIPS; a Markdown table.

For each: CPU seconds of `resize` and of `extract`'s decoding, size of what is kept, and how near the frames are to
those that were only scaled (SSIM of luma, mean over the clips; 1 is the same).
"""

import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import load_params
from fitness_tracker.video.ffmpeg import ffmpeg_command
from fitness_tracker.video.letterbox import FILTERS

PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "medium")
CHOSEN = "veryfast -crf 20"
WAYS = (
    *(f"{preset} -crf 20" for preset in PRESETS),
    "veryfast -crf 17",
    "veryfast -crf 23",
    f"{CHOSEN} -g 30",
    f"{CHOSEN} -g 3",
    "ultrafast -crf 20 -g 3",
)


def cpu_seconds(*arguments: str, loglevel: str = "error") -> tuple[float, str]:
    """(CPU seconds, its stderr) of ffmpeg on one thread."""
    command = [*ffmpeg_command()[:-1], loglevel, "-filter_threads", "1", *arguments]
    before = os.times()
    stderr = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system, stderr


def costs(clip: Path, way: str, fps: float, small: Path) -> list[float]:
    """CPU seconds to resize, CPU seconds to extract, bytes, SSIM."""
    source = ["-threads", "1", "-i", str(clip), "-map", "0:v:0"]
    encode = ["-c:v", "libx264", "-preset", *way.split(), "-pix_fmt", "yuv420p", "-threads", "1", "-y", str(small)]
    resize, _ = cpu_seconds(*source, "-vf", FILTERS["pad"], *encode)
    # every further frame but key frames is needed to decode the next, unless all that are wanted are key frames
    only = ["-skip_frame", "nokey"] if way.endswith("-g 3") else []
    wanted = ["-vf", f"fps={fps}", "-f", "rawvideo", "-pix_fmt", "rgb24", "-y", os.devnull]
    extract, _ = cpu_seconds("-threads", "1", *only, "-i", str(small), *wanted)
    compare = (
        f"[0:v:0]{FILTERS['pad']},settb=AVTB,setpts=PTS-STARTPTS[a];[1:v:0]settb=AVTB,setpts=PTS-STARTPTS[b];[a][b]ssim"
    )
    _, stderr = cpu_seconds(
        "-i", str(clip), "-i", str(small), "-lavfi", compare, "-f", "null", "-", loglevel="info"
    )  # fmt: skip
    ssim = re.search(r"SSIM Y:([\d.]+)", stderr)
    assert ssim, stderr
    return [resize, extract, small.stat().st_size, float(ssim[1])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", type=Path, nargs="?", default=Path("sample/videos"))
    parser.add_argument("--every", type=int, default=1, help="take one clip in so many")
    args = parser.parse_args()
    with exit_with_message("encoding"):
        fps = load_params().extract.fps
        clips = [clip.path for clip in find_clips(args.clips)][:: args.every]
    print(f"{len(clips)} clips, a clip on average\n\n| way | resize | extract | together | kept | SSIM |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory(prefix="fitness-tracker-") as folder:
        for way in WAYS:
            rows = [costs(clip, way, fps, Path(folder) / "small.mp4") for clip in clips]
            resize, extract, size, ssim = (sum(column) / len(rows) for column in zip(*rows, strict=True))
            times = f"{resize:.3f} s | {extract:.3f} s | {resize + extract:.3f} s"
            print(f"| {way} | {times} | {size / 1000:.0f} kB | {ssim:.4f} |", flush=True)


if __name__ == "__main__":
    main()
