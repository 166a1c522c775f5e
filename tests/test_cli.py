"""The command `fitness-tracker predict`."""

import csv
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from fitness_tracker.cli import main
from fitness_tracker.core.errors import printable
from fitness_tracker.prediction import batches
from fitness_tracker.video.frames import encode_jpeg
from tests.drawing.examples import MOVING, SOUND, frames_of, saved
from tests.projects import ROOT, run

Predict = Callable[..., tuple[object, str, str]]


@pytest.fixture
def predict(untrained: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Predict:
    """predict(*arguments, classifier, cores) -> (exit code, stdout, stderr)"""

    def call(*arguments: str | Path, classifier: str | Path = untrained, cores: int = 1) -> tuple[object, str, str]:
        monkeypatch.setattr(batches, "worker_count", lambda *_: cores)
        monkeypatch.setattr(sys, "argv", ["", "predict", *map(str, arguments), "--classifier", str(classifier)])
        with pytest.raises(SystemExit) as end:
            main()
        return (end.value.code, *capsys.readouterr())

    return call


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_clip) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "good.mp4").write_bytes(make_clip())
    (folder / "bad.mp4").write_bytes(b"no clip")
    (folder / "noise.jpg").write_bytes(encode_jpeg(np.zeros((90, 120, 3), np.uint8), 90))
    return folder


@pytest.mark.slow
def test_answers_in_json_and_nothing_on_stderr(untrained: Path, folder: Path) -> None:
    done = run(ROOT, "fitness-tracker", "predict", str(folder), "--json", "--classifier", str(untrained))
    assert (done.returncode, done.stderr) == (1, "")
    bad, good, picture = (json.loads(line) for line in done.stdout.splitlines())
    assert set(bad) == {"path", "error"}
    assert bad["path"].endswith("bad.mp4")
    schema = json.loads((ROOT / "docs/prediction.schema.json").read_text())
    for answer in (bad, good, picture):
        jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, "repetitions": -1}, schema, jsonschema.Draft202012Validator)
    assert good["segments"][0]["start_s"] == 0
    assert good["segments"][-1]["end_s"] == good["duration_s"]


def test_answers_in_a_table(predict: Predict, folder: Path) -> None:
    code, table, _ = predict(folder / "good.mp4")
    assert (code, table.count("\n")) == (0, 1)
    assert "good.mp4" in table
    assert "%" in table


def test_csv_has_a_line_for_each_segment_and_failure(predict: Predict, folder: Path) -> None:
    code, table, _ = predict(folder, "--csv")
    assert code == 1
    rows = list(csv.DictReader(table.splitlines()))
    assert [Path(row["path"]).name for row in rows] == ["bad.mp4", "good.mp4", "noise.jpg"]
    assert rows[0]["error"].startswith("does not decode")
    assert rows[0]["exercise"] == rows[1]["error"] == ""
    assert (rows[1]["start_s"], rows[1]["exercise"] in ("lunge", "plank", "squat")) == ("0.0", True)


def test_a_folder_that_holds_nothing_is_told_and_the_rest_is_answered(
    predict: Predict, folder: Path, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "empty").mkdir()
    code, table, _ = predict(tmp_path / "empty", tmp_path / "pipe.mp4", folder / "good.mp4")
    assert code == 1
    empty, pipe, good = table.splitlines()
    assert "no picture and no clip" in empty
    assert "is no file" in pipe
    assert "%" in good


def test_that_there_is_no_classifier_is_one_line(predict: Predict, tmp_path: Path, folder: Path) -> None:
    code, _, error = predict(folder, classifier=tmp_path / "none")
    assert (code, error.count("\n")) == (1, 1)
    assert "holds no classifier" in error


def test_a_zipped_classifier_answers_as_its_folder(
    predict: Predict, untrained: Path, folder: Path, tmp_path: Path
) -> None:
    zipped = shutil.make_archive(str(tmp_path / "theirs"), "zip", untrained)
    clip = folder / "good.mp4"
    assert predict(clip, "--json", classifier=zipped) == predict(clip, "--json")
    code, answers, error = predict(clip, classifier=clip)
    assert (code, answers, error.count("\n")) == (1, "", 1)
    assert "is no zipped classifier" in error


