"""The workflow is what GitHub takes, safe, and does here what it does there: its commands, on a real pull request."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import GIT, ROOT, edit_params
from test_report import md5

WORKFLOW = ROOT / ".github/workflows/ci.yml"
JOBS = yaml.safe_load(WORKFLOW.read_text())["jobs"]
EVENTS = yaml.safe_load(WORKFLOW.read_text())[True]  # YAML 1.1 takes `on` for a truth
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"


def commands(job: str) -> list[str]:
    return [step["run"] for step in JOBS[job]["steps"] if "run" in step]


def test_it_is_a_workflow() -> None:
    command = [
        Path(sys.executable).with_name("check-jsonschema"),
        "--builtin-schema",
        "vendor.github-workflows",
        WORKFLOW,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_it_is_safe() -> None:
    command = [Path(sys.executable).with_name("zizmor"), "--offline", "--no-progress", WORKFLOW]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("job", JOBS)
def test_every_step_that_runs_is_one_command(job: str) -> None:
    for command in commands(job):
        assert "\n" not in command
        assert command.startswith(("make ", "gh "))
        assert "${{" not in command
        assert not set(";&") & set(command)


@pytest.mark.parametrize("job", JOBS)
def test_make_knows_the_targets(job: str) -> None:
    for command in commands(job):
        if command.startswith("make "):
            line = command.split(" >>")[0].replace("make ", "make -n ", 1)
            assert subprocess.run(line.split(), cwd=ROOT, capture_output=True, check=False).returncode == 0, line


@pytest.mark.parametrize("job", JOBS)
def test_a_fork_reaches_no_secret(job: str) -> None:
    text = yaml.safe_dump(JOBS[job])
    assert "secrets." not in text
    if "id-token" in JOBS[job]["permissions"]:
        assert "workflow_dispatch" in JOBS[job]["if"] or SAME_REPOSITORY in JOBS[job]["if"]
    for step in JOBS[job]["steps"]:
        if "GH_TOKEN" in step.get("env", {}):
            assert SAME_REPOSITORY in step["if"]
            assert step["run"].startswith("gh ")
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_nothing_runs_with_the_rights_of_the_base() -> None:
    assert set(EVENTS) == {"push", "pull_request", "workflow_dispatch"}
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {}
    assert all(job["timeout-minutes"] for job in JOBS.values())


class Rehearsal:
    """A bare repository with the project on `main`, pull requests to it, and what a runner checks out and runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bare, self.work = folder, folder / "bare.git", folder / "work"
        listed = self.git(ROOT, "ls-files", "-z").split("\0")
        for name in filter(None, listed):
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, self.work / name)
        self.git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        self.git(self.work, "init", "-q", "-b", "main")
        self.git(self.work, "remote", "add", "origin", str(self.bare))
        self.commit("base")
        self.git(self.work, "push", "-q", "origin", "main")

    def git(self, folder: Path, *arguments: str) -> str:
        done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message: str) -> None:
        self.git(self.work, "add", "-A")
        self.git(self.work, "commit", "-qm", message)

    def merge(self) -> Path:
        """Pushes what was changed in `work` as a pull request; the runner's checkout of its merge commit, 2 deep."""
        self.git(self.work, "checkout", "-qb", "change")
        self.commit("change")
        self.git(self.work, "checkout", "-q", "main")
        (self.work / "NEWS").write_text("the base went on\n")
        self.commit("meanwhile")
        self.git(self.work, "merge", "-q", "--no-ff", "-m", "merge", "change")
        self.git(self.work, "push", "-q", "origin", "main:refs/pull/1/merge")
        runner = self.folder / "runner"
        self.git(self.folder, "clone", "-q", "--depth", "2", "--branch", "main", f"file://{self.bare}", str(runner))
        self.git(runner, "fetch", "-q", "--depth", "2", "origin", "refs/pull/1/merge")
        self.git(runner, "checkout", "-q", "FETCH_HEAD")
        (runner / ".venv").symlink_to(sys.prefix)
        return runner

    def run(self, runner: Path, job: str) -> tuple[int, str, str]:
        """(exit code, what it prints, the summary) of a job's Make targets: no data, no secret, an empty home."""
        summary, home = self.folder / "summary.md", self.folder / "home"
        home.mkdir(exist_ok=True)
        environment = {
            "HOME": str(home), "GITHUB_STEP_SUMMARY": str(summary), "PYTHONPATH": str(runner / "src"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "LANG": "C.UTF-8",
        }  # fmt: skip
        told = ""
        for command in (one for one in commands(job) if one.startswith("make ")):
            line = command.replace("make ", "make -o .venv/installed ", 1)  # it is
            done = subprocess.run(
                ["bash", "-ec", line], cwd=runner, env=environment, capture_output=True, text=True, check=False
            )
            told += done.stdout + done.stderr
            if done.returncode:
                break
        return done.returncode, told, summary.read_text() if summary.exists() else ""


@pytest.fixture
def rehearsal(tmp_path: Path) -> Rehearsal:
    return Rehearsal(tmp_path)


@pytest.mark.slow
def test_a_change_of_words_passes_both(rehearsal: Rehearsal) -> None:
    (rehearsal.work / "README.md").write_text("# fitness-tracker\n")
    runner = rehearsal.merge()
    code, told, _ = rehearsal.run(runner, "lock")
    assert code == 0, told
    assert "dvc.lock is up to date" in told
    code, told, summary = rehearsal.run(runner, "report")
    assert code == 0, told
    assert summary.startswith("✅ **F1 stays at ")
    assert (runner / "report.md").read_text() == summary


@pytest.mark.slow
def test_a_changed_parameter_without_a_run_fails_both(rehearsal: Rehearsal) -> None:
    edit_params(rehearsal.work, {"train.epochs": 21})
    runner = rehearsal.merge()
    code, told, _ = rehearsal.run(runner, "lock")
    assert code != 0
    assert "dvc.lock is stale" in told
    code, _, summary = rehearsal.run(runner, "report")
    assert code != 0
    assert "do not belong to this code**: `params.yaml:train.epochs`" in summary
    assert "| `train.epochs` | `20` | `21` |" in summary


@pytest.mark.slow
def test_an_impossible_parameter_fails_the_lock_check(rehearsal: Rehearsal) -> None:
    edit_params(rehearsal.work, {"train.epochs": -1})
    code, told, _ = rehearsal.run(rehearsal.merge(), "lock")
    assert code != 0
    assert "train.epochs" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_code_that_was_not_run_is_a_stale_lock(rehearsal: Rehearsal) -> None:
    with (rehearsal.work / "src/fitness_tracker/training.py").open("a") as file:
        file.write("# more\n")
    runner = rehearsal.merge()
    code, told, _ = rehearsal.run(runner, "lock")
    assert code != 0
    assert "'train'" in told
    _, _, summary = rehearsal.run(runner, "report")
    assert "`src/fitness_tracker/training.py` is not what `dvc.lock` knows" in summary


@pytest.mark.slow
def test_a_metric_edited_by_hand_fails_both(rehearsal: Rehearsal) -> None:
    path = rehearsal.work / "metrics/evaluate.json"
    path.write_text(path.read_text().replace('"clips": 24', '"clips": 2400'))
    runner = rehearsal.merge()
    assert rehearsal.run(runner, "lock")[0] != 0
    code, _, summary = rehearsal.run(runner, "report")
    assert code != 0
    assert "`metrics/evaluate.json` is not what `dvc.lock` knows" in summary


@pytest.mark.slow
def test_f1_that_fell_fails_the_report_and_its_summary_says_by_how_much(rehearsal: Rehearsal) -> None:
    """As if another classifier had been trained: metric and lock go together."""
    path, lock = rehearsal.work / "metrics/evaluate.json", rehearsal.work / "dvc.lock"
    scores, before = json.loads(path.read_text()), md5(path)
    old, new = scores["f1"], scores["f1"] - 0.1
    path.write_text(json.dumps(scores | {"f1": new}))
    lock.write_text(lock.read_text().replace(before, md5(path)))
    code, _, summary = rehearsal.run(rehearsal.merge(), "report")
    assert code != 0
    assert summary.startswith(f"❌ **F1 fell from {old:.4f} to {new:.4f}**, by more than 0.02")
    assert f"| `f1` | {old:.4f} | {new:.4f} | ▼ -0.1000 (worse) |" in summary
