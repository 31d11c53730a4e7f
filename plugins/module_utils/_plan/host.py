# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a host: from what its kernel and files are to what a swarm needs of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable

from .._model.host import FAULTY_DRIVER, OFFLOADS, Desired, Feature, Parameter
from .._model.hostfiles import (
    FILES,
    MODULES_FILE,
    NETWORKD,
    NETWORKD_FILE,
    NETWORKMANAGER,
    NETWORKMANAGER_FILE,
    OFFLOAD_FILE,
    SYSCTL_FILE,
    modules_text,
    networkd_text,
    networkmanager_text,
    off_words,
    offload_text,
    sysctl_text,
)
from .._model.sysctl import Setting, decisive, dotted, enough, read_settings, same
from .plan import Blocker, Plan, Step

NOT_INSTALLED = "is not installed on this host"
RP_FILTER = "net/ipv4/conf/{}/rp_filter"
DOCKERS_OWN = ("lo", "veth", "docker", "br-", "ov-", "vx-")
"""Interfaces that come and go, or carry no traffic between nodes; the value `default` is for them."""


@dataclass(frozen=True)
class Card:
    """A network card: its driver, and whether each feature that can be changed is on."""

    name: str
    driver: str
    features: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Observed:
    """What is there.

    `loaded` and `loadable` are kernel modules by name; `features` has what each try of the kernel said, nothing where it worked.
    `parameters` are kernel parameters by key. `settings` are those of all files but ours, in the order of a boot, and `late` those of
    /etc/sysctl.conf, which `sysctl --system` reads behind all others. `files` are ours, by path. `services` are those of the network, by
    their state: active, or enabled. `taken` are the interfaces of Docker's that NetworkManager manages now. `ethtool` is where that
    program is.
    """

    release: str = ""
    ipv6: bool = True
    loaded: frozenset[str] = frozenset()
    loadable: frozenset[str] = frozenset()
    features: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    settings: tuple[Setting, ...] = ()
    late: tuple[Setting, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    services: Mapping[str, str] = field(default_factory=dict)
    taken: tuple[str, ...] = ()
    cards: tuple[Card, ...] = ()
    ethtool: str = ""


@dataclass(frozen=True)
class Load:
    """Load kernel modules."""

    modules: tuple[str, ...]

    def __str__(self) -> str:
        return f"modprobe --all {' '.join(self.modules)}"


@dataclass(frozen=True)
class Set:
    """Set kernel parameters, by key."""

    values: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        return "sysctl -w " + " ".join(
            f"{dotted(key)}={value!r}" if " " in value else f"{dotted(key)}={value}" for key, value in self.values
        )


@dataclass(frozen=True)
class Switch:
    """Turn features of a card off."""

    card: str
    features: tuple[str, ...]

    def __str__(self) -> str:
        return f"ethtool -K {self.card} {off_words(self.features)}"


@dataclass(frozen=True)
class Release:
    """Have NetworkManager let go of interfaces, which stay as they are."""

    interfaces: tuple[str, ...]

    def __str__(self) -> str:
        return "; ".join(f"nmcli device set {name} managed no" for name in self.interfaces)


@dataclass(frozen=True)
class Write:
    """Replace one of our files; remove it where the text is None. `reload` is the service that is told."""

    path: str
    text: str | None
    reload: str = ""

    def __str__(self) -> str:
        return ("write " if self.text is not None else "remove ") + self.path + (f"; reload {self.reload}" if self.reload else "")


def plan_host(desired: Desired, found: Observed) -> Plan[Observed]:
    """The steps to what a swarm needs, or those that remove our files; blocked where the kernel cannot do what a swarm needs."""
    if not desired.present:
        steps = tuple(_write(found, path, None) for path in FILES if path in found.files)
        return Plan(found, replace(found, files={}), steps)
    parameters = wanted_parameters(desired, found)
    steps = (*_load(desired, found), *_set(parameters, found), *_switch(desired, found), *_files(desired, found, parameters))
    steps = (*steps, *_release(desired, found))
    blockers = (*_missing_features(desired, found), *_missing_parameters(parameters, found), *_overridden(parameters, found))
    blockers = (*blockers, *_without_ethtool(desired, found))
    return Plan(found, _after(found, steps), steps, blockers, _warnings(parameters, found))


def wanted_parameters(desired: Desired, found: Observed) -> tuple[Parameter, ...]:
    """The kernel parameters that hold for this host."""
    rows = tuple(row for row in desired.parameters if not row.optional or row.key in found.parameters)
    if desired.rp_filter is None:
        return rows
    value = str(desired.rp_filter)
    why = "what the kernel applies to an interface is the greater value of all and its own; strict (1) drops packets that come another way"
    kept = {each.key for each in read_settings(SYSCTL_FILE, found.files.get(SYSCTL_FILE, ""))}
    keys = [RP_FILTER.format("all"), RP_FILTER.format("default")]
    prefix, suffix = RP_FILTER.split("{}")
    for key, there in sorted(found.parameters.items()):
        name = key[len(prefix) : -len(suffix)]
        if (
            key.startswith(prefix)
            and key not in keys
            and not name.startswith(DOCKERS_OWN)
            and (key in kept or int(there) > desired.rp_filter)
        ):
            keys.append(key)
    return (*rows, *(Parameter(key, value, why) for key in keys if key not in desired.sysctls))


def fulfilled(row: Parameter, value: str | None) -> bool:
    """Whether a parameter has what is wanted of it."""
    return value is not None and (enough(row.value, value) if row.least else same(row.value, value))


def offloading(desired: Desired, found: Observed) -> tuple[Card, ...]:
    """The cards on which offloads have to be off."""
    if desired.offload == "always":
        return found.cards
    return tuple(card for card in found.cards if card.driver == FAULTY_DRIVER) if desired.offload == "auto" else ()


def _load(desired: Desired, found: Observed) -> tuple[Step, ...]:
    missing = [row for row in desired.modules(found.ipv6) if row.name in found.loadable and row.name not in found.loaded]
    if not missing:
        return ()
    names = tuple(row.name for row in missing)
    return (Step("load", "kernel modules", f"load the kernel modules {', '.join(names)}", Load(names)),)


def _set(parameters: tuple[Parameter, ...], found: Observed) -> tuple[Step, ...]:
    wrong = [row for row in parameters if not fulfilled(row, found.parameters.get(row.key))]
    if not wrong:
        return ()
    told = ", ".join(f"{dotted(row.key)} from {found.parameters.get(row.key, 'nothing')} to {row.value}" for row in wrong)
    return (Step("set", "kernel parameters", f"set {told}", Set(tuple((row.key, row.value) for row in wrong))),)


def _switch(desired: Desired, found: Observed) -> tuple[Step, ...]:
    steps = []
    for card in offloading(desired, found):
        names = tuple(name for name in OFFLOADS if card.features.get(name))
        if names:
            says = f"let the kernel and not the card {card.name} ({card.driver}) do {', '.join(names)}"
            steps.append(Step("offload", card.name, says, Switch(card.name, names), "packets cost more processor time"))
    return tuple(steps)


def _files(desired: Desired, found: Observed, parameters: tuple[Parameter, ...]) -> tuple[Step, ...]:
    """Steps for the files that differ; a file of a thing that is not managed is left as it is."""
    wanted: dict[str, str | None] = {
        MODULES_FILE: modules_text([row.name for row in desired.modules(found.ipv6) if row.name in found.loadable]),
        SYSCTL_FILE: sysctl_text({row.key: (row.value, row.why) for row in parameters if not _enough_already(row, found)}),
    }
    if desired.unmanaged is not None:
        on: Callable[[str], bool] = lambda service: bool(desired.unmanaged and found.services.get(service))  # noqa: E731
        wanted[NETWORKD_FILE] = networkd_text() if on(NETWORKD) else None
        wanted[NETWORKMANAGER_FILE] = networkmanager_text() if on(NETWORKMANAGER) else None
    if desired.offload is not None:
        drivers = {card.driver: [name for name in OFFLOADS if name in card.features] for card in offloading(desired, found)}
        drivers = {driver: names for driver, names in drivers.items() if names}
        wanted[OFFLOAD_FILE] = offload_text(found.ethtool, drivers) if drivers else None
    return tuple(_write(found, path, text) for path, text in wanted.items() if found.files.get(path) != text)


def _release(desired: Desired, found: Observed) -> tuple[Step, ...]:
    """Its file is for interfaces to come: NetworkManager keeps in /run, over its own restarts too, which of them it manages already."""
    if not desired.unmanaged or not found.taken:
        return ()
    says = f"have NetworkManager let go of {', '.join(found.taken)}, which it has taken before"
    return (Step("release", NETWORKMANAGER, says, Release(found.taken)),)


def _enough_already(row: Parameter, found: Observed) -> bool:
    """Whether other files set at boot what is enough: ours has the last word, and would lower what an operator has set higher."""
    setting = decisive(row.key, found.settings)
    return row.least and setting is not None and fulfilled(row, setting.value)


SAYS = {
    MODULES_FILE: "load these kernel modules at boot, too",
    SYSCTL_FILE: "set these kernel parameters at boot, too",
    NETWORKD_FILE: "have systemd-networkd leave Docker's interfaces alone",
    NETWORKMANAGER_FILE: "have NetworkManager leave Docker's interfaces alone",
    OFFLOAD_FILE: "keep these offloads off at boot, too",
}
RELOADED = {NETWORKD_FILE: NETWORKD, NETWORKMANAGER_FILE: NETWORKMANAGER, OFFLOAD_FILE: "udev"}


def _write(found: Observed, path: str, text: str | None) -> Step:
    service = RELOADED.get(path, "")
    # a service that is not running reads its files when it starts
    told = service if service == "udev" or found.services.get(service) == "active" else ""
    says = SAYS[path] if text is not None else f"no longer {SAYS[path].replace(', too', '')}"
    return Step("write" if text is not None else "remove", path, says, Write(path, text, told))


def _missing_features(desired: Desired, found: Observed) -> tuple[Blocker, ...]:
    missing = [feature for feature in desired.features if found.features[feature.name]]
    # several features are tried with one program
    return tuple(dict.fromkeys(lacking(feature, found.release, found.features[feature.name]) for feature in missing))


def lacking(feature: Feature, release: str, said: str) -> Blocker:
    """What is told of a feature that the kernel does not have, or that cannot be tried."""
    if said.endswith(NOT_INSTALLED):
        return Blocker("features of the kernel", f"{said}, and without it they can neither be tried nor used by Docker", "install it")
    remedy = (
        f"install the rest of this kernel's modules (linux-modules-extra-{release} on Ubuntu, kernel-modules-extra on Red Hat and Fedora, "
        f"the full linux-image instead of a cloud or minimal one on Debian), or boot a kernel with {feature.option}; then run again"
    )
    return Blocker(f"kernel {release}", f"it cannot do {feature.what} ({said}), without which {feature.breaks}", remedy)


def _missing_parameters(parameters: tuple[Parameter, ...], found: Observed) -> tuple[Blocker, ...]:
    blockers = []
    for row in parameters:
        if row.key in found.parameters or row.module in found.loadable - found.loaded:
            continue
        remedy = f"load the kernel module {row.module}, or boot a kernel that has it" if row.module else "correct or remove it"
        blockers.append(Blocker(dotted(row.key), f"this host's kernel has no such parameter, which is wanted for: {row.why}", remedy))
    return tuple(blockers)


def _overridden(parameters: tuple[Parameter, ...], found: Observed) -> tuple[Blocker, ...]:
    """Files behind ours: what they say comes true at the next boot, whatever is set now."""
    behind = [setting for setting in found.settings if setting.path.rpartition("/")[2] > SYSCTL_FILE.rpartition("/")[2]]
    blockers = []
    for row in parameters:
        setting = next((each for each in reversed(behind) if each.key == row.key and each.value is not None), None)
        if setting is not None and not fulfilled(row, setting.value):
            reason = f"{setting.path} sets it to {setting.value} at boot, behind {SYSCTL_FILE}; wanted is {row.value}: {row.why}"
            blockers.append(Blocker(dotted(row.key), reason, "take it out of that file, or give the file a name that sorts before ours"))
    return tuple(blockers)


def _without_ethtool(desired: Desired, found: Observed) -> tuple[Blocker, ...]:
    cards = offloading(desired, found)
    if not cards or found.ethtool:
        return ()
    return (
        Blocker(cards[0].name, "its offloads are read and changed with ethtool, which is not installed", "install the package ethtool"),
    )


def _warnings(parameters: tuple[Parameter, ...], found: Observed) -> tuple[str, ...]:
    told = []
    for row in parameters:
        setting = decisive(row.key, found.late)
        if setting is not None and not fulfilled(row, setting.value):
            told.append(
                f"{setting.path} sets {dotted(row.key)} to {setting.value}: not at boot, but `sysctl --system` and `sysctl -p` would put "
                f"that in place of {row.value} ({row.why}); take it out of that file"
            )
    return tuple(told)


def _after(found: Observed, steps: tuple[Step, ...]) -> Observed:
    """What will be there once the steps are made."""
    loaded, parameters, files = set(found.loaded), dict(found.parameters), dict(found.files)
    off: dict[str, tuple[str, ...]] = {}
    taken = found.taken
    for step in steps:
        call: Any = step.call
        if isinstance(call, Load):
            loaded.update(call.modules)
        elif isinstance(call, Set):
            parameters.update(call.values)
        elif isinstance(call, Switch):
            off[call.card] = call.features
        elif isinstance(call, Release):
            taken = ()
        elif call.text is None:
            files.pop(call.path, None)
        else:
            files[call.path] = call.text
    cards = tuple(
        replace(card, features={name: on and name not in off.get(card.name, ()) for name, on in card.features.items()})
        for card in found.cards
    )
    return replace(found, loaded=frozenset(loaded), parameters=parameters, files=files, taken=taken, cards=cards)
