from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.gateway.zygotes import ZygoteProcess


@pytest.fixture(scope="package")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ZygoteProcess]:
    """One zygote for all tests of workers; every test has workers of its own."""
    folder = tmp_path_factory.mktemp("zygote")
    with ZygoteProcess(folder, MLRUN_LIKE_HOME=str(folder / "home")) as made:
        made.until("ready")
        yield made
