"""Writes all that `evaluate` leaves: tables, scores and Markdown pages to `metrics`, pictures to `plots`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from fitness_tracker.core.files import write_json, write_text
from fitness_tracker.evaluation import charts
from fitness_tracker.evaluation.evaluation import Evaluation
from fitness_tracker.evaluation.intervals import f1_by_exercise
from fitness_tracker.evaluation.model_card import model_card
from fitness_tracker.evaluation.scored_clips import ScoredClip, columns, confidences
from fitness_tracker.evaluation.scores import calibration_table
from fitness_tracker.evaluation.tables import (
    HOW_SURE,
    confusion_table,
    exercise_rows,
    hashed_answers,
    untaught_rows,
    variants,
    worst_mistakes,
)
from fitness_tracker.evaluation.templates import render
from fitness_tracker.video.frames import middle_frame

MISTAKES = 12  # on the contact sheet


def write_outputs(evaluation: Evaluation, metrics: Path, plots: Path) -> None:
    write_metrics(evaluation, metrics)
    draw_own(evaluation, plots)
    draw_corpus(evaluation, plots)


def write_metrics(evaluation: Evaluation, folder: Path) -> None:
    own = evaluation.own
    tables = {
        "answers.csv": hashed_answers(own),
        "confusion.csv": confusion_table(own),
        "f1.csv": f1_by_exercise(*columns(own))[["exercise", "f1", "clips"]],
    }
    write_json(folder / "evaluate.json", {name: round(value, 4) for name, value in evaluation.scores.items()})
    for name, table in tables.items():
        write_text(folder / name, table.to_csv(index=False, float_format="%.4f"))
    write_text(folder / "exercises.md", exercises_page(evaluation.clear, evaluation.families))
    write_text(folder / "model_card.md", model_card(evaluation))


def exercises_page(clear: Sequence[ScoredClip], families: Mapping[str, str]) -> str:
    """Markdown: the scores of each taught exercise, by family, and what untaught clips of the corpus are taken for."""
    rows = [(families.get(row.exercise, "one's own"), row) for row in exercise_rows(clear)]
    return render(
        __package__,
        "exercises.md.jinja",
        exercises=sorted(rows, key=lambda pair: (pair[0], pair[1].exercise)),
        variants=variants(clear),
        sure=HOW_SURE,
        untaught=sorted(untaught_rows(clear), key=lambda row: (-sum(times for _, times in row[2]), row[0])),
    )


def draw_own(evaluation: Evaluation, folder: Path) -> None:
    own, worst = evaluation.own, worst_mistakes(evaluation.own, MISTAKES)
    charts.draw_confusion(confusion_table(own), evaluation.classifier.exercises, folder / "confusion.png")
    bins = calibration_table(*confidences(own))
    charts.draw_reliability(bins, evaluation.scores["ece"], folder / "reliability.png")
    charts.draw_mistakes(worst, [middle_frame(one.clip.path) for one in worst], folder / "mistakes.png")


def draw_corpus(evaluation: Evaluation, folder: Path) -> None:
    """Of the clips that show the whole movement; without a corpus the pictures say that there is none."""
    confusion, none = folder / "people_confusion.png", folder / "none.png"
    clear, classifier = evaluation.clear, evaluation.classifier
    if not clear:
        for path in (confusion, none):
            charts.draw_text("No corpus was learnt from", path)
        return
    charts.draw_confusion(confusion_table(clear), classifier.exercises, confusion)
    taught, none_scores = np.array([one.taught for one in clear]), np.array([one.none_score for one in clear])
    if len(set(taught)) == 1:
        charts.draw_text(f"The corpus shows nothing that is {'not ' if taught.all() else ''}taught", none)
    else:
        charts.draw_none(taught, none_scores, classifier.none_threshold, evaluation.scores["people_auroc"], none)
