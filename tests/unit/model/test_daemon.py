# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Engine's configuration file: what a merge keeps, what is refused, and what a change takes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.daemon import (
    changes,
    effects,
    flag_keys,
    known_keys,
    mask,
    merge,
    read_settings,
    render,
    same_settings,
)
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from hypothesis import given
from hypothesis import strategies as st

NAMES = st.sampled_from(["debug", "log-opts", "labels", "proxies", "features", "max-size"])
LEAVES = st.one_of(st.booleans(), st.integers(0, 3), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=2))
FOUND = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
WRITTEN = st.recursive(st.one_of(st.none(), LEAVES), lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=6)
SETTINGS = st.dictionaries(NAMES, FOUND, max_size=4)
OPTIONS = st.dictionaries(NAMES, WRITTEN, max_size=4)


@given(found=SETTINGS, written=OPTIONS)
def test_a_second_merge_changes_nothing(found: dict[str, Any], written: dict[str, Any]) -> None:
    once = merge(found, written)
    assert same_settings(merge(once, written), once)


def test_a_key_that_is_taken_out_of_an_object_that_is_not_there_changes_nothing() -> None:
    written = {"log-opts": {"max-size": None}, "features": {"deep": {"er": None}}}
    assert merge({"debug": True}, written) == {"debug": True}
    assert merge({"log-opts": {"max-size": "1m"}}, written) == {"log-opts": {}}
    assert merge({}, {"log-opts": {}}) == {"log-opts": {}}


@given(found=SETTINGS, written=OPTIONS)
def test_keys_that_were_not_written_stay(found: dict[str, Any], written: dict[str, Any]) -> None:
    def kept(before: Any, options: Any, after: Any) -> None:
        for name, value in before.items():
            if name not in options:
                assert same_settings({"": after[name]}, {"": value})
            elif isinstance(value, dict) and isinstance(options[name], dict):
                kept(value, options[name], after[name])

    untouched = json.dumps(found)
    kept(found, written, merge(found, written))
    assert json.dumps(found) == untouched


@given(found=SETTINGS, written=OPTIONS)
def test_what_was_written_is_there_and_null_is_nowhere_in_it(found: dict[str, Any], written: dict[str, Any]) -> None:
    def holds(options: Any, after: Any) -> None:
        for name, value in options.items():
            if value is None:
                assert name not in after
            elif isinstance(value, dict):
                holds(value, after.get(name, {}))
            else:
                assert same_settings({"": after[name]}, {"": value})

    holds(written, merge(found, written))


@given(settings=SETTINGS)
def test_what_is_rendered_is_read_back(settings: dict[str, Any]) -> None:
    assert read_settings(render(settings), "file") == settings


@given(before=SETTINGS, after=SETTINGS)
def test_a_difference_is_said_and_has_an_effect_exactly_when_there_is_one(before: dict[str, Any], after: dict[str, Any]) -> None:
    differ = not same_settings(before, after)
    assert bool(changes(before, after)) == differ
    reload, restart = effects(before, after)
    assert bool(reload or restart) == differ
    assert not set(reload) & set(restart)


def test_objects_are_merged_lists_replaced_and_null_takes_out() -> None:
    found = {"log-opts": {"max-size": "5m", "tag": "a"}, "labels": ["a=1", "b=2"], "debug": True, "kept": {"x": 1}}
    written = {"log-opts": {"max-size": "10m", "tag": None}, "labels": ["c=3"], "debug": None}
    assert merge(found, written) == {"log-opts": {"max-size": "10m"}, "labels": ["c=3"], "kept": {"x": 1}}
    assert changes(found, merge(found, written)) == (
        "remove debug (was true)",
        'change labels from ["a=1", "b=2"] to ["c=3"]',
        'change log-opts.max-size from "5m" to "10m"',
        'remove log-opts.tag (was "a")',
    )


def test_json_knows_true_from_one() -> None:
    assert not same_settings({"mtu": 1}, {"mtu": True})
    assert changes({"mtu": 1}, {"mtu": True}) == ("change mtu from 1 to true",)


