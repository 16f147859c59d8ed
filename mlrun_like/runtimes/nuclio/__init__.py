"""Functions as Nuclio functions: exported, run inside Nuclio, deployed through its dashboard.

states.py          the states of a deployed function
trigger_kinds.py   kinds of triggers and the attributes they take
trigger_base.py    what triggers of all kinds share
stream_triggers.py triggers that read streams: KafkaTrigger, NatsTrigger and more
triggers.py        HttpTrigger, CronTrigger, and all others by one import
trigger_checks.py  what is wrong with a trigger
checks.py          what is wrong with a whole configuration
source.py          the one file of code that Nuclio gets
dotted.py          settings by dotted names
config.py          a function's document to Nuclio's configuration
foreign.py         Nuclio's configuration to a function's document
notebook.py        notebooks converted by nuclio-jupyter itself
project.py         configuration and code as a folder or an archive
events.py          what a handler gets and returns, as Nuclio's Python wrapper sees it
mock.py            a handler called here as Nuclio would call it
wrapper.py         what exported code calls inside Nuclio
jobs.py            runs that are sent to a function as requests
runtime.py         the same from the caller's side: fn.run() of a deployed function
http.py            requests to the dashboard and to functions
dashboard.py       the dashboard's REST interface
deploying.py       from a configuration to a function that is ready
gateways.py        API gateways of Nuclio
api_gateway.py     API gateways for the SDK; _fields: changing one, _spec: its parts, _auth: who
                   may call, _calls: requests to it
"""
