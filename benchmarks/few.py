"""What the corpus is good for: a source held out whole plays 'your own videos', a few of its groups labelled.

For each of the SOURCES largest sources of the corpus: macro F1 on the groups that are not labelled, of one network that
learnt from 0, 1, 3 or 5 labelled groups, with the rest of the corpus and without it. A network is forced to name an
exercise that it was taught; the exercises of the source that it was not taught are missed. Which groups are labelled is
drawn once; the groups that are tested are the same in all columns. 95 % intervals are over the tested groups. The last
row scores the tested clips of all sources together. Clips that show the movement only partly teach, but are not tested.
Prints a Markdown table; takes about 10 minutes on two cores.
"""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.core.params import Params, load_params
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.corpus.pairs import PhotoPair
from fitness_tracker.corpus.teaching import corpus_to_teach
from fitness_tracker.evaluation.intervals import f1_interval, macro_f1
from fitness_tracker.models.pose.batches import PoseSettings
from fitness_tracker.models.pose.dataset import Classes, PoseData, find_classes
from fitness_tracker.models.pose.features import JOINTS, PointTracks, tracks_from_landmarks
from fitness_tracker.models.pose.training import Task, ask_held_out, fit_members
from fitness_tracker.models.training import random_stream

SOURCES = 5
LABELLED = (0, 1, 3, 5)  # groups


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--sources", type=int, default=SOURCES)
    args = parser.parse_args()
    with exit_with_message("few"):
        params = load_params()
        clips = corpus_to_teach(args.corpus, {}, print)
        tracks = {clip.id: tracks_from_landmarks(read_corpus_landmarks(clip.path), JOINTS) for clip in clips}
        head = [f"{number} groups, {way}" for way in ("alone", "with the corpus") for number in LABELLED][1:]
        print(f"| source | groups and clips tested | {' | '.join(head)} |\n|{' --- |' * (len(head) + 2)}", flush=True)
        answers = []
        for number, source in enumerate(largest_sources(clips, args.sources)):
            answers.append(answers_of(clips, tracks, source, params))
            print(f"| {number + 1} | {scores(answers[-1])} |", flush=True)
        print(f"| together | {scores(pd.concat(answers))} |")


def largest_sources(clips: Sequence[CorpusClip], number: int) -> list[str]:
    """Those with the most groups that show all of an exercise, and at least two exercises."""
    shown = [clip for clip in clips if clip.exercise != NONE and clip.visibility == "clear"]
    sources = sorted({clip.source for clip in shown})
    groups = {source: len({clip.group for clip in shown if clip.source == source}) for source in sources}
    wide = [one for one in sources if len({clip.exercise for clip in shown if clip.source == one}) > 1]
    return sorted(wide, key=lambda source: -groups[source])[:number]


def answers_of(
    clips: Sequence[CorpusClip], tracks: dict[str, PointTracks], source: str, params: Params
) -> pd.DataFrame:
    """A row for each tested clip of a source: truth, group, and a numbered column for what each network names."""
    own = [clip for clip in clips if clip.source == source]
    groups = sorted({clip.group for clip in own if clip.exercise != NONE})
    order = [groups[n] for n in random_stream(params.train.seed).permutation(len(groups))]
    labelled, tested = order[: max(LABELLED)], set(order[max(LABELLED) :])
    test = [clip for clip in own if clip.group in tested and clip.exercise != NONE and clip.visibility == "clear"]
    others = [clip for clip in clips if clip.source != source and clip.group not in {one.group for one in own}]
    tasks, names = [], []
    for rest in ([], others):
        for number in LABELLED:
            train = rest + [clip for clip in own if clip.group in labelled[:number]]
            if not train:
                continue
            exercises = [*sorted({clip.exercise for clip in train} - {NONE}), NONE]
            classes = find_classes({clip.label: clip.exercise for clip in train}, exercises)
            settings = PoseSettings(params.train, params.pose, params.pose_augmentation, params.extract.fps)
            learnt, held_out = (data_of(some, tracks, classes) for some in (train, test))
            tasks.append(Task(learnt, held_out, [0], classes.exercises, settings))
            names.append(exercises)
    table = pd.DataFrame({"truth": [clip.exercise for clip in test], "group": [clip.group for clip in test]})
    for number, (fitted, task, exercises) in enumerate(zip(fit_members(tasks), tasks, names, strict=True)):
        table[number] = [exercises[int(of_clip[:-1].argmax())] for of_clip in ask_held_out(fitted, task)]
    return table


def scores(table: pd.DataFrame) -> str:
    """The cells of a row: how many groups and clips, and macro F1 of each network."""
    truth, group = table["truth"].to_numpy(), table["group"].to_numpy()
    cells = [f"{len(set(group))}, {len(table)}"]
    for number in table.columns[2:]:
        low, high = f1_interval(truth, table[number].to_numpy(), group)
        cells.append(f"{macro_f1(truth, table[number].to_numpy()):.2f} ({low:.2f} to {high:.2f})")
    return " | ".join(cells)


def data_of(clips: Sequence[CorpusClip | PhotoPair], tracks: dict[str, PointTracks], classes: Classes) -> PoseData:
    """Labels that are not among the `classes` become 'none'; only tested clips have such."""
    shown = [clip.label if clip.label in classes.labels else NONE for clip in clips]
    return PoseData([tracks[clip.id] for clip in clips], classes.numbers(shown), np.array([c.group for c in clips]))


if __name__ == "__main__":
    main()
