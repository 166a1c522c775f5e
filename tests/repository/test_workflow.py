"""The workflow is what GitHub takes, safe, and does here what it does there: its commands, on a real pull request."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.projects import GIT, ROOT, edit_params, run

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
    assert set(EVENTS) == {"push", "pull_request", "workflow_dispatch", "schedule"}
    assert yaml.safe_load(WORKFLOW.read_text())["permissions"] == {}
    assert all(job["timeout-minutes"] for job in JOBS.values())


class Rehearsal:
    """A bare repository with a project on `main`, pull requests to it, and what a runner checks out and runs.

    What its stages run are stand-ins: neither lock-check nor report runs any.
    """

    def __init__(self, project: Path, folder: Path) -> None:
        self.folder, self.bare, self.work = folder, folder / "bare.git", folder / "work"
        self.git(folder, "clone", "-q", str(project), str(self.work))
        self.git(folder, "init", "-q", "--bare", "-b", "main", str(self.bare))
        self.git(self.work, "checkout", "-qB", "main")
        self.git(self.work, "remote", "set-url", "origin", str(self.bare))
        self.git(self.work, "push", "-q", "origin", "main")

    def git(self, folder: Path, *arguments: str) -> str:
        done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def commit(self, message: str) -> None:
        self.git(self.work, "add", "-A")
        self.git(self.work, "commit", "-qm", message)

    def merge(self) -> None:
        """Pushes what was changed in `work` as a pull request."""
        self.git(self.work, "checkout", "-qb", "change")
        self.commit("change")
        self.git(self.work, "checkout", "-q", "main")
        (self.work / "NEWS").write_text("the base went on\n")
        self.commit("meanwhile")
        self.git(self.work, "merge", "-q", "--no-ff", "-m", "merge", "change")
        self.git(self.work, "push", "-q", "origin", "main:refs/pull/1/merge")

    def checkout(self, job: str) -> Path:
        """As the job's steps say: the merge commit of the pull request, 2 deep, or the default branch."""
        runner = self.folder / job
        for step in JOBS[job]["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"].get("ref") in (None, "${{ github.event.repository.default_branch }}")
                ref = "main" if "ref" in step["with"] else "refs/pull/1/merge"
                place = runner / step["with"].get("path", ".")
                self.git(self.folder, "init", "-q", str(place))
                self.git(place, "fetch", "-q", "--depth", "2", f"file://{self.bare}", ref)
                self.git(place, "checkout", "-q", "FETCH_HEAD")
        (runner / ".venv").symlink_to(sys.prefix)
        return runner

    def run(self, job: str, **environment: str) -> tuple[int, str, str]:
        """(exit code, what it prints, the summary) of a job's Make targets: no data, no secret, an empty home."""
        runner, summary, home = self.checkout(job), self.folder / "summary.md", self.folder / "home"
        home.mkdir(exist_ok=True)
        environment |= {
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
        if job == "report":
            assert (runner / "report.md").read_text() == summary.read_text()
        return done.returncode, told, summary.read_text() if summary.exists() else ""


@pytest.fixture
def rehearsal(stand_in: Path, tmp_path: Path) -> Rehearsal:
    return Rehearsal(stand_in, tmp_path)


def test_a_change_of_words_passes_both(rehearsal: Rehearsal) -> None:
    (rehearsal.work / "README.md").write_text("# fitness-tracker\n")
    rehearsal.merge()
    code, told, _ = rehearsal.run("lock")
    assert code == 0, told
    assert "dvc.lock is up to date" in told
    code, told, summary = rehearsal.run("report")
    assert code == 0, told
    assert summary == "✅ **F1 stays at 1.000**.\n"


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


@pytest.mark.parametrize(
    ("change", "stage", "stale"),
    [
        (lambda work: edit_params(work, {"train.epochs": 21}), "train", "params.yaml:train"),
        (
            lambda work: append(work / "src/fitness_tracker/blazepose/tracker.py", "# more\n"),
            "landmarks",
            "src/fitness_tracker/blazepose",
        ),
        (lambda work: append(work / "metrics/evaluate.json", " "), "evaluate", "metrics/evaluate.json"),
    ],
)
def test_what_was_not_run_fails_both(
    rehearsal: Rehearsal, change: Callable[[Path], None], stage: str, stale: str
) -> None:
    change(rehearsal.work)
    rehearsal.merge()
    code, told, _ = rehearsal.run("lock")
    assert code != 0
    assert "dvc.lock is stale" in told
    assert f"'{stage}'" in told
    code, _, summary = rehearsal.run("report")
    assert code != 0
    assert summary.startswith("❌ **These numbers do not belong to this code**: ")
    assert f"`{stale}`" in summary.splitlines()[0]


def test_an_impossible_parameter_fails_the_lock_check(rehearsal: Rehearsal) -> None:
    edit_params(rehearsal.work, {"train.epochs": -1})
    rehearsal.merge()
    code, told, _ = rehearsal.run("lock")
    assert code != 0
    assert "train.epochs" in told
    assert "Traceback" not in told


def test_a_failure_of_dvc_is_not_called_a_stale_lock(rehearsal: Rehearsal) -> None:
    """`make repro`, which it recommended, could not help."""
    pipeline = rehearsal.work / "dvc.yaml"
    pipeline.write_text(
        pipeline.read_text().replace("    cmd: python -m stages.extract", "    command: python -m stages.extract")
    )
    rehearsal.merge()
    code, told, _ = rehearsal.run("lock")
    assert code != 0
    assert "dvc.yaml" in told
    assert "make repro" not in told
    assert "DVC cannot tell whether dvc.lock is stale" in told


def test_f1_that_fell_beyond_noise_fails_the_report_and_its_summary_says_by_how_much(
    stand_in: Path, rehearsal: Rehearsal
) -> None:
    edit_params(rehearsal.work, {"train.model": "cnn"})
    shutil.copytree(stand_in / ".dvc/cache", rehearsal.work / ".dvc/cache")
    run(rehearsal.work, "dvc", "checkout", "-q", "dvc.yaml", "data/videos.dvc", "pretrained/dvc.yaml")
    assert run(rehearsal.work, "dvc", "repro", "-q").returncode == 0
    rehearsal.merge()
    code, _, summary = rehearsal.run("report")
    assert code != 0
    assert summary.startswith("❌ **F1 1.000 → 0.667, more than noise (")
    assert "a drop of more than 0.02" in summary


def test_the_look_into_the_remote_runs_and_asks_nothing_that_a_pull_request_wrote(
    rehearsal: Rehearsal, tmp_path: Path
) -> None:
    remote, elsewhere, ran = (tmp_path / name for name in ("remote", "elsewhere", "ran"))
    (rehearsal.work / ".dvc/config").write_text(f"[core]\nremote = storage\n['remote \"storage\"']\nurl = {remote}\n")
    rehearsal.commit("a remote in a folder")
    rehearsal.git(rehearsal.work, "push", "-q", "origin", "main")
    append(rehearsal.work / "Makefile", f"\nremote-check:\n\ttouch {ran}\n")
    append(rehearsal.work / "storage/check.py", f"open('{ran}', 'w')\n")
    (rehearsal.work / "sitecustomize.py").write_text(f"open('{ran}', 'w')\n")
    (rehearsal.work / ".dvc/config").write_text(f"[core]\nremote = x\n['remote \"x\"']\nurl = {elsewhere}\n")
    (rehearsal.work / "new.dvc").write_text("outs: [{path: new, md5: " + 32 * "a" + "}]\n")
    rehearsal.merge()
    code, told, _ = rehearsal.run("remote")
    assert code != 0
    assert "not in the remote: new\n" in told  # what the pull request names is looked for
    assert not ran.exists()
    assert not elsewhere.exists()
