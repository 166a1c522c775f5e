"""Reports on real Git repositories: small ones, and the project's own in the shape of a pull request."""

import json
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import GIT, ROOT, run

from fitness_tracker.scoring.report import METRICS, Change, State, changes, code, read_state, report, row

PARAMS = "videos: clips\ntrain:\n  epochs: 5\n  model: pose\nsplit:\n  seed: 1\n"


def commit(folder: Path, message: str = "change") -> str:
    run(folder, *GIT, "add", "-A")
    assert run(folder, *GIT, "commit", "-qm", message).returncode == 0
    return run(folder, "git", "rev-parse", "HEAD").stdout.strip()


def write(
    folder: Path, *, f1: float = 0.8, squat: float = 0.8, epochs: int = 5, clips: int = 10, more: str = ""
) -> None:
    """A repository as the pipeline leaves it, dvc.lock and all."""
    (folder / "metrics").mkdir(exist_ok=True)
    evaluate = {"accuracy": f1, "f1": f1, "ece": 0.1, "clips": clips, "groups": 3}
    train = {"train_loss": 1 - f1, "epochs": epochs}
    for path, content in zip(METRICS, (train, evaluate), strict=True):
        (folder / path).write_text(json.dumps(content))
    (folder / "metrics/f1.csv").write_text(f"exercise,f1,clips\nplank,0.9000,5\nsquat,{squat:.4f},5\n")
    (folder / "params.yaml").write_text(PARAMS.replace("epochs: 5", f"epochs: {epochs}") + more)
    outs = [{"path": path, "md5": md5(folder / path)} for path in (*METRICS, "metrics/f1.csv")]
    lock = {
        "resize": {"cmd": "resize", "deps": [{"path": "clips", "md5": "a.dir"}]},
        "train": {"cmd": "train", "params": {"params.yaml": {"train": {"epochs": epochs}}}, "outs": outs},
    }
    (folder / "dvc.lock").write_text(yaml.safe_dump({"stages": lock}))


def md5(path: Path) -> str:
    return subprocess.run(["md5sum", path], capture_output=True, check=True, text=True).stdout.split()[0]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    run(tmp_path, "git", "init", "-q")
    write(tmp_path)
    commit(tmp_path)
    return tmp_path


def reported(max_drop: float | None = None) -> tuple[str, bool]:
    return report(read_state("HEAD^"), read_state("HEAD"), max_drop)


def test_what_got_worse_comes_first_with_four_decimals(repository: Path) -> None:
    write(repository, f1=0.75, squat=0.6, epochs=7)
    commit(repository)
    told, good = reported()
    rows = [line for line in told.splitlines() if line.startswith("| `")]
    assert rows[:3] == [
        "| `accuracy` | 0.8000 | 0.7500 | ▼ -0.0500 (worse) |",
        "| `f1` | 0.8000 | 0.7500 | ▼ -0.0500 (worse) |",
        "| `train_loss` | 0.2000 | 0.2500 | ▲ +0.0500 (worse) |",
    ]
    assert rows[3] == "| `epochs` | 5 | 7 | ▲ +2 |"
    assert "| `squat` | 0.8000 | 0.6000 | ▼ -0.2000 (worse) |" in rows
    assert "plank" not in told
    assert "| `train.epochs` | `5` | `7` |" in rows
    assert told.startswith("⚠️ **F1 fell from 0.8000 to 0.7500**")
    assert good


def test_a_stage_names_what_changed_in_its_lock(repository: Path) -> None:
    write(repository, epochs=7)
    commit(repository)
    told, _ = reported()
    (line,) = (line for line in told.splitlines() if line.startswith("| `train` |"))
    assert "`params.yaml:train.epochs`" in line
    assert "`metrics/train.json`" in line
    assert "`resize`" not in told


@pytest.mark.parametrize(("max_drop", "good"), [(0.04, False), (0.05, True), (None, True)])
def test_f1_may_fall_by_so_much(repository: Path, max_drop: float | None, good: bool) -> None:
    write(repository, f1=0.75)
    commit(repository)
    told, allowed = reported(max_drop)
    assert allowed is good
    assert told.startswith("⚠️" if good else "❌")


def test_nothing_changed_is_one_line(repository: Path) -> None:
    (repository / "README").write_text("more")
    commit(repository)
    assert reported(0.0) == ("✅ **F1 stays at 0.8000**.", True)


def test_a_metric_edited_by_hand_is_told_and_fails(repository: Path) -> None:
    path = repository / "metrics/evaluate.json"
    path.write_text(path.read_text().replace("0.8", "0.9"))
    commit(repository)
    told, good = reported()
    assert not good
    assert told.splitlines()[0].startswith("❌ **These numbers do not belong to this code**: `metrics/evaluate.json`")


