# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ports Docker publishes on a host, read from NAT rules as Engine 20.10 makes them, and which are open to everybody."""

from __future__ import annotations

from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.exposed import open_to_all, parse_published
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import Desired, Published

SAVED = """*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-INGRESS - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER-INGRESS
-A DOCKER -i docker0 -j RETURN
-A DOCKER ! -i docker_gwbridge -p tcp -m tcp --dport 8081 -j DNAT --to-destination 172.18.0.5:80
-A DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 8082 -j DNAT --to-destination 172.17.0.2:80
-A DOCKER -d 192.0.2.1/32 ! -i docker0 -p udp -m udp --dport 53 -j DNAT --to-destination 172.17.0.2:53
-A DOCKER-INGRESS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.18.0.2:8080
-A DOCKER-INGRESS -j RETURN
-A OTHER -p tcp -m tcp --dport 9999 -j DNAT --to-destination 10.0.0.1:9999
COMMIT
"""


def test_both_modes_of_publishing_are_seen_and_the_loopback_is_not_the_world() -> None:
    assert parse_published(SAVED) == {(8080, "tcp"), (8081, "tcp"), (53, "udp")}


def test_a_port_is_open_where_it_is_not_written_or_written_for_everybody() -> None:
    published = (Published("tcp", 8080, {4: ("10.0.0.0/8",), 6: ()}), Published("udp", 53, {4: (), 6: ("::/0",)}))
    assert open_to_all(parse_published(SAVED), Desired(present=True, published=published)) == ["53/udp", "8081/tcp"]
