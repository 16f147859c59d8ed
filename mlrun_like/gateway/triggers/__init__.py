"""What calls functions besides HTTP: streams, queues, times, files and events.

A process of its own reads the sources and posts each event to the gateway's trusted socket, so that
every trigger wakes a sleeping function and obeys queues, limits and shares of versions.

config.py      TriggerConfig: what a trigger is told; which triggers the deployments have
checks.py      what is wrong with triggers, before anything is deployed
supervisor.py  TriggerHost: the process as the gateway sees it: started, told, asked, started again
host.py        main of the process: takes orders on stdin, answers on stdout
running.py     one trigger under way: reads, hands over, acknowledges
delivery.py    an event or batch on its way: answers, tries, waiting, dead letters
held.py        answered events that may not be acknowledged yet
numbers.py     what `ps` shows of a trigger
lanes.py       which event comes next: order, batches, what is to be tried later
door.py        the gateway's socket: one kept connection
event.py       one event, and how it is said in HTTP
mask.py        secrets that no log or status may show
source.py      what every source can do
streams.py     Redis Streams, Kafka, RabbitMQ, NATS and MQTT
brokers.py     URLs of streams from Nuclio's attributes; kafka.py: librdkafka's settings
clock.py       cron
files.py       new files under a URL; ledger.py: which ones were seen
events.py      ended runs and pipelines, alerts and other named events; spool.py: where they wait
graves.py      where events go that could not be worked on
"""
