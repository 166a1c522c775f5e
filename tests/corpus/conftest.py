import shutil
from pathlib import Path

import pytest

from tests.corpus.workshop import Workshop
from tests.projects import render


def make(folder: Path, networks_folder: Path) -> None:
    render(folder, "--people", "1", "--exercises", "plank", "squat")
    for path in folder.glob("videos/*/*__[2-9].*"):
        path.unlink()
    workshop = Workshop(folder, networks_folder)
    workshop.corpus.mkdir()
    labels = "lunge,,lunge,1 group\nplank,plank,hold,\nsquat,squat,squat,\n"
    (workshop.corpus / "exercises.csv").write_text(f"label,exercise,family,why\n{labels}")
    (workshop.corpus / "catalog.csv").write_text("id,label,group,source,seconds,view,visibility,sha256\n")
    done = workshop.build(workshop.videos)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "corpus: 2 clips, 2 of them new; 0 got another label or group\n"


@pytest.fixture
def workshop(make_once, networks_folder: Path, tmp_path: Path) -> Workshop:
    made = make_once("workshop", lambda folder: make(folder, networks_folder))
    shutil.copytree(made, tmp_path / "workshop")
    return Workshop(tmp_path / "workshop", networks_folder)
