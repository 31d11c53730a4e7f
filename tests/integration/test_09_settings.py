# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings of a swarm, judged by the docker CLI and openssl: one changes without another, and the root of the nodes' certificates.

Each option for itself, in check mode and really, is in contract/test_sextet.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from stories.machines import CHECKOUT, LAB, Machines, eventually, run
from stories.playing import Ansible, Run

FOLDER = "/var/lib/docker/swarm/certificates"
SIGNER = "https://10.97.0.1:8888/api/v1/cfssl/sign"


def swarm_of(cluster: Machines) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cluster.shell(cluster.manager, "curl -s --unix-socket /var/run/docker.sock http://docker/swarm"))
    return found


def issuers(cluster: Machines) -> dict[str, str]:
    """Who signed each node's certificate."""
    return cluster.everywhere_stripped(f"openssl x509 -in {FOLDER}/swarm-node.crt -noout -issuer")


def trusted(cluster: Machines) -> dict[str, str]:
    """The fingerprint of the root that each node trusts, where its own certificate can be verified with it."""
    verified = "openssl verify -CAfile swarm-root-ca.crt swarm-node.crt >&2"
    return cluster.everywhere_stripped(f"cd {FOLDER} && {verified} && openssl x509 -in swarm-root-ca.crt -noout -fingerprint -sha256")


