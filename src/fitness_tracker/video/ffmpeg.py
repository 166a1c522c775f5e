"""All contact with ffmpeg: the copy of it that moviepy brings along, one single-threaded process at a time.

A clip goes in as the bytes of its file. Only container formats that cameras write are opened, and nothing but the
one file, so that a playlist named .mp4 reads no other file and no network. Files have no name and processes hang on a
pipe, so that nothing stays behind, whatever ends this program.
"""

import errno
import os
import platform
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe  # moviepy itself takes 0.2 s to import

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.video.letterbox import FILTERS, HEIGHT, SCALING, WIDTH

OUTPUT_VERSION = 1  # of `resize_video`: raise it when the same clip gives other bytes

LIMITS = Limits()

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"


# Where a clip's clock jumps ahead, the jump shrinks to GAP seconds: nobody moves in it, and it would be frozen frames.
# Where it jumps back, it goes on from there: or all would be dropped until it is as late again.
GAP = 2

NO_JUMPS = f"setpts='if(isnan(PREV_INPTS),PTS,PREV_OUTPTS+clip(PTS-PREV_INPTS,0,{GAP}/TB))'"

# Measured on real clips, CPU time of both stages together (benchmarks/encoding.py): superfast saves 5 % and doubles
# what is kept; ultrafast saves 26 % and takes 3.4 times as much; faster costs 40 % more and takes no less; crf 23 blurs
# (SSIM 0.994 for 0.996), crf 17 takes 40 % more. Key frames where `extract` looks take 6 times as much and save
# nothing, for decoding is but a fifth of it.
ENCODING = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", "1"]
# With AVX-512 x264's macroblock tree sums floats in another order, which gives other bytes for one clip in fifteen. Not
# to use it costs 1 % of CPU time; to do without the tree (mbtree=0) 19 %, and 87 % more bytes.
if platform.machine() in ("x86_64", "AMD64"):
    ENCODING += ["-x264-params", "asm=AVX2"]

# Runs a command within limits of CPU seconds and KiB of memory, and kills it when standard input ends, which it does
# when the process that holds the other end does, in whatever way.
WATCHDOG_SCRIPT = """ulimit -c 0; ulimit -t "$1" 2>/dev/null; ulimit -v "$2" 2>/dev/null; shift 2; exec LIFE<&0
"$@" LIFE<&- </dev/null & command=$!
{ read -r _ <&LIFE; kill -9 $command; } >/dev/null 2>&1 & watch=$!
exec LIFE<&-; wait $command; code=$?; exec 2>/dev/null; kill $watch; wait $watch; exit $code"""

KILLED = (128 + signal.SIGKILL, 128 + signal.SIGXCPU)  # what a shell makes of them: by the limit of CPU time, or others

# Exit codes that no clip brings about: ffmpeg cannot be run (126, 127), CPU without AVX2, killed or asked to end (then
# ffmpeg says 255).
MACHINE_CODES = (126, 127, 128 + signal.SIGILL, 128 + signal.SIGKILL, 128 + signal.SIGTERM, 255)
MACHINE_PHRASES = ("Cannot fork", "pthread_create")  # no process or thread can be started

REASONS = {  # phrase of ffmpeg -> what it means; the first that is found counts
    "Cannot allocate memory": "it needs more than limits.memory_bytes",
    "malloc of size": "it needs more than limits.memory_bytes",
    "moov atom not found": "it was cut off, or never finished",
    "matches no streams": "there is no video in it",
    "Format not on whitelist": "it is no video file",
    "Error opening input": "it is no video file",
    "Picture size": "it claims more pixels than limits.pixels",
}


class ClipError(UserError):
    """This clip cannot be used; the others may."""


class MachineError(UserError):
    """This machine failed, perhaps in passing; no clip is to blame."""


