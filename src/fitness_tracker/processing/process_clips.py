"""Runs one clip function, bytes to bytes, on many clips.

Its outputs are kept in the result cache, so a stage computes only clips that are new or changed, and a stage that was
stopped goes on where it was.
"""

import contextlib
import errno
import functools
import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from fitness_tracker.clips.folder import Clip
from fitness_tracker.core.errors import UserError, printable
from fitness_tracker.core.files import replace_folder, staging_path
from fitness_tracker.processing.cluster import ClusterError, workers
from fitness_tracker.processing.rejected import REJECTED, Rejected, read_rejected, write_rejected
from fitness_tracker.processing.result_cache import ResultCache, function_key
from fitness_tracker.video.ffmpeg import ClipError, MachineError, note_of

MAX_CLIP_BYTES = 4 * 2**30  # a clip's file is held in memory

# Errors of opening or reading for which the file is to blame; for others (EIO, ENOMEM, ESTALE …) it is the machine
FILE_ERRNOS = (
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG, errno.ENXIO,
)  # fmt: skip

WriteOutput = Callable[[Clip, bytes], None]


class ClipResult(NamedTuple):
    """What `run_clips` did with a clip."""

    clip: Clip
    sha256: str  # of its bytes; its name if they cannot be read
    computed: bool  # False: the output was in the cache
    reason: str  # why it is bad; empty if it is good
    note: str = ""  # on a good one


def run_clips(
    function: functools.partial, clips: Sequence[Clip], desc: str, write: WriteOutput, cache: ResultCache
) -> list[ClipResult]:
    """Calls `write(clip, function(bytes of the clip))` for every clip, from any thread, in any order.

    A bad clip does not stop the others. The largest go first, so that no core waits for a long one at the end. Raises
    `MachineError` when no clip is to blame; finished outputs are in the cache then.
    """
    import joblib  # here, because the import takes 0.2 s

    code = function_key(function)
    with workers(function, code) as (at_once, process):
        task = joblib.delayed(functools.partial(run_clip, process, code, cache, write))
        tasks = (task(clip) for clip in sorted(clips, key=size_of, reverse=True))
        results = joblib.Parallel(at_once, backend="threading", return_as="generator_unordered")(tasks)
        return sorted(tqdm(results, desc=desc, total=len(clips), unit="clip", disable=None))


def size_of(clip: Clip) -> int:
    """The size of its file in bytes; 0 if there is none."""
    try:
        return clip.path.stat().st_size
    except OSError:
        return 0


def run_clip(
    process: Callable[[bytes], bytes], code: str, cache: ResultCache, write: WriteOutput, clip: Clip
) -> ClipResult:
    """Calls `try_clip`, after an error of the machine once more; raises `MachineError` if that fails, too."""
    for last in (False, True):
        try:
            return try_clip(process, code, cache, write, clip)
        except (MachineError, OSError, MemoryError) as error:
            if last or isinstance(error, ClusterError):
                place = getattr(error, "filename", None) or clip.path
                reason = getattr(error, "strerror", None) or str(error) or "not enough memory to hold it"
                raise MachineError(f"{place}: {reason}; what is finished is kept, run it again") from None
    raise AssertionError


def try_clip(
    process: Callable[[bytes], bytes], code: str, cache: ResultCache, write: WriteOutput, clip: Clip
) -> ClipResult:
    """Takes the output from the cache or computes it, and writes it; a bad clip is a result with a reason."""
    sha256 = clip.name
    try:
        source = read_source(clip.path)
        sha256 = hashlib.sha256(source).hexdigest()
        key = f"{sha256}-{code}"
        cached = cache.get(key)
        output = process(source) if cached is None else cached
    except MachineError:
        raise
    except UserError as error:
        return ClipResult(clip, sha256, False, str(error))
    note = note_of(output)
    if cached is None and not note:  # or the next run would not tell it
        cache.set(key, output)
    write(clip, output)
    return ClipResult(clip, sha256, cached is None, "", note)


def read_source(path: Path) -> bytes:
    """The bytes of a clip's file; raises `ClipError` if the file is to blame that it cannot be read, else `OSError`."""
    try:
        if not path.is_file() and path.exists():  # reading a pipe would wait for ever
            raise ClipError("is no file; take it away")
        if path.stat().st_size > MAX_CLIP_BYTES:
            raise ClipError(f"is larger than {MAX_CLIP_BYTES // 2**30} GiB; cut it")
        return path.read_bytes()
    except OSError as error:
        if error.errno not in FILE_ERRNOS:
            raise
        raise ClipError(f"cannot be read ({error.strerror}); replace it or take it away") from None


def flag_conflicting_labels(results: Sequence[ClipResult]) -> list[ClipResult]:
    """The same results, but with a reason for clips whose file stands under two exercises."""
    exercises = defaultdict(set)
    for result in results:
        exercises[result.sha256].add(result.clip.exercise)
    flagged = []
    for result in results:
        others = ", ".join(sorted(exercises[result.sha256] - {result.clip.exercise}))
        reason = f"is the same file as a clip of another exercise ({others}); keep it where it belongs"
        flagged.append(result._replace(reason=reason) if others and not result.reason else result)
    return flagged


def process_clips(
    function: functools.partial,
    clips: Sequence[Clip],
    out: Path,
    suffix: str,
    stage: str,
    cache: ResultCache,
    skip: bool = False,
) -> list[Rejected]:
    """Writes `function(bytes of the clip)` to `<out>/<clip name><suffix>` for every clip; prints notes, and how many.

    Returns the clips that this stage and those before set aside. `out` is complete or not there at any moment: it is
    built at a staging path and moved into place. Raises `UserError` that names the bad clips if `skip` is false or no
    clip is good; `MachineError` when no clip is to blame.
    """
    staged = staging_path(out)
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)

    def write(clip: Clip, output: bytes) -> None:
        target = staged / (clip.name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(output)

    results = flag_conflicting_labels(run_clips(function, clips, stage, write, cache))
    for result in results:
        if result.note:
            print(f"{stage}: {printable(result.clip.path)}: {result.note}")
    bad = [result for result in results if result.reason]
    if bad and (not skip or len(bad) == len(results)):
        shutil.rmtree(staged)
        reasons = "\n".join(f"  {result.clip.path}: {result.reason}" for result in bad)
        raise UserError(f"{len(bad)} of {len(results)} clips failed, the others are finished and kept:\n{reasons}")
    for path in (staged / (result.clip.name + suffix) for result in bad):
        if path.exists():  # the file stands under another exercise, too
            path.unlink()
            with contextlib.suppress(OSError):
                os.removedirs(path.parent)  # as far as they are empty
    rejected = read_rejected(common_folder(clips) / REJECTED)
    rejected += [Rejected(result.clip.name, stage, result.reason) for result in bad]
    if rejected:
        write_rejected(staged / REJECTED, rejected)
    replace_folder(staged, out)
    print(f"{stage}: {printable(summary_line(results))}")
    return rejected


def summary_line(results: Sequence[ClipResult]) -> str:
    """How many clips are good, computed and bad, and which exercises have none left."""
    good = [result for result in results if not result.reason]
    text = f"{len(good)} clips, {sum(result.computed for result in results)} of them new"
    if bad := len(results) - len(good):
        text += f"; {bad} set aside"
    lost = {result.clip.exercise for result in results} - {result.clip.exercise for result in good}
    return text + "".join(f"; {exercise} has none left" for exercise in sorted(lost))


def common_folder(clips: Sequence[Clip]) -> Path:
    """The folder that the clips' names are relative to."""
    return clips[0].path.parents[clips[0].name.count("/")]
