# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What dpkg and rpm print of packages, and the libraries that a Python finds, against what was asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._local.packages import libraries, read_installed
from ansible_collections.meshwork.swarm.plugins.module_utils._model.packages import missing_libraries, missing_packages

# Debian 12: docker-ce is known and not installed, docker-compose was removed and not purged
DPKG = """\
not-installed docker-ce 
installed docker.io 20.10.24+dfsg1-1+deb12u1+b6
config-files docker-compose 1.29.2-3
installed containerd.io 1.7.27-1
"""  # noqa: W291
RPM = """\
package docker.io is not installed
installed docker-ce 3 28.5.1 1.el9
installed containerd.io (none) 1.7.28 2.el9
"""


@pytest.mark.parametrize(
    ("printed", "asked", "missing"),
    [
        (DPKG, [], []),
        (DPKG, ["docker.io", "containerd.io"], []),
        (DPKG, ["docker-ce", "docker-compose", "nonesuch"], ["docker-ce", "docker-compose", "nonesuch"]),
        (DPKG, ["docker.io=20.10.24+dfsg1-1+deb12u1+b6", "docker.io=20.10.*"], []),
        (DPKG, ["docker.io=20.10.24", "docker.io=20.10.24+dfsg1-1+deb12u1"], ["docker.io=20.10.24", "docker.io=20.10.24+dfsg1-1+deb12u1"]),
        (DPKG, ["moby-engine=20.10.* | docker.io=20.10.*"], []),
        (DPKG, ["moby-engine=20.10.*|docker.io=26.*"], ["moby-engine=20.10.*|docker.io=26.*"]),
        (RPM, ["docker-ce", "docker-ce=28.5.1", "docker-ce=28.5.1-1.el9", "docker-ce=3:28.5.1", "docker-ce=3:28.5.1-1.el9"], []),
        (RPM, ["containerd.io=0:1.7.28-2.el9", "containerd.io=1.7.*"], []),
        (RPM, ["docker.io", "docker-ce=2:28.5.1", "docker-ce=28.5"], ["docker.io", "docker-ce=2:28.5.1", "docker-ce=28.5"]),
        ("", ["docker.io"], ["docker.io"]),
    ],
)
def test_packages_that_are_missing(printed: str, asked: list[str], missing: list[str]) -> None:
    assert list(missing_packages(asked, read_installed(printed))) == missing


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        (["docker-5.0.3.egg-info", "pyroute2-0.7.2.egg-info"], ()),
        (["docker-7.1.0.dist-info", "pyroute2-0.9.4.dist-info", "docker_pycreds-0.4.dist-info"], ()),
        (["docker-5.0.3-py3.9.egg-info", "pyroute2-0.7.2.egg-info"], ()),
        (["docker-4.4.4.dist-info", "pyroute2-0.7.2.egg-info"], ("docker 5.0 or newer (it has 4.4.4)",)),
        ([], ()),
    ],
)
def test_libraries_are_found_with_their_versions(tmp_path: Path, there: list[str], missing: tuple[str, ...]) -> None:
    for name in ("docker", "pyroute2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    for name in there:
        (tmp_path / name).mkdir()
    assert missing_libraries(libraries(("docker", "pyroute2"), ["/nonesuch", str(tmp_path)])) == missing


def test_a_folder_that_only_has_the_name_is_no_library(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    assert missing_libraries(libraries(("docker", "pyroute2"), [str(tmp_path)])) == ("docker 5.0 or newer", "pyroute2")
