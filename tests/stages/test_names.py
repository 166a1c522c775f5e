"""What the names of clips tell is told by the first stage, before any clip is worked on."""

import os
import shutil
from pathlib import Path

import pytest

from tests.projects import ROOT, edit_params, run

CORPUS = (str(ROOT / "corpus"),)


class Shop:
    """A folder of clips and parameters, and an ffmpeg that does nothing but leave a mark."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.mark, self.ffmpeg = folder, folder / "mark", folder / "ffmpeg"
        self.ffmpeg.write_text(f"#!/bin/sh\ntouch {self.mark}\nexit 1\n")
        self.ffmpeg.chmod(0o755)
        shutil.copy(ROOT / "params.yaml", folder)
        edit_params(folder, {"corpus": False})

    def resize(self, *names: str, corpus: tuple[str, ...] = CORPUS) -> tuple[list[str], list[str]]:
        """The lines of stdout and stderr, after clips of these names were added."""
        for name in names:
            path = self.folder / "videos" / f"{name}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("a clip")
        environment = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "IMAGEIO_FFMPEG_EXE": str(self.ffmpeg)}
        done = run(self.folder, "python", "-m", "stages.resize", "videos", "resized", *corpus, **environment)
        assert done.returncode == 1
        return done.stdout.splitlines(), done.stderr.splitlines()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.mark.parametrize("corpus", [(), CORPUS], ids=["part", "all"])
def test_a_clip_whose_name_holds_no_group_is_refused_before_any_is_worked_on(shop: Shop, corpus: tuple) -> None:
    out, lines = shop.resize("squat/IMG_0001", "squat/anna__1", "lunge/bob__1", corpus=corpus)
    assert lines == [
        "resize: squat/IMG_0001: split.group '^(.+?)__' finds no group in 'IMG_0001'; rename it or change split.group"
    ]
    assert out == []
    assert not shop.mark.exists()
    (shop.folder / "videos/squat/IMG_0001.mp4").unlink()
    shop.resize("squat/bob__1", "lunge/anna__1", corpus=corpus)
    assert shop.mark.exists()


def test_an_exercise_of_one_group_is_refused_unless_train_would_have_more(shop: Shop) -> None:
    _, (line,) = shop.resize("squat/anna__1", "squat/bob__1", "lunge/bob__1", "lunge/bob__2")
    assert line.startswith("resize: lunge: all clips belong to the one group 'bob'")
    edit_params(shop.folder, {"corpus": True, "train.model": "cnn"})  # which does not learn from the corpus
    assert shop.resize()[1] == [line]
    assert not shop.mark.exists()
    edit_params(shop.folder, {"train.model": "pose"})
    shop.resize()
    assert shop.mark.exists()


def test_a_part_of_the_clips_may_show_what_only_one_group_shows(shop: Shop) -> None:
    shop.resize("squat/anna__1", corpus=())
    assert shop.mark.exists()


def test_what_is_spelled_almost_like_something_else_is_told_at_once(shop: Shop) -> None:
    edit_params(shop.folder, {"corpus": True})
    out, _ = shop.resize("Push-Up/Anna__1", "Push-Up/bob__1", "lunge/anna__1")
    assert out == [
        "resize: 'Anna', 'anna': differ in case or Unicode form only, and count as one group, 'anna'",
        "resize: Push-Up: is taught as another exercise than 'push_up'; if it is the same, rename the folder",
    ]
    assert shop.mark.exists()


def test_a_chosen_exercise_that_no_clip_shows_is_refused(shop: Shop) -> None:
    edit_params(shop.folder, {"corpus": True, "exercises": ["Push-Up"]})
    _, (line,) = shop.resize("squat/anna__1")
    assert line == "resize: params.yaml: exercises names Push-Up, which no clip shows; did you mean 'push_up'?"
    assert not shop.mark.exists()
