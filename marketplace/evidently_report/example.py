"""A report of Evidently about a window with one drifted column: pip install "evidently>=0.7"."""

from __future__ import annotations

import tempfile

import numpy as np
import pandas as pd

from mlrun_like.errors import MissingDependencyError
from mlrun_like.marketplace.importing import import_module

if __name__ == "__main__":
    rng = np.random.default_rng(1)
    training = pd.DataFrame({"age": rng.normal(40, 10, 2000), "income": rng.normal(3, 1, 2000)})
    window = training.sample(500, random_state=2).add([25, 0])
    app = import_module("hub://evidently_report").EvidentlyReport
    with tempfile.TemporaryDirectory() as folder:
        training.to_parquet(f"{folder}/training.parquet")
        arguments = {"reference": f"{folder}/training.parquet"}
        try:
            found = app.evaluate(sample_data=window, class_arguments=arguments)
        except MissingDependencyError as exc:
            print(exc)
        else:
            for one in found[0]["results"]:
                print(one)
