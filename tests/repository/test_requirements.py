"""What asking needs is its own, smaller installation; the lock holds what both need."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from fitness_tracker.models.bundle import save_classifier
from tests.models.test_bundle import pose_classifier
from tests.projects import ROOT
from tests.repository.test_layout import SOURCE, rooms

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TRAIN = PROJECT["optional-dependencies"]["train"]
ASKING = (
    "core",
    "clips",
    "video",
    "processing",
    "blazepose",
    "answering",
    "prediction",
    "drawing",
    "audit",
    "page",
    "cli",
)
# What of `models` answers; the rest trains
ANSWERING = (
    "graph", "classifier", "bundle", "registry", "pose/classifier", "pose/features", "pose/kind", "cnn/classifier",
    "cnn/kind",
)  # fmt: skip
LATER = {"distributed"}  # `processing/cluster` imports it where there is a cluster
HEAVY = {"tensorflow", "keras", "dvc", "pandas", "sklearn", "scipy", "matplotlib", "boto3", "imgaug"}


def distributions(names: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(name).name) for name in names}


def third_party(path: Path) -> set[str]:
    """Names of the modules of other projects that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"fitness_tracker"}


def test_rooms_that_answer_import_only_what_asking_installs() -> None:
    asking, of_module = distributions(PROJECT["dependencies"]), packages_distributions()
    files = [path for room in ASKING for path in rooms()[room]] + [SOURCE / "evaluation/templates.py"]
    files += [SOURCE / f"models/{name}.py" for name in ANSWERING]
    for path in files:
        for module in third_party(path) - LATER:
            names = {canonicalize_name(name).removesuffix("-core") for name in of_module[module]}
            assert names & asking, f"{path}: {module}"


@pytest.mark.parametrize("command", ["predict", "audit", "serve"])
def test_answering_needs_no_project_and_imports_nothing_heavy(
    networks: dict[str, bytes], networks_folder: Path, squat_clip: Path, vendored: None, tmp_path: Path, command: str
) -> None:
    save_classifier(pose_classifier(networks), tmp_path / "bundle")
    (tmp_path / "videos/squat").mkdir(parents=True)
    (tmp_path / "videos/squat/anna__1.mp4").write_bytes(squat_clip.read_bytes())
    more = {
        "predict": (squat_clip, "--classifier", tmp_path / "bundle", "--strip", tmp_path / "strip.png"),
        "audit": (tmp_path / "videos", "--networks", networks_folder, "--page", tmp_path / "audit.html"),
        "serve": ("--classifier", tmp_path / "bundle", "--port", "0"),
    }[command]
    program = (
        f"import atexit, runpy, sys; atexit.register(lambda: print('loaded', *sorted({HEAVY} & sys.modules.keys())));"
        "import socketserver; socketserver.BaseServer.serve_forever = lambda served: None;"
        "sys.argv[0] = 'x'; runpy.run_module('fitness_tracker.cli', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, command, *map(str, more)],
        cwd=tmp_path, env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "loaded"


def test_the_lock_has_every_requirement_at_a_version_that_it_allows() -> None:
    text = (ROOT / "requirements.txt").read_text()
    pins: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==([^ ]+)", text, re.MULTILINE):
        pins.setdefault(canonicalize_name(name), set()).add(version)
    for requirement in map(Requirement, [*PROJECT["dependencies"], *TRAIN]):
        versions = pins[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("command", [
    ("fitness_tracker.cli", "report", "HEAD", "HEAD"),
    ("fitness_tracker.cli", "export", "OUT", "--to", "onnx", "--classifier", "BUNDLE"),
    ("stages.evaluate", "FRAMES", *"abcde"),
])  # fmt: skip
def test_what_asking_does_not_install_is_one_line(
    networks: dict[str, bytes], command: tuple[str, ...], tmp_path: Path
) -> None:
    """Where pandas, and all that needs it, is not installed."""
    (tmp_path / "frames/squat").mkdir(parents=True)
    (tmp_path / "frames/squat/anna__1.zip").touch()
    save_classifier(pose_classifier(networks), tmp_path / "bundle")
    places = {"FRAMES": tmp_path / "frames", "OUT": tmp_path / "out", "BUNDLE": tmp_path / "bundle"}
    words = [str(places.get(word, word)) for word in command]
    program = (
        "import runpy, sys; sys.modules |= dict.fromkeys(('pandas', 'keras', 'tensorflow', 'dvc'));"
        "sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert re.search(r"(pandas|keras|dvc) is missing, .*pip install '\.\[train\]'", done.stderr)
