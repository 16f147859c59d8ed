"""The example feature sets: what they give offline is what they give online at the same moment."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import mlrun_like.feature_store as fstore

EXAMPLES = Path(__file__).resolve().parents[2] / "feature_store"


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"example_{path.parent.name}_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _agree(vector: Any, rows: pd.DataFrame, time: str, key: str) -> None:
    joined = fstore.get_offline_features(vector, rows, time).to_dataframe()
    assert len(joined) == len(rows)
    last = rows[time].max()  # later moments only: nothing is known online of earlier ones
    with fstore.get_online_feature_service(vector) as service:
        for entity in sorted(rows[key].unique()):
            asked = pd.DataFrame({key: [entity], time: [last + pd.Timedelta("1min")]})
            offline = fstore.get_offline_features(vector, asked, time).to_dataframe()
            online = service.get([{key: entity}], at=last + pd.Timedelta("1min"))[0]
            for name, value in online.items():
                expected = offline[name].iloc[0]
                assert (value is None and pd.isna(expected)) or value == pytest.approx(expected)


def _stocks(definitions: Any, folder: Path) -> None:
    definitions.stocks().ingest(pd.read_csv(folder / "stocks.csv"))
    definitions.quotes().ingest(str(folder / "quotes.csv"))
    vector = definitions.vector()
    vector.save()
    trades = pd.read_csv(folder / "trades.csv", parse_dates=["time"])
    trades["time"] = trades["time"].max() + pd.Timedelta("9h")  # after the last quote
    _agree(vector, trades, "time", "ticker")


def _fraud(definitions: Any, folder: Path) -> None:
    for name in ("transactions", "events", "labels"):
        getattr(definitions, name)().ingest(str(folder / f"{name}.csv"))
    vector = definitions.vector()
    vector.save()
    labels = pd.read_csv(folder / "labels.csv", parse_dates=["timestamp"])
    _agree(vector, labels.drop(columns="label"), "timestamp", "source")


@pytest.mark.slow
@pytest.mark.parametrize("name, ask", [("stocks", _stocks), ("fraud", _fraud)])
def test_offline_is_online(name: str, ask: Callable[[Any, Path], None]) -> None:
    folder = EXAMPLES / name
    ask(_module(folder / "definitions.py"), folder)


@pytest.mark.parametrize("name", ["stocks", "fraud"])
def test_the_data_is_what_the_script_makes(name: str) -> None:
    folder = EXAMPLES / name
    made = _module(folder / "make_data.py")
    if name == "fraud":
        tables = made.make()
    else:
        rng = made.np.random.default_rng(7)
        tables = {"quotes": made.quotes(rng), "trades": made.trades(rng)}
    for table, frame in tables.items():
        assert frame.to_csv(index=False) == (folder / f"{table}.csv").read_text(encoding="utf-8")
