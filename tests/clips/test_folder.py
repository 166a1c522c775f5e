"""Which clips a folder holds, and whose they are."""

import os
import unicodedata
from pathlib import Path

import pytest

from fitness_tracker.clips.folder import Clip, ClipsError, find_clips, find_groups, group_of

COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))


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
        (["squat/B.mp4", "squat/b.mp4"], r"b\.mp4: differs from \S+B\.mp4 in its case or Unicode form only"),
        (["squat/Day/b.mp4", "squat/day/b.MP4"], r"day/b\.MP4: differs from \S+Day/b\.mp4 in its case"),
        ([f"squat/{COMPOSED}.mp4", f"squat/{DECOMPOSED}.mp4"], f"{COMPOSED}.mp4: differs from .*{DECOMPOSED}.mp4 in"),
        (["Push-Up/a.mp4", "push up/b.mp4"], "push up: reads the same as .*Push-Up; put all clips"),
        ([f"{COMPOSED}/a.mp4", f"{DECOMPOSED}/b.mp4"], f"{COMPOSED}: reads the same as .*{DECOMPOSED}; put all"),
        (["squat/a.mp4", "lunge/a.wmv"], "lunge: holds no clip"),
    ],
)
def test_a_folder_that_cannot_be_used_is_told(tmp_path: Path, names: list[str], message: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(ClipsError, match=message):
        find_clips(tmp_path)


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(ClipsError, match="no such folder"):
        find_clips(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("link", "target", "message"),
    [
        ("lunge", "elsewhere", "a link to a folder"),
        ("squat/more", "elsewhere", "a link to a folder"),
        ("squat/day1/more.mp4", "elsewhere", "a link to a folder"),
        ("squat/day1/more", "videos/squat", "a link to a folder"),  # that it is in itself
        ("lunge", "gone", "a broken link"),
        ("squat/day1/more", "gone", "a broken link"),
    ],
)
def test_a_linked_folder_is_told_rather_than_passed_over(tmp_path: Path, link: str, target: str, message: str) -> None:
    touch(tmp_path, "videos/squat/a.mp4", "videos/squat/day1/b.mp4", "elsewhere/c.mp4")
    (tmp_path / "videos" / link).symlink_to(tmp_path / target)
    with pytest.raises(ClipsError, match=f"videos/{link}: is {message}"):
        find_clips(tmp_path / "videos")


def test_a_broken_link_to_a_clip_is_a_clip_that_cannot_be_read(tmp_path: Path) -> None:
    """`bad_clips` decides on it."""
    (tmp_path / "squat").mkdir()
    (tmp_path / "squat/a.mp4").symlink_to(tmp_path / "gone.mp4")
    assert [clip.name for clip in find_clips(tmp_path)] == ["squat/a"]


def test_links_to_files_and_hidden_links_to_folders_are_no_fault(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.mp4", "elsewhere/notes.txt", "videos/squat/b.mp4")
    for link, target in (("squat/a.mp4", "elsewhere/a.mp4"), ("squat/notes", "elsewhere/notes.txt"), (".old", "")):
        (tmp_path / "videos" / link).symlink_to(tmp_path / target)
    assert [clip.name for clip in find_clips(tmp_path / "videos")] == ["squat/a", "squat/b"]


def test_a_name_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    (tmp_path / "squat").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/squat/\xff.mp4")).touch()
    with pytest.raises(ClipsError, match=r"xff\.mp4.*UTF-8"):
        find_clips(tmp_path)


def clip(name: str) -> Clip:
    return Clip(name, Path(name + ".mp4"))


def clips_of(*names: str) -> list[Clip]:
    return [clip(name) for name in names]


def test_the_group_is_read_from_the_file_name() -> None:
    assert group_of(clip("squat/x__y/anna__3"), "^(.+?)__") == "anna"


def test_without_an_expression_each_clip_is_its_own_group() -> None:
    assert group_of(clip("squat/anna__3"), "") == "squat/anna__3"


def test_a_clip_without_a_group_is_told() -> None:
    with pytest.raises(ClipsError, match=r"squat/anna.*split\.group"):
        group_of(clip("squat/anna"), "^(.+?)__")


@pytest.mark.parametrize("pattern", ["^(.+?)__", r"^(\w+?)__", "(.*)__"])
@pytest.mark.parametrize("pair", [(COMPOSED, DECOMPOSED), ("Anna", "anna"), (COMPOSED.upper(), DECOMPOSED)])
def test_a_person_whose_name_comes_in_two_spellings_is_one_group_and_it_is_told(
    pattern: str, pair: tuple[str, str]
) -> None:
    told: list[str] = []
    clips = clips_of(f"squat/{pair[0]}__1", f"lunge/{pair[1]}__1", "squat/bob__1", "squat/bob__é")
    groups = find_groups(clips, pattern, told.append)
    assert len({groups[clip.name] for clip in clips[:2]}) == 1
    (line,) = told
    assert all(f"'{name}'" in line for name in pair)
    assert line.endswith(f": differ in case or Unicode form only, and count as one group, '{groups[clips[0].name]}'")
