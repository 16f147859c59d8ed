"""Counts the rows of a table as if they were the events of a window."""

from __future__ import annotations

import pandas as pd

from mlrun_like.marketplace.importing import import_module

if __name__ == "__main__":
    app = import_module("hub://count_events").CountApp
    found = app.evaluate(sample_data=pd.DataFrame({"x": range(37)}))
    print(found.status.results["return"])
