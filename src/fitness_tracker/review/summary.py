"""What `make repro` ends with: the scores in METRICS, in about ten lines.

Scores and intervals are those of `evaluate.json` and `train.json`; F1 of each exercise is in the tables beside them.
"""

import argparse
import csv
import json
from collections.abc import Mapping
from pathlib import Path

from fitness_tracker.core.errors import UserError, exit_with_message
from fitness_tracker.core.params import load_params

WEAKEST = 5  # exercises that are listed
READ_ON = "metrics/model_card.md (all), metrics/exercises.md, plots/confusion.png, plots/people_confusion.png"

Line = tuple[str, str]  # what it is about, text


def main() -> None:
    parser = argparse.ArgumentParser(prog="summary", description=__doc__)
    parser.add_argument("metrics", type=Path)
    args = parser.parse_args()
    with exit_with_message("summary"):
        lines = summary(args.metrics, load_params().videos)
        width = max(len(name) for name, _ in lines)
        print("\n".join(f"{name:{width}}  {text}" for name, text in lines))


def summary(metrics: Path, videos: str) -> list[Line]:
    """On what `train` and `evaluate` wrote to `metrics`, from clips in the folder `videos` and from the corpus.

    Raises `UserError` if they wrote nothing.
    """
    try:
        scores, training = (json.loads((metrics / name).read_text()) for name in ("evaluate.json", "train.json"))
        with (metrics / "f1.csv").open(encoding="utf-8", newline="") as file:
            f1 = {row["exercise"].replace("_", " "): float(row["f1"]) for row in csv.DictReader(file)}
    except FileNotFoundError as error:
        raise UserError(f"{error.filename} is missing: run `make repro`") from None
    train, held_out = (f"{training[f'{name}_accuracy']:.3f}" for name in ("train", "val"))
    return [
        (videos, describe(scores, "")),
        ("  confidence", f"off by {scores['ece']:.2f} on average"),
        ("  lowest F1", weakest(f1)),
        *corpus_lines(scores, metrics / "exercises.md"),
        (
            "training",
            f"{training['epochs']} epochs; accuracy {train} on what was learnt, {held_out} on what was held out",
        ),
        ("scored by", "members of the classifier that never saw the clip's group; intervals: 95 %, over groups"),
        ("read on", READ_ON),
    ]


def corpus_lines(scores: Mapping[str, float], table: Path) -> list[Line]:
    """On the real people of the corpus; frame networks, and classifiers without a corpus, are not scored on it."""
    if "people_f1" not in scores:
        corpus = "the corpus shows no taught exercise" if "people_clips" in scores else "no corpus was learnt from"
        return [("real people", corpus)]
    lines = [
        ("real people", describe(scores, "people_")),
        ("  confidence", f"off by {scores['people_ece']:.2f} on average"),
    ]
    if "people_auroc" in scores:
        named, auroc = (with_interval(scores, f"people_{name}") for name in ("untaught_named", "auroc"))
        lines.append(("  none", f"{named} of the clips of untaught movements get a name; AUROC {auroc}"))
    return [*lines, ("  lowest F1", weakest(read_f1(table)))]


def describe(scores: Mapping[str, float], prefix: str) -> str:
    accuracy, f1 = (with_interval(scores, prefix + name) for name in ("accuracy", "f1"))
    return f"{scores[f'{prefix}clips']} clips of {scores[f'{prefix}groups']} groups: accuracy {accuracy}, macro F1 {f1}"


def with_interval(scores: Mapping[str, float], name: str) -> str:
    """'0.865 (0.823 to 0.903)', or '0.865' where no interval is known."""
    low, high = (scores.get(f"{name}_{side}") for side in ("low", "high"))
    return f"{scores[name]:.3f}" + ("" if low is None else f" ({low:.3f} to {high:.3f})")


def weakest(f1: Mapping[str, float]) -> str:
    """Those that are not perfect, the lowest first."""
    below = sorted((value, name) for name, value in f1.items() if value < 1)
    return ", ".join(f"{name} {value:.2f}" for value, name in below[:WEAKEST]) or "1.00 for every exercise"


def read_f1(page: Path) -> dict[str, float]:
    """F1 of each exercise, without its variants, from the Markdown table with columns `exercise` and `F1`."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.read_text(encoding="utf-8").split("\n")]
    head = next(number for number, row in enumerate(rows) if {"exercise", "F1"} <= set(row))
    name, f1 = rows[head].index("exercise"), rows[head].index("F1")
    of_table = rows[head + 2 : rows.index([], head)]  # below the ruler
    return {row[name].split(" (also ")[0]: float(row[f1]) for row in of_table}


if __name__ == "__main__":
    main()
