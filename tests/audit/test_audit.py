"""The audit on drawn clips, some of which are spoilt on purpose."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from fitness_tracker.audit import audit as audit_module
from fitness_tracker.audit.audit import audit
from fitness_tracker.audit.checks import find_few_groups, find_no_movement
from fitness_tracker.audit.copies import same_video
from fitness_tracker.audit.findings import Finding, finding_lines, findings_page
from fitness_tracker.audit.fingerprints import Fingerprint
from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.params import Limits, load_params
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from tests.projects import ROOT, run

GROUP = "^(.+?)__"
RNG = np.random.default_rng(0)


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def found(drawn: Path, networks_folder: Path) -> list[Finding]:
    return audit(
        find_clips(drawn / "videos"), read_networks(networks_folder), GROUP, Limits(), ResultCache(cache_folder())
    )[0]


@pytest.fixture(scope="module")
def spoilt(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn clips, with one of everything that the audit looks for."""
    videos = tmp_path_factory.mktemp("spoilt") / "videos"
    shutil.copytree(drawn / "videos", videos)
    one, other = (videos / f"squat/person0{n}__1.mp4" for n in (1, 2))
    ffmpeg("-ss", "0.5", "-i", one, "-vf", "eq=brightness=0.01", "-crf", "32", videos / "squat/zoe__copy.mp4")
    ffmpeg("-i", other, "-crf", "30", videos / "jumping_jack/person02__squats.mp4")
    ffmpeg("-i", videos / "squat/person04__1.mp4", "-vf", "hflip", videos / "squat/yan__mirrored.mp4")
    for path in sorted((videos / "plank").glob("*.mp4")):  # bars in a corner, like writing
        bars = ",".join(
            f"drawbox=x=iw*{0.05 + 0.03 * n}:y=ih*0.86:w=iw*0.012:h=ih*0.1:t=fill:c=white" for n in range(8)
        )
        whole = "scale=640:480:force_original_aspect_ratio=decrease,pad=640:480:-1:-1"
        ffmpeg("-i", path, "-vf", f"{whole},{bars}", "-crf", "18", path.with_name("new.mp4"))
        path.with_name("new.mp4").replace(path)
    (videos / "lunge").mkdir()
    for n, colour in enumerate(("red", "blue", "green")):  # three groups before one wall
        source = "smptebars=size=640x480:rate=10:duration=2"
        box = f"drawbox=x=200+60*{n}:y='100+60*sin(t*{n + 2})':w=80:h=120:t=fill:c={colour}"
        ffmpeg("-f", "lavfi", "-i", source, "-vf", box, videos / f"lunge/wall{n}__1.mp4")
    ffmpeg("-loop", "1", "-t", "2", "-i", picture_of(one, videos.parent / "one.png"), "-pix_fmt", "yuv420p",
           videos / "squat/anna__still.mp4")  # fmt: skip
    light = "drawbox=x='20+15*sin(5*t)':y=20:w=60:h=60:t=fill:c=white"  # moves in the corner while she stands
    stands = f"loop=loop=-1:size=1,scale=640:480,setsar=1,{light}"
    ffmpeg("-i", one, "-vf", stands, "-t", "2", videos / "squat/maria__stands.mp4")
    half = "scale=640:480,setsar=1,crop=320:480"
    two = f"[0:v]{half}[a];[1:v]{half}[b];[a][b]hstack"
    pair = ("-i", videos / "squat/person03__1.mp4", "-i", videos / "jumping_jack/person04__1.mp4")
    ffmpeg(*pair, "-filter_complex", two, videos / "squat/both__1.mp4")
    jump = "[0:v]trim=end=1,scale=640:480,setsar=1,fps=15[a];[1:v]scale=640:480,setsar=1,fps=15[b];[a][b]concat"
    ffmpeg("-i", one, "-i", other, "-filter_complex", jump, videos / "squat/cut__1.mp4")
    (videos / "squat/broken__1.mp4").write_bytes(b"no clip")
    shutil.copy(videos / "squat/person05__1.mp4", videos / "squat/nameless.mp4")
    return videos


def picture_of(clip: Path, target: Path) -> Path:
    ffmpeg("-i", clip, "-frames:v", "1", target)
    return target


@pytest.fixture(scope="module")
def audited(spoilt: Path, networks_folder: Path) -> tuple[list[Finding], dict[str, Fingerprint]]:
    return audit(find_clips(spoilt), read_networks(networks_folder), GROUP, Limits(), ResultCache(cache_folder()))


def of_kind(audited, kind: str) -> list[Finding]:
    return [one for one in audited[0] if one.kind == kind]


@pytest.mark.slow
def test_sound_clips_have_no_findings(found: list[Finding]) -> None:
    assert found == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clips", "text"),
    [
        ({"squat/person01__1", "squat/zoe__copy"}, "in two groups"),
        ({"jumping_jack/person02__squats", "squat/person02__1"}, "under two exercises"),
        ({"squat/nameless", "squat/person05__1"}, "in two groups"),
        ({"squat/yan__mirrored", "squat/person04__1"}, "in two groups"),
    ],
)
def test_copies_are_found_though_cut_and_coded_anew(audited, clips: set[str], text: str) -> None:
    (finding,) = (one for one in of_kind(audited, "copy") if set(one.clips) == clips)
    assert text in finding.text


@pytest.mark.slow
def test_only_copies_are_taken_for_copies(audited) -> None:
    true = {"copy": "person01", "squats": "person02", "nameless": "person05", "mirrored": "person04", "cut": "person0"}
    for finding in of_kind(audited, "copy"):
        names = " ".join(finding.clips)
        assert any(made in names and of in names for made, of in true.items()), finding


