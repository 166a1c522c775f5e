"""From a clip, a picture or frames to the answer."""

import subprocess
from dataclasses import replace
from pathlib import Path

import body
import numpy as np
import pytest
import render

from fitness_tracker.core.errors import UserError
from fitness_tracker.prediction.inputs import PREDICTION_LIMITS
from fitness_tracker.prediction.predict import predict_clip, predict_exercise
from fitness_tracker.video.ffmpeg import ffmpeg_command, read_frames
from fitness_tracker.video.frames import encode_jpeg


def test_a_frame_gets_an_exercise_and_a_confidence(untrained: Path, noise) -> None:
    exercise, confidence = predict_exercise(noise(720, 1280, 3), untrained)
    assert exercise in ("lunge", "plank", "squat")
    assert 1 / 3 <= confidence <= 1


def test_a_picture_and_a_clip_of_it_have_the_same_answer(untrained: Path, make_clip, tmp_path: Path) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=640x480:rate=10:duration=0.1")
    (tmp_path / "a.MP4").write_bytes(clip)
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(next(read_frames(clip, 10, "pad")), 98))
    of_clip, of_picture = predict_clip(tmp_path / "a.MP4", untrained), predict_clip(tmp_path / "a.jpg", untrained)
    probabilities = of_picture.prediction.probabilities
    assert of_clip.prediction.probabilities == pytest.approx(probabilities, abs=0.02)


def test_no_frame_at_all_is_refused(untrained: Path, taught: Path) -> None:
    for classifier in (untrained, taught):
        with pytest.raises(ValueError, match="no frame"):
            predict_clip([], classifier)


def test_a_clip_beyond_the_limit_is_told(taught: Path, make_clip, tmp_path: Path) -> None:
    """Four hours if not told otherwise: here two seconds, of a clip of three."""
    (tmp_path / "long.mp4").write_bytes(make_clip("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=3"))
    with pytest.raises(UserError, match="longer than"):
        predict_clip(tmp_path / "long.mp4", taught, replace(PREDICTION_LIMITS, seconds=2))


def test_people_never_seen_are_recognised_from_file_to_answer(taught: Path, drawn: Path) -> None:
    """Taught by four people alone, it may miss one clip of six."""
    clips = [path for person in (1, 2) for path in sorted((drawn / "videos").glob(f"*/person0{person}__1.mp4"))]
    named = [predict_clip(path, taught).exercise for path in clips]
    assert len(clips) == 6
    assert sum(name == path.parent.name for name, path in zip(named, clips, strict=True)) >= 5, named


def test_a_picture_or_a_frame_is_named_and_neither_counts_nor_holds(taught: Path, drawn: Path, tmp_path: Path) -> None:
    clip = drawn / "videos/plank/person01__1.mp4"
    frame = list(read_frames(clip, 2, "pad"))[1]
    (tmp_path / "a.jpg").write_bytes(encode_jpeg(frame, 95))
    answer, held = predict_clip(str(tmp_path / "a.jpg"), str(taught)), predict_clip(clip, taught)
    assert predict_exercise(frame, taught)[0] == answer.exercise == "plank"
    assert (answer.repetitions, answer.held_s) == (None, None)
    assert (held.repetitions, held.held_s) == (None, held.duration_s)


