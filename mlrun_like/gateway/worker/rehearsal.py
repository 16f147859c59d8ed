"""What a worker does first, done before there is an order for it.

In the zygote: libraries look things up at their first use, and find them in every fork then.
scikit-learn, for one, reads the metadata of all installed packages at the first prediction, which
takes longer than a whole cold start may. In the child that waits: the memory that a start writes to
is copied from the zygote's page by page, which is most of what a start costs; afterwards it is the
child's own.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import sys
import threading
import warnings
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from mlrun_like.configuration import config, exchange_environment
from mlrun_like.gateway import wire
from mlrun_like.gateway.worker.loading import load
from mlrun_like.gateway.worker.order import Order
from mlrun_like.gateway.worker.platform import WorkerPlatform
from mlrun_like.gateway.worker.streaming import BlockingSink

__all__ = ["rehearse", "rehearse_start"]

_CODE = b"""
import json

def init_context(context):
    context.user_data.ready = True

def handler(context, event):
    return {"path": event.path, "body": event.body, "size": len(event.headers)}
"""
_REQUEST = b"POST /a?b=c\r\ncontent-type: application/json\r\nx-request-id: 1\r\n\r\n[1]"


def rehearse(stop: Callable[[], bool] = lambda: False) -> list[str]:
    """Use what is imported; gives the names of the libraries that were used.

    Nothing here starts a thread or an OpenMP region: these would not survive a fork.

    Args:
        stop: Whether there is something better to do.
    """
    done = []
    for name, use in _USES.items():
        if name in sys.modules and threading.active_count() == 1 and not stop():
            # a library that is only half there shows its error in the function that uses it
            with contextlib.suppress(Exception), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                use(sys.modules[name])
                done.append(name)
    return done


def rehearse_start(folder: str) -> None:
    """Load a function and let it answer a request; nothing of it stays.

    Args:
        folder: Where its code may lie for the moment.
    """
    modules, path, main = set(sys.modules), list(sys.path), sys.modules.get("__main__")
    code = {"functionSourceCode": base64.b64encode(_CODE).decode(), "origin_module": "rehearsal"}
    document = {
        "kind": "nuclio",
        "metadata": {"name": "rehearsal", "project": "rehearsal"},
        "spec": {"default_handler": "handler", "build": code},
    }
    exchange_environment({})
    sent: list[bytes] = []
    try:
        with config.override(code_path=os.path.join(folder, "rehearsal")):
            platform = WorkerPlatform(lambda *values: None)
            order = Order("rehearsal", "rehearsal", 1, "nuclio", document)
            program = load(order, platform)
        program.init()
        program.respond(_REQUEST, BlockingSink(1, sent.append, lambda wait: None))
        list(wire.FrameReader().feed(b"".join(sent)))
    finally:
        sys.path[:] = path
        for name in set(sys.modules) - modules:
            del sys.modules[name]
        if main is not None:
            sys.modules["__main__"] = main


def _numpy(numpy: Any) -> None:
    table = numpy.arange(6.0).reshape(2, 3)
    (table @ table.T).tolist()
    table.mean(axis=0)
    str(table)


def _pandas(pandas: Any) -> None:
    frame = pandas.DataFrame([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])
    pandas.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=["a", "b"]).to_numpy()
    frame[frame["a"] > 1].to_dict(orient="records")
    frame["a"].astype(float).fillna(0.0).sum()
    pandas.read_json(io.StringIO(frame.to_json(orient="records")))
    frame.groupby("b").sum()


def _sklearn(_: Any) -> None:
    numpy, pandas = sys.modules["numpy"], sys.modules.get("pandas")
    base = sys.modules.get("sklearn.base")
    linear = sys.modules.get("sklearn.linear_model")
    table, wanted = numpy.arange(8.0).reshape(4, 2), numpy.array([0, 1, 0, 1])
    if linear is not None:
        model = linear.LogisticRegression(max_iter=2).fit(table, wanted)
        model.predict(table)
        model.predict_proba(table)
        linear.LinearRegression().fit(table, wanted).predict(table)
        if pandas is not None:
            frame = pandas.DataFrame(table, columns=["a", "b"])
            linear.LogisticRegression(max_iter=2).fit(frame, wanted).predict(frame)
    elif base is not None:
        sys.modules["sklearn.utils.validation"].check_array(table)


def _joblib(joblib: Any) -> None:
    file = io.BytesIO()
    joblib.dump({"a": sys.modules["numpy"].arange(3.0)} if "numpy" in sys.modules else [], file)
    file.seek(0)
    joblib.load(file)


_USES: MappingProxyType[str, Callable[[Any], None]] = MappingProxyType(
    {"numpy": _numpy, "pandas": _pandas, "sklearn": _sklearn, "joblib": _joblib}
)
