"""Features that were computed on demand, once more: from the offline features and the requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.online.on_demand import compute_offline

__all__ = ["computed_offline"]

_ROW = "_parity_row"


def computed_offline(
    vector: FeatureVector, lines: Sequence[Mapping[str, Any]], offline: pd.DataFrame
) -> tuple[pd.DataFrame, list[str]]:
    """What the steps of a vector's graph make of offline features.

    Args:
        vector: The vector.
        lines: Logged vectors with their entities and the further fields of the requests.
        offline: The offline features of these lines, in their order, by number.

    Returns:
        The features after the steps, for each line, and the names of those that steps added. Lines
        without a vector are left as they are: online no step runs for them.

    Raises:
        InvalidArgumentError: if the steps do not say which row they answer.
        MLRunLikeError: if a step fails.
    """
    served = [place for place, line in enumerate(lines) if line.get("values") is not None]
    requests = pd.DataFrame(
        [{**(lines[place].get("request") or {}), **lines[place]["entities"]} for place in served],
        index=served,
    )
    stored = [name for name in offline.columns if name not in requests.columns]
    frame = requests.join(offline.loc[served, stored])
    for name in offline.columns.intersection(requests.columns):  # a feature is over a field
        frame[name] = offline.loc[served, name]
    given = {str(name) for name in frame.columns}
    frame[_ROW] = served
    if not served:
        return offline, []
    made = compute_offline(vector, frame.reset_index(drop=True))
    if _ROW not in made.columns and _ROW in made.index.names:
        made = made.reset_index()
    if _ROW not in made.columns:
        raise InvalidArgumentError(
            "the steps drop columns that they do not know",
            where=f"graph of feature vector {vector.metadata.name!r}",
            fix="let steps add columns to what they get",
        )
    made = made.drop_duplicates(_ROW, keep="last").set_index(_ROW)
    added = [str(name) for name in made.columns if str(name) not in given]
    found = offline.copy()
    for name in [*offline.columns, *added]:
        column = made[name] if name in made.columns else pd.Series(dtype=object)
        if name in found.columns and len(served) < len(lines):
            column = pd.concat([column, found[name].drop(index=served)])
        found[name] = column.reindex(offline.index)
    return found, added
