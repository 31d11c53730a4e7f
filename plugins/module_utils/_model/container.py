# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The containers of a service: the rows of its ContainerSpec."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from . import references
from .kinds import (
    ADDRESSES,
    BOOLEAN,
    CAPABILITIES,
    DURATION,
    ENVIRONMENT,
    HOSTS,
    INTEGER,
    LABELS,
    LIMIT,
    NAMES,
    SCORE,
    TEXT,
    WORDS,
    choice,
    text,
    words,
)
from .mounts import MOUNTS
from .records import Entry, Records
from .stack import labels_row
from .table import Json, Kind, Row, Table, Unfit, dig

SECOND = 10**9
CONTAINER = references.CONTAINER
HEALTH = CONTAINER + "Healthcheck/"
PRIVILEGES = CONTAINER + "Privileges/"
DISABLED = ["NONE"]
MILLISECOND = 10**6


def _familiar(name: str) -> str:
    """A reference without digest as the docker CLI writes it into services: without the names of Docker Hub, and with a tag."""
    first, slash, rest = name.partition("/")
    if slash and first in ("docker.io", "index.docker.io"):
        name = rest
    if name.startswith("library/") and name.count("/") == 1:
        name = name.partition("/")[2]
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


def _same_image(wanted: str, found: Any) -> bool:
    """The same reference; a digest that was not written does not count, since clients pin one."""
    (name, _at, digest), (there, _at, pinned) = wanted.partition("@"), str(found).partition("@")
    return _familiar(name) == _familiar(there) and digest in ("", pinned)


_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REGISTRY = r"(?:localhost|\[[0-9a-fA-F:]+\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?::[0-9]+)?|[A-Za-z0-9-]+:[0-9]+"
_IMAGE = re.compile(rf"(?:(?:{_REGISTRY})/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@[A-Za-z0-9+.:_-]+)?")


def _image(value: Any) -> str:
    """A reference as the Engine takes one for a service (distribution/reference)."""
    reference = text(value)
    if not _IMAGE.fullmatch(reference):
        raise ValueError("an image such as nginx:1.27 or registry.example.org/shop/web:2")
    return reference


IMAGE = Kind("str", _image, same=_same_image)


def _test(value: Any) -> tuple[str, ...]:
    """A test as the Engine runs it. What begins otherwise is accepted for a service, and its containers are never healthy."""
    test = words(value)
    if test and test[0] not in ("CMD", "CMD-SHELL"):
        raise ValueError("CMD or CMD-SHELL and the command; `disable: true` takes the image's own test away")
    return test


def _interval(value: Any) -> int:
    """A duration that the Engine takes for a health check: 1 ms or more, or 0 for its default."""
    found: int = DURATION.parse(value)
    if 0 < found < MILLISECOND:
        raise ValueError("a duration of at least 1ms, or 0 for the Engine's default")
    return found


TEST = Kind("list", _test, list, tuple, list, elements="str")
INTERVAL = Kind("str", _interval, DURATION.show)


