# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld: what its stories do with it anywhere, and a host of namespaces with one on nftables."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Finished

from . import firewall_cmd
from .ground import STRANGER, Ground
from .namespaces import Namespaces, sh
from .nftables import DOCKERS
from .standing import ask

OF_OTHERS = (
    "--permanent --{0}-port=5000/tcp",
    """--permanent --{0}-rich-rule='rule family="ipv4" source address="192.0.2.7" drop'""",
    "--permanent --direct --{0}-rule ipv4 mangle PREROUTING 5 -s 192.0.2.7 -j DROP",
)
OURS = "--policy=meshwork-swarm"
REFUSAL = 'rule priority="-10" family="ipv4" port port="2377" protocol="tcp" reject type="icmp-admin-prohibited"'
OF_FIREWALLD = {
    "a rule deleted": [f"{OURS} --remove-rich-rule='{REFUSAL}'"],
    "a rule deleted that is permanent": [f"--permanent {OURS} --remove-rich-rule='{REFUSAL}'"],
    "a rule of others among ours": [f"{OURS} --add-port=7946/tcp"],
    "a stranger in the set": ["--ipset=meshwork-swarm-4 --add-entry={stranger}"],
    "a stranger in the permanent set": ["--permanent --ipset=meshwork-swarm-4 --add-entry={stranger}"],
    "our policy removed, and a reload": ["--permanent --delete-policy=meshwork-swarm", "--reload"],
    "the published ports removed": ["--direct --remove-rules ipv4 mangle PREROUTING"],
    "the permanent published ports removed": ["--permanent --direct --remove-rules ipv6 mangle PREROUTING"],
}
NO_TRANSIENT = "firewalld has no policies that are not permanent: the module refuses persistent=false"
BUS = """<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>
</busconfig>
"""


class OfFirewalld(Ground):
    """What is done with firewalld, wherever it runs."""

    opens_the_rest = False
    lacks: Mapping[str, str] = {"test_what_is_not_persistent_does_not_come_back": NO_TRANSIENT}
    configuration = "/etc/firewalld"

    # what the ground itself has: a line for the host's shell, calls of firewall-cmd, and the rules of the kernel
    shell: Callable[..., str]
    firewall: Callable[..., str]
    tables: Callable[[], str]

    def ruleset(self) -> str:
        """What firewalld says of itself, and the rules of the kernel: Docker makes its own anew at a reload, in no certain order.

        Direct rules stand in the order in which they came; what that means their priorities say.
        """
        shown = ("--list-all-policies", "--list-all-zones", "--get-ipsets")
        listed = self.firewall(*(f"{side}{option}" for side in ("", "--permanent ") for option in shown))
        direct = [self.firewall(f"{side}--direct --get-all-rules") for side in ("", "--permanent ")]
        files = self.shell(f"cd {self.configuration} && find . -type f ! -name '*.old' | sort | xargs sha256sum")
        return "\n".join([listed, files, *("\n".join(sorted(rules.splitlines())) for rules in (*direct, self.tables()))])

    def settle(self) -> None:
        self.firewall("--reload")
        if "foreign" in self.firewall("--get-policies").split():
            # what is only in the runtime no reload keeps, whoever makes it
            self.firewall("--add-port=5001/tcp")

    def reload(self) -> None:
        self.firewall("--reload", "--complete-reload")

    def damages(self) -> tuple[str, ...]:
        return tuple(OF_FIREWALLD)

    def damage(self, name: str) -> None:
        self.firewall(*(call.format(stranger=self.address(STRANGER)) for call in OF_FIREWALLD[name]))

    def add_foreign_rules(self) -> None:
        calls = (call.format("add") for call in OF_OTHERS)
        self.firewall(*calls, "--permanent --new-policy=foreign", "--reload", "--add-port=5001/tcp")

    def remove_foreign_rules(self) -> None:
        if "foreign" in self.firewall("--permanent --get-policies").split():
            calls = (call.format("remove") for call in OF_OTHERS)
            self.firewall(*calls, "--permanent --delete-policy=foreign")
            # firewalld leaves a file with nothing in it
            self.shell(f"rm -f {self.configuration}/direct.xml")
            self.firewall("--reload")


