"""The whole chain, by real DVC in a real Git repository."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.corpus.catalog import read_corpus, write_catalog
from tests.conftest import digests, edit_params, run
from tests.older_cpu import VARIABLES as OLDER_CPU

STEPS = ("resize", "extract", "landmarks", "train", "evaluate")


def fill(project: Path, drawn: Path) -> None:
    shutil.copytree(drawn / "videos", project / "data" / "videos")


def locked(project: Path) -> dict:
    return yaml.safe_load((project / "dvc.lock").read_text())


@pytest.mark.slow
def test_one_core_and_two_of_an_older_kind_give_the_same_lock_and_metrics(
    project: Path, drawn: Path, tmp_path: Path
) -> None:
    fill(project, drawn)
    locks, metrics = [], []
    for cores, workers, cpu in (("0", "1", {}), ("0,1", "2", OLDER_CPU)):
        environment = {"LOKY_MAX_CPU_COUNT": workers, "FITNESS_TRACKER_CACHE": str(tmp_path / f"cache{workers}"), **cpu}
        done = run(project, "dvc", "repro", "--force", cores=cores, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        locks.append((project / "dvc.lock").read_bytes())
        metrics.append((project / "metrics/evaluate.json").read_bytes())
    assert locks[0] == locks[1]
    assert metrics[0] == metrics[1]

    result = json.loads(metrics[0])
    assert set(result) == {
        "accuracy", "clips", "ece", "f1", "f1_high", "f1_low", "frame_accuracy", "frame_f1", "groups"
    }  # fmt: skip
    train = json.loads((project / "metrics/train.json").read_text())
    assert set(train) == {"epochs", "train_accuracy", "train_log_loss", "val_accuracy", "val_log_loss"}
    assert train["epochs"] <= 2

    assert set(locked(project)["stages"]) == set(STEPS)
    assert "up to date" in run(project, "dvc", "status", *STEPS).stdout
    page = run(project, "dvc", "plots", "show", "--json")
    assert page.returncode == 0
    for title in ("Loss while training", "Confusion of unseen clips", "F1 of each exercise", "plots/mistakes.png"):
        assert title in page.stdout


@pytest.mark.slow
def test_a_bad_clip_is_named_and_the_rest_is_kept(project: Path, drawn: Path) -> None:
    fill(project, drawn)
    bad = project / "data/videos/squat/person99__1.mp4"
    bad.write_bytes(b"no clip at all")
    failed = run(project, "dvc", "repro", "resize")
    assert failed.returncode != 0
    assert "squat/person99__1.mp4: does not decode" in failed.stderr
    assert "Traceback" not in failed.stderr
    bad.unlink()
    mended = run(project, "dvc", "repro", "resize")
    assert mended.returncode == 0
    assert "resize: 18 clips, 0 of them new" in mended.stdout


def told(project: Path, stage: str, *arguments: str) -> str:
    """What a stage says when it fails: one line, no traceback."""
    done = run(project, "python", "-m", f"stages.{stage}", *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("stage", "arguments"),
    [
        ("resize", ("nowhere", "out")),
        ("extract", ("nowhere", "out")),
        ("train", ("nowhere", "landmarks", "corpus", "networks", "out", "metrics")),
        ("evaluate", ("nowhere", "landmarks", "corpus", "model", "metrics", "plots")),
    ],
)
def test_a_missing_folder_is_told(project: Path, stage: str, arguments: tuple[str, ...]) -> None:
    assert "nowhere: no such folder" in told(project, stage, *arguments)


def test_an_empty_folder_is_told(project: Path) -> None:
    (project / "empty").mkdir()
    assert "empty: holds no clip" in told(project, "resize", "empty", "out")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("resize.fit", "squash", "resize.fit is 'squash'"),
        ("train.epochs", 0, "train.epochs is 0"),
        ("train.momentum", 0.9, "train.momentum is unknown"),
    ],
)
def test_a_bad_parameter_is_told_by_every_stage(project: Path, key: str, value: object, message: str) -> None:
    edit_params(project, {key: value})
    for stage, arguments in (("resize", ("a", "b")), ("train", ("a", "b", "c", "d", "e", "f"))):
        assert message in told(project, stage, *arguments)


def test_an_exercise_with_one_group_is_told_before_any_work_and_costs_no_metrics(project: Path, drawn: Path) -> None:
    """DVC deletes the outs of a stage when it runs it: with `train` they would be gone."""
    fill(project, drawn)
    for path in (project / "data/videos/plank").glob("person0[2-6]*"):
        path.unlink()
    before = digests(project / "metrics")
    failed = run(project, "dvc", "repro")
    assert failed.returncode != 0
    assert "plank: all clips belong to the one group 'person01'" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not list((project / "data").glob("resized*"))
    assert digests(project / "metrics") == before


@pytest.mark.slow
def test_evaluate_refuses_a_copy_of_a_clip_that_training_has_seen(project: Path, drawn: Path) -> None:
    fill(project, drawn)
    assert run(project, "dvc", "repro", "train").returncode == 0
    usage = json.loads((project / "models/classifier/classifier.json").read_text())["usage"]
    frames = sorted((project / "data/frames").rglob("*.zip"))
    folds = {path: usage[short_hash(f"{path.parent.name}/{path.stem}")]["fold"] for path in frames}
    tested, learnt = (next(path for path in frames if folds[path] == end(folds.values())) for end in (min, max))
    content = learnt.read_bytes()
    tested.unlink()
    tested.write_bytes(content)
    said = told(project, "evaluate", "data/frames", "data/landmarks", "corpus", "models/classifier", "metrics", "plots")
    assert f"{tested.relative_to(project)}: training has seen it under another name" in said


@pytest.mark.slow
def test_the_chain_learns_from_the_corpus_and_scores_it(project: Path, drawn: Path) -> None:
    fill(project, drawn)
    clips = [clip for clip in read_corpus(project / "corpus") if clip.visibility != "not"]
    labels = ("squat", "lunge", "plank", "step_up", NONE)
    few = [clip for label in labels for clip in [one for one in clips if one.label == label][:12]]
    write_catalog(project / "corpus", few)
    for path in (project / "corpus/landmarks").rglob("*.npz"):
        if path not in {clip.path for clip in few}:
            path.unlink()
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
