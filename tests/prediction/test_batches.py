"""Many files at once: the same answers, in the same order, as one after the other."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from fitness_tracker.answering.answer import Answer
from fitness_tracker.core.errors import UserError
from fitness_tracker.core.processes import STOP_S
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.prediction import batches
from fitness_tracker.prediction.batches import Answered, Draw, Failed, NotDrawn, Result, answer_files
from fitness_tracker.prediction.inputs import find_files
from fitness_tracker.video.frames import encode_jpeg
from tests.core.test_processes import assert_ended
from tests.drawing.examples import saved
from tests.projects import ROOT, is_ffmpeg

AnswerAll = Callable[..., list[Result]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, make_clip, noise) -> list[Path]:
    """The first takes longest by far; one in the middle is damaged."""
    folder = tmp_path_factory.mktemp("files")
    for number, seconds in enumerate((30, 1, 0, 2, 1)):
        source = f"testsrc2=size=320x240:rate=10:duration={seconds}"
        saved(folder, make_clip("-f", "lavfi", "-i", source) if seconds else b"no clip", f"{number}.mp4")
    saved(folder, encode_jpeg(noise(90, 120, 3), 90), "5.jpg")
    return find_files([folder])


@pytest.fixture
def answer_all(untrained: Path, monkeypatch: pytest.MonkeyPatch) -> AnswerAll:
    def call(files: list[Path], cores: int, draw: Draw) -> list[Result]:
        monkeypatch.setattr(batches, "worker_count", lambda *_: cores)
        with answer_files(files, untrained, draw) as results:
            return list(results)

    return call


def draw_some(die_at: str, clip: Path, answer: Answer, classifier: Classifier, show: bool) -> Iterator[str]:
    """Cannot draw 3.mp4; at one clip the process is killed."""
    assert len(answer.prediction.frames) > 0
    if clip.name == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
    if clip.name == "3.mp4":
        yield f"{clip}: cannot be drawn"


def comparable(results: list[Result]) -> list[object]:
    return [(one.path, one.answer.to_json(), one.notes) if isinstance(one, Answered) else one for one in results]


@pytest.mark.slow
def test_on_two_cores_the_results_are_those_of_one_but_for_whose_process_was_killed(
    files: list[Path], answer_all: AnswerAll
) -> None:
    alone = comparable(answer_all(files, 1, partial(draw_some, "")))
    assert isinstance(alone[2], Failed)
    assert alone[4] == NotDrawn(f"{files[3]}: cannot be drawn")
    killed = Failed(files[1], "the process that answers was killed, perhaps for memory")
    beside = comparable(answer_all(files, 2, partial(draw_some, files[1].name)))
    assert beside == [alone[0], killed, *alone[2:]]


def draw_nothing(*_: object) -> list[str]:
    return []


@pytest.mark.slow
def test_that_there_is_no_classifier_is_said_before_anything_else(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "worker_count", lambda *_: 2)
    with pytest.raises(UserError, match="holds no classifier"), answer_files(files, tmp_path, draw_nothing):
        raise AssertionError


def test_a_want_of_memory_fails_one_file(
    files: list[Path], answer_all: AnswerAll, monkeypatch: pytest.MonkeyPatch
) -> None:
    def predict(path: Path, *_: object, **__: object) -> Answer:
        raise MemoryError if path == files[1] else UserError("no")

    monkeypatch.setattr(batches, "predict_clip", predict)
    reasons = [one.reason for one in answer_all(files[:3], 1, draw_nothing)]  # type: ignore[union-attr]
    assert reasons == ["no", "there is not enough memory for it", "no"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_how_many_files_are_done_and_makes_way_for_answers(
    files: list[Path], untrained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "worker_count", lambda *_: 1)
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with answer_files(files[2:], untrained, draw_nothing) as results:
        for _ in results:
            *_, shown, end = terminal.getvalue().split("\r")
            assert (shown.strip(), end) == ("", "")
    for done in range(4):
        assert f"| {done}/4 [" in terminal.getvalue()
    assert "s of the clip" not in terminal.getvalue()


@pytest.mark.slow
def test_ctrl_c_ends_it_at_once_with_all_its_processes_and_half_pictures(
    untrained: Path, make_clip, tmp_path: Path
) -> None:
    clip = make_clip("-f", "lavfi", "-i", "testsrc2=size=640x480:rate=10:duration=120", "-preset", "ultrafast")
    for folder in ("clips", "out", "tmp"):
        (tmp_path / folder).mkdir()
    for number in range(3):
        saved(tmp_path / "clips", clip, f"{number}.mp4")
    command = [sys.executable, "-m", "fitness_tracker.cli", "predict", "clips", "--classifier", str(untrained)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TMPDIR": str(tmp_path / "tmp")}
    running = subprocess.Popen(
        [*command, "--overlay", "out"],
        cwd=tmp_path,
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def family() -> list[psutil.Process]:
        return psutil.Process(running.pid).children(recursive=True)

    while not any(map(is_ffmpeg, family())):
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    time.sleep(0.5)
    others, begin = family(), time.monotonic()
    os.killpg(running.pid, signal.SIGINT)
    output, errors = running.communicate(timeout=20)
    assert (running.returncode, output) == (130, "")
    assert errors == "fitness-tracker: stopped; what is finished is kept\n"
    assert time.monotonic() - begin < 2
    assert_ended(others, STOP_S)
    assert list((tmp_path / "out").iterdir()) == list((tmp_path / "tmp").iterdir()) == []
