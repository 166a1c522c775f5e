"""A clip as people see it, frame by frame, and the way back: frames with the clip's sound as a new clip.

The clock is that of `read_frames`: `NO_JUMPS`, then a constant frame rate. So a variable one becomes constant, each
frame is the nearest that the clip has, and a time means the same in both.
"""

import errno
import os
import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from fractions import Fraction
from io import BufferedReader
from math import ceil
from pathlib import Path
from typing import IO

import numpy as np

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.video.ffmpeg import (
    ENCODING,
    KILLED,
    LIMITS,
    NO_JUMPS,
    decode_error,
    input_options,
    run_ffmpeg,
    run_watched,
    stderr_text,
    too_long,
    wait_for_exit,
)

SMALLEST = 16  # pixels a side: the least that x264 takes
SLOWEST, FASTEST = 10, 60  # frames a second; a clip's own rate is multiplied or divided to lie between

# Nearly all players take it. As PCM in AVI, Vorbis or Opus cannot be copied to MP4, and its clock may jump, sound is
# always encoded anew. Where the clock of the pictures is mended, that of the sound is in the same way; gaps are filled.
SOUND = ["-af", f"a{NO_JUMPS},aresample=async=1:first_pts=0", "-c:a", "aac", "-b:a", "160k", "-max_error_rate", "1"]
COLOURS = "scale=out_color_matrix=bt709:out_range=tv,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709"


class EncodeError(UserError):
    """The new clip cannot be written; the one that is read is not to blame."""


@dataclass(frozen=True)
class Shape:
    """Of a clip as it is shown: upright, with square pixels."""

    width: int  # pixels, even
    height: int  # pixels, even
    rate: Fraction  # frames a second


def read_shape(clip: bytes | Path, smallest: int, largest: int, limits: Limits = LIMITS) -> Shape:
    """The shape of a clip, scaled so that its longer side has from `smallest` to `largest` pixels.

    Raises `ClipError` if its first frame does not decode within the limits.
    """
    longer = "max(iw*sar,ih)"
    scale = f"clip(1,{smallest}/{longer},{largest}/{longer})"
    size = ":".join(f"'2*max({SMALLEST // 2},round({side}*{scale}/2))'" for side in ("iw*sar", "ih"))
    output = ["-vf", f"scale={size},setsar=1", "-pix_fmt", "yuv420p", "-frames:v", "1", "-f", "yuv4mpegpipe", "pipe:1"]
    with run_ffmpeg(clip, output, limits) as (run, stderr):
        assert run.stdout
        header = re.match(rb"YUV4MPEG2 W(\d+) H(\d+) F(\d+):(\d+) ", run.stdout.read())
        code, cpu_seconds = wait_for_exit(run)
        if code or not header:
            raise decode_error(code, cpu_seconds, stderr, limits)
    width, height, above, below = map(int, header.groups())
    return Shape(width, height, usual_rate(Fraction(above, max(below, 1))))


def usual_rate(rate: Fraction) -> Fraction:
    """A multiple or a whole part of `rate` that is neither too slow to count by nor faster than screens are."""
    if rate <= 0:
        return Fraction(30)
    return rate * ceil(SLOWEST / rate) if rate < SLOWEST else rate / ceil(rate / FASTEST)


def read_upright(clip: bytes | Path, shape: Shape, limits: Limits = LIMITS) -> Generator[np.ndarray]:
    """The frames of a clip at the times 0, 1/rate, 2/rate, …: (height, width, 3) uint8 RGB, which may be drawn on.

    Raises as `read_frames` does.
    """
    output = [
        "-vf", f"{NO_JUMPS},fps={shape.rate}:start_time=0:eof_action=pass,"
        f"scale={shape.width}:{shape.height}:flags=bicubic,setsar=1",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
    ]  # fmt: skip
    count = 0
    with run_ffmpeg(clip, output, limits) as (run, stderr):
        assert isinstance(run.stdout, BufferedReader)
        frame = np.empty((shape.height, shape.width, 3), np.uint8)
        while run.stdout.readinto(frame.reshape(-1).data) == frame.size:
            if count and count >= limits.seconds * shape.rate:
                raise too_long(limits)
            count += 1
            yield frame
            frame = np.empty_like(frame)
        code, cpu_seconds = wait_for_exit(run)
        if code or not count:
            raise decode_error(code, cpu_seconds, stderr, limits)


