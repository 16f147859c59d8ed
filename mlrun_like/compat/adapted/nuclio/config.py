"""`ConfigSpec` and `Volume`: what a function is deployed with."""

from __future__ import annotations

from typing import Any

from mlrun_like.compat.adapted.nuclio.documents import fill_config, update_in
from mlrun_like.compat.adapted.runtimes.platforms import split_path
from mlrun_like.configuration import environment, exchange_environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.function import Function
from mlrun_like.functions.modifiers import PodTask
from mlrun_like.runtimes.nuclio.triggers import HttpTrigger

__all__ = ["ConfigSpec", "Volume"]


class Volume:
    """A folder that is mounted.

    Args:
        local: Its place in the function.
        remote: What it is: a folder of v3io, or the name of a claim, secret or config map.
        typ: `v3io`, `pvc`, `secret` or `configMap`.
        name: The volume's name.
        key: The key of v3io.
        readonly: MLRun's; a mount may always be written.
    """

    def __init__(
        self,
        local: str,
        remote: str,
        typ: str = "",
        name: str = "fs",
        key: str = "",
        readonly: bool = False,
    ) -> None:
        self.local, self.remote, self.name, self.key = local, remote, name, key
        self.type, self.readonly = typ or "v3io", readonly

    def source(self) -> dict[str, Any]:
        """The volume as a pod has it.

        Raises:
            InvalidArgumentError: if there is no such type.
        """
        if self.type == "v3io":
            user = environment("V3IO_USERNAME") or ""
            container, path = split_path(self.remote.replace("~/", f"users/{user}/", 1))
            key = self.key or environment("V3IO_ACCESS_KEY") or ""
            options = {"container": container, "subPath": path, "accessKey": key}
            return {"flexVolume": {"driver": "v3io/fuse", "options": options}}
        named = {
            "pvc": {"persistentVolumeClaim": {"claimName": self.remote}},
            "secret": {"secret": {"secretName": self.remote}},
            "configMap": {"configMap": {"name": self.remote}},
        }
        if self.type not in named:
            raise InvalidArgumentError(f"unknown volume type {self.type}")
        return named[self.type]

    def render(self, config: dict[str, Any]) -> None:
        """Add it to a function's configuration."""
        item = {
            "volumeMount": {"name": self.name, "mountPath": self.local},
            "volume": {"name": self.name, **self.source()},
        }
        update_in(config, "spec.volumes", item, append=True)


class ConfigSpec:
    """What is added to a function when it is deployed.

    Args:
        env: Variables.
        config: Nuclio's configuration by dotted names, such as `{"spec.maxReplicas": 2}`.
        cmd: Commands of the build.
        mount: A folder.
        v3io: Give it the login to v3io.
        external_source_env: Variables from secrets.
    """

    def __init__(
        self,
        env: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        cmd: list[str] | None = None,
        mount: Volume | None = None,
        v3io: bool = False,
        external_source_env: dict[str, Any] | None = None,
    ) -> None:
        self.env, self.extra_config = dict(env or {}), dict(config or {})
        self.cmd, self.mounts = list(cmd or []), [mount] if mount else []
        self.external_source_env = dict(external_source_env or {})
        self.triggers: dict[str, Any] = {}
        if v3io:
            self.with_v3io()

    def apply_to(self, function: Function[..., Any]) -> None:
        """Change a function by it."""
        for name, value in self.env.items():
            function.set_env(name, value)
        for name, source in self.external_source_env.items():
            function.set_env(name, value_from=source)
        if self.cmd:
            function.with_commands(self.cmd)
        nuclio: Any = function
        for name, value in self.extra_config.items():
            nuclio.set_config(name, value)
        for name, trigger in self.triggers.items():
            nuclio.add_trigger(name, trigger)
        pod = PodTask(function)
        for mount in self.mounts:
            pod.add_volume({"name": mount.name, **mount.source()})
            pod.add_volume_mount({"name": mount.name, "mountPath": mount.local})

    def merge(self, config: dict[str, Any]) -> None:
        """Change a function's configuration by it."""
        fill_config(config, self.extra_config, self.env, self.cmd, None, self.external_source_env)
        for name, trigger in self.triggers.items():
            made = trigger.to_dict() if hasattr(trigger, "to_dict") else trigger
            update_in(config, ["spec", "triggers", name], made)
        for mount in self.mounts:
            mount.render(config)

    def apply(self, skipcmd: bool = False) -> None:
        """Set its variables in this process; its commands are for builds."""
        del skipcmd
        exchange_environment({name: str(value) for name, value in self.env.items()})

    def set_env(self, name: str, value: Any) -> ConfigSpec:
        """Add a variable."""
        self.env[name] = value
        return self

    def set_external_source_env(self, name: str, value_from: Any) -> ConfigSpec:
        """Add a variable from a secret."""
        self.external_source_env[name] = value_from
        return self

    def set_config(self, key: str, value: Any) -> ConfigSpec:
        """Add configuration by its dotted name."""
        self.extra_config[key] = value
        return self

    def add_commands(self, *cmd: str) -> ConfigSpec:
        """Add commands of the build."""
        self.cmd += cmd
        return self

    def add_volume(
        self,
        local: str,
        remote: str,
        kind: str = "",
        name: str = "fs",
        key: str = "",
        readonly: bool = False,
    ) -> ConfigSpec:
        """Add a folder; arguments as for `Volume`."""
        self.mounts.append(Volume(local, remote, kind, name, key, readonly))
        return self

    def add_trigger(self, name: str, spec: Any) -> ConfigSpec:
        """Add a trigger."""
        self.triggers[name] = spec
        return self

    def with_http(
        self,
        workers: int = 8,
        port: int = 0,
        host: str | None = None,
        paths: list[str] | None = None,
        canary: int | None = None,
    ) -> ConfigSpec:
        """Say how requests come."""
        trigger = HttpTrigger(workers=workers, port=port, host=host, paths=paths, canary=canary)
        return self.add_trigger("http", trigger)

    def with_v3io(self) -> ConfigSpec:
        """Give it the login to v3io that this process has."""
        for name in ("V3IO_FRAMESD", "V3IO_USERNAME", "V3IO_ACCESS_KEY", "V3IO_API"):
            value = environment(name)
            if value:
                self.env[name] = value
        return self
