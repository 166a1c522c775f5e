"""One pure function, bytes to bytes, over many clips: on all cores, each clip once.

Finished outputs are kept in a memo outside the project, keyed by the source's bytes, the function's parameters and
its code. So a changed clip costs its own time only, and a stage that was stopped goes on where it was. The memo may
be deleted at any time. It lies in `$FITNESS_TRACKER_CACHE`, else in the user's cache folder.
"""

import contextlib
import functools
import hashlib
import inspect
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import joblib
from diskcache import Cache, Timeout
from tqdm import tqdm

from fitness_tracker.clips import Clip
from fitness_tracker.errors import UserError
from fitness_tracker.video import ffmpeg_version

MEMO_BYTES = 20 * 2**30  # the oldest outputs go when the memo grows beyond this
DIGEST = 32  # bytes of a SHA-256
BROKEN = (OSError, sqlite3.Error, Timeout)
LIBRARIES = ("opencv-python-headless", "ai-edge-litert", "numpy")


def memo_folder() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fitness-tracker"
    return Path(os.environ.get("FITNESS_TRACKER_CACHE") or default)


class Memo:
    """Outputs by key, checked against their hash when read; shared by threads and processes."""

    def __init__(self, folder: Path) -> None:
        try:
            self.cache = Cache(str(folder), size_limit=MEMO_BYTES, eviction_policy="least-recently-stored")
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"{folder}: cannot hold the memo ({error}); delete it, or set FITNESS_TRACKER_CACHE"
            ) from None

    def get(self, key: str) -> bytes | None:
        """The output under `key`; None if there is none, it is damaged, or the memo cannot be read."""
        try:
            kept = self.cache.get(key)
        except BROKEN:
            return None
        sound = isinstance(kept, bytes) and hashlib.sha256(kept[DIGEST:]).digest() == kept[:DIGEST]
        return kept[DIGEST:] if sound else None

    def set(self, key: str, output: bytes) -> None:
        """Keeps an output, if the memo can: a full disk costs time on the next run, not this one's result."""
        with contextlib.suppress(*BROKEN):
            self.cache.set(key, hashlib.sha256(output).digest() + output)


def code_key(function: functools.partial) -> str:
    """What the output depends on besides the clip: parameters, the code of this package that runs, libraries."""
    module = sys.modules[function.func.__module__]
    names = {getattr(value, "__module__", "") for value in vars(module).values()} | {module.__name__}
    used = sorted(name for name in names if name and name.startswith("fitness_tracker."))
    sources = [inspect.getsource(sys.modules[name]) for name in used]
    libraries = [ffmpeg_version(), *(version(name) for name in LIBRARIES)]
    text = repr((function.func.__qualname__, sorted(function.keywords.items()), libraries, sources))
    return hashlib.sha256(text.encode()).hexdigest()


def run_clips(
    function: functools.partial, clips: Sequence[Clip], desc: str, keep: Callable[[Clip, bytes], None]
) -> tuple[int, list[str]]:
    """Calls `keep(clip, function(bytes of the clip))` for every clip, from any thread, in any order.

    Returns how many were computed anew, and what went wrong, a line a clip: a clip that fails does not stop the others,
    and what is finished is in the memo.
    """
    memo, code = Memo(memo_folder()), code_key(function)
    task = joblib.delayed(functools.partial(run_clip, function, code, memo, keep))
    results = joblib.Parallel(n_jobs=-1, backend="threading", return_as="generator")(task(clip) for clip in clips)
    done = list(tqdm(results, desc=desc, total=len(clips), unit="clip", disable=None))
    return sum(new for new, _ in done), [problem for _, problem in done if problem]


def run_clip(
    function: Callable[[bytes], bytes], code: str, memo: Memo, keep: Callable[[Clip, bytes], None], clip: Clip
) -> tuple[bool, str]:
    """(was it computed anew?, what went wrong) for one clip."""
    try:
        source = clip.path.read_bytes()
        key = f"{hashlib.sha256(source).hexdigest()}-{code}"
        output = memo.get(key)
        new = output is None
        if output is None:
            output = function(source)
            memo.set(key, output)
        keep(clip, output)
    except (UserError, OSError) as error:
        return False, f"{clip.path}: {error}"
    return new, ""


def map_clips(function: functools.partial, clips: Sequence[Clip], out: Path, suffix: str, desc: str) -> int:
    """Writes `function(bytes of the clip)` to `<out>/<clip name><suffix>` for every clip; returns how many were new.

    `out` appears whole or not at all: it is built beside and moved into place. Raises `UserError` that names all clips
    that failed.
    """
    beside = out.with_name(out.name + ".partial")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)

    def write(clip: Clip, output: bytes) -> None:
        target = beside / (clip.name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(output)

    new, failed = run_clips(function, clips, desc, write)
    if failed:
        shutil.rmtree(beside)
        told = "\n".join(f"  {line}" for line in failed)
        raise UserError(f"{len(failed)} of {len(clips)} clips failed, the others are finished and kept:\n{told}")
    shutil.rmtree(out, ignore_errors=True)
    os.replace(beside, out)
    return new
