"""One small cluster for all tests of Spark, started with the first that needs it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlrun_like.tracking.connect import close_stores
from tests.spark_servers import SparkCluster, spark_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkCluster]:
    """A standalone master with one worker of one core and 1 GiB."""
    with spark_cluster(tmp_path_factory.mktemp("spark")) as found:
        found.add_worker()
        yield found


@pytest.fixture(autouse=True)
def stores() -> Iterator[None]:
    """The store of a test ends with it."""
    yield
    close_stores()
