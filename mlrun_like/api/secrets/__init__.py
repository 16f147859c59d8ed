"""Secrets of projects: kept sealed, listed by name, given to runs and to nobody else.

keys.py       the keys that seal, and where they are
vault.py      set, list, delete, and read for runs
rotation.py   a new key, and everything sealed anew with it
provider.py   the provider `service`, by which the SDK and runs reach them
"""
