"""Looking before a run needs no Prefect, and imports nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

LOOK = """
import sys
from rios_flows.controls.concurrency import CW_SUBPROC, ConcurrencyStyle
from rios_flows.doctor.examining import examine
found = examine(ConcurrencyStyle(0, 1, CW_SUBPROC, computeWorkersRead=True), sys.argv[1])
assert [each.what for each in found] == ["versions", "tempdir", "processors"], found
print([name for name in ("prefect", "distributed") if name in sys.modules])
"""


def test_prefect_is_not_imported(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "[]", done.stderr
