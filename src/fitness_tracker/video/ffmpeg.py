"""All contact with ffmpeg: the copy of it that moviepy brings along, one single-threaded process at a time.

A clip goes in as its bytes or its file. Only container formats that cameras write are opened, and no other file and no
network, whatever a playlist named .mp4 asks for. Temporary files have no name, and each process ends with a pipe that
this program holds, so nothing stays behind however this program ends.
"""

import errno
import os
import platform
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import IO

import numpy as np
from imageio_ffmpeg import get_ffmpeg_exe  # moviepy itself takes 0.2 s to import

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.params import Limits
from fitness_tracker.video.letterbox import FILTERS, HEIGHT, SCALING, WIDTH

OUTPUT_VERSION = 1  # of `resize_video`: raise it when the same clip gives other bytes

STAGE_LIMITS = Limits()  # an hour of video; the stages take theirs from params.yaml

CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"  # by ffmpeg's names

# A clip's clock is true: screen recordings, time lapses and cameras that wait for motion store no frames while nothing
# moves. Only damage makes it jump ahead by more than MAX_GAP_S: such a jump is cut to JUMP_GAP_S. Where it jumps back,
# it goes on from there: else all frames would be dropped until the old time is reached again. Sound: the same.
MAX_GAP_S, JUMP_GAP_S = 600, 2
NO_JUMPS = (
    "setpts='if(isnan(PREV_INPTS),PTS,PREV_OUTPTS+{more}"
    f"if(gt(PTS-PREV_INPTS,{MAX_GAP_S}/TB),{JUMP_GAP_S}/TB,max(PTS-PREV_INPTS,0)))'"
)
SOUND_CLOCK = "a" + NO_JUMPS.format(more="")
# Writes each jump to stderr: its time and its length in milliseconds; half of one more tells the time, so that ffmpeg,
# which leaves out lines that repeat the one before, leaves out none. Single frames in a wrong order are no jump.
MIN_JUMP_BACK_S = 1
CLOCK = NO_JUMPS.format(
    more=f"if(gt(PTS-PREV_INPTS,{MAX_GAP_S}/TB)+lt(PTS-PREV_INPTS,-{MIN_JUMP_BACK_S}/TB),"
    "0*print(floor(PREV_OUTPTS*TB*1000)+0.5,16)*print(floor((PTS-PREV_INPTS)*TB*1000),16))+"
)
CLOCK_LINE = re.compile(r"^\[Eval @ \w+\] (-?\d+)\.\d+\n?", re.MULTILINE)

# Frames at the times 0, 1/rate, 2/rate, …, whenever the film begins. Where a clip changes its size, ffmpeg builds these
# filters anew, so they must not begin at 0 again: what they repeat there is dropped (-frame_drop_threshold), and what
# they swallow is filled (-fps_mode cfr).
LATEST_START_S = 10
FROM_ZERO = f"setpts='if(eq(N,0)*between(T,0,{LATEST_START_S}),0,PTS)',fps={{rate}}:eof_action=pass,trim=start_pts=0"

# Measured on real clips (benchmarks/encoding.py), CPU time of resize and extract together and bytes, compared to these:
# superfast takes 5 % less time and twice the bytes; ultrafast 26 % less time and 3.4 times the bytes; faster 40 % more
# time and no fewer bytes; crf 23 blurs (SSIM 0.994, not 0.996); crf 17 takes 40 % more bytes. Key frames where
# `extract` looks take 6 times the bytes and save no time, as decoding is only a fifth of it.
ENCODING = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", "-threads", "1"]
# With AVX-512 x264's macroblock tree sums floats in another order, which gives other bytes for one clip in fifteen.
# AVX2 costs 1 % of CPU time; no tree (mbtree=0) would cost 19 %, and 87 % more bytes.
if platform.machine() in ("x86_64", "AMD64"):
    ENCODING += ["-x264-params", "asm=AVX2"]

# Runs a command within limits of CPU seconds and KiB of memory, and kills it when standard input ends, which happens
# when the process at the other end of the pipe ends, in whatever way.
WATCHDOG_SCRIPT = """ulimit -c 0; ulimit -t "$1" 2>/dev/null; ulimit -v "$2" 2>/dev/null; shift 2; exec LIFE<&0
"$@" LIFE<&- </dev/null & command=$!
{ read -r _ <&LIFE; kill -9 $command; } >/dev/null 2>&1 & watch=$!
exec LIFE<&-; wait $command; code=$?; exec 2>/dev/null; kill $watch; wait $watch; exit $code"""

# Exit codes, as a shell gives them, of a process that exceeded its CPU time; SIGKILL may have come from elsewhere
KILLED = (128 + signal.SIGKILL, 128 + signal.SIGXCPU)

# Exit codes for which no clip is to blame: ffmpeg cannot be run (126, 127), the CPU has no AVX2, ffmpeg was killed or
# asked to end (255)
MACHINE_CODES = (126, 127, 128 + signal.SIGILL, 128 + signal.SIGKILL, 128 + signal.SIGTERM, 255)
# No process or thread can be started; ffmpeg was asked to end while it opened the clip
MACHINE_PHRASES = ("Cannot fork", "pthread_create", "Immediate exit requested")

