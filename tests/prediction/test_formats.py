"""Answers as people read them."""

from dataclasses import replace

import numpy as np

from fitness_tracker.answering.answer import Answer, Segment
from fitness_tracker.models.classifier import Prediction
from fitness_tracker.prediction.formats import answer_lines, format_time


def answer_of(*segments: Segment) -> Answer:
    whole = segments[0]
    nothing = Prediction(np.zeros((1, 1)), np.zeros(1))
    return Answer(
        whole.exercise, whole.confidence, 0.1, whole.repetitions, whole.held_s, segments[-1].end_s, segments, nothing
    )


def test_the_table_reads_like_a_sentence() -> None:
    squats = Segment(0.0, 62.0, "squat", 0.97, 8, None, ())
    assert answer_lines("a.mp4", answer_of(squats)) == ["a.mp4  squat              97%  8 repetitions"]
    rest, plank = Segment(62.0, 70.0, "none", 0.8, None, None, ()), Segment(70.0, 3700.4, "plank", 0.5, None, 12.5, ())
    unknown = Segment(3700.4, 3710.0, "none", 0.6, 1, None, ())
    assert answer_lines("a.mp4", answer_of(squats, rest, plank, unknown))[1:] == [
        "  0:00 to 1:02  squat              97%  8 repetitions",
        "  1:02 to 1:10  none               80%",
        "  1:10 to 1:01:40  plank              50%  held for 12.5 s",
        "  1:01:40 to 1:01:50  unknown exercise   60%  1 repetition",
    ]


def test_a_clip_in_which_somebody_else_may_have_been_followed_says_so() -> None:
    answer = replace(answer_of(Segment(0.0, 62.0, "squat", 0.97, 8, None, ())), several_people=True)
    assert answer_lines("a.mp4", answer) == ["a.mp4  squat              97%  8 repetitions  several people"]
    assert answer.to_json()["several_people"] is True


def test_a_clip_that_was_turned_upright_says_so() -> None:
    answer = replace(answer_of(Segment(0.0, 62.0, "squat", 0.97, 8, None, ())), turned=270)
    assert answer_lines("a.mp4", answer) == ["a.mp4  squat              97%  8 repetitions  turned upright"]
    assert answer.to_json()["turned"] == 270


def test_times_are_told_as_clocks_do() -> None:
    assert [format_time(seconds) for seconds in (0, 65, 3725)] == ["0:00", "1:05", "1:02:05"]
