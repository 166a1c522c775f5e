"""Adds the clips of FOLDERs, <FOLDER>/<label>/**/<group>__<name>.mp4, to the corpus, or takes clips out.

Run it in the project's folder. A clip is known by its SHA-256: one that is in the corpus is not computed again, and one
that has another label or group now gets it there, too. New ones count as 'clear'; edit `visibility` and `view` of their
rows in corpus/catalog.csv where you know better. After a change of the tracker, --remake makes the landmarks of clips
that are in the corpus anew, from FOLDERs that hold their files under any names; their rows stay.

--pairs makes the landmarks of the photo pairs that corpus/pairs.csv lists, <PHOTOS>/<id>__0.jpg and <id>__1.jpg.
"""

from fitness_tracker.core import environment as environment  # isort: split

import argparse
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.blazepose.tracker import pose_tracker
from fitness_tracker.clips.folder import Clip, find_clips, group_of, short_hash
from fitness_tracker.core.errors import UserError, exit_with_message, quiet_native_stderr
from fitness_tracker.core.params import CORPUS_FPS, Params, load_params
from fitness_tracker.corpus.catalog import CorpusClip, landmarks_path, read_catalog, read_exercises, write_catalog
from fitness_tracker.corpus.landmarks import clip_to_landmarks, read_corpus_landmarks
from fitness_tracker.corpus.pairs import make_pairs
from fitness_tracker.processing.process_clips import ClipResult, read_source, run_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import ClipError


