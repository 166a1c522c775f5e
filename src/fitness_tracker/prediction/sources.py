"""Where the classifier that answers comes from: a folder, a zip, the package itself, or a revision of a repository."""

import importlib.util
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import fitness_tracker
from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.errors import UserError, printable
from fitness_tracker.prediction.zipped import DESCRIPTION, unzip_classifier

CLASSIFIER_FOLDER = "models/classifier"  # in every repository of this project, this one too
BUNDLE = Path(fitness_tracker.__file__).parent / "bundle"  # in a wheel of `make wheel`


def default_folder() -> Path:
    """That of the working directory, else that of the package; raises `UserError` if there is neither."""
    for folder in (Path(CLASSIFIER_FOLDER), BUNDLE):
        if folder.exists():
            return folder
    raise UserError(
        "no classifier here: name one by `--classifier` (a folder, FILE.zip or URL@REVISION), train one by "
        "`make repro`, or install a wheel of `make wheel`"
    )


def networks_folder() -> Path:
    """That of BlazePose's networks: what `pretrained/` fetched, else the package's own classifier, which has them."""
    fetched = Path("pretrained/models")
    return BUNDLE if BUNDLE.exists() and not fetched.exists() else fetched


@contextmanager
def classifier_folder(place: str | None) -> Iterator[Path]:
    """The folder of the classifier at `place`, for as long as the block runs; None is `default_folder`.

    `place` is a folder, a zip of one, or URL@REVISION. URL is whatever `git clone` takes, also a folder. Raises
    `UserError` if the zip is not that of a classifier, or nothing can be fetched.
    """
    if place is None:
        yield default_folder()
    elif Path(place).is_dir() or (not Path(place).exists() and "@" not in place):
        yield Path(place)
    else:
        with tempfile.TemporaryDirectory(prefix="fitness-tracker-") as scratch:
            folder = Path(scratch) / "classifier"
            if Path(place).exists():
                folder.mkdir()
                unzip_classifier(Path(place), folder)
            else:
                fetch_classifier(place, folder)
            yield folder


def fetch_classifier(place: str, folder: Path) -> None:
    """Fills `folder` by `dvc get`; raises `UserError` with DVC's first reason if that fails, or DVC is missing."""
    url, revision = place.rsplit("@", 1)
    if not url or not revision or "-" in (url[0], revision[0]):
        raise UserError(f"{place}: must be a folder, a zip, or URL@REVISION")
    if not importlib.util.find_spec("dvc"):
        raise UserError(f"{place}: to fetch from a repository takes DVC, which is missing: pip install 'dvc[s3]'")
    command = ["dvc", "get", "--quiet", url, CLASSIFIER_FOLDER, "--rev", revision, "-o", str(folder)]
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        reasons = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")] or ["no reason given"]
        raise UserError(f"{place}: cannot be fetched ({reasons[0].removeprefix('ERROR: ')})")


def version_lines() -> str:
    """The program's version, and which classifier answers if no other is named; reads no more than its description."""
    try:
        number = version("fitness-tracker")
    except PackageNotFoundError:  # `src` on the path
        number = "(not installed)"
    try:
        folder = default_folder()
        classifier = f"classifier {printable(folder)}: {describe_classifier(folder)}"
    except UserError as error:
        classifier = str(error)
    return f"fitness-tracker {number}\n{classifier}"


def describe_classifier(folder: Path) -> str:
    """What the classifier in `folder` was trained on, and its hash."""
    from fitness_tracker.models.bundle import FORMAT_VERSION, checksum  # not for `--help`: it takes 0.3 s

    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if checksum(description) != description["checksum"]:
            raise ValueError
        if description["format_version"] != FORMAT_VERSION:
            return f"of another version of this program (format {description['format_version']!r:.20}); train it again"
        exercises = len(set(description["exercises"]) - {NONE})
        clips, groups = description["usage"], {used["group"] for used in description["usage"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return "damaged, or no classifier"
    return (
        f"{exercises} exercises, trained on {len(clips)} clips of {len(groups)} groups; {description['checksum'][:12]}"
    )