REASONS = {  # phrase of ffmpeg's -> what it means; the first that is found counts
    "Cannot allocate memory": "it needs more than limits.memory_bytes",
    "malloc of size": "it needs more than limits.memory_bytes",
    "moov atom not found": "it was cut off, or never finished",
    "does not contain any stream": "there is no video in it",
    "Format not on whitelist": "it is no video file",
    "Error opening input": "it is no video file",
    "Picture size": "it claims more pixels than limits.pixels",
}


class ClipError(UserError):
    """This clip cannot be used; the others may."""


class MachineError(UserError):
    """This machine failed, perhaps only for a moment; no clip is to blame."""


class NotedBytes(bytes):
    """What a clip function makes of a clip, and a note on that clip for people."""

    note: str

    def __new__(cls, content: bytes, note: str) -> "NotedBytes":
        noted = super().__new__(cls, content)
        noted.note = note
        return noted


def note_of(output: bytes) -> str:
    """The note on a clip, of what a clip function made of it; empty if there is none."""
    return output.note if isinstance(output, NotedBytes) else ""


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
    """ffmpeg's options to read the clip that is open as the descriptor `file`."""
    return [
        "-threads", "1", "-flags:v", "+bitexact", "-max_pixels", str(limits.pixels),
        "-protocol_whitelist", "file", "-format_whitelist", CONTAINERS, "-i", f"/dev/fd/{file}",
    ]  # fmt: skip


