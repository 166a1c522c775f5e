"""What the names of clips say about a training, before any clip is worked on."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from fitness_tracker.clips.folder import NONE, ClipsError
from fitness_tracker.clips.names import check_exercises, spelling_hints
from fitness_tracker.clips.split import check_groups
from fitness_tracker.corpus.catalog import all_groups, clips_to_teach, names_of, read_catalog


def check_names(
    groups: Mapping[str, str],
    chosen: Collection[str],
    corpus: Path | None,
    tell: Callable[[str], None],
    groups_needed: int = 2,
) -> None:
    """Raises `UserError` for what `train` would refuse, as far as names tell it.

    `groups` maps one's own clips to their groups, `chosen` are `exercises` of params.yaml, and `corpus` is its folder
    if it is learnt from. A frame network has three `groups_needed`: to learn from, stop by and test on. `tell` is given
    a line for each exercise that is named almost like another one, and one if the corpus shows none of the chosen.
    """
    own = {name.split("/")[0] for name in groups}
    catalog = read_catalog(corpus) if corpus else []
    for line in spelling_hints(own, names_of(catalog)):
        tell(line)
    taught = clips_to_teach(catalog, own)
    check_groups(found := all_groups(groups, taught))
    if len(set(found.values())) < groups_needed:
        raise ClipsError(f"{groups_needed} groups are needed, to learn from, stop by and test on; record more people")
    shown = {clip.exercise for clip in taught}
    check_exercises(chosen, (own | shown) - {NONE})
    if corpus and chosen and not shown & set(chosen):
        tell(
            "params.yaml: the corpus shows none of `exercises`: it teaches only 'none', and only your clips score them"
        )
