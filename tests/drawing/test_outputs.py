"""Where pictures are written, and where not."""

import errno
import os
import shutil
from pathlib import Path

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.drawing.outputs import plan_outputs
from fitness_tracker.drawing.overlay import write_overlay
from fitness_tracker.drawing.strip import write_strip
from tests.drawing.examples import SQUAT, answer, classifier, saved


def test_the_command_plans_its_pictures(tmp_path: Path) -> None:
    for name in ("a.mp4", "b.mov", "c.jpg", "more/a.mkv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        saved(tmp_path, b"", name)
    a, b, c, other = (tmp_path / name for name in ("a.mp4", "b.mov", "c.jpg", "more/a.mkv"))
    out = tmp_path / "out.mp4"
    assert plan_outputs([a], None, "overlay", ".mp4") == {}
    assert plan_outputs([a], out, "overlay", ".mp4") == {a: out}
    assert plan_outputs([a, b, c], tmp_path / "more", "overlay", ".mp4") == {
        a: tmp_path / "more/a.overlay.mp4", b: tmp_path / "more/b.overlay.mp4"
    }  # fmt: skip
    assert plan_outputs([a, b, other], tmp_path / "more", "overlay", ".mp4") == {
        a: tmp_path / "more/a.overlay.mp4", b: tmp_path / "more/b.overlay.mp4",
        other: tmp_path / "more/more/a.overlay.mp4",
    }  # fmt: skip
    twin = saved(tmp_path, b"", "a.mkv")
    assert plan_outputs([a, twin, b], tmp_path / "more", "overlay", ".mp4") == {
        a: tmp_path / "more/a.mp4.overlay.mp4", twin: tmp_path / "more/a.mkv.overlay.mp4",
        b: tmp_path / "more/b.overlay.mp4",
    }  # fmt: skip
    third = saved(tmp_path, b"", "a.mkv.mov")
    for files, place, message in (
        ([a, b], out, "one file for 2 inputs"),
        ([c], out, "is no clip"),
        ([c], tmp_path / "more", "is no clip"),
        ([a, twin, third], tmp_path / "more", "two clips would become"),
        ([a], a, "is the clip itself"),
    ):
        with pytest.raises(UserError, match=message):
            plan_outputs(files, place, "overlay", ".mp4")


def test_a_thousand_clips_of_one_name_keep_their_folders(tmp_path: Path) -> None:
    clips = [tmp_path / f"videos/{number // 100}/{number}/a.mp4" for number in range(1000)]
    (tmp_path / "out").mkdir()
    assert plan_outputs(clips, tmp_path / "out", "overlay", ".mp4") == {
        clip: tmp_path / f"out/{number // 100}/{number}/a.overlay.mp4" for number, clip in enumerate(clips)
    }


def test_the_clip_itself_is_never_written_over(clip: Path, tmp_path: Path) -> None:
    before = clip.read_bytes()
    (tmp_path / "link.mp4").symlink_to(clip)
    os.link(clip, tmp_path / "hard.mp4")
    for out in (clip, tmp_path / "link.mp4", tmp_path / "hard.mp4", tmp_path / "." / "clip.mp4"):
        with pytest.raises(UserError, match="is the clip itself"):
            write_overlay(clip, answer(SQUAT), classifier(), out)
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/out.mp4", "No such file or directory"),
        ("folder.mp4", "is a folder"),
        ("x" * 300 + ".mp4", "too long"),
        ("clip.mp4/out.mp4", "Not a directory"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_anything_is_drawn(
    clip: Path, tmp_path: Path, name: str, message: str
) -> None:
    for folder in ("folder.mp4", "folder.png"):
        (tmp_path / folder).mkdir()
    with pytest.raises(UserError, match=message):
        write_overlay(clip, answer(SQUAT), classifier(), tmp_path / name)
    with pytest.raises(UserError, match=message.replace(".mp4", ".png")):
        write_strip(clip, answer(SQUAT), classifier(), (tmp_path / name).with_suffix(".png"))


@pytest.mark.parametrize("name", ["out.avi", "out.png.mp3", "out"])
def test_a_name_that_says_something_else_is_refused(clip: Path, tmp_path: Path, name: str) -> None:
    for write, suffix in ((write_overlay, ".mp4"), (write_strip, ".png")):
        with pytest.raises(UserError, match=f"must end in {suffix}"):
            write(clip, answer(SQUAT), classifier(), tmp_path / name)


def test_a_full_disk_is_told_and_leaves_nothing(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "copyfileobj", full)
    for write, name in ((write_overlay, "out.mp4"), (write_strip, "out.png")):
        with pytest.raises(UserError, match=rf"{name}: cannot be written \(No space left on device\)"):
            write(clip, answer(SQUAT), classifier(), tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]