DEADLINE = 60


class FirewalldNftables(OfFirewalld, Namespaces):
    """firewalld on nftables, with a message bus of its own. Direct rules are rules of iptables-nft there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "host")
        self.configuration = str(self.machine.place("/etc/firewalld"))
        self._started: list[subprocess.Popen[bytes]] = []
        self._hand: subprocess.Popen[str] | None = None
        shutil.copytree("/etc/firewalld", self.configuration)
        settings = Path(self.configuration) / "firewalld.conf"
        settings.write_text(settings.read_text().replace("FirewallBackend=iptables", "FirewallBackend=nftables"))
        socket = root / "bus"
        (root / "bus.conf").write_text(BUS.format(socket=socket))
        self._environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={socket}"}
        self.machine.set_environment(self._environment)
        self.machine.running.add("firewalld")
        try:
            self._set_up(root)
        except BaseException:
            self.close()
            raise

    def _set_up(self, root: Path) -> None:
        self._start("dbus-daemon", f"--config-file={root / 'bus.conf'}", "--nofork", "--nopidfile")
        self._reach()
        self._firewalld()
        self.firewall("--permanent --add-port=9090/tcp", "--permanent --add-service=ssh", "--reload")
        sh("ip", "netns", "exec", self.host, "nft", "-f", "-", stdin=DOCKERS)
        self._bare = self.ruleset()

    def _start(self, *words: str) -> None:
        self._started.append(subprocess.Popen(words, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _reach(self) -> None:
        """Have a firewall-cmd stand ready in the namespace, for us and for the module."""
        words = ("ip", "netns", "exec", self.host, "/usr/bin/python3", firewall_cmd.__file__)
        self._hand = subprocess.Popen(words, env=self._environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.machine.standing["firewall-cmd"] = self._call

    def _call(self, words: Sequence[str]) -> Finished:
        return Finished(*ask(self._hand, words, DEADLINE))

    def firewall(self, *calls: str) -> str:
        """The output of calls of firewall-cmd."""
        output = ""
        for call in calls:
            done = self._call(shlex.split(call))
            if done.status:
                raise AssertionError(f"{call}: {done.output}{done.errors}")
            output += done.output
        return output

    def _firewalld(self) -> None:
        program = ("/usr/bin/python3", "/usr/sbin/firewalld", "--nofork", "--nopid", "--system-config", self.configuration)
        self._start("ip", "netns", "exec", self.host, *program, "--log-file", f"{self.configuration}/../firewalld.log")
        until = time.monotonic() + 30
        while self._call(["--state"]).output.strip() != "running":
            if time.monotonic() > until:
                raise AssertionError("firewalld does not start")
            time.sleep(0.2)

    def _stop(self) -> None:
        """End the program that was started last."""
        last = self._started.pop()
        last.terminate()
        last.wait(30)

    def shell(self, line: str, check: bool = True) -> str:
        words = ("ip", "netns", "exec", self.host, "/bin/bash", "-c", line)
        done = subprocess.run(words, env=self._environment, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise AssertionError(f"{line}: {done.stdout}{done.stderr}")
        return done.stdout

    def tables(self) -> str:
        """Without tables that are empty: iptables-nft leaves those where direct rules were."""
        return re.sub(r"^table .* {\n}\n", "", sh("ip", "netns", "exec", self.host, "nft", "-s", "list", "ruleset"), flags=re.MULTILINE)

    def reset(self) -> None:
        self.remove_foreign_rules()
        self.run(state="absent")
        self.settle()

    def reboot(self) -> None:
        self._stop()
        self._firewalld()

    def close(self) -> None:
        if self._hand is not None:
            self._hand.communicate(timeout=DEADLINE)
        while self._started:
            self._stop()
        super().close()
