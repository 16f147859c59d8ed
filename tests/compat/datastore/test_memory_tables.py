"""Tables that are kept in memory under a name that tells no format."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pandas as pd


def test_a_table_kept_as_it_is(compat: ModuleType) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    item = import_module("mlrun.datastore").set_in_memory_item("kept", frame)
    pd.testing.assert_frame_equal(item.as_df(), frame)
    found = import_module("mlrun").get_dataitem("memory://kept").as_df(columns=["b"])
    assert found.to_dict("list") == {"b": ["x", "y"]}
    assert frame.columns.tolist() == ["a", "b"]


def test_the_hash_of_a_document_is_mlruns(compat: ModuleType) -> None:
    document = {"metadata": {"name": "x", "tag": "t"}, "spec": {"a": 1}, "status": {"state": "s"}}
    uid = import_module("mlrun.utils").fill_object_hash(document, "uid")
    # sha1 of the document as JSON with an empty tag and uid, no time and no state
    assert uid == "c7d88012e5507ce0c6599d3143238227ab01db38"
    assert document["metadata"] == {"name": "x", "tag": "t", "uid": uid}
    assert document["status"] == {"state": "s"}
