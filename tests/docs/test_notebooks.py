"""The notebooks of the examples run from top to bottom, and their results show themselves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
# what ipykernel's client leaves open for a moment
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")
def test_first_steps(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "data", tmp_path / "data")
    notebook: Any = nbformat.read(EXAMPLES / "first-steps.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.get("outputs") for cell in notebook.cells), "keep it without outputs"
    # the kernel of this environment, whatever others are registered
    environment = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")}
    client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
    client.execute(env=environment)
    shown = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    kinds = [{kind for output in outputs for kind in output.get("data", ())} for outputs in shown]
    assert "text/html" in kinds[0]
    assert "image/png" in kinds[2]
    assert (tmp_path / "index.tif").exists()
    assert not (tmp_path / "never.tif").exists()
    assert "name 'gren' is not defined" in shown[-1][0]["text"]
