"""Pictures of an evaluation, as PNG files: the same numbers give the same bytes, whatever a matplotlibrc says."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, roc_curve

os.environ.pop("MPLBACKEND", None)  # set by Jupyter; if that backend is not installed, importing matplotlib fails
from matplotlib import style
from matplotlib.figure import Figure

from fitness_tracker.core.letters import on_one_line, own_letters, romanised
from fitness_tracker.evaluation.scored_clips import ScoredClip

LARGE_CELLS = 26  # names; with more, the area of the matrix grows with their number, not with its square
COLUMNS = 4  # of a contact sheet
INK, PALE = "#1b2a41", "#8a94a6"


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, facecolor="white", bbox_inches="tight", metadata={"Software": None})


def readable(exercise: str) -> str:
    return in_latin(exercise.replace("_", " ")).replace("$", r"\$")  # a dollar would begin a formula


def in_latin(text: str) -> str:
    """So that plots are the same on every machine, whatever fonts it has."""
    return romanised(on_one_line(text), own_letters(bold=False))


@style.context("default")
def draw_confusion(table: pd.DataFrame, exercises: list[str], path: Path) -> None:
    """Confusion matrix of `table` (columns actual, predicted), with the `exercises` that occur in it.

    The shade of a cell is its share of the row, the number in it the number of clips.
    """
    occurring = {*table["actual"], *table["predicted"]}
    exercises = [name for name in exercises if name in occurring]
    counts = confusion_matrix(table["actual"], table["predicted"], labels=exercises)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    places = range(len(exercises))
    shrink = min(1.0, (LARGE_CELLS / len(exercises)) ** 0.5)
    cell = 0.55 * shrink  # inches
    font_size = min(10, 72 * cell / 2)  # points; three digits fit into a cell
    side = 2.2 + cell * len(exercises)
    figure = Figure(figsize=(side, side))
    axes = figure.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    pale, dark = picture.cmap(0.0), picture.cmap(1.0)
    for row, column in np.argwhere(counts):
        ink = pale if shares[row, column] > shares.max() / 2 else dark
        axes.text(column, row, counts[row, column], ha="center", va="center", color=ink, fontsize=font_size)
    axes.set_xticks(places, map(readable, exercises), rotation=45, ha="right")
    axes.set_yticks(places, map(readable, exercises))
    axes.set_xlabel("predicted", fontsize=10 / shrink)
    axes.set_ylabel("actual", fontsize=10 / shrink)
    axes.set_title(f"{np.trace(counts)} of {counts.sum()} unseen clips are classified correctly", fontsize=12 / shrink)
    axes.spines[:].set_visible(False)
    axes.tick_params(which="both", length=0, labelsize=font_size)
    if shrink < 1:  # lines between the cells, and names at both ends of long rows
        axes.set_xticks(np.arange(0.5, len(exercises)), minor=True)
        axes.set_yticks(np.arange(0.5, len(exercises)), minor=True)
        axes.grid(which="minor", color="white")
        axes.tick_params(labelright=True)
    save(figure, path)


@style.context("default")
def draw_text(text: str, path: Path) -> None:
    figure = Figure(figsize=(5.2, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center", color=INK)
    save(figure, path)


@style.context("default")
def draw_none(taught: np.ndarray, none_scores: np.ndarray, threshold: float, area: float, path: Path) -> None:
    """ROC curve of 'none' over clips (N,): are they `taught`, and their `none_score`; a dot marks the threshold."""
    figure = Figure(figsize=(5.2, 5.2))
    axes = figure.add_subplot()
    wrong, right, _ = roc_curve(taught, -none_scores)
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--")
    axes.plot(wrong, right, color="#2f6fb0")
    at = ((none_scores[~taught] <= threshold).mean(), (none_scores[taught] <= threshold).mean())
    axes.plot(*at, "o", color=INK)
    axes.annotate(
        f"as shipped: {at[1]:.0%} of the taught,\n{at[0]:.0%} of the untaught are named",
        at,
        (at[0] + 0.04, at[1] - 0.12),
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="untaught clips that are named", ylabel="taught clips that are named")
    axes.set_title(f"Does it know what it does not know? AUROC {area:.3f}\nunseen people, untaught exercises")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


@style.context("default")
def draw_reliability(table: pd.DataFrame, error: float, path: Path) -> None:
    """Reliability diagram of a `calibration_table`: a dot is a bin, its area the share of the answers in it."""
    figure = Figure(figsize=(5.2, 5.2))
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1, linestyle="--")
    axes.annotate("perfectly calibrated", (0.03, 0.05), rotation=45, color=PALE, fontsize=8, rotation_mode="anchor")
    sizes = 30 + 600 * table["answers"] / table["answers"].sum()
    axes.scatter(table["confidence"], table["accuracy"], s=sizes, color="#2f6fb0", alpha=0.8, linewidths=0)
    for row in table.itertuples():
        place = row.confidence, row.accuracy
        axes.annotate(str(row.answers), place, (0, 11), textcoords="offset points", ha="center", fontsize=8)
    axes.set(xlim=(0, 1.02), ylim=(-0.04, 1.08), xlabel="confidence of the answer", ylabel="accuracy")
    axes.set_title(f"Is a confidence of 80 % right 8 times in 10? ECE {error:.3f}\nunseen clips, with their number")
    axes.spines[["top", "right"]].set_visible(False)
    save(figure, path)


@style.context("default")
def draw_mistakes(mistakes: Sequence[ScoredClip], frames: Sequence[np.ndarray], path: Path) -> None:
    """Contact sheet of `mistakes`, each with a frame (H, W, 3) uint8 RGB."""
    rows = max(1, -(-len(frames) // COLUMNS))
    figure = Figure(figsize=(2.7 * COLUMNS, 2.7 * rows + 0.5), layout="tight")
    figure.suptitle(
        "The most confident mistakes on unseen clips"
        if len(frames)
        else "No mistakes: every unseen clip is classified correctly"
    )
    for place, (mistake, frame) in enumerate(zip(mistakes, frames, strict=True), start=1):
        axes = figure.add_subplot(rows, COLUMNS, place)
        axes.imshow(frame)
        axes.set_axis_off()
        axes.set_title(
            f"shows {readable(mistake.truth)}\npredicted {readable(mistake.predicted)}, {mistake.confidence:.0%}",
            fontsize=10,
        )
        name = shorten(mistake.clip.name)
        axes.text(0.5, -0.03, name, transform=axes.transAxes, ha="center", va="top", fontsize=7, color=PALE)
    save(figure, path)


def shorten(name: str, most: int = 44) -> str:
    latin = in_latin(name)
    short = latin if len(latin) <= most else latin[: most // 2 - 1] + "…" + latin[-most // 2 :]
    return short.replace("$", r"\$")
