"""Stands in for any stage, in no time: writes the outs that dvc.yaml declares, made of its dependencies and params.

The answers name every second clip wrongly where `train.model` is cnn, and none where it is pose.
"""

import hashlib
import json
import sys
from pathlib import Path

import yaml

PARAMS = yaml.safe_load(Path("params.yaml").read_text())
STAGE = yaml.safe_load(Path("dvc.yaml").read_text())["stages"][Path(sys.argv[0]).stem]
RIGHT = PARAMS["train"]["model"] == "pose"


def answers() -> str:
    rows = [f"{n:016x},{n // 4},squat,{'squat' if RIGHT or n % 2 else 'none'},0.5\n" for n in range(80)]
    return "clip,group,truth,answer,confidence\n" + "".join(rows)


def main() -> None:
    digest = hashlib.sha256(json.dumps([PARAMS[name.split(".")[0]] for name in STAGE.get("params", [])]).encode())
    for place in (Path(dep.replace("${videos}", PARAMS["videos"])) for dep in STAGE["deps"]):
        for path in sorted(place.rglob("*.*")) if place.is_dir() else [place]:
            digest.update(path.read_bytes() if path.is_file() and path.suffix != ".pyc" else b"")
    for path in map(Path, STAGE["outs"]):
        file = path if path.suffix else path / "file.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{path} {digest.hexdigest()}")
    for path in (Path(path) for kind in ("metrics", "plots") for entry in STAGE.get(kind, []) for path in entry):
        path.parent.mkdir(exist_ok=True)
        score = {"f1": 1.0 if RIGHT else 2 / 3} if path.stem == "evaluate" else {"train_loss": 0.5}
        path.write_text(json.dumps(score) if path.suffix == ".json" else answers())


main()
