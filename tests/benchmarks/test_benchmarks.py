"""The programs that make the README's numbers, on the drawn sample."""

import dataclasses
import importlib
import shutil
import sys
import zipfile
from pathlib import Path

import enrol as enrol_benchmark
import few as few_benchmark
import numpy as np
import pandas as pd
import pytest
import repetitions
import timeline
import unseen

from fitness_tracker.answering.answer import Segment
from fitness_tracker.clips.folder import NONE, Clip
from fitness_tracker.core.params import load_params
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.pairs import read_pairs
from fitness_tracker.corpus.teaching import corpus_to_teach
from fitness_tracker.models.pose.features import JOINTS, poses_from_landmarks, tracks_from_landmarks
from fitness_tracker.models.pose.training import Task
from fitness_tracker.video.frames import encode_jpeg
from tests.models.pose.test_training import clip, small
from tests.projects import ROOT, copy_project, edit_params, keep_of_corpus, run

PROGRAMS = sorted({path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {"agreement"})  # that takes mediapipe


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_finds_what_it_uses_and_says_what_it_is_for(name: str) -> None:
    """Those that take minutes run to their end in `make torture`."""
    assert importlib.import_module(name).__doc__


def test_leak_scores_the_same_frames_both_ways(ran: Path, tmp_path: Path) -> None:
    project = copy_project(ran, tmp_path / "project")
    edit_params(project, {"train.epochs": 6, "cnn.patience_epochs": 6})
    done = run(project, sys.executable, "benchmarks/leak.py")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| frames")]
    (at_random, _), (by_group, _) = ([float(cell) for cell in row.split("|")[2:4]] for row in rows)
    assert by_group < at_random


@pytest.mark.torture
def test_memory_measures_the_train_stage(project: Path) -> None:
    done = run(project, sys.executable, "benchmarks/memory.py", "2000")
    assert done.returncode == 0, done.stderr
    (row,) = (line for line in done.stdout.splitlines() if line.startswith("| 2,000"))
    assert 200 < int(row.split("|")[2].replace("MiB", "").replace(",", "")) < 4000


@pytest.mark.torture  # its parts are tested below
def test_unseen_makes_its_table(ran: Path, tmp_path: Path) -> None:
    project = copy_project(ran, tmp_path / "project")
    (project / "alone.csv").write_text(
        "clip\nsquat/person01__1.mp4\nplank/person01__1.mp4\njumping_jack/person01__1.mp4\n"
    )
    options = ("--folds", "2", "--seeds", "1", "--methods", "trees", "ours", "--alone", "alone.csv")
    done = run(project, sys.executable, "benchmarks/unseen.py", *options, "--others", "data/landmarks")
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if " to " in line and line.startswith("|")]
    assert [row[0].strip() for row in rows] == [
        "window statistics + ExtraTrees",
        "ours",
    ]
    for row in rows:
        for cell in row[3:]:
            f1, low, high = (
                float(number) for number in cell.replace("to", "").replace("(", "").replace(")", "").split()
            )
            assert low <= f1 <= high
    assert "as shipped: accuracy" in done.stdout
    assert "AUROC of none" in done.stdout


def material() -> unseen.Material:
    """Eight people who squat and press, two of each group."""
    marks = [clip(("press", "squat")[number % 2], number) for number in range(16)]
    labels = np.arange(16) % 2
    clips = [Clip(f"{('press', 'squat')[label]}/p{n // 2}__1", Path("none")) for n, label in enumerate(labels)]
    groups = np.array([f"p{number // 2}" for number in range(16)])
    chosen = small(epochs=2)
    return unseen.Material(
        clips,
        ["press", "squat"],
        labels,
        groups,
        marks,
        [tracks_from_landmarks(one, JOINTS) for one in marks],
        [poses_from_landmarks(one) for one in marks],
        16,
        chosen,
    )


