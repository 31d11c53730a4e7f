# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image is kept under a key of all it is made of."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from ansible_collections.meshwork.swarm.tests.lab.meshlab import image, recipe, state
from ansible_collections.meshwork.swarm.tests.lab.meshlab.errors import LabError


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    (tmp_path / "rootfs/etc").mkdir(parents=True)
    (tmp_path / "rootfs/etc/file").write_text("one")
    (tmp_path / "packages").write_text("# why\nsystemd udev\n\npython3\n")
    (tmp_path / "customize").write_text("#!/bin/sh")
    return tmp_path


def made_of(parts: Path, *, suite: str = "bookworm", bare: bool = False) -> recipe.Recipe:
    return recipe.recipe(suite, bare=bare, kernel="6.1", public_key="ssh-ed25519 AAAA", folder=parts)


def test_same_parts_same_key(parts: Path) -> None:
    assert made_of(parts).key == made_of(parts).key


def test_every_part_changes_the_key(parts: Path) -> None:
    whole = made_of(parts)
    for field in dataclasses.fields(recipe.Recipe):
        value = getattr(whole, field.name)
        other = (not value) if isinstance(value, bool) else (*value, "x") if isinstance(value, tuple) else value + "x"
        assert dataclasses.replace(whole, **{field.name: other}).key != whole.key, field.name


@pytest.mark.parametrize("change", ["content", "mode", "name", "new file"])
def test_a_changed_overlay_file_changes_the_key(parts: Path, change: str) -> None:
    before = made_of(parts).key
    file = parts / "rootfs/etc/file"
    if change == "content":
        file.write_text("two")
    elif change == "mode":
        file.chmod(0o755)
    elif change == "name":
        file.rename(file.with_name("other"))
    else:
        file.with_name("another").write_text("")
    assert made_of(parts).key != before


def test_a_bare_image_has_docker_in_its_apt_source_only(parts: Path) -> None:
    full, bare = made_of(parts, suite="trixie"), made_of(parts, suite="trixie", bare=True)
    assert full.packages == ("systemd", "udev", "python3", "docker.io", "docker-cli", "python3-docker", "python3-pyroute2")
    assert full.in_apt_source == ()
    assert bare.packages == ("systemd", "udev", "python3")
    assert bare.in_apt_source[: len(full.packages) - 3] == full.packages[3:]
    assert (full.name, bare.name) == (f"trixie-{full.key}", f"trixie-bare-{bare.key}")


def test_the_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESHWORK_LAB_CACHE", str(tmp_path))
    assert state.cache_folder() == tmp_path
    monkeypatch.setenv("MESHWORK_LAB_CACHE", "")
    assert state.cache_folder() == Path("/var/cache/meshwork-lab")


def test_an_apt_source_without_packages_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="no package was downloaded"):
        image.write_package_index(tmp_path)


def test_mounts_of_a_build_that_was_cut_off_are_found_innermost_first() -> None:
    mounts = "proc /proc proc rw 0 0\ndev /cache/.building-x/root/dev tmpfs rw 0 0\npts /cache/.building-x/root/dev/pts devpts rw 0 0\n"
    mounts += "dev /cache/.building-xy/root/dev tmpfs rw 0 0\n"
    found = image.mounts_below(Path("/cache/.building-x"), mounts)
    assert found == ["/cache/.building-x/root/dev/pts", "/cache/.building-x/root/dev"]
