"""Names, colours and letters."""

from dataclasses import replace

from fitness_tracker.drawing.canvas import colours, fit_text, name_of, text_width
from tests.drawing.examples import EXERCISES, REST, SQUAT


def test_none_is_no_exercise_or_one_that_is_not_known() -> None:
    unknown = replace(REST, repetitions=5, times_s=(1.1, 1.2, 1.3, 1.4, 1.5))
    assert [name_of(segment) for segment in (SQUAT, REST, unknown)] == ["squat", "no exercise", "unknown exercise"]
    assert len({*colours([SQUAT, REST, unknown], EXERCISES)}) == 3


def test_exercises_of_one_clip_have_colours_of_their_own_always_the_same() -> None:
    names = [f"exercise{number}" for number in range(12)]
    segments = [replace(SQUAT, exercise=name) for name in names]
    assert len({*colours(segments, names)}) == 12
    assert colours(segments[::-1], names) == colours(segments, names)[::-1]
    assert colours(segments[3:4], names) == colours(segments, names)[3:4]
    assert len(colours([replace(SQUAT, exercise=f"more{number}") for number in range(40)], names)) == 40


def test_text_is_made_to_fit() -> None:
    assert fit_text("squat", 500, 30, 10) == ("squat", 30)
    text, size = fit_text("standing overhead press", 60, 30, 10)
    assert size == 10
    assert text.endswith("…")
    assert text_width(text, size) <= 60
    assert fit_text("squat", 1, 30, 10)[0] == ""