def test_no_file_and_an_empty_one() -> None:
    assert read_settings(None, "f") is None
    assert read_settings(" \n", "f") == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '{\n  "debug": true\n  "mtu": 1450\n}',
            "/etc/docker/daemon.json, line 3, column 3: expected JSON, got '\"mtu\": 1450' (Expecting ',' delimiter); "
            "mend the file, nothing was changed",
        ),
        (
            '{"debug": true,',
            "/etc/docker/daemon.json, line 1, column 16: expected JSON, got '{\"debug\": true,' (Expecting "
            "property name enclosed in double "
            "quotes); mend the file, nothing was changed",
        ),
        (
            '{"proxies": {"http-proxy": "http://me:secret@proxy:3128",}',
            '/etc/docker/daemon.json, line 1, column 58: expected JSON, got \'{"proxies": {"http-proxy": "http://***@proxy:3128",}\' '
            "(Expecting property name enclosed in double quotes); mend the file, nothing was changed",
        ),
        (
            '{"a": {"b": 1, "b": 2}}',
            "/etc/docker/daemon.json: expected every key once, got 'b' twice; remove one of the two, nothing was changed",
        ),
        ("[]", "/etc/docker/daemon.json: expected a JSON object ({...}), got list; mend the file, nothing was changed"),
    ],
)
def test_a_broken_file_is_told_by_line_and_column(text: str, message: str) -> None:
    with pytest.raises(SwarmError) as raised:
        read_settings(text, "/etc/docker/daemon.json")
    # Python 3.13 and newer have other words for a trailing comma
    told = str(raised.value)
    assert told == message or told.partition(" (")[0].partition(", column")[0] == message.partition(" (")[0].partition(", column")[0]
    assert "secret" not in told


@pytest.mark.parametrize(
    ("before", "after", "reload", "restart"),
    [
        ({}, {"debug": True}, ("debug",), ()),
        ({"debug": True}, {"debug": False}, ("debug",), ()),
        # what is not there any more keeps its value when the Engine is reloaded
        ({"debug": True}, {}, (), ("debug",)),
        ({"labels": ["a=1"]}, {}, (), ("labels",)),
        ({"max-concurrent-downloads": 5}, {}, ("max-concurrent-downloads",), ()),
        ({}, {"log-driver": "local", "registry-mirrors": ["https://m"]}, ("registry-mirrors",), ("log-driver",)),
        ({}, {"features": {"buildkit": True}}, ("features",), ()),
        ({"features": {"buildkit": True}}, {"features": {"buildkit": True, "containerd-snapshotter": True}}, (), ("features",)),
        ({}, {"proxies": {"http-proxy": "http://p"}}, (), ("proxies",)),
    ],
)
def test_which_changes_a_reload_takes_up(
    before: dict[str, Any], after: dict[str, Any], reload: tuple[str, ...], restart: tuple[str, ...]
) -> None:
    assert effects(before, after) == (reload, restart)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("http://me:secret@proxy:3128", "http://***@proxy:3128"),
        ("http://me:se/cr@et@proxy:3128", "http://***@proxy:3128"),
        ("me:secret@proxy:3128", "***@proxy:3128"),
        ("https://registry.example.org", "https://registry.example.org"),
        ("owner=me@example.org", "owner=me@example.org"),
        (["tcp://a@b", 1, None], ["tcp://***@b", 1, None]),
    ],
)
def test_names_and_passwords_in_urls_are_masked(value: Any, shown: Any) -> None:
    assert mask(value) == shown
    assert "secret" not in "".join(changes({}, {"proxies": {"http-proxy": value}}))


def test_flags_are_known_by_the_keys_that_they_set() -> None:
    given_flags = flag_keys(["-H", "fd://", "--label=a=b", "--insecure-registry", "x", "--add-runtime", "r=/r", "-D", "--log-level=warn"])
    for key, flag in {
        "hosts": "-H",
        "labels": "--label",
        "insecure-registries": "--insecure-registry",
        "runtimes": "--add-runtime",
        "debug": "-D",
        "log-level": "--log-level",
    }.items():
        assert given_flags[key] == flag
    assert "registry-mirrors" not in given_flags


HELP = """
Usage:	dockerd [OPTIONS]

Options:
      --add-runtime runtime                     Register an additional OCI compatible runtime (default [])
  -b, --bridge string                           Attach containers to a network bridge
      --default-address-pool pool-options       Default address pools for node specific local networks
      --insecure-registry list                  Enable insecure registry communication
"""


def test_the_keys_of_an_old_dockerd_are_those_of_its_help() -> None:
    known = known_keys(HELP)
    assert {"runtimes", "bridge", "default-address-pools", "insecure-registries", "features"} <= known
    assert not {"log-dirver", "firewall-backend", "proxies"} & known
