"""Clips that are added to a corpus, moved and taken out."""

import hashlib
import re
import shutil
from collections.abc import Callable

import pytest

from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.blazepose.tracker import find_landmarks
from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks, write_corpus_landmarks
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames
from tests.corpus.workshop import Workshop
from tests.projects import digests

pytestmark = pytest.mark.slow


def test_an_added_clip_has_its_row_and_the_landmarks_of_the_stages(workshop: Workshop, networks: dict) -> None:
    clip = workshop.clip("squat")
    source = (workshop.videos / "squat/person01__1.mp4").read_bytes()
    assert clip.sha256 == hashlib.sha256(source).hexdigest()
    assert clip.id == clip.sha256[:16] == clip.path.stem
    assert (clip.group, clip.source) == (short_hash("person01"), short_hash("videos"))
    assert (clip.exercise, clip.view, clip.visibility) == ("squat", "", "clear")
    expected = workshop.corpus / "expected.npz"
    expected.write_bytes(find_landmarks(extract_frames(resize_video(source, "pad"), 10, 90), **networks))
    assert clip.path.read_bytes() == write_corpus_landmarks(read_landmarks(expected))
    assert clip.seconds == len(read_corpus_landmarks(clip.path).times) / 10


def test_what_is_in_the_corpus_is_left_as_it_is(workshop: Workshop) -> None:
    workshop.edit("clear", "partly")
    before = digests(workshop.corpus)
    assert workshop.build(workshop.videos, "--source", "another").stdout.startswith("corpus: 2 clips, 0 of them new; 0")
    assert digests(workshop.corpus) == before


def test_a_renamed_clip_moves_and_keeps_what_people_wrote(workshop: Workshop) -> None:
    old = workshop.clip("squat")
    workshop.edit(f"clear,{old.sha256}", f"not,{old.sha256}")
    (workshop.videos / "lunge").mkdir()
    (workshop.videos / "squat/person01__1.mp4").rename(workshop.videos / "lunge/person02__1.mp4")
    (workshop.videos / "squat").rmdir()
    content = old.path.read_bytes()
    assert workshop.build(workshop.videos).stdout == "corpus: 2 clips, 0 of them new; 1 got another label or group\n"
    new = workshop.clip("lunge")
    assert (new.id, new.exercise, new.group, new.visibility) == (old.id, NONE, short_hash("person02"), "not")
    assert new.path.read_bytes() == content
    assert not old.path.exists()


def test_landmarks_are_made_anew_whatever_the_files_are_called(workshop: Workshop) -> None:
    before = digests(workshop.corpus)
    clip = workshop.clip("squat")
    clip.path.write_bytes(b"of an older tracker")
    (workshop.videos / "squat/person01__1.mp4").rename(workshop.videos / "squat/renamed.mp4")
    assert workshop.build(workshop.videos, "--remake").stdout == "corpus: 2 of 2 clips made anew\n"
    assert digests(workshop.corpus) == before


def test_a_clip_that_is_taken_out_leaves_no_row_and_no_file(workshop: Workshop) -> None:
    clip = workshop.clip("squat")
    assert workshop.build("--remove", clip.id).stdout == "corpus: 1 clips, 1 taken out\n"
    assert [kept.label for kept in read_corpus(workshop.corpus)] == ["plank"]
    assert clip.id not in (workshop.corpus / "catalog.csv").read_text()
    done = workshop.build("--remove", clip.id)
    assert (done.returncode, done.stderr) == (1, f"corpus: {workshop.corpus / 'catalog.csv'}: has no clip {clip.id}\n")


def test_a_bad_clip_is_named_and_the_others_are_added(workshop: Workshop, make_clip: Callable[..., bytes]) -> None:
    (workshop.videos / "squat/bad__1.mp4").write_bytes(b"no clip")
    (workshop.videos / "lunge").mkdir()
    (workshop.videos / "lunge/other__1.mp4").write_bytes(make_clip())
    done = workshop.build(workshop.videos)
    assert done.returncode == 1
    assert re.match(r"corpus: 1 clips failed, .*\n  \S+/squat/bad__1\.mp4: .+\n$", done.stderr)
    assert [clip.label for clip in read_corpus(workshop.corpus)] == ["lunge", "plank", "squat"]


def test_a_label_that_nobody_knows_is_told_before_any_work(workshop: Workshop) -> None:
    before = digests(workshop.corpus)
    (workshop.videos / "moonwalk").mkdir()
    (workshop.videos / "moonwalk/x__1.mp4").write_bytes(b"no clip")
    done = workshop.build(workshop.videos)
    assert done.stderr == f"corpus: {workshop.corpus}/exercises.csv: lacks moonwalk; add a line for each label\n"
    assert (done.returncode, digests(workshop.corpus)) == (1, before)


def test_a_file_under_two_labels_is_told(workshop: Workshop) -> None:
    shutil.copy(workshop.videos / "squat/person01__1.mp4", workshop.videos / "plank/twin__1.mp4")
    done = workshop.build(workshop.videos)
    assert done.returncode == 1
    assert re.fullmatch(r"corpus: \S+person01__1\.mp4: is the same file as \S+twin__1\.mp4; keep .*\n", done.stderr)
