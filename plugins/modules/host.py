#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module `host`; what it does is in module_utils/_host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host
short_description: Make a host's kernel fit for a Docker Swarm
version_added: 1.0.0
description:
  - Loads the kernel modules that a swarm needs, sets the kernel parameters (sysctls) that it needs, and keeps both over a reboot.
  - What the kernel can do is tried by doing it in a network namespace that is thrown away. A VXLAN interface, an IPVS service, the
    iptables rules that Docker makes, and IPsec where networks are encrypted. What fails is told with what it breaks in a swarm and what
    to do, and nothing is changed. Trying makes the kernel load the modules that it has for it, as it does when Docker uses them, in check
    mode, too.
  - Can have systemd-networkd and NetworkManager leave Docker's interfaces alone, and work around network cards that damage packets
    inside VXLAN.
  - Writes files of its own only, C(/etc/modules-load.d/meshwork-swarm.conf), C(/etc/sysctl.d/99-zz-meshwork-swarm.conf),
    C(/etc/systemd/network/00-meshwork-swarm.network), C(/etc/NetworkManager/conf.d/90-meshwork-swarm.conf) and
    C(/etc/udev/rules.d/90-meshwork-swarm-offload.rules).
  - An option that is not given is not managed.
author:
  - The meshwork.swarm contributors (@meshwork)
requirements:
  - The programs C(ip), C(iptables), C(modprobe) and C(sysctl), and C(ethtool) where offloads are to be off.
attributes:
  check_mode:
    description:
      - Can run in check mode and say what it would do, without changing anything. Trying what the kernel can do makes it load modules, in
        check mode, too.
    support: full
  diff_mode:
    description: Shows the steps, and the modules, parameters and files that change.
    support: full
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  state:
    description:
      - V(present) makes the host what the other options say.
      - V(absent) removes the files that this module wrote, and nothing else. Modules stay loaded and parameters stay set until the
        next boot.
    type: str
    choices: [present, absent]
    default: present
  encrypted:
    description:
      - Whether the swarm is to have encrypted overlay networks. Then the kernel has to know IPsec and the iptables matches that Docker
        uses with it.
    type: bool
    default: false
  nodes:
    description:
      - How many hosts the cluster has, or is to have. The neighbour tables get room for the endpoints of so many nodes, for IPv4 and
        IPv6.
      - They are made larger only. What is higher already, now or by another file at boot, stays.
    type: int
  rp_filter:
    description:
      - The reverse path filter of all interfaces. V(0) is off, V(1) is strict, V(2) is loose.
      - The kernel applies the greater value of C(net.ipv4.conf.all.rp_filter) and the interface's own, so that V(2) is set for V(all)
        and for new interfaces, while V(0) and V(1) are also set on each interface that has a greater value.
      - Strict drops packets whose answer would leave by another interface, as they may do where the data path of the swarm is apart
        from its management. Choose V(2) there.
    type: int
    choices: [0, 1, 2]
  sysctls:
    description:
      - Further kernel parameters with their values. They have precedence over those of O(nodes) and O(rp_filter).
    type: dict
  interfaces_unmanaged:
    description:
      - Whether systemd-networkd and NetworkManager are told to leave the interfaces C(veth*), C(docker_gwbridge), C(ov-*) and C(vx-*)
        alone, where these services are running or enabled. Otherwise they may give them other addresses or take them out of their bridge.
      - What NetworkManager manages already, also as "connected (externally)", it lets go of (C(nmcli device set IF managed no)). The
        interfaces stay as they are.
      - V(false) removes the files that tell them so.
    type: bool
  offload_workaround:
    description:
      - Some cards of VMware (driver vmxnet3) compute wrong checksums for packets inside VXLAN. Ping works, and everything else on overlay
        networks is lost.
      - V(auto) turns C(tx-checksum-ip-generic), C(tx-udp_tnl-segmentation) and C(tx-udp_tnl-csum-segmentation) off on cards with this
        driver, V(always) on every card of the host that can, now and at boot.
      - V(never) removes the file that turns them off at boot. They are not turned on again.
    type: str
    choices: [auto, always, never]
notes:
  - Docker sets the parameters of IPVS itself, in each namespace that balances (C(net.ipv4.vs.*)), and C(net.netfilter.nf_conntrack_max)
    depends on what else the host does, so that neither is set here. O(sysctls) takes them.
  - A file in C(/etc/sysctl.d) or C(/usr/lib/sysctl.d) that sorts behind ours and says otherwise has the last word at boot, so that the
    module refuses to go on. C(/etc/sysctl.conf) has no part in the boot of a host with systemd other than by the link
    C(99-sysctl.conf), which sorts before ours; since C(sysctl --system) reads it last, the module warns where it says otherwise.
seealso:
  - module: meshwork.swarm.gwbridge
  - module: meshwork.swarm.firewall
"""

EXAMPLES = r"""
- name: Make the host fit for a swarm with encrypted networks
  meshwork.swarm.host:
    encrypted: true
    nodes: "{{ groups['swarm'] | length }}"
    interfaces_unmanaged: true
    offload_workaround: auto

- name: The data path is on another interface than management, and many connections are tracked
  meshwork.swarm.host:
    rp_filter: 2
    sysctls:
      net.netfilter.nf_conntrack_max: 262144

- name: Remove the files again
  meshwork.swarm.host:
    state: absent
"""

RETURN = r"""
kernel:
  description: The release of the kernel.
  type: str
  returned: when the options are valid
  sample: 6.1.0-28-amd64
features:
  description: What was tried.
  type: list
  elements: dict
  returned: when the options are valid
  contains:
    name:
      description: A short name.
      type: str
      sample: vxlan
    what:
      description: What it is.
      type: str
      sample: VXLAN interfaces
    works:
      description: Whether the kernel could do it.
      type: bool
    said:
      description: What was said where it could not.
      type: str
modules:
  description: The kernel modules that are loaded now and at boot; those built into the kernel are not among them.
  type: list
  elements: str
  returned: when the options are valid
  sample: [br_netfilter, vxlan, ip_vs]
sysctls:
  description: The kernel parameters that are managed, with their values, as they are, or in check mode would be.
  type: dict
  returned: when the options are valid
  sample: {net.ipv4.ip_forward: "1"}
files:
  description: The files of this module that are there, or in check mode would be.
  type: list
  elements: str
  returned: when the options are valid
  sample: [/etc/modules-load.d/meshwork-swarm.conf, /etc/sysctl.d/99-zz-meshwork-swarm.conf]
steps:
  description: What was done, or in check mode what would be done, in order.
  type: list
  elements: dict
  returned: always
  contains:
    action:
      description: The kind of step.
      type: str
      sample: load
    item:
      description: What it changes.
      type: str
      sample: kernel modules
    says:
      description: The step as a sentence.
      type: str
      sample: load the kernel modules vxlan, ip_vs
    call:
      description: The command or file that makes it.
      type: str
      sample: modprobe --all vxlan ip_vs
    costs:
      description: What others feel of it.
      type: str
      sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._host.work import HostWork
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Host
from ansible_collections.meshwork.swarm.plugins.module_utils._model.host import OPTIONS
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    run(module, lambda module: HostWork(module.params, Host()))


if __name__ == "__main__":
    main()
