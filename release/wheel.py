"""Writes dist/*.whl: the program with the classifier of models/classifier in it, so that it answers wherever it is
installed, without repository, DVC and network. The same files give the same bytes. Needs no network."""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fitness_tracker.core.errors import UserError, exit_with_message, quiet_native_stderr
from fitness_tracker.prediction.sources import BUNDLE, CLASSIFIER_FOLDER, describe_classifier

ROOT = Path(__file__).parent.parent
MOST_BYTES = 25 * 10**6
DATE = "315532800"  # of all files, in seconds: 1980, the earliest that a zip can hold
COPIED = ("pyproject.toml", "README.md", "LICENSE")
PAGE = "src/fitness_tracker/page/web"


def has_page() -> bool:
    """Whether all that `fitness-tracker serve` needs is there."""
    return (ROOT / "web/vendor").is_dir()


def stage(classifier: Path, folder: Path) -> None:
    """What the wheel is built of, in a folder of its own: the checkout stays as it is."""
    for name in COPIED:
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*.pyc"))
    shutil.copytree(classifier, folder / BUNDLE.relative_to(ROOT))
    if has_page():
        shutil.copytree(ROOT / "web", folder / PAGE, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # whatever they are here: zips hold it


def build(folder: Path, out: Path) -> Path:
    """The wheel of what is staged in `folder`, moved to `out`."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    done = subprocess.run(
        [*command, "--wheel-dir", str(folder / "dist"), str(folder)],
        env={**os.environ, "SOURCE_DATE_EPOCH": DATE}, umask=0o022, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wheels = list((folder / "dist").glob("*.whl"))
    if done.returncode or not wheels:
        raise UserError(f"pip cannot build it: {' '.join(done.stderr.split())[-500:]}")
    if (size := wheels[0].stat().st_size) > MOST_BYTES:
        raise UserError(f"it would be {size / 1e6:.1f} MB, more than {MOST_BYTES // 10**6}")
    out.mkdir(parents=True, exist_ok=True)
    return Path(shutil.move(wheels[0], out / wheels[0].name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classifier", type=Path, default=ROOT / CLASSIFIER_FOLDER, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="FOLDER")
    args = parser.parse_args()
    with exit_with_message("wheel"), tempfile.TemporaryDirectory() as scratch:
        with quiet_native_stderr():
            from fitness_tracker.models.bundle import load_classifier

            load_classifier(args.classifier)  # or it would be refused where the wheel is installed
        stage(args.classifier, Path(scratch))
        wheel = build(Path(scratch), args.out)
        page = "" if has_page() else "; without the page, of which `make site` fetches a part"
        print(f"wheel: {wheel}, {wheel.stat().st_size / 1e6:.1f} MB; {describe_classifier(args.classifier)}{page}")


if __name__ == "__main__":
    main()
