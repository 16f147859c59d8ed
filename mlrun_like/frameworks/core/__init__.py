"""What all frameworks share when a model is trained and logged.

handler.py   a model with what is recorded beside it; custom_objects.py: code it needs to load
tabular.py   handler of models that learn from tables; session.py: watches their fit and predict
metrics.py   scores of predictions; problem.py: which scores fit which model
plans.py     what is made beside a model; plan.py, curves.py: each; charts.py: how it is drawn
data.py      features and labels as tables; notes.py: the handler's words for what is recorded
apply.py     `apply_mlrun` of scikit-learn, XGBoost and LightGBM
"""
