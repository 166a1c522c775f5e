"""Reports on real Git and DVC repositories, small ones, whose dvc.lock DVC itself has written."""

import contextlib
import json
import pwd
import re
import shutil
from collections.abc import Container
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.repo import Repo

from fitness_tracker.core.errors import UserError
from fitness_tracker.evaluation.intervals import macro_f1
from fitness_tracker.review.report import report
from fitness_tracker.review.revisions import ANSWERS, read_revisions
from tests.projects import GIT, ROOT, run

PARAMS = "videos: clips\ntrain:\n  epochs: 5\n  model: pose\n"
STAGES = {
    "resize": {"cmd": "resize", "deps": ["clips", "src"], "outs": ["resized"]},
    "train": {
        "cmd": "train ${videos}", "deps": ["resized"], "params": ["train"],
        "metrics": [{"train.json": {"cache": False}}, {"metrics/evaluate.json": {"cache": False}}],
        "plots": [{ANSWERS: {"cache": False}}],
    },
}  # fmt: skip
EXERCISES = ("lunge", "plank", "squat")
FEW, MORE, MANY = {0, 20}, {0, 20, 21}, {0, 20, *range(40, 60, 2), *range(100, 120, 3)}  # clips answered wrongly


def commit(folder: Path) -> str:
    run(folder, *GIT, "add", "-A")
    assert run(folder, *GIT, "commit", "-qm", "change").returncode == 0
    return run(folder, "git", "rev-parse", "HEAD").stdout.strip()


