# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service keeps when its networks change: what `replace: rolling` of the module networks relies on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .subjects import IMAGE, Subject
from .test_networks import request

NAMES = ("contract-here", "contract-beside")
LINE = "192.0.2.1 ldap io.example.alias"


def on(swarm: Subject, *networks: str, **fields: Any) -> None:
    """Bring the service onto these networks, everything else as it is."""
    service = swarm.service("contract-mover")
    template = {**service["Spec"]["TaskTemplate"], "Networks": [{"Target": swarm.network(name)["Id"]} for name in networks]}
    spec = {**service["Spec"], "TaskTemplate": template, **fields}
    swarm.post(f"/services/{service['ID']}/update", spec, version=service["Version"]["Index"])


def addresses(swarm: Subject) -> Mapping[str, str]:
    """The service's virtual IPs by the name of the network."""
    names = {swarm.network(name)["Id"]: name for name in NAMES}
    return {names[each["NetworkID"]]: each["Addr"] for each in swarm.service("contract-mover")["Endpoint"].get("VirtualIPs") or ()}


def test_a_virtual_ip_stays_for_as_long_as_the_service_is_on_its_network(swarm: Subject) -> None:
    for name in NAMES:
        swarm.post("/networks/create", request(name))
        swarm.until(lambda name=name: swarm.network(name), lambda network: network["IPAM"]["Config"])  # type: ignore[misc]
    container = {"Image": IMAGE, "Hosts": [LINE]}
    spec = {
        "Name": "contract-mover",
        "Mode": {"Replicated": {"Replicas": 0}},
        "TaskTemplate": {"ContainerSpec": container, "Networks": [{"Target": "contract-here"}]},
        "EndpointSpec": {"Mode": "vip"},
    }
    swarm.post("/services/create", spec)
    first = swarm.until(lambda: addresses(swarm), lambda found: set(found) == {"contract-here"})
    on(swarm, *NAMES)
    both = swarm.until(lambda: addresses(swarm), lambda found: set(found) == set(NAMES))
    assert both["contract-here"] == first["contract-here"]
    on(swarm, "contract-beside")
    last = swarm.until(lambda: addresses(swarm), lambda found: set(found) == {"contract-beside"})
    assert last["contract-beside"] == both["contract-beside"]
    assert swarm.service("contract-mover")["Spec"]["TaskTemplate"]["ContainerSpec"]["Hosts"] == [LINE], "the alias, too, is kept"


def test_with_dnsrr_there_is_no_virtual_ip(swarm: Subject) -> None:
    on(swarm, "contract-beside", EndpointSpec={"Mode": "dnsrr"})
    swarm.until(lambda: addresses(swarm), lambda found: not found)
    swarm.delete(f"/services/{swarm.service('contract-mover')['ID']}")
    for name in NAMES:
        swarm.delete(f"/networks/{name}")
