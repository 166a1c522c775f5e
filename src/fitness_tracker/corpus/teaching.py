"""What is learnt from the corpus beside one's own clips."""

from collections.abc import Callable, Mapping
from pathlib import Path

from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.clips.names import spelling_hints
from fitness_tracker.corpus.catalog import CorpusClip, clips_to_teach, names_of, read_corpus
from fitness_tracker.corpus.landmarks import landmarks_hash, read_corpus_landmarks


def corpus_to_teach(folder: Path, own: Mapping[str, Path], tell: Callable[[str], None]) -> list[CorpusClip]:
    """The clips of the corpus to train on, those of `clips_to_teach` that are not also one's own.

    `own` maps the names of one's own clips to the files of their landmarks. `tell` is called with a line about each
    clip that is in both, and about each exercise that is named almost like one of the corpus. Raises `UserError` for a
    file that is not as it should be.
    """
    exercises = {name.split("/")[0] for name in own}
    known = {landmarks_hash(read_landmarks(path)): name for name, path in own.items()}
    clips, others = read_corpus(folder), []
    for line in spelling_hints(exercises, names_of(clips)):
        tell(line)
    for clip in clips:
        digest = landmarks_hash(read_corpus_landmarks(clip.path))
        same = known.get(digest) if digest else None
        if same:
            tell(f"{same}: is clip {clip.id} of the corpus, too; it counts once, as yours")
        else:
            others.append(clip)
    return clips_to_teach(others, exercises)
