# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables, without and with a ruleset of the administrator's that refuses what it does not know."""

from __future__ import annotations

import json
from pathlib import Path

from .namespaces import BOX, Namespaces, sh

DOCKERS = f"""
table ip dockerlike {{
  chain prerouting {{
    type nat hook prerouting priority dstnat; policy accept;
    fib daddr type local tcp dport 8080 dnat to {BOX}:8080
  }}
}}
"""
ADMINISTRATORS = """
table inet filter {
  set admins {
    type ipv4_addr
    elements = { 192.0.2.1, 192.0.2.2 }
  }
  chain early {
    type filter hook input priority -200; policy accept;
    tcp dport { 2377, 5000 } jump careful
  }
  chain careful {
    ip saddr 192.0.2.0/24 accept
    reject with icmpx type admin-prohibited
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport { 22, 9090 } accept comment "the administrator's"
    ip saddr @admins accept
  }
}
table ip6 legacy {
  chain incoming {
    type filter hook input priority 10; policy accept;
    tcp dport 7946 drop
    udp dport vmap { 7946 : drop, 4789 : drop }
  }
}
"""
OURS = "meshwork_swarm"


class Nftables(Namespaces):
    """A host of namespaces whose ruleset is written with nft. `theirs` is the administrator's part of it."""

    theirs = DOCKERS
    # a host with nothing of the administrator's is one of iptables unless it is told otherwise
    backend = "nftables"

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.nft(self.theirs)

    def reset(self) -> None:
        self.machine.forget()
        self.nft(f"flush ruleset\n{self.theirs}")

    def nft(self, text: str) -> None:
        sh("ip", "netns", "exec", self.host, "nft", "-f", "-", stdin=text)

    def ruleset(self) -> str:
        return sh("ip", "netns", "exec", self.host, "nft", "-s", "list", "ruleset")

    def rules(self, family: str, table: str, chain: str) -> list[tuple[int, str]]:
        """The handle of each rule of a chain, and its text as JSON."""
        text = sh("ip", "netns", "exec", self.host, "nft", "-j", "list", "chain", family, table, chain)
        return [(each["rule"]["handle"], json.dumps(each)) for each in json.loads(text)["nftables"] if "rule" in each]

    def damages(self) -> tuple[str, ...]:
        return (
            "a rule deleted",
            "a rule of others among ours",
            "a stranger in the set",
            "the set emptied",
            "our chain emptied",
            "our table removed",
            "our table asleep",
            "a chain of others in our table",
            "the rules in another order",
        )

    def damage(self, name: str) -> None:
        ours = f"inet {OURS}"
        first = self.rules("inet", OURS, "input")[0][0]
        refusal = next(handle for handle, text in self.rules("inet", OURS, "input") if "reject" in text)
        text = {
            "a rule deleted": f"delete rule {ours} input handle {refusal}",
            "a rule of others among ours": f"insert rule {ours} input tcp dport 7946 accept",
            "a stranger in the set": f"add element {ours} peers4 {{ {self.address('stranger')} }}",
            "the set emptied": f"flush set {ours} peers4",
            "our chain emptied": f"flush chain {ours} input",
            "our table removed": f"delete table {ours}",
            "our table asleep": f"add table {ours} {{ flags dormant; }}",
            "a chain of others in our table": f"add chain {ours} other",
            "the rules in another order": f"delete rule {ours} input handle {refusal}\n"
            f"insert rule {ours} input position {first} meta nfproto ipv4 tcp dport {{ 2377, 7946 }} reject with icmpx admin-prohibited"
            ' comment "meshwork.swarm: strangers"',
        }[name]
        self.nft(f"{text}\n")

    def add_foreign_rules(self) -> None:
        self.nft(
            "table inet foreign {\n set seen {\n type ipv4_addr\n elements = { 192.0.2.7 }\n }\n chain input {\n"
            ' type filter hook input priority -20; policy accept;\n ip saddr @seen counter drop comment "somebody else\'s"\n }\n}\n'
        )

    def reboot(self) -> None:
        self.nft("flush ruleset\n")
        self.nft(self.theirs)
        for unit in self.machine.enabled():
            self.machine.start(unit, "ExecStart")

    def reload(self) -> None:
        """What `systemctl reload nftables` does with `flush ruleset` in /etc/nftables.conf, our unit's reload after it."""
        self.nft(f"flush ruleset\n{self.theirs}")
        for unit in self.machine.enabled():
            self.machine.start(unit, "ExecReload")


class NftablesDefaultDrop(Nftables):
    """The same with a ruleset of the administrator's: three chains on the input hook, each of which refuses peers in another way."""

    theirs = DOCKERS + ADMINISTRATORS
    opens_the_rest = False
    backend = "auto"

    def damages(self) -> tuple[str, ...]:
        return (
            *super().damages(),
            "the jump removed",
            "the jump moved",
            "the jump twice",
            "a rule before the jump",
            "the joined set emptied",
        )

    def damage(self, name: str) -> None:
        jumps = [handle for handle, text in self.rules("inet", "filter", "input") if f'"target": "{OURS}"' in text]
        jump = f'jump {OURS} comment "meshwork.swarm: who may reach the ports of the swarm"'
        if name == "the jump removed":
            self.nft(f"delete rule inet filter input handle {jumps[0]}\n")
        elif name == "the jump moved":
            self.nft(f"delete rule inet filter input handle {jumps[0]}\nadd rule inet filter input {jump}\n")
        elif name == "the jump twice":
            self.nft(f"add rule inet filter early {jump}\n")
        elif name == "a rule before the jump":
            self.nft("insert rule inet filter input tcp dport 7946 drop\n")
        elif name == "the joined set emptied":
            self.nft(f"flush set inet filter {OURS}_peers4\n")
        else:
            super().damage(name)
