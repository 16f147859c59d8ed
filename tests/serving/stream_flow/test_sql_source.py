from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from mlrun_like.errors import NotFoundError, StoreUnavailableError
from mlrun_like.serving.steps.ending import Reduce
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.sql_source import SQLSource

TABLE = "table_1; DROP DATABASE test;"


@pytest.fixture
def database(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'rows.db'}"
    engine = sa.create_engine(url)
    noon = pd.Timestamp(2017, 1, 1, 12)
    frame = pd.DataFrame(
        {"string": ["hello", None, "world"], "int": [1, 2, 3], "a b": [1.5, 2.5, 3.5], "time": noon}
    )
    with engine.begin() as connection:
        frame.to_sql(TABLE, connection, index=False)
    engine.dispose()
    return url


def events(source: SQLSource) -> list[tuple[Any, Any, Any]]:
    end = Reduce([], lambda kept, event: [*kept, event], full_event=True)
    found = build_flow([source, end]).run().await_termination()
    return [(event.key, event.body, event.id) for event in found]


def test_rows_of_a_table(database: str) -> None:
    noon = pd.Timestamp(2017, 1, 1, 12)
    source = SQLSource(database, TABLE, "string", id_field="int", time_fields=["time"])
    assert events(source) == [
        ("hello", {"string": "hello", "int": 1, "a b": 1.5, "time": noon}, 1),
        ("world", {"string": "world", "int": 3, "a b": 3.5, "time": noon}, 3),
    ]
    source = SQLSource(database, TABLE, ["int", "a b"], time_fields="time")
    assert [key for key, *_ in events(source)] == [[1, 1.5], [2, 2.5], [3, 3.5]]


def test_what_is_not_there(database: str, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no table 'other'"):
        events(SQLSource(database, "other"))
    with pytest.raises(ValueError, match="key column 'q' is missing"):
        events(SQLSource(database, TABLE, "q"))
    with pytest.raises(StoreUnavailableError, match="cannot be read"):
        events(SQLSource(f"sqlite:///{tmp_path / 'no' / 'rows.db'}", TABLE))
