"""Model endpoints: which model answers where, and what is known of how it does.

document.py     ModelEndpoint, its parts, its uid
records.py      get, list, patch, delete, get or create; switch monitoring on and off
newest.py       what applications found last, in the endpoint
switch.py       a file that tells servers of it
registering.py  what a server tells of its models when it starts
"""

from __future__ import annotations
