"""What the names of clips say about a training, with the corpus that ships."""

import re

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.corpus.check import check_names
from tests.projects import ROOT

CORPUS = ROOT / "corpus"
TWO = ["squat/anna__1", "squat/bob__1", "lunge/anna__1", "lunge/bob__1"]
ONE_GROUP = [*TWO, "plank/anna__1"]  # of plank, which others in the corpus show


def told(names: list[str], chosen: list[str], corpus: bool) -> list[str]:
    lines: list[str] = []
    groups = {name: name.split("/")[1].split("__")[0] for name in names}
    check_names(groups, chosen, CORPUS if corpus else None, lines.append)
    return lines


@pytest.mark.parametrize(
    ("names", "chosen", "corpus"),
    [
        (TWO, [], False),
        (TWO, ["squat"], False),
        (ONE_GROUP, [], True),
        (["plank/anna__1"], [], True),
        (TWO, ["plank"], True),
    ],
)
def test_names_that_can_be_learnt_from_pass_without_a_word(names: list[str], chosen: list[str], corpus: bool) -> None:
    assert told(names, chosen, corpus) == []


@pytest.mark.parametrize(
    ("names", "chosen", "corpus", "message"),
    [
        (ONE_GROUP, [], False, "plank: all clips belong to the one group 'anna'"),
        ([*TWO, "kayak/anna__1"], [], True, "kayak: all clips belong to the one group 'anna'"),
        (TWO[:2], [], False, "'squat' is the only exercise"),
        (TWO, ["plank"], False, "params.yaml: exercises names plank, which no clip shows; shown are: lunge, squat"),
        (TWO, ["Push-Up"], True, "params.yaml: exercises names Push-Up, which no clip shows; did you mean 'push_up'?"),
        (TWO, ["none"], True, "params.yaml: exercises names none, which no clip shows"),
    ],
)
def test_names_that_train_would_refuse_are_refused(
    names: list[str], chosen: list[str], corpus: bool, message: str
) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}[^\n]*$"):
        told(names, chosen, corpus)


@pytest.mark.parametrize(
    ("exercise", "corpus", "meant"),
    [
        ("Squats", True, "squat"),
        ("Push-Up", True, "push_up"),
        ("Hammer Curl", True, "hammer_curl"),
        ("None", False, "none"),
    ],
)
def test_a_folder_that_is_named_almost_like_an_exercise_is_told(exercise: str, corpus: bool, meant: str) -> None:
    (line,) = told([*TWO, f"{exercise}/anna__1", f"{exercise}/bob__1"], [], corpus)
    assert line == f"{exercise}: is taught as another exercise than '{meant}'; if it is the same, rename the folder"


def test_exercises_that_only_ones_own_clips_show_are_told() -> None:
    names = [*TWO, "kayak/anna__1", "kayak/bob__1"]
    assert told(names, ["kayak"], True) == [
        "params.yaml: the corpus shows none of `exercises`: it teaches only 'none', and only your clips score them"
    ]
    assert told(names, ["kayak", "squat"], True) == told(names, ["kayak"], False) == []
