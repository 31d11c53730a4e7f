#!/usr/bin/env bash
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# debian-packages.sh [PACKAGE...]: install the packages that are missing; without arguments, all of requirements/debian.txt.
set -euo pipefail

list="$(dirname "$0")/../../requirements/debian.txt"
if [ $# -gt 0 ]; then
    wanted=("$@")
else
    mapfile -t wanted < <(sed -e 's/#.*//' -e 's/[[:space:]]//g' -e '/^$/d' "$list")
fi

if ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system (no dpkg): install the equivalent of these packages yourself: ${wanted[*]}" >&2
    exit 1
fi

missing=()
for package in "${wanted[@]}"; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Debian packages are missing, and only root can install them. As root: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi

echo "Debian packages to install: ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# A source that does not answer is no reason to stop: the install below says whether the packages can be had.
apt-get update -qq >"$log" 2>&1 || { echo "warning: apt-get update failed:" >&2; tail -n 3 "$log" >&2; }
if ! apt-get install -qq -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "apt-get could not install: ${missing[*]}" >&2
    exit 1
fi
