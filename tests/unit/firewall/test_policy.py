# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy as firewalld prints it, and as its files hold it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall import policy
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import CommandFailed
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import Entry, parse_firewall

# firewall-cmd 1.3.3 --list-all-policies, worker, one address family
LISTING = """\
allow-host-ipv6 (active)
  priority: -15000
  target: CONTINUE
  ingress-zones: ANY
  egress-zones: HOST
  services: 
  rich rules: 
\trule family="ipv6" icmp-type name="neighbour-advertisement" accept

meshwork-swarm (active)
  priority: -100
  target: CONTINUE
  ingress-zones: ANY
  egress-zones: HOST
  services: 
  ports: 
  protocols: 
  masquerade: no
  forward-ports: 
  source-ports: 
  icmp-blocks: 
  rich rules: 
\trule priority="-20" family="ipv4" source ipset="meshwork-swarm-4" port port="4789" protocol="udp" accept
\trule priority="-20" family="ipv4" source ipset="meshwork-swarm-4" port port="7946" protocol="tcp" accept
\trule priority="-20" family="ipv4" source ipset="meshwork-swarm-4" port port="7946" protocol="udp" accept
\trule priority="-20" family="ipv4" source ipset="meshwork-swarm-4" protocol value="esp" accept
\trule priority="-10" family="ipv4" port port="2377" protocol="tcp" reject type="icmp-admin-prohibited"
\trule priority="-10" family="ipv4" port port="4789" protocol="udp" reject type="icmp-admin-prohibited"
\trule priority="-10" family="ipv4" port port="7946" protocol="tcp" reject type="icmp-admin-prohibited"
\trule priority="-10" family="ipv4" port port="7946" protocol="udp" reject type="icmp-admin-prohibited"

"""  # noqa: W291 (firewall-cmd ends these lines with a blank)


def test_what_firewalld_prints_is_what_is_rendered(options: dict[str, Any]) -> None:
    ours = policy.read_listing(LISTING)["meshwork-swarm"]
    entries, right = policy.read_runtime(ours, (4,))
    assert right
    assert entries[4] == policy.render_policy(parse_firewall({**options, "role": "worker"}), 4)
    assert [entry.verb for entry in entries[4]] == ["allow"] * 4 + ["refuse"] * 4


def test_the_file_holds_the_same_rules(options: dict[str, Any]) -> None:
    desired = parse_firewall(options)
    wanted = {family: policy.render_policy(desired, family) for family in (4, 6)}
    text = policy.policy_xml([*wanted[4], *wanted[6]])
    assert policy.read_policy_xml(text, (4, 6)) == (wanted, True)


def test_a_hand_made_change_in_the_file_is_seen(options: dict[str, Any]) -> None:
    text = policy.policy_xml(policy.render_policy(parse_firewall(options), 4))
    entries, right = policy.read_policy_xml(text.replace("</policy>", '<service name="http"/></policy>'), (4,))
    assert right
    assert [entry for entry in entries[4] if not entry.verb] == [Entry('service name="http"')]
    assert not policy.read_policy_xml(text.replace('priority="-100"', 'priority="10"'), (4,))[1]
    assert not policy.read_policy_xml(text.replace('ingress-zone name="ANY"', 'ingress-zone name="public"'), (4,))[1]


def test_a_broken_file_is_named() -> None:
    with pytest.raises(CommandFailed, match=r"/etc/firewalld/policies/meshwork-swarm.xml is not XML"):
        policy.read_policy_xml("<policy", (4,))


def test_a_rule_without_our_set_is_not_a_permission_of_ours() -> None:
    fields = {**policy.read_listing(LISTING)["meshwork-swarm"], "ports": ("7/tcp",), "masquerade": ("yes",)}
    fields["rich rules"] = ('rule priority="-20" family="ipv4" port port="7946" protocol="tcp" accept',)
    entries, _right = policy.read_runtime(fields, (4, 6))
    assert {entry.text: entry.verb for entry in entries[4]} == {"port 7/tcp": "", "masquerade": "", fields["rich rules"][0]: ""}
    assert {policy.removal(entry) for entry in entries[4]} == {
        "--remove-port=7/tcp",
        "--remove-masquerade",
        f"--remove-rich-rule={fields['rich rules'][0]}",
    }


def test_sets_are_read_with_their_type() -> None:
    text = policy.set_xml(6, ("fd00::1", "fd00::2"))
    assert policy.read_set_xml(text, 6) == (("fd00::1", "fd00::2"), True)
    assert policy.read_set_xml(text, 4)[1] is False
    assert policy.read_set_xml(text.replace("hash:ip", "hash:net"), 6)[1] is False
    assert policy.read_set_xml(None, 6) == (None, True)


def test_the_way_back_to_a_runtime_has_one_call_for_each_kind_of_change() -> None:
    kept = {"interfaces": (), "services": ("dhcpv6-client", "ssh"), "ports": ("8081/tcp",), "masquerade": ("no",)}
    now = {"interfaces": ("eth7",), "services": ("ssh",), "ports": ("8081/tcp", "8080/tcp", "8082/tcp"), "masquerade": ("yes",)}
    assert policy.changes("public", kept, now) == [
        ("firewall-cmd", "--zone=public", "--change-interface=eth7"),
        ("firewall-cmd", "--zone=public", "--remove-service=dhcpv6-client"),
        ("firewall-cmd", "--zone=public", "--add-port=8080/tcp", "--add-port=8082/tcp"),
        ("firewall-cmd", "--zone=public", "--add-masquerade"),
    ]
    assert policy.changes("public", now, now) == []
