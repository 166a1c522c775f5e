"""Pictures of an evaluation, as PNG files. The same numbers give the same bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix, roc_curve

from fitness_tracker.evaluation.scored_clips import ScoredClip

COLUMNS = 4  # of a contact sheet
INK, PALE = "#1b2a41", "#8a94a6"


def save(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110, facecolor="white", bbox_inches="tight", metadata={"Software": None})


def readable(exercise: str) -> str:
    return exercise.replace("_", " ").replace("$", r"\$")  # a dollar would begin a formula


def draw_confusion(table: pd.DataFrame, exercises: list[str], path: Path) -> None:
    """Confusion matrix of `table` (columns actual, predicted), with the `exercises` that occur in it.

    The shade of a cell is its share of the row, the number in it the number of clips.
    """
    exercises = [name for name in exercises if name in {*table["actual"], *table["predicted"]}]
    counts = confusion_matrix(table["actual"], table["predicted"], labels=exercises)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.2 + 0.55 * len(exercises)
    figure = Figure(figsize=(side, side))
    axes = figure.add_subplot()
    display = ConfusionMatrixDisplay(shares, display_labels=[readable(exercise) for exercise in exercises])
    display.plot(ax=axes, cmap="Blues", colorbar=False, im_kw={"vmin": 0, "vmax": 1})
    for cell, count in zip(display.text_.ravel(), counts.ravel(), strict=True):
        cell.set_text(str(count) if count else "")
    axes.set_xticks(range(len(exercises)), map(readable, exercises), rotation=45, ha="right")
    axes.set(xlabel="predicted", ylabel="actual")
    axes.set_title(f"{np.trace(counts)} of {counts.sum()} unseen clips are classified correctly")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    save(figure, path)


def draw_text(text: str, path: Path) -> None:
    figure = Figure(figsize=(5.2, 1.2))
    figure.text(0.5, 0.5, text, ha="center", va="center", color=INK)
    save(figure, path)


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
    short = name if len(name) <= most else name[: most // 2 - 1] + "…" + name[-most // 2 :]
    return short.replace("$", r"\$")
