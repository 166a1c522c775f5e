"""Is all data that dvc.lock and the .dvc files of a checkout name in the remote? Needs no data. If not: a line each.

The remote is that of the folder in which this runs. The checkout may be another one, that nobody has looked at yet:
nothing in it is run or asked for a remote, its files are only read for hashes. (`dvc data status --not-in-remote`, DVC
3.67, evaluates dvc.yaml, and takes a folder for complete if its list is there.)
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml
from botocore.exceptions import BotoCoreError
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectDBError


def outs(checkout: Path) -> Iterator[tuple[str, str]]:
    """(hash, path) of every out that is not in Git.

    Raises `ValueError` if a file is not as DVC writes it. Symbolic links, which could lead elsewhere, are left out.
    """
    listed = subprocess.run(
        ["git", "-C", checkout, "ls-files", "--stage", "-z"], capture_output=True, check=True, text=True
    )
    tracked = {name: mode for mode, name in re.findall(r"(\d+) [^\t]+\t([^\0]+)\0", listed.stdout)}
    for name in (name for name, mode in tracked.items() if mode.startswith("100")):
        if Path(name).name != "dvc.lock" and Path(name).suffix != ".dvc":
            continue
        try:
            content = yaml.safe_load((checkout / name).read_bytes())
            stages = content["stages"].values() if Path(name).name == "dvc.lock" else [content]
            found = [
                (one["md5"], os.path.normpath(Path(name).parent / one["path"]))
                for stage in stages
                for one in stage.get("outs", [])
            ]
            if not all(re.fullmatch(r"[0-9a-f]{32}(\.dir)?", oid) for oid, _ in found):
                raise ValueError
        except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(f"{name!r} is not as DVC writes it") from None
        yield from ((oid, path) for oid, path in found if path not in tracked)


def wanted(checkout: Path, remote: HashFileDB) -> Iterator[tuple[str, str]]:
    """(hash, path) of every out, and of what is in folders whose list the remote has."""
    for oid, path in outs(checkout):
        yield oid, path
        if oid.endswith(".dir"):
            try:
                tree = Tree.load(remote, HashInfo("md5", oid))
            except (FileNotFoundError, ObjectDBError):
                continue  # its list is not there, which is told
            for key, (_, hash_info) in tree.iteritems():
                yield hash_info.value, "/".join((path, *key))


def main() -> None:
    checkout = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
    try:
        with Repo() as repo:
            remote = repo.cloud.get_remote_odb(None, "check")
            names = dict(wanted(checkout, remote))
            there = set(remote.oids_exist(list(names)))
    except (
        DvcException,
        RuntimeError,
        KeyError,
        OSError,
        ValueError,
        subprocess.CalledProcessError,
        BotoCoreError,
    ) as error:
        sys.exit(f"check: {error}")
    lost = sorted(name for oid, name in names.items() if oid not in there)
    for name in lost:
        print(f"not in the remote: {name if name.isprintable() else repr(name)}")
    if lost:
        sys.exit(
            f"check: {len(lost)} of {len(names)} objects are not in the remote; 'dvc push' from where the data are"
        )
    print(f"check: all {len(names)} objects are in the remote")


if __name__ == "__main__":
    main()
