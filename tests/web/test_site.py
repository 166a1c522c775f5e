"""`site` and `serve` on the command line; no browser."""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from fitness_tracker.answering import repetitions, timeline
from fitness_tracker.blazepose import following
from fitness_tracker.blazepose.skeleton import Landmark
from fitness_tracker.page.constants import MODULES, constants_of, describe_page, name_of, plain, pose_classifier
from fitness_tracker.page.site import digests
from fitness_tracker.prediction.predict import load_once
from tests.projects import ROOT
from tests.web.conftest import PATIENCE, PROGRAM, Server

LINES = 4700  # of the page, at most


def run_program(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    words = [*PROGRAM, *map(str, arguments)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)


def test_a_site_is_written_the_same_twice_and_replaced_whole(taught: Path, vendored: None, tmp_path: Path) -> None:
    done = run_program("site", tmp_path / "one", "--classifier", taught)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("site: ")
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    (tmp_path / "two/of an older version").touch()
    assert run_program("site", tmp_path / "two", "--classifier", taught).returncode == 0
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert (tmp_path / "one/vendor/litert/LICENSE").is_file()
    assert (tmp_path / "one/vendor/mediabunny/LICENSE").is_file()
    for name in ("classifier", "pose_detection", "pose_landmark_full"):
        graph = f"{name}.tflite"
        assert (tmp_path / "one/graphs" / graph).read_bytes() == (taught / graph).read_bytes()


def test_a_folder_of_anything_else_is_left_as_it_is(taught: Path, vendored: None, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    for place in (tmp_path / "mine", tmp_path / "mine/letter.txt", tmp_path / "mine/x/.."):
        done = run_program("site", place, "--classifier", taught)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "name a folder that is empty or not there yet" in done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]
    assert (tmp_path / "mine/letter.txt").read_text() == "dear"


def test_a_classifier_of_frames_is_refused_in_one_line(untrained: Path, vendored: None, tmp_path: Path) -> None:
    for command in (["site", tmp_path / "site"], ["serve", "--port", "0"]):
        done = run_program(*command, "--classifier", untrained)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
        assert "landmarks only" in done.stderr
    assert not (tmp_path / "site").exists()


def test_a_bundle_of_another_format_is_refused_in_one_line(taught: Path, vendored: None, tmp_path: Path) -> None:
    description = json.loads((taught / "classifier.json").read_text())
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle/classifier.json").write_text(json.dumps({**description, "format_version": 3}))
    done = run_program("site", tmp_path / "site", "--classifier", tmp_path / "bundle")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "has format 3" in done.stderr


def test_the_constants_are_those_of_the_modules(taught: Path) -> None:
    page = describe_page(pose_classifier(load_once(taught)))
    constants = json.loads(json.dumps(page["constants"]))
    assert constants["repetitions"]["MIN_PERIODICITY"] == repetitions.MIN_PERIODICITY
    assert constants["timeline"]["SWITCH_COST_S"] == timeline.SWITCH_COST_S
    assert constants["following"]["LOOK_EVERY"] == following.LOOK_EVERY
    assert constants["skeleton"]["Landmark"]["LEFT_HIP"] == Landmark.LEFT_HIP
    assert constants["features"]["BODY"] == [0, 55]


def test_two_modules_never_have_one_name() -> None:
    assert len({name_of(module) for module in MODULES}) == len(MODULES)
    assert all(constants_of(module) for module in MODULES)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, 3),
        (0.5, 0.5),
        ((1, (2, 3)), [1, [2, 3]]),
        (slice(4), [0, 4]),
        ("text", "text"),
        (("text",), ["text"]),
        (None, None),
        ((b"x",), None),
    ],
)
def test_what_json_has_is_taken(value: object, expected: object) -> None:
    assert plain(value) == expected


def test_no_module_of_the_page_types_a_constant_of_python_anew() -> None:
    """Every name that a module takes out of `constants` is there."""
    used = set()
    for path in sorted((ROOT / "web").rglob("*.js")):
        if "vendor" not in path.parts:
            for names, module in re.findall(r"\{([^{}]+)\}\s*=\s*constants\.(\w+)", path.read_text()):
                used |= {(module, name.split(":")[0].strip()) for name in names.split(",") if name.strip()}
    by_name = {name_of(module): module for module in MODULES}
    missing = [one for one in used if one[0] in by_name and one[1] not in constants_of(by_name[one[0]])]
    assert len(used) > 60
    assert missing == []


def test_the_page_is_small() -> None:
    files = [
        path for path in (ROOT / "web").rglob("*") if path.suffix in (".js", ".html", ".css", ".py", ".webmanifest")
    ]
    assert sum(len(path.read_text().splitlines()) for path in files if "vendor" not in path.parts) <= LINES


def test_a_port_in_use_is_told_in_one_line(server: Server, taught: Path) -> None:
    done = run_program("serve", "--port", server.port, "--classifier", taught)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"fitness-tracker: port {server.port} is in use; name another by --port\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--port", "99999"], "cannot listen on 127.0.0.1, port 99999"),
        (["--port", "0", "--classifier", "nowhere"], "holds no classifier"),
    ],
)
def test_what_cannot_be_served_is_told_in_one_line(arguments: list[str], said: str) -> None:
    done = run_program("serve", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_without_a_trace(
    taught: Path, vendored: None, tmp_path: Path, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    running = Server(taught, "--host", "0.0.0.0")
    code, said = running.end(number)
    assert code == 0
    assert said == "fitness-tracker: browsers give a page the camera on localhost or by https only\n"
    assert list(tmp_path.iterdir()) == []
