# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab says when it cannot go on."""

from __future__ import annotations


class LabError(Exception):
    """Something the person at the keyboard can mend; the message says what was found and what to do."""
