"""API gateways: an address of its own in front of one function, or of two that share requests.

entrance.py   what one is: functions, shares, host, path, who may call
service.py    which function answers a request
entrances.py  all of a gateway: files, changes
keeping.py    storing and finding them, here or in Nuclio
"""
