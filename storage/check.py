"""Is all data that dvc.lock and the .dvc files name in the remote? Needs no data here. If not: a line each.

`dvc data status --not-in-remote` (DVC 3.67) takes a folder for complete if its list is there.
"""

import sys
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.db import HashFileDB
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectDBError


def wanted(repo: Repo, remote: HashFileDB) -> Iterator[tuple[str, str]]:
    """(object, what it is) for every cached out, and for what is in folders whose list the remote has."""
    for out in repo.index.outs:
        if not (out.use_cache and out.hash_info):
            continue
        yield out.hash_info.value, str(out)
        if out.hash_info.isdir:
            try:
                tree = Tree.load(remote, out.hash_info)
            except (FileNotFoundError, ObjectDBError):
                continue  # its list is not there, which is told
            for key, (_, hash_info) in tree.iteritems():
                yield hash_info.value, "/".join((str(out), *key))


def main() -> None:
    try:
        with Repo() as repo:
            remote = repo.cloud.get_remote_odb(None, "check")
            names = dict(wanted(repo, remote))
            there = set(remote.oids_exist(list(names)))
    except (DvcException, OSError, BotoCoreError) as error:
        sys.exit(f"check: {error}")
    lost = sorted(name for oid, name in names.items() if oid not in there)
    for name in lost:
        print(f"not in the remote: {name}")
    if lost:
        sys.exit(
            f"check: {len(lost)} of {len(names)} objects are not in the remote; 'dvc push' from where the data are"
        )
    print(f"check: all {len(names)} objects are in the remote")


if __name__ == "__main__":
    main()
