from __future__ import annotations

import pytest

from mlrun_like.errors import NotFoundError
from mlrun_like.serving.stream_flow.context import Context


def test_secrets_parameters_and_tables() -> None:
    context = Context({"token": "s"}, {"limit": 3}, {"users": "a table"})
    assert (context.get_secret("token"), context.get_secret("other")) == ("s", None)
    assert (context.get_param("limit", 1), context.get_param("other", 1)) == (3, 1)
    assert context.get_table("users") == "a table"
    context.set_secret("other", "t")
    context.set_param("other", 2)
    context.set_table("items", "another")
    assert context.get_secret("other") == "t"
    assert context.get_param("other") == 2
    assert context.get_table("items") == "another"
    with pytest.raises(NotFoundError, match="Did you mean 'users'"):
        context.get_table("user")
