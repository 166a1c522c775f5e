import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fitness_tracker.clips.folder import Clip, ClipsError, find_clips, find_groups, group_of
from fitness_tracker.clips.split import fold_clips
from fitness_tracker.core.params import Split

SPLIT = Split(group="^(.+?)__", folds=5, seed=0)
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def clips_of(*names: str) -> list[Clip]:
    return [Clip(name, Path(name + ".mp4")) for name in names]


def split_clips(clips: list[Clip], split: Split) -> dict[str, int]:
    return fold_clips({clip.name: group_of(clip, split.group) for clip in clips}, split)


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


def test_the_group_is_read_from_the_file_name() -> None:
    assert group_of(clips_of("squat/x__y/anna__3")[0], "^(.+?)__") == "anna"


def test_without_an_expression_each_clip_is_its_own_group() -> None:
    assert group_of(clips_of("squat/anna__3")[0], "") == "squat/anna__3"


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


@pytest.mark.parametrize("pair", [(COMPOSED, DECOMPOSED), ("Anna", "anna")])
def test_a_person_whose_name_comes_in_two_spellings_is_in_one_fold(pair: tuple[str, str]) -> None:
    names = [f"{exercise}/{person}__1" for exercise in ("squat", "lunge") for person in ("bob", "carl", "dora", "eve")]
    first, second = f"squat/{pair[0]}__1", f"lunge/{pair[1]}__1"
    folds = split_clips(clips_of(*names, first, second), Split("^(.+?)__", 10, 0))
    assert folds[first] == folds[second]


def test_a_clip_without_a_group_is_told() -> None:
    with pytest.raises(ClipsError, match=r"squat/anna.*split\.group"):
        group_of(clips_of("squat/anna")[0], "^(.+?)__")


def test_an_exercise_with_one_group_is_told() -> None:
    with pytest.raises(ClipsError, match=r"lunge: .*'anna'"):
        split_clips(clips_of("lunge/anna__1", "lunge/anna__2", "squat/anna__1", "squat/bob__1"), SPLIT)


def test_a_single_exercise_is_told() -> None:
    with pytest.raises(ClipsError, match="only exercise"):
        split_clips(clips_of("squat/anna__1", "squat/bob__1", "squat/carl__1"), SPLIT)


EXERCISES, PEOPLE = ["lunge", "plank", "squat"], [f"p{number}" for number in range(14)]
FOLDERS = st.sets(st.tuples(st.sampled_from(EXERCISES), st.sampled_from(PEOPLE), st.integers(1, 3)), min_size=12)
SEEDS = st.integers(0, 50)


def folds_of(folder: set[tuple[str, str, int]], seed: int) -> dict[str, int]:
    """Clip name to fold; folders that cannot be split do not count."""
    names = [f"{exercise}/{person}__{number}" for exercise, person, number in folder]
    try:
        return split_clips(clips_of(*names), Split("^(.+?)__", 5, seed))
    except ClipsError:
        assume(False)
        raise


def test_two_groups_are_two_folds() -> None:
    folds = split_clips(clips_of("squat/a__1", "squat/b__1", "lunge/a__1", "lunge/b__1"), SPLIT)
    assert sorted(folds.values()) == [0, 0, 1, 1]


def test_groups_that_cannot_be_split_are_told() -> None:
    """Each exercise is shown by two of three people: in two folds somebody must be alone."""
    folds = split_clips(clips_of("squat/a__1", "squat/b__1", "lunge/b__1", "lunge/c__1"), SPLIT)
    assert folds["squat/a__1"] != folds["squat/b__1"]
    assert folds["lunge/b__1"] != folds["lunge/c__1"]


@given(FOLDERS, SEEDS)
def test_a_group_is_in_one_fold_and_an_exercise_in_two_at_least(folder: set, seed: int) -> None:
    folds = folds_of(folder, seed)
    for person in {name.split("/")[1].split("__")[0] for name in folds}:
        assert len({fold for name, fold in folds.items() if name.split("/")[1].startswith(f"{person}__")}) == 1
    for exercise in {name.split("/")[0] for name in folds}:
        assert len({fold for name, fold in folds.items() if name.startswith(exercise)}) >= 2


@given(FOLDERS, SEEDS, st.randoms())
def test_the_order_of_the_clips_does_not_matter(folder: set, seed: int, random) -> None:
    clips = clips_of(*(f"{exercise}/{person}__{number}" for exercise, person, number in sorted(folder)))
    folds = folds_of(folder, seed)
    random.shuffle(clips)
    assert split_clips(clips, Split("^(.+?)__", 5, seed)) == folds


@given(FOLDERS, SEEDS, st.data())
def test_one_more_clip_of_what_a_group_shows_already_moves_nothing(folder: set, seed: int, data) -> None:
    exercise, person, _ = data.draw(st.sampled_from(sorted(folder)))
    before, after = folds_of(folder, seed), folds_of(folder | {(exercise, person, 9)}, seed)
    assert all(after[name] == fold for name, fold in before.items())


@pytest.mark.parametrize("seed", range(20))
def test_one_more_group_moves_few_others(seed: int) -> None:
    names = [f"{exercise}/p{person}__1" for exercise in EXERCISES for person in range(60)]
    before = split_clips(clips_of(*names), Split("^(.+?)__", 5, seed))
    after = split_clips(clips_of(*names, "squat/newcomer__1"), Split("^(.+?)__", 5, seed))
    assert sum(after[name] != fold for name, fold in before.items()) <= 0.1 * len(before)


@pytest.mark.parametrize("seed", range(20))
def test_folds_are_stratified_by_exercise(seed: int) -> None:
    counts = {"squat": 40, "lunge": 10, "plank": 3}
    names = [f"{exercise}/{exercise}{person}__1" for exercise, people in counts.items() for person in range(people)]
    folds = split_clips(clips_of(*names), Split("^(.+?)__", 5, seed))
    for exercise, people in counts.items():
        held = [[folds[name] for name in names if name.startswith(exercise)].count(fold) for fold in range(5)]
        assert max(held) <= max(-(-people // 5), people // 4)  # the fair share, or 1.25 times as many


def test_thousands_of_groups_are_split_in_seconds() -> None:
    names = [f"exercise{number % 30}/person{number}__1" for number in range(6000)]
    folds = split_clips(clips_of(*names), SPLIT)
    assert list(folds.values()).count(0) == pytest.approx(1200, rel=0.1)
