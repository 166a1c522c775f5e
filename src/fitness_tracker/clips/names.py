"""Names that a person reads as one: what differs in case, Unicode form, hyphens, spaces or a plural only."""

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator

from fitness_tracker.core.errors import UserError

SEPARATORS = r"[\s_\-\u2010-\u2015]+"  # the last are the hyphens and dashes of Unicode


def fold_case(name: str) -> str:
    """The same for names that are equal but for case and Unicode form: macOS may hand over 'José' decomposed.

    The Unicode Standard, section 3.13, D145: canonical caseless matching; composed.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def canonical(name: str) -> str:
    """The same for names that are read as one: 'Push-Up', 'push up', 'push_up' and 'pushup' are 'pushup'."""
    return fold_case(re.sub(SEPARATORS, "", name))


def without_plurals(name: str) -> str:
    """`canonical` of the words' stems: the same for 'Lunges' and 'lunge', 'bicep curls' and 'biceps_curl'.

    Too short to be read, and 'flies' and 'fly' are the same, too: for a comparison that only suggests.
    """
    return "".join(re.sub("y$", "i", word.rstrip("es")) for word in re.split(SEPARATORS, fold_case(name)))


def nearly_same(name: str, known: Iterable[str]) -> str | None:
    """Of the `known` names the first that may be meant by `name`; nothing if it is itself known."""
    known = sorted(known)
    if name in known:
        return None
    for reading in (canonical, without_plurals):
        for other in known:
            if reading(other) == reading(name):
                return other
    return None


def spelling_hints(exercises: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """A line for each of one's own `exercises` that is nearly the same as another one, or as one that is `known`."""
    known = set(known)
    for exercise in sorted(exercises):
        if meant := nearly_same(exercise, known):
            yield f"{exercise}: is taught as another exercise than '{meant}'; if it is the same, rename the folder"
        known.add(exercise)


def check_exercises(chosen: Iterable[str], shown: Collection[str]) -> None:
    """Raises `UserError` if `exercises` of params.yaml names one that no clip shows."""
    for name in sorted(set(chosen) - set(shown)):
        meant = nearly_same(name, shown)
        advice = f"did you mean '{meant}'?" if meant else f"shown are: {', '.join(sorted(shown))}"
        raise UserError(f"params.yaml: exercises names {name}, which no clip shows; {advice}")
