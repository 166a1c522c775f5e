"""The corpus that ships, what is added to it and taken out, and what it says about files that are not right."""

import csv
import hashlib
import io
import re
import shutil
import sys
import zipfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from fitness_tracker.blazepose.landmarks import Landmarks, from_integers, read_landmarks, to_integers, write_landmarks
from fitness_tracker.blazepose.skeleton import FACE
from fitness_tracker.blazepose.tracker import find_landmarks
from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.clips.names import nearly_same
from fitness_tracker.core.errors import UserError
from fitness_tracker.corpus.catalog import CorpusClip, read_corpus, read_exercises
from fitness_tracker.corpus.landmarks import MAX_NPZ_BYTES, read_corpus_landmarks, write_corpus_landmarks
from fitness_tracker.corpus.teaching import corpus_to_teach
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames
from tests.conftest import ROOT, digests, render, run

SHIPPED = ROOT / "corpus"


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


@pytest.fixture(scope="session")
def first_workshop(tmp_path_factory: pytest.TempPathFactory, networks_folder: Path) -> Workshop:
    folder = tmp_path_factory.mktemp("workshop")
    render(folder, "--people", "1", "--exercises", "plank", "squat")
    for path in folder.glob("videos/*/*__[2-9].*"):
        path.unlink()
    workshop = Workshop(folder, networks_folder)
    workshop.corpus.mkdir()
    (workshop.corpus / "exercises.csv").write_text("label,exercise,why\nlunge,,1 group\nplank,plank,\nsquat,squat,\n")
    (workshop.corpus / "catalog.csv").write_text("id,label,group,source,seconds,view,visibility,sha256\n")
    done = workshop.build(workshop.videos)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "corpus: 2 clips, 2 of them new; 0 got another label or group\n"
    return workshop


@pytest.fixture
def workshop(first_workshop: Workshop, tmp_path: Path) -> Workshop:
    shutil.copytree(first_workshop.corpus.parent, tmp_path / "workshop")
    return Workshop(tmp_path / "workshop", first_workshop.networks)


@pytest.fixture
def landmarks() -> Landmarks:
    random = np.random.default_rng(0)
    image = np.concatenate([random.uniform(-4000, 4000, (6, 33, 3)), random.uniform(0, 1, (6, 33, 1))], axis=-1)
    found = np.array([True, False, True, True, True, True])
    rough = Landmarks(image, random.uniform(-8, 8, (6, 33, 3)), np.arange(6, dtype=np.float32) / 10, found)
    return from_integers(to_integers(rough))


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


def told(function: Callable[[Path], object], path: Path) -> str:
    """The one line that it says."""
    with pytest.raises(UserError) as error:
        function(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("id,label", "label,id", r"catalog\.csv: its first line must be id,label,group,"),
        (",plank,", ",plank,more,", r"catalog\.csv, line 2: must have 8 fields"),
        (",plank,", ",", r"catalog\.csv, line 2: must have 8 fields"),
        (",squat,", ",moonwalk,", r"catalog\.csv, line 3: label 'moonwalk' is not in exercises\.csv"),
        (",clear,", ",maybe,", r"catalog\.csv, line 2: visibility 'maybe' must be clear, partly or not"),
        (".0,,", ".x,,", r"catalog\.csv, line \d: seconds '\d\.x' must be a number"),
        (",clear,", ",clear,x", r"catalog\.csv, line 2: sha256 must be 64 hex digits"),
    ],
)
def test_a_bad_row_is_told(workshop: Workshop, old: str, new: str, expected: str) -> None:
    workshop.edit(old, new)
    assert re.search(expected, told(read_corpus, workshop.corpus))


def test_rows_that_are_not_of_one_another_are_told(workshop: Workshop) -> None:
    plank, squat = workshop.clip("plank"), workshop.clip("squat")
    catalog = (workshop.corpus / "catalog.csv").read_text()
    (workshop.corpus / "catalog.csv").write_text(catalog + catalog.splitlines()[1] + "\n")
    assert f"catalog.csv, line 4: {plank.id} is there twice" in told(read_corpus, workshop.corpus)
    (workshop.corpus / "catalog.csv").write_text(catalog.replace(plank.id, squat.id, 1))
    assert "catalog.csv, line 2: id must be the first 16 digits of sha256" in told(read_corpus, workshop.corpus)


