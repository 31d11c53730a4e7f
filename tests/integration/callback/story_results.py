# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module's result on every host, with its time, as lines of JSON in the file that STORY_RESULTS names."""

from __future__ import annotations

import json
import os
import time

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: story_results
type: notification
short_description: results as lines of JSON, for the tests of this collection
description:
  - Writes one line a host and task to the file that the environment variable E(STORY_RESULTS) names.
requirements:
  - has to be enabled
"""


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "story_results"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._started = {}
        self._path = os.environ["STORY_RESULTS"]

    def v2_runner_on_start(self, host, task):
        self._started[host.get_name(), task._uuid] = time.monotonic()

    def _told(self, result, status):
        task, host = result.task, result.host.get_name()
        values = dict(result.result)
        line = {
            "host": (values.get("_ansible_delegated_vars") or {}).get("ansible_delegated_host") or host,
            "task": task.get_name(),
            "action": task.resolved_action or task.action,
            "status": status,
            "seconds": time.monotonic() - self._started.get((host, task._uuid), time.monotonic()),
            "values": values,
        }
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self._told(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        self._told(result, "failed")

    def v2_runner_on_skipped(self, result):
        self._told(result, "skipped")

    def v2_runner_on_unreachable(self, result):
        self._told(result, "unreachable")
