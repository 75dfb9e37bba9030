"""Functions over blocks of rows of attribute tables, under RIOS's names."""

from rios_flows import rioserrors
from rios_flows.files import rat
from rios_flows.tables.applying import apply
from rios_flows.tables.blocks import (
    OtherArguments,
    RatApplierState,
    RatAssociations,
    RatBlockAssociation,
    RatHandle,
)
from rios_flows.tables.controls import (
    RCM_EQUALS_INPUT,
    RCM_FIXED,
    RCM_INCREMENT,
    RatApplierControls,
)
from rios_flows.tables.copying import copyRAT

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
    "apply",
    "copyRAT",
    "rat",
    "rioserrors",
]
