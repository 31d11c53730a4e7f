#!/usr/bin/python
# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Wiring of the module `firewall`; what it does is in module_utils/_firewall."""

from __future__ import annotations

DOCUMENTATION = r"""
module: firewall
short_description: Let the hosts of a swarm reach each other, and nobody else
version_added: 1.0.0
description:
  - Opens the ports of Docker Swarm on this host to the addresses of the cluster's hosts, and refuses them to everybody else.
  - These are 2377/tcp on managers, 7946/tcp, 7946/udp and the data path port over UDP (VXLAN); where overlay networks are
    encrypted also ESP (IP protocol 50).
  - The addresses are one set for each address family, so a host that joins or leaves changes the set and no rule.
  - It also says who may reach the ports that services publish (O(published)). Those do not pass the rules for the host itself, since
    Docker sends them on before. So they are filtered where packets come in, before Docker's address translation, whether a port is
    published through the routing mesh or in the mode C(host).
  - The ruleset itself is read, so a rule that somebody deleted or added by hand among ours is seen and mended. Rules of others are
    left as they are, and so are the chains of Docker.
  - With firewalld the rules are a policy named C(meshwork-swarm) and the ipsets C(meshwork-swarm-4) and C(meshwork-swarm-6),
    permanent and in the runtime.
  - With nftables they are a table of our own, C(table inet meshwork_swarm), and a systemd unit C(meshwork-swarm-nftables.service) that
    brings it back at boot and after each start, restart and reload of C(nftables.service). An accept in one table does not override a
    drop in another, so where a chain of the host's own ruleset on the hook C(input) may drop or reject, that chain gets one rule, its
    first, which jumps to a chain C(meshwork_swarm) in the same table; the commented rules there let in the same peers. Tables that
    programs keep for themselves, such as those of Docker, libvirt, Kubernetes and fail2ban, are left alone.
  - With iptables they are a chain C(MESHWORK-SWARM) in the filter table, which INPUT jumps to, the same two ipsets, and a systemd unit
    C(meshwork-swarm-firewall.service) that brings just these back at boot, before Docker starts. Published ports have the chain
    C(MESHWORK-PUBLISHED) in the mangle table.
  - With ufw they are the same chains; they stand before those of ufw, which leaves them alone (C(ufw status) does not list them).
  - A change that would refuse the SSH connection that makes it is refused before anything is touched.
author:
  - The meshwork.swarm contributors (@meshwork)
requirements:
  - With iptables and ufw the programs C(iptables) and C(ipset).
  - With nftables the program C(nft); seen with 1.0.6. Where it is installed it is asked for the ruleset with every backend, and has to be
    able to print JSON.
  - With firewalld version 0.9.0 or newer.
attributes:
  check_mode:
    description: Can run in check mode and say what it would do, without changing anything.
    support: full
  diff_mode:
    description: Shows the steps, and the peers and rules before and after them.
    support: full
  idempotent:
    description: When run twice in a row, the second run changes nothing.
    support: full
options:
  state:
    description:
      - V(present) makes the rules exactly those that follow from the other options.
      - V(absent) removes what this module made, and nothing else. firewalld keeps an empty policy and two empty sets in its
        runtime until its next reload or restart.
      - V(confirmed) keeps what a run with O(confirm_within) has made. It fails when the host has gone back already. You need it only
        after a run in the background (C(async)).
    type: str
    choices: [present, absent, confirmed]
    default: present
  backend:
    description:
      - The firewall that carries the rules.
      - V(auto) takes firewalld where it is running, ufw where that is active; else nftables where the administrator has a ruleset of
        nftables, or rules of this module are there already; else iptables. Where two firewalls are active at once it stops and says so,
        as it does where firewalld is not running and the next boot would start it.
      - A ruleset is the administrator's when C(nftables.service) is enabled, or when there is a base chain on the hook C(input) that
        neither C(iptables-nft) nor a program such as Docker, libvirt, Kubernetes or fail2ban has made.
      - Rules that an earlier run has made with another backend have to be removed first, with O(state=absent) and that backend.
      - V(iptables) works with C(iptables-legacy) and with C(iptables-nft), whichever C(iptables) is on the host.
    type: str
    choices: [auto, firewalld, ufw, nftables, iptables]
    default: auto
  role:
    description:
      - The role of this host in the swarm; 2377/tcp is open on managers only.
      - Required with O(state=present).
    type: str
    choices: [manager, worker]
  peers:
    description:
      - The IPv4 and IPv6 addresses from which the hosts of the cluster send to each other. This host may be among them.
      - Exact; a host that is not in the list is refused, also when it was let in before.
      - Required with O(state=present).
    type: list
    elements: str
  data_path_port:
    description:
      - The UDP port of the overlay networks, as the swarm was initialised with (C(docker swarm init --data-path-port)).
      - A port from 1024 to 49151.
    type: int
    default: 4789
  encrypted:
    description:
      - Whether an overlay network of the swarm is encrypted; then ESP is let in from the peers, too, and VXLAN that IPsec has
        authenticated.
    type: bool
    default: false
  guard:
    description:
      - Whether the same ports are refused to everybody who is not a peer. The sender is told C(administratively prohibited).
      - With nftables that holds whatever the other rules of the host say, since a packet has to pass the chains of all tables.
      - With iptables, ufw and firewalld the rule that comes first decides. Ours stand before the zones of firewalld and the chains of ufw,
        and before the first rule of C(INPUT) that ends the way of every packet. What stands before ours and accepts a stranger still does,
        such as a rule of your own that is inserted above the jump to C(MESHWORK-SWARM), and with firewalld a direct rule or a policy with a
        priority below -100.
      - Without it, strangers are left to the other rules of the host. Data path ports that are open to the world let anybody inject
        packets into overlay networks that are not encrypted.
      - ESP of strangers is never refused here, as another VPN of the host may need it.
    type: bool
    default: true
  persistent:
    description:
      - Whether the rules come back at boot. firewalld knows no other way, so V(false) is not for firewalld.
    type: bool
    default: true
  published:
    description:
      - Ports that services publish, and who may reach them on this host. Nobody else may, be the port published through the routing mesh
        or in the mode C(host); packets of others are dropped without an answer. Ports that are not in the list are left as they are.
      - The host itself always reaches them. A container that sends to an address of its own host comes from the container's address, so
        its subnet has to be among the sources.
      - Connections that are open when their source leaves the list are cut off.
      - These rules only refuse. What else keeps a packet from a service, such as a chain on the hook C(forward) that drops it, they do
        not change.
    type: list
    elements: dict
    default: []
    suboptions:
      port:
        description: The port as it is published, from 1 to 65535; each port and protocol once.
        type: int
        required: true
      protocol:
        description: The protocol of the port.
        type: str
        choices: [tcp, udp, sctp]
        default: tcp
      sources:
        description:
          - Addresses and subnets, IPv4 and IPv6, as C(10.0.0.0/8); V(peers) stands for the addresses of O(peers).
          - With an empty list nobody from outside reaches the port; the same holds for the address family of which no source is.
        type: list
        elements: str
        required: true
  output_guard:
    description:
      - Whether programs of this host are kept from sending to the data path port. Only the kernel has business there, and where networks
        are encrypted, any user of the host could else inject frames into them with Engines before 25.0.19, and from 26.0.0 to 29.8.1
        (CVE-2026-92542).
    type: bool
    default: false
  confirm_within:
    description:
      - Seconds after which the host goes back to the rules that it had before this run, by itself, unless they were confirmed by then.
      - Ansible confirms them by itself as soon as the run on that host has ended, with O(state=confirmed) over a new connection, since
        established ones often outlive a rule that forbids new ones. Where that does not come through, the task fails. Only a task with
        C(async) has to be followed by one of yours with O(state=confirmed).
      - They count from the end of this run, in whatever way it ends, so a firewall may take its time for the change. A run that hangs is
        waited for no longer than ten minutes.
      - V(0) is for no way back.
      - While a change waits for its confirmation, or is taken back, no other run changes the rules, whatever its options are.
    type: int
    default: 0
notes:
  - firewalld learns of a new policy only by a reload, so the first run there makes one, and later runs do not. What was only in the
    runtime of its zones is put back after it.
  - With firewalld, a connection that is open when its host leaves the peers stays until it is closed, as firewalld accepts established
    connections before it looks at any policy.
  - A reload of firewalld costs older Engines rules of their own; RV(reloads_firewalld) says where this module makes one, RV(docker_lacks)
    what an earlier one has cost.
  - With nftables, a drop on another hook than C(input) stays one, and so does a drop of iptables. Where the chain INPUT of
    C(iptables-nft) refuses whatever it does not know, the module stops and says so, as no rule of nftables gets a peer past that.
seealso:
  - name: Open protocols and ports between the hosts
    description: What the Docker documentation says about a swarm's ports.
    link: https://docs.docker.com/engine/swarm/swarm-tutorial/#open-protocols-and-ports-between-the-hosts
"""

