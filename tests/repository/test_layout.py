"""Holds the tree, dvc.yaml and params.yaml against one another."""

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.projects import ROOT, make_stand_in_project, run

# Every room imports only from those before it; what lies behind `evaluation`, no stage depends on.
ORDER = [
    "core", "clips", "video", "processing", "blazepose", "corpus", "models", "answering", "evaluation", "prediction",
    "drawing", "audit", "review", "export", "page", "cli",
]  # fmt: skip
MODELS = ("pose", "cnn")  # of `train.model`
SOURCE = ROOT / "src" / "fitness_tracker"
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
UPSTREAM = {"${videos}", "pretrained/models"}  # outs of the pipelines that feed this one
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
TRACKED = set(
    subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
)


def imported(path: Path) -> set[str]:
    """Dotted names of the package's modules that a file imports, anywhere in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fitness_tracker"):
            below = node.module.removeprefix("fitness_tracker").removeprefix(".")
            names |= {".".join(filter(None, (below, alias.name))) for alias in node.names} | {below}
    return {name for name in names if module_path(name).is_file()}


def module_path(name: str) -> Path:
    return SOURCE / (name.replace(".", "/") + ".py")


def closure(names: set[str]) -> set[str]:
    more = set().union(*(imported(module_path(name)) for name in names)) | names
    return names if more == names else closure(more)


def paths_of(stage: dict, *keys: str) -> set[str]:
    entries = [entry for key in keys for entry in stage.get(key, [])]
    return {path for entry in entries for path in ([entry] if isinstance(entry, str) else entry)}


def rooms_of(stage: dict) -> set[str]:
    return {Path(path).name for path in paths_of(stage, "deps") if path.startswith("src/")}


def rooms() -> dict[str, list[Path]]:
    """Packages and single modules at the top, with their files."""
    found: dict[str, list[Path]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name != "__init__.py":
            found.setdefault(path.relative_to(SOURCE).parts[0].removesuffix(".py"), []).append(path)
    return found


def test_the_order_names_every_room() -> None:
    assert sorted(ORDER) == sorted(rooms())


def test_packages_hold_nothing_but_a_docstring() -> None:
    for path in SOURCE.rglob("__init__.py"):
        assert [node for node in ast.parse(path.read_text()).body if not isinstance(node, ast.Expr)] == [], path


@pytest.mark.parametrize("room", ORDER)
def test_rooms_import_downwards(room: str) -> None:
    used = {name.split(".")[0] for path in rooms()[room] for name in imported(path)} - {room}
    assert used <= set(ORDER[: ORDER.index(room)])


@pytest.mark.parametrize("kind", MODELS)
def test_every_kind_of_model_has_the_same_shape_and_knows_no_other(kind: str) -> None:
    folder = SOURCE / "models" / kind
    assert {"augment.py", "network.py", "training.py", "classifier.py", "kind.py"} <= {p.name for p in folder.iterdir()}
    assert kind in PARAMS
    used = {name for path in folder.glob("*.py") for name in imported(path)}
    assert not {name for name in used if name.startswith(tuple(f"models.{other}." for other in {*MODELS} - {kind}))}


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_rooms_whose_code_it_runs(name: str) -> None:
    modules = closure(imported(ROOT / f"stages/{name}.py") | imported(ROOT / "stages/__init__.py"))
    assert rooms_of(STAGES[name]) == {module.split(".")[0] for module in modules}
    code = {path for path in paths_of(STAGES[name], "deps") if path.startswith(("src/", "stages/"))}
    assert code - {f"src/fitness_tracker/{room}" for room in ORDER} == {"stages/__init__.py", f"stages/{name}.py"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose stages are up to date."""
    return make_stand_in_project(tmp_path_factory.mktemp("finished") / "project")


def stale_after_a_change(project: Path, files: list[Path]) -> dict[str, set[str]]:
    """Stage -> the rooms that `dvc status` calls changed, after a line was added to `files`, which then goes again."""
    before = {path: path.read_bytes() for path in (project / path.relative_to(ROOT) for path in files)}
    for path, content in before.items():
        path.write_bytes(content + b"# changed\n")
    status = json.loads(run(project, "dvc", "status", "--json").stdout)
    for path, content in before.items():
        path.write_bytes(content)
    return {
        stage: {Path(path).name for one in changes if isinstance(one, dict) for path in one.get("changed deps", {})}
        for stage, changes in status.items()
        if stage in STAGES  # not those of sample/ and pretrained/
    }


