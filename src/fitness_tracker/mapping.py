"""One pure function, bytes to bytes, over many clips: on all cores or a cluster, each clip once.

Finished outputs are kept in a memo outside the project, keyed by the source's bytes, the function's parameters and
its code. So a changed clip costs its own time only, and a stage that was stopped goes on where it was. The memo may
be deleted at any time. It lies in `$FITNESS_TRACKER_CACHE`, else in the user's cache folder.

With `$DASK_SCHEDULER_ADDRESS` the function runs on the workers of that Dask cluster. Bytes travel with the tasks: a
worker needs this package, and neither the project nor a disk that is shared.
"""

import contextlib
import csv
import errno
import functools
import hashlib
import inspect
import os
import platform
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from tqdm import tqdm

from fitness_tracker.clips import Clip
from fitness_tracker.errors import UserError
from fitness_tracker.memo import Memo, memo_folder
from fitness_tracker.video import ClipError, ffmpeg_version

LIBRARIES = ("opencv-python-headless", "ai-edge-litert", "numpy")
REJECTED = ".rejected.csv"  # in an out: what was set aside on the way to it
PATIENCE = 30  # seconds without any worker
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


class ClusterError(UserError):
    """The cluster is gone or of no use; no clip is to blame."""


class Rejected(NamedTuple):
    """A clip that was set aside, by which stage, and why."""

    clip: str
    stage: str
    reason: str


class Done(NamedTuple):
    """What became of a clip."""

    clip: Clip
    source: str  # SHA-256 of its bytes
    new: bool  # was it computed, or known?
    reason: str  # why it is bad; empty if it is not


@functools.lru_cache(4)
def code_key(function: functools.partial) -> str:
    """What the output depends on besides the clip: parameters, the code of this package that runs, libraries."""
    sources = [inspect.getsource(module) for module in modules_of(sys.modules[function.func.__module__])]
    libraries = [ffmpeg_version(), *(version(name) for name in LIBRARIES)]
    text = repr((function.func.__qualname__, sorted(function.keywords.items()), libraries, sources))
    return hashlib.sha256(text.encode()).hexdigest()


def modules_of(first: ModuleType) -> list[ModuleType]:
    """The module and what it uses of this package, by name; but `params`, whose values are in the key themselves."""
    known, waiting = {first.__name__: first}, [first]
    while waiting:
        used = {getattr(value, "__module__", "") or "" for value in vars(waiting.pop()).values()} - known.keys()
        for name in used - {"fitness_tracker.params"}:
            if name.startswith("fitness_tracker."):
                known[name] = sys.modules[name]
                waiting.append(known[name])
    return [known[name] for name in sorted(known)]


@contextlib.contextmanager
def workers(function: functools.partial, code: str) -> Iterator[tuple[int, Callable[[bytes], bytes]]]:
    """(how many clips at once, what to call for each): the function here, or on the workers of a Dask cluster."""
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        from joblib import cpu_count

        yield cpu_count(), function
        return
    from distributed import Client
    from distributed.comm import resolve_address

    try:
        resolve_address(address)
        client = Client(address, timeout=PATIENCE // 4, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise UserError(f"DASK_SCHEDULER_ADDRESS={address}: no scheduler answers ({error})") from None
    with client:
        cores = sum(client.nthreads().values())
        if not cores:
            raise UserError(f"{address}: the scheduler has no worker; start some: dask worker {address}")
        # It travels once, for it may hold networks; as a task's result it is made again where a worker took it along.
        there = client.submit(functools.partial, function.func, **function.keywords, pure=False)
        yield 2 * cores, functools.partial(far, client, there, code)  # while one clip travels another is worked on


def far(client: Any, function: Any, code: str, source: bytes) -> bytes:
    """`function(source)` on a worker; raises `ClusterError` when no worker is left."""
    from distributed import CancelledError, KilledWorker

    task = client.submit(call, function, code, source, pure=False)
    while True:
        try:
            return task.result(timeout=PATIENCE)
        except TimeoutError:  # it may be a long clip
            if client.nthreads():
                continue
        except KilledWorker:
            raise ClipError("every Dask worker that took it died; take it away, or give workers more memory") from None
        except CancelledError:
            pass
        raise ClusterError("no Dask worker is left, or the scheduler has gone; what is finished is kept") from None


def call(function: functools.partial, code: str, source: bytes) -> bytes:
    """`function(source)`; raises `ClusterError` if this machine would make something else of it."""
    if code_key(function) != code:
        raise ClusterError(
            f"the Dask worker on {platform.node()} has another fitness-tracker, ffmpeg or library than here"
        )
    return function(source)


def run_clips(
    function: functools.partial, clips: Sequence[Clip], desc: str, keep: Callable[[Clip, bytes], None], memo_gb: float
) -> list[Done]:
    """Calls `keep(clip, function(bytes of the clip))` for every clip, from any thread, in any order.

    A clip that is bad does not stop the others, and what is finished is in the memo. The largest go first, so that
    no core waits for a long one at the end.
    """
    import joblib  # here, because the import takes 0.2 s

    memo, code = Memo(memo_folder(), memo_gb), code_key(function)
    with workers(function, code) as (many, work):
        task = joblib.delayed(functools.partial(run_clip, work, code, memo, keep))
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
    work: Callable[[bytes], bytes], code: str, memo: Memo, keep: Callable[[Clip, bytes], None], clip: Clip
) -> Done:
    try:
        source = read_source(clip.path)
    except ClipError as error:
        return Done(clip, clip.name, False, str(error))
    digest = hashlib.sha256(source).hexdigest()
    output = memo.get(f"{digest}-{code}")
    new = output is None
    if output is None:
        try:
            output = work(source)
        except ClusterError:
            raise
        except UserError as error:
            return Done(clip, digest, False, str(error))
        memo.set(f"{digest}-{code}", output)
    keep(clip, output)
    return Done(clip, digest, new, "")


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


