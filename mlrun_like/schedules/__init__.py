"""Functions that run by themselves, at the times of a cron expression.

cron     expressions and time zones: which times come next
fields   MLRun's fields of times as a cron expression
define   from `fn.run(schedule=...)` to a stored schedule; pause, resume, delete
firing   what is due, what was missed, what may not run now
service  the process that fires: `mlrun-like schedules serve`
triggers, sources   besides times: new data, messages, another run's end, named events
"""

from mlrun_like.specs.schedule import Schedule
from mlrun_like.specs.trigger import Trigger

__all__ = ["Schedule", "Trigger"]