@pytest.mark.slow
def test_code_that_no_stage_names_makes_nothing_stale(finished: Path) -> None:
    named = set().union(*(rooms_of(stage) for stage in STAGES.values()))
    files = [path for room, paths in rooms().items() if room not in named for path in paths]
    assert {path.parent.name for path in files} > {"drawing", "prediction", "review"}
    assert stale_after_a_change(finished, files) == {}


@pytest.mark.slow
def test_code_in_a_room_that_a_stage_names_makes_it_stale(finished: Path) -> None:
    named = set().union(*(rooms_of(stage) for stage in STAGES.values()))
    changed = stale_after_a_change(finished, [rooms()[room][0] for room in sorted(named)])
    assert changed == {name: rooms_of(stage) for name, stage in STAGES.items()}


@pytest.mark.parametrize("name", STAGES)
def test_a_dependency_is_an_upstream_out_or_a_tracked_file(name: str) -> None:
    outs = set().union(*(paths_of(stage, "outs") for stage in STAGES.values()))
    for path in paths_of(STAGES[name], "deps"):
        assert path in outs | UPSTREAM or any(file.startswith(path) for file in TRACKED), path


@pytest.mark.parametrize("name", STAGES)
def test_the_command_names_its_data_and_its_outs(name: str) -> None:
    stage = STAGES[name]
    words = shlex.split(stage["cmd"])
    assert words[:3] == ["python", "-m", f"stages.{name}"]
    data = {path for path in paths_of(stage, "deps") if not path.startswith(("src/", "stages/"))}
    for path in data | paths_of(stage, "outs", "metrics", "plots"):
        assert path in words or str(Path(path).parent) in words, path
    assert stage["desc"]


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_declares_the_params_that_it_reads(name: str) -> None:
    declared = set(STAGES[name].get("params", []))
    for key in declared:
        place = PARAMS
        for part in key.split("."):
            place = place[part]
    read = [ROOT / f"stages/{name}.py"]
    if name in ("train", "evaluate"):
        read += [path for room in ("models" if name == "train" else "evaluation",) for path in rooms()[room]]
    source = "\n".join(path.read_text() for path in read)
    groups = set()
    for group in PARAMS:
        for variable in ("params", r"load_params\(\)"):
            for found in re.finditer(rf"{variable}\.{group}\b(?:\.(\w+))?", source):
                groups.add(f"{group}.{found[1]}" if f"{group}.{found[1]}" in declared else group)
    assert declared == groups - {"cache_gb"}


def test_every_param_that_changes_a_result_is_declared_by_a_stage() -> None:
    declared = {key.split(".")[0] for stage in STAGES.values() for key in stage.get("params", [])}
    assert declared | {"videos", "cache_gb"} == set(PARAMS)


def test_every_param_has_a_comment() -> None:
    text = (ROOT / "params.yaml").read_text().splitlines()
    for line in text:
        if line.startswith("  ") and ":" in line:
            assert "#" in line, line


@pytest.mark.parametrize("name", STAGES)
def test_an_out_that_git_keeps_is_a_metric_or_a_plot(name: str) -> None:
    """One that is neither turns the run cache off for its stage, and equal runs of a sweep train again."""
    assert [entry for entry in STAGES[name].get("outs", []) if not isinstance(entry, str)] == []


def test_every_plot_has_a_title_and_a_source() -> None:
    declared = set().union(*(paths_of(stage, "outs", "plots") for stage in STAGES.values()))
    for table in (table for stage in STAGES.values() for entry in stage.get("plots", []) for table in entry.values()):
        assert table["title"]
    for entry in yaml.safe_load((ROOT / "dvc.yaml").read_text())["plots"]:
        if isinstance(entry, str):
            assert entry in declared
            continue
        ((_, plot),) = entry.items()
        assert plot["title"]
        assert set(plot["y"]) <= declared


@pytest.mark.parametrize("path", sorted((ROOT / "stages").glob("*.py")), ids=lambda path: path.stem)
def test_a_stage_script_has_at_most_60_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 60


def test_tensorflow_is_imported_in_one_place() -> None:
    users = set()
    for path in sorted(SOURCE.rglob("*.py")):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        users |= {path.stem} if names & {"tensorflow", "keras"} else set()
    assert users == {"tensorflow_setup"}


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_help_comes_without_tensorflow(stage: str) -> None:
    program = f"import runpy, sys; sys.argv = ['x', '--help']; runpy.run_module('stages.{stage}', run_name='__main__')"
    watch = f"import atexit, sys; atexit.register(lambda: print('loaded', 'tensorflow' in sys.modules)); {program}"
    done = subprocess.run([sys.executable, "-c", watch], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "usage:" in done.stdout
    assert done.stdout.endswith("loaded False\n")