def has_sound(clip: bytes | Path, limits: Limits = LIMITS) -> bool:
    """Whether the first sound track, if there is one, can be decoded."""
    output = ["-frames:a", "1", "-ac", "1", "-f", "u8", "pipe:1"]
    with run_ffmpeg(clip, output, limits, "a:0") as (run, _):
        assert run.stdout
        sound = run.stdout.read()
        code, _ = wait_for_exit(run)
        return not code and bool(sound)


def write_clip(
    frames: Iterable[np.ndarray], shape: Shape, sound: Path, target: IO[bytes], limits: Limits = LIMITS
) -> None:
    """Encodes frames (height, width, 3) uint8 RGB, with the sound of the clip `sound`, to the file `target`: MP4 of
    H.264 in yuv420p and AAC, its index in front, so that it plays while it loads.

    One frame at a time is in memory. Raises `EncodeError` if it cannot be written; what comes out of `frames` comes out
    of this.
    """
    read_end, write_end = os.pipe()
    try:
        with sound.open("rb") as source:
            arguments = encoding_arguments(read_end, shape, source.fileno(), has_sound(sound, limits), target, limits)
            with run_watched(arguments, limits) as (run, stderr):
                os.close(read_end)  # or the pipe would not break when ffmpeg ends
                read_end = -1
                whole = feed(write_end, frames)
                os.close(write_end)
                write_end = -1
                code, cpu_seconds = wait_for_exit(run)
                if code or not whole:
                    raise EncodeError(encode_reason(code, cpu_seconds, stderr_text(stderr), limits))
    finally:
        for end in (read_end, write_end):
            if end >= 0:
                os.close(end)


def encoding_arguments(
    pictures: int, shape: Shape, source: int, loud: bool, target: IO[bytes], limits: Limits
) -> list[str]:
    """Of ffmpeg, for descriptors of a pipe of frames and of the clip that has the sound."""
    size = f"{shape.width}x{shape.height}"
    of_pictures = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", str(shape.rate)]
    of_sound = ["-vn", "-sn", "-dn", *input_options(source, limits)] if loud else []
    return [
        *of_pictures, "-i", f"/dev/fd/{pictures}", *of_sound,
        "-map", "0:v:0", *(["-map", "1:a:0", *SOUND] if loud else []),
        "-vf", COLOURS, *ENCODING, "-t", str(limits.seconds + 1),
        "-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart",
        "-f", "mp4", "-y", f"/dev/fd/{target.fileno()}",
    ]  # fmt: skip


def feed(pipe: int, frames: Iterable[np.ndarray]) -> bool:
    """Writes frames to the descriptor of a pipe; False if nobody reads them any more."""
    for frame in frames:
        rest = np.ascontiguousarray(frame).reshape(-1).data
        try:
            while rest:
                rest = rest[os.write(pipe, rest) :]
        except BrokenPipeError:
            return False
    return True


def encode_reason(code: int, cpu_seconds: float, text: str, limits: Limits) -> str:
    """Why the encoder ended with that exit code, having said `text`."""
    if os.strerror(errno.ENOSPC) in text:
        return "cannot be written (the disk is full); free some, or write it to another disk"
    if code in KILLED and cpu_seconds > 0.9 * limits.cpu_seconds:
        return f"cannot be written (encoding takes more than limits.cpu_seconds, {limits.cpu_seconds})"
    said = text.splitlines()[0] if text else "it was killed, perhaps for want of memory"
    return f"cannot be written (ffmpeg's encoder ended with exit code {code}: {said})"
