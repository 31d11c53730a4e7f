# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The swarm: its settings, as GET /swarm has them and as POST /swarm/init and /swarm/update take them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .authority import CERTIFICATE, EXTERNAL_CAS, put_signing_cert
from .errors import InvalidOption
from .item import Item
from .kinds import BOOLEAN, DURATION, INTEGER, LABELS, SUBNETS
from .table import Row, Table, read

SECOND = 10**9
DATA_PATH_PORTS = range(1024, 49152)
DEFAULT_SUBNET_SIZE = 24
SUBNET_SIZE_MAX = 29
POSITIVE = (
    "snapshot_interval",
    "log_entries_for_slow_followers",
    "heartbeat_tick",
    "election_tick",
    "dispatcher_heartbeat_period",
    "node_cert_expiry",
)
"""Where the Engine takes 0 as not given (moby daemon/cluster/convert/swarm.go)."""

# Of the spec of API 1.41 to 1.51, Name has one allowed value and TaskDefaults is dropped by the Engine (docs/engine-facts.md).
SWARM: Table = (
    Row("data_path_port", "DataPathPort", INTEGER, absent=4789, mutable=False),
    Row("default_addr_pool", "DefaultAddrPool", SUBNETS, absent=("10.0.0.0/8",), mutable=False),
    Row("subnet_size", "SubnetSize", INTEGER, absent=DEFAULT_SUBNET_SIZE, mutable=False),
    Row("labels", "Spec/Labels", LABELS, absent={}),
    Row("task_history_retention_limit", "Spec/Orchestration/TaskHistoryRetentionLimit", INTEGER, absent=5),
    Row("snapshot_interval", "Spec/Raft/SnapshotInterval", INTEGER, absent=10000),
    Row("keep_old_snapshots", "Spec/Raft/KeepOldSnapshots", INTEGER, absent=0),
    Row("log_entries_for_slow_followers", "Spec/Raft/LogEntriesForSlowFollowers", INTEGER, absent=500),
    Row("heartbeat_tick", "Spec/Raft/HeartbeatTick", INTEGER, absent=1),
    Row("election_tick", "Spec/Raft/ElectionTick", INTEGER, absent=10),
    Row("dispatcher_heartbeat_period", "Spec/Dispatcher/HeartbeatPeriod", DURATION, absent=5 * SECOND),
    Row("node_cert_expiry", "Spec/CAConfig/NodeCertExpiry", DURATION, absent=2160 * 3600 * SECOND),
    Row("external_cas", "Spec/CAConfig/ExternalCAs", EXTERNAL_CAS, absent=()),
    Row("signing_ca_cert", "TLSInfo/TrustRoot", CERTIFICATE, absent="", put=put_signing_cert),
    Row("autolock_managers", "Spec/EncryptionConfig/AutoLockManagers", BOOLEAN, absent=False),
)


def read_swarm(document: Mapping[str, Any]) -> Item:
    """The swarm from the answer of GET /swarm."""
    return Item(
        name="swarm",
        values=read(SWARM, document),
        id=str(document["ID"]),
        version=int(document["Version"]["Index"]),
        document={key: value for key, value in document.items() if key != "JoinTokens"},
    )


def check_swarm(values: Mapping[str, Any]) -> None:
    """What the Engine would refuse at init (moby daemon/cluster/swarm.go). Raises InvalidOption."""
    for option in POSITIVE:
        if values.get(option) == 0:
            raise InvalidOption(option, "more than 0, which the Engine takes as not given", 0)
    port = values.get("data_path_port")
    if port is not None and port not in DATA_PATH_PORTS:
        raise InvalidOption("data_path_port", f"a port from {DATA_PATH_PORTS.start} to {DATA_PATH_PORTS.stop - 1}", port)
    size = values.get("subnet_size")
    if size is not None and size > SUBNET_SIZE_MAX:
        raise InvalidOption("subnet_size", f"a prefix length of at most {SUBNET_SIZE_MAX}", size)
    for pool in values.get("default_addr_pool") or ():
        prefix = int(pool.rpartition("/")[2])
        if prefix > (size or DEFAULT_SUBNET_SIZE):
            raise InvalidOption("default_addr_pool", f"pools that hold subnets of /{size or DEFAULT_SUBNET_SIZE} (subnet_size)", pool)
