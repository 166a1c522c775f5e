"""How well repetitions are counted: real clips of the corpus that were counted by eye, twice.

Reads COUNTS (repetitions.csv: clip id, exercise, the two counts, part) and the corpus. A repetition counts when its far
end, the turning point away from rest, is reached within the clip, so one that the clip's begin or end cuts off counts
if its far end is seen; alternating sides count one each; setting up does not count. Where the two counts differ, their
mean, rounded up, is the truth. The counter's constants were chosen on the part 'tuning'; of 'test' no group was looked
at before. Off-by-one accuracy (OBO) is the share of clips within one, MAE the mean of |error| / truth (Dwibedi et al.
2020, "Counting Out Time"). 95 % intervals are over groups. Prints a Markdown table, and with --clips one line a clip.
"""

import argparse
import math
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from fitness_tracker.answering.repetitions import measure_movement
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import CORPUS_FPS
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.evaluation.intervals import weighted_interval
from fitness_tracker.models.pose.features import poses_from_landmarks

COUNTS = Path(__file__).with_suffix(".csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--clips", action="store_true", help="one line a clip")
    args = parser.parse_args()
    with exit_with_message("repetitions"):
        table = count_clips(args.corpus)
    if args.clips:
        print(table.to_string(index=False))
    print("| part | clips | groups | the two eyes agree | exact | OBO | MAE |\n|" + " --- |" * 7)
    for part, rows in table.groupby("part", sort=False):
        print(f"| {part} | {len(rows)} | {rows['group'].nunique()} | {rows['agree'].mean():.2f} | {scores(rows)} |")


def count_clips(corpus: Path) -> pd.DataFrame:
    """One row a clip: clip, exercise, part, group, agree, truth, counted."""
    clips = {clip.id: clip for clip in read_corpus(corpus)}
    table = pd.read_csv(COUNTS)
    rows = []
    for row in table.itertuples():
        clip = clips[row.clip]
        poses = poses_from_landmarks(read_corpus_landmarks(clip.path))
        counted = len(measure_movement(poses, CORPUS_FPS).times_s)
        truth = math.ceil((row.first + row.second) / 2)
        rows.append((row.clip, row.exercise, row.part, clip.group, row.first == row.second, truth, counted))
    return pd.DataFrame(rows, columns=["clip", "exercise", "part", "group", "agree", "truth", "counted"])


def scores(rows: pd.DataFrame) -> str:
    error = (rows["counted"] - rows["truth"]).abs().to_numpy()
    cells = []
    for values in (error == 0, error <= 1, error / rows["truth"].to_numpy()):
        value, (low, high) = weighted_interval(rows["group"].to_numpy(), partial(weighted_mean, values))
        cells.append(f"{value:.3f} ({low:.3f} to {high:.3f})")
    return " | ".join(cells)


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights))


if __name__ == "__main__":
    main()
