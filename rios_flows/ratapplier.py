"""Functions over blocks of rows of attribute tables, under RIOS's names."""

from rios_flows import rioserrors
from rios_flows.files import rat
from rios_flows.orchestration.tables import apply, copyRAT
from rios_flows.tables.blocks import (
    OtherArguments,
    RatApplierState,
    RatAssociations,
    RatBlockAssociation,
)
from rios_flows.tables.controls import (
    RCM_EQUALS_INPUT,
    RCM_FIXED,
    RCM_INCREMENT,
    RatApplierControls,
)
from rios_flows.tables.handles import RatHandle, RatZarrHandle

__all__ = [
    "RCM_EQUALS_INPUT",
    "RCM_FIXED",
    "RCM_INCREMENT",
    "OtherArguments",
    "RatApplierControls",
    "RatApplierState",
    "RatAssociations",
    "RatBlockAssociation",
    "RatHandle",
    "RatZarrHandle",
    "apply",
    "copyRAT",
    "rat",
    "rioserrors",
]
