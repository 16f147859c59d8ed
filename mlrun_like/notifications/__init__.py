"""Telling people and programs about runs.

template  `{{ run.status.results.auc }}` in messages and conditions
message   what is told: a text, its severity, the runs it is about
sending   which notifications are due, sent with retries, recorded with their outcome
outbox    messages on their way, a queue for each receiver; no run waits for one
requests  one HTTP request, for the kinds that need it
inside    a process that works for others calls public addresses only
deadline  all of a delivery has an end, however slowly a receiver answers
local, chat, mail   the kinds: console, ipython; slack, webhook, git; mail
teams     the kind msteams: a card in a channel of Microsoft Teams
"""

from mlrun_like.specs.notification import Notification

__all__ = ["Notification"]
