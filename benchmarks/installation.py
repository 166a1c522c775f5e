"""How large the installation is that answers, and how long it takes, in a fresh environment made by `python -m venv`.

WHAT is whatever pip installs: this repository, one of its wheels, or git+URL. pip takes the libraries from where it is
configured to. Sizes are MB as `du -sm` counts them (2^20 bytes of disk). With --clip, that clip is asked for in an
empty folder, with what WHAT brings. Prints Markdown tables; takes a minute.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
SHOWN_MB = 2  # smaller packages are one row
TOOLS = {"pip", "setuptools"}  # that `venv` brings itself


def files_below(place: Path) -> list[Path]:
    return [place, *place.rglob("*")]


def megabytes(places: Iterable[Path]) -> float:
    """Of files and folders, without what is in these."""
    return sum(place.lstat().st_blocks * 512 for place in places) / 2**20


def packages(environment: Path) -> dict[str, list[Path]]:
    """Name of each installed package to all that lies below its folders and files in site-packages."""
    (site,) = environment.glob("lib/python3.*/site-packages")
    found: dict[str, list[Path]] = {}
    for one in distributions(path=[str(site)]):
        tops = {file.parts[0] for file in one.files or []} - {"..", "__pycache__"}
        found[one.metadata["Name"]] = [file for top in sorted(tops) for file in files_below(site / top)]
    return found


def size_table(environment: Path) -> str:
    installed, everything = packages(environment), files_below(environment)
    tools = {file for name in TOOLS for file in installed.pop(name, [])}
    own = [file for file in everything if file not in tools]
    sizes = {name: megabytes(files) for name, files in installed.items()}
    large = sorted((name for name, size in sizes.items() if size >= SHOWN_MB), key=lambda name: -sizes[name])
    rows = [
        *((name, sizes[name]) for name in large),
        (
            f"{len(sizes) - len(large)} others, and the environment itself",
            megabytes(own) - sum(sizes[name] for name in large),
        ),
        ("**in all**", megabytes(own)),
        (
            "of which bytecode, which `pip install --no-compile` leaves out",
            megabytes(f for f in own if f.suffix == ".pyc"),
        ),
        (f"in all with {' and '.join(sorted(TOOLS))}, which `venv` brings", megabytes(everything)),
    ]
    return "\n".join(["| package | MB |", "| --- | --- |", *(f"| {name} | {size:.0f} |" for name, size in rows)])


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Seconds that a command takes, and the last line that it prints; ends the program if it fails."""
    started = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"installation: {' '.join(command)} failed:\n{done.stderr}")
    return time.monotonic() - started, (done.stdout.splitlines() or [""])[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", default=str(ROOT), metavar="WHAT")
    parser.add_argument("--no-compile", action="store_true", help="as pip's: without bytecode")
    parser.add_argument("--clip", type=Path, metavar="CLIP")
    args = parser.parse_args()
    what = str(Path(args.what).resolve()) if Path(args.what).exists() else args.what
    with tempfile.TemporaryDirectory() as scratch:
        environment, empty = Path(scratch) / "environment", Path(scratch) / "empty"
        empty.mkdir()
        timed([sys.executable, "-m", "venv", str(environment)], empty)
        options = ["--quiet", "--disable-pip-version-check", *["--no-compile"] * args.no_compile]
        seconds, _ = timed([str(environment / "bin/python"), "-m", "pip", "install", *options, what], empty)
        print(size_table(environment))
        steps = [("installing", seconds, "")]
        program = str(environment / "bin/fitness-tracker")
        asked = [["predict", str(args.clip.resolve())]] if args.clip else []
        steps += [(words[0], *timed([program, *words], empty)) for words in (["--version"], *asked)]
        print("\n| step | seconds | its last line |", "| --- | --- | --- |", sep="\n")
        for name, seconds, line in steps:
            print(f"| {name} | {seconds:.1f} | {line} |")
        print(f"\nAfterwards it takes {megabytes(files_below(environment)):.0f} MB.")


if __name__ == "__main__":
    main()