def test_nobody_stands_on_both_sides_of_a_fold() -> None:
    some = material()
    for train_idx, test_idx in unseen.folds(some, 4, 0):
        assert not set(some.groups[train_idx]) & set(some.groups[test_idx])
        assert sorted([*train_idx, *test_idx]) == list(range(16))


@pytest.mark.slow
@pytest.mark.parametrize("method", ["knn", "trees", pytest.param("lstm", marks=pytest.mark.torture), "ours"])
def test_no_way_looks_at_what_it_is_tested_on(method: str) -> None:
    """Whatever the clips to be named are called, the answers stay."""
    some = material()
    train_idx, test_idx = unseen.folds(some, 4, 0)[0]
    swapped = some.labels.copy()
    swapped[test_idx] = 1 - swapped[test_idx]
    one = unseen.METHODS[method](some, train_idx, test_idx, 0)
    other = unseen.METHODS[method](dataclasses.replace(some, labels=swapped), train_idx, test_idx, 0)
    for name, said in one.items():
        assert said.shape == (len(test_idx), 2)
        np.testing.assert_array_equal(said, other[name])


@pytest.mark.torture
def test_remote_compares_zips_with_loose_frames(project: Path) -> None:
    (project / "data" / "frames" / "squat").mkdir(parents=True)
    jpegs = encode_jpeg(np.zeros((480, 640, 3), np.uint8), 90)
    with zipfile.ZipFile(project / "data/frames/squat/one.zip", "w") as archive:
        archive.writestr("00000.000.jpg", jpegs)
    done = run(project, sys.executable, "benchmarks/remote.py", "--clips", "3", "--each", "2")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[2:]]
    assert [row[:2] for row in rows] == [["a zip a clip", "3"], ["loose JPEGs", "6"]]
    assert all(float(cell.removesuffix(" s")) > 0 for row in rows for cell in row[2:])


