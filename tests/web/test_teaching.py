"""Exercises of one's own on the page: as `fitness-tracker enrol` has them, and kept on the device."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Error, Page, expect

from fitness_tracker.answering.answer import answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.page.constants import pose_classifier
from fitness_tracker.page.selftest import encode_landmarks
from fitness_tracker.prediction.enrol import take_exercise
from fitness_tracker.prediction.enrolment import (
    Enrolled,
    embedding_hash,
    mark_enrolled,
    name_enrolled,
    read_enrolled,
    to_integers,
    write_enrolled,
)
from fitness_tracker.prediction.predict import load_once
from tests.projects import ROOT
from tests.web.conftest import ASK, Open, Opened, give, violations
from tests.web.test_parity import differences

SHOWN = {"bird_dog": 0, "side_plank": 1, "leg_raise": 2}  # exercise -> the number of a clip in the corpus
KEEP = """async ([key, text]) => (await import("./teaching/store.js")).keepFile(key, text)"""
NAME = "Türkisches Aufstehen \u2013 起き上がり 🏋"


@pytest.fixture(scope="module")
def classifier(taught: Path) -> PoseClassifier:
    return pose_classifier(load_once(taught))


def landmarks_of(exercise: str, number: int) -> Landmarks:
    clips = [clip for clip in read_corpus(ROOT / "corpus") if clip.label == exercise and clip.visibility == "clear"]
    return read_corpus_landmarks(clips[number].path)


def enrolled_of(name: str, landmarks: Landmarks, classifier: PoseClassifier) -> Enrolled:
    shown = take_exercise(landmarks, classifier)
    held_s = None if shown.repetitions else round(shown.held_s, 1)
    return Enrolled(name, embedding_hash(classifier), shown.repetitions or None, held_s, shown.vector[None])


def ask(page: Page, job: str, /, **values: Any) -> Any:
    return page.evaluate(ASK, [job, values])


@pytest.fixture
def untaught(page: Page) -> Iterator[Page]:
    """The shared page, which afterwards knows nothing more than before."""
    yield page
    ask(page, "useEnrolled", files=[])


@pytest.mark.parametrize("exercise", SHOWN)
def test_a_clip_gives_the_file_that_python_writes(
    untaught: Page, classifier: PoseClassifier, tmp_path: Path, exercise: str
) -> None:
    landmarks = landmarks_of(exercise, SHOWN[exercise])
    expected = enrolled_of(NAME, landmarks, classifier)
    write_enrolled(expected, tmp_path / "python.json")
    ask(untaught, "askLandmarks", **encode_landmarks(landmarks))
    text = ask(untaught, "teach", name=f" {NAME}", isCertain=True)
    (tmp_path / "page.json").write_text(text, encoding="utf-8")
    found = read_enrolled(tmp_path / "page.json")
    assert (found.name, found.repetitions, found.classifier) == (NAME, expected.repetitions, expected.classifier)
    assert (found.held_s is None) == (expected.held_s is None)
    fields, wanted = json.loads(text), json.loads((tmp_path / "python.json").read_text())
    assert list(fields) == list(wanted)
    ours, theirs = (np.frombuffer(base64.b64decode(one["embeddings"][0]), np.int8) for one in (fields, wanted))
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_a_second_clip_is_added_to_an_exercise(untaught: Page, classifier: PoseClassifier, tmp_path: Path) -> None:
    clips = [landmarks_of("leg_raise", number) for number in range(2)]
    ask(untaught, "askLandmarks", **encode_landmarks(clips[0]))
    first = ask(untaught, "teach", name=NAME, isCertain=True)
    ask(untaught, "useEnrolled", files=[first])
    for certain, code in ((False, "addTo"), (True, "nameTaken")):  # the same clip again adds nothing
        with pytest.raises(Error, match=code):
            ask(untaught, "teach", name=NAME.upper(), isCertain=certain)
    ask(untaught, "askLandmarks", **encode_landmarks(landmarks_of("side_plank", 0)))
    with pytest.raises(Error, match="nameTaken"):  # what is held is no more of what is repeated
        ask(untaught, "teach", name=NAME, isCertain=True)
    ask(untaught, "askLandmarks", **encode_landmarks(clips[1]))
    (tmp_path / "both.json").write_text(ask(untaught, "teach", name=NAME.upper(), isCertain=True), encoding="utf-8")
    both, one = read_enrolled(tmp_path / "both.json"), json.loads(first)
    other = take_exercise(clips[1], classifier)
    assert (both.name, both.repetitions) == (NAME, one["repetitions"] + other.repetitions)
    wanted = to_integers(take_exercise(clips[0], classifier).vector), to_integers(other.vector)
    for vector, content in zip(both.vectors, wanted, strict=True):
        expected = np.frombuffer(content, np.int8).astype(int)
        assert np.abs(np.frombuffer(to_integers(vector), np.int8) - expected).max() <= 2


def test_what_python_enrolled_is_named_as_in_python(untaught: Page, classifier: PoseClassifier, tmp_path: Path) -> None:
    enrolled, texts = [], []
    for exercise, number in SHOWN.items():
        path = tmp_path / f"{exercise}.json"
        write_enrolled(enrolled_of(f"my {exercise}", landmarks_of(exercise, number), classifier), path)
        enrolled.append(read_enrolled(path))
        texts.append(path.read_text())
    assert [one["name"] for one in ask(untaught, "useEnrolled", files=texts)] == [one.name for one in enrolled]
    named = set()
    for exercise in SHOWN:
        for number in range(3):
            landmarks = landmarks_of(exercise, number)
            prediction, wider = name_enrolled(classifier.predict_landmarks(landmarks), classifier, enrolled)
            answer = mark_enrolled(answer_prediction(prediction, wider), enrolled)
            found = ask(untaught, "askLandmarks", **encode_landmarks(landmarks))
            assert differences(json.loads(json.dumps(answer.to_json())), found) == []
            named.add(answer.exercise)
    assert len(named & {one.name for one in enrolled}) > 1


def test_a_file_with_whole_seconds_is_read_and_a_changed_one_is_refused(
    untaught: Page, classifier: PoseClassifier, tmp_path: Path
) -> None:
    vectors = enrolled_of(NAME, landmarks_of("bird_dog", 0), classifier).vectors
    write_enrolled(Enrolled(NAME, embedding_hash(classifier), None, 12.0, vectors), tmp_path / "held.json")
    text = (tmp_path / "held.json").read_text(encoding="utf-8")
    assert ask(untaught, "addEnrolled", text=text)["held_s"] == 12
    changed = text.replace("12.0", "13.0"), text.replace("Aufstehen", "Hinlegen"), "{}", "[]", "null", "no file", ""
    assert ask(untaught, "useEnrolled", files=list(changed)) == [None] * len(changed)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " - ",
        "None",
        "n\u200done",
        "\u2800",
        "\u0301",
        "No Exercise",
        "=A1",
        "\uff1d1",
        "a\nb",
        "x" * 101,
        "Jumping Jack",
        "kniebeuge",
    ],
)
def test_some_names_are_refused(untaught: Page, name: str) -> None:
    code = untaught.evaluate(
        """async (name) => {
        const { checkFree, checkName } = await import("./teaching/names.js");
        try { checkFree(checkName(name)); } catch (problem) { return problem.code; }
    }""",
        name,
    )
    assert code == ("nameTaught" if name in ("Jumping Jack", "kniebeuge") else "badName")


def test_one_teaches_by_a_clip_and_it_is_kept_until_it_is_deleted(
    open_page: Open, squats: Path, axe: str, classifier: PoseClassifier, tmp_path: Path
) -> None:
    opened: Opened = open_page()
    page = opened.page
    give(page, squats)
    page.locator("#teach-name").fill("Squat")
    page.locator("#teach-name").press("Enter")
    expect(page.locator("#teach-said")).to_contain_text("squat is known already")
    page.locator("#teach-name").fill(NAME)
    page.locator("#teach-name").press("Enter")
    expect(page.locator("#teach-said")).to_contain_text("This looks like squat, which is known")
    page.locator("#teach-anyway").click()
    expect(page.locator("#teach-said")).to_have_text(f"{NAME} is recognised from now on.")
    expect(page.locator("#answer-exercise")).to_have_text(NAME)  # it is looked at again
    assert violations(page, axe) == []

    page.reload()
    give(page, squats)
    expect(page.locator("#answer-exercise")).to_have_text(NAME)
    page.locator("#again").click()
    page.locator("#mine summary").click()
    expect(page.locator("#mine-list li")).to_have_count(1)
    assert violations(page, axe) == []
    page.evaluate(KEEP, ["old", "{}"])  # as a version of this page might have kept it that is no longer read
    page.reload()
    page.locator("#mine summary").click()
    page.on("dialog", lambda dialog: dialog.accept())
    expect(page.locator("#mine-list li").first).to_contain_text("or it is damaged")
    page.locator("#mine-list li").first.locator("button").click()
    expect(page.locator("#mine-list li")).to_have_count(1)
    expect(page.locator("#mine-list li")).to_contain_text(NAME)
    with page.expect_download() as download:
        page.locator("#mine-list a").click()
    download.value.save_as(tmp_path / "mine.json")
    assert read_enrolled(tmp_path / "mine.json").name == NAME
    assert page.evaluate("[document.cookie, localStorage.length, sessionStorage.length]") == ["", 0, 0]
    assert page.evaluate("indexedDB.databases().then((all) => all.map(({ name }) => name))") == ["fitness-tracker"]

    page.locator("#mine-list button").click()
    expect(page.locator("#mine-list li")).to_have_count(0)
    give(page, squats)
    expect(page.locator("#answer-exercise")).to_have_text("squat")
    page.locator("#again").click()
    page.set_input_files("#mine-file", str(squats))
    expect(page.locator("#mine-said")).to_contain_text("no exercise that somebody taught")
    page.set_input_files("#mine-file", str(tmp_path / "mine.json"))
    expect(page.locator("#mine-list li")).to_have_count(1)
    expect(page.locator("#mine-said")).to_be_hidden()
    assert opened.faults == []
