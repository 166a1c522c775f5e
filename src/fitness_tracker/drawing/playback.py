"""Decodes a clip as players show it, and encodes drawn frames, with the clip's sound, as a new clip.

Frames are read as for a prediction (`decode_frames`), at the clip's own rate, so a time means the same in both.
"""

import errno
import os
import re
from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import IO

import cv2
import numpy as np

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS
from fitness_tracker.video.ffmpeg import (
    ENCODING,
    KILLED,
    SOUND_CLOCK,
    decode_error,
    decode_frames,
    input_options,
    run_ffmpeg,
    run_watched,
    stderr_text,
    wait_for_exit,
)
from fitness_tracker.video.letterbox import Box

MIN_SIDE = 16  # pixels: the least that x264 takes
MIN_FPS, MAX_FPS = 10, 60  # of the new clip

# AAC in stereo, which nearly all players take, whatever channels there are. Sound is always encoded anew: PCM, Vorbis
# and Opus cannot be copied to MP4, and timestamps may jump. Jumps are cut as those of the frames are, and gaps are
# filled with silence.
SOUND = [
    "-af", f"{SOUND_CLOCK},aresample=async=1:first_pts=0", "-ac", "2", "-c:a", "aac", "-b:a", "160k",
    "-max_error_rate", "1",
]  # fmt: skip
COLOURS = "scale=out_color_matrix=bt709:out_range=tv,setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709"


# As a player shows it: the whole picture in its shape, with transparent bars if that is not the shape of the first one;
# two pixels too large rather than too small, so that rounding makes no bars. HDR becomes BT.709; other colours stay.
SHOWN = (
    "scale=w='min({0},2*round({1}*dar/2)+2)':h='min({1},2*round({0}/dar/2)+2)':flags=bicubic"
    ":out_primaries=bt709:out_transfer=bt709,setsar=1,format=rgb0,format=rgba,pad={0}:{1}:-1:-1:color=black@0"
)


class EncodeError(UserError):
    """The new clip cannot be written; the clip that is read is not to blame."""


@dataclass(frozen=True)
class Shape:
    """The size and frame rate at which a clip is shown: upright, with square pixels."""

    width: int  # pixels, even
    height: int  # pixels, even
    rate: Fraction  # frames a second


def read_shape(clip: bytes | Path, smallest: int, largest: int, limits: Limits = PREDICTION_LIMITS) -> Shape:
    """The shape of a clip, scaled so that its longer side has from `smallest` to `largest` pixels.

    Raises `ClipError` if its first frame does not decode within the limits.
    """
    longer = "max(iw*sar,ih)"
    scale = f"clip(1,{smallest}/{longer},{largest}/{longer})"
    size = ":".join(f"'2*max({MIN_SIDE // 2},round({side}*{scale}/2))'" for side in ("iw*sar", "ih"))
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
    """A clip's frame rate, multiplied or divided by a whole number to lie between 10 and 60 frames a second.

    30 if the clip has none.
    """
    if rate <= 0:
        return Fraction(30)
    return rate * ceil(MIN_FPS / rate) if rate < MIN_FPS else rate / ceil(rate / MAX_FPS)


def read_upright(
    clip: bytes | Path, shape: Shape, limits: Limits = PREDICTION_LIMITS
) -> Generator[tuple[np.ndarray, Box]]:
    """The frames of a clip at the times 0, 1/rate, 2/rate, …: (height, width, 3) uint8 RGB, which may be drawn on, and
    where the picture lies in each: where a clip changes its shape, it has black bars from then on.

    Raises as `decode_frames` does.
    """
    size = shape.width, shape.height
    with closing(decode_frames(clip, shape.rate, SHOWN.format(*size), size, limits, "rgba")) as frames:
        for frame in frames:
            yield cv2.cvtColor(frame, cv2.COLOR_RGBA2RGB), opaque_box(frame[..., 3])


def opaque_box(opacity: np.ndarray) -> Box:
    """Where the picture lies in the middle of a frame whose bars are transparent; `opacity` (H, W) is 0 or 255."""
    height, width = opacity.shape
    left, top = int(opacity[height // 2].argmax()), int(opacity[:, width // 2].argmax())
    return Box(left, top, int((opacity[height // 2] > 0).sum()), int((opacity[:, width // 2] > 0).sum()))


def has_sound(clip: bytes | Path, limits: Limits) -> bool:
    """Whether there is a sound track, and the first one can be decoded."""
    output = ["-frames:a", "1", "-ac", "1", "-f", "u8", "pipe:1"]
    with run_ffmpeg(clip, output, limits, "a:0") as (run, _):
        assert run.stdout
        sound = run.stdout.read()
        code, _ = wait_for_exit(run)
        return not code and bool(sound)


def write_clip(frames: Iterable[np.ndarray], shape: Shape, sound: Path, target: IO[bytes], limits: Limits) -> None:
    """Encodes frames (height, width, 3) uint8 RGB, with the sound of the clip `sound`, to the file `target`: MP4 of
    H.264 in yuv420p and AAC, its index in front, so that it plays while it loads.

    One frame at a time is in memory. Raises `EncodeError` if it cannot be written, and whatever `frames` raises.
    """
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as reader, os.fdopen(write_end, "wb") as writer, sound.open("rb") as source:
        arguments = encoding_arguments(read_end, shape, source.fileno(), has_sound(sound, limits), target, limits)
        with run_watched(arguments, limits) as (run, stderr):
            reader.close()  # so that the pipe breaks when ffmpeg ends
            complete = feed(write_end, frames)
            writer.close()
            code, cpu_seconds = wait_for_exit(run)
            if code or not complete:
                raise EncodeError(encode_reason(code, cpu_seconds, stderr_text(stderr), limits))


def encoding_arguments(
    frames: int, shape: Shape, source: int, with_sound: bool, target: IO[bytes], limits: Limits
) -> list[str]:
    """ffmpeg's arguments; `frames` and `source` are descriptors of a pipe of frames and of the clip with the sound."""
    size = f"{shape.width}x{shape.height}"
    sound_input = ["-vn", "-sn", "-dn", *input_options(source, limits)] if with_sound else []
    return [
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-framerate", str(shape.rate), "-i", f"/dev/fd/{frames}",
        *sound_input,
        "-map", "0:v:0", *(["-map", "1:a:0", *SOUND] if with_sound else []),
        "-vf", COLOURS, *ENCODING, "-t", str(limits.seconds + 1),
        "-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart",
        "-f", "mp4", "-y", f"/dev/fd/{target.fileno()}",
    ]  # fmt: skip


def feed(pipe: int, frames: Iterable[np.ndarray]) -> bool:
    """Writes frames to the descriptor of a pipe; False if its reader ends before."""
    for frame in frames:
        rest = np.ascontiguousarray(frame).reshape(-1).data
        try:
            while rest:
                rest = rest[os.write(pipe, rest) :]
        except BrokenPipeError:
            return False
    return True


def encode_reason(code: int, cpu_seconds: float, text: str, limits: Limits) -> str:
    """The message when the encoder ended with exit code `code` and `text` on its stderr."""
    if os.strerror(errno.ENOSPC) in text:
        return "cannot be written (the disk is full); free some, or write it to another disk"
    if code in KILLED and cpu_seconds > 0.9 * limits.cpu_seconds:
        return f"cannot be written (encoding takes more than limits.cpu_seconds, {limits.cpu_seconds})"
    reason = text.splitlines()[0] if text else "it was killed, perhaps for want of memory"
    return f"cannot be written (ffmpeg's encoder ended with exit code {code}: {reason})"
