"""Where overlays and strips are written: a complete file or none, and never over the clip itself."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import staging_path
from fitness_tracker.prediction.inputs import is_clip


def plan_outputs(files: Sequence[Path], out: Path | None, option: str, suffix: str) -> dict[Path, Path]:
    """Clip to the file of its picture: `out`, or `<clip>.<option><suffix>` in `out` if that is a folder.

    In it the clips keep the folders that they lie in below the one that all of them share; their endings, too, where
    the name would be that of several. Empty if `out` is None. Raises `UserError` if `out` does not fit the clips, or a
    file cannot be written.
    """
    if out is None:
        return {}
    clips = [path for path in files if is_clip(path)]
    if out.is_dir():
        folders = {clip: clip.absolute().parent for clip in clips}
        shared = os.path.commonpath(folders.values()) if clips else ""
        names = Counter((folder, clip.stem) for clip, folder in folders.items())
        planned = {}
        for clip, folder in folders.items():
            name = clip.stem if names[folder, clip.stem] == 1 else clip.name
            planned[clip] = out / folder.relative_to(shared) / f"{name}.{option}{suffix}"
        if twice := [target for target, times in Counter(planned.values()).items() if times > 1]:
            raise UserError(f"--{option} {out}: two clips would become {min(twice)}; give them different names")
    elif len(files) > 1:
        raise UserError(
            f"--{option} {out}: is one file for {len(files)} inputs; make a folder of that name, or give one"
        )
    else:
        planned = dict.fromkeys(clips, out)
    if not clips:
        raise UserError(f"--{option} {out}: {files[0]} is no clip; it can be drawn for clips only")
    for clip, target in planned.items():
        if out.is_dir():
            make_folder(target.parent)
        check_output(clip, target, suffix)
    return planned


def make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be made ({error.strerror or error})") from None


def check_output(clip: Path, out: Path, suffix: str) -> None:
    """Raises `UserError` if `out`, whose name has to end in `suffix`, cannot be written, or is the clip itself."""
    if out.suffix.lower() != suffix:
        raise UserError(f"{out}: must end in {suffix}")
    try:
        if out.exists() and clip.exists() and out.samefile(clip):
            raise UserError(f"{out}: is the clip itself; write to another file")
        if out.exists() and not out.is_file():
            raise UserError(f"{out}: is {'a folder' if out.is_dir() else 'no file'}; name a file")
        tempfile.TemporaryFile(dir=out.parent).close()
        own_staging_path(out).touch()  # fails if the name is too long, or forbidden
        own_staging_path(out).unlink()
    except OSError as error:
        raise UserError(f"{out}: cannot be written ({error.strerror or error})") from None


def own_staging_path(out: Path) -> Path:
    """Of this process: two may write the same picture, if a file is named twice."""
    return staging_path(out.with_name(f"{out.name}.{os.getpid()}"))


@contextmanager
def whole_file(out: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which becomes `out` at the end of the block if no exception leaves it.

    It is on the same disk and has no name until it is complete, so nothing stays behind however this program ends.
    """
    with tempfile.TemporaryFile(dir=out.parent) as file:
        yield file
        staged = own_staging_path(out)
        try:
            file.seek(0)
            with staged.open("wb") as target:
                shutil.copyfileobj(file, target, 2**20)
            os.replace(staged, out)
        except OSError as error:
            raise UserError(f"{out}: cannot be written ({error.strerror or error})") from None
        finally:
            staged.unlink(missing_ok=True)