def test_it_refuses_before_it_runs(predict: Predict, folder: Path, tmp_path: Path) -> None:
    clip = folder / "good.mp4"
    code, table, error = predict(clip, clip, "--overlay", tmp_path / "out.mp4", classifier=tmp_path / "none")
    assert (code, table, error.count("\n")) == (1, "", 1)
    assert "one file for 2 inputs" in error


@pytest.mark.slow
def test_it_ends_quietly_when_nobody_reads_on(untrained: Path, folder: Path) -> None:
    script = f"fitness-tracker predict '{folder}' '{folder}' --classifier '{untrained}' | head -n 1"
    done = run(ROOT, "sh", "-c", script)
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_a_clock_that_was_mended_is_told_beside_the_answer(predict: Predict, make_clip, tmp_path: Path) -> None:
    jumps = ("-vf", "setpts='if(lt(N,20),PTS,PTS+3600/TB)'", "-fps_mode", "vfr")
    clip = saved(tmp_path, make_clip(*MOVING, *jumps))
    code, answers, error = predict(clip, "--json")
    assert (code, json.loads(answers)["duration_s"]) == (0, pytest.approx(4, abs=0.1))
    assert error.startswith(f"fitness-tracker: {clip}: its clock jumps ahead by 1.0 h at 1 s; shortened to 2 s")
    assert error.count("\n") == 1


def test_it_writes_overlay_and_strip(predict: Predict, make_clip, tmp_path: Path) -> None:
    clip, many = saved(tmp_path, make_clip(*MOVING, *SOUND)), tmp_path / "many"
    code, answers, error = predict(clip, "--overlay", tmp_path / "out.mp4", "--strip", tmp_path / "out.png", "--json")
    assert (code, answers.count("\n"), error) == (0, 1, "")
    assert len(frames_of(tmp_path / "out.mp4")) == 40
    assert Image.open(tmp_path / "out.png").format == "PNG"
    many.mkdir()
    assert predict(clip, "--overlay", many)[0] == 0
    assert [path.name for path in many.iterdir()] == ["clip.overlay.mp4"]


@pytest.mark.slow
def test_a_picture_that_cannot_be_written_costs_no_answer(untrained: Path, make_clip, tmp_path: Path) -> None:
    """Writing fails in the middle, as on a full disk; the answers of the clips after it were lost."""
    clips, out = [saved(tmp_path, make_clip(*MOVING), name) for name in ("a.mp4", "b.mp4")], tmp_path / "out"
    out.mkdir()
    words = ("fitness-tracker", "predict", *map(str, clips), "--strip", str(out), "--classifier", str(untrained))
    done = run(ROOT, "sh", "-c", 'ulimit -f 16; "$@"', "sh", *words)
    assert (done.returncode, done.stdout.count("%")) == (1, 2)
    first, second = done.stderr.splitlines()
    assert f"{clips[0]}: " in first
    assert f"{clips[1]}: " in second


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        pytest.param((), marks=pytest.mark.torture, id="table"),
        pytest.param(("--json",), id="JSON"),
        pytest.param(("--csv",), marks=pytest.mark.torture, id="CSV"),
    ],
)
def test_two_cores_print_what_one_prints(
    predict: Predict, folder: Path, make_clip, tmp_path: Path, form: tuple[str, ...]
) -> None:
    jumps = make_clip(*MOVING, "-vf", "setpts='if(lt(N,20),PTS,PTS+3600/TB)'", "-fps_mode", "vfr")
    clips = [saved(tmp_path, make_clip(*MOVING) if name != "b.mp4" else jumps, name) for name in ("a.mp4", "b.mp4")]
    (tmp_path / "out").mkdir()
    arguments = (*clips, folder, *form, "--strip", tmp_path / "out")
    one, two = (predict(*arguments, cores=cores) for cores in (1, 2))
    assert two == one
    assert one[0] == 1
    assert "its clock jumps ahead" in one[2]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_a_path_is_printed_on_one_line() -> None:
    assert printable(Path("a\nb é.mp4")) == "a\\nb é.mp4"
