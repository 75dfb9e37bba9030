"""Items of a STAC catalogue among the inputs: the assets and bands that their bands are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rios_flows.basics.types import Key, label_of
from rios_flows.rioserrors import ParameterError


def assets_of_items(inputs: Any, options: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return inputs with assets in place of items whose bands are chosen by name, and the bands."""
    given, chosen = options.get("bands"), dict(options)
    if given is None:
        return inputs, chosen
    if isinstance(inputs, Mapping):
        if any(_choosing(entry) for entry in inputs.values()):
            inputs, chosen["bands"] = _by_name(inputs, given)
        return inputs, chosen
    choose = _choosing(inputs)
    if choose is not None and not isinstance(given, Mapping):
        inputs, chosen["bands"] = choose(inputs, given)
    return inputs, chosen


def _by_name(inputs: Mapping[str, Any], given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    files = dict(inputs)
    bands = dict(given) if isinstance(given, Mapping) else dict.fromkeys(files, given)
    for name, entry in inputs.items():
        choose = _choosing(entry)
        if choose is None or bands.get(name) is None:
            continue
        try:
            files[name], bands[name] = choose(entry, bands[name])
        except ParameterError as error:
            raise ParameterError(f"input '{name}': {error}") from None
    return files, bands


def _choosing(entry: object) -> Callable[[Any, Any], tuple[Any, Any]] | None:
    """Return what chooses bands of an item, or of a list of items, as of several dates."""
    if _is_item(entry):
        return _chosen
    several = isinstance(entry, list | tuple) and bool(entry)
    return _of_each if several and all(map(_is_item, entry)) else None  # type: ignore[call-overload]


def told_by_catalogue(inputs: Mapping[str, Any]) -> dict[Key, dict[str, Any]]:
    """Return what a catalogue tells of inputs, by their keys, as fields of their options."""
    found = {}
    for name, entry in inputs.items():
        several = isinstance(entry, list | tuple)
        for number, each in enumerate(entry) if several else [(None, entry)]:
            if type(each).__module__.startswith("pystac"):
                # few runs have any
                from rios_flows.inputs.stac import told_of

                try:
                    found[name, number] = told_of(each)
                except ParameterError as error:
                    key = label_of((name, number))
                    raise ParameterError(f"input '{key}': {error}") from None
    return found


def _is_item(entry: object) -> bool:
    if not type(entry).__module__.startswith("pystac"):
        return False
    # few runs have any
    from rios_flows.inputs.stac import is_item

    return is_item(entry)


def _of_each(items: Any, given: Any) -> tuple[Any, Any]:
    """Return the assets of several items, which must have the bands at the same numbers."""
    places, bands = zip(*(_chosen(item, given) for item in items), strict=True)
    if any(isinstance(place, list) for place in places):
        raise ParameterError(
            f"bands {given!r} are in several files of each item; choose one, and give the items "
            "for others to inputs of their own"
        )
    if any(other != bands[0] for other in bands):
        raise ParameterError(
            f"bands {given!r} have other numbers in some of the items; give their assets, and "
            "choose bands of each input by number"
        )
    return list(places), bands[0]


def _chosen(item: Any, given: Any) -> tuple[Any, Any]:
    from rios_flows.inputs.stac import chosen_of

    single = isinstance(given, str)
    names = [given] if single else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        return item, given
    place, bands = chosen_of(item, names)
    return place, bands[0] if single and isinstance(bands, list) else bands