@pytest.mark.slow
def test_writing_at_one_place_is_found(audited) -> None:
    texts = [finding.text for finding in of_kind(audited, "mark")]
    assert any("clips of plank only" in text for text in texts)
    assert not any("squat" in text or "jumping_jack" in text for text in texts)


@pytest.mark.slow
def test_one_background_of_all_groups_is_found(audited) -> None:
    (finding,) = of_kind(audited, "one place")
    assert "3 of 3 clips of lunge" in finding.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "clip"),
    [
        ("no motion", "squat/anna__still"),
        ("no movement", "squat/maria__stands"),
        ("several people", "squat/both__1"),
        ("cut", "squat/cut__1"),
        ("nobody", "lunge/wall0__1"),
        ("no group", "squat/nameless"),
    ],
)
def test_odd_clips_are_found(audited, kind: str, clip: str) -> None:
    assert clip in {name for one in of_kind(audited, kind) for name in one.clips}


@pytest.mark.slow
def test_sound_clips_are_not_called_odd(audited) -> None:
    for kind in ("no motion", "no movement", "several people", "cut", "nobody"):
        for finding in of_kind(audited, kind):
            assert "person" not in finding.clips[0], finding


@pytest.mark.slow
def test_a_clip_that_does_not_decode_is_a_finding_and_stops_nothing(audited, spoilt: Path) -> None:
    (finding,) = of_kind(audited, "unreadable")
    assert "broken__1.mp4: does not decode" in finding.text
    assert len(audited[1]) == len(find_clips(spoilt)) - 1


@pytest.mark.slow
def test_the_table_has_a_line_for_each_finding_and_the_page_its_pictures(audited) -> None:
    findings, fingerprints = audited
    assert finding_lines(findings).count("\n") == len(findings) - 1
    text = findings_page(findings, fingerprints, Path("a<b"))
    assert "a&lt;b" in text
    assert text.count("<section") == len(findings)
    assert text.count("data:image/jpeg;base64,") >= len(findings) - 2


def test_the_command_fails_when_it_is_strict(project: Path, spoilt: Path, drawn: Path, networks_folder: Path) -> None:
    folder = str(spoilt)
    networks = ("--networks", str(networks_folder))
    assert run(project, "fitness-tracker", "audit", folder, *networks).returncode == 0
    done = run(project, "fitness-tracker", "audit", folder, *networks, "--strict")
    assert done.returncode == 1
    assert "several people" in done.stdout
    assert (project / "audit.html").read_text().startswith("<!doctype html>")
    sound = run(
        project, "fitness-tracker", "audit", str(drawn / "videos"), "--strict", "--networks", str(networks_folder)
    )
    assert sound.returncode == 0, sound.stdout
    assert "nothing was found" in sound.stdout


def test_an_exercise_of_few_groups_is_told() -> None:
    groups = {"squat/a__1": "a", "squat/b__1": "b", "squat/c__1": "c", "plank/a__1": "a", "plank/a__2": "a"}
    (finding,) = find_few_groups(groups)
    assert finding.clips == ("plank/a__1", "plank/a__2")
    assert "plank is shown by 1 group;" in finding.text


def test_who_keeps_still_is_found_where_others_move_but_not_in_a_hold_or_none_or_unseen() -> None:
    nothing = np.zeros(0)

    def of(exercise: str, *movements: float, found: float = 1.0) -> dict[str, Fingerprint]:
        return {
            f"{exercise}/{number}": Fingerprint(nothing, nothing, found, 0.0, 0.0, movement, b"")
            for number, movement in enumerate(movements)
        }

    clips = of("squat", 1.2, 0.9, 0.02) | of("plank", 0.3, 0.2, 0.02) | of("none", 1.2, 0.9, 0.02)
    clips |= of("lunge", 1.2, 0.9, 0.02, found=0.2)
    (finding,) = find_no_movement(clips)
    assert finding.clips == ("squat/2",)
    assert "than 0.02 torso lengths" in finding.text


def test_the_same_room_with_another_movement_is_no_copy() -> None:
    room = RNG.integers(0, 256, (24, 32))

    def clip(phase: float) -> np.ndarray:
        frames = np.tile(room, (12, 1, 1))
        for number, frame in enumerate(frames):
            top = int(8 + 6 * np.sin(number / 2 + phase))
            frame[top : top + 4, 14:18] = 250
        return frames.astype(np.uint8)

    assert same_video(clip(0), clip(0))
    assert same_video(clip(0)[3:9], clip(0))
    assert not same_video(clip(0), clip(np.pi))
    assert not same_video(clip(0), np.clip(clip(0).astype(int) + 40, 0, 255).astype(np.uint8)[:, ::-1])


def test_help_names_the_options() -> None:
    program = Path(sys.executable).parent / "fitness-tracker"
    shown = subprocess.run([program, "audit", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--strict" in shown
    assert "--page" in shown


def test_a_clip_beyond_the_limits_is_unreadable(squat_clip: Path, tmp_path: Path, networks_folder: Path) -> None:
    (tmp_path / "squat").mkdir()
    shutil.copy(squat_clip, tmp_path / "squat/person01__1.mp4")
    findings, _ = audit(
        find_clips(tmp_path), read_networks(networks_folder), GROUP, Limits(seconds=1), ResultCache(tmp_path / "cache")
    )
    assert "longer than limits.seconds, 1" in findings[0].text
    assert findings[0].kind == "unreadable"


def test_outside_of_a_project_its_parameters_are_ours() -> None:
    params = load_params(ROOT / "params.yaml")
    assert (params.split.group, params.cache_gb, params.limits) == (audit_module.GROUP, audit_module.CACHE_GB, Limits())
