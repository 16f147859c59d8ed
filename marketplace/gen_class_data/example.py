"""Makes a rare class of 5 % and shows what was made: `python example.py`."""

from __future__ import annotations

import mlrun_like as ml

if __name__ == "__main__":
    generating = ml.import_function("hub://gen_class_data")
    params = {"n_samples": 5000, "m_features": 8, "k_classes": 2, "weight": 0.95}
    run = generating.run(params=params, local=True)
    print(run.artifact("classifier-data").as_df().head().round(3))
    print("shares of the classes:", run.outputs["class_shares"])
