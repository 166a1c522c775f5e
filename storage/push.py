"""Pushes the run cache with all that its runs made, so that `dvc repro --pull` elsewhere runs none of them again.

`dvc push --run-cache` (DVC 3.67) pushes the records of the runs, but not the metrics and tables that Git keeps; without
them it can restore no stage that has any.
"""

import sys

from botocore.exceptions import BotoCoreError
from dvc.exceptions import DvcException
from dvc.repo import Repo


def main() -> None:
    try:
        with Repo() as repo:
            runs = repo.stage_cache.push(None)
            made = repo.stage_cache.get_used_objs(runs).values()
            pushed = repo.cloud.push(set().union(*made))
    except (DvcException, OSError, BotoCoreError) as error:
        sys.exit(f"push: {error}")
    if pushed.failed:
        sys.exit(f"push: {len(pushed.failed)} files that runs made did not get there; try again")
    print(f"push: {len(runs)} runs, {len(pushed.transferred)} files more of them")


if __name__ == "__main__":
    main()
