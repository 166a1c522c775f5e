"""One pure function, bytes to bytes, over many clips, each clip once.

Finished outputs are kept in a result cache outside the project, keyed by the source's bytes, the function's version and
parameters. So a changed clip costs its own time only, and a stage that was stopped goes on where it was.
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
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import replace_folder, staging_path
from fitness_tracker.processing.cluster import ClusterError, workers
from fitness_tracker.processing.rejected import REJECTED, Rejected, read_rejected, write_rejected
from fitness_tracker.processing.result_cache import ResultCache, function_key
from fitness_tracker.video.ffmpeg import ClipError, MachineError

MAX_BYTES = 4 * 2**30  # of a clip's file: it is held in memory

# Errors on opening or reading for which the file is to blame; all others are this machine's: EIO, ENOMEM, ESTALE …
FILE_ERRNOS = (
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENAMETOOLONG, errno.ENXIO,
)  # fmt: skip

WriteOutput = Callable[[Clip, bytes], None]


class ClipResult(NamedTuple):
    """What became of a clip."""

    clip: Clip
    sha256: str  # of its bytes; its name, where they cannot be read
    computed: bool  # False: the output was in the cache
    reason: str  # why it is bad; empty if it is not


def run_clips(
    function: functools.partial, clips: Sequence[Clip], desc: str, write: WriteOutput, cache: ResultCache
) -> list[ClipResult]:
    """Calls `write(clip, function(bytes of the clip))` for every clip, from any thread, in any order.

    A clip that is bad does not stop the others, and what is finished is in the cache. The largest go first, so that
    no core waits for a long one at the end. Raises `MachineError` for what no clip is to blame for.
    """
    import joblib  # here, because the import takes 0.2 s

    code = function_key(function)
    with workers(function, code) as (at_once, process):
        task = joblib.delayed(functools.partial(run_clip, process, code, cache, write))
        tasks = (task(clip) for clip in sorted(clips, key=size_of, reverse=True))
        results = joblib.Parallel(at_once, backend="threading", return_as="generator_unordered")(tasks)
        return sorted(tqdm(results, desc=desc, total=len(clips), unit="clip", disable=None))


def size_of(clip: Clip) -> int:
    """In bytes; 0 of one that is not there."""
    try:
        return clip.path.stat().st_size
    except OSError:
        return 0


def run_clip(
    process: Callable[[bytes], bytes], code: str, cache: ResultCache, write: WriteOutput, clip: Clip
) -> ClipResult:
    """One clip; what the machine is to blame for is tried once more, then raised as `MachineError`."""
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
    if cached is None:
        cache.set(key, output)
    write(clip, output)
    return ClipResult(clip, sha256, cached is None, "")


def read_source(path: Path) -> bytes:
    """A clip's file; raises `ClipError` if it is to blame that there is none, else `OSError`."""
    try:
        if not path.is_file() and path.exists():  # a pipe would keep us waiting
            raise ClipError("is no file; take it away")
        if path.stat().st_size > MAX_BYTES:
            raise ClipError(f"is larger than {MAX_BYTES // 2**30} GiB; cut it")
        return path.read_bytes()
    except OSError as error:
        if error.errno not in FILE_ERRNOS:
            raise
        raise ClipError(f"cannot be read ({error.strerror}); replace it or take it away") from None


def flag_conflicting_labels(results: Sequence[ClipResult]) -> list[ClipResult]:
    """The same, where clips that are shown under two exercises are bad."""
    exercises = defaultdict(set)
    for result in results:
        exercises[result.sha256].add(result.clip.exercise)
    reason = "is the same file as a clip of another exercise ({}); keep it where it belongs"
    return [
        result._replace(reason=reason.format(", ".join(sorted(exercises[result.sha256] - {result.clip.exercise}))))
        if not result.reason and len(exercises[result.sha256]) > 1
        else result
        for result in results
    ]


def process_clips(
    function: functools.partial,
    clips: Sequence[Clip],
    out: Path,
    suffix: str,
    stage: str,
    cache: ResultCache,
    skip: bool = False,
) -> list[Rejected]:
    """Writes `function(bytes of the clip)` to `<out>/<clip name><suffix>` for every clip, and prints how many.

    Returns which are set aside by this stage and those before. `out` is whole or not there at any moment: it is built
    at a staging path and moved into place. Raises `UserError` that names the bad clips, unless they are to be skipped,
    and if no clip is good; `MachineError`, whether or not they are to be skipped.
    """
    staged = staging_path(out)
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)

    def write(clip: Clip, output: bytes) -> None:
        target = staged / (clip.name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(output)

    results = flag_conflicting_labels(run_clips(function, clips, stage, write, cache))
    bad = [result for result in results if result.reason]
    if bad and (not skip or len(bad) == len(results)):
        shutil.rmtree(staged)
        reasons = "\n".join(f"  {result.clip.path}: {result.reason}" for result in bad)
        raise UserError(f"{len(bad)} of {len(results)} clips failed, the others are finished and kept:\n{reasons}")
    for path in (staged / (result.clip.name + suffix) for result in bad):
        if path.exists():  # it is also shown under another exercise
            path.unlink()
            with contextlib.suppress(OSError):
                os.removedirs(path.parent)  # as far as they are empty
    rejected = read_rejected(common_folder(clips) / REJECTED)
    rejected += [Rejected(result.clip.name, stage, result.reason) for result in bad]
    if rejected:
        write_rejected(staged / REJECTED, rejected)
    replace_folder(staged, out)
    print(f"{stage}: {describe(results)}")
    return rejected


def describe(results: Sequence[ClipResult]) -> str:
    """How many are good, computed and bad, and which exercises have none left, in one line."""
    good = [result for result in results if not result.reason]
    text = f"{len(good)} clips, {sum(result.computed for result in results)} of them new"
    if bad := len(results) - len(good):
        text += f"; {bad} set aside"
    lost = {result.clip.exercise for result in results} - {result.clip.exercise for result in good}
    return text + "".join(f"; {exercise} has none left" for exercise in sorted(lost))


def common_folder(clips: Sequence[Clip]) -> Path:
    """The folder below which the clips have their names."""
    return clips[0].path.parents[clips[0].name.count("/")]
