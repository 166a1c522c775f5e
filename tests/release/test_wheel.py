"""`make wheel`: the program with a classifier in it."""

import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from fitness_tracker.prediction.sources import describe_classifier
from tests.projects import ROOT, run

BUNDLE = "fitness_tracker/bundle/"


def wheel(*arguments: str | Path, **environment: str):
    return run(ROOT, sys.executable, "release/wheel.py", *map(str, arguments), **environment)


@pytest.mark.slow
def test_a_wheel_holds_program_and_classifier_and_answers_where_it_is_unpacked(
    untrained: Path, vendored: None, tmp_path: Path, make_clip: Callable[..., bytes]
) -> None:
    made = []
    for umask, name in ((0o022, "one"), (0o077, "two")):
        before = os.umask(umask)
        done = wheel("--classifier", untrained, "--out", tmp_path / name)
        os.umask(before)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        (path,) = (tmp_path / name).iterdir()
        made.append(path.read_bytes())
        assert f"{path}, " in done.stdout
    assert made[0] == made[1], "the same files give the same bytes"
    with zipfile.ZipFile(path) as archive:
        held = {name.removeprefix(BUNDLE): archive.read(name) for name in archive.namelist() if name.startswith(BUNDLE)}
        archive.extractall(tmp_path / "site")
    assert held == {file.name: file.read_bytes() for file in untrained.iterdir()}
    site = tmp_path / "site/fitness_tracker"
    for name in (
        "core/dejavu/LICENSE",
        "audit/findings.html.jinja",
        "page/web/index.html",
        "page/web/vendor/litert/LICENSE",
    ):
        assert (site / name).is_file(), name
    assert not (ROOT / "src" / BUNDLE).exists(), "the checkout stays as it is"
    (tmp_path / "clip.mp4").write_bytes(make_clip())
    said, answer = (
        run(tmp_path, sys.executable, "-m", "fitness_tracker.cli", *words, PYTHONPATH=str(tmp_path / "site"))
        for words in (["--version"], ["predict", "clip.mp4"])
    )
    assert said.stdout.splitlines()[1] == f"classifier {site / 'bundle'}: {describe_classifier(untrained)}"
    assert (answer.returncode, answer.stderr, answer.stdout.count("%")) == (0, "", 1)


def test_without_a_classifier_there_is_no_wheel(tmp_path: Path) -> None:
    done = wheel("--classifier", tmp_path / "none", "--out", tmp_path / "dist")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "holds no classifier" in done.stderr
    assert not (tmp_path / "dist").exists()
