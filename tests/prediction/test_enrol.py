"""From drawn clips of an exercise that nothing teaches to its name, and what cannot be enrolled."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import body
import jsonschema
import numpy as np
import pytest
from own import archer, draw, leg_lift, stand_still

from fitness_tracker.answering.repetitions import Movement
from fitness_tracker.cli import main
from fitness_tracker.core.errors import UserError
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.models.pose.classifier import PosePrediction
from fitness_tracker.prediction import batches
from fitness_tracker.prediction.enrol import central_times, enrol, span_of, take_exercise
from fitness_tracker.prediction.enrolment import Enrolled, enrolled_folder, path_of, write_enrolled
from fitness_tracker.prediction.predict import predict_clip
from fitness_tracker.video.ffmpeg import read_frames
from tests.conftest import MakeOnce
from tests.projects import ROOT

pytestmark = pytest.mark.slow


def draw_all(folder: Path) -> None:
    draw(folder / "visit.mp4", leg_lift, seed=4, repetitions=4, visit=True)
    draw(folder / "other.mp4", leg_lift, seed=1, repetitions=4)
    draw(folder / "archer.mp4", archer, seed=11, repetitions=0, seconds=6)
    draw(folder / "archer2.mp4", archer, seed=12, repetitions=0, seconds=6)
    draw(folder / "stand.mp4", stand_still, seed=22, repetitions=0, seconds=4)
    draw(folder / "squat.mp4", body.squat, seed=21, repetitions=3, seconds=6)


@pytest.fixture(scope="module")
def clips(make_once: MakeOnce) -> Path:
    return make_once("own", draw_all)


@pytest.fixture(scope="module")
def lifted(clips: Path, taught: Path) -> Enrolled:
    return enrol("leg lift", [clips / "visit.mp4"], taught, anyway=True)


def test_one_clip_of_one_person_names_and_counts_another_person(clips: Path, taught: Path, lifted: Enrolled) -> None:
    assert (lifted.repetitions, lifted.held_s, len(lifted.vectors)) == (4, None, 1)
    answer = predict_clip(clips / "other.mp4", taught, enrolled=[lifted])
    assert (answer.exercise, answer.repetitions, answer.enrolled) == ("leg lift", 4, True)
    assert predict_clip(clips / "other.mp4", taught).exercise != "leg lift"


def test_the_way_there_and_back_is_not_part_of_it(clips: Path, taught: Path) -> None:
    classifier = load_classifier(taught)
    prediction = classifier.predict_frames(read_frames(clips / "visit.mp4", classifier.fps, classifier.fit))
    assert isinstance(prediction, PosePrediction)
    times = take_exercise(prediction.landmarks, classifier).landmarks.times
    assert times[0] == pytest.approx(4.5, abs=1)  # of 17 s
    assert times[-1] == pytest.approx(12.5, abs=1)


def test_a_position_that_is_held_is_one_too(clips: Path, taught: Path) -> None:
    enrolled = enrol("archer", [clips / "archer.mp4"], taught, anyway=True)
    assert enrolled.repetitions is None
    assert enrolled.held_s == pytest.approx(6, abs=0.5)
    answer = predict_clip(clips / "archer2.mp4", taught, enrolled=[enrolled])
    assert (answer.exercise, answer.repetitions) == ("archer", None)
    assert answer.held_s == pytest.approx(6, abs=0.5)


def test_what_is_taught_is_still_named(clips: Path, taught: Path, lifted: Enrolled) -> None:
    answer = predict_clip(clips / "squat.mp4", taught, enrolled=[lifted])
    assert (answer.exercise, answer.repetitions, answer.enrolled) == ("squat", 3, False)


def refusal(*arguments, **options) -> str:
    with pytest.raises(UserError) as error:
        enrol(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_looks_taught_or_enrolled_is_refused_unless_anyway(clips: Path, taught: Path, lifted: Enrolled) -> None:
    said = refusal("deep one", [clips / "squat.mp4"], taught)
    assert "this looks like 'squat', which is taught (" in said
    assert "--anyway" in said
    said = refusal("side lift", [clips / "other.mp4"], taught, enrolled=[lifted])
    assert "this looks like 'leg lift', which is enrolled (" in said
    assert enrol("deep one", [clips / "squat.mp4"], taught, anyway=True).repetitions == 3


def test_a_name_that_is_taken_is_refused_before_any_clip_is_read(taught: Path, lifted: Enrolled) -> None:
    assert refusal("Leg-Lift", ["nowhere.mp4"], taught, enrolled=[lifted]).endswith("enrol --remove 'leg lift'")
    assert refusal("Squat", ["nowhere.mp4"], taught) == "'squat' is taught already; one's own takes another name"
    assert "choose another name" in refusal("none", ["nowhere.mp4"], taught)


def test_a_clip_of_nobody_nothing_or_no_clip_is_told(clips: Path, taught: Path, make_clip, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(make_clip())
    (tmp_path / "a.jpg").write_bytes(b"")
    assert "nobody is found in it" in refusal("mine", [tmp_path / "empty.mp4"], taught)
    assert "is no clip" in refusal("mine", [tmp_path / "a.jpg"], taught)
    assert "No such file" in refusal("mine", [tmp_path / "nowhere.mp4"], taught)
    assert "No such file" in refusal("mine", "nowhere.mp4", taught)  # a single one needs no list
    assert "name the clips" in refusal("mine", [], taught)
    assert "100 at most" in refusal("mine", ["nowhere.mp4"] * 101, taught)
    assert "nobody repeats a movement or holds a position" in refusal("mine", [clips / "stand.mp4"], taught)


def test_clips_of_two_movements_are_no_exercise_nor_is_one_clip_two(clips: Path, taught: Path, tmp_path: Path) -> None:
    strict = load_classifier(taught)
    strict = replace(strict, none_threshold=0.0)  # nothing looks taught
    said = refusal("mine", [clips / "visit.mp4", clips / "archer.mp4"], strict)
    assert "does not look like the other clips" in said
    (tmp_path / "copy.mp4").symlink_to(clips / "visit.mp4")
    assert "shows the same as" in refusal("mine", [clips / "visit.mp4", tmp_path / "copy.mp4"], strict, anyway=True)
    both = enrol("mine", [clips / "visit.mp4", clips / "other.mp4"], strict)
    assert (both.repetitions, len(both.vectors)) == (8, 2)


def test_a_network_of_pictures_enrols_nothing(untrained: Path) -> None:
    assert "train.model: pose" in refusal("mine", ["nowhere.mp4"], untrained)


def test_what_is_enrolled_for_another_classifier_is_refused_in_python(clips: Path, taught: Path, lifted) -> None:
    foreign = replace(lifted, classifier="0" * 16)
    with pytest.raises(UserError, match="enrolled for another classifier"):
        predict_clip(clips / "other.mp4", taught, enrolled=[foreign])
    assert "enrolled for another classifier" in refusal("mine", ["nowhere.mp4"], taught, enrolled=iter([foreign]))


def test_repetitions_after_a_long_pause_are_something_else() -> None:
    assert central_times([1, 2, 3.1, 4, 12]) == [1, 2, 3.1, 4]
    assert central_times([0.5, 9, 10, 11.2]) == [9, 10, 11.2]
    assert central_times([1, 9]) == [1, 9]
    movement = Movement((1.0, 2.0, 3.0), (0.4, 1.5, 2.5, 3.6), 5.0, 0.9)
    assert span_of(movement.times_s, movement) == (0.4, 3.6)
    assert span_of([2.0, 3.0], replace(movement, starts_s=(0.4, 2.5))) == (1.0, 3.5)


Program = Callable[..., tuple[object, str, str]]


@pytest.fixture
def program(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Program:
    """program(*arguments) -> (exit code, stdout, stderr), with a data folder of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))

    def call(*arguments: str | Path) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["", *map(str, arguments), "--classifier", str(taught)])
        with pytest.raises(SystemExit) as end:
            main()
        return (end.value.code, *capsys.readouterr())

    return call


