import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fitness_tracker.clips.folder import find_clips, group_of
from fitness_tracker.video.ffmpeg import read_frames
from tests.projects import ROOT, render

sys.path.insert(0, str(ROOT / "sample"))
import body
import render as drawing

TRUTH = pd.read_csv(ROOT / "sample" / "truth.csv")


def test_the_sample_has_exercises_and_people_enough() -> None:
    exercise, person = TRUTH["clip"].str.split("/", expand=True)[0], TRUTH["clip"].str.extract(r"/(.+?)__")[0]
    assert exercise.nunique() >= 8
    assert (person.groupby(exercise).nunique() >= 10).all()


def test_the_truth_counts_every_clip_and_only_holds_have_nothing_to_count(drawn: Path) -> None:
    truth = pd.read_csv(drawn / "truth.csv").set_index("clip")["repetitions"]
    clips = find_clips(drawn / "videos")
    assert sorted(truth.index) == sorted(f"{clip.name}.mp4" for clip in clips)
    for clip in clips:
        assert (truth[f"{clip.name}.mp4"] == 0) == (clip.exercise == "plank")


def test_groups_are_people(drawn: Path) -> None:
    assert {group_of(clip, "^(.+?)__") for clip in find_clips(drawn / "videos")} == {f"person0{n}" for n in range(1, 7)}


def test_clips_last_two_to_four_seconds_and_who_repeats_moves(drawn: Path) -> None:
    for clip in find_clips(drawn / "videos"):
        frames = list(read_frames(clip.path.read_bytes(), 10, "pad"))
        assert 19 <= len(frames) <= 41
        if clip.exercise != "plank":
            far = max(np.abs(frames[0].astype(int) - frame).mean() for frame in frames)
            assert far > 0.3, clip.name


def test_the_same_bytes_every_time_whoever_else_is_drawn(drawn: Path, tmp_path: Path) -> None:
    render(tmp_path, "--people", "2", "--exercises", "squat")
    clips = find_clips(tmp_path / "videos")
    assert len(clips) == 2
    for clip in clips:
        assert clip.path.read_bytes() == (drawn / "videos" / f"{clip.name}.mp4").read_bytes()
    assert set((tmp_path / "truth.csv").read_text().splitlines()) < set((drawn / "truth.csv").read_text().splitlines())


@pytest.mark.parametrize("exercise", [name for name in body.EXERCISES if name != "plank"])
def test_effort_goes_from_rest_to_rest_as_often_as_counted(exercise: str) -> None:
    for seed in range(20):
        effort, count = drawing.efforts(np.random.default_rng(seed), exercise, 3.5, 30)
        full = (effort[1:-1] > 0.9) & (effort[1:-1] >= effort[:-2]) & (effort[1:-1] > effort[2:])
        assert full.sum() == count >= 1
        assert max(effort[0], effort[-1]) < 0.02


@pytest.mark.parametrize("exercise", body.EXERCISES)
def test_bones_keep_their_lengths_and_nobody_sinks_into_the_floor(exercise: str) -> None:
    movement = body.EXERCISES[exercise][0]
    for seed in range(10):
        person = body.invent_body(np.random.default_rng(seed))
        for effort in np.linspace(0, 1, 9):
            pose = movement(person, float(effort))
            for side in ("left", "right"):
                for start, end, length in (
                    ("shoulder", "elbow", person.upper_arm), ("elbow", "wrist", person.forearm),
                    ("hip", "knee", person.thigh), ("knee", "ankle", person.shank),
                ):  # fmt: skip
                    bone = np.linalg.norm(pose[f"{side}_{start}"] - pose[f"{side}_{end}"])
                    assert bone == pytest.approx(length, rel=0.01)
            assert min(joint[1] for name, joint in pose.items() if "_" in name) > -0.06


def test_an_unknown_exercise_is_refused(tmp_path: Path) -> None:
    program = [sys.executable, str(ROOT / "sample/render.py"), "v", "t.csv", "--exercises", "juggling"]
    assert subprocess.run(program, cwd=tmp_path, capture_output=True, check=False).returncode != 0
