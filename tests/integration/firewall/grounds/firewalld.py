# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld: what its stories do with it anywhere, and a host of namespaces with one on nftables."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from .ground import STRANGER, Ground
from .namespaces import Namespaces, sh
from .nftables import DOCKERS

OF_OTHERS = """firewall-cmd --permanent --{0}-port=5000/tcp
firewall-cmd --permanent --{0}-rich-rule='rule family="ipv4" source address="192.0.2.7" drop'
firewall-cmd --permanent --direct --{0}-rule ipv4 mangle PREROUTING 5 -s 192.0.2.7 -j DROP
"""
OURS = "--policy=meshwork-swarm"
REFUSAL = 'rule priority="-10" family="ipv4" port port="2377" protocol="tcp" reject type="icmp-admin-prohibited"'
OF_FIREWALLD = {
    "a rule deleted": f"firewall-cmd {OURS} --remove-rich-rule='{REFUSAL}'",
    "a rule deleted that is permanent": f"firewall-cmd --permanent {OURS} --remove-rich-rule='{REFUSAL}'",
    "a rule of others among ours": f"firewall-cmd {OURS} --add-port=7946/tcp",
    "a stranger in the set": "firewall-cmd --ipset=meshwork-swarm-4 --add-entry={stranger}",
    "a stranger in the permanent set": "firewall-cmd --permanent --ipset=meshwork-swarm-4 --add-entry={stranger}",
    "our policy removed, and a reload": "firewall-cmd --permanent --delete-policy=meshwork-swarm && firewall-cmd --reload",
    "the published ports removed": "firewall-cmd --direct --remove-rules ipv4 mangle PREROUTING",
    "the permanent published ports removed": "firewall-cmd --permanent --direct --remove-rules ipv6 mangle PREROUTING",
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

    # what the ground itself has: a line for the host's shell, and the rules of the kernel
    shell: Callable[..., str]
    tables: Callable[[], str]

    def ruleset(self) -> str:
        """What firewalld says of itself, and the rules of the kernel: Docker makes its own anew at a reload, in no certain order."""
        shown = ("--list-all-policies", "--list-all-zones", "--direct --get-all-rules", "--get-ipsets")
        listed = self.shell(" && ".join(f"firewall-cmd {side}{option}" for side in ("", "--permanent ") for option in shown))
        files = self.shell(f"cd {self.configuration} && find . -type f ! -name '*.old' | sort | xargs sha256sum")
        return "\n".join([listed, files, *sorted(self.tables().splitlines())])

    def settle(self) -> None:
        # what is only in the runtime no reload keeps, whoever makes it
        self.shell("firewall-cmd --reload; ! firewall-cmd --get-policies | grep -qw foreign || firewall-cmd --add-port=5001/tcp")

    def reload(self) -> None:
        self.shell("firewall-cmd --reload && firewall-cmd --complete-reload")

    def damages(self) -> tuple[str, ...]:
        return tuple(OF_FIREWALLD)

    def damage(self, name: str) -> None:
        self.shell(OF_FIREWALLD[name].format(stranger=self.address(STRANGER)))

    def add_foreign_rules(self) -> None:
        self.shell(f"set -e\n{OF_OTHERS.format('add')}firewall-cmd --permanent --new-policy=foreign; firewall-cmd --reload")
        self.shell("firewall-cmd --add-port=5001/tcp")

    def remove_foreign_rules(self) -> None:
        line = "firewall-cmd --permanent --get-policies | grep -qw foreign || exit 0"
        self.shell(f"{line}\n{OF_OTHERS.format('remove')}firewall-cmd --permanent --delete-policy=foreign; firewall-cmd --reload")


class FirewalldNftables(OfFirewalld, Namespaces):
    """firewalld on nftables, with a message bus of its own. Direct rules are rules of iptables-nft there."""

    def __init__(self, root: Path) -> None:
        super().__init__(root / "host")
        self.configuration = str(self.machine.place("/etc/firewalld"))
        self._started: list[subprocess.Popen[bytes]] = []
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
        self._firewalld()
        self.shell("firewall-cmd --permanent --add-port=9090/tcp && firewall-cmd --permanent --add-service=ssh && firewall-cmd --reload")
        sh("ip", "netns", "exec", self.host, "nft", "-f", "-", stdin=DOCKERS)
        self._bare = self.ruleset()

    def _start(self, *words: str) -> None:
        self._started.append(subprocess.Popen(words, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    def _firewalld(self) -> None:
        program = ("/usr/bin/python3", "/usr/sbin/firewalld", "--nofork", "--nopid", "--system-config", self.configuration)
        self._start("ip", "netns", "exec", self.host, *program, "--log-file", f"{self.configuration}/../firewalld.log")
        until = time.monotonic() + 30
        while "running" not in self.shell("firewall-cmd --state", check=False):
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
        return sh("ip", "netns", "exec", self.host, "nft", "-s", "list", "ruleset")

    def reset(self) -> None:
        self.remove_foreign_rules()
        self.run(state="absent")
        self.settle()

    def reboot(self) -> None:
        self._stop()
        self._firewalld()

    def close(self) -> None:
        while self._started:
            self._stop()
        super().close()
