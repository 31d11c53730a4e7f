# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts install from, made on this machine: a signed apt repository laid out as Docker's own, and a folder of wheels."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .machines import run

CONTROL = """\
Package: {name}
Version: {version}
Architecture: {architecture}
Depends: {depends}
Conflicts: {instead_of}
Replaces: {instead_of}
Maintainer: nobody <nobody@example.org>
Description: of a story
"""


def unpacked(package: str, folder: Path, path: str, name: str) -> None:
    """One file of a package of Debian, fetched by this machine's apt, as `name` in a folder."""
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["apt-get", "download", "--quiet=2", package], cwd=work, check=True, capture_output=True, timeout=300)
        (archive,) = Path(work).glob("*.deb")
        run(["dpkg-deb", "--extract", str(archive), f"{work}/content"], timeout=300)
        shutil.copy(Path(work, "content", path), folder / name)


def docker_repository(folder: Path, debian: Path, versions: Sequence[str], release: str = "bookworm") -> None:
    """A repository in `folder` with docker-ce in each of the versions, made from Debian's docker.io in the file `debian`.

    It has the parts of Docker's: dists/RELEASE, the component stable, the key in gpg. docker-ce-cli has the versions of docker-ce,
    containerd.io has one of its own; both are empty here.
    """
    pool = folder / "pool"
    pool.mkdir(parents=True)
    content = folder / "content"
    run(["dpkg-deb", "--raw-extract", str(debian), str(content)], timeout=300)
    control = (content / "DEBIAN" / "control").read_text()
    fields = dict(line.split(": ", 1) for line in control.splitlines() if ": " in line and not line.startswith(" "))
    depends = f"{fields['Depends']}, containerd.io, docker-ce-cli"
    architecture = fields["Architecture"]
    for version in versions:
        engine = {"name": "docker-ce", "version": version, "depends": depends, "instead_of": "docker.io"}
        _pack(content, pool, architecture=architecture, **engine)
    shutil.rmtree(content)
    (content / "DEBIAN").mkdir(parents=True)
    for name, version in (*(("docker-ce-cli", version) for version in versions), ("containerd.io", "1.7.0-1")):
        empty = {"name": name, "version": version, "depends": "libc6", "instead_of": f"story-{name}"}
        _pack(content, pool, architecture=architecture, **empty)
    shutil.rmtree(content)
    _index(folder, pool, folder / "dists" / release, architecture)
    _sign(folder, folder / "dists" / release)


def _pack(content: Path, pool: Path, **fields: str) -> None:
    (content / "DEBIAN" / "control").write_text(CONTROL.format(**fields))
    package = pool / f"{fields['name']}_{fields['version'].replace(':', '_')}.deb"
    run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", str(content), str(package)], timeout=300)


def _index(folder: Path, pool: Path, release: Path, architecture: str) -> None:
    entries = []
    for package in sorted(pool.iterdir()):
        control = run(["dpkg-deb", "--field", str(package)]).stdout.strip()
        size, digest = package.stat().st_size, hashlib.sha256(package.read_bytes()).hexdigest()
        entries.append(f"{control}\nFilename: {package.relative_to(folder)}\nSize: {size}\nSHA256: {digest}\n")
    index = f"stable/binary-{architecture}/Packages"
    (release / index).parent.mkdir(parents=True)
    content = "\n".join(entries).encode()
    (release / index).write_bytes(content)
    (release / "Release").write_text(
        f"Suite: {release.name}\nCodename: {release.name}\nArchitectures: {architecture}\nComponents: stable\n"
        f"Date: Sat, 01 Nov 2025 00:00:00 UTC\nSHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} {index}\n"
    )


def _sign(folder: Path, release: Path) -> None:
    home = folder / "signing"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
    run([*gpg, "--quick-generate-key", "story@example.org", "ed25519", "sign", "never"])
    run([*gpg, "--clearsign", "--output", str(release / "InRelease"), str(release / "Release")])
    run([*gpg, "--armor", "--output", str(folder / "gpg"), "--export"])
    run(["gpgconf", "--homedir", str(home), "--kill", "all"])
    shutil.rmtree(home)


def wheels(folder: Path, python: str, *requirements: str) -> None:
    """The wheels of the requirements and of what they need, from PyPI, for a Python of that version ("3.11")."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    run([*pip, "--python-version", python, "--dest", str(folder), *requirements], timeout=300)
    assert any(name.startswith("docker-") for name in os.listdir(folder))
