# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module gwbridge after its restart of Docker."""

from __future__ import annotations

import pytest
from ansible_collections.meshwork.swarm.plugins.module_utils._engine.gwbridge import GatewayWork
from ansible_collections.meshwork.swarm.plugins.module_utils._model.errors import SwarmError
from ansible_collections.meshwork.swarm.plugins.module_utils._model.membership import Membership
from ansible_collections.meshwork.swarm.plugins.module_utils._plan.gwbridge import Gateway


def test_a_manager_that_is_locked_is_not_waited_for() -> None:
    work = GatewayWork.__new__(GatewayWork)
    work._restarted = True
    assert work.pending(Gateway(None, Membership(state="pending")))
    assert not work.pending(Gateway(None, Membership(state="active", node_id="n1", control=True)))
    with pytest.raises(SwarmError, match="this manager is locked now: give it the unlock key"):
        work.pending(Gateway(None, Membership(state="locked")))