class Root:
    """A root certificate that openssl made, and what is secret of its key."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        key, certificate = folder / f"{name}.key", folder / f"{name}.crt"
        run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)])
        run(["openssl", "req", "-x509", "-new", "-key", str(key), "-subj", f"/CN={name}", "-days", "3650", "-out", str(certificate)])
        self.key, self.certificate = key.read_text(), certificate.read_text()
        self.fingerprint = run(["openssl", "x509", "-in", str(certificate), "-noout", "-fingerprint", "-sha256"]).stdout.strip()
        self.secret = self.key.splitlines()[1]

    def options(self) -> dict[str, Any]:
        return {"signing_ca_cert": self.certificate, "signing_ca_key": self.key}

    def is_not_in(self, *runs: Run) -> None:
        for each in runs:
            assert self.secret not in each.output
            assert self.secret not in json.dumps([result.values for result in each.results])


@pytest.fixture
def own(tmp_path: Path) -> Root:
    return Root(tmp_path, "story-ca")


@pytest.fixture
def as_it_was(cluster: Machines, ansible: Ansible) -> Iterator[None]:
    """Afterwards the spec of the swarm is as it was, and its root is one that it made by itself."""
    before = swarm_of(cluster)["Spec"]
    yield
    assert ansible.module(cluster.manager, "cluster", {"external_cas": [], "rotate": ["ca"]}).succeeded().only.changed
    assert set(issuers(cluster).values()) == {"issuer=CN = swarm-ca"}
    after = swarm_of(cluster)["Spec"]
    before["CAConfig"].pop("ForceRotate", None)
    after["CAConfig"].pop("ForceRotate")
    assert after == before


def test_A3_one_setting_changes_and_no_other(cluster: Machines, ansible: Ansible) -> None:
    before = swarm_of(cluster)
    wanted = {"labels": {"story": "settings", "tier": 1}, "dispatcher_heartbeat_period": "7s"}
    dry = ansible.module(cluster.manager, "cluster", wanted, check=True).succeeded()
    assert swarm_of(cluster) == before
    real = ansible.module(cluster.manager, "cluster", wanted).succeeded()
    assert dry.only.changed and dry.only.values["steps"] == real.only.values["steps"]
    assert dry.only.values["diff"] == real.only.values["diff"]
    after = swarm_of(cluster)["Spec"]
    assert after.pop("Labels") == {"story": "settings", "tier": "1"}
    assert after.pop("Dispatcher") == {"HeartbeatPeriod": 7_000_000_000}
    assert after == {name: value for name, value in before["Spec"].items() if name not in ("Labels", "Dispatcher")}
    assert "Heartbeat Period: 7 seconds" in cluster.shell(cluster.manager, "docker info")
    assert not ansible.module(cluster.manager, "cluster", wanted).succeeded().only.changed
    ansible.module(cluster.manager, "cluster", {"labels": {}, "dispatcher_heartbeat_period": "5s"}).succeeded()
    assert swarm_of(cluster)["Spec"] == before["Spec"]


@pytest.mark.long
@pytest.mark.usefixtures("as_it_was")
def test_A3_own_root_is_taken_into_use_and_an_external_ca_is_kept(
    cluster: Machines, ansible: Ansible, own: Root, tmp_path: Path, figures: list[str]
) -> None:
    settings = yaml.safe_load((CHECKOUT / "inventories/lab/group_vars/swarm.yml").read_text())["swarm_settings"]
    elsewhere = Root(tmp_path, "elsewhere-ca")
    settings |= {"signing_ca_cert": own.certificate, "external_cas": [{"url": SIGNER, "ca_cert": elsewhere.certificate}]}
    written = tmp_path / "settings.yml"
    written.write_text(yaml.safe_dump({"swarm_settings": settings, "swarm_signing_ca_key": own.key}))
    before, tasks = swarm_of(cluster), cluster.tasks("web")

    dry = ansible.module(cluster.manager, "cluster", {**own.options(), "external_cas": settings["external_cas"]}, "-vvvv", check=True)
    assert dry.succeeded().only.changed and swarm_of(cluster) == before
    built = ansible.playbook("site.yml", "-vvvv", "--diff", "-e", f"@{written}").succeeded()
    assert [result.host for result in built.of("cluster") if result.changed] == [cluster.manager]
    figures.append(f"own root on {len(cluster.nodes)} nodes: {built.of('cluster')[0].seconds:.1f} s")

    assert issuers(cluster) == dict.fromkeys(cluster.nodes, f"issuer=CN = {own.name}")
    assert trusted(cluster) == dict.fromkeys(cluster.nodes, own.fingerprint)
    assert f"cfssl: {SIGNER}" in cluster.shell(cluster.manager, "docker info")
    assert swarm_of(cluster)["Spec"]["CAConfig"]["ExternalCAs"][0]["CACert"] == elsewhere.certificate
    assert cluster.tasks("web") == tasks, "the traffic of the services does not depend on it"

    again = ansible.module(cluster.manager, "cluster", {**own.options(), "snapshot_interval": 10000}, "-vvvv", "--diff").succeeded()
    assert not again.only.changed
    own.is_not_in(dry, built, again)
    for node in cluster.nodes:
        assert own.secret not in cluster.shell(node, "journalctl --no-pager --since -10min --output verbose", timeout=120)
        left = cluster.shell(node, "grep -rlF -f /dev/stdin /root /tmp /var/tmp /etc 2>/dev/null || true", stdin=own.secret + "\n")
        assert not left.split(), f"files of {node}"


@pytest.mark.long
@pytest.mark.usefixtures("as_it_was")
def test_A3_a_rotation_names_the_node_that_it_waits_for_and_ends_without_help(cluster: Machines, ansible: Ansible, own: Root) -> None:
    node = cluster.workers[-1]
    run([str(LAB), "--name", cluster.name, "fault", "partition", node])
    try:
        refused = ansible.module(cluster.manager, "cluster", {**own.options(), "wait_timeout": 4}, "-vvvv")
        message = refused.refused()
    finally:
        run([str(LAB), "--name", cluster.name, "fault", "heal"])
    assert message.startswith("not true after 4 s: ") and node in message
    assert not [each for each in cluster.nodes if each != node and each in message]
    own.is_not_in(refused)
    eventually(lambda: swarm_of(cluster)["RootRotationInProgress"], lambda rotating: not rotating, 60, "the rotation ends")
    waited = ansible.module(cluster.manager, "cluster", own.options()).succeeded()
    assert not waited.only.changed
    assert trusted(cluster) == dict.fromkeys(cluster.nodes, own.fingerprint)


def test_A3_a_root_without_its_key_is_refused_before_anything_changes(cluster: Machines, ansible: Ansible, own: Root) -> None:
    before = swarm_of(cluster)
    message = ansible.module(cluster.manager, "cluster", {"signing_ca_cert": own.certificate, "snapshot_interval": 5000}).refused()
    assert message.startswith("swarm: nobody could sign with the new signing_ca_cert") and "signing_ca_key" in message
    assert swarm_of(cluster) == before


def test_A4_the_unlock_key_is_made_anew_and_never_shown(cluster: Machines, ansible: Ansible) -> None:
    def key() -> str:
        return cluster.shell(cluster.manager, "docker swarm unlock-key -q", check=False).strip()

    ansible.module(cluster.manager, "cluster", {"autolock_managers": True}).succeeded()
    try:
        first = key()
        assert first.startswith("SWMKEY-")
        rotated = ansible.playbook("rotate.yml", "-vvvv", "-e", '{"rotate_secrets": ["unlock_key"]}').succeeded()
        second = key()
        assert second.startswith("SWMKEY-") and second != first
        assert "SWMKEY" not in rotated.output
    finally:
        ansible.module(cluster.manager, "cluster", {"autolock_managers": False}).succeeded()
    assert not key(), "there is none without autolock"


@pytest.mark.usefixtures("unchanged")
def test_A3_rotate_leaves_the_root_that_the_inventory_asks_for(cluster: Machines, ansible: Ansible) -> None:
    words = json.dumps({"rotate_secrets": ["ca"], "swarm_settings": {"signing_ca_cert": "a certificate"}})
    assert ansible.playbook("rotate.yml", "-e", words).refused().startswith("swarm_settings.signing_ca_cert of the inventory says")
    assert cluster.tasks("web")
