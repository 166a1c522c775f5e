"""The lines in docs/data.md by which somebody adds the landmarks of their clips, as they stand there."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from fitness_tracker.clips.folder import short_hash
from fitness_tracker.corpus.catalog import read_corpus
from tests.corpus.workshop import Workshop
from tests.projects import GIT, ROOT, make_project, run


@pytest.mark.slow
def test_the_lines_in_the_docs_add_clips_and_take_one_out(
    workshop: Workshop, networks_folder: Path, tmp_path: Path
) -> None:
    text = (ROOT / "docs/data.md").read_text()
    lines = text.split("**Your people for everybody.**")[1].split("```bash\n")[1].split("```")[0]
    assert 8 <= lines.count("\n") <= 10
    project = make_project(tmp_path / "project")
    shutil.copytree(networks_folder, project / "pretrained/models", dirs_exist_ok=True)
    for number, label in ((1, "squat"), (2, "plank")):  # two different clips
        shutil.copy(workshop.videos / label / "person01__1.mp4", project / f"anna__{number}.mp4")
    assert run(tmp_path, *GIT, "init", "-q", "--bare", "origin.git").returncode == 0
    assert run(project, *GIT, "remote", "add", "origin", str(tmp_path / "origin.git")).returncode == 0
    before = len(read_corpus(project / "corpus"))
    names = {f"GIT_{role}_{kind}": "anna@example.com" for role in ("AUTHOR", "COMMITTER") for kind in ("NAME", "EMAIL")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = run(project, "bash", "-euo", "pipefail", "-c", lines, PATH=path, **names)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"corpus: {before + 2} clips, 2 of them new; 0 got another label or group\n" in done.stdout
    assert f"corpus: {before + 1} clips, 1 taken out\n" in done.stdout
    added = [clip for clip in read_corpus(project / "corpus") if clip.group == short_hash("anna")]
    assert [(clip.label, clip.visibility, clip.source) for clip in added] == [
        ("squat", "clear", short_hash("Anna's garden"))
    ]
    pushed = run(tmp_path / "origin.git", *GIT, "diff", "--stat", "--name-only", "annas-squats~1", "annas-squats")
    files = pushed.stdout.split()
    assert [name.rsplit("/", 1)[0] for name in files] == ["corpus", "corpus/landmarks/squat", "corpus/landmarks/squat"]
    shown = run(tmp_path / "origin.git", *GIT, "show", "annas-squats").stdout
    assert not [word for word in ("anna__", "garden", ".mp4", "mine") if word in shown.split("corpus: two clips", 1)[1]]