def doubly_named(done: Sequence[Done]) -> list[Done]:
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


def map_clips(
    function: functools.partial, clips: Sequence[Clip], out: Path, suffix: str, stage: str, skip: bool, memo_gb: float
) -> list[Rejected]:
    """Writes `function(bytes of the clip)` to `<out>/<clip name><suffix>` for every clip, and prints how many.

    Returns which are set aside by this stage and those before. `out` is whole or not there at any moment: it is built
    beside and moved into place. Raises `UserError` that names the bad clips, unless they are to be
    skipped, and if no clip is good.
    """
    beside = out.with_name(out.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)

    def write(clip: Clip, output: bytes) -> None:
        target = beside / (clip.name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(output)

    done = doubly_named(run_clips(function, clips, stage, write, memo_gb))
    bad = [one for one in done if one.reason]
    if bad and (not skip or len(bad) == len(done)):
        shutil.rmtree(beside)
        told = "\n".join(f"  {one.clip.path}: {one.reason}" for one in bad)
        raise UserError(f"{len(bad)} of {len(done)} clips failed, the others are finished and kept:\n{told}")
    rejected = [Rejected(one.clip.name, stage, one.reason) for one in bad]
    for path in (beside / (one.clip.name + suffix) for one in bad):
        if path.exists():  # it is also shown under another exercise
            path.unlink()
            with contextlib.suppress(OSError):
                os.removedirs(path.parent)  # as far as they are empty
    earlier = read_rejected(common_folder(clips) / REJECTED)
    if earlier + rejected:
        write_rejected(beside / REJECTED, earlier + rejected)
    move_into_place(beside, out)
    told = f"; {len(bad)} set aside" if bad else ""
    lost = {one.clip.exercise for one in bad} - {one.clip.exercise for one in done if not one.reason}
    told += "".join(f"; {exercise} has none left" for exercise in sorted(lost))
    print(f"{stage}: {len(done) - len(bad)} clips, {sum(one.new for one in done)} of them new{told}")
    return earlier + rejected


def move_into_place(beside: Path, out: Path) -> None:
    old = out.with_name(out.name + ".old.partial")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        os.replace(out, old)  # at once, where deleting takes its time
    os.replace(beside, out)
    shutil.rmtree(old, ignore_errors=True)


def common_folder(clips: Sequence[Clip]) -> Path:
    """The folder below which the clips have their names."""
    return clips[0].path.parents[clips[0].name.count("/")]


def read_rejected(path: Path) -> list[Rejected]:
    """What `write_rejected` wrote; nothing, if it is not there."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [Rejected(**row) for row in csv.DictReader(file)]


def write_rejected(path: Path, rejected: Sequence[Rejected]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".partial")
    with beside.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(Rejected._fields)
        rows.writerows(sorted(rejected))
    os.replace(beside, path)
