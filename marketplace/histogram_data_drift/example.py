"""Drift of a table's columns against the training data, and of a window that has not drifted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlrun_like.marketplace.importing import import_module

if __name__ == "__main__":
    rng = np.random.default_rng(1)
    training = pd.DataFrame({"age": rng.normal(40, 10, 5000), "income": rng.normal(3, 1, 5000)})
    app = import_module("hub://histogram_data_drift").HistogramDataDriftApplication
    for name, shift in (("same", 0), ("older", 25)):
        window = training.sample(800, random_state=2).add([shift, 0])
        found = app.evaluate(sample_data=window, reference_data=training).status.results["return"]
        for one in found:
            if "result_name" in one:
                drift, extra = one["result_value"], one["result_extra_data"]
                print(f"{name}: drift {drift:.3f}, status {one['result_status']}, {extra}")
