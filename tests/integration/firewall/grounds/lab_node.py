# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first node of a lab, with systemd, a real Engine, and the module run as Ansible has packed it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import threading
from abc import abstractmethod
from pathlib import Path
from typing import Any

from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.boot import UNIT as BOOT
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.way_back import TAKEN, UNIT
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from stories.firewalld import START, STOP
from stories.machines import LAB, Machines, eventually, run
from stories.playing import LOGS, Ansible

from . import traffic
from .firewalld import OfFirewalld
from .ground import ITSELF, PEERS, STRANGER, Done, Ground
from .standing import ask
from .traffic import PATIENCE

NUMBERS = {PEERS[0]: 211, PEERS[1]: 212, STRANGER: 219}
PORTS = ["tcp/2377", "tcp/7946", "udp/7946", "udp/4789", "tcp/9090"]
FOLDER = "/root/meshwork-stories"
PACKED = f"{FOLDER}/AnsiballZ_firewall.py"
DEADLINE = 600
SILENCES = ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit")
CONTAINER = "docker run --detach --restart always --name meshwork-story --publish 8080:8080 meshwork-lab:1"
SERVER = "/bin/busybox nc -ll -p 8080 -e /bin/busybox cat"


class LabNode(Ground):
    """A node of the lab LAB_NAME (main), which is booted where it is not up. Peers and stranger are addresses of the lab's bridge.

    Grounds share the first node, or as many as FIREWALL_NODES says; `seat` tells which is whose.
    """

    backend = "auto"
    persistent = True
    seat = 0

    def __init__(self, root: Path) -> None:
        name = os.environ.get("LAB_NAME") or "main"
        nodes = int(os.environ.get("FIREWALL_NODES", "1"))
        run([str(LAB), "--name", name, "up", "--nodes", str(nodes)], timeout=600)
        self.machines = Machines(name)
        self.node = self.machines.nodes[self.seat % nodes]
        self._own = self.machines.addresses[self.node]
        found = re.search(r"inet6 (\S+)/\d+ scope global", self._outside("ip -6 address show dev eth0 scope global"))
        if found is None:
            raise AssertionError(f"{self.node} has no IPv6 address")
        self._own6 = found[1]
        for who in NUMBERS:
            self._bridge("replace", who)
        self._pack(name)
        self._hand, self._turn = self._reach(), threading.Lock()
        limits = self.shell(f"sysctl -n {' '.join(SILENCES)}").split()
        self._limits = [f"{key}={value}" for key, value in zip(SILENCES, limits, strict=True)]
        self._begin()
        self.set_up()
        self._bare = self.ruleset()

    def shell(self, line: str, check: bool = True) -> str:
        """What a line for the node's shell prints."""
        return self._output({"line": line}, check)

    def firewall(self, *calls: str) -> str:
        """The output of calls of firewall-cmd, each with its words."""
        return self._output({"calls": [shlex.split(call) for call in calls]})

    def _output(self, what: dict[str, Any], check: bool = True) -> str:
        done = self._tell(what)
        if check and done["status"]:
            raise AssertionError(f"{what!r} ended with {done['status']}: {done['output']}{done['errors']}")
        return str(done["output"])

    def _tell(self, what: dict[str, Any]) -> Any:
        """The answer of the program that stands ready on the node."""
        with self._turn:
            return ask(self._hand, what, DEADLINE)

    def _outside(self, line: str, stdin: str | None = None, check: bool = True) -> str:
        return self.machines.shell(self.node, line, check=check, stdin=stdin)

    def _bridge(self, verb: str, who: str) -> None:
        for address in (f"{self.address(who)}/24", f"{self.address(who, 6)}/64"):
            run(["ip", "-netns", self.machines.netns, "address", verb, address, "dev", "br0", *(["nodad"] if verb == "replace" else [])])

    def _pack(self, name: str) -> None:
        """Leave the module on the node as Ansible sends it, with its documented `explode`: a run takes a third of the time then."""
        self._outside(f"kill $(cat {FOLDER}/pid); rm -rf {FOLDER} /root/.ansible/tmp; mkdir {FOLDER}")
        os.environ["ANSIBLE_KEEP_REMOTE_FILES"] = "1"
        try:
            Ansible(name, LOGS / f"firewall-{self.node}").module(self.node, "firewall", {"role": "worker", "peers": []}, check=True)
        finally:
            del os.environ["ANSIBLE_KEEP_REMOTE_FILES"]
        self._outside(f"mv /root/.ansible/tmp/*/AnsiballZ_firewall.py {PACKED} && rm -r /root/.ansible/tmp && python3 {PACKED} explode")
        for program in ("traffic.py", "firewall_cmd.py", "on_the_node.py"):
            self._outside(f"cat > {FOLDER}/{program}", stdin=Path(__file__).with_name(program).read_text())
        self._template = json.loads(self._outside(f"cat {FOLDER}/debug_dir/args"))["ANSIBLE_MODULE_ARGS"]

    def _reach(self) -> subprocess.Popen[str]:
        words = [str(LAB), "--name", self.machines.name, "exec", self.node, "--", f"python3 {FOLDER}/on_the_node.py {FOLDER}/debug_dir"]
        return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _begin(self) -> None:
        """The servers on the node, and answers to strangers that the kernel does not hold back for being many."""
        self.shell("sysctl -qw " + " ".join(f"{key}=0" for key in SILENCES))
        self.shell(f"setsid python3 {FOLDER}/traffic.py serve {' '.join(PORTS)} >{FOLDER}/log 2>&1 </dev/null & echo $! >{FOLDER}/pid")
        self.shell(f"docker inspect meshwork-story >/dev/null 2>&1 || {CONTAINER} {SERVER}")
        self.wait_for_container()

    def wait_for_container(self) -> None:
        """Until Docker has made its rules anew."""
        eventually(lambda: self.ask(PEERS[0], "tcp", 8080), lambda said: said == traffic.OPEN, 180, "the container answers")

    @abstractmethod
    def set_up(self) -> None:
        """Have this firewall at work."""

    @abstractmethod
    def take_down(self) -> None:
        """Have no firewall at work, as the lab's image has it."""

    def address(self, who: str, family: int = 4) -> str:
        if who == ITSELF:
            return self._own if family == 4 else self._own6
        start = self._own.rpartition(".")[0] if family == 4 else self._own6.rpartition("::")[0]
        number = NUMBERS[who] + 10 * self.seat
        return f"{start}.{number}" if family == 4 else f"{start}::{number}"

    def options(self, checking: bool = False, **options: Any) -> dict[str, Any]:
        """What the module is called with."""
        peers = [self.address(who, family) for who in PEERS for family in (4, 6)]
        if options.get("state", "present") == "present":
            options = {"role": "manager", "peers": peers, "encrypted": True, "persistent": self.persistent, **options}
        internal = {key: value for key, value in self._template.items() if key.startswith("_ansible")}
        return {**internal, "_ansible_check_mode": checking, "backend": self.backend, **options}

    def call(self, options: dict[str, Any]) -> dict[str, Any]:
        """What the module answers to these options."""
        text = self._tell({"arguments": options})
        if not text.startswith("\n{"):
            raise AssertionError(f"the module said {text!r}")
        said: dict[str, Any] = json.loads(text)
        return said

    def start_by_itself(self, **options: Any) -> str:
        """Have systemd run the module, with no SSH connection above it. Gives the file of what it will have said."""
        text, output = json.dumps({"ANSIBLE_MODULE_ARGS": self.options(**options)}), f"{FOLDER}/said"
        self.shell(f"printf %s {shlex.quote(text)} > {FOLDER}/debug_dir/args")
        self.shell(f"systemd-run --quiet --collect /bin/sh -c 'sleep 1; python3 {PACKED} execute > {output} 2>&1'")
        return output

    def run(self, checking: bool = False, **options: Any) -> Done:
        said = self.call(self.options(checking, **options))
        if said.get("failed"):
            if said.get("exception"):
                raise AssertionError(said["exception"])
            raise SwarmError(str(said["msg"]))
        return Done(said["changed"], tuple(step["says"] for step in said["steps"]), said)

    def goes_back(self) -> None:
        line = f"test -e {TAKEN} && ! systemctl --quiet is-active {UNIT} && echo back"
        eventually(lambda: self.shell(line, check=False), lambda said: said == "back\n", 120, "the host has gone back")

    def tables(self) -> str:
        """Every rule and set of the kernel without counters, in the order of iptables-save; the members of sets sorted."""
        text = self.shell("for each in iptables-save ip6tables-save; do $each; done; echo '# sets'; ipset save")
        rules, _mark, sets = text.partition("# sets")
        kept = [re.sub(r" \[\d+:\d+\]$", "", line) for line in rules.splitlines() if not line.startswith("#")]
        return "\n".join([*kept, *sorted(re.sub(r" initval \S+", "", line) for line in sets.split("\n"))])

    def ruleset(self) -> str:
        return self.tables()

    def reset(self) -> None:
        self.remove_foreign_rules()
        self.run(state="absent")
        self.settle()
        left = self.ruleset()
        if left != self._bare:
            self.take_down()
            self.set_up()
            self._bare = self.ruleset()

    def remove_foreign_rules(self) -> None:
        """Take back what `add_foreign_rules` has put there, if it has."""

    def ask(self, who: str, protocol: str, port: int, family: int = 4, patience: float = PATIENCE) -> str:
        source, target = self.address(who, family), self.address(ITSELF, family)
        if who == ITSELF:
            return self.shell(f"python3 {FOLDER}/traffic.py ask {source} {target} {protocol} {port}").strip()
        return traffic.ask(self.machines.netns, source, target, protocol, port, patience)

    def esp_arrives(self, who: str) -> bool:
        source = self.address(who)
        words = [str(LAB), "--name", self.machines.name, "exec", self.node, "--", f"python3 {FOLDER}/traffic.py esp {source}"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as waiting:
            assert waiting.stdout is not None
            assert waiting.stdout.readline().strip() == "ready"
            traffic.send_esp(self.machines.netns, source, self._own)
            return waiting.communicate(timeout=30)[0].strip() == "True"

    def close(self) -> None:
        try:
            self.remove_foreign_rules()
            self.call(self.options(state="absent"))
        finally:
            self.take_down()
            self.shell(
                f"kill $(cat {FOLDER}/pid); docker rm -f meshwork-story; sysctl -qw {shlex.join(self._limits)}; rm -r {FOLDER}", check=False
            )
            self._hand.communicate(timeout=30)
            for who in NUMBERS:
                self._bridge("delete", who)


FOREIGN = """
iptables {0} INPUT -s 192.0.2.7/32 -j DROP
iptables {0} INPUT -s 192.0.2.8/32 -p tcp -m tcp --dport 2377 -j ACCEPT
iptables -t mangle {0} PREROUTING -s 192.0.2.7/32 -j DROP
iptables -t nat {0} PREROUTING -s 192.0.2.7/32 -p tcp -m tcp --dport 81 -j REDIRECT --to-ports 82
ip6tables {0} INPUT -s 2001:db8::7/128 -j DROP
"""
DAMAGES = {
    "a rule deleted": "iptables -D MESHWORK-SWARM 3",
    "a rule of others among ours": "iptables -I MESHWORK-SWARM -p tcp --dport 7946 -j ACCEPT",
    "a rule of ours appended twice": "ip6tables -A MESHWORK-SWARM -p tcp --dport 7946 -j ACCEPT",
    "a stranger in the set": "ipset add meshwork-swarm-4 {stranger}",
    "the set emptied": "ipset flush meshwork-swarm-4; ipset flush meshwork-swarm-6",
    "our chain emptied": "iptables -F MESHWORK-SWARM",
    "the jump removed": "iptables -D INPUT $(iptables -S INPUT | grep -n MESHWORK | head -1 | cut -d: -f1 | awk '{{print $1 - 1}}')",
    "the jump twice": "iptables -I INPUT -j MESHWORK-SWARM",
    "everything of ours removed": "{flush}",
    "the chain for published ports emptied": "iptables -t mangle -F MESHWORK-PUBLISHED",
    "the jump to published ports removed": "iptables -t mangle -D PREROUTING 1",
    "everybody let in before the jump": "iptables -D INPUT 1; iptables -A INPUT -j ACCEPT; iptables -A INPUT -j MESHWORK-SWARM",
}
FLUSH = "".join(
    f"""for jump in $({program} -t {table} -S {hook} | grep -n -- '-j {chain}$' | cut -d: -f1 | sort -rn); do
  {program} -t {table} -D {hook} $((jump - 1))
done
{program} -t {table} -F {chain} 2>/dev/null
{program} -t {table} -X {chain} 2>/dev/null
"""
    for program in ("iptables", "ip6tables")
    for table, hook, chain in (("filter", "INPUT", "MESHWORK-SWARM"), ("mangle", "PREROUTING", "MESHWORK-PUBLISHED"))
)
FLUSH += "ipset destroy meshwork-swarm-4 2>/dev/null; ipset destroy meshwork-swarm-6 2>/dev/null; true"


class Iptables(LabNode):
    """iptables, with nothing in it but Docker's rules. Stories that are not about boot do without the unit: systemd takes seconds here."""

    persistent = False

    def set_up(self) -> None:
        """Nothing else is at work."""

    def take_down(self) -> None:
        self.shell(f"{FLUSH}; iptables -D INPUT -j ACCEPT 2>/dev/null; true")

    def damages(self) -> tuple[str, ...]:
        return tuple(DAMAGES)

    def damage(self, name: str) -> None:
        self.shell(DAMAGES[name].format(stranger=self.address(STRANGER), flush=FLUSH))

    def add_foreign_rules(self) -> None:
        self.shell("set -e\n" + FOREIGN.format("-A") + "ipset create foreign hash:ip; ipset add foreign 192.0.2.9")

    def remove_foreign_rules(self) -> None:
        self.shell(f"iptables -S INPUT | grep -q 192.0.2.8 || exit 0\n{FOREIGN.format('-D')}ipset destroy foreign")

    def reload(self) -> None:
        self.shell("systemctl restart docker")
        self.wait_for_container()

    def reboot(self) -> None:
        self.shell(f"{FLUSH}\nif systemctl -q is-enabled {BOOT} 2>/dev/null; then systemctl restart {BOOT}; fi")


UFW_LEFT = r"""
for program in iptables ip6tables; do
  $program -S | grep -E '^-A (INPUT|OUTPUT|FORWARD) -j ufw' | sed s/-A/-D/ | while read -r line; do $program $line; done
  chains=$($program -S | sed -n 's/^-N \(ufw.*\)$/\1/p')
  for verb in F X; do for chain in $chains; do $program -$verb $chain; done; done
done
"""
"""What `ufw disable` leaves: its empty chains."""


class Ufw(Iptables):
    """ufw that refuses what it does not know, as it does by default, but for SSH and 9090/tcp."""

    opens_the_rest = False
    seat = 1

    def set_up(self) -> None:
        self.shell("ufw allow 22,9090/tcp && ufw --force enable")

    def take_down(self) -> None:
        self.shell("ufw --force reset && rm -f /etc/ufw/*.rules.20*")
        self.shell(UFW_LEFT)
        super().take_down()

    def add_foreign_rules(self) -> None:
        super().add_foreign_rules()
        self.shell("ufw deny from 192.0.2.10 && ufw allow from 192.0.2.11 to any port 2377 proto tcp")

    def remove_foreign_rules(self) -> None:
        super().remove_foreign_rules()
        self.shell("ufw delete deny from 192.0.2.10 && ufw delete allow from 192.0.2.11 to any port 2377 proto tcp", check=False)

    def reload(self) -> None:
        self.shell("ufw reload && ufw disable && ufw --force enable")

    def reboot(self) -> None:
        self.shell("ufw disable")
        super().reboot()
        self.shell("ufw --force enable")


OF_DOCKER = re.compile(r"DOCKER|docker0|172\.17\.")


class FirewalldIptables(OfFirewalld, LabNode):
    """firewalld on iptables: the zone of the network card lets SSH and 9090/tcp in."""

    seat = 2

    def set_up(self) -> None:
        self.shell(START)
        self.firewall("--permanent --add-port=9090/tcp", "--reload")
        self._restart_docker()

    def tables(self) -> str:
        """Docker's own rules are left out: it puts back only some of them after a reload, one by one. Port 8080 shows those that count."""
        return "\n".join(line for line in super().tables().splitlines() if not OF_DOCKER.search(line))

    def _restart_docker(self) -> None:
        self.shell("systemctl restart docker")
        self.wait_for_container()

    def take_down(self) -> None:
        self.firewall("--permanent --remove-port=9090/tcp")
        self.shell(f"{STOP}; systemctl restart docker")

    def run(self, checking: bool = False, **options: Any) -> Done:
        """The module, and the wait of the role for what Docker loses by a reload: its way to the container's port, and through to it."""
        done = super().run(checking, **options)
        if done.changed and not checking:
            docker_s = "iptables -t nat -S DOCKER; iptables -S DOCKER"
            eventually(
                lambda: self.shell(docker_s, check=False),
                lambda said: "--dport 8080" in said and "-j ACCEPT" in said,
                180,
                "Docker's rules",
            )
        return done

    def settle(self) -> None:
        super().settle()
        self.wait_for_container()

    def reload(self) -> None:
        super().reload()
        self._restart_docker()

    def reboot(self) -> None:
        self.shell("systemctl restart firewalld")
        self._restart_docker()
