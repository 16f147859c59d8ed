"""Loads the wine data and looks at it: `python example.py`."""

from __future__ import annotations

import mlrun_like as ml

if __name__ == "__main__":
    loading = ml.import_function("hub://load_dataset")
    run = loading.run(params={"dataset": "wine"}, local=True)
    frame = run.artifact("wine").as_df()
    print(frame.groupby("labels").mean().iloc[:, :4].round(2))
    print(f"{run.outputs['rows']} rows with {run.outputs['features']} features")
    print("stored as", run.outputs["wine"])