@pytest.mark.parametrize("name", ["catalog.csv", "exercises.csv"])
def test_a_missing_or_unreadable_table_is_told(workshop: Workshop, name: str) -> None:
    (workshop.corpus / name).write_bytes(b"\xff\xfe")
    assert f"{name}: is no table in UTF-8" in told(read_corpus, workshop.corpus)
    (workshop.corpus / name).unlink()
    assert f"{name}: No such file or directory; restore it" in told(read_corpus, workshop.corpus)


def test_a_row_without_file_and_a_file_without_row_are_told(workshop: Workshop) -> None:
    path = workshop.clip("squat").path
    stray = path.rename(path.with_name("stray.npz"))
    assert told(read_corpus, workshop.corpus).startswith(f"{path}: is missing; ")
    shutil.copy(stray, path)
    assert told(read_corpus, workshop.corpus).startswith(f"{stray}: has no row with this label in ")


def test_all_but_the_face_is_read_as_it_was_written(landmarks: Landmarks, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(write_corpus_landmarks(landmarks))
    landmarks.image_landmarks[:, FACE] = landmarks.world_landmarks[:, FACE] = 0
    read = read_corpus_landmarks(path)
    for name, array in vars(landmarks).items():
        np.testing.assert_array_equal(getattr(read, name), array, strict=True)
    assert write_corpus_landmarks(read) == path.read_bytes()


def changed(data: bytes, **changes: object) -> bytes:
    """The `.npz` with other arrays, compressed."""
    target = io.BytesIO()
    with np.load(io.BytesIO(data)) as arrays:
        np.savez_compressed(target, **(dict(arrays) | changes))  # type: ignore[arg-type]
    return target.getvalue()


def claiming(size: int) -> bytes:
    """A small `.npz` whose `times` claim to be that many values."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, shape in (("format_version", ()), ("times", (size,))):
            head = io.BytesIO()
            np.lib.format.write_array_header_1_0(head, {"descr": "<i8", "fortran_order": False, "shape": shape})
            archive.writestr(f"{name}.npy", head.getvalue() + np.int64(1).tobytes())
    return target.getvalue()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (lambda data: b"", "is damaged"),
        (lambda data: b"rubbish", "is damaged"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: data[:600] + bytes(100) + data[700:], "is damaged"),
        (lambda data: changed(data, image=np.zeros((6, 33, 3), np.int16)), "is damaged"),
        (lambda data: changed(data, image=np.zeros((6, 23, 3), np.int32)), "is damaged"),
        (lambda data: changed(data, world=0), "is damaged"),
        (lambda data: changed(data, found=np.array([None])), "is damaged"),
        (lambda data: changed(data, format_version=2), "holds landmarks of format 2, not 1"),
        (
            lambda data: changed(data, times=np.array([0, 0.1, 0.3, 0.2, 0.4, 0.5], np.float32)),
            "its frames are not in the order of their times",
        ),
        (lambda data: changed(data, times=np.full(6, np.nan, np.float32)), "its frames are not in the order of"),
        (lambda data: changed(data, more=np.zeros(MAX_NPZ_BYTES, np.uint8)), "is larger than 32 MB when decompressed"),
        (lambda data: claiming(10**6), "is damaged"),
        (lambda data: claiming(10**14), "is damaged"),
        (lambda data: claiming(10**30), "is damaged"),
    ],
)
def test_a_file_that_holds_no_landmarks_is_told(
    landmarks: Landmarks, tmp_path: Path, damage: Callable[[bytes], bytes], expected: str
) -> None:
    path = tmp_path / "0123456789abcdef.npz"
    path.write_bytes(damage(write_corpus_landmarks(landmarks)))
    message = told(read_corpus_landmarks, path)
    assert message.startswith(f"{path}: {expected}")
    assert message.endswith("restore it, or take it out: python corpus/build.py --remove 0123456789abcdef")


def test_a_file_without_frames_or_that_is_not_there_is_told(landmarks: Landmarks, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    assert told(read_corpus_landmarks, path).startswith(f"{path}: No such file or directory; ")
    empty = Landmarks(*(array[:0] for array in vars(landmarks).values()))
    path.write_bytes(write_corpus_landmarks(empty))
    assert told(read_corpus_landmarks, path).startswith(f"{path}: holds no frame; ")


def test_what_ships_is_whole_small_and_without_faces() -> None:
    clips = read_corpus(SHIPPED)
    assert len(clips) > 900
    assert sum(path.stat().st_size for path in SHIPPED.rglob("*") if path.is_file()) <= 15e6
    for clip in clips:
        with np.load(clip.path) as arrays:
            assert {arrays[name].shape[1] for name in ("image", "world", "visibility")} == {33 - len(FACE)}
        read = read_corpus_landmarks(clip.path)
        assert not read.image_landmarks[:, FACE].any()
        assert not read.world_landmarks[:, FACE].any()
        assert clip.seconds == pytest.approx(len(read.times) / 10)


def test_what_ships_names_nobody() -> None:
    for clip in read_corpus(SHIPPED):
        assert re.fullmatch("[0-9a-f]{16} [0-9a-f]{16}", f"{clip.group} {clip.source}")
        assert clip.view in ("", "front", "side", "back", "oblique", "unknown")


def test_five_groups_or_more_show_what_is_taught() -> None:
    groups = defaultdict(set)
    for clip in read_corpus(SHIPPED):
        if clip.visibility != "not":
            groups[clip.exercise].add(clip.group)
    assert set(groups) == set(read_exercises(SHIPPED).values())
    assert len(groups) > 25
    assert {exercise for exercise, members in groups.items() if len(members) < 5} == set()


def test_every_label_has_a_reason_or_is_taught_as_itself() -> None:
    with (SHIPPED / "exercises.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [row["label"] for row in rows]
    assert labels == sorted(set(labels))
    assert [row for row in rows if row["exercise"] != row["label"] and not row["why"]] == []
    assert {clip.label for clip in read_corpus(SHIPPED)} == set(labels)


def test_what_is_taught_depends_on_ones_own_folders_and_a_clip_counts_once(tmp_path: Path) -> None:
    clips = read_corpus(SHIPPED)
    copied = next(clip for clip in clips if clip.label == "step_up" and clip.visibility == "clear")
    own = {"step_up/me__1": tmp_path / "1.npz"}
    own["step_up/me__1"].write_bytes(write_landmarks(read_corpus_landmarks(copied.path)))
    told: list[str] = []
    taught = corpus_to_teach(SHIPPED, own, told.append)
    assert told == [f"step_up/me__1: is clip {copied.id} of the corpus, too; it counts once, as yours"]
    assert len(taught) == sum(clip.visibility != "not" for clip in clips) - 1
    exercises = {clip.label: clip.exercise for clip in taught}
    assert (exercises["hammer_curl"], exercises["step_up"], exercises["jump_rope"]) == ("biceps_curl", "step_up", NONE)


def test_folders_that_are_named_almost_like_an_exercise_of_the_corpus_are_told(tmp_path: Path) -> None:
    own = {}
    for folder, label in (("Squat", "squat"), ("Push-Up", "push_up"), ("plank", "plank")):
        clip = next(clip for clip in read_corpus(SHIPPED) if clip.label == label)
        own[f"{folder}/person01__1"] = tmp_path / f"{label}.npz"
        own[f"{folder}/person01__1"].write_bytes(write_landmarks(read_corpus_landmarks(clip.path)))
    told: list[str] = []
    corpus_to_teach(SHIPPED, own, told.append)
    assert told[:2] == [
        "Push-Up: is taught as another exercise than 'push_up'; if it is the same, rename the folder",
        "Squat: is taught as another exercise than 'squat'; if it is the same, rename the folder",
    ]
    assert all("it counts once, as yours" in line for line in told[2:])


def test_no_two_labels_are_read_as_one() -> None:
    labels = read_exercises(SHIPPED).keys()
    assert [label for label in labels if nearly_same(label, labels - {label})] == []
