"""Items of a STAC catalogue among the inputs: the files and bands that their bands are in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rios_flows.rioserrors import ParameterError


def files_of_items(inputs: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return inputs with files in place of items whose bands are chosen by name, and the bands."""
    given, chosen = options.get("bands"), dict(options)
    if given is None:
        return inputs, chosen
    if not isinstance(inputs, Mapping):
        if _is_item(inputs) and not isinstance(given, Mapping):
            inputs, chosen["bands"] = _chosen(inputs, given)
        return inputs, chosen
    if not any(map(_is_item, inputs.values())):
        return inputs, chosen
    files = dict(inputs)
    bands = dict(given) if isinstance(given, Mapping) else dict.fromkeys(files, given)
    for name, entry in inputs.items():
        if _is_item(entry) and bands.get(name) is not None:
            try:
                files[name], bands[name] = _chosen(entry, bands[name])
            except ParameterError as error:
                raise ParameterError(f"input '{name}': {error}") from None
    return files, {**chosen, "bands": bands}


def _is_item(entry: object) -> bool:
    if not type(entry).__module__.startswith("pystac"):
        return False
    # few runs have any
    from rios_flows.inputs.stac import is_item

    return is_item(entry)


def _chosen(item: Any, given: Any) -> tuple[Any, Any]:
    from rios_flows.inputs.stac import chosen_of

    single = isinstance(given, str)
    names = [given] if single else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return item, given
    place, bands = chosen_of(item, names)
    return place, bands[0] if single and isinstance(bands, list) else bands
