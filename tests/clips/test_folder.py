"""Which clips a folder holds, and whose they are."""

import os
from pathlib import Path

import pytest

from fitness_tracker.clips.folder import Clip, ClipsError, find_clips, group_of


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_clips_are_found_in_any_depth_and_case_and_sorted(tmp_path: Path) -> None:
    touch(tmp_path, "squat/b.MP4", "squat/day1/a.mov", "lunge/c.WebM", "lunge/notes.txt", "catalog.csv")
    found = find_clips(tmp_path)
    assert [clip.name for clip in found] == ["lunge/c", "squat/b", "squat/day1/a"]
    assert [clip.exercise for clip in found] == ["lunge", "squat", "squat"]


def test_hidden_files_and_folders_named_like_clips_do_not_count(tmp_path: Path) -> None:
    touch(tmp_path, "squat/._a.mp4", "squat/.trash/b.mp4", "squat/c.mp4/d.mp4")
    assert [clip.name for clip in find_clips(tmp_path)] == ["squat/c.mp4/d"]


def test_a_name_may_hold_dots_and_spaces(tmp_path: Path) -> None:
    touch(tmp_path, "squat/anna 1.5 kg.mp4.mp4")
    assert find_clips(tmp_path)[0].name == "squat/anna 1.5 kg.mp4"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "no clip"),
        (["squat/a.txt"], "no clip"),
        (["a.mp4", "squat/b.mp4"], "no exercise folder"),
        (["squat/a.mov", "squat/a.mp4"], "ending only"),
        (["squat/a.mp4", "lunge/a.m4v"], "lunge: holds no clip"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, names: list[str], message: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(ClipsError, match=message):
        find_clips(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClipsError, match="no such folder"):
        find_clips(tmp_path / "nowhere")


def test_a_linked_folder_is_told_rather_than_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "videos/squat/a.mp4", "elsewhere/b.mp4")
    (tmp_path / "videos/lunge").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ClipsError, match="lunge: holds no clip"):
        find_clips(tmp_path / "videos")


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "squat").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/squat/\xff.mp4")).touch()
    with pytest.raises(ClipsError, match=r"xff\.mp4.*UTF-8"):
        find_clips(tmp_path)


def clip(name: str) -> Clip:
    return Clip(name, Path(name + ".mp4"))


def test_the_group_is_read_from_the_file_name() -> None:
    assert group_of(clip("squat/x__y/anna__3"), "^(.+?)__") == "anna"


def test_without_an_expression_each_clip_is_its_own_group() -> None:
    assert group_of(clip("squat/anna__3"), "") == "squat/anna__3"


def test_a_clip_without_a_group_is_told() -> None:
    with pytest.raises(ClipsError, match=r"squat/anna.*split\.group"):
        group_of(clip("squat/anna"), "^(.+?)__")
