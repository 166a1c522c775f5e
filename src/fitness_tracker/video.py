"""All contact with ffmpeg: the copy of it that moviepy brings along, one single-threaded process at a time.

A clip goes in as the bytes of its file. Only container formats that cameras write are opened, and nothing but the
one file, so that a playlist named .mp4 reads no other file and no network.
"""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np

from fitness_tracker.errors import UserError

WIDTH, HEIGHT = 640, 480
FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"
# `dar` is the shape as shown on a screen, after rotation and with pixels that are not square. Sizes are even, as 4:2:0
# chroma wants them; the flags give the same bytes on every CPU.
FLAGS = "flags=bicubic+accurate_rnd+bitexact"
FILTERS = {
    "pad": f"scale=w='2*round(min({WIDTH},{HEIGHT}*dar)/2)':h='2*round(min({HEIGHT},{WIDTH}/dar)/2)':{FLAGS},"
    f"setsar=1,pad={WIDTH}:{HEIGHT}:-1:-1",
    "stretch": f"scale={WIDTH}:{HEIGHT}:{FLAGS},setsar=1",
    "crop": f"scale=w='2*round(max({WIDTH},{HEIGHT}*dar)/2)':h='2*round(max({HEIGHT},{WIDTH}/dar)/2)':{FLAGS},"
    f"setsar=1,crop={WIDTH}:{HEIGHT}",
}

REASONS = {  # what ffmpeg says -> what it means
    "moov atom not found": "it was cut off, or never finished",
    "matches no streams": "there is no video in it",
    "Format not on whitelist": "it is no video file",
    "Error opening input": "it is no video file",
}


class ClipError(UserError):
    """This clip cannot be used; the others may."""


def ffmpeg_command() -> list[str]:
    from moviepy.config import FFMPEG_BINARY  # here, because the import takes 0.2 s

    return [FFMPEG_BINARY, "-nostdin", "-hide_banner", "-loglevel", "error"]


@cache
def ffmpeg_version() -> str:
    """What ffmpeg says of itself; raises `UserError` if it does not run."""
    command = [ffmpeg_command()[0], "-version"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"{command[0]}: does not run; unset FFMPEG_BINARY to use the ffmpeg of moviepy") from None


@contextmanager
def opened(clip: bytes) -> Iterator[tuple[list[str], Path]]:
    """The clip as ffmpeg's input: the arguments that open it safely, and a scratch folder that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="fitness-tracker-") as folder:
        source = Path(folder) / "clip"
        source.write_bytes(clip)
        yield (
            ["-threads", "1", "-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-i", str(source)],
            Path(folder),
        )


def why(stderr: bytes) -> str:
    """What ffmpeg complains of, in a person's words."""
    said = stderr.decode(errors="replace")
    return next((reason for phrase, reason in REASONS.items() if phrase in said), "no picture in it can be decoded")


def resize_video(clip: bytes, fit: str) -> bytes:
    """The clip as 640x480 H.264 in MP4: upright, square pixels, no sound, at its own frame rate.

    `fit` is 'pad' (black bars), 'stretch' or 'crop'. Raises `ClipError` if it does not decode, or only in part.
    """
    with opened(clip) as (source, folder):
        target = folder / "resized.mp4"
        command = [
            *ffmpeg_command(), *source, "-map", "0:v:0", "-vf", FILTERS[fit], "-filter_threads", "1",
            "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", "1",
            "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-map_chapters", "-1",
            "-f", "mp4", str(target),
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, check=False)
        if done.returncode or not target.is_file() or b"moov" not in target.read_bytes():
            raise ClipError(f"does not decode ({why(done.stderr)}); replace it or take it away")
        if done.stderr:
            raise ClipError("decodes only in part (it is damaged); replace it or take it away")
        return target.read_bytes()


def read_frames(clip: bytes, fps: float, fit: str) -> Iterator[np.ndarray]:
    """The clip's frames at the times 0, 1/fps, 2/fps, …: (480, 640, 3) uint8 RGB each, the nearest that the clip has.

    The last frame stands for what is left of its slot, so even the shortest clip gives one. Raises `ClipError` if
    none can be decoded.
    """
    with opened(clip) as (source, folder):
        command = [
            *ffmpeg_command(), *source, "-map", "0:v:0", "-filter_threads", "1",
            "-vf", f"fps={fps}:start_time=0:eof_action=pass,{FILTERS[fit]}",
            "-sws_flags", "bicubic+accurate_rnd+bitexact",
            "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
        ]  # fmt: skip
        with (
            (folder / "said").open("w+b") as said,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=said) as run,
        ):
            assert run.stdout
            size, found = WIDTH * HEIGHT * 3, False
            try:
                while len(picture := run.stdout.read(size)) == size:
                    found = True
                    yield np.frombuffer(picture, np.uint8).reshape(HEIGHT, WIDTH, 3)
                failed = run.wait()
            finally:
                run.kill()
            if failed or not found:
                raise ClipError(f"does not decode ({why((folder / 'said').read_bytes())}); replace it or take it away")