def _health(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return dig(document, HEALTH.rstrip("/").split("/")) or {}


def _health_to_write(document: Json) -> Json:
    container: Json = document.setdefault("Spec", {}).setdefault("TaskTemplate", {}).setdefault("ContainerSpec", {})
    container["Healthcheck"] = dict(container.get("Healthcheck") or {})
    health: Json = container["Healthcheck"]
    return health


def _get_test(document: Mapping[str, Any]) -> tuple[str, ...]:
    test = _health(document).get("Test") or ()
    return () if list(test) == DISABLED else tuple(test)


def _put_test(document: Json, value: tuple[str, ...]) -> None:
    """Set the test; none is no reason to give the image back its own where that was taken away."""
    health = _health_to_write(document)
    if value or health.get("Test") != DISABLED:
        health["Test"] = list(value)


def _get_disabled(document: Mapping[str, Any]) -> bool:
    return list(_health(document).get("Test") or ()) == DISABLED


def _put_disabled(document: Json, value: bool) -> None:
    health = _health_to_write(document)
    if value:
        health["Test"] = list(DISABLED)
    elif health.get("Test") == DISABLED:
        del health["Test"]


def _profile(value: Any) -> str:
    """A seccomp profile as JSON of one form."""
    try:
        return json.dumps(json.loads(value), sort_keys=True) if value else ""
    except (TypeError, ValueError):
        raise ValueError("a seccomp profile as JSON") from None


def _read_profile(value: str) -> str:
    return _profile(base64.b64decode(value).decode())


def _write_profile(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


PROFILE = Kind("json", _profile, read=_read_profile, write=_write_profile)


def _both_limits(entry: Entry, place: str) -> Entry:
    """A limit that was given once is soft and hard."""
    soft = entry.get("soft", entry.get("hard"))
    if soft is None:
        raise Unfit("a soft limit, a hard one or both", place, entry["name"])
    hard = entry.get("hard", soft)
    if hard != -1 and (soft == -1 or soft > hard):
        raise Unfit(f"a soft limit that is not above the hard one, {hard}", f"{place}.soft", soft)
    return Entry({**entry, "soft": soft, "hard": hard})


ULIMITS = Records((Row("name", "Name", TEXT), Row("soft", "Soft", LIMIT), Row("hard", "Hard", LIMIT)), ("name",), complete=_both_limits)

ROWS: Table = (
    Row("image", CONTAINER + "Image", IMAGE),
    Row("command", CONTAINER + "Command", WORDS, absent=()),
    Row("args", CONTAINER + "Args", WORDS, absent=()),
    Row("env", CONTAINER + "Env", ENVIRONMENT, absent=()),
    labels_row("container_labels", CONTAINER + "Labels"),
    Row("hostname", CONTAINER + "Hostname", TEXT, absent=""),
    Row("user", CONTAINER + "User", TEXT, absent=""),
    Row("groups", CONTAINER + "Groups", NAMES, absent=()),
    Row("working_dir", CONTAINER + "Dir", TEXT, absent=""),
    Row("tty", CONTAINER + "TTY", BOOLEAN, absent=False, quiet=True),
    Row("stdin", CONTAINER + "OpenStdin", BOOLEAN, absent=False, quiet=True),
    # a missing one is the choice of each daemon (daemon.json: init)
    Row("init", CONTAINER + "Init", BOOLEAN),
    Row("read_only", CONTAINER + "ReadOnly", BOOLEAN, absent=False),
    Row("isolation", CONTAINER + "Isolation", choice("default", "process", "hyperv"), absent="default", quiet=True),
    Row("stop_signal", CONTAINER + "StopSignal", TEXT, absent=""),
    Row("stop_grace_period", CONTAINER + "StopGracePeriod", DURATION, absent=10 * SECOND),
    MOUNTS.row("mounts", CONTAINER + "Mounts"),
    *references.ROWS,
    Row("healthcheck.disable", HEALTH + "Test", BOOLEAN, absent=False, get=_get_disabled, put=_put_disabled, quiet=True),
    Row("healthcheck.test", HEALTH + "Test", TEST, absent=(), get=_get_test, put=_put_test),
    Row("healthcheck.interval", HEALTH + "Interval", INTERVAL, absent=0),
    Row("healthcheck.timeout", HEALTH + "Timeout", INTERVAL, absent=0),
    Row("healthcheck.retries", HEALTH + "Retries", INTEGER, absent=0),
    Row("healthcheck.start_period", HEALTH + "StartPeriod", INTERVAL, absent=0),
    Row("healthcheck.start_interval", HEALTH + "StartInterval", INTERVAL, absent=0, since=(1, 44)),
    Row("hosts", CONTAINER + "Hosts", HOSTS, absent=()),
    Row("dns.nameservers", CONTAINER + "DNSConfig/Nameservers", ADDRESSES, absent=()),
    Row("dns.search", CONTAINER + "DNSConfig/Search", WORDS, absent=()),
    Row("dns.options", CONTAINER + "DNSConfig/Options", WORDS, absent=()),
    Row("sysctls", CONTAINER + "Sysctls", LABELS, absent={}),
    Row("cap_add", CONTAINER + "CapabilityAdd", CAPABILITIES, absent=()),
    Row("cap_drop", CONTAINER + "CapabilityDrop", CAPABILITIES, absent=()),
    ULIMITS.row("ulimits", CONTAINER + "Ulimits"),
    Row("oom_score_adj", CONTAINER + "OomScoreAdj", SCORE, absent=0, since=(1, 46)),
    Row("selinux.disable", PRIVILEGES + "SELinuxContext/Disable", BOOLEAN, absent=False, quiet=True),
    Row("selinux.user", PRIVILEGES + "SELinuxContext/User", TEXT, absent="", quiet=True),
    Row("selinux.role", PRIVILEGES + "SELinuxContext/Role", TEXT, absent="", quiet=True),
    Row("selinux.type", PRIVILEGES + "SELinuxContext/Type", TEXT, absent="", quiet=True),
    Row("selinux.level", PRIVILEGES + "SELinuxContext/Level", TEXT, absent="", quiet=True),
    Row(
        "seccomp.mode", PRIVILEGES + "Seccomp/Mode", choice("default", "unconfined", "custom"), absent="default", since=(1, 44), quiet=True
    ),
    Row("seccomp.profile", PRIVILEGES + "Seccomp/Profile", PROFILE, absent="", since=(1, 44)),
    Row("apparmor", PRIVILEGES + "AppArmor/Mode", choice("default", "disabled"), absent="default", since=(1, 44), quiet=True),
    Row("no_new_privileges", PRIVILEGES + "NoNewPrivileges", BOOLEAN, absent=False, since=(1, 44), quiet=True),
)