def main() -> None:
    parser = argparse.ArgumentParser(prog="corpus", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--source", help="where the clips come from (the folder's name); only its hash is kept")
    parser.add_argument("--remove", nargs="+", metavar="ID", help="take these clips out")
    parser.add_argument("--remake", action="store_true", help="make the landmarks of clips in the corpus anew")
    parser.add_argument("--pairs", type=Path, metavar="PHOTOS", help="make the landmarks of the photo pairs")
    parser.add_argument("--corpus", type=Path, default=Path("corpus"))
    parser.add_argument("--networks", type=Path, default=Path("pretrained/models"))
    args = parser.parse_args()
    if sum(map(bool, (args.folders, args.remove, args.pairs))) != 1:
        parser.error("name FOLDERs to add, IDs to --remove, or the folder of PHOTOS of --pairs")
    with exit_with_message("corpus"):
        if args.remove:
            remove(args.corpus, args.remove)
            return
        sources = {clip: args.source or folder.resolve().name for folder in args.folders for clip in find_clips(folder)}
        with quiet_native_stderr():
            networks = read_networks(args.networks)
        if args.pairs:
            lost = make_pairs(args.corpus, args.pairs, pose_tracker(**networks))
            print("corpus: landmarks of all photo pairs" + "".join(f"\n  {name}: nobody is found" for name in lost))
            return
        if args.remake:
            bad = remake(args.corpus, sources, load_params(), networks)
        else:
            bad = add(args.corpus, sources, load_params(), networks)
        if bad:
            reasons = "".join(f"\n  {result.clip.path}: {result.reason}" for result in bad)
            raise UserError(f"{len(bad)} clips failed, the others are in the corpus:{reasons}")


def add(corpus: Path, sources: dict[Clip, str], params: Params, networks: dict[str, bytes]) -> list[ClipResult]:
    """Adds clips, each given with where it comes from; returns those that are bad."""
    exercises, rows = read_exercises(corpus), {row.sha256: row for row in read_catalog(corpus)}
    unknown = {clip.exercise for clip in sources} - set(exercises)
    if unknown:
        raise UserError(f"{corpus / 'exercises.csv'}: lacks {', '.join(sorted(unknown))}; add a line for each label")
    groups = {clip: short_hash(group_of(clip, params.split.group)) for clip in sources}
    clips, old = hash_clips(sources), set(rows.values())
    new = [clip for clip, sha256 in clips.items() if sha256 not in rows]

    def path_of(clip: Clip) -> Path:
        return landmarks_path(corpus, clip.exercise, clips[clip][:16])

    def write(clip: Clip, landmarks: bytes) -> None:
        path_of(clip).parent.mkdir(parents=True, exist_ok=True)
        path_of(clip).write_bytes(landmarks)

    bad = make_landmarks(new, write, params, networks)
    for clip in clips.keys() - {result.clip for result in bad}:
        sha256, path = clips[clip], path_of(clip)
        row = rows.get(sha256) or new_row(sha256, path, sources[clip])
        if path != row.path:
            write(clip, row.path.read_bytes())
        shown = exercises[clip.exercise]
        rows[sha256] = replace(row, label=clip.exercise, exercise=shown, group=groups[clip], path=path)
    save(corpus, rows.values(), old)
    moved = sum(rows[row.sha256] != row for row in old)
    print(f"corpus: {len(rows)} clips, {len(rows) - len(old)} of them new; {moved} got another label or group")
    return bad


def remake(corpus: Path, clips: Iterable[Clip], params: Params, networks: dict[str, bytes]) -> list[ClipResult]:
    """Makes the landmarks of clips in the corpus anew; returns those that are bad."""
    rows = {row.sha256: row for row in read_catalog(corpus)}
    hashes = {hashlib.sha256(clip.path.read_bytes()).hexdigest(): clip for clip in clips}
    paths = {clip: rows[sha256].path for sha256, clip in hashes.items() if sha256 in rows}

    def write(clip: Clip, landmarks: bytes) -> None:
        paths[clip].write_bytes(landmarks)

    bad = make_landmarks(list(paths), write, params, networks)
    print(f"corpus: {len(paths) - len(bad)} of {len(rows)} clips made anew")
    return bad


def make_landmarks(
    clips: Sequence[Clip], write: Callable[[Clip, bytes], None], params: Params, networks: dict[str, bytes]
) -> list[ClipResult]:
    """Calls `write` with the landmarks of each clip; returns those that are bad."""
    make = partial(clip_to_landmarks, quality=params.extract.jpeg_quality, limits=params.limits, **networks)
    results = run_clips(make, clips, "corpus", write, ResultCache(cache_folder(), params.cache_gb))
    return [result for result in results if result.reason]


def hash_clips(clips: Iterable[Clip]) -> dict[Clip, str]:
    """Each file's SHA-256, of equal ones the first; raises `UserError` for a file under two labels."""
    hashes: dict[Clip, str] = {}
    first: dict[str, Clip] = {}
    for clip in clips:
        try:
            sha256 = hashlib.sha256(read_source(clip.path)).hexdigest()
        except ClipError:
            sha256 = clip.name  # `run_clips` tells why
        same = first.setdefault(sha256, clip)
        if same.exercise != clip.exercise:
            raise UserError(f"{clip.path}: is the same file as {same.path}; keep it under one label")
        if same is clip:
            hashes[clip] = sha256
    return hashes


def new_row(sha256: str, path: Path, source: str) -> CorpusClip:
    """With label, exercise and group to be filled in."""
    seconds = round(len(read_corpus_landmarks(path)) / CORPUS_FPS, 1)
    return CorpusClip(sha256[:16], "", "", "", short_hash(source), seconds, "", "clear", sha256, path)


def remove(corpus: Path, ids: list[str]) -> None:
    rows = {row.id: row for row in read_catalog(corpus)}
    unknown = set(ids) - set(rows)
    if unknown:
        raise UserError(f"{corpus / 'catalog.csv'}: has no clip {', '.join(sorted(unknown))}")
    kept = [row for row in rows.values() if row.id not in ids]
    save(corpus, kept, rows.values())
    print(f"corpus: {len(kept)} clips, {len(rows) - len(kept)} taken out")


def save(corpus: Path, rows: Iterable[CorpusClip], old: Iterable[CorpusClip]) -> None:
    """The catalog, then deletes files of `old` rows that are in it no more: every row has its file at any moment."""
    write_catalog(corpus, rows)
    for path in {row.path for row in old} - {row.path for row in rows}:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
