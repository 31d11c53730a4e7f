# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stack that `docker stack deploy` has made: its services can be adjusted, and lose nothing that the stack has given them."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from fakes.module import Runner

from .subjects import IMAGE, Real

pytestmark = [pytest.mark.lab, pytest.mark.long]
COMPOSE = f"""
version: "3.8"
services:
  web:
    image: {IMAGE}
    environment: {{COLOR: blue}}
    labels: {{team: web}}
    networks: {{front: {{aliases: [www]}}}}
    ports: ["8080:8080"]
    configs: [{{source: site, target: /etc/site}}]
    healthcheck: {{test: [CMD, "true"], interval: 10s}}
    volumes: [scratch:/scratch]
    ulimits: {{nofile: 1024}}
    stop_grace_period: 1s
    deploy:
      replicas: 1
      labels: {{tier: "1"}}
      restart_policy: {{delay: 7s}}
      resources: {{limits: {{cpus: "0.5", memory: 64M}}}}
networks: {{front: {{}}}}
volumes: {{scratch: {{}}}}
configs: {{site: {{file: /root/site}}}}
"""


@pytest.fixture
def stack(real: Real) -> Iterator[Real]:
    """An Engine whose swarm has the stack shop."""
    real.reset()
    real.init()
    for path, content in (("/root/site", "site"), ("/root/shop.yml", COMPOSE)):
        real.on_node("sh", "-c", f"echo {base64.b64encode(content.encode()).decode()} | base64 -d > {path}")
    real.post("/networks/create", {"Name": "contract-aside", "Driver": "overlay", "CheckDuplicate": True})
    _deploy(real)
    yield real
    real.reset()


def _deploy(real: Real) -> None:
    real.on_node("docker", "stack", "deploy", "--compose-file", "/root/shop.yml", "shop")
    real.until(lambda: real.service("shop_web"), lambda web: web["ServiceStatus"]["RunningTasks"] == 1)


def test_D3_a_service_of_a_stack_is_adjusted_and_keeps_all_that_the_stack_gave_it(stack: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    runner = Runner(monkeypatch, real_time=True)

    def run(options: Mapping[str, Any]) -> Mapping[str, Any]:
        return runner("services", stack.engine, {"services": [{"name": "shop_web", **options}], "wait_timeout": 240})

    before = stack.service("shop_web")["Spec"]
    adjusted = {
        "replicas": 2,
        "publish": [{"target_port": "8080", "published_port": "8090"}],
        "networks": [{"name": "shop_front"}, {"name": "contract-aside"}],
        "labels": {"tier": "2"},
    }
    done = run(adjusted)
    assert (done["failed"], done["changed"]) == (False, True), done
    after = stack.service("shop_web")["Spec"]
    (front,) = before["TaskTemplate"]["Networks"]
    aside = {"Target": stack.network("contract-aside")["Id"]}
    assert sorted(after["TaskTemplate"].pop("Networks"), key=str) == sorted([front, aside], key=str)
    assert after.pop("EndpointSpec")["Ports"] == [{"Protocol": "tcp", "TargetPort": 8080, "PublishedPort": 8090, "PublishMode": "ingress"}]
    assert after.pop("Mode") == {"Replicated": {"Replicas": 2}}
    assert after.pop("Labels") == {**before.pop("Labels"), "tier": "2"}
    del before["TaskTemplate"]["Networks"], before["EndpointSpec"], before["Mode"]
    assert after == before, "everything else is as the stack made it"
    assert not run(adjusted)["changed"]
    # the docker CLI still knows it as the stack's
    assert stack.on_node("docker", "stack", "services", "--format", "{{.Name}} {{.Replicas}}", "shop").split() == ["shop_web", "2/2"]

    refused = run({"state": "absent"})
    assert refused["failed"] and "belongs to the stack shop" in refused["msg"]
    refused = run({"image": "meshwork-lab:2"})
    assert refused["failed"] and "belongs to the stack shop" in refused["msg"]
    _deploy(stack)
    assert stack.service("shop_web")["Spec"]["EndpointSpec"]["Ports"][0]["PublishedPort"] == 8080
    gone = run({"state": "absent", "stack": "shop"})
    assert (gone["failed"], gone["changed"]) == (False, True), gone
