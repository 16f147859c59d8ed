"""Kinds of Nuclio triggers: which attributes they take, and of which form.

Source: docs/reference/triggers and pkg/processor/trigger of Nuclio. Names are Nuclio's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["ALIASES", "COMMON", "KINDS", "OTHER_KINDS", "TriggerKind"]


class TriggerKind(NamedTuple):
    """One kind.

    Args:
        attributes: Attribute -> form: `text`, `whole`, `yes/no`, `texts`, `mapping`, `mappings`,
            `duration` (such as 30s) or `a|b` for one of several words. `texts` takes numbers too.
        required: Attributes that must be there.
        needs_url: Whether the trigger itself needs `url`.
        explicit_ack: Whether handlers may acknowledge events themselves.
    """

    attributes: Mapping[str, str]
    required: tuple[str, ...] = ()
    needs_url: bool = False
    explicit_ack: bool = False


_STREAM = {
    "workerAllocationMode": "pool|static",
    "sessionTimeout": "duration",
    "heartbeatInterval": "duration",
    "ackWindowSize": "whole",
    "consumerGroup": "text",
}

KINDS: Mapping[str, TriggerKind] = MappingProxyType(
    {
        "http": TriggerKind(
            {
                "port": "whole",
                "ingresses": "mapping",
                "serviceType": "ClusterIP|NodePort|LoadBalancer",
                "cors": "mapping",
                "readBufferSize": "whole",
                "maxRequestBodySize": "whole",
                "reduceMemoryUsage": "yes/no",
                "disablePortPublishing": "yes/no",
            }
        ),
        "cron": TriggerKind(
            {
                "schedule": "text",
                "interval": "duration",
                "event": "mapping",
                "concurrencyPolicy": "Forbid|Allow|Replace",
                "jobBackoffLimit": "whole",
            }
        ),
        "kafka-cluster": TriggerKind(
            {
                **_STREAM,
                "brokers": "texts",
                "topics": "texts",
                "partitions": "texts",
                "initialOffset": "earliest|latest",
                "sasl": "mapping",
                "tls": "mapping",
                "caCert": "text",
                "accessKey": "text",
                "accessCertificate": "text",
                "version": "text",
                "logLevel": "whole",
                "fetchMin": "whole",
                "fetchDefault": "whole",
                "fetchMax": "whole",
                "channelBufferSize": "whole",
                "maxProcessingTime": "duration",
                "maxWaitTime": "duration",
                "maxWaitHandlerDuringRebalance": "duration",
                "rebalanceTimeout": "duration",
                "rebalanceRetryMax": "whole",
                "rebalanceRetryBackoff": "duration",
                "retryBackoff": "duration",
                "balanceStrategy": "text",
            },
            ("brokers", "topics", "consumerGroup"),
            explicit_ack=True,
        ),
        "kinesis": TriggerKind(
            {
                "accessKeyID": "text",
                "secretAccessKey": "text",
                "regionName": "text",
                "streamName": "text",
                "shards": "texts",
                "iteratorType": "text",
                "pollingPeriod": "duration",
                "pollingInterval": "duration",
            },
            ("accessKeyID", "secretAccessKey", "regionName", "streamName", "shards"),
        ),
        "eventhub": TriggerKind(
            {
                "sharedAccessKeyName": "text",
                "sharedAccessKeyValue": "text",
                "namespace": "text",
                "eventHubName": "text",
                "consumerGroup": "text",
                "partitions": "texts",
            },
            (
                *("sharedAccessKeyName", "sharedAccessKeyValue", "namespace", "eventHubName"),
                *("consumerGroup", "partitions"),
            ),
        ),
        "nats": TriggerKind({"topic": "text", "queueName": "text"}, ("topic",), needs_url=True),
        "rabbit-mq": TriggerKind(
            {
                "exchangeName": "text",
                "queueName": "text",
                "topics": "texts",
                "reconnectDuration": "duration",
                "reconnectInterval": "duration",
                "prefetchCount": "whole",
                "durableExchange": "yes/no",
                "durableQueue": "yes/no",
                "requeueOnError": "yes/no",
                "onError": "text",
            },
            ("exchangeName",),
            needs_url=True,
        ),
        "mqtt": TriggerKind(
            {"subscriptions": "mappings", "clientID": "text", "protocolVersion": "whole"},
            ("subscriptions",),
            needs_url=True,
        ),
        "v3ioStream": TriggerKind(
            {
                **_STREAM,
                "containerName": "text",
                "streamPath": "text",
                "seekTo": "earliest|latest|time|sequence",
                "readBatchSize": "whole",
                "partitions": "texts",
                "pollingIntervalMs": "whole",
                "sequenceNumberCommitInterval": "duration",
                "sequenceNumberShardWaitInterval": "duration",
            },
            ("containerName", "streamPath"),
            needs_url=True,
            explicit_ack=True,
        ),
    }
)
"""Name -> what it takes."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "kafka": "kafka-cluster",
        "v3io-stream": "v3ioStream",
        "rabbitMq": "rabbit-mq",
        "rabbitmq": "rabbit-mq",
        "event-hub": "eventhub",
    }
)
"""Names that people write -> Nuclio's."""

OTHER_KINDS = ("pubsub", "iotcoremqtt", "v3ioItemPoller", "poller", "partitioned")
"""Kinds that Nuclio has in its code without documenting them: taken as they are."""

COMMON: Mapping[str, str] = MappingProxyType(
    {
        "kind": "text",
        "class": "text",
        "name": "text",
        "url": "text",
        "disabled": "yes/no",
        "numWorkers": "whole",
        "maxWorkers": "whole",
        "annotations": "mapping",
        "attributes": "mapping",
        "workerAvailabilityTimeoutMilliseconds": "whole",
        "workerAllocatorName": "text",
        "workerTerminationTimeout": "duration",
        "explicitAckMode": "enable|disable|explicitOnly",
        "waitExplicitAckDuringRebalanceTimeout": "duration",
        "username": "text",
        "password": "text",
        "secret": "text",
        "batch": "mapping",
        "mode": "sync|async",
        "async": "mapping",
        "partitions": "any",
        "totalTasks": "whole",
        "maxTaskAllocation": "whole",
    }
)
"""What every trigger may have besides its attributes."""
