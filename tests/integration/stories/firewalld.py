# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""firewalld on a node, as lines for its shell.

It asks polkit at each call (for root, too), and Docker makes some dozens of them at each reload; polkit took 97 s of the processor
beside firewalld's 175 s. Where the message bus cannot start polkit, firewalld sees for itself that root calls.
"""

from __future__ import annotations

_POLKIT = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"

START = f"systemctl stop polkit; mv {_POLKIT} {_POLKIT}.away; systemctl reload dbus; systemctl start firewalld"
STOP = f"systemctl stop firewalld; mv {_POLKIT}.away {_POLKIT}; systemctl reload dbus"
