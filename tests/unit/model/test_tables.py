# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every option of every table, whatever is written."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._model.item import OWNER_LABEL
from ansible_collections.meshwork.swarm.plugins.module_utils._model.parked import PARKED_LABEL
from ansible_collections.meshwork.swarm.plugins.module_utils._model.service import SERVICE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.stack import NAMESPACE
from ansible_collections.meshwork.swarm.plugins.module_utils._model.table import (
    Row,
    differences,
    merged,
    parse,
    read,
    show,
    write,
)
from fakes.written import ROWS, TABLES, nested, options, sensible, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOGETHER = [{"healthcheck.test", "healthcheck.disable"}]
"""Options that are one value in the Engine's JSON."""
EACH_ROW = pytest.mark.parametrize("row", [row for _name, row in ROWS], ids=[f"{name}.{row.option}" for name, row in ROWS])
EACH_TABLE = pytest.mark.parametrize("name", TABLES)
few = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

NAMED_RESOURCE = {"NamedResourceSpec": {"Kind": "gpu", "Value": "U1"}}
BASE: dict[str, dict[str, Any]] = {
    "swarm": {"ID": "s", "Version": {"Index": 1}, "Spec": {"Name": "default", "TaskDefaults": {"LogDriver": {"Name": "local"}}}},
    "node": {"ID": "n", "Version": {"Index": 1}, "Spec": {"Name": "kept", "Role": "worker"}, "Status": {"Addr": "10.0.0.11"}},
    "network": {"Id": "n", "Driver": "overlay", "Created": "2026", "Labels": {OWNER_LABEL: "true"}, "IPAM": {"Driver": "default"}},
    **{name: {"ID": "s", "Spec": {"Name": "key", "Labels": {OWNER_LABEL: "true"}, "Newer": 1}} for name in ("secret", "config")},
    "service": {
        "ID": "s",
        "Spec": {
            "Name": "web",
            "Labels": {OWNER_LABEL: "true"},
            "Mode": {"Replicated": {"Replicas": 3}},
            "TaskTemplate": {
                "ForceUpdate": 4,
                "ContainerSpec": {
                    "Mounts": [{"Type": "bind", "Source": "/srv", "Target": "/a", "Newer": 1}],
                    "Secrets": [{"SecretID": "x", "SecretName": "key", "File": {"Name": "key", "UID": "5"}}],
                    "Healthcheck": {"Test": ["NONE"], "Newer": 1},
                    "Newer": {"Field": 1},
                },
                "Networks": [{"Target": "front", "DriverOpts": {"a": "b"}}],
                "Placement": {"Newer": 1},
                "Resources": {"Limits": {"Newer": 5}, "Reservations": {"GenericResources": [NAMED_RESOURCE]}},
                "RestartPolicy": {"Condition": "any"},
                "Newer": 1,
            },
            "UpdateConfig": {"Parallelism": 2},
            "EndpointSpec": {"Mode": "vip", "Newer": 1},
            "Newer": 1,
        },
        "Endpoint": {"VirtualIPs": []},
    },
}


@EACH_ROW
@few
@given(data=st.data())
def test_parsing_and_showing_keep_a_value(row: Row, data: st.DataObject) -> None:
    once = row.kind.parse(data.draw(written(row)))
    assert row.kind.parse(once) == once
    assert row.kind.same(once, once)
    again = row.kind.parse(row.kind.show(once))
    # What is empty inside an entry is shown as nothing, which is not managed, and so is content with what it stands for.
    assert again == once or (row.kind.rows and row.kind.same(again, once))


