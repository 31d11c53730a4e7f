# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two values of every option of a service, and what a swarm must have for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE

from .subjects import IMAGE, Subject

SECRETS = ("contract-key", "contract-token")
CONFIGS = ("contract-site", "contract-rules", "contract-account")
HOST_PORT = {"target_port": "8080", "published_port": "18080", "protocol": "tcp", "mode": "host"}
FULL: dict[str, Any] = {
    "image": IMAGE,
    "mode": "replicated",
    "replicas": 0,
    "command": ["/serve"],
    "args": ["8080"],
    "env": {"COLOR": "blue"},
    "labels": {"tier": "1"},
    "container_labels": {"team": "web"},
    "hostname": "web",
    "user": "1000",
    "groups": ["1", "2"],
    "working_dir": "/www",
    "tty": True,
    "stdin": True,
    "init": True,
    "read_only": True,
    "isolation": "process",
    "stop_signal": "SIGTERM",
    "stop_grace_period": "5s",
    "mounts": [
        {"target": "/a", "type": "bind", "source": "/srv", "read_only": True, "bind_options": {"propagation": "rslave"}},
        {
            "target": "/b",
            "type": "volume",
            "source": "contract",
            "volume_options": {"no_copy": True, "labels": {"a": "b"}, "driver": "local", "driver_opts": {"o": "size=1m"}},
        },
        {"target": "/c", "type": "tmpfs", "tmpfs_options": {"size": "1M", "mode": "0700"}},
    ],
    "secrets": [{"source": SECRETS[0], "uid": "5", "mode": "0400"}, {"source": SECRETS[1], "target": "token"}],
    "configs": [{"source": CONFIGS[0], "target": "/etc/site", "gid": "5"}],
    "credential_spec": f"config://{CONFIGS[2]}",
    "healthcheck": {
        "disable": False,
        "test": ["CMD", "true"],
        "interval": "10s",
        "timeout": "2s",
        "retries": 3,
        "start_period": "5s",
        "start_interval": "1s",
    },
    "hosts": {"db": ["10.0.0.5", "fd00::5"], "cache": "10.0.0.6"},
    "dns": {"nameservers": ["10.0.0.2"], "search": ["lab"], "options": ["ndots:2"]},
    "sysctls": {"net.core.somaxconn": "1024"},
    "cap_add": ["NET_ADMIN"],
    "cap_drop": ["ALL"],
    "ulimits": [{"name": "nofile", "soft": 1024, "hard": 2048}, {"name": "core", "soft": 0}],
    "oom_score_adj": 100,
    "selinux": {"disable": False, "user": "u", "role": "r", "type": "t", "level": "s0"},
    "seccomp": {"mode": "custom", "profile": '{"defaultAction": "SCMP_ACT_ALLOW"}'},
    "apparmor": "disabled",
    "no_new_privileges": True,
    "networks": [{"name": "contract-back", "aliases": ["www"], "driver_opts": {"a": "b"}}],
    "endpoint_mode": "dnsrr",
    "publish": [HOST_PORT, {"target_port": "53", "published_port": "18053", "protocol": "udp", "mode": "host", "name": "dns"}],
    "update_config": {
        "parallelism": 2,
        "delay": "1s",
        "failure_action": "rollback",
        "monitor": "6s",
        "max_failure_ratio": 0.25,
        "order": "stop-first",
    },
    "rollback_config": {
        "parallelism": 2,
        "delay": "1s",
        "failure_action": "continue",
        "monitor": "6s",
        "max_failure_ratio": 0.25,
        "order": "stop-first",
    },
    "restart_policy": {"condition": "on-failure", "delay": "3s", "max_attempts": 4, "window": "1m"},
    "placement": {
        "constraints": ["node.role == manager"],
        "preferences": [{"spread": "node.labels.zone"}, {"spread": "node.labels.rack"}],
        "platforms": [{"os": "linux", "architecture": "amd64"}],
        "replicas_max_per_node": 2,
    },
    "limits": {"cpus": "0.5", "memory": "64M", "pids": 50},
    "reservations": {"cpus": "100m", "memory": "16M", "generic_resources": {"ssd": 1}},
    "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
}
OTHER: dict[str, Any] = {
    "image": "meshwork-lab:2",
    "replicas": 1,
    "command": ["/client"],
    "args": [],
    "env": {"COLOR": "red", "SIZE": "2"},
    "labels": {"tier": "2"},
    "container_labels": {"team": "infra"},
    "hostname": "other",
    "user": "1001",
    "groups": ["3"],
    "working_dir": "/",
    "tty": False,
    "stdin": False,
    "init": False,
    "read_only": False,
    "isolation": "hyperv",
    "stop_signal": "SIGINT",
    "stop_grace_period": "6s",
    "mounts": [
        {"target": "/b", "volume_options": {"labels": {}}},
        {"target": "/c", "type": "bind", "source": "/srv", "bind_options": {"non_recursive": True}},
    ],
    "secrets": [{"source": SECRETS[1]}],
    "configs": [{"source": CONFIGS[1], "target": "/etc/site", "mode": "0400"}],
    "credential_spec": "file://spec.json",
    "healthcheck": {
        "disable": True,
        "test": ["CMD-SHELL", "false"],
        "interval": "11s",
        "timeout": "3s",
        "retries": 4,
        "start_period": "6s",
        "start_interval": "2s",
    },
    "hosts": {"db": "10.0.0.7"},
    "dns": {"nameservers": ["10.0.0.3", "fd00::3"], "search": [], "options": ["ndots:3", "timeout:1"]},
    "sysctls": {"net.core.somaxconn": "512", "net.ipv4.ip_default_ttl": "50"},
    "cap_add": ["CAP_SYS_TIME", "net_admin"],
    "cap_drop": [],
    "ulimits": [{"name": "nofile", "soft": 512, "hard": -1}],
    "oom_score_adj": -100,
    "selinux": {"disable": True, "user": "v", "role": "s", "type": "w", "level": "s1"},
    "seccomp": {"mode": "unconfined", "profile": '{"defaultAction": "SCMP_ACT_ERRNO"}'},
    "apparmor": "default",
    "no_new_privileges": False,
    "networks": [{"name": "contract-front"}],
    "endpoint_mode": "vip",
    "publish": [{"target_port": "8081-8083", "published_port": "18081-18083", "protocol": "sctp", "mode": "host"}],
    "update_config": {
        "parallelism": 3,
        "delay": "2s",
        "failure_action": "pause",
        "monitor": "7s",
        "max_failure_ratio": 0.5,
        "order": "start-first",
    },
    "rollback_config": {
        "parallelism": 3,
        "delay": "2s",
        "failure_action": "pause",
        "monitor": "7s",
        "max_failure_ratio": 0.5,
        "order": "start-first",
    },
    "restart_policy": {"condition": "any", "delay": "4s", "max_attempts": 5, "window": "2m"},
    "placement": {
        "constraints": ["node.role==worker"],
        "preferences": [{"spread": "node.labels.rack"}, {"spread": "node.labels.zone"}],
        "platforms": [],
        "replicas_max_per_node": 3,
    },
    "limits": {"cpus": "0.6", "memory": "65M", "pids": 51},
    "reservations": {"cpus": "0.2", "memory": "17M", "generic_resources": {"hdd": 2}},
    "logging": {"driver": "local", "options": {"max-size": "2m"}},
}
JOB = {"total_completions": (3, 4), "max_concurrent": (0, 1)}
"""Two values of the options that a job has alone; its tasks are none, so that none has to complete."""
BEFORE: dict[str, dict[str, Any]] = {
    # start-first and a port in host mode exclude each other, as do a test and its absence
    "update_config.order": {"publish": []},
    "healthcheck.disable": {"healthcheck.test": []},
}
"""What is otherwise in a service that has every option, so that this one can have its other value."""


def flat(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options by dotted name, as the table has them."""
    known = {row.option for row in SERVICE}
    found = {}
    for name, value in options.items():
        found.update({name: value} if name in known else {f"{name}.{inner}": each for inner, each in value.items()})
    return found


def newest(options: Mapping[str, Any], api: tuple[int, int]) -> dict[str, Any]:
    """The options that an Engine of this API has, nested."""
    since = {row.option: row.since for row in SERVICE}
    found: dict[str, Any] = {}
    for option, value in flat(options).items():
        section, dot, inner = option.partition(".")
        if since[option] <= api:
            found.update({section: {**found.get(section, {}), inner: value} if dot else value})
    return found


def equip(swarm: Subject) -> None:
    """Networks, secrets and configs that the values name."""
    for name in ("contract-back", "contract-front"):
        swarm.post("/networks/create", {"Name": name, "Driver": "overlay", "CheckDuplicate": True})
        swarm.until(lambda name=name: swarm.network(name), lambda network: network["IPAM"]["Config"])
    for kind, names in (("secrets", SECRETS), ("configs", CONFIGS)):
        for name in names:
            swarm.post(f"/{kind}/create", {"Name": name, "Data": base64.b64encode(name.encode()).decode()})
