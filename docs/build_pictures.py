"""Draw the pictures of the README and the documentation from a real run of the demo."""

from __future__ import annotations

import runpy
import shutil
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "img"


def main() -> None:
    """Run the demo, and keep its timeline and a smaller quicklook."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runpy.run_path(str(ROOT / "examples" / "demo.py"))["main"](folder)
        shutil.copy(folder / "timeline.png", TARGET)
        with Image.open(folder / "quicklook.png") as picture:
            small = picture.convert("RGB").resize((488, 409), Image.Resampling.LANCZOS)
        small.quantize(256).save(TARGET / "quicklook.png", optimize=True)


if __name__ == "__main__":
    main()
