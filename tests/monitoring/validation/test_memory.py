"""Files are read in chunks: what is held does not grow with the file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlrun_like.monitoring.validation.columns import CHUNK, open_data
from mlrun_like.serving.batch.sources import open_source

ROWS = 12 * CHUNK


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file of many row groups, 50 MB."""
    path = tmp_path_factory.mktemp("memory") / "large.parquet"
    chance = np.random.default_rng(0)
    table = pa.table({f"f{number}": chance.normal(size=ROWS) for number in range(8)})
    pq.write_table(table, path, row_group_size=CHUNK, compression="none")
    return str(path)


def _validated(path: str) -> Iterator[Any]:
    return open_data(Path(path)).chunks()


def _served(path: str) -> Iterator[Any]:
    return open_source(path).chunks(CHUNK)


@pytest.mark.parametrize("chunks", [_validated, _served])
def test_a_parquet_file_is_not_kept(file: str, chunks: Callable[[str], Iterator[Any]]) -> None:
    pool = pa.default_memory_pool()
    before, held = pool.bytes_allocated(), []
    for chunk in chunks(file):
        held.append(pool.bytes_allocated() - before)
        del chunk
    assert len(held) == 12
    assert max(held[6:]) < 1.3 * max(held[:6]), "memory grows from chunk to chunk"