@EACH_TABLE
@few
@given(data=st.data())
def test_what_is_written_into_json_is_read_back(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    values = sensible(parse(table, nested(data.draw(options(name))), name))
    found = read(table, write(table, values, BASE[name]))
    assert differences(table, values, found) == ()
    # Where a part of an entry was not written, the comparison above is what counts.
    exact = [row.option for row in table if row.option in values and row.option != "subnets" and not row.kind.rows]
    assert {option: found[option] for option in exact} == {option: values[option] for option in exact}


@EACH_TABLE
@few
@given(data=st.data())
def test_changing_one_option_leaves_all_others(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    full = sensible(parse(table, nested(data.draw(options(name, complete=True))), name))
    document = write(table, full, BASE[name])
    before = read(table, document)
    # Driver, encryption and MTU are one number in the Engine's JSON: a network is made with all of them, and never changed.
    together = ("driver", "encrypted", "config_only")
    row = data.draw(st.sampled_from([row for row in table if row.option in full and row.option not in together]))
    value = {row.option: row.kind.parse(data.draw(written(row)))}
    after = read(table, write(table, value, document))
    changed = {option for option in after if after[option] != before[option]}
    allowed = {row.option} | next((together for together in TOGETHER if row.option in together), set())
    if "mode" in changed:
        # the numbers belong to their mode, and a job is never updated
        allowed |= {each for each in after if each.startswith(("replicas", "total", "max_concurrent", "update_config", "rollback_config"))}
    assert changed <= allowed
    assert _foreign(name, write(table, value, document)) == _foreign(name, BASE[name])


@EACH_TABLE
@few
@given(data=st.data())
def test_writing_what_is_there_changes_nothing(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    values = sensible(parse(table, nested(data.draw(options(name))), name))
    document = write(table, values, BASE[name])
    found = read(table, document)
    row = data.draw(st.sampled_from([row for row in table if found[row.option] is not None]))
    assert read(table, write(table, {row.option: found[row.option]}, document)) == found


@EACH_TABLE
@few
@given(data=st.data())
def test_writing_does_not_touch_what_it_was_given(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    document = write(table, {}, BASE[name])
    write(table, parse(table, nested(data.draw(options(name))), name), document)
    assert document == BASE[name]


@EACH_TABLE
@few
@given(data=st.data())
def test_options_that_were_not_written_are_in_no_difference(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    found = read(table, BASE[name])
    wanted = parse(table, nested(data.draw(options(name))), name)
    changes = differences(table, wanted, found)
    assert {change.option for change in changes} <= set(wanted)
    assert (changes == ()) == all(row.kind.same(wanted[row.option], found[row.option]) for row in table if row.option in wanted)
    after = merged(table, wanted, found)
    assert differences(table, wanted, after) == ()
    assert {option: after[option] for option in after if option not in wanted} == {
        option: found[option] for option in found if option not in wanted
    }


@EACH_TABLE
@few
@given(data=st.data())
def test_an_object_that_is_shown_is_wanted_as_it_is(name: str, data: st.DataObject) -> None:
    table = TABLES[name]
    found = read(table, write(table, sensible(parse(table, nested(data.draw(options(name))), name)), BASE[name]))
    assert differences(table, parse(table, show(table, found), name), found) == ()


def _foreign(name: str, document: dict[str, Any]) -> Any:
    """What no row of the table knows, and the owner's mark."""
    if name == "swarm":
        return document["Version"], document["Spec"]["TaskDefaults"], document["Spec"]["Name"]
    if name == "node":
        return document["Status"], document["Spec"]["Name"]
    if name == "network":
        return document["Id"], document["Created"], document["Labels"][OWNER_LABEL]
    spec = document["Spec"]
    if name in ("secret", "config"):
        return spec["Name"], spec["Labels"][OWNER_LABEL], spec["Newer"]
    template = spec["TaskTemplate"]
    container, resources = template["ContainerSpec"], template["Resources"]
    return (
        spec["Labels"][OWNER_LABEL],
        template["ForceUpdate"],
        NAMED_RESOURCE in resources["Reservations"]["GenericResources"],
        container["Healthcheck"]["Newer"],
        [each["Newer"] for each in (spec, spec["EndpointSpec"], template, template["Placement"], resources["Limits"], container)],
    )


def test_labels_that_are_written_leave_those_of_a_stack_and_our_own() -> None:
    kept = {NAMESPACE: "shop", OWNER_LABEL: "true", PARKED_LABEL: "{}"}
    document = {"Spec": {"Labels": {**kept, "old": "1"}}}
    there = read(SERVICE, document)
    assert there["labels"] == {NAMESPACE: "shop", "old": "1"}
    wanted = {"labels": {"new": "2"}}
    assert [str(each.option) for each in differences(SERVICE, wanted, there)] == ["labels"]
    changed = write(SERVICE, wanted, document)
    assert changed["Spec"]["Labels"] == {**kept, "new": "2"}
    assert differences(SERVICE, wanted, read(SERVICE, changed)) == ()


@pytest.mark.parametrize(
    ("written", "told"),
    [
        # the Engine takes no duration of 0 down, and watches for 5 s then (moby convert updateConfigToGRPC, swarmkit updater)
        ({"monitor": "0s"}, {"Parallelism": 1, "MaxFailureRatio": 0}),
        # the ratio is a float32
        ({"max_failure_ratio": 1 / 3}, {"Parallelism": 1, "MaxFailureRatio": 0.33333334}),
    ],
)
def test_what_the_engine_makes_of_a_number_is_what_was_written(written: dict[str, Any], told: dict[str, Any]) -> None:
    wanted = parse(SERVICE, {"update_config": written}, "web")
    assert differences(SERVICE, wanted, read(SERVICE, {"Spec": {"Mode": {"Replicated": {}}, "UpdateConfig": told}})) == ()


@pytest.mark.parametrize(
    ("wanted", "found", "same"),
    [
        ("nginx", "nginx:latest@sha256:1", True),
        ("docker.io/library/nginx:1.27", "nginx:1.27@sha256:1", True),
        ("library/nginx", "nginx", True),
        ("docker.io/shop/web:2", "shop/web:2", True),
        ("nginx:1.27@sha256:1", "nginx:1.27@sha256:2", False),
        ("nginx:1.27@sha256:1", "nginx:1.27", False),
        ("nginx", "nginx:1.27@sha256:1", False),
        ("localhost:5000/web", "web:latest", False),
        ("localhost:5000/web", "localhost:5000/web:latest@sha256:1", True),
        ("registry.example.org/library/nginx", "nginx", False),
    ],
)
def test_an_image_is_the_same_however_clients_write_its_name(wanted: str, found: str, same: bool) -> None:
    document = {"Spec": {"Mode": {"Replicated": {}}, "TaskTemplate": {"ContainerSpec": {"Image": found}}}}
    assert (differences(SERVICE, parse(SERVICE, {"image": wanted}, "web"), read(SERVICE, document)) == ()) is same


def test_no_init_is_another_thing_than_what_the_daemon_chooses() -> None:
    """A service that says nothing gets one where daemon.json has `init: true`."""
    silent: dict[str, Any] = {"Spec": {"Mode": {"Replicated": {}}, "TaskTemplate": {"ContainerSpec": {}}}}
    wanted = parse(SERVICE, {"init": False}, "web")
    (change,) = differences(SERVICE, wanted, read(SERVICE, silent))
    assert (change.wanted, change.found) == (False, None)
    assert differences(SERVICE, wanted, read(SERVICE, write(SERVICE, wanted, silent))) == ()
