# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration of HAProxy that the role edge writes, where no label and no node has a say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

Play = Callable[..., tuple[list[str], str]]
ROLE = Path(__file__).resolve().parents[3] / "roles" / "edge"
NOTHING: dict[str, Any] = {"rules": [], "listeners": [], "backends": []}


def configuration(**variables: Any) -> list[str]:
    """Its lines."""
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string((ROLE / "templates" / "haproxy.cfg.j2").read_text())
    return [line.strip() for line in template.render({**defaults, "edge_routes": NOTHING, **variables}).splitlines()]


def test_what_a_client_says_of_itself_is_taken_away() -> None:
    lines = configuration()
    assert "http-request del-header X-Forwarded-For" in lines
    assert "http-request del-header X-Forwarded-Proto" in lines


def test_what_a_trusted_proxy_says_of_the_client_stays_and_decides_on_https() -> None:
    """It ends HTTPS itself: a redirect of what it passes on would go round and round."""
    lines = configuration(edge_trusted_proxies=["192.0.2.0/24", "2001:db8::/32"], edge_redirect_to_https=True)
    for header in ("X-Forwarded-For", "X-Forwarded-Proto"):
        assert f"http-request del-header {header} unless {{ src 192.0.2.0/24 2001:db8::/32 }}" in lines
    own = [
        "http-request set-header X-Forwarded-Proto https if { ssl_fc }",
        "http-request set-header X-Forwarded-Proto http unless { req.hdr(X-Forwarded-Proto) -m found }",
        "http-request redirect scheme https code 308 unless { req.hdr(X-Forwarded-Proto) -m str https }",
    ]
    assert [line for line in lines if line in own] == own


@pytest.mark.parametrize(
    ("variables", "added"), [({}, ""), ({"edge_https_port": 8443}, ""), ({"edge_https_port": 8443, "edge_certificates": "/x.pem"}, ":8443")]
)
def test_a_redirect_leads_to_the_port_of_https(variables: dict[str, Any], added: str) -> None:
    """Where somebody else ends HTTPS it is the usual one. What the client wrote is the port of HTTP."""
    lines = configuration(edge_redirect_to_https=True, edge_certificates_digest="abc", **variables)
    other = "unless { req.hdr(X-Forwarded-Proto) -m str https }"
    expected = [
        f"http-request replace-header Host ^(.*):[0-9]+$ \\1 {other}",
        f"http-request replace-header Host ^(.*)$ \\1{added} {other}",
        f"http-request redirect scheme https code 308 {other}",
    ]
    assert [line for line in lines if line.endswith(other)] == [expected[0], *expected[1 if added else 2 :]]


@pytest.mark.parametrize(
    ("changed", "there", "done"), [(True, True, ["restart docker"]), (True, False, ["reload"]), (False, True, ["reload"])]
)
def test_a_changed_unit_is_brought_to_the_running_proxy(play: Play, changed: bool, there: bool, done: list[str]) -> None:
    """A reload keeps the process, and with it the unit by which it was started; the first start is none that ends connections."""
    tasks = yaml.safe_load((ROLE / "tasks" / "present.yml").read_text())
    (run,) = (task for task in tasks if task["name"] == "Run the proxy")
    variables = {
        "edge_unit": {"changed": changed},
        "edge_unit_before": {"stat": {"exists": there}},
        "edge_file": {"changed": True},
        "edge_at_work": {},
        "edge_configuration": "",
    }
    found, said = play([run], **variables)
    assert found == done, said


def test_a_health_check_asks_by_the_name_that_leads_to_the_service() -> None:
    """Many answer nothing but an error to who names none."""
    backend = {"name": "service:web", "mode": "http", "check": "/ok", "proxy_protocol": "", "servers": []}
    lines = configuration(edge_routes={**NOTHING, "backends": [{**backend, "check_host": "shop.test"}]})
    assert lines[lines.index("option httpchk GET /ok") + 1] == "http-check send hdr Host shop.test"
    assert not [
        line for line in configuration(edge_routes={**NOTHING, "backends": [{**backend, "check_host": ""}]}) if "http-check" in line
    ]
