"""The whole chain, by real DVC in a real Git repository."""

import json
from pathlib import Path

import yaml

from fitness_tracker.clips.folder import NONE, short_hash
from tests.older_cpu import VARIABLES as OLDER_CPU
from tests.projects import copy_project, digests, edit_params, keep_of_corpus, run, run_stage

STEPS = ("resize", "extract", "landmarks", "train", "evaluate")


def test_one_core_and_two_of_an_older_kind_give_the_same_lock_and_metrics(ran: Path, tmp_path: Path) -> None:
    project, metrics = copy_project(ran, tmp_path / "project"), (ran / "metrics/evaluate.json").read_bytes()
    nothing_known = {"LOKY_MAX_CPU_COUNT": "2", "FITNESS_TRACKER_CACHE": str(tmp_path / "cache")}
    done = run(project, "dvc", "repro", "--force", cores="0,1", **nothing_known, **OLDER_CPU)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "dvc.lock").read_bytes() == (ran / "dvc.lock").read_bytes()
    assert (project / "metrics/evaluate.json").read_bytes() == metrics

    assert set(json.loads(metrics)) == {
        "accuracy", "answer_accuracy", "answer_f1", "clips", "ece", "f1", "f1_high", "f1_low", "frame_accuracy",
        "frame_f1", "groups",
    }  # fmt: skip
    train = json.loads((project / "metrics/train.json").read_text())
    assert set(train) == {"epochs", "train_accuracy", "train_log_loss", "val_accuracy", "val_log_loss"}
    assert train["epochs"] <= 2

    assert set(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == set(STEPS)
    assert "up to date" in run(project, "dvc", "status", *STEPS).stdout
    page = run(project, "dvc", "plots", "show", "--json")
    assert page.returncode == 0
    for title in ("Loss while training", "Confusion of unseen clips", "F1 of each exercise", "plots/mistakes.png"):
        assert title in page.stdout


def told(project: Path, stage: str, *arguments: str) -> str:
    """What a stage says when it fails: one line, no traceback."""
    done = run_stage(project, stage, *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def test_a_missing_or_empty_folder_is_told(project: Path) -> None:
    for stage, *arguments in (
        ("resize", "nowhere", "out"),
        ("extract", "nowhere", "out"),
        ("train", "nowhere", "landmarks", "corpus", "networks", "out", "metrics"),
        ("evaluate", "nowhere", "landmarks", "corpus", "model", "metrics", "plots"),
    ):
        assert "nowhere: no such folder" in told(project, stage, *arguments)
    (project / "empty").mkdir()
    assert "empty: holds no clip" in told(project, "resize", "empty", "out")


def test_a_bad_parameter_is_told_by_any_stage(project: Path) -> None:
    edit_params(project, {"train.epochs": 0})
    for stage, arguments in (("resize", ("a", "b")), ("train", ("a", "b", "c", "d", "e", "f"))):
        assert "train.epochs is 0" in told(project, stage, *arguments)


def test_an_exercise_with_one_group_is_told_before_any_work_and_costs_no_metrics(ran: Path, tmp_path: Path) -> None:
    """DVC deletes the outs of a stage when it runs it: with `train` they would be gone."""
    project = copy_project(ran, tmp_path / "project")
    for path in (project / "data/videos/plank").glob("person0[2-6]*"):
        path.unlink()
    before = digests(project / "metrics")
    failed = run(project, "dvc", "repro")
    assert failed.returncode != 0
    assert "plank: all clips belong to the one group 'person01'" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not list((project / "data").glob("resized*"))
    assert digests(project / "metrics") == before


def test_evaluate_refuses_a_copy_of_a_clip_that_training_has_seen(ran: Path, tmp_path: Path) -> None:
    project = copy_project(ran, tmp_path / "project")
    usage = json.loads((project / "models/classifier/classifier.json").read_text())["usage"]
    frames = sorted((project / "data/frames").rglob("*.zip"))
    folds = {path: usage[short_hash(f"{path.parent.name}/{path.stem}")]["fold"] for path in frames}
    tested, learnt = (next(path for path in frames if folds[path] == end(folds.values())) for end in (min, max))
    content = learnt.read_bytes()
    tested.unlink()
    tested.write_bytes(content)
    said = told(project, "evaluate", "data/frames", "data/landmarks", "corpus", "models/classifier", "metrics", "plots")
    assert f"{tested.relative_to(project)}: training has seen it under another name" in said


def test_the_chain_learns_from_the_corpus_and_scores_it(ran: Path, tmp_path: Path) -> None:
    project = copy_project(ran, tmp_path / "project")
    few = keep_of_corpus(project, "squat", "lunge", "plank", "calf_raise", NONE)
    edit_params(project, {"corpus": True, "exercises": ["squat", "plank"], "pose.members": 5})
    damaged = next(clip.path for clip in few if clip.label == "lunge")
    content = damaged.read_bytes()
    damaged.write_bytes(content[:-50])
    failed = run(project, "dvc", "repro")
    assert failed.returncode != 0
    assert f"train: corpus/{damaged.relative_to(project / 'corpus')}: is damaged" in failed.stderr
    assert "epoch" not in failed.stdout
    damaged.write_bytes(content)
    done = run(project, "dvc", "repro")
    assert done.returncode == 0, done.stderr
    assert "evaluate: real people: accuracy" in done.stdout
    result = json.loads((project / "metrics/evaluate.json").read_text())
    taught = [clip for clip in few if clip.exercise in ("squat", "plank") and clip.visibility == "clear"]
    assert result["people_clips"] == len(taught)
    assert 0 <= result["people_auroc_low"] <= result["people_auroc"] <= result["people_auroc_high"] <= 1
    page = (project / "metrics/exercises.md").read_text()
    assert page.count("| squat |") == page.count("| plank |") == 1
    assert "| lunge |" in page.split("## Untaught clips")[1]
