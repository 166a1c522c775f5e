"""The page answers as Python does: from landmarks on the same, from pixels on nearly the same."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fitness_tracker.answering.answer import answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.blazepose.upright import clip_places
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.models.pose.classifier import PoseClassifier, PosePrediction
from fitness_tracker.page.selftest import encode_landmarks
from fitness_tracker.prediction.predict import load_once, predict_clip
from fitness_tracker.video.letterbox import HEIGHT, WIDTH, unfit_points
from tests.projects import ROOT
from tests.web.conftest import ASK, Open, Opened, run_ffmpeg

MOST_OFF = 0.001  # of a confidence
CORPUS_STEP = 25  # every so many clips of the corpus


def answer_of(landmarks: Landmarks, classifier: PoseClassifier) -> dict[str, Any]:
    answer = answer_prediction(classifier.predict_landmarks(landmarks), classifier)
    return json.loads(json.dumps(answer.to_json()))


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    wrong = [
        f"{name}: {found[name]}, not {expected[name]}"
        for name in ("exercise", "repetitions", "held_s", "duration_s", "several_people", "turned", "enrolled")
        if found[name] != expected[name]
    ]
    for name in ("confidence", "none_score"):
        if abs(found[name] - expected[name]) > MOST_OFF:
            wrong.append(f"{name}: {found[name]}, not {expected[name]}")
    if len(found["segments"]) != len(expected["segments"]):
        return [*wrong, f"{len(found['segments'])} segments, not {len(expected['segments'])}"]
    for number, (segment, one) in enumerate(zip(found["segments"], expected["segments"], strict=True)):
        for name in ("start_s", "end_s", "exercise", "repetitions", "held_s", "times_s", "enrolled"):
            if segment[name] != one[name]:
                wrong.append(f"{number}, {name}: {segment[name]}, not {one[name]}")
    return wrong


def test_landmarks_of_real_people_get_the_answers_of_python(shared: Opened, taught: Path) -> None:
    classifier = load_once(taught)
    assert isinstance(classifier, PoseClassifier)
    wrong = {}
    clips = [clip for clip in read_corpus(ROOT / "corpus") if clip.visibility != "not"][::CORPUS_STEP]
    for clip in clips:
        landmarks = read_corpus_landmarks(clip.path)
        found = shared.page.evaluate(ASK, ["askLandmarks", encode_landmarks(landmarks)])
        wrong[clip.path.name] = differences(answer_of(landmarks, classifier), found)
    assert len(clips) > 20
    assert {name: told for name, told in wrong.items() if told} == {}


def answer_file(shared: Opened, path: Path) -> dict[str, Any]:
    """The worker's result for a file."""
    address = "a-clip"
    shared.page.context.route(f"**/{address}", lambda route: route.fulfill(body=path.read_bytes()))
    try:
        return shared.page.evaluate(ASK, ["askClip", {"address": address}])
    finally:
        shared.page.context.unroute(f"**/{address}")


def distance_of(result: dict[str, Any], prediction: PosePrediction, fit: str) -> float:
    """The median distance of the landmarks to Python's, as a share of the body's height in the picture."""
    landmarks = prediction.landmarks
    found = np.array(result["skeleton"]).reshape(-1, 33, 3)
    size = np.array([result["width"], result["height"]])
    expected = unfit_points(clip_places(landmarks, WIDTH, HEIGHT).astype(float), *size, fit)
    assert len(found) == len(expected)
    both = landmarks.found & (found[:, 0, 2] >= 0)
    assert both.sum() >= 0.9 * landmarks.found.sum()
    heights = np.ptp(expected[both], axis=1).max(axis=1)
    return float(np.median(np.linalg.norm(found[both, :, :2] * size - expected[both], axis=2) / heights[:, None]))


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.torture)])
def test_drawn_clips_get_the_answers_of_python_from_their_pixels_on(
    shared: Opened, drawn: Path, taught: Path, step: int
) -> None:
    """Of every so many clips."""
    classifier = load_once(taught)
    clips = sorted((drawn / "videos").rglob("*.mp4"))[::step]
    same, distances = [], []
    for clip in clips:
        expected, result = predict_clip(clip, classifier), answer_file(shared, clip)
        assert isinstance(expected.prediction, PosePrediction)
        same.append(result["answer"]["exercise"] == expected.exercise)
        assert abs((result["answer"]["repetitions"] or 0) - (expected.repetitions or 0)) <= 1, clip
        distances.append(distance_of(result, expected.prediction, classifier.fit))
    assert np.mean(same) >= 0.97
    assert np.median(distances) <= 0.01


