"""Which clips are tested together: no group on two sides, each exercise on both."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fitness_tracker.clips.folder import Clip, ClipsError, group_of
from fitness_tracker.clips.split import fold_clips
from fitness_tracker.core.params import Split

SPLIT = Split(group="^(.+?)__", folds=5, seed=0)
EXERCISES, PEOPLE = ["lunge", "plank", "squat"], [f"p{number}" for number in range(14)]
FOLDERS = st.sets(st.tuples(st.sampled_from(EXERCISES), st.sampled_from(PEOPLE), st.integers(1, 3)), min_size=12)
COMPOSED, DECOMPOSED = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
SEEDS = st.integers(0, 50)


def split_clips(clips: list[Clip], split: Split) -> dict[str, int]:
    return fold_clips({clip.name: group_of(clip, split.group) for clip in clips}, split)


def clips_of(*names: str) -> list[Clip]:
    return [Clip(name, Path(name + ".mp4")) for name in names]


def test_an_exercise_with_one_group_is_told() -> None:
    with pytest.raises(ClipsError, match=r"lunge: .*'anna'"):
        split_clips(clips_of("lunge/anna__1", "lunge/anna__2", "squat/anna__1", "squat/bob__1"), SPLIT)


def test_a_single_exercise_is_told() -> None:
    with pytest.raises(ClipsError, match="only exercise"):
        split_clips(clips_of("squat/anna__1", "squat/bob__1", "squat/carl__1"), SPLIT)


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


def test_each_exercise_is_in_two_folds_where_two_of_three_people_show_it() -> None:
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


@pytest.mark.parametrize("pair", [(COMPOSED, DECOMPOSED), ("Anna", "anna")])
def test_a_person_whose_name_comes_in_two_spellings_is_in_one_fold(pair: tuple[str, str]) -> None:
    names = [f"{exercise}/{person}__1" for exercise in ("squat", "lunge") for person in ("bob", "carl", "dora", "eve")]
    first, second = f"squat/{pair[0]}__1", f"lunge/{pair[1]}__1"
    folds = split_clips(clips_of(*names, first, second), Split("^(.+?)__", 10, 0))
    assert folds[first] == folds[second]
