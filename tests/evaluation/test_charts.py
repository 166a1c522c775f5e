import resource
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from fitness_tracker.evaluation import charts
from fitness_tracker.evaluation.charts import draw_confusion, draw_mistakes, shorten
from tests.evaluation.scored import scored
from tests.projects import ROOT, digests, run

TABLE = pd.DataFrame({"actual": ["squat", "squat", "lunge"], "predicted": ["squat", "lunge", "lunge"]})
MISTAKES = [scored(f"squat/{name}__1", name, (0.9, 0.1, 0.0)) for name in ("anna", "bob", "a$1_2_$x")]


def test_the_shade_of_the_confusion_matrix_is_the_share_of_its_row(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_confusion(TABLE, ["lunge", "squat"], tmp_path / name)
    picture = cv2.imread(str(tmp_path / "one.png"))
    assert min(picture.shape[:2]) > 200
    blues = {tuple(int(value) for value in colour) for colour in picture.reshape(-1, 3)}
    assert (107, 48, 8) in blues  # all of a row: the darkest of the scale, as BGR
    assert (255, 251, 247) in blues  # none of a row: the palest
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_contact_sheet_shows_every_frame(tmp_path: Path) -> None:
    frames = [np.full((480, 640, 3), paint, np.uint8) for paint in ((250, 10, 10), (10, 250, 10), (10, 10, 250))]
    draw_mistakes(MISTAKES, frames, tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1].reshape(-1, 3)
    for paint in ((250, 10, 10), (10, 250, 10), (10, 10, 250)):
        assert (picture == paint).all(axis=1).sum() > 10_000


def test_a_contact_sheet_of_no_mistakes_is_a_picture_too(tmp_path: Path) -> None:
    draw_mistakes([], [], tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_long_names_keep_both_ends() -> None:
    short = shorten("squat/" + "x" * 100 + "/end__1")
    assert len(short) == 44
    assert short.startswith("squat/")
    assert short.endswith("/end__1")


def test_a_dollar_in_a_name_is_no_formula(tmp_path: Path) -> None:
    table = TABLE.replace({"squat": "$x_y_z$"})
    draw_confusion(table, ["$x_y_z$", "lunge"], tmp_path / "confusion.png")
    draw_mistakes(MISTAKES, [np.zeros((48, 64, 3), np.uint8)] * 3, tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def draw_all(folder: Path) -> None:
    """One picture by each function."""
    bins = pd.DataFrame({"confidence": [0.4, 0.9], "accuracy": [0.5, 0.8], "answers": [3, 40]})
    charts.draw_confusion(TABLE, ["lunge", "squat"], folder / "draw_confusion.png")
    charts.draw_mistakes(MISTAKES, [np.zeros((48, 64, 3), np.uint8)] * 3, folder / "draw_mistakes.png")
    charts.draw_none(np.array([True, False] * 4), np.linspace(0, 1, 8), 0.5, 0.6, folder / "draw_none.png")
    charts.draw_reliability(bins, 0.1, folder / "draw_reliability.png")
    charts.draw_text("No corpus was learnt from", folder / "draw_text.png")


def run_here(call: str, **environment: str) -> str:
    """Calls a function of this module in a process of its own, and returns what it printed."""
    code = f"from tests.evaluation import test_charts; test_charts.{call}"
    done = run(ROOT, sys.executable, "-c", code, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("style", ["axes.grid: True\nfont.size: 14\n", "text.usetex: True\n"])
def test_a_persons_settings_for_other_charts_change_no_byte(tmp_path: Path, style: str) -> None:
    draw_all(tmp_path / "plain")
    (tmp_path / "matplotlibrc").write_text(style)
    settings = {
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }
    run_here(f"draw_all(test_charts.Path({str(tmp_path / 'styled')!r}))", **settings)
    assert digests(tmp_path / "styled") == digests(tmp_path / "plain")
    assert {f"{name}.png" for name in vars(charts) if name.startswith("draw_")} == {*digests(tmp_path / "plain")}


def draw_many(number: int, path: str) -> None:
    """Draws the confusion matrix of `number` exercises; prints how many seconds and GB of memory that takes."""
    rng = np.random.default_rng(0)
    names = [f"exercise_{n:04d}" for n in range(number)]
    truth = np.repeat(names, 4)
    answer = np.where(rng.random(len(truth)) < 0.7, truth, rng.choice(names, len(truth)))
    start = time.monotonic()
    draw_confusion(pd.DataFrame({"actual": truth, "predicted": answer}), [*names, "none"], Path(path))
    print(time.monotonic() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)


@pytest.mark.parametrize("number", [100, pytest.param(300, marks=pytest.mark.torture)])
def test_a_confusion_matrix_of_many_exercises_costs_seconds(tmp_path: Path, number: int) -> None:
    path = tmp_path / "confusion.png"
    seconds, gigabytes = map(float, run_here(f"draw_many({number}, {str(path)!r})").split())
    assert seconds < 30
    assert gigabytes < 2
    assert cv2.imread(str(path)).shape[0] ** 2 < 100_000 * number  # 400,000 an exercise if all cells were large
