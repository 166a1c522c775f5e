"""What is finished, kept outside the project: outputs by key, checked when read, bounded in size.

It lies in `$FITNESS_TRACKER_CACHE`, else in the user's cache folder, and may be deleted at any time. Workspace,
`--temp` and queued runs share it; a process that is killed at any moment leaves it whole.
"""

import contextlib
import functools
import hashlib
import inspect
import os
import sqlite3
import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from diskcache import Cache, Timeout

from fitness_tracker.errors import UserError
from fitness_tracker.video.ffmpeg import ffmpeg_version

GB = 2**30  # bytes


DIGEST = 32  # bytes of a SHA-256


BROKEN = (OSError, sqlite3.Error, Timeout)


def cache_folder() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fitness-tracker"
    return Path(os.environ.get("FITNESS_TRACKER_CACHE") or default)


class ResultCache:
    """Outputs by key, checked against their hash when read; shared by threads and processes."""

    def __init__(self, folder: Path, size: float = 20) -> None:
        """`size` in GB; beyond it the oldest outputs go."""
        try:
            limit = round(size * GB)
            self.cache = Cache(str(folder), size_limit=limit, eviction_policy="least-recently-stored")
        except (OSError, sqlite3.Error) as error:
            raise UserError(
                f"{folder}: cannot hold the result_cache ({error}); delete it, or set FITNESS_TRACKER_CACHE"
            ) from None

    def get(self, key: str) -> bytes | None:
        """The output under `key`; None if there is none, it is damaged, or the result_cache cannot be read."""
        try:
            kept = self.cache.get(key)
        except BROKEN:
            return None
        sound = isinstance(kept, bytes) and hashlib.sha256(memoryview(kept)[DIGEST:]).digest() == kept[:DIGEST]
        return kept[DIGEST:] if sound else None

    def set(self, key: str, output: bytes) -> None:
        """Keeps an output, if the result_cache can: a full disk costs time on the next run, not this one's result."""
        with contextlib.suppress(*BROKEN):
            self.cache.set(key, hashlib.sha256(output).digest() + output)

    def forget(self, key: str) -> None:
        with contextlib.suppress(*BROKEN):
            self.cache.delete(key)


LIBRARIES = ("opencv-python-headless", "ai-edge-litert", "numpy")


@functools.lru_cache(4)
def function_key(function: functools.partial) -> str:
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
