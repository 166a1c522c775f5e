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
from fitness_tracker.errors import UserError
from fitness_tracker.files import replace_folder, staging_path
from fitness_tracker.processing.cluster import ClusterError, workers
from fitness_tracker.processing.rejected import REJECTED, Rejected, read_rejected, write_rejected
from fitness_tracker.processing.result_cache import ResultCache, cache_folder, function_key
from fitness_tracker.video.ffmpeg import ClipError

LARGEST = 4 * 2**30  # bytes of a clip's file: it is held in memory


# What a file can be blamed for; other errors are this machine's.
BLAMED = (
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.ELOOP,
    errno.EISDIR,
    errno.ENAMETOOLONG,
    errno.ENXIO,
    errno.EIO,
)


class ClipResult(NamedTuple):
    """What became of a clip."""

    clip: Clip
    source: str  # SHA-256 of its bytes
    new: bool  # was it computed, or known?
    reason: str  # why it is bad; empty if it is not


def run_clips(
    function: functools.partial, clips: Sequence[Clip], desc: str, keep: Callable[[Clip, bytes], None], cache_gb: float
) -> list[ClipResult]:
    """Calls `keep(clip, function(bytes of the clip))` for every clip, from any thread, in any order.

    A clip that is bad does not stop the others, and what is finished is in the cache. The largest go first, so that
    no core waits for a long one at the end.
    """
    import joblib  # here, because the import takes 0.2 s

    result_cache, code = ResultCache(cache_folder(), cache_gb), function_key(function)
    with workers(function, code) as (many, work):
        task = joblib.delayed(functools.partial(run_clip, work, code, result_cache, keep))
        tasks = (task(clip) for clip in sorted(clips, key=size_of, reverse=True))
        results = joblib.Parallel(many, backend="threading", return_as="generator_unordered")(tasks)
        return sorted(tqdm(results, desc=desc, total=len(clips), unit="clip", disable=None))


def size_of(clip: Clip) -> int:
    """In bytes; 0 of one that is not there."""
    try:
        return clip.path.stat().st_size
    except OSError:
        return 0


def run_clip(
    process: Callable[[bytes], bytes],
    code: str,
    result_cache: ResultCache,
    keep: Callable[[Clip, bytes], None],
    clip: Clip,
) -> ClipResult:
    try:
        source = read_source(clip.path)
    except ClipError as error:
        return ClipResult(clip, clip.name, False, str(error))
    digest = hashlib.sha256(source).hexdigest()
    output = result_cache.get(f"{digest}-{code}")
    new = output is None
    if output is None:
        try:
            output = process(source)
        except ClusterError:
            raise
        except UserError as error:
            return ClipResult(clip, digest, False, str(error))
        result_cache.set(f"{digest}-{code}", output)
    keep(clip, output)
    return ClipResult(clip, digest, new, "")


def read_source(path: Path) -> bytes:
    """A clip's file; raises `ClipError` if it is to blame that there is none."""
    try:
        if not path.is_file() and path.exists():  # a pipe would keep us waiting
            raise ClipError("is no file; take it away")
        if path.stat().st_size > LARGEST:
            raise ClipError(f"is larger than {LARGEST // 2**30} GiB; cut it")
        return path.read_bytes()
    except OSError as error:
        if error.errno not in BLAMED:
            raise
        raise ClipError(f"cannot be read ({error.strerror}); replace it or take it away") from None


def flag_conflicting_labels(done: Sequence[ClipResult]) -> list[ClipResult]:
    """The same, where clips that are shown under two exercises are bad."""
    exercises = defaultdict(set)
    for one in done:
        exercises[one.source].add(one.clip.exercise)
    why = "is the same file as a clip of another exercise ({}); keep it where it belongs"
    return [
        one._replace(reason=why.format(", ".join(sorted(exercises[one.source] - {one.clip.exercise}))))
        if not one.reason and len(exercises[one.source]) > 1
        else one
        for one in done
    ]


def process_clips(
    function: functools.partial, clips: Sequence[Clip], out: Path, suffix: str, stage: str, skip: bool, cache_gb: float
) -> list[Rejected]:
    """Writes `function(bytes of the clip)` to `<out>/<clip name><suffix>` for every clip, and prints how many.

    Returns which are set aside by this stage and those before. `out` is whole or not there at any moment: it is built
    beside and moved into place. Raises `UserError` that names the bad clips, unless they are to be
    skipped, and if no clip is good.
    """
    staged = staging_path(out)
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)

    def write(clip: Clip, output: bytes) -> None:
        target = staged / (clip.name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(output)

    done = flag_conflicting_labels(run_clips(function, clips, stage, write, cache_gb))
    bad = [one for one in done if one.reason]
    if bad and (not skip or len(bad) == len(done)):
        shutil.rmtree(staged)
        told = "\n".join(f"  {one.clip.path}: {one.reason}" for one in bad)
        raise UserError(f"{len(bad)} of {len(done)} clips failed, the others are finished and kept:\n{told}")
    rejected = [Rejected(one.clip.name, stage, one.reason) for one in bad]
    for path in (staged / (one.clip.name + suffix) for one in bad):
        if path.exists():  # it is also shown under another exercise
            path.unlink()
            with contextlib.suppress(OSError):
                os.removedirs(path.parent)  # as far as they are empty
    earlier = read_rejected(common_folder(clips) / REJECTED)
    if earlier + rejected:
        write_rejected(staged / REJECTED, earlier + rejected)
    replace_folder(staged, out)
    told = f"; {len(bad)} set aside" if bad else ""
    lost = {one.clip.exercise for one in bad} - {one.clip.exercise for one in done if not one.reason}
    told += "".join(f"; {exercise} has none left" for exercise in sorted(lost))
    print(f"{stage}: {len(done) - len(bad)} clips, {sum(one.new for one in done)} of them new{told}")
    return earlier + rejected


def common_folder(clips: Sequence[Clip]) -> Path:
    """The folder below which the clips have their names."""
    return clips[0].path.parents[clips[0].name.count("/")]
