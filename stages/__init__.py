"""The pipeline's stages, one script each.

The code that they run is that of `src` beside them, in whatever folder DVC runs them (its queue copies the project),
and whichever project the environment was made for. `dvc.lock` holds the hashes of these files, and of no others.
"""

import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src"
if not (SOURCE / "fitness_tracker").is_dir():
    sys.exit(f"stages: {SOURCE}/fitness_tracker is not there, and no other code may run in its place")
sys.path.insert(0, str(SOURCE))

from fitness_tracker.core import environment as environment  # noqa: E402
