"""`nuclio` and `nuclio_sdk` where they are not installed.

sdk.py        events, answers, contexts and platforms, as handlers and their tests see them
logs.py       loggers
config.py     ConfigSpec, Volume: what a function is deployed with
deploying.py  build_file, deploy_file, deploy_code, delete_func
"""
