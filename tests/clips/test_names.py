import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fitness_tracker.clips.names import canonical, check_exercises, fold_case, nearly_same, spelling_hints
from fitness_tracker.core.errors import UserError

LABELS = {"bench_press", "biceps_curl", "chest_fly", "jumping_jack", "lunge", "none", "push_up", "sit_up", "squat"}
TEXT = st.text(st.characters(codec="utf-8")) | st.text("aAeEsSyY _-\u2010\u0345\u0130ßŉǰΐ\u0301\u0308")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Squat", "squat"),
        ("Push-Up", "push_up"),
        ("push up", "push_up"),
        ("PushUp", "push_up"),
        ("push\u2011up", "push_up"),  # a hyphen that does not break
        ("Lunges", "lunge"),
        ("Situps", "sit_up"),
        ("bench presses", "bench_press"),
        ("Bicep Curls", "biceps_curl"),
        ("chest-flies", "chest_fly"),
        ("Jumping Jacks", "jumping_jack"),
        ("None", "none"),
        ("squat", None),
        ("jump_squat", None),
        ("kayak", None),
        ("pull_up", None),
    ],
)
def test_a_name_that_differs_in_spelling_only_has_one_that_is_meant(name: str, meant: str | None) -> None:
    assert nearly_same(name, LABELS) == meant


def test_the_closer_spelling_is_meant() -> None:
    assert nearly_same("Lunges", ["lunge", "lunges"]) == "lunges"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_case_and_unicode_form_fold(form: str) -> None:
    assert fold_case(unicodedata.normalize(form, "JOSÉ")) == "josé"
    assert canonical(unicodedata.normalize(form, "Élévation-Latérale")) == "élévationlatérale"


@given(TEXT)
def test_folded_and_canonical_names_stay_as_they_are(name: str) -> None:
    assert fold_case(fold_case(name)) == fold_case(name)
    assert canonical(canonical(name)) == canonical(name)


@given(TEXT, st.sampled_from(["NFC", "NFD"]))
def test_the_unicode_form_does_not_matter(name: str, form: str) -> None:
    assert fold_case(unicodedata.normalize(form, name)) == fold_case(name)
    assert canonical(unicodedata.normalize(form, name)) == canonical(name)


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789_-. "))
def test_names_in_plain_lower_case_are_folded_as_they_are(name: str) -> None:
    assert fold_case(name) == name


def test_each_exercise_with_an_odd_spelling_has_a_line() -> None:
    assert list(spelling_hints(["Push-Up", "kayak", "lunge", "lunges", "squat"], LABELS - {"lunge"})) == [
        "Push-Up: is taught as another exercise than 'push_up'; if it is the same, rename the folder",
        "lunges: is taught as another exercise than 'lunge'; if it is the same, rename the folder",
    ]


@pytest.mark.parametrize(
    ("name", "advice"), [("Push-Up", "did you mean 'push_up'[?]"), ("kayak", "shown are: lunge, push_up")]
)
def test_a_chosen_exercise_that_no_clip_shows_is_told_with_the_one_that_is_meant(name: str, advice: str) -> None:
    check_exercises(["lunge"], {"push_up", "lunge"})
    with pytest.raises(UserError, match=f"^params.yaml: exercises names {name}, which no clip shows; {advice}$"):
        check_exercises(["lunge", name], {"push_up", "lunge"})