EXAMPLES = r"""
- name: Let three hosts of a swarm reach this manager
  meshwork.swarm.firewall:
    role: manager
    peers:
      - 10.77.0.11
      - 10.77.0.12
      - 10.77.0.13

- name: Let the hosts of a swarm with encrypted networks reach this worker, over IPv4 and IPv6
  meshwork.swarm.firewall:
    role: worker
    encrypted: true
    data_path_port: 4790
    peers: "{{ groups['swarm'] | map('extract', hostvars, 'swarm_address') + ['fd00:77::11', 'fd00:77::12'] }}"

- name: Let the office and the hosts of the cluster reach a published port, nobody else; take it back where no new connection comes
  meshwork.swarm.firewall:
    role: worker
    peers: [10.77.0.11, 10.77.0.12, 10.77.0.13]
    published:
      - port: 8080
        sources: [192.0.2.0/24, peers]
    confirm_within: 60

- name: Remove the rules again
  meshwork.swarm.firewall:
    state: absent
"""

RETURN = r"""
backend:
  description: The firewall that carries the rules.
  type: str
  returned: when the options are valid
  sample: iptables
peers:
  description: The addresses that are let in, in their canonical form; IPv4 first.
  type: list
  elements: str
  returned: when the options are valid
  sample: [10.77.0.11, 10.77.0.12, 10.77.0.13]
rules:
  description: What the peers may reach, and why.
  type: list
  elements: dict
  returned: when the options are valid
  contains:
    purpose:
      description: A short name, which also stands in the comment of the rule.
      type: str
      sample: gossip-udp
    protocol:
      description: The protocol, V(tcp), V(udp) or V(esp).
      type: str
      sample: udp
    port:
      description: The port, or none for ESP.
      type: int
      sample: 7946
    ipsec:
      description: Whether only packets that IPsec has authenticated are meant.
      type: bool
      sample: false
    why:
      description: What a swarm needs it for.
      type: str
      sample: gossip of nodes and networks
open_ports:
  description: The ports that Docker publishes on this host, in IPv4 or IPv6, and anybody may reach, as its own rules of iptables tell.
  type: list
  elements: str
  returned: when the options are valid
  sample: [8080/tcp]
docker_serves:
  description:
    - What Docker's own rules of iptables did before anything was changed; the ports that they publish.
    - With firewalld also V(encryption), where they have packets of encrypted networks encrypted, and V(isolation), where they keep
      Docker's bridges apart.
  type: list
  elements: str
  returned: when the options are valid
  sample: [8080/tcp, encryption, isolation]
docker_lacks:
  description:
    - With firewalld, what Docker's own rules did not do though it was needed, before anything was changed; ports that the routing mesh
      of this host takes and to which no rule leads, and V(isolation).
    - Docker loses these by a reload of firewalld, whoever makes it. Engines from 29.0.0 on (25.0.13 in its line) put them back within
      seconds; with older ones what is still missing then comes back by a restart of Docker only.
  type: list
  elements: str
  returned: when the options are valid
  sample: [8080/tcp, isolation]
confirmation_awaited:
  description:
    - Whether the host goes back unless O(state=confirmed) comes within O(confirm_within) seconds; false once that has come. In check mode,
      whether it would.
  type: bool
  returned: when the options are valid
reloads_firewalld:
  description:
    - Whether firewalld is reloaded. Engines before 29.0.0 (25.0.13 in its line) lose rules by it, and need a restart when RV(docker_serves)
      of another run has fewer of them.
  type: bool
  returned: when the options are valid
missing_packages:
  description: The packages that have to be installed first; the module fails when there are any, except in check mode.
  type: list
  elements: str
  returned: when the options are valid
  sample: [ipset]
steps:
  description: What was done, or in check mode what would be done, in order.
  type: list
  elements: dict
  returned: always
  contains:
    action:
      description: The kind of step.
      type: str
      sample: rules
    item:
      description: What it changes.
      type: str
      sample: IPv4
    says:
      description: The step as a sentence.
      type: str
      sample: "IPv4: allow 7946/udp from 3 peers"
    call:
      description: The commands and files that make it.
      type: str
      sample: iptables-restore --noflush --wait=10 <<< 5 lines
    costs:
      description: What others feel of it.
      type: str
      sample: ""
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.way_back import Confirmation
from ansible_collections.meshwork.swarm.plugins.module_utils._firewall.work import FirewallWork
from ansible_collections.meshwork.swarm.plugins.module_utils._local.host import Host
from ansible_collections.meshwork.swarm.plugins.module_utils._model.firewall import OPTIONS
from ansible_collections.meshwork.swarm.plugins.module_utils._run import run


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec=OPTIONS,
        required_if=[("state", "present", ("role", "peers"))],
        supports_check_mode=True,
    )
    confirms = module.params["state"] == "confirmed"
    run(module, lambda module: Confirmation(Host()) if confirms else FirewallWork(module.params, Host()))


if __name__ == "__main__":
    main()