def test_a_parameter_without_a_new_run_is_told_and_fails(repository: Path) -> None:
    (repository / "params.yaml").write_text(PARAMS.replace("epochs: 5", "epochs: 6"))
    commit(repository)
    told, good = reported()
    assert not good
    assert "`params.yaml:train.epochs` is not what `dvc.lock` knows" in told


@pytest.mark.parametrize("change", [{"clips": 11}, {"more": "frames: 1\nsplit: {seed: 2}\n"}])
def test_scores_of_other_clips_are_not_compared(repository: Path, change: dict) -> None:
    write(repository, f1=0.9, **change)
    commit(repository)
    told, good = reported()
    assert good
    assert "other clips are tested" in told.splitlines()[0]


def test_other_videos_are_other_clips(repository: Path) -> None:
    lock = repository / "dvc.lock"
    lock.write_text(lock.read_text().replace("a.dir", "b.dir"))
    commit(repository)
    assert "other clips are tested (`clips`)" in reported()[0]


def test_the_first_metrics_of_all_are_no_fall(repository: Path) -> None:
    full = run(repository, "git", "rev-parse", "HEAD").stdout.strip()
    run(repository, *GIT, "rm", "-rqf", ".")
    (repository / "README").write_text("empty")
    told, good = report(read_state(commit(repository)), read_state(full), 0)
    assert good
    assert told.startswith("✅ **F1 is 0.8000**; the base has none.")


def test_metrics_that_go_away_fail(repository: Path) -> None:
    run(repository, *GIT, "rm", "-rq", "metrics")
    commit(repository)
    told, good = reported(0.5)
    assert not good
    assert told.startswith("❌ **There is no F1**")


def test_a_number_that_is_none_counts_as_missing(repository: Path) -> None:
    (repository / "metrics/evaluate.json").write_text('{"f1": NaN, "accuracy": Infinity}')
    commit(repository)
    assert "accuracy" not in read_state("HEAD").metrics
    assert "f1" not in read_state("HEAD").metrics


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("metrics/evaluate.json", "{"),
        ("metrics/evaluate.json", '{"f1": "high"}'),
        ("metrics/train.json", "[1]"),
        ("metrics/f1.csv", "a,b\n1,2\n"),
        ("params.yaml", "a: [\n"),
        ("dvc.lock", "stages: 3\n"),
        ("dvc.lock", "- 1\n"),
        ("dvc.lock", "stages: {train: {deps: [1]}}\n"),
        ("metrics/train.json", b"\xff\xfe"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(repository: Path, path: str, content: str | bytes) -> None:
    (repository / path).write_bytes(content if isinstance(content, bytes) else content.encode())
    commit(repository)
    done = run(repository, "fitness-tracker", "report", "HEAD^", "HEAD", PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 1
    assert done.stderr.startswith(f"fitness-tracker: HEAD: {path} cannot be read: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("revision", ["nix", "--output=x", "", "HEAD:params.yaml"])
def test_a_revision_that_is_none_is_told(repository: Path, revision: str) -> None:
    done = run(repository, "fitness-tracker", "report", "--", revision, "HEAD", PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 1
    assert "no such revision" in done.stderr
    assert not (repository / "x").exists()


def test_hostile_names_stay_in_their_cells(repository: Path) -> None:
    write(repository, more='"x|y` <img src=a> @everyone\\n# big": "`|\\n<b>"\n')
    commit(repository)
    told, _ = reported()
    (line,) = (line for line in told.splitlines() if "img" in line)
    assert line == "| `x\\|y' <img src=a> @everyone # big` |  | `\"'\\|\\n<b>\"` |"


def test_code_is_one_line_without_fences() -> None:
    assert code("a`b\nc|d") == "`a'b c\\|d`"
    assert code("") == ""


def test_better_and_worse_depend_on_the_metric() -> None:
    old, new = {"val_loss": 1.0, "frame_f1": 0.5, "clips": 3.0}, {"val_loss": 0.5, "frame_f1": 0.7, "clips": 4.0}
    assert [(one.name, one.gain > 0) for one in changes(old, new)] == [
        ("clips", False),
        ("frame_f1", True),
        ("val_loss", True),
    ]
    assert row(Change("groups", None, 3.0, 0.0)) == "| `groups` | - | 3 | |"


def test_an_empty_state_reports(repository: Path) -> None:
    nothing = State({}, {}, {}, {}, [])
    assert report(nothing, nothing, None) == (
        "❌ **There is no F1**: run `make repro` and commit `dvc.lock` and `metrics/`.",
        True,
    )
