"""What flows tell: their log when verbose, the newest time written, addresses that are none."""

# mypy: disable-error-code="import-not-found,misc"

from __future__ import annotations

import sys
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError


@pytest.mark.parametrize("verbose", [True, False])
def test_a_verbose_flow_tells_of_each_step(compat: ModuleType, verbose: bool) -> None:
    import storey

    lines: list[str] = []
    context = SimpleNamespace(verbose=verbose, logger=SimpleNamespace(debug=lines.append))
    flow = [
        storey.SyncEmitSource(context=context),
        storey.Map(abs, name="a", context=context),
        storey.Map(abs, name="b", context=context),
    ]
    controller = storey.build_flow(flow).run()
    controller.emit(storey.Event(id="e1", body=-3))
    controller.terminate(wait=True)
    told = [
        "SyncEmitSource -> a | Event(id=e1, path=/, body=-3)",
        "a -> b | Event(id=e1, path=/, body=3)",
    ]
    assert lines == (told if verbose else [])


@pytest.mark.parametrize(
    ("text", "form", "found"),
    [
        (
            "2020-01-26 14:52:37.5",
            "%Y-%m-%d %H:%M:%S.%f",
            datetime(2020, 1, 26, 14, 52, 37, 500000),
        ),
        ("2020-01-26T14:52:37", None, datetime(2020, 1, 26, 14, 52, 37)),
        ("2020-01-26T14:52:37Z", None, datetime(2020, 1, 26, 14, 52, 37, tzinfo=timezone.utc)),
    ],
)
def test_the_newest_time_has_a_zone_if_its_text_has(
    compat: ModuleType, tmp_path: Path, text: str, form: str | None, found: datetime
) -> None:
    import storey

    target = storey.ParquetTarget(
        f"{tmp_path}/out/", columns=["t", "x"], partition_cols=[], time_field="t", time_format=form
    )
    controller = storey.build_flow([storey.SyncEmitSource(), target]).run()
    controller.emit({"t": text, "x": 1})
    controller.terminate(wait=True)
    assert target._last_written_event == found


@pytest.mark.parametrize("known", [True, False])
def test_an_address_that_is_none(
    compat: ModuleType, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    import storey

    class InvalidURL(Exception):
        def __init__(self, url: str, description: str) -> None:
            super().__init__(url, description)

    other: Any = SimpleNamespace(InvalidURL=InvalidURL) if known else None
    monkeypatch.setitem(sys.modules, "aiohttp", other)
    step = storey.SendToHttp(
        lambda _: storey.HttpRequest("GET", "nowhere", ""), lambda _, response: response.status
    )
    controller = storey.build_flow([storey.SyncEmitSource(), step, storey.Complete()]).run()
    with pytest.raises(InvalidURL if known else InvalidArgumentError, match="nowhere"):
        controller.emit(1).await_result()
    with pytest.raises(InvalidURL if known else InvalidArgumentError):
        controller.terminate(wait=True)
