"""What holds for all tests."""

from __future__ import annotations

import os

from hypothesis import settings

# examples are drawn from files and arrays too, which a busy machine may make slow
settings.register_profile("default", deadline=None, max_examples=60)
# the same examples in every run: what fails there fails again here
settings.register_profile("ci", deadline=None, max_examples=60, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI", "").lower() in ("true", "1") else "default")
