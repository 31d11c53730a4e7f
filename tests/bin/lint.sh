#!/usr/bin/env bash
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Every linter runs, also after one has failed; the exit status tells whether all were content.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

failed=()
run() {
    local name=$1 start=$EPOCHREALTIME
    shift
    if "$@"; then
        printf '%-24s ok in %.1f s\n' "$name" "$(elapsed "$start")"
    else
        printf '%-24s FAILED: %s\n' "$name" "$*"
        failed+=("$name")
    fi
}
elapsed() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN {print b - a}'; }

types() (
    # Under their name as a collection, so that an import and a file are one module.
    cd .build/collections && mypy --config-file ../../pyproject.toml -p ansible_collections.meshwork.swarm.plugins
)

run ruff ruff check --quiet --output-format concise .
run "ruff format" ruff format --check --output-format concise .
run mypy types
run yamllint yamllint --strict .
run ansible-lint ansible-lint --offline --nocolor -q
run antsibull-changelog antsibull-changelog lint
run antsibull-docs antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs=self --disallow-unknown-collection-refs .

if [ ${#failed[@]} -gt 0 ]; then
    echo "lint: not content: ${failed[*]} (\`make format\` mends what ruff can mend)" >&2
    exit 1
fi
