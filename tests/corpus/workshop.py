"""A small corpus to build and to spoil."""

import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.corpus.catalog import CorpusClip, read_corpus
from tests.projects import ROOT, run


class Workshop:
    """A corpus of two drawn clips in `corpus`, made from `videos`."""

    def __init__(self, folder: Path, networks: Path) -> None:
        self.videos, self.corpus, self.networks = folder / "videos", folder / "corpus", networks

    def build(self, *arguments: str | Path) -> CompletedProcess[str]:
        places = ("--corpus", str(self.corpus), "--networks", str(self.networks))
        return run(ROOT, sys.executable, "corpus/build.py", *map(str, arguments), *places)

    def clip(self, label: str) -> CorpusClip:
        return next(clip for clip in read_corpus(self.corpus) if clip.label == label)

    def edit(self, old: str, new: str) -> None:
        path = self.corpus / "catalog.csv"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new, 1))


def told(function: Callable[[Path], object], path: Path) -> str:
    """The one line that it says."""
    with pytest.raises(UserError) as error:
        function(path)
    assert "\n" not in str(error.value)
    return str(error.value)
