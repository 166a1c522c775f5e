"""`make push` after `dvc gc`, which takes outputs away and leaves the records of the runs that made them."""

import re
import sys
from pathlib import Path

from tests.projects import GIT, copy_project, edit_params, run


def test_after_gc_complete_runs_are_pushed_and_others_left_out(stand_in: Path, tmp_path: Path) -> None:
    home = copy_project(stand_in, tmp_path / "project")
    run(home, "dvc", "remote", "add", "-q", "--local", "-d", "here", str(tmp_path / "remote"))
    edit_params(home, {"extract.jpeg_quality": 91})
    assert run(home, "dvc", "repro", "-q", "extract").returncode == 0  # a run of which only the record stays
    assert run(home, *GIT, "reset", "-q", "--hard").returncode == 0
    assert run(home, "dvc", "checkout", "-q", "dvc.yaml").returncode == 0
    assert run(home, "dvc", "gc", "-w", "-f", "-q").returncode == 0
    pushed = run(home, sys.executable, "storage/push.py")
    assert pushed.returncode == 0, pushed.stderr
    assert re.match(r"push: 6 runs, \d+ files more of them; 1 without their outputs left out$", pushed.stdout)
    assert len([path for path in (tmp_path / "remote/runs").rglob("*") if path.is_file()]) == 6
