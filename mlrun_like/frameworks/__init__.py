"""Auto-logging: one line puts the training of a model on record, with MLRun's words.

    from mlrun_like.frameworks.sklearn import apply_mlrun

    apply_mlrun(model, model_name="my_model", x_test=x_test, y_test=y_test)
    model.fit(x_train, y_train)

sklearn.py, xgboost.py, lgbm.py   models of tables; what they share is in core/
pytorch/, tf_keras.py             networks; huggingface.py, lightning.py: trainers; loop/: shared
onnx.py        models in ONNX, made from the others
mlflow.py      runs of MLflow inside a function are taken over; mlflow_records.py: what they hold
auto_mlrun.py  AutoMLRun: finds the framework; parallel_coordinates.py: compares runs

A framework is imported when a model of it is used, not before.
"""
