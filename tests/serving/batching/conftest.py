from __future__ import annotations

import pytest

from tests.serving.batching.models import AsyncModel, Model


@pytest.fixture(params=["short", "long", "async"])
def model(request: pytest.FixtureRequest) -> Model:
    kinds = {"short": Model(), "long": Model(0.004), "async": AsyncModel(0.001)}
    return kinds[request.param]
