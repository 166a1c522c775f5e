"""A classifier that somebody else trained: fetched by DVC from a revision of a Git repository."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fitness_tracker.core.errors import UserError

CLASSIFIER_FOLDER = "models/classifier"  # in every repository of this project, this one too


@contextmanager
def fetched_classifier(place: str) -> Iterator[Path]:
    """The folder of a classifier: `place` itself, or a temporary one that `dvc get` fills if `place` is URL@REVISION.

    URL is whatever `git clone` takes, also a folder. Raises `UserError` with DVC's last line if it cannot be fetched.
    """
    if Path(place).exists() or "@" not in place:
        yield Path(place)
        return
    url, revision = place.rsplit("@", 1)
    if not url or not revision or "-" in (url[0], revision[0]):
        raise UserError(f"{place}: must be a folder, or URL@REVISION")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "classifier"
        command = ["dvc", "get", "--quiet", url, CLASSIFIER_FOLDER, "--rev", revision, "-o", str(folder)]
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
        if done.returncode:
            reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or ["no reason given"]
            raise UserError(f"{place}: cannot be fetched ({reasons[0].removeprefix('ERROR: ')})")
        yield folder
