"""Stages run the code beside them, whichever project the environment was made for: its hashes are what dvc.lock holds.

Only here the project's `src` is not in PYTHONPATH, so that what an editable install finds is that of this checkout.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.projects import GIT, ROOT, Undisturbed, make_project, run

CHANGE = ('return text + "".join', 'return "CHANGED CODE: " + text + "".join')


def change_code(project: Path) -> None:
    path = project / "src/fitness_tracker/processing/process_clips.py"
    assert CHANGE[0] in path.read_text()
    path.write_text(path.read_text().replace(*CHANGE))


@pytest.fixture
def project(tmp_path: Path, undisturbed: Undisturbed) -> Path:
    """A project of its own with five clips, in Git."""
    made = make_project(tmp_path / "project")
    shutil.copytree(undisturbed.home / "data/videos", made / "data/videos")
    identity = (("git", "config", "user.name", "test"), ("git", "config", "user.email", "test@example.com"))
    for command in (
        *identity,
        ("dvc", "add", "-q", "data/videos"),
        (*GIT, "add", "-A"),
        (*GIT, "commit", "-qm", "clips"),
    ):
        assert run(made, *command).returncode == 0
    return made


def test_a_copy_runs_its_own_code(project: Path, tmp_path: Path) -> None:
    change_code(project)
    done = run(project, sys.executable, "-m", "stages.resize", "data/videos", str(tmp_path / "out"), PYTHONPATH="")
    assert done.stdout.startswith("resize: CHANGED CODE: 5 clips"), done.stderr


def test_stages_without_their_code_refuse(project: Path, tmp_path: Path) -> None:
    shutil.rmtree(project / "src")
    done = run(project, sys.executable, "-m", "stages.resize", "data/videos", str(tmp_path / "out"), PYTHONPATH="")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("stages: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_run_beside_the_workspace_runs_the_code_that_it_is_recorded_with(project: Path) -> None:
    change_code(project)
    done = run(project, "dvc", "exp", "run", "--temp", "resize", PYTHONPATH="")
    assert "resize: CHANGED CODE: 5 clips" in done.stdout, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.torture
def test_a_queued_run_runs_the_code_that_was_queued(project: Path) -> None:
    change_code(project)
    assert run(project, "dvc", "exp", "run", "--queue", "--name", "changed", "resize", PYTHONPATH="").returncode == 0
    assert run(project, *GIT, "checkout", "--", "src").returncode == 0  # somebody goes on working
    assert run(project, "dvc", "queue", "start", "-j", "1", PYTHONPATH="").returncode == 0
    try:
        end = time.monotonic() + 300
        while (status := run(project, "dvc", "queue", "status").stdout) and time.monotonic() < end:
            if "Success" in status or "Failed" in status:
                break
            time.sleep(1)
        log = run(project, "dvc", "queue", "logs", "changed").stdout
    finally:
        run(project, "dvc", "queue", "stop", "--kill")
    assert "resize: CHANGED CODE: 5 clips" in log, log + status


@pytest.mark.slow
def test_an_environment_that_moves_with_its_folder_finds_the_code_beside_it(tmp_path: Path) -> None:
    """What `make` writes into the environment's site-packages leads to the folder that the environment lies in."""
    recipe = next(line for line in (ROOT / "Makefile").read_text().splitlines() if "__editable__" in line)
    for name in ("here", "there"):
        packages = tmp_path / name / ".venv/lib/python3.11/site-packages"
        packages.mkdir(parents=True)
        (packages / "__editable__.fitness_tracker-0.1.0.pth").write_text("/elsewhere/src")
        (tmp_path / name / "src").mkdir()
        (tmp_path / name / "src/whose.py").write_text(f"print({name!r})")
        command = recipe.strip().removeprefix("@").replace("$$", "$")
        assert run(tmp_path / name, "sh", "-c", command).returncode == 0
        program = f"import site; site.addsitedir({str(packages)!r}); import whose"
        assert run(tmp_path, sys.executable, "-c", program).stdout == f"{name}\n"


WAITING = """
import time
at_once = process_clips
def process_clips(*arguments, **keywords):
    Path("started").touch()
    while not Path("edited").exists():
        time.sleep(0.01)
    return at_once(*arguments, **keywords)
"""


def test_parameters_edited_while_a_stage_runs_fail_it(project: Path) -> None:
    """DVC would write the new ones into dvc.lock, with the results of the old."""
    params, code = project / "params.yaml", project / "src/fitness_tracker/processing/process_clips.py"
    code.write_text(code.read_text() + WAITING)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(["dvc", "repro", "-q", "resize"], cwd=project, text=True, **pipes) as running:
        while not (project / "started").exists():
            assert running.poll() is None, running.communicate()
            time.sleep(0.01)
        params.write_text(params.read_text().replace("seconds: 3600", "seconds: 3601"))
        (project / "edited").touch()
        _, errors = running.communicate()
    assert running.returncode != 0
    assert (
        "resize: params.yaml: limits changed while it ran; its results belong to neither version, run it again"
        in errors
    )
    assert not (project / "dvc.lock").exists() or "resize" not in (project / "dvc.lock").read_text()
