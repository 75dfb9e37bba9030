"""A module is imported when it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from rios_flows.workers import lazily

USES = [
    "alone.colour",
    "alone.inner.shape",
    "from alone import colour",
    "import alone.inner",
    "from alone.inner import shape",
]


@pytest.mark.parametrize("use", USES)
def test_a_module_is_imported_when_it_is_used(use: str, tmp_path: Path) -> None:
    package = tmp_path / "alone"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import sys; sys.began = True; colour = 1\nfrom . import inner\n"
    )
    (package / "inner.py").write_text("shape = 2\n")
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys\nfrom {lazily.__name__} import import_later\n"
        "import_later('alone')\nimport_later('no_such_module')\n"
        "assert 'no_such_module' not in sys.modules\n"
        "import alone\nassert not hasattr(sys, 'began')\n"
        f"{use}\nassert sys.began\n"
        "import alone.inner as again\nassert again.shape == 2\n"
        "assert sys.modules['alone'].colour == 1\n"
    )
    subprocess.run([sys.executable, script], check=True, cwd=tmp_path)


def test_boto3_is_left_alone_by_a_worker_until_it_is_wanted() -> None:
    program = (
        "import sys, rios_flows.workers.__main__\n"
        "assert 'botocore' not in sys.modules\n"
        "import rasterio.session\n"
        "assert rasterio.session.boto3.Session\n"
        "assert 'botocore' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
