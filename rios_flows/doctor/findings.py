"""Findings: what was looked at, how it is, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Literal, NamedTuple

from rios_flows.basics.errortext import text_of as text_of_error
from rios_flows.rioserrors import RiosError

#: Where an error does not say what to do.
_SEE = "mend that, and look again"

_NO_REMEDIES: Mapping[str, str] = MappingProxyType({})


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    what : str
        The thing.
    state : str
        "good", "note" (a run may work, or not as it should) or "bad".
    found : str
        How it is.
    remedy : str
        What mends it; empty where all is good.
    """

    what: str
    state: Literal["good", "note", "bad"]
    found: str
    remedy: str = ""


def text_of(finding: Finding) -> str:
    """Write a finding for people."""
    remedy = f"\n      {finding.remedy}" if finding.remedy else ""
    return f"{finding.state:<4}  {finding.what}: {finding.found}{remedy}"


def of_error(
    what: str, error: BaseException, remedies: Mapping[str, str] = _NO_REMEDIES
) -> Finding:
    """Return what an error of ours says: most messages end with what to do.

    Of others the remedy is told by the first words of `remedies` that the message has.
    """
    text = text_of_error(error)
    for words, remedy in remedies.items():
        if words in text:
            return Finding(what, "bad", text, remedy)
    first, line_end, log = text.partition("\n")
    found, _, remedy = first.rpartition("; ")
    if not found:
        found, _, remedy = first.rpartition(". ")
    if not found or not remedy:
        found, remedy = first, _SEE
    return Finding(what, "bad", found + line_end + log, remedy)


class Findings(list[Finding]):
    """Findings, as they come; an error of ours is one, too."""

    def add(
        self, what: str, state: Literal["good", "note", "bad"], found: str, remedy: str = ""
    ) -> None:
        """Add one."""
        self.append(Finding(what, state, found, remedy))

    @contextmanager
    def of(self, what: str, remedies: Mapping[str, str] = _NO_REMEDIES) -> Iterator[None]:
        """Have an error of a ``with`` block be a finding."""
        try:
            yield
        except RiosError as error:
            self.append(of_error(what, error, remedies))

    @property
    def bad(self) -> bool:
        """Whether anything is bad."""
        return any(each.state == "bad" for each in self)