@pytest.mark.parametrize(
    ("most", "arguments"),
    [
        (0.01, ("-vf", "scale=240:480,setsar=1")),
        (0.03, ("-vf", "scale=320:480,setsar=2")),  # of half as many pixels; how they are made more differs
        (0.01, ("-vf", "transpose=1")),
        (0.01, ("-vf", "fps=12.5", "-c:v", "libvpx-vp9", "-f", "webm")),
        (0.01, ("-vf", "setpts=PTS+2/TB")),
        (0.01, ("-output_ts_offset", "100", "-f", "matroska")),
        (0.01, ("-f", "lavfi", "-i", "sine=duration=9", "-vf", "setpts=PTS+2/TB", "-map", "0:v", "-map", "1:a")),
    ],
    ids=["tall", "pixels that are not square", "on its side", "webm", "begins late", "begins at 100 s", "sound first"],
)
def test_other_shapes_and_formats_are_read_as_in_python(
    shared: Opened, squats: Path, taught: Path, tmp_path: Path, most: float, arguments: tuple[str, ...]
) -> None:
    clip = tmp_path / ("clip.webm" if "webm" in arguments else "clip.mp4")
    run_ffmpeg("-i", str(squats), *arguments, str(clip))
    classifier = load_once(taught)
    expected, result = predict_clip(clip, classifier), answer_file(shared, clip)
    assert isinstance(expected.prediction, PosePrediction)
    assert result["answer"]["duration_s"] == expected.duration_s
    assert distance_of(result, expected.prediction, classifier.fit) <= most


@pytest.mark.parametrize("kind", ["cut off", "bad in the middle"])
def test_what_is_damaged_is_read_as_far_as_in_python(
    shared: Opened, squats: Path, taught: Path, tmp_path: Path, kind: str
) -> None:
    whole, clip = tmp_path / "whole.mp4", tmp_path / "damaged.mp4"
    run_ffmpeg("-stream_loop", "1", "-i", str(squats), "-g", "15", "-movflags", "faststart", str(whole))
    content = whole.read_bytes()
    half = len(content) // 2
    clip.write_bytes(content[:half] if kind == "cut off" else content[:half] + bytes(4000) + content[half + 4000 :])
    expected, result = predict_clip(clip, taught), answer_file(shared, clip)
    assert expected.repetitions
    assert abs(result["answer"]["duration_s"] - expected.duration_s) <= 0.5
    assert (expected.duration_s > 0.9 * predict_clip(whole, taught).duration_s) == (kind != "cut off")
    assert result["answer"]["exercise"] == expected.exercise
    assert abs(result["answer"]["repetitions"] - expected.repetitions) <= 1


def test_rotation_of_the_metadata_is_honoured(shared: Opened, squats: Path, taught: Path, tmp_path: Path) -> None:
    sideways, clip = tmp_path / "sideways.mp4", tmp_path / "rotated.mp4"
    run_ffmpeg("-i", str(squats), "-vf", "transpose=1", str(sideways))
    run_ffmpeg("-display_rotation", "90", "-i", str(sideways), "-c", "copy", str(clip))
    expected, result = predict_clip(clip, taught), answer_file(shared, clip)
    assert isinstance(expected.prediction, PosePrediction)
    assert distance_of(result, expected.prediction, "pad") <= 0.01
    assert result["answer"]["exercise"] == expected.exercise
    assert result["answer"]["turned"] == expected.turned == 0


def test_a_cut_begins_a_shot(shared: Opened, drawn: Path, taught: Path, tmp_path: Path) -> None:
    clip = tmp_path / "two.mp4"
    parts = [str(drawn / f"videos/{name}/person0{number}__1.mp4") for name, number in (("squat", 2), ("plank", 5))]
    scale = "scale=640:480,setsar=1,fps=20"
    joined = f"[0:v]{scale}[a];[1:v]{scale}[b];[a][b]concat=n=2:v=1[v]"
    run_ffmpeg("-i", parts[0], "-i", parts[1], "-filter_complex", joined, "-map", "[v]", str(clip))
    expected, found = predict_clip(clip, taught).to_json(), answer_file(shared, clip)["answer"]
    assert [one["exercise"] for one in found["segments"]] == [one["exercise"] for one in expected["segments"]]
    assert [one["start_s"] for one in found["segments"]] == pytest.approx(
        [one["start_s"] for one in expected["segments"]], abs=0.3
    )


def test_the_self_test_says_that_all_is_well(open_page: Open) -> None:
    opened = open_page("?selftest")
    opened.page.wait_for_selector("#copy-report:visible", timeout=120_000)
    report = opened.page.inner_text("#report")
    assert report.splitlines()[-1] == "all as expected", report
    assert report.count("as in Python") >= 5
