"""Fetches what the page is made of besides our own files into FOLDER: npm packages, by version and SHA-256.

Takes npm. Nothing of a package runs: the files that are named below are copied, and the licence beside them.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from fitness_tracker.core.files import replace_folder

PACKAGES = {  # name@version -> SHA-256 of its tarball
    "@litertjs/core@2.5.3": "a97660833e9e7e1063c95e12016718881240b14f7438728a2f62785e912d30fd",
    "@litertjs/wasm-utils@2.5.3": "ce2a1f8379c067be49e59752e5a7f40db6be09f6e497f0f11e59f17b515366a7",
    "mediabunny@1.61.0": "2105c960b161cbfcba037c91527e73b89d5208e92d6fb64a14000e7addbe1a8f",
}
# The one build of LiteRT.js that runs in every browser: iOS has no relaxed SIMD, and 'jspi' and 'threaded' take more
BUILD = "litert_wasm_compat_internal"
FILES = {  # where it goes -> package, and file in it
    "litert/index.js": ("@litertjs/core@2.5.3", "dist/index.js"),
    "litert/wasm-utils.js": ("@litertjs/wasm-utils@2.5.3", "dist/index.js"),
    f"litert/{BUILD}.js": ("@litertjs/core@2.5.3", f"wasm/{BUILD}.js"),
    f"litert/{BUILD}.wasm": ("@litertjs/core@2.5.3", f"wasm/{BUILD}.wasm"),
    "mediabunny/mediabunny.js": ("mediabunny@1.61.0", "dist/bundles/mediabunny.min.mjs"),
    "mediabunny/LICENSE": ("mediabunny@1.61.0", "LICENSE"),
}
CHANGES = {  # file -> what is in it once, and what takes its place
    "litert/index.js": [
        # Browsers resolve no bare name without an import map, which a strict Content-Security-Policy forbids
        (b'from "@litertjs/wasm-utils"', b'from "./wasm-utils.js"'),
        # It would take hold of a GPU when it loads, whatever runs on it
        (b"await createDefaultWebGpuDevice()", b"null"),
    ]
}


def download(package: str, sha256: str, folder: Path) -> Path:
    """The tarball of a package, name@version, in a folder of its own below `folder`, if it has that SHA-256."""
    place = folder / hashlib.sha256(package.encode()).hexdigest()[:8]
    place.mkdir()
    npm = shutil.which("npm")
    if not npm:
        sys.exit("web: npm is not installed, which fetches the packages of the page; it comes with Node.js")
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(place), package]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    tarballs = list(place.glob("*.tgz"))
    if done.returncode or not tarballs:
        reason = (done.stderr.strip().splitlines() or ["npm gave no reason"])[0]
        sys.exit(f"web: {package} cannot be downloaded ({reason}); go online")
    if (found := hashlib.sha256(tarballs[0].read_bytes()).hexdigest()) != sha256:
        sys.exit(f"web: {package} has SHA-256 {found}, not {sha256}; nothing was kept")
    return tarballs[0]


def fetch(folder: Path) -> None:
    """Puts the files into `folder`, all or none."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetch-") as scratch:
        tarballs = {name: download(name, sha256, Path(scratch)) for name, sha256 in PACKAGES.items()}
        fetched = Path(scratch) / "vendor"
        for place, (package, name) in FILES.items():
            with tarfile.open(tarballs[package]) as archive:
                member = archive.extractfile(f"package/{name}")
                assert member
                content = member.read()
            for before, after in CHANGES.get(place, []):
                assert content.count(before) == 1
                content = content.replace(before, after)
            (fetched / place).parent.mkdir(parents=True, exist_ok=True)
            (fetched / place).write_bytes(content)
        shutil.copy(Path(__file__).parent / "LICENSE-Apache-2.0", fetched / "litert/LICENSE")  # the package has none
        replace_folder(fetched, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    fetch(args.folder)
    print(f"web: {', '.join(PACKAGES)} are there and are what they should be")


if __name__ == "__main__":
    main()