def test_enrolled_listed_used_and_forgotten(program: Program, clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said, _ = program("enrol", "leg lift", clips / "visit.mp4", "--anyway")
    assert (code, said.split(";")[0]) == (0, "enrol: leg lift: 4 repetitions of 1 clip")
    assert program("enrol", "--list")[1] == "leg lift: 4 repetitions of 1 clip\n"
    _, lines, error = program("predict", clips / "other.mp4", clips / "squat.mp4", "--json")
    answers = [json.loads(line) for line in lines.splitlines()]
    assert [answer["exercise"] for answer in answers] == ["leg lift", "squat"]
    assert [answer["enrolled"] for answer in answers] == [True, False]
    assert error == ""
    schema = json.loads((ROOT / "docs/prediction.schema.json").read_text())
    for answer in answers:
        jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
        assert answer["segments"][0]["enrolled"] is answer["enrolled"]
    monkeypatch.setattr(batches, "worker_count", lambda *_: 2)  # a process for each
    assert program("predict", clips / "other.mp4", clips / "squat.mp4", "--json")[1] == lines
    plain = json.loads(program("predict", clips / "other.mp4", "--json", "--no-enrolled")[1])
    assert plain["exercise"] != "leg lift"
    assert program("enrol", "--remove", "Leg Lift")[0] == 0
    assert program("enrol", "--list")[1] == "nothing is enrolled\n"


def test_one_that_is_shared_is_added(program: Program, clips: Path, lifted: Enrolled, tmp_path: Path) -> None:
    code, said, _ = program("enrol", "leg lift", clips / "visit.mp4", "--anyway", "--to", tmp_path / "lift.json")
    assert (code, "lift.json" in said) == (0, True)
    assert not enrolled_folder().exists()
    assert program("enrol", "--add", tmp_path / "lift.json")[0] == 0
    assert "4 repetitions" in program("enrol", "--list")[1]
    write_enrolled(replace(lifted, classifier="0" * 16), tmp_path / "other.json")
    write_enrolled(replace(lifted, name="Squat"), tmp_path / "squat.json")
    for name, expected in (
        ("lift", "'leg lift' is enrolled already"),
        ("squat", "'squat' is taught already"),
        ("nowhere", "No such file"),
    ):
        code, _, error = program("enrol", "--add", tmp_path / f"{name}.json")
        assert (code, error.count("\n"), expected in error) == (1, 1, True)
    program("enrol", "--remove", "leg lift")
    code, _, error = program("enrol", "--add", tmp_path / "other.json")
    assert (code, error.count("\n"), "for another classifier; enrol it again" in error) == (1, 1, True)


def test_what_cannot_be_used_is_told_and_the_clip_is_answered(program: Program, clips: Path, lifted: Enrolled) -> None:
    write_enrolled(replace(lifted, classifier="0" * 16), enrolled_folder() / "a.json")
    (enrolled_folder() / "b.json").write_text("{")
    code, line, error = program("predict", clips / "squat.mp4")
    assert (code, line.split()[1]) == (0, "squat")
    assert len(error.splitlines()) == 2
    assert "fitness-tracker enrol 'leg lift' CLIPS" in error
    (enrolled_folder() / "b.json").unlink()
    path = path_of(enrolled_folder(), "leg lift", lifted.classifier)
    path.write_text('{"format_version": 2}')
    code, _, error = program("enrol", "leg lift", "nowhere.mp4")
    assert (code, error.splitlines()[-1]) == (1, f"fitness-tracker: {path}: is there already; move it away")
    path.unlink()
    code, said, _ = program("enrol", "leg lift", "--anyway", clips / "visit.mp4")  # as the line says
    assert (code, "4 repetitions" in said) == (0, True)
    assert program("predict", clips / "squat.mp4")[2] == ""


@pytest.mark.parametrize(
    "arguments",
    [[], ["--list", "--remove", "a"], ["--list", "--to", "a.json"], ["a", "--list"], ["--list", "--anyway"]],
)
def test_an_unclear_command_is_told(program: Program, arguments: list[str]) -> None:
    code, _, error = program("enrol", *(arguments or ["--to", "a.json"]))
    assert (code, error.count("\n")) == (1, 1)


def test_a_file_to_write_to_is_looked_at_first(program: Program, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("mine")
    (tmp_path / "c.json.partial").write_text("mine")
    for place, expected in (
        (tmp_path / "a.txt", "must be a name that ends in .json"),
        (tmp_path / "nowhere" / "a.json", "No such file or directory"),
        (tmp_path / f"{'a' * 300}.json", "File name too long"),
        (tmp_path / "b.json", "is there already"),
        (tmp_path / "c.json", "c.json.partial: is there already"),
    ):
        code, _, error = program("enrol", "a", "nowhere.mp4", "--to", place)
        assert (code, error.count("\n"), expected in error) == (1, 1, True)
    assert [(tmp_path / name).read_text() for name in ("b.json", "c.json.partial")] == ["mine", "mine"]


def test_a_picture_is_named_by_what_is_taught_alone(taught: Path, lifted: Enrolled) -> None:
    frame = np.zeros((480, 640, 3), np.uint8)
    assert not predict_clip([frame], taught, enrolled=[lifted]).enrolled
