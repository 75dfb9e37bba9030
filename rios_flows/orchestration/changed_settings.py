"""Other settings of Prefect for a while, without having all of them read and checked again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from prefect.context import SettingsContext, get_settings_context


@contextmanager
def changed_settings(group: str, **values: Any) -> Iterator[None]:
    """Change settings of one group, such as ``client``, as ``temporary_settings`` does.

    That one reads and checks all again, for some 70 ms; so ``values`` must be right.
    """
    known = get_settings_context()
    changed = getattr(known.settings, group).model_copy(update=values)
    settings = known.settings.model_copy(update={group: changed})
    with SettingsContext(profile=known.profile, settings=settings):
        yield
