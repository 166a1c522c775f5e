"""Pushes the run cache with all that its runs made, so that `dvc repro --pull` elsewhere runs none of them again.

`dvc push --run-cache` (DVC 3.67) pushes the records of the runs, but not the metrics and tables that Git keeps; without
them it can restore no stage that has any. And it pushes nothing once `dvc gc` has deleted outputs, as the records of
their runs stay; such runs are left out here.
"""

import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError
from dvc.exceptions import DvcException
from dvc.fs import generic
from dvc.repo import Repo


def is_complete(repo: Repo, record: Path) -> bool:
    """Are all outputs of a run in DVC's cache? What `dvc gc` deleted there, but Git kept, is put back."""
    run = repo.stage_cache._load_cache(record.parent.name, record.name)
    outs = repo.stage_cache._create_stage(run).outs if run else []
    for out in outs:
        if out.changed_cache() and out.exists and not out.changed_checksum():
            out.commit(relink=False)
    return bool(outs) and not any(out.changed_cache() for out in outs)


def main() -> None:
    try:
        with Repo() as repo:
            records = sorted(Path(repo.stage_cache.cache_dir).glob("*/*/*"))
            complete = [record for record in records if is_complete(repo, record)]
            made = repo.stage_cache.get_used_objs((record.parent.name, record.name) for record in complete).values()
            pushed = repo.cloud.push(set().union(*made))
            if pushed.failed:
                sys.exit(f"push: {len(pushed.failed)} files that runs made did not get there; try again")
            remote = repo.cloud.get_remote_odb(None, "push", hash_name="md5-dos2unix")
            places = [remote.fs.join(remote.path, "runs", *record.parts[-3:]) for record in complete]
            generic.copy(repo.cache.legacy.fs, list(map(str, complete)), remote.fs, places)
    except (DvcException, RuntimeError, KeyError, OSError, BotoCoreError) as error:
        sys.exit(f"push: {error}")
    left_out = len(records) - len(complete)
    print(
        f"push: {len(complete)} runs, {len(pushed.transferred)} files more of them"
        + (f"; {left_out} without their outputs left out" if left_out else "")
    )


if __name__ == "__main__":
    main()
