# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation that the modules secrets and configs share."""

from __future__ import annotations


class ModuleDocFragment:
    """The options of the module; those of an entry are written in each module, since fragments are not merged below an option."""

    DOCUMENTATION = r"""
options:
  exclusive:
    description:
      - Remove those that this collection made and that are not in the list. One that a service uses is refused, and nothing is touched.
    type: bool
    default: false
  leaving_services:
    description:
      - Services that an earlier task of the same run takes away or changes. In check mode that has not happened, so that what only these
        use counts as unused. Without check mode it is not looked at.
    type: list
    elements: str
    default: []
  left_to_services:
    description:
      - Services that a later task of the same run describes with M(meshwork.swarm.services), their secrets or configs among the rest. They
        are not moved here, so that another content and another image are one rolling update. The older object stays for as long as one
        of them refers to it or may go back to it; C(older) of what is returned tells it. The module removes it when it is run once more
        after that without this option.
    type: list
    elements: str
    default: []
notes:
  - The Engine changes nothing of a secret or config but its labels. So another content is a new object. The first is called NAME, the
    next NAME-2, then NAME-3; services refer to NAME, which is the newest of them. The file in the container keeps its name.
  - Services that refer to an older object go over to the newest, whoever made them, each in its own rolling update and all at once,
    except for O(left_to_services). When every one of them runs, the older objects are removed. When an update stops, the older object
    stays, so that C(docker service rollback) works; once it has been removed, a rollback to the spec of before cannot start tasks any more.
  - When a run was cut off, the next one goes on where it stopped.
  - Contents are in no result, no diff and no log.
"""
