"""No library of ours reports to anybody: what it would send, it first writes into the home folder."""

import os
import subprocess
import sys
from pathlib import Path

from ari_app.settings import PROJECT_ROOT

RUN_A_MODEL = """
from ari_app.engines.vad import SileroVad
from ari_app.settings import VadSettings
import numpy as np
SileroVad(VadSettings()).session().probability(np.zeros(512, np.float32))
"""


def test_a_model_that_runs_leaves_nothing_in_the_home_folder(tmp_path):
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")}
    subprocess.run(
        [sys.executable, "-B", "-c", RUN_A_MODEL], cwd=PROJECT_ROOT, env={**kept, "HOME": str(tmp_path)}, check=True
    )
    assert [file for file in Path(tmp_path).rglob("*") if file.is_file()] == []
