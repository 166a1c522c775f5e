import os
import sys
from pathlib import Path

import pytest

from tests.projects import ROOT, run

PROGRAM = "from fitness_tracker.core import environment; import os; print(sorted(os.environ.items()))"
OTHERS = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "MATPLOTLIBRC": "/tmp/matplotlibrc",
    "KERAS_BACKEND": "torch",
    "KERAS_HOME": "/tmp/keras",
    "KERAS_MAX_EPOCHS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_XLA_FLAGS": "--tf_xla_auto_jit=2",
    "ONEDNN_MAX_CPU_ISA": "ALL",
    "OPENBLAS_CORETYPE": "SkylakeX",
}


def test_settings_for_other_programs_change_nothing() -> None:
    plain = run(ROOT, sys.executable, "-c", PROGRAM)
    assert run(ROOT, sys.executable, "-c", PROGRAM, **OTHERS).stdout == plain.stdout != ""


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings", ['"backend": "jax"', '"floatx": "float64"', '"image_data_format": "channels_first"']
)
def test_a_personal_keras_json_is_not_read(tmp_path: Path, settings: str) -> None:
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text("{" + settings + "}")
    program = (
        "import stages, keras; print(keras.backend.backend(), keras.config.floatx(), keras.config.image_data_format())"
    )
    done = run(ROOT, sys.executable, "-c", program, HOME=str(tmp_path), PATH=os.environ["PATH"])
    assert done.stdout == "tensorflow float32 channels_last\n", done.stderr
