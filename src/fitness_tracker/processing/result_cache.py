"""Finished outputs, kept outside the project: by key, checked when read, bounded in size.

They lie in `$FITNESS_TRACKER_CACHE`, else in the user's cache folder, and may be deleted at any time. Workspace,
`--temp` and queued runs share them; a process that is killed at any moment leaves them whole.
"""

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
import threading
from importlib.metadata import version
from pathlib import Path

from fitness_tracker.core.errors import UserError
from fitness_tracker.video.ffmpeg import ffmpeg_version

GB = 2**30  # bytes
DIGEST = 32  # bytes of a SHA-256
LIBRARIES = ("opencv-python-headless", "ai-edge-litert", "numpy")


def cache_folder() -> Path:
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fitness-tracker"
    return Path(os.environ.get("FITNESS_TRACKER_CACHE") or default)


class ResultCache:
    """One file an output, its SHA-256 in front; shared by threads and processes, which need no locks between them.

    Nothing but bytes is ever read, whatever lies in the folder: diskcache would unpickle it (CVE-2025-69872).
    """

    def __init__(self, folder: Path, size: float = 20) -> None:
        """`size` in GB; beyond it the oldest outputs go. Raises `UserError` if the folder cannot be written."""
        self.folder, self.limit = folder / "results", round(size * GB)
        self.unchecked, self.lock = 0, threading.Lock()  # bytes that may be added before the size is summed up again
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise UserError(f"{folder}: cannot hold the result cache ({error}); set FITNESS_TRACKER_CACHE") from None

    def __reduce__(self) -> tuple[type["ResultCache"], tuple[Path, float]]:
        """For another process: a cache of the same folder, with a lock of its own."""
        return ResultCache, (self.folder.parent, self.limit / GB)

    def path(self, key: str) -> Path:
        """The file of a key made of letters, digits and '-'."""
        return self.folder / key[-2:] / key

    def get(self, key: str) -> bytes | None:
        """The output under `key`; None if there is none, it is damaged, or the cache cannot be read."""
        try:
            stored = self.path(key).read_bytes() if self.path(key).is_file() else b""
        except OSError:
            return None
        intact = hashlib.sha256(memoryview(stored)[DIGEST:]).digest() == stored[:DIGEST]
        return stored[DIGEST:] if intact else None

    def set(self, key: str, output: bytes) -> None:
        """Stores an output, if the cache can: a full disk costs time on the next run, not this one's result."""
        path = self.path(key)
        with contextlib.suppress(OSError), self.lock:
            self.unchecked -= len(output)
            if self.unchecked < 0:
                self.unchecked = self.trim(len(output))
        with contextlib.suppress(OSError), contextlib.ExitStack() as cleanup:
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                cleanup.callback(Path(file.name).unlink, missing_ok=True)
                file.write(hashlib.sha256(output).digest())
                file.write(output)
            os.replace(file.name, path)

    def trim(self, wanted: int) -> int:
        """Removes the oldest files until `wanted` bytes fit; returns how many may be added before the next time.

        At most a tenth of the limit, as other processes add to it too.
        """
        files = []
        for entry in (entry for folder in os.scandir(self.folder) for entry in os.scandir(folder)):
            with contextlib.suppress(FileNotFoundError):  # another process trims
                files.append((entry.stat().st_mtime_ns, entry.stat().st_size, entry.path))
        total = sum(size for _, size, _ in files) + wanted
        if total > self.limit:
            for _, size, path in sorted(files):
                Path(path).unlink(missing_ok=True)
                total -= size
                if total <= 0.9 * self.limit:
                    break
        return min(self.limit - total, self.limit // 10)

    def forget(self, key: str) -> None:
        with contextlib.suppress(OSError):
            self.path(key).unlink()


@functools.lru_cache(4)
def function_key(function: functools.partial) -> str:
    """What the output depends on besides the clip: the function's name and version, its parameters, the libraries.

    The version is `OUTPUT_VERSION` of the function's module: whoever changes what the function makes of a clip raises
    it, and tests/test_output_versions.py fails if not.
    """
    module = sys.modules[function.func.__module__]
    libraries = [ffmpeg_version(), *(version(name) for name in LIBRARIES)]
    text = repr((function.func.__qualname__, module.OUTPUT_VERSION, sorted(function.keywords.items()), libraries))
    return hashlib.sha256(text.encode()).hexdigest()