def write(folder: Path, *, wrong: Container[int] = FEW, clips: int = 120, epochs: int = 5, more: str = "") -> None:
    """What a run leaves: `clips` clips of three exercises and 20 groups, of which some were answered by 'none'."""
    truth = [EXERCISES[number // 20 % 3] for number in range(clips)]
    answer = ["none" if number in wrong else name for number, name in enumerate(truth)]
    table = {"clip": map("{:016x}".format, range(clips)), "group": [number % 20 for number in range(clips)]}
    (folder / "metrics").mkdir(exist_ok=True)
    pd.DataFrame(table | {"truth": truth, "answer": answer, "confidence": 0.5}).to_csv(folder / ANSWERS, index=False)
    scores = {"f1": macro_f1(truth, answer), "ece": 0.1, "clips": clips}
    (folder / "metrics/evaluate.json").write_text(json.dumps(scores))
    (folder / "train.json").write_text(json.dumps({"train_loss": 0.1 * epochs}))
    (folder / "params.yaml").write_text(PARAMS.replace("epochs: 5", f"epochs: {epochs}") + more)
    lock(folder)


def lock(folder: Path) -> None:
    """As if DVC had run all stages: what lies there is what they read and wrote."""
    with contextlib.chdir(folder), Repo() as repo:
        repo.commit(force=True)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    for name in (".dvc/config", "clips/clip.mp4", "resized/clip.mp4", "src/code.py", "src/deep/é.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / "src/junk.tmp").write_text("")
    (folder / "params.yaml").write_text(PARAMS)
    (folder / ".dvcignore").write_text("*.tmp\n")
    (folder / ".gitignore").write_text("/resized\n")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    run(folder, "git", "init", "-q")
    with contextlib.chdir(folder), Repo() as repo:
        repo.add("clips")
    write(folder)
    (folder / ".dvc/.gitignore").write_text("/tmp\n/cache\n")
    commit(folder)
    return folder


@pytest.fixture
def repository(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "repository"
    shutil.copytree(template, folder)
    monkeypatch.chdir(folder)
    return folder


def reported(max_drop: float | None = None) -> tuple[str, bool]:
    return report(read_revisions("HEAD^", "HEAD"), max_drop)


def test_a_change_that_may_be_chance_is_within_noise_and_passes(repository: Path) -> None:
    write(repository, wrong=MORE)
    commit(repository)
    markdown, good = reported(0)
    assert good
    line = r"✅ \*\*F1 0\.992 → 0\.987, within noise \(\N{MINUS SIGN}0\.\d{3} to .0\.\d{3}\)\*\* on the 120 clips"
    assert re.match(f"{line} of 20 groups that both tested.", markdown)
    assert re.search(r"\| `plank` \| 0.98\d\d \| 0.97\d\d \| ▼ -0.0\d+ \(worse\) \| within noise \(", markdown)


@pytest.mark.parametrize(("max_drop", "good"), [(0.05, False), (0.2, True), (None, True)])
def test_a_drop_beyond_noise_fails_if_it_is_larger_than_allowed(
    repository: Path, max_drop: float | None, good: bool
) -> None:
    write(repository, wrong=MANY)
    commit(repository)
    markdown, allowed = reported(max_drop)
    assert allowed is good
    assert re.match(
        rf"{'⚠️' if good else '❌'} \*\*F1 0\.992 → 0\.9\d\d, more than noise \(.0\.\d+ to .0\.\d+\)\*\*", markdown
    )
    assert ("a drop of more than 0.05" in markdown) is not good
    (line,) = (line for line in markdown.splitlines() if "more than noise" in line and line.startswith("|"))
    assert line.startswith("| `squat` | 1.0000 | ")


def test_a_rise_beyond_noise_is_told_and_passes(repository: Path) -> None:
    write(repository, wrong=MANY)
    commit(repository)
    write(repository)
    commit(repository)
    markdown, good = reported(0)
    assert good
    assert re.match(r"✅ \*\*F1 0\.9\d\d → 0\.992, more than noise \(\+0", markdown)


@pytest.mark.parametrize("head", [{"clips": 119}, None])
def test_clips_that_vanish_from_the_test_fail_a_limit(repository: Path, head: dict | None) -> None:
    if head:
        write(repository, **head)
    else:
        (repository / ANSWERS).write_text("clip,group,truth,answer\n")
        lock(repository)
    commit(repository)
    markdown, good = reported(0.5)
    assert not good
    assert f"{1 if head else 120} clips of the base are not tested" in markdown.splitlines()[0]
    assert reported(None)[1]


def test_a_clip_that_shows_something_else_now_is_not_the_same_clip(repository: Path) -> None:
    path = repository / ANSWERS
    path.write_text(path.read_text().replace("0,lunge,none", "0,plank,none"))
    lock(repository)
    commit(repository)
    assert "; 1 clips of the base are not tested" in reported()[0]


def test_more_clips_are_compared_on_those_that_both_tested(repository: Path) -> None:
    write(repository, wrong={*FEW, *range(120, 160)}, clips=160)
    commit(repository)
    markdown, good = reported(0)
    assert good
    assert markdown.startswith("✅ **F1 stays at 0.992**.")


def test_a_base_without_answers_is_told_and_its_drop_counts(repository: Path) -> None:
    evaluate = (repository / ANSWERS).read_bytes()
    stages = {**STAGES, "train": {**STAGES["train"], "plots": []}}
    (repository / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    run(repository, "git", "rm", "-qf", ANSWERS)
    lock(repository)
    commit(repository)
    (repository / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    (repository / ANSWERS).write_bytes(evaluate)
    write(repository, wrong=MORE)
    commit(repository)
    markdown, good = reported(0)
    assert not good
    assert markdown.startswith(
        "❌ **F1 0.992 → 0.987, which may be noise**: no clip is in `metrics/answers.csv` of both"
    )


def test_what_got_worse_comes_first_with_four_decimals(repository: Path) -> None:
    write(repository, wrong=MANY, epochs=7)
    commit(repository)
    markdown, _ = reported()
    rows = [line for line in markdown.splitlines() if line.startswith("| `")]
    assert rows[0] == "| `train_loss` | 0.5000 | 0.7000 | ▲ +0.2000 (worse) |"
    assert rows[1].startswith("| `f1` | 0.9916 | 0.9")
    assert "ece" not in markdown
    assert "| `train.epochs` | `5` | `7` |" in rows
    (line,) = (line for line in rows if line.startswith("| `train` |"))
    assert "`params.yaml:train.epochs`, `train.json`" in line
    assert "`resize`" not in markdown


def test_nothing_changed_is_one_line(repository: Path) -> None:
    (repository / "README").write_text("more")
    commit(repository)
    assert reported(0.0) == ("✅ **F1 stays at 0.992**.", True)
    assert report(read_revisions("HEAD", "HEAD"), 0.0) == ("✅ **F1 stays at 0.992**.", True)


def test_a_clone_without_data_reports_the_same(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repository, wrong=MORE, epochs=7)
    commit(repository)
    markdown = reported()
    run(tmp_path, "git", "clone", "-q", "--depth", "2", f"file://{repository}", "clone")
    monkeypatch.chdir(tmp_path / "clone")
    assert not (tmp_path / "clone/resized").exists()
    assert reported() == markdown


def edit(name: str, text: str) -> None:
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(path.read_text() + text if path.exists() else text)


@pytest.mark.parametrize(
    ("change", "entry"),
    [
        (lambda: edit("metrics/evaluate.json", " "), "metrics/evaluate.json"),
        (lambda: edit(ANSWERS, "x,1,plank,plank,0.5\n"), ANSWERS),
        (lambda: edit("params.yaml", "  seed: 1\n"), "params.yaml:train"),
        (lambda: Path("params.yaml").write_text(PARAMS.replace("clips", "others")), "train: cmd"),
        (lambda: edit("src/code.py", "more"), "src"),
        (lambda: edit("src/deep/é.py", "more"), "src"),
        (lambda: edit("src/new.py", "more"), "src"),
        (lambda: Path("src/code.py").unlink(), "src"),
        (lambda: shutil.rmtree("src"), "src (deleted)"),
        (lambda: Path("train.json").unlink(), "train.json (deleted)"),
        (lambda: Path("clips.dvc").unlink(), "clips (deleted)"),
    ],
)
def test_what_the_lock_does_not_know_is_named_and_fails(repository: Path, change, entry: str) -> None:
    change()
    commit(repository)
    line, good = reported()
    assert not good
    assert line.startswith(f"❌ **These numbers do not belong to this code**: `dvc.lock` is out of date for `{entry}`.")


def test_what_dvc_ignores_in_a_folder_of_code_is_no_change_of_it(repository: Path) -> None:
    edit("src/junk.tmp", "more")
    edit("src/more.tmp", "more")
    commit(repository)
    assert reported()[1]


def test_the_first_metrics_of_all_are_no_fall(repository: Path) -> None:
    full = run(repository, "git", "rev-parse", "HEAD").stdout.strip()
    run(repository, *GIT, "rm", "-rqf", ".")
    (repository / "README").write_text("empty")
    empty = commit(repository)
    markdown, good = report(read_revisions(empty, full), 0)
    assert good
    assert markdown.startswith("✅ **F1 is 0.992**; the base has none.")
    assert report(read_revisions(full, empty), 0.5)[0].startswith("❌ **There is no F1**")
    assert not report(read_revisions(full, empty), 0.5)[1]
    assert report(read_revisions(empty, empty), 0)[1]


def test_a_number_that_is_none_counts_as_missing(repository: Path) -> None:
    (repository / "metrics/evaluate.json").write_text('{"f1": NaN, "ece": "high", "clips": true, "deep": {"f1": 0.5}}')
    lock(repository)
    commit(repository)
    markdown, good = reported()
    assert not good
    assert markdown.startswith("❌ **There is no F1**")
    assert "| `ece` | 0.1 | - |  |" in markdown
    assert "| `deep.f1` | - | 0.5 |  |" in markdown


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("metrics/evaluate.json", b"{"),
        ("train.json", b"\xff\xfe"),
        (ANSWERS, b"a,b\n1,2\n"),
        (ANSWERS, b"\xff\xfe"),
        (ANSWERS, b"clip,group,truth,answer\n1,1,a,a\n1,1,a,b\n"),
        ("params.yaml", b"a: [\n"),
        ("dvc.yaml", b"stages: 3\n"),
        ("dvc.lock", b"stages: 3\n"),
        ("dvc.lock", b"- 1\n"),
        ("dvc.lock", b"stages: {train: {deps: [1]}}\n"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(
    repository: Path, capfd: pytest.CaptureFixture, path: str, content: bytes
) -> None:
    (repository / path).write_bytes(content)
    commit(repository)
    with pytest.raises(UserError, match=rf"^HEAD: .*{path}.*$"):
        reported()
    assert capfd.readouterr() == ("", "")  # nor does DVC say more


@pytest.mark.parametrize("revision", ["nix", "--output=x", "", "HEAD:params.yaml"])
def test_a_revision_that_is_none_is_told(repository: Path, revision: str) -> None:
    with pytest.raises(UserError, match="no such revision"):
        read_revisions(revision, "HEAD")
    assert not (repository / "x").exists()


@pytest.mark.parametrize("left_out", ["blob:none", "tree:0"])
def test_a_partial_clone_fetches_what_it_lacks_or_says_what_to_type(
    repository: Path, tmp_path: Path, left_out: str
) -> None:
    """In a process of its own, as DVC alone would hang for ever."""
    write(repository, wrong=MORE)
    commit(repository)
    expected = report(read_revisions("HEAD^", "HEAD"), None)[0]
    run(repository, *GIT, "config", "uploadpack.allowFilter", "true")
    source, partial = f"file://{repository}", tmp_path / "partial"
    assert run(tmp_path, "git", "clone", "-q", f"--filter={left_out}", source, str(partial)).returncode == 0
    command = ("timeout", "-s", "KILL", "60", "fitness-tracker", "report", "HEAD^", "HEAD")
    repository.rename(tmp_path / "away")
    refused = run(partial, *command, PYTHONPATH=str(ROOT / "src"))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "git fetch --refetch --no-filter origin" in refused.stderr
    (tmp_path / "away").rename(repository)
    done = run(partial, *command, PYTHONPATH=str(ROOT / "src"))
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, expected, "")


def test_outside_of_a_repository_it_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "fitness-tracker", "report", "HEAD^", "HEAD", PYTHONPATH=str(ROOT / "src"))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("home", [True, False])
def test_a_user_without_a_name_is_told_what_dvc_needs(
    repository: Path, monkeypatch: pytest.MonkeyPatch, home: bool
) -> None:
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", *([] if home else ["HOME", "XDG_CONFIG_HOME"])):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="set HOME and USER"):
        reported()


def test_hostile_names_stay_in_their_cells(repository: Path) -> None:
    write(repository, more='"x|y` <img src=a> @everyone\\n# big": "`|\\n<b>"\n')
    path = repository / ANSWERS
    path.write_text(path.read_text().replace("squat", "<img> |`@me"))
    lock(repository)
    commit(repository)
    markdown, _ = reported()
    (line,) = (line for line in markdown.splitlines() if "img src" in line)
    assert line == "| `x\\|y' <img src=a> @everyone # big` |  | `\"'\\|\\n<b>\"` |"