def test_nobody_on_a_clip_is_none(taught: Path, make_clip, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(make_clip())
    answer = predict_clip(tmp_path / "empty.mp4", taught)
    assert answer.exercise == "none"
    assert answer.confidence > 0.95
    assert answer.repetitions is None


def stand_still(shape: body.Body, effort: float) -> body.Pose:
    joints = body.stand(shape)
    body.hang_arms(joints, shape)
    return joints


def walk(shape: body.Body, effort: float) -> body.Pose:
    """On the spot: one leg ahead at no effort, the other at full."""
    joints = body.stand(shape)
    body.hang_arms(joints, shape)
    for side, sign in body.SIDES:
        swing = sign * (2 * effort - 1)
        ankle = np.array([sign * 0.1, shape.ankle + 0.08 * max(0, swing), 0.3 * swing])
        body.add_leg(joints, shape, side, ankle, body.unit(0, 0, 1), body.unit(0, 0, 1))
        wrist = joints[f"{side}_shoulder"] + 0.95 * shape.arm * body.unit(sign * 0.1, -1, -0.35 * swing)
        body.add_arm(joints, shape, side, wrist, body.unit(0, 0, -1))
    return joints


@pytest.mark.parametrize("idle", [stand_still, walk], ids=["stands", "walks"])
def test_who_does_no_exercise_gets_none(taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle) -> None:
    monkeypatch.setitem(render.EXERCISES, "idle", (idle, (1.0, 1.2)))
    rng = np.random.default_rng(3)
    render.render_clip(tmp_path / "idle.mp4", "idle", render.invent_person(rng), rng)
    answer = predict_clip(tmp_path / "idle.mp4", taught)
    assert answer.exercise == "none"
    assert 0.5 < answer.confidence <= 1


def visit(shape: body.Body, effort: float) -> body.Pose:
    """A squat, or, of negative effort, somebody who walks as many metres behind the place."""
    if effort >= 0:
        return body.squat(shape, effort)
    step = walk(shape, 0.5 + 0.5 * np.sin(2 * np.pi * effort / 1.3))
    return {name: point + np.array([0, 0, effort]) for name, point in step.items()}


def visit_efforts(rng: np.random.Generator, exercise: str, seconds: float, rate: int) -> tuple[np.ndarray, int]:
    """Walks in for 2.5 s, squats six times in 12 s, and walks back."""
    times = np.arange(18 * rate) / rate
    behind = np.interp(times, [0, 2.5, 15.5, 18], [-3, 0, 0, -3])
    return np.where(behind < 0, behind, 0.5 - 0.5 * np.cos(np.pi * np.clip(times - 3, 0, 12))), 6


def test_who_walks_in_and_back_is_counted_between(
    taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(render.EXERCISES, "visit", (visit, (1.0, 1.2)))
    monkeypatch.setattr(render, "efforts", visit_efforts)
    rng = np.random.default_rng(3)
    render.render_clip(tmp_path / "visit.mp4", "visit", render.invent_person(rng), rng)
    answer = predict_clip(tmp_path / "visit.mp4", taught)
    assert (answer.exercise, answer.repetitions) == ("squat", 6)


def edited(clip: Path, out: Path, *options: str) -> Path:
    command = [*ffmpeg_command(), "-i", str(clip), *options, "-c:v", "libx264", str(out)]
    subprocess.run(command, check=True)
    return out


def test_a_phone_held_upside_down_changes_nothing(taught: Path, drawn: Path, tmp_path: Path) -> None:
    """It writes the picture upside down and how to turn it; without that note, the tracker turns it."""
    clip = drawn / "videos/squat/person01__1.mp4"
    turned, noted = edited(clip, tmp_path / "a.mp4", "-vf", "hflip,vflip"), tmp_path / "b.mp4"
    command = [*ffmpeg_command(), "-display_rotation", "180", "-i", str(turned), "-c", "copy", str(noted)]
    subprocess.run(command, check=True)
    upright, same = predict_clip(clip, taught), predict_clip(noted, taught)
    assert (same.exercise, same.repetitions) == (upright.exercise, upright.repetitions) == ("squat", 1)
    assert predict_clip(turned, taught).exercise == "squat"


@pytest.mark.parametrize(
    "change",
    [
        ("-vf", "hflip"),
        ("-vf", "setpts=2*PTS"),
        ("-r", "4"),
        ("-vf", "scale=64:-2"),
    ],
    ids=["mirrored", "slow motion", "4 frames a second", "64 pixels wide"],
)
def test_a_squat_is_one_however_it_was_filmed(taught: Path, drawn: Path, tmp_path: Path, change: tuple) -> None:
    clip = drawn / "videos/squat/person01__1.mp4"
    answer = predict_clip(edited(clip, tmp_path / "a.mp4", *change), taught)
    assert (answer.exercise, answer.repetitions) == ("squat", 1)


@pytest.mark.parametrize("number", [10, pytest.param(40, marks=pytest.mark.torture)])
def test_so_many_squats_in_a_row_are_so_many(taught: Path, drawn: Path, tmp_path: Path, number: int) -> None:
    clip, many = drawn / "videos/squat/person01__1.mp4", tmp_path / "many.mp4"
    command = [*ffmpeg_command(), "-stream_loop", str(number - 1), "-i", str(clip), "-c", "copy", str(many)]
    subprocess.run(command, check=True)
    answer = predict_clip(many, taught)
    assert (answer.exercise, answer.repetitions, len(answer.segments)) == ("squat", number, 1)


def test_three_frames_get_an_answer(taught: Path, drawn: Path, tmp_path: Path) -> None:
    clip = edited(drawn / "videos/squat/person01__1.mp4", tmp_path / "a.mp4", "-frames:v", "3")
    answer = predict_clip(clip, taught)
    assert len(answer.segments) == 1
    assert answer.repetitions in (None, 0, 1)


def test_of_four_people_one_is_followed(taught: Path, drawn: Path, tmp_path: Path) -> None:
    clip = drawn / "videos/squat/person01__1.mp4"
    four = "[0:v]split=4[a][b][c][d];[a][b]hstack[e];[c][d]hstack[f];[e][f]vstack"
    answer = predict_clip(edited(clip, tmp_path / "a.mp4", "-filter_complex", four), taught)
    assert answer.repetitions == predict_clip(clip, taught).repetitions
