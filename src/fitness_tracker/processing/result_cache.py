"""The result cache: outputs of clip functions, kept outside the project, checked when read, limited in size.

It lies in `$FITNESS_TRACKER_CACHE`, else in the user's cache folder, and may be deleted at any time. Runs of DVC in the
project, with `--temp` and of its queue share it. A process that is killed at any moment leaves no incomplete output.
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
DIGEST_BYTES = 32  # of a SHA-256
KEY_LIBRARIES = ("opencv-python-headless", "ai-edge-litert", "numpy")


def cache_folder() -> Path:
    """Raises `UserError` for users without a home, such as the numeric ones of containers, if no variable names it."""
    if folder := os.environ.get("FITNESS_TRACKER_CACHE"):
        return Path(folder)
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fitness-tracker"
    except RuntimeError:
        raise UserError("no home folder for the result cache: set FITNESS_TRACKER_CACHE to a folder") from None


class ResultCache:
    """A file for each output, which begins with the output's SHA-256; threads and processes may share the folder.

    Files are read as bytes only; diskcache would unpickle whatever lies in the folder (CVE-2025-69872).
    """

    def __init__(self, folder: Path, size: float = 20) -> None:
        """Deletes the oldest outputs beyond `size` GB. Raises `UserError` if the folder cannot be written."""
        self.folder, self.limit = folder / "results", round(size * GB)
        self.free, self.lock = 0, threading.Lock()  # bytes that may be added before the size is summed up again
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise UserError(f"{folder}: cannot hold the result cache ({error}); set FITNESS_TRACKER_CACHE") from None

    def __reduce__(self) -> tuple[type["ResultCache"], tuple[Path, float]]:
        """Pickled for another process: a cache of the same folder, with a lock of its own."""
        return ResultCache, (self.folder.parent, self.limit / GB)

    def path(self, key: str) -> Path:
        """The file of a key made of letters, digits and '-'."""
        return self.folder / key[-2:] / key

    def get(self, key: str) -> bytes | None:
        """The output stored under `key`; None if there is none, it is damaged, or it cannot be read."""
        try:
            stored = self.path(key).read_bytes() if self.path(key).is_file() else b""
        except OSError:
            return None
        intact = hashlib.sha256(memoryview(stored)[DIGEST_BYTES:]).digest() == stored[:DIGEST_BYTES]
        return stored[DIGEST_BYTES:] if intact else None

    def set(self, key: str, output: bytes) -> None:
        """Stores an output; errors such as a full disk are ignored, as they only cost time in the next run."""
        path = self.path(key)
        with contextlib.suppress(OSError), self.lock:
            self.free -= len(output)
            if self.free < 0:
                self.free = self.trim(len(output))
        with contextlib.suppress(OSError), contextlib.ExitStack() as cleanup:
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                cleanup.callback(Path(file.name).unlink, missing_ok=True)
                file.write(hashlib.sha256(output).digest())
                file.write(output)
            os.replace(file.name, path)

    def trim(self, wanted: int) -> int:
        """Deletes the oldest files until `wanted` bytes fit; returns how many bytes may be added before the next call.

        That is at most a tenth of the limit, as other processes add to it, too.
        """
        files = []
        for entry in (entry for folder in os.scandir(self.folder) for entry in os.scandir(folder)):
            with contextlib.suppress(FileNotFoundError):  # another process deletes, too
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
        """Deletes the output stored under `key`, if there is one."""
        with contextlib.suppress(OSError):
            self.path(key).unlink()


@functools.lru_cache(4)
def function_key(function: functools.partial) -> str:
    """A hash of what the output depends on besides the clip: the function's name, version and arguments, and libraries.

    The version is `OUTPUT_VERSION` of the function's module: raise it when the function gives other bytes for a clip;
    tests/stages/test_output_versions.py fails otherwise.
    """
    module = sys.modules[function.func.__module__]
    libraries = [ffmpeg_version(), *(version(name) for name in KEY_LIBRARIES)]
    text = repr((function.func.__qualname__, module.OUTPUT_VERSION, sorted(function.keywords.items()), libraries))
    return hashlib.sha256(text.encode()).hexdigest()
