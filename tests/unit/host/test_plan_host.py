# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of a host: what becomes of it, what forbids it, and what is left as it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._host.observe import loadable, read_features, read_taken
from ansible_collections.meshwork.swarm.plugins.module_utils._host.work import actions
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import InvalidOption
from ansible_collections.meshwork.swarm.plugins.module_utils._model.host import FEATURES, MODULES, OPTIONS, Desired, parse_host
from ansible_collections.meshwork.swarm.plugins.module_utils._model.hostfiles import (
    FILES,
    MODULES_FILE,
    NETWORKD,
    NETWORKD_FILE,
    NETWORKMANAGER,
    NETWORKMANAGER_FILE,
    OFFLOAD_FILE,
    SYSCTL_FILE,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.sysctl import read_settings
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.host import Card, Observed, plan_host
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.plan import Plan
from hypothesis import given, settings
from hypothesis import strategies as st

ALL_MODULES = frozenset(row.name for row in MODULES)
WORKS = {feature.name: "" for feature in FEATURES}
THRESHOLD = "net/ipv4/neigh/default/gc_thresh{}"
FRESH = {
    "net/ipv4/ip_forward": "0",
    **{THRESHOLD.format(number): value for number, value in zip("123", ("128", "512", "1024"), strict=True)},
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "1",
    "net/ipv4/conf/eth0/rp_filter": "2",
    "net/ipv4/conf/veth1/rp_filter": "2",
}
BARE = Observed("6.1.0", True, frozenset({"bridge"}), ALL_MODULES, WORKS, FRESH)
VMWARE = Card("ens192", "vmxnet3", {"tx-checksum-ip-generic": True, "tx-udp_tnl-segmentation": True})
INTEL = Card("eno1", "ixgbe", {"tx-checksum-ip-generic": True})


def desired(**options: Any) -> Desired:
    return parse_host({**{name: entry.get("default") for name, entry in OPTIONS.items()}, **options})


def says(plan: Plan[Observed]) -> list[str]:
    return [step.says for step in plan.steps]


def values(plan: Plan[Observed], path: str = SYSCTL_FILE) -> dict[str, str | None]:
    return {each.key: each.value for each in read_settings(path, plan.after.files[path])}


def test_a_bare_host_is_given_modules_parameters_and_files() -> None:
    plan = plan_host(desired(), BARE)
    assert not plan.blockers
    loaded = [row.name for row in MODULES if not row.encrypted and row.name != "bridge"]
    assert says(plan) == [
        f"load the kernel modules {', '.join(loaded)}",
        "set net.ipv4.ip_forward from 0 to 1, net.bridge.bridge-nf-call-iptables from nothing to 1",
        "load these kernel modules at boot, too",
        "set these kernel parameters at boot, too",
    ]
    assert plan.after.files[MODULES_FILE].splitlines()[1:] == ["bridge", *loaded]
    assert values(plan) == {"net/ipv4/ip_forward": "1", "net/bridge/bridge-nf-call-iptables": "1"}


def test_ipsec_is_wanted_for_encrypted_networks_only() -> None:
    without = replace(BARE, features={**WORKS, "esp": "Protocol not supported"}, loadable=ALL_MODULES - {"esp4"})
    assert not plan_host(desired(), without).blockers
    (blocker,) = plan_host(desired(encrypted=True), without).blockers
    assert str(blocker).startswith(
        "kernel 6.1.0: it cannot do IPsec (ESP in transport mode with AES-GCM) (Protocol not supported), without which no "
    )
    assert "linux-modules-extra-6.1.0" in blocker.remedy and "CONFIG_INET_ESP" in blocker.remedy
    assert "esp6" not in plan_host(desired(encrypted=True), replace(BARE, ipv6=False)).after.files[MODULES_FILE]


def test_a_program_that_is_missing_is_no_fault_of_the_kernel() -> None:
    said = "iptables is not installed on this host"
    found = replace(BARE, features={**WORKS, "mark": said, "redirect": said})
    (blocker,) = plan_host(desired(), found).blockers
    assert blocker.reason.startswith(said) and blocker.remedy == "install it"


def test_what_is_built_into_the_kernel_is_neither_loaded_nor_written() -> None:
    plan = plan_host(
        desired(), replace(BARE, loadable=frozenset({"vxlan"}), parameters={**FRESH, "net/bridge/bridge-nf-call-iptables": "1"})
    )
    assert plan.steps[0].says == "load the kernel modules vxlan"
    assert plan.after.files[MODULES_FILE].splitlines()[1:] == ["vxlan"]


def test_without_br_netfilter_the_host_is_refused() -> None:
    (blocker,) = plan_host(desired(), replace(BARE, loadable=ALL_MODULES - {"br_netfilter"})).blockers
    assert blocker.item == "net.bridge.bridge-nf-call-iptables" and "br_netfilter" in blocker.remedy


@pytest.mark.parametrize(("nodes", "most"), [(1, 65536), (64, 65536), (200, 204800)])
def test_neighbour_tables_grow_with_the_cluster(nodes: int, most: int) -> None:
    found = values(plan_host(desired(nodes=nodes), BARE))
    assert [found[THRESHOLD.format(number)] for number in "123"] == [str(most // 8), str(most // 4 * 3), str(most)]
    assert not any("ipv6" in key for key in found), "this host has no IPv6 tables"


def test_what_is_higher_stays_now_and_at_boot() -> None:
    higher = {**FRESH, THRESHOLD.format(3): "100000"}
    plan = plan_host(desired(nodes=3), replace(BARE, parameters=higher))
    assert plan.after.parameters[THRESHOLD.format(3)] == "100000"
    assert values(plan)[THRESHOLD.format(3)] == "65536"
    operator = read_settings("/etc/sysctl.d/60-own.conf", "net.ipv4.neigh.default.gc_thresh3 = 100000")
    assert THRESHOLD.format(3) not in values(plan_host(desired(nodes=3), replace(BARE, parameters=higher, settings=operator)))
    lower = read_settings("/etc/sysctl.d/60-own.conf", "net.ipv4.neigh.default.gc_thresh3 = 1024")
    assert values(plan_host(desired(nodes=3), replace(BARE, settings=lower)))[THRESHOLD.format(3)] == "65536"


def test_a_file_behind_ours_is_refused_where_it_says_otherwise() -> None:
    path = "/etc/sysctl.d/99-zzz.conf"
    (blocker,) = plan_host(desired(), replace(BARE, settings=read_settings(path, "net.ipv4.ip_forward = 0"))).blockers
    assert str(blocker).startswith(f"net.ipv4.ip_forward: {path} sets it to 0 at boot, behind {SYSCTL_FILE}; wanted is 1")
    for text in ("net.ipv4.ip_forward = 1", "net.ipv4.* = 0"):
        assert not plan_host(desired(), replace(BARE, settings=read_settings(path, text))).blockers
    before = read_settings("/etc/sysctl.d/99-sysctl.conf", "net.ipv4.ip_forward = 0")
    assert not plan_host(desired(), replace(BARE, settings=before)).blockers


def test_the_file_that_sysctl_reads_last_is_told() -> None:
    (warning,) = plan_host(desired(), replace(BARE, late=read_settings("/etc/sysctl.conf", "net.ipv4.ip_forward=0"))).warnings
    assert warning.startswith("/etc/sysctl.conf sets net.ipv4.ip_forward to 0: not at boot")


@pytest.mark.parametrize(
    ("value", "keys"),
    [(2, {"all", "default"}), (1, {"all", "default", "eth0"}), (0, {"all", "default", "eth0"})],
)
def test_the_path_filter_is_what_the_kernel_makes_of_all_and_the_interface(value: int, keys: set[str]) -> None:
    plan = plan_host(desired(rp_filter=value), BARE)
    found = {key.split("/")[3]: there for key, there in values(plan).items() if key.endswith("rp_filter")}
    assert found == dict.fromkeys(keys, str(value))
    assert max(int(plan.after.parameters[f"net/ipv4/conf/{name}/rp_filter"]) for name in ("all", "eth0")) == value


def test_the_users_own_parameters_come_first() -> None:
    found = values(plan_host(desired(nodes=3, sysctls={"net.ipv4.neigh.default.gc_thresh3": 2048, "net.ipv4.ip_forward": True}), BARE))
    assert found[THRESHOLD.format(3)] == "2048" and found["net/ipv4/ip_forward"] == "1"
    (blocker,) = plan_host(desired(sysctls={"net.core.nonesuch": 1}), BARE).blockers
    assert blocker.item == "net.core.nonesuch"
    plan = plan_host(desired(sysctls={"net.netfilter.nf_conntrack_max": 262144}), BARE)
    assert not plan.blockers, "the module that brings it is loaded first"
    assert plan.after.parameters["net/netfilter/nf_conntrack_max"] == "262144"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nodes": 0}, "nodes: expected the number of hosts of the cluster, 1 or more, got 0"),
        ({"sysctls": {"net": 1}}, "sysctls: expected a kernel parameter such as net.ipv4.ip_forward, got 'net'"),
        ({"sysctls": {"net.ipv4.ip_forward": 0}}, "sysctls[net.ipv4.ip_forward]: expected 1, since containers"),
        ({"sysctls": {"net.core.x": ""}}, "sysctls[net.core.x]: expected a value, got ''"),
        ({"sysctls": {"net.core.x": [1]}}, "sysctls[net.core.x]: expected a string, a number or a boolean, got [1]"),
        ({"sysctls": {"net.core.x": 1, "net/core/x": 2}}, "sysctls[net/core/x]: expected every parameter once, got 'net.core.x'"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidOption) as raised:
        desired(**options)
    assert str(raised.value).startswith(message)


def test_interfaces_are_left_alone_where_the_services_are() -> None:
    both = replace(BARE, services={NETWORKD: "active", NETWORKMANAGER: "enabled"})
    plan = plan_host(desired(interfaces_unmanaged=True), both)
    assert "Name=veth* docker_gwbridge ov-* vx-*\n\n[Link]\nUnmanaged=yes" in plan.after.files[NETWORKD_FILE]
    assert "match-device=interface-name:veth*,interface-name:docker_gwbridge," in plan.after.files[NETWORKMANAGER_FILE]
    calls = {step.item: str(step.call) for step in plan.steps}
    assert calls[NETWORKD_FILE] == f"write {NETWORKD_FILE}; reload {NETWORKD}"
    assert calls[NETWORKMANAGER_FILE] == f"write {NETWORKMANAGER_FILE}", "it does not run, so it need not be told"
    assert not {NETWORKD_FILE, NETWORKMANAGER_FILE} & set(plan_host(desired(interfaces_unmanaged=True), BARE).after.files)
    assert not plan_host(desired(), plan.after).steps, "what is not managed stays"
    assert {step.item for step in plan_host(desired(interfaces_unmanaged=False), plan.after).steps} == {NETWORKD_FILE, NETWORKMANAGER_FILE}


TOLD = "eth0:connected\ndocker_gwbridge:connected (externally)\nvethb1:unmanaged\nveth0a:connecting (getting IP configuration)\n"


def test_networkmanager_lets_go_of_what_it_has_taken_before() -> None:
    taken = read_taken(TOLD)
    assert taken == ("docker_gwbridge", "veth0a")
    found = replace(BARE, services={NETWORKMANAGER: "active"}, taken=taken)
    plan = plan_host(desired(interfaces_unmanaged=True), found)
    assert [step.item for step in plan.steps[-2:]] == [NETWORKMANAGER_FILE, NETWORKMANAGER], "what comes meanwhile is not taken"
    assert plan.steps[-1].says == "have NetworkManager let go of docker_gwbridge, veth0a, which it has taken before"
    assert str(plan.steps[-1].call) == "nmcli device set docker_gwbridge managed no; nmcli device set veth0a managed no"
    assert not plan_host(desired(interfaces_unmanaged=True), plan.after).steps
    assert not [step for step in plan_host(desired(interfaces_unmanaged=False), found).steps if step.action == "release"]


def test_offloads_are_turned_off_on_vmxnet3_only() -> None:
    found = replace(BARE, cards=(INTEL, VMWARE), ethtool="/usr/sbin/ethtool")
    plan = plan_host(desired(offload_workaround="auto"), found)
    assert [(step.item, str(step.call)) for step in plan.steps if step.action == "offload"] == [
        ("ens192", "ethtool -K ens192 tx-checksum-ip-generic off tx-udp_tnl-segmentation off")
    ]
    assert plan.after.files[OFFLOAD_FILE].splitlines()[1:] == [
        'ACTION=="add", SUBSYSTEM=="net", DRIVERS=="vmxnet3", '
        'RUN+="/usr/sbin/ethtool -K $name tx-checksum-ip-generic off tx-udp_tnl-segmentation off"'
    ]
    assert not [step for step in plan_host(desired(), found).steps if "offload" in step.action + step.item]
    assert OFFLOAD_FILE not in plan_host(desired(offload_workaround="auto"), replace(found, cards=(INTEL,))).after.files
    always = plan_host(desired(offload_workaround="always"), found)
    assert [step.item for step in always.steps if step.action == "offload"] == ["eno1", "ens192"]
    (blocker,) = plan_host(desired(offload_workaround="auto"), replace(found, ethtool="")).blockers
    assert blocker.remedy == "install the package ethtool"
    gone = plan_host(desired(offload_workaround="never"), plan.after)
    assert [str(step.call) for step in gone.steps] == [f"remove {OFFLOAD_FILE}; reload udev"]


ETHTOOL = """Features for ens192:
tx-checksumming: on
\ttx-checksum-ip-generic: on
\ttx-checksum-sctp: off [fixed]
tx-udp_tnl-segmentation: off
tx-udp_tnl-csum-segmentation: off [fixed]
"""


def test_features_that_cannot_be_changed_are_not_among_those_of_a_card() -> None:
    assert read_features(ETHTOOL) == {"tx-checksum-ip-generic": True, "tx-udp_tnl-segmentation": False}


def test_modules_are_found_under_the_names_that_the_kernel_gives_them() -> None:
    text = "kernel/net/bridge/br_netfilter.ko.xz: kernel/net/bridge/bridge.ko.xz\nkernel/net/ipvs/ip_vs.ko:\nkernel/x/xt-mark.ko.zst:\n"
    assert loadable(text) == {"br_netfilter", "ip_vs", "xt_mark"}


def test_absent_removes_our_files_and_nothing_else() -> None:
    found = Observed(files=dict.fromkeys(FILES, "x"), services={NETWORKD: "active"})
    plan = plan_host(desired(state="absent"), found)
    assert [step.item for step in plan.steps] == list(FILES)
    assert plan.after.files == {}
    assert not plan_host(desired(state="absent"), plan.after).steps


def test_steps_are_commands_and_files() -> None:
    plan = plan_host(desired(rp_filter=2), BARE)
    load, put = plan.steps[:2]
    assert str(*actions(load.call)) == str(load.call)
    assert str(*actions(put.call)).startswith(
        "sysctl -q -w net/ipv4/ip_forward=1 net/bridge/bridge-nf-call-iptables=1 net/ipv4/conf/all/rp_filter=2"
    )


OPTIONS_DRAWN = st.fixed_dictionaries(
    {
        "encrypted": st.booleans(),
        "nodes": st.none() | st.integers(1, 5000),
        "rp_filter": st.sampled_from([None, 0, 1, 2]),
        "sysctls": st.sampled_from([None, {"net.core.somaxconn": 4096}, {"net.ipv4.neigh.default.gc_thresh1": 1}]),
        "interfaces_unmanaged": st.sampled_from([None, True, False]),
        "offload_workaround": st.sampled_from([None, "auto", "always", "never"]),
        "state": st.sampled_from(["present", "present", "absent"]),
    }
)
FOUND = st.builds(
    replace,
    st.just(replace(BARE, cards=(INTEL, VMWARE), ethtool="/usr/sbin/ethtool")),
    loaded=st.frozensets(st.sampled_from(sorted(ALL_MODULES))),
    parameters=st.dictionaries(st.sampled_from(sorted(FRESH)), st.sampled_from(["0", "1", "2"])).map(
        lambda drawn: {**FRESH, "net/core/somaxconn": "128", **drawn}
    ),
    services=st.dictionaries(st.sampled_from([NETWORKD, NETWORKMANAGER]), st.sampled_from(["active", "enabled"])),
    taken=st.sampled_from([(), ("docker_gwbridge",)]),
    files=st.dictionaries(st.sampled_from(FILES), st.sampled_from(["", "net.ipv4.conf.eth0.rp_filter = 1\n"])),
    settings=st.sampled_from(["", "net.ipv4.neigh.default.gc_thresh2 = 900000"]).map(
        lambda text: read_settings("/etc/sysctl.d/1.conf", text)
    ),
)


@settings(max_examples=200)
@given(OPTIONS_DRAWN, FOUND)
def test_the_plan_ends_where_it_was_to_end(options: dict[str, Any], found: Observed) -> None:
    plan = plan_host(desired(**options), found)
    if not plan.blockers:
        assert says(plan_host(desired(**options), plan.after)) == []
    thresholds = {key: int(value) for key, value in found.parameters.items() if "gc_thresh" in key and options["sysctls"] is None}
    assert all(int(plan.after.parameters[key]) >= value for key, value in thresholds.items()), "nothing is lowered"
