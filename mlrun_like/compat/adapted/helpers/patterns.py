"""Regular expressions of names, as lists: a name must match all of a list."""

from __future__ import annotations

__all__ = [
    "alert_name_regex",
    "artifact_key",
    "artifact_producer_uri_pattern",
    "artifact_uri_pattern",
    "dns_1035_label",
    "dns_1123_label",
    "dns_1123_subdomain",
    "k8s_character_limit",
    "k8s_resource_quantity_regex",
    "k8s_secret_and_config_map_key",
    "label_value",
    "mail_regex",
    "pipeline_param",
    "project_name",
    "qualified_name",
    "run_name",
    "run_uri_pattern",
    "secret_key",
    "sparkjob_name",
    "sparkjob_service_name",
    "sprakjob_length",
    "tag_name",
    "v3io_stream_consumer_group",
]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

pipeline_param = [r"{{pipelineparam:op=([\w\s_-]*);name=([\w\s_-]+)}}"]
k8s_character_limit = [r"^.{0,63}$"]
qualified_name = [r"^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"]
label_value = [*k8s_character_limit, *qualified_name]
dns_1123_subdomain = [r"^.{0,253}$", rf"^{_LABEL}(\.{_LABEL})*$"]
dns_1123_label = [*k8s_character_limit, f"^{_LABEL}$"]
dns_1035_label = ["[a-z]([-a-z0-9]*[a-z0-9])?"]
k8s_secret_and_config_map_key = [r"^.{0,253}$", r"^[-._a-zA-Z0-9]+$"]
k8s_resource_quantity_regex = [r"^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"]
run_name = label_value
sprakjob_length = [r"^.{0,29}$"]
sparkjob_service_name = dns_1035_label
sparkjob_name = [*label_value, *sprakjob_length, *sparkjob_service_name]
project_name = dns_1123_label
tag_name = label_value
secret_key = k8s_secret_and_config_map_key
artifact_key = [r"^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$"]
v3io_stream_consumer_group = [r"^(?!_)[a-zA-Z0-9_]{1,256}$"]
mail_regex = r"^[\w.+-]+@[a-zA-Z0-9-]+\.[a-zA-Z0-9-.]+$"
alert_name_regex = r"^[\w-]+$"
run_uri_pattern = r"^(?P<project>.*)@(?P<uid>.*)\#(?P<iteration>.*?)(:(?P<tag>.*))?$"
artifact_uri_pattern = (
    r"^((?P<project>.*)/)?(?P<key>.*?)(\#(?P<iteration>.*?))?(:(?P<tag>.*?))?"
    r"(@(?P<tree>.*?))?(\^(?P<uid>.*))?$"
)
artifact_producer_uri_pattern = r"^((?P<project>.*)/)?(?P<uid>.*?)(\-(?P<iteration>.*?))?$"