def ffmpeg_command() -> list[str]:
    return [get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-loglevel", "error"]


@cache
def ffmpeg_version() -> str:
    """Its output of `-version`; raises `UserError` if it does not run."""
    command = [ffmpeg_command()[0], "-version"]
    try:
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise UserError(f"{command[0]}: does not run; unset IMAGEIO_FFMPEG_EXE to use the ffmpeg of moviepy") from None


def input_options(file: int, limits: Limits) -> list[str]:
    """For a clip that is open as the descriptor `file`."""
    return [
        "-threads", "1", "-flags:v", "+bitexact", "-max_pixels", str(limits.pixels),
        "-protocol_whitelist", "file", "-format_whitelist", FORMATS, "-i", f"/dev/fd/{file}",
    ]  # fmt: skip


@contextmanager
def run_ffmpeg(
    clip: bytes | Path, output: list[str], limits: Limits, stream: str = "v:0"
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """ffmpeg at work on one stream of a clip's bytes, or of its file, which needs no copy; also the file of its stderr.
    It ends with the block, or with this process."""
    with clip.open("rb") if isinstance(clip, Path) else tempfile.TemporaryFile() as source:
        if isinstance(clip, bytes):
            source.write(clip)
            source.flush()
        arguments = [
            *input_options(source.fileno(), limits),
            "-map", f"0:{stream}", "-filter_threads", "1", "-sws_flags", SCALING, *output,
        ]  # fmt: skip
        with run_watched(arguments, limits) as started:
            yield started


@contextmanager
def run_watched(arguments: list[str], limits: Limits) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """ffmpeg with `arguments`, in which /dev/fd/N are files of this process; also the file of its stderr. It ends with
    the block, or with this process."""
    with tempfile.TemporaryFile() as stderr:
        stderr.write(bytes(4096))  # room, so that it can complain of a full disk on that disk
        stderr.seek(0)
        command = [*ffmpeg_command(), *arguments]
        files = [int(name.rsplit("/", 1)[1]) for name in command if name.startswith("/dev/fd/")]
        free = next(number for number in range(3, 10) if number not in files)
        script = WATCHDOG_SCRIPT.replace("LIFE", str(free))
        watchdog = ["sh", "-c", script, "sh", str(limits.cpu_seconds), str(limits.memory_bytes // 1024), *command]
        run = subprocess.Popen(watchdog, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, pass_fds=files)
        with run:
            try:
                yield run, stderr
            finally:
                assert run.stdin
                run.stdin.close()


def wait_for_exit(run: subprocess.Popen[bytes]) -> tuple[int, float]:
    """(exit code, CPU seconds it took), when it has ended."""
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    return run.returncode, usage.ru_utime + usage.ru_stime


def stderr_text(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    return stderr.read().strip(b"\0").decode(errors="replace")


def decode_error(code: int, cpu_seconds: float, stderr: IO[bytes], limits: Limits) -> UserError:
    """Why ffmpeg ended with that exit code: `ClipError` or `MachineError`; raises `OSError` if the disk is full."""
    text = stderr_text(stderr)
    if os.strerror(errno.ENOSPC) in text:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} in {tempfile.gettempdir()}")
    # the clock of the limit is a little coarser than the one that is read
    if code in KILLED and cpu_seconds > 0.9 * limits.cpu_seconds:
        reason = f"it takes more than limits.cpu_seconds, {limits.cpu_seconds}"
    elif code < 0 or code in MACHINE_CODES or any(phrase in text for phrase in MACHINE_PHRASES):
        return MachineError(
            f"ffmpeg was killed or cannot run (exit code {code}), perhaps for want of memory; free some, or lower "
            "limits.memory_bytes below what there is"
        )
    else:
        found = (meaning for phrase, meaning in REASONS.items() if phrase in text)
        reason = next(found, "no picture in it can be decoded")
    return ClipError(f"does not decode ({reason}); replace it or take it away")


def too_long(limits: Limits) -> ClipError:
    return ClipError(f"is longer than limits.seconds, {limits.seconds}; cut it, or raise the limit")


def resize_video(clip: bytes, fit: str, limits: Limits = LIMITS) -> bytes:
    """The clip as 640x480 H.264 in MP4: upright, square pixels, no sound, at its own frame rate.

    `fit` is 'pad' (black bars), 'stretch' or 'crop'. Raises `ClipError` if it does not decode, or only in part, or
    not within the limits.
    """
    with tempfile.TemporaryFile() as target:
        output = [
            "-vf", f"{NO_JUMPS},{FILTERS[fit]}", "-t", str(limits.seconds + 1),
            *ENCODING, "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-map_chapters", "-1",
            "-progress", "pipe:1", "-f", "mp4", "-y", f"/dev/fd/{target.fileno()}",
        ]  # fmt: skip
        with run_ffmpeg(clip, output, limits) as (run, stderr):
            assert run.stdout
            progress = run.stdout.read()
            code, cpu_seconds = wait_for_exit(run)
            resized = target.read()
            if code or b"moov" not in resized:
                raise decode_error(code, cpu_seconds, stderr, limits)
            if stderr_text(stderr):
                raise ClipError("decodes only in part (it is damaged); replace it or take it away")
        if seconds_of(progress) > limits.seconds:
            raise too_long(limits)
        return resized


def seconds_of(progress: bytes) -> float:
    """The length of what ffmpeg wrote, from its progress reports; 0 where there is none."""
    times = [line.split(b"=")[1] for line in progress.splitlines() if line.startswith(b"out_time_us=")]
    return int(times[-1]) / 1e6 if times and times[-1].lstrip(b"-").isdigit() else 0.0


def read_frames(clip: bytes | Path, fps: float, fit: str, limits: Limits = LIMITS) -> Iterator[np.ndarray]:
    """The frames of a clip's bytes or file at the times 0, 1/fps, 2/fps, …: (480, 640, 3) uint8 RGB each, the nearest
    that the clip has.

    The last frame stands for what is left of its slot, so even the shortest clip gives one. Raises `ClipError` if
    none can be decoded, or not all within the limits; `MachineError` if ffmpeg is killed.
    """
    output = [
        "-vf", f"{NO_JUMPS},fps={fps}:start_time=0:eof_action=pass,{FILTERS[fit]}",
        "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1",
    ]  # fmt: skip
    size, count = WIDTH * HEIGHT * 3, 0
    with run_ffmpeg(clip, output, limits) as (run, stderr):
        assert run.stdout
        while len(picture := run.stdout.read(size)) == size:
            if count >= max(1, limits.seconds * fps):
                raise too_long(limits)
            count += 1
            yield np.frombuffer(picture, np.uint8).reshape(HEIGHT, WIDTH, 3)
        code, cpu_seconds = wait_for_exit(run)
        if code or not count:
            raise decode_error(code, cpu_seconds, stderr, limits)
