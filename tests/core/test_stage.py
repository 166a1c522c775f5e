import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fitness_tracker.core import stage
from fitness_tracker.core.stage import run_stage
from tests.projects import ROOT

PIPELINE = """
stages:
  resize:
    cmd: python -m stages.resize
    deps: ["${videos}", code]
    params: [split.seed, limits]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "params.yaml").write_text(
        (ROOT / "params.yaml").read_text().replace("videos: sample/videos", "videos: videos", 1)
    )
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    for name in ("videos/squat/a.mp4", "code/module.py", "code/__pycache__/module.pyc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "START_S", time.time() + 1)
    return tmp_path


def edit(name: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        (edit("params.yaml", "  seed: 0 ", "  seed: 1 "), "params.yaml: split.seed"),
        (edit("params.yaml", "seconds: 3600", "seconds: 3601"), "params.yaml: limits"),
        (edit("code/module.py", "one", "two"), "code/module.py"),
        (edit("videos/squat/a.mp4", "one", "longer"), "videos/squat/a.mp4"),
        (lambda folder: (folder / "videos/squat/b.mp4").touch(), "videos/squat/b.mp4"),
        (lambda folder: (folder / "code/module.py").unlink(), "code/module.py"),
    ],
)
def test_what_changes_while_a_stage_runs_fails_it(
    folder: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Path], object], changed: str
) -> None:
    with pytest.raises(SystemExit) as ended, run_stage("resize"):
        change(folder)
    assert ended.value.code == 1
    expected = f"resize: {changed} changed while it ran; its results belong to neither version, run it again\n"
    assert capsys.readouterr().err == expected


def test_code_that_changed_while_the_stage_was_imported_fails_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stage, "START_S", time.time() - 60)
    with pytest.raises(SystemExit), run_stage("resize"):
        raise AssertionError
    assert capsys.readouterr().err == "resize: code/module.py changed while it started; run it again\n"


def test_a_date_of_the_future_is_no_change(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file from a machine whose clock is ahead: it would refuse until then."""
    monkeypatch.setattr(stage, "START_S", time.time() - 60)
    os.utime(folder / "code/module.py", (time.time() + 3600,) * 2)
    with run_stage("resize") as read:
        pass
    assert read.videos == "videos"


@pytest.mark.parametrize(
    "change",
    [
        edit("params.yaml", "  epochs: 12", "  epochs: 13"),
        edit("code/__pycache__/module.pyc", "one", "two"),
        lambda folder: (folder / "code/module.py").write_text("one"),
    ],
)
def test_what_a_stage_does_not_depend_on_may_change(folder: Path, change: Callable[[Path], object]) -> None:
    with run_stage("resize") as read:
        change(folder)
    assert read.videos == "videos"


def test_a_stage_of_no_pipeline_has_nothing_that_is_recorded(folder: Path) -> None:
    (folder / "dvc.yaml").unlink()
    with run_stage("resize"):
        (folder / "code/module.py").write_text("two")