@contextmanager
def run_ffmpeg(
    clip: bytes | Path, output: list[str], limits: Limits, stream: str = ""
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Runs ffmpeg on one stream of a clip, given as bytes or as its file; yields the process and its stderr's file.

    Without `stream` it is the film, as ffmpeg chooses it: the default stream with most pixels, and no cover picture. It
    ends with the block, or with this process.
    """
    with clip.open("rb") if isinstance(clip, Path) else tempfile.TemporaryFile() as source:
        if isinstance(clip, bytes):
            source.write(clip)
            source.flush()
        arguments = [
            *input_options(source.fileno(), limits),
            *(["-map", f"0:{stream}"] if stream else ["-an", "-sn", "-dn"]),
            "-filter_threads", "1", "-sws_flags", SCALING, *output,
        ]  # fmt: skip
        with run_watched(arguments, limits) as started:
            yield started


@contextmanager
def run_watched(arguments: list[str], limits: Limits) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Runs ffmpeg with `arguments`, in which /dev/fd/N are open files of this process; yields as `run_ffmpeg`."""
    with tempfile.TemporaryFile() as stderr:
        stderr.write(bytes(4096))  # reserves room, so that ffmpeg can report that the disk is full
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
    """Waits; returns (exit code, CPU seconds that it took)."""
    _, status, usage = os.wait4(run.pid, 0)
    run.returncode = os.waitstatus_to_exitcode(status)
    return run.returncode, usage.ru_utime + usage.ru_stime


def stderr_text(stderr: IO[bytes]) -> str:
    stderr.seek(0)
    return stderr.read().strip(b"\0").decode(errors="replace")


def clock_note(text: str) -> str:
    """What `CLOCK` did, from ffmpeg's stderr; empty if the clip's clock is true."""
    numbers = [int(number) / 1000 for number in CLOCK_LINE.findall(text)]
    if len(numbers) < 2:
        return ""
    at_s, jump_s = numbers[:2]
    size = f"{abs(jump_s) / 3600:.1f} h" if abs(jump_s) >= 3600 else f"{abs(jump_s):.0f} s"
    others = f" (jump 1 of {len(numbers) // 2})" if len(numbers) > 3 else ""
    if jump_s < 0:
        return f"its clock jumps back by {size} at {at_s:.0f} s{others}; the film goes on from there"
    limit = f"as are all gaps of more than {MAX_GAP_S // 60} minutes"
    return f"its clock jumps ahead by {size} at {at_s:.0f} s{others}; shortened to {JUMP_GAP_S} s, {limit}"


def decode_error(code: int, cpu_seconds: float, stderr: IO[bytes], limits: Limits) -> UserError:
    """The error to raise, `ClipError` or `MachineError`, when ffmpeg failed; raises `OSError` if the disk is full."""
    text = stderr_text(stderr)
    if os.strerror(errno.ENOSPC) in text:
        raise OSError(errno.ENOSPC, f"{os.strerror(errno.ENOSPC)} in {tempfile.gettempdir()}")
    # the kernel counts the limit more coarsely than the CPU time that is read
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


def too_long_error(limits: Limits) -> ClipError:
    return ClipError(f"is longer than limits.seconds, {limits.seconds}; cut it, or raise the limit")


def resize_video(clip: bytes, fit: str, limits: Limits = STAGE_LIMITS) -> bytes:
    """The clip as 640x480 H.264 in MP4: upright, square pixels, no sound, at its own frame rate.

    `fit` is 'pad' (black bars), 'stretch' or 'crop'. Raises `ClipError` if it does not decode, or only in part, or
    not within the limits. Where its clock was mended, the result is `NotedBytes`.
    """
    with tempfile.TemporaryFile() as target:
        output = [
            "-vf", f"{CLOCK},{FILTERS[fit]}", "-t", str(limits.seconds + 1),
            *ENCODING, "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1", "-map_chapters", "-1",
            "-progress", "pipe:1", "-f", "mp4", "-y", f"/dev/fd/{target.fileno()}",
        ]  # fmt: skip
        with run_ffmpeg(clip, output, limits) as (run, stderr):
            assert run.stdout
            progress = run.stdout.read()
            code, cpu_seconds = wait_for_exit(run)
            resized = target.read()
            if code not in MACHINE_CODES:
                check_film(clip, int(progress.rpartition(b"frame=")[2].split(b"\n")[0] or 0), limits)
            if code or b"moov" not in resized:
                raise decode_error(code, cpu_seconds, stderr, limits)
            said = stderr_text(stderr)
            if CLOCK_LINE.sub("", said):
                raise ClipError("decodes only in part (it is damaged); replace it or take it away")
        if seconds_of(progress) > limits.seconds:
            raise too_long_error(limits)
        note = clock_note(said)
        return NotedBytes(resized, note) if note else resized


def check_film(clip: bytes | Path, frames: int, limits: Limits) -> None:
    """Raises `ClipError` for a file of sound, of which ffmpeg, for want of a film, takes the cover picture: it has at
    most one of `frames`."""
    if frames <= 1 and has_stream(clip, "v:0", limits) and not has_stream(clip, "V:0", limits):
        raise ClipError("holds no film, only a cover picture; replace it or take it away")


def has_stream(clip: bytes | Path, stream: str, limits: Limits) -> bool:
    """Whether a clip has a stream that ffmpeg calls so: V is a film, v may also be a cover picture."""
    with run_ffmpeg(clip, ["-c", "copy", "-frames:v", "1", "-f", "null", "-"], limits, stream) as (run, _):
        return not wait_for_exit(run)[0]


def seconds_of(progress: bytes) -> float:
    """The length in seconds of what ffmpeg wrote, from its progress reports; 0 if there is none."""
    times = [line.split(b"=")[1] for line in progress.splitlines() if line.startswith(b"out_time_us=")]
    return int(times[-1]) / 1e6 if times and times[-1].lstrip(b"-").isdigit() else 0.0


def read_frames(
    clip: bytes | Path,
    fps: float,
    fit: str,
    limits: Limits = STAGE_LIMITS,
    tell: Callable[[str], object] | None = None,
) -> Generator[np.ndarray]:
    """The frames of a clip's bytes or file, fitted into 640x480: (480, 640, 3) uint8 RGB; see `decode_frames`."""
    return decode_frames(clip, fps, FILTERS[fit], (WIDTH, HEIGHT), limits, tell=tell)


def decode_frames(
    clip: bytes | Path,
    fps: float | Fraction,
    scaling: str,
    size: tuple[int, int],
    limits: Limits,
    pixels: str = "rgb24",
    tell: Callable[[str], object] | None = None,
) -> Generator[np.ndarray]:
    """The frames of a clip at the times 0, 1/fps, 2/fps, …, the nearest that the clip has: (H, W, 3) uint8 RGB each, an
    array of its own, or (H, W, 4) if `pixels` is 'rgba'. `scaling` is the filter that makes them `size`, (width,
    height).

    At the end a part of 1/fps counts as a whole, so even the shortest clip gives a frame. `tell` is called with a line
    if the clip's clock was mended. Raises `ClipError` if none can be decoded, or not all within the limits;
    `MachineError` if ffmpeg is killed.
    """
    output = [
        "-vf", f"{CLOCK},{FROM_ZERO.format(rate=Fraction(fps).limit_denominator(100_000))},{scaling}",
        "-fps_mode", "cfr", "-frame_drop_threshold", "0.5", "-f", "rawvideo", "-pix_fmt", pixels, "pipe:1",
    ]  # fmt: skip
    width, height = size
    count = 0
    with run_ffmpeg(clip, output, limits) as (run, stderr):
        assert isinstance(run.stdout, BufferedReader)
        frame = np.empty((height, width, 4 if pixels == "rgba" else 3), np.uint8)
        while run.stdout.readinto(frame.reshape(-1).data) == frame.size:
            if count >= max(1, limits.seconds * fps):
                raise too_long_error(limits)
            count += 1
            yield frame
            frame = np.empty_like(frame)
        code, cpu_seconds = wait_for_exit(run)
        if code not in MACHINE_CODES:
            check_film(clip, count, limits)
        if code or not count:
            raise decode_error(code, cpu_seconds, stderr, limits)
        if tell and (note := clock_note(stderr_text(stderr))):
            tell(note)
