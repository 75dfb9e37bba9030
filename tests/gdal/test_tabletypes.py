"""Dates as GDAL keeps them, and the types that rasterio's GDAL may be too old for."""

from __future__ import annotations

import ctypes
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pyogrio._err
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rios_flows.gdal import tables
from rios_flows.gdal.tabletypes import (
    DATES,
    RECORD,
    Column,
    ColumnType,
    ColumnUsage,
    dates_of,
    records_of,
)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)), st.integers(-14 * 4, 14 * 4))
def test_dates_are_told_in_utc(when: datetime, quarters: int) -> None:
    when = when.replace(microsecond=when.microsecond // 1000 * 1000)
    zone = timezone(timedelta(minutes=15 * quarters))
    local = when.replace(tzinfo=UTC).astimezone(zone)
    record = np.zeros(1, RECORD)
    for name in ("year", "month", "day", "hour", "minute"):
        record[name] = getattr(local, name)
    record["second"] = local.second + local.microsecond / 1e6
    record["zone_hour"], record["zone_minute"] = divmod(15 * abs(quarters), 60)
    record["zone_positive"], record["valid"] = quarters >= 0, True
    assert dates_of(record)[0] == np.datetime64(when, "ms")
    again = records_of(np.array([when], DATES))
    assert [again[name][0] for name in ("year", "month", "day", "hour", "minute")] == [
        *when.timetuple()[:5]
    ]
    assert again["second"][0] == np.float32(when.second + when.microsecond / 1e6)


def test_no_date() -> None:
    assert not records_of(np.array(["NaT"], DATES))["valid"][0]
    assert np.isnat(dates_of(np.zeros(1, RECORD))[0])


def test_booleans_and_dates_where_gdal_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # pyogrio brings a newer GDAL than rasterio
    library: Any = ctypes.CDLL(pyogrio._err.__file__)
    if not hasattr(library, "GDALRATValuesIOAsDateTime"):
        pytest.fail("pyogrio's GDAL is too old for this test")
    monkeypatch.setattr(tables, "GDAL", library)
    tables.declare()
    tables._counts_from_first_row.cache_clear()
    dates = np.array(["2001-02-03T04:05:06.789", "NaT", "1969-12-31T23:59:59"], DATES)
    flags = np.array([True, False, True])
    try:
        with tables.copied(None) as table:
            table.create(Column("flag", ColumnType.Boolean, ColumnUsage.Generic))
            table.create(Column("date", ColumnType.DateTime, ColumnUsage.Generic))
            table.set_rows(4)
            table.write(0, 1, flags)
            table.write(1, 1, dates)
            assert [column.type for column in table.columns] == [3, 4]
            np.testing.assert_array_equal(table.read_booleans(0, 1, 3), flags)
            np.testing.assert_array_equal(table.read_dates(1, 1, 3), dates)
            assert table.read_texts(1, 1, 1)[0].startswith(b"2001-02-03T04:05:06.789")
    finally:
        monkeypatch.undo()
        tables._counts_from_first_row.cache_clear()