def few_clips(drawn: Path, folder: Path, clips: int) -> Path:
    (folder / "squat").mkdir(parents=True)
    for path in sorted((drawn / "videos/squat").iterdir())[:clips]:
        shutil.copy(path, folder / "squat")
    return folder


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_video_times_all_ways_on_the_same_clips(project: Path, drawn: Path, tmp_path: Path) -> None:
    videos = few_clips(drawn, tmp_path / "videos", 2)
    done = run(project, sys.executable, "benchmarks/video.py", str(videos), "--without-long", "--sizes", "3")
    assert done.returncode == 0, done.stderr
    rows = [cells(line) for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert [(row[0][:1], row[1]) for row in rows] == [
        ("a", "2"), ("b", "2"), ("e", "2"), ("o", "1"), ("b", "3"), ("c", "3"), ("d", "4")
    ]  # fmt: skip
    assert all(float(row[2].removesuffix(" s")) > 0 for row in rows)
    assert "peak memory" in done.stdout.splitlines()[-1]


def test_encoding_compares_what_is_kept_with_what_was_there(project: Path, drawn: Path, tmp_path: Path) -> None:
    done = run(project, sys.executable, "benchmarks/encoding.py", str(few_clips(drawn, tmp_path / "videos", 1)))
    assert done.returncode == 0, done.stderr
    rows = {row[0]: row[1:] for row in map(cells, done.stdout.splitlines()[4:])}
    sizes = {way: int(row[3].removesuffix(" kB")) for way, row in rows.items()}
    likeness = {way: float(row[4]) for way, row in rows.items()}
    assert len(rows) == 10
    assert sizes["veryfast -crf 23"] < sizes["veryfast -crf 20"] < sizes["veryfast -crf 17"]
    assert sizes["veryfast -crf 20"] < sizes["veryfast -crf 20 -g 3"]
    assert 0.9 < likeness["veryfast -crf 23"] < likeness["veryfast -crf 17"] < 1


@pytest.mark.torture
def test_cluster_adds_up_what_clips_cost(project: Path, drawn: Path, tmp_path: Path, networks_folder: Path) -> None:
    (project / "pretrained/models").mkdir(parents=True, exist_ok=True)
    for network in networks_folder.iterdir():
        shutil.copy(network, project / "pretrained/models")
    options = (str(few_clips(drawn, tmp_path / "videos", 2)), "--workers", "1", "2")
    done = run(project, sys.executable, "benchmarks/cluster.py", *options)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "2 clips"
    assert [cells(line)[0] for line in lines if line.startswith("|")] == [
        "workers", "---", "1", "2", "stage", "---", "resize", "extract", "landmarks"
    ]  # fmt: skip
    costs = {cells(line)[0]: cells(line)[1:] for line in lines[-3:]}
    assert all(float(row[0].removesuffix(" s")) > 0 for row in costs.values())
    assert costs["resize"][3] == costs["extract"][2]
    assert costs["extract"][3] == costs["landmarks"][2]


@pytest.mark.torture
def test_few_holds_a_source_out(project: Path) -> None:
    edit_params(project, {"train.epochs": 1})
    done = run(project, sys.executable, "benchmarks/few.py", "--sources", "1")
    assert done.returncode == 0, done.stderr
    head, _, source, together = (cells(line) for line in done.stdout.splitlines())
    assert head[2:5] == ["1 groups, alone", "3 groups, alone", "5 groups, alone"]
    assert source[1:] == together[1:]
    assert len(source) == len(head)
    for cell in source[2:]:
        f1, low, high = (float(number) for number in cell.replace("to", "").strip("()").replace("(", "").split())
        assert 0 <= low <= f1 <= high <= 1


@pytest.mark.slow
def test_what_is_labelled_is_not_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is any other clip of a tested group among what a network learns from."""
    clips = corpus_to_teach(ROOT / "corpus", {}, print)
    (source,) = few_benchmark.largest_sources(clips, 1)
    poses = {clip.id: clip.id for clip in clips}
    tasks: list[Task] = []
    monkeypatch.setattr(few_benchmark, "fit_members", lambda some: tasks.extend(some) or [])
    with pytest.raises(ValueError, match="zip"):
        few_benchmark.answers_of(clips, poses, source, load_params())  # type: ignore[arg-type]
    assert len(tasks) == 7
    for task in tasks:
        assert not set(task.train.groups) & set(task.held_out.groups)
        assert not set(task.train.clips) & set(task.held_out.clips)
    assert all(set(task.held_out.clips) == set(tasks[0].held_out.clips) for task in tasks)


@pytest.mark.torture
def test_left_out_hides_each_exercise_once(project: Path) -> None:
    exercises = ["lunge", "plank", "push_up", "squat"]
    edit_params(project, {"train.epochs": 1})
    keep_of_corpus(project, *exercises)
    done = run(project, sys.executable, "benchmarks/left_out.py")
    assert done.returncode == 0, done.stderr
    rows = [cells(line) for line in done.stdout.splitlines() if line.startswith("|")]
    assert rows[2][0] == "AUROC of 'none'"
    assert [row[0] for row in rows[6:]] == exercises


def test_what_is_enrolled_was_never_learnt() -> None:
    """Neither the movement nor, of untaught ones, anybody who shows it; each is left out once."""
    clips = corpus_to_teach(ROOT / "corpus", {}, print)
    groups = sorted({clip.group for clip in clips})
    folds, pairs = {clip.id: groups.index(clip.group) % 10 for clip in clips}, read_pairs(ROOT / "corpus")
    rounds = enrol_benchmark.plan_rounds(clips, pairs, folds)
    hidden = [name for one in rounds for name in one.hidden]
    assert len(hidden) == len(set(hidden)) > 60
    assert {clip.exercise for clip in clips} - {NONE} <= set(hidden)
    for one in rounds:
        learnt, people = {enrol_benchmark.movement_of(clip) for clip in one.learnt}, {clip.group for clip in one.learnt}
        assert not learnt & set(one.hidden)
        strangers = [clip for clip in one.asked if clip.exercise == NONE and clip.label in one.hidden]
        assert not people & {clip.group for clip in strangers}
        of_pairs = sum(enrol_benchmark.movement_of(pair) not in one.hidden for pair in pairs)
        assert len(one.learnt) + len(one.asked) == len(clips) + of_pairs
        assert not {pair.id for pair in pairs} & {clip.id for clip in one.asked}
        for draw in enrol_benchmark.all_draws(one):
            shown, asked = ([one.asked[n] for n in some] for some in (draw.enrolled, draw.expected))
            assert len({enrol_benchmark.movement_of(clip) for clip in shown + asked}) == 1
            assert asked
            assert not {clip.id for clip in shown} & {clip.id for clip in asked}
            of_both = [{clip.group for clip in some} for some in (shown, asked)]
            same = draw.people == enrol_benchmark.SAME
            assert of_both[0] == of_both[1] if same else not of_both[0] & of_both[1]
            assert len(of_both[0]) == (1 if same else len(shown))


@pytest.mark.slow
def test_repetitions_of_real_people_are_counted() -> None:
    """The counter's promise, on clips of groups that it was not tuned on: 0.95 and 0.098 when it was chosen."""
    table = repetitions.count_clips(ROOT / "corpus")
    test = table[table["part"] == "test"]
    assert not set(test["group"]) & set(table[table["part"] == "tuning"]["group"])
    assert len(test) >= 80
    assert test["exercise"].nunique() >= 8
    error = (test["counted"] - test["truth"]).abs()
    assert (error <= 1).mean() >= 0.9
    assert (error / test["truth"]).mean() <= 0.11


def test_a_segment_is_found_if_it_overlaps_by_half() -> None:
    truth = ["none"] * 10 + ["squat"] * 20 + ["none"] * 10 + ["lunge"] * 10
    workout = timeline.Workout("sets", 0, truth, None)  # type: ignore[arg-type]

    def segment(start: float, end: float, exercise: str) -> Segment:
        return Segment(start, end, exercise, 1.0, None, None, ())

    said = [segment(0, 1.5, "none"), segment(1.5, 3, "squat"), segment(3, 4.6, "squat"), segment(4.6, 5, "lunge")]
    assert timeline.count(workout, said, 10.0) == (10 + 15 + 4, 50, 0, 2, 2)  # squat: 15 of 36, lunge: 4 of 10
    said = [segment(0, 1.5, "none"), segment(1.5, 3, "squat"), segment(3, 4.6, "none"), segment(4.6, 5, "lunge")]
    assert timeline.count(workout, said, 10.0) == (10 + 15 + 10 + 4, 50, 1, 2, 2)  # lunge: 4 of 10 only


def test_pauses_between_single_repetitions_are_not_scored_and_belong_to_the_set() -> None:
    truth = ["none"] * 10 + (["squat"] * 10 + [timeline.UNSCORED] * 20) * 2
    workout = timeline.Workout("singles", 0, truth, None)  # type: ignore[arg-type]
    times = (1.5, 4.5, 6.9)
    said = [
        Segment(0, 1, "none", 1, None, None, ()),
        Segment(1, 3, "squat", 1, 1, None, times[:1]),
        Segment(3, 7, "squat", 1, 2, None, times[1:]),
    ]
    assert timeline.count(workout, said, 10.0) == (30, 30, 1, 1, 1)
    assert timeline.singles_errors(workout, said, 10.0) == [timeline.SINGLES - len(times)]
    elsewhere = Segment(0, 7, "squat", 1, 1, None, (*times, 8.1))  # the set ends at 7 s
    assert timeline.singles_errors(workout, [elsewhere], 10.0) == [timeline.SINGLES - len(times)]
    assert timeline.singles_errors(workout, [dataclasses.replace(elsewhere, exercise="lunge")], 10.0) == [5]


def test_single_repetitions_are_cut_from_clips_that_counting_was_tuned_on() -> None:
    seconds = {clip.id: clip.seconds for clip in read_corpus(ROOT / "corpus")}
    counted = pd.read_csv(repetitions.COUNTS)
    cycles = pd.read_csv(timeline.CYCLES)
    assert set(cycles["clip"]) <= set(counted[counted["part"] == "tuning"]["clip"]) & set(seconds)
    assert (cycles["first"] < cycles["last"]).all()
    assert (cycles["last"] < cycles["clip"].map(seconds) * 10).all()


def test_a_rest_lasts_as_long_as_drawn() -> None:
    marks = clip("squat", 1)
    for wanted_s in (0.3, 6.4, 40.0):
        rest = timeline.lasting(marks, wanted_s)
        assert len(rest) == round(10 * wanted_s)
    number = len(marks)
    np.testing.assert_array_equal(rest.times[:number], marks.times)
    np.testing.assert_array_equal(rest.times[number : 2 * number], marks.times[::-1])


def test_stitched_people_are_of_one_size() -> None:
    for number, tall in ((1, 1.0), (2, 3.0)):
        marks = clip("squat", number)
        marks = dataclasses.replace(marks, image_landmarks=marks.image_landmarks * [[[tall, tall, tall, 1]]])
        same = timeline.rescaled(marks)
        poses = poses_from_landmarks(same)
        np.testing.assert_allclose(poses.joints_3d, poses_from_landmarks(marks).joints_3d, atol=1e-4)
        hips = same.image_landmarks[:, timeline.HIPS, :2].mean(axis=1)
        np.testing.assert_allclose(np.median(hips, axis=0), [320, 240], atol=0.01)
    longer = timeline.there_and_back(marks, 3.2 * len(marks.times))
    assert len(longer.times) == 3 * len(marks.times)
    steps = np.abs(np.diff(longer.world_landmarks, axis=0)).max()
    assert steps <= np.abs(np.diff(marks.world_landmarks, axis=0)).max()


def test_the_parts_of_an_answer_are_timed(taught: Path, drawn: Path) -> None:
    clip = str(drawn / "videos/squat/person01__1.mp4")
    done = run(ROOT, sys.executable, "benchmarks/speed.py", clip, "--classifier", str(taught))
    assert done.returncode == 0, done.stderr
    rows = [cells(line) for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert [row[0].split(",")[0] for row in rows] == [
        "decoding", "pose", "features and networks", "timeline", "the whole"
    ]  # fmt: skip
    assert all(float(cell) >= 0 for row in rows for cell in row[1:])
    assert float(rows[-1][1]) > 0


@pytest.mark.slow
def test_batches_are_timed_on_one_core_and_on_all(untrained: Path, make_clip, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.mp4").write_bytes(make_clip())
    options = (str(tmp_path), "--classifier", str(untrained), "--rounds", "1")
    done = run(ROOT, sys.executable, "benchmarks/batches.py", *options, cores="0,1")
    assert done.returncode == 0, done.stderr
    one, two = (
        [float(cell.split()[0].replace(",", "")) for cell in cells(line)] for line in done.stdout.splitlines()[2:]
    )
    assert (one[0], one[2], two[0]) == (1, 1, 2)
    assert two[4] > 1.2 * one[4]  # processes, which may be there together for a moment only


@pytest.mark.torture
def test_exports_are_compared_with_the_bundles_graph(taught: Path) -> None:
    done = run(ROOT, sys.executable, "benchmarks/export.py", str(taught))
    assert done.returncode == 0, done.stderr
    rows = {row[0]: row for row in map(cells, done.stdout.splitlines()) if len(row) == 6}
    assert float(rows["tflite"][5]) == 0
    assert all(float(rows[name][5]) <= 2e-3 for name in ("keras", "onnx"))
