"""Controls, declared as fields of the options."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

from rios_flows.controls.checks import Check
from rios_flows.controls.environment import Variable
from rios_flows.controls.words import value_of
from rios_flows.rioserrors import ParameterError


@dataclass(frozen=True, slots=True)
class Control:
    """One control, as a field of the options declares it."""

    name: str
    default: Any
    check: Check
    about: str
    setter: str = ""
    unit: str = ""
    variable: Variable | None = None
    # what JSON may say in place of a value
    words: Mapping[str, Any] = field(default_factory=dict)
    scope: str = ""
    field: str = ""
    annotation: str = ""
    # its name as an option of ``rios_flows.apply``, where that is not the field's; None for none
    plain: str | None = ""

    @property
    def per_image(self) -> bool:
        """Whether one image may have a value of its own."""
        return self.scope != "run"

    def own_default(self) -> Any:
        """Return a default that its holder may change: the environment's, else the built-in one."""
        value = self.default if self.variable is None else self.variable.value(self.default)
        return list(value) if type(value) is tuple else copy.copy(value)

    def from_json(self, words: Any) -> Any:
        """Return the value that ``words.readable`` has put into these words."""
        if isinstance(words, str) and words in self.words:
            return self.words[words]
        return value_of(words, self.annotation, self.default)

    def checked(self, value: Any, image: str | None = None) -> Any:
        """Return a value, for all images or for one, in its frozen form."""
        try:
            return self.check(value)
        except ValueError as error:
            whose = "" if image is None else f" for image '{image}'"
            raise ParameterError(
                f"{self.setter}: {self.name}={value!r}{whose} is not right: it must be {error}"
            ) from None


def control(name: str, default: Any, check: Check, about: str, **more: Any) -> Any:
    """Declare a control as a field of options; with a scope of its own, a mapping by image."""
    known = {"control": Control(name, default, check, about, **more)}
    if "scope" in more:
        return field(default_factory=dict, metadata=known)
    if default.__hash__ is None:
        return field(default_factory=lambda: copy.copy(default), metadata=known)
    return field(default=default, metadata=known)


@cache
def declared(options: type) -> tuple[Control, ...]:
    """Return the controls that a class of options declares."""
    return tuple(
        replace(
            found,
            field=each.name,
            setter=found.setter or f"set{found.name[0].upper()}{found.name[1:]}",
            scope=found.scope or vars(options)["scope"],
            annotation=str(each.type),
            plain=each.name if found.plain == "" else found.plain,
        )
        for each in fields(options)
        if (found := each.metadata.get("control")) is not None
    )


def same(first: Any, second: Any) -> bool:
    """Tell whether two frozen values are equal; NaN equals NaN."""
    return bool(first == second) or bool(first != first and second != second)
