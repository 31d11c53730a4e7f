# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation of a service's options."""

from __future__ import annotations


class ModuleDocFragment:
    """The option services: one suboption for each row of the field table of a service, and what a row is not."""

    DOCUMENTATION = r"""
options:
  services:
    description:
      - The services to look after.
      - Suboptions that are not given are not managed, and a list is exact when it is given; an empty one removes.
      - Durations are written with their units, such as V(10s), V(1m30s), V(500ms) or V(1000000ns); sizes as V(512M),
        V(1.5g), V(1GiB) or bytes.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - The name of the service.
        type: str
        required: true
      state:
        description:
          - Whether the service is to be there.
        type: str
        choices: [present, absent]
        default: present
      recreate:
        description:
          - Remove the service and make it anew where an option has to change that cannot be changed, which is O(services[].mode).
            Everything that is not written is taken over from the old one.
          - Its tasks stop before the new ones start. When the run is cut off between the two, the next one makes the service of
            what is written only.
        type: bool
        default: false
      force:
        description:
          - Run all tasks of a service anew, and a job once more, though nothing else has changed. So this is a change on every run.
          - A service that is not there yet is made, and runs once.
        type: bool
        default: false
      on_failure:
        description:
          - What to do when the service was updated and does not run at O(wait_timeout), or as soon as the swarm gives its update up. The
            task fails in each case, with the tasks' own errors.
          - V(fail) leaves it as it is. The swarm does what O(services[].update_config.failure_action) says where tasks fail, and an update
            that is only slow goes on.
          - V(rollback) tells the swarm to go back to the spec that the service had before, and waits for that once more for at
            most O(wait_timeout). A service that this run has made, or has left as it was, is not rolled back.
          - V(pause) is O(services[].update_config.failure_action=pause), and refused beside another. The swarm pauses the update when
            a task fails; no call of its API pauses one that does not fail.
          - For jobs there is only V(fail), since they are run and not updated.
        type: str
        choices: [fail, pause, rollback]
        default: fail
      stack:
        description:
          - The stack that the service is of, which C(docker stack deploy) has made.
          - Services of stacks can be adjusted without it, and lose nothing; the next C(docker stack deploy) sets back what the
            compose file has, which is warned of. To give them another image, to make them anew or to remove them, their stack has
            to be named.
          - A service that is of another stack, or of none, is refused.
        type: str
      image:
        description:
          - The image. A digest that is not given is not compared, and C(nginx) is the same as C(nginx:latest) and
            C(docker.io/library/nginx).
        type: str
      mode:
        description:
          - V(replicated) runs a number of tasks, V(global) one on every node. V(replicated-job) and V(global-job) run tasks until
            they have completed, and again whenever their spec changes.
          - It cannot be changed later but with O(services[].recreate). The swarm's default is V(replicated).
        type: str
        choices: [replicated, global, replicated-job, global-job]
      replicas:
        description:
          - How many tasks a replicated service runs.
        type: int
      total_completions:
        description:
          - How many tasks of a replicated job have to complete. That of O(services[].max_concurrent) when neither is set.
        type: int
      max_concurrent:
        description:
          - How many tasks of a replicated job run at a time, 1 when it was never set.
        type: int
      command:
        description:
          - Replaces the entrypoint of the image.
        type: list
        elements: str
      args:
        description:
          - Arguments of the entrypoint.
        type: list
        elements: str
      env:
        description:
          - Environment variables, exact when given.
        type: dict
      labels:
        description:
          - Labels of the service, exact when given. Those of its stack (C(com.docker.stack.)) stay.
        type: dict
      container_labels:
        description:
          - Labels of its containers, exact when given. Those of its stack stay.
        type: dict
      hostname:
        description:
          - Hostname of the containers. Templates such as V({{.Node.Hostname}}) are the Engine's.
        type: str
      user:
        description:
          - User of the process.
        type: str
      groups:
        description:
          - Further groups of the process.
        type: list
        elements: str
      working_dir:
        description:
          - Working directory of the process.
        type: str
      tty:
        description:
          - Give the process a terminal.
        type: bool
      stdin:
        description:
          - Keep the standard input of the process open.
        type: bool
      init:
        description:
          - Run an init process in the containers. Without it each node's daemon decides (C(init) in daemon.json), so that V(false) is
            another thing than nothing.
        type: bool
      read_only:
        description:
          - Make the root filesystem of the containers read-only.
        type: bool
      isolation:
        description:
          - How containers on Windows are kept apart.
        type: str
        choices: [default, process, hyperv]
      stop_signal:
        description:
          - The signal that stops the containers.
        type: str
      stop_grace_period:
        description:
          - How long a container may take to stop, such as V(10s).
        type: str
      mounts:
        description:
          - What is mounted into the containers, exact when given. What is not written of a mount that is there is kept, unless its
            type changes.
        type: list
        elements: dict
        suboptions:
          target:
            description:
              - Where it is mounted in the container.
            type: str
            required: true
          type:
            description:
              - V(volume) for a new one. V(cluster) is a CSI volume, and needs Engine 23.0.
            type: str
            choices: [bind, volume, tmpfs, npipe, cluster]
          source:
            description:
              - A folder of the node, or the name of a volume. A volume without one is made for each task.
            type: str
          read_only:
            description:
              - Mount it read-only.
            type: bool
          bind_options:
            description:
              - For mounts of type V(bind).
            type: dict
            suboptions:
              propagation:
                description:
                  - How mounts below are passed on.
                type: str
                choices: [private, rprivate, shared, rshared, slave, rslave]
              non_recursive:
                description:
                  - Leave out what is mounted below the source.
                type: bool
          volume_options:
            description:
              - For mounts of type V(volume).
            type: dict
            suboptions:
              no_copy:
                description:
                  - Do not fill a new volume with what the image has at the target.
                type: bool
              labels:
                description:
                  - Labels of a volume that is made.
                type: dict
              driver:
                description:
                  - The driver of a volume that is made.
                type: str
              driver_opts:
                description:
                  - Options of that driver.
                type: dict
              subpath:
                description:
                  - The part of the volume to mount. Needs Engine 26.0.
                type: str
          tmpfs_options:
            description:
              - For mounts of type V(tmpfs).
            type: dict
            suboptions:
              size:
                description:
                  - Its size, such as V(64M).
                type: str
              mode:
                description:
                  - Its mode, in quotes, such as V('1777').
                type: raw
              options:
                description:
                  - Options of the mount, such as V(noexec) or V(uid=1000). Needs Engine 27.0.
                type: list
                elements: str
      secrets:
        description:
          - The secrets that containers get as files, exact when given. They have to be there.
        type: list
        elements: dict
        suboptions:
          source:
            description:
              - The name of the secret.
            type: str
            required: true
          target:
            description:
              - The file, below C(/run/secrets) or with its whole path; the name of the secret when not given.
            type: str
          uid:
            description:
              - The user that owns the file; V(0) for a new one.
            type: str
          gid:
            description:
              - The group that owns the file; V(0) for a new one.
            type: str
          mode:
            description:
              - The file's mode, in quotes, such as V('0440'); V('0444') for a new one.
            type: raw
      configs:
        description:
          - The configs that containers get as files, exact when given. They have to be there.
        type: list
        elements: dict
        suboptions:
          source:
            description:
              - The name of the config.
            type: str
            required: true
          target:
            description:
              - The file; the name of the config below C(/) when not given.
            type: str
          uid:
            description:
              - The user that owns the file; V(0) for a new one.
            type: str
          gid:
            description:
              - The group that owns the file; V(0) for a new one.
            type: str
          mode:
            description:
              - The file's mode, in quotes, such as V('0440'); V('0444') for a new one.
            type: raw
      credential_spec:
        description:
          - The credential spec of a managed account on Windows, as V(config://NAME), V(file://NAME) or V(registry://NAME). An
            empty string removes it.
        type: str
      healthcheck:
        description:
          - How the Engine finds out whether a container is healthy. A task with a healthcheck takes no traffic before it is.
        type: dict
        suboptions:
          disable:
            description:
              - Take away the test that the image has.
            type: bool
          test:
            description:
              - The test, such as C(["CMD", "wget", "-q", "-O", "-", "http://localhost/"]) or C(["CMD-SHELL", "pgrep app"]).
            type: list
            elements: str
          interval:
            description:
              - Time between tests.
            type: str
          timeout:
            description:
              - Bound for a test.
            type: str
          retries:
            description:
              - Failed tests in a row that make the container unhealthy.
            type: int
          start_period:
            description:
              - Time in which failed tests do not count.
            type: str
          start_interval:
            description:
              - Time between tests in that time. Needs Engine 25.0.
            type: str
      hosts:
        description:
          - Names for the hosts file of the containers, each with its address or a list of addresses; exact when given.
        type: dict
      dns:
        description:
          - How containers resolve names that are not of the swarm.
        type: dict
        suboptions:
          nameservers:
            description:
              - Addresses of servers, in the order in which they are asked.
            type: list
            elements: str
          search:
            description:
              - Domains to search.
            type: list
            elements: str
          options:
            description:
              - Options of the resolver, such as V(ndots:2).
            type: list
            elements: str
      sysctls:
        description:
          - Kernel parameters in the namespaces of the containers, exact when given.
        type: dict
      cap_add:
        description:
          - Capabilities to add, such as V(NET_ADMIN), exact when given.
        type: list
        elements: str
      cap_drop:
        description:
          - Capabilities to drop, exact when given. V(ALL) drops all.
        type: list
        elements: str
      ulimits:
        description:
          - Limits of the processes, exact when given.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - The limit, such as V(nofile).
            type: str
            required: true
          soft:
            description:
              - The soft limit, V(-1) for none; that of the hard one when not given.
            type: int
          hard:
            description:
              - The hard limit, V(-1) for none; that of the soft one when not given.
            type: int
      oom_score_adj:
        description:
          - How readily the kernel ends the processes when memory is short, from -1000 to 1000. Needs Engine 27.0.
        type: int
      selinux:
        description:
          - The SELinux context of the containers.
        type: dict
        suboptions:
          disable:
            description:
              - Do not confine the containers.
            type: bool
          user:
            description:
              - The user of the context.
            type: str
          role:
            description:
              - The role of the context.
            type: str
          type:
            description:
              - The type of the context.
            type: str
          level:
            description:
              - The level of the context.
            type: str
      seccomp:
        description:
          - Which calls of the kernel are open to the containers. Needs Engine 25.0.
        type: dict
        suboptions:
          mode:
            description:
              - The profile of the Engine, none, or one of your own.
            type: str
            choices: [default, unconfined, custom]
          profile:
            description:
              - The profile of mode V(custom).
            type: json
      apparmor:
        description:
          - Whether the Engine's AppArmor profile confines the containers. Needs Engine 25.0.
        type: str
        choices: [default, disabled]
      no_new_privileges:
        description:
          - Whether processes are kept from gaining privileges, as by setuid. Needs Engine 25.0.
        type: bool
      networks:
        description:
          - The networks of the service, exact when given. What is not written of a network that stays is kept.
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - The name of the network.
            type: str
            required: true
          aliases:
            description:
              - Further names of the service on this network.
            type: list
            elements: str
          driver_opts:
            description:
              - Options of the driver for this endpoint.
            type: dict
      endpoint_mode:
        description:
          - V(vip) gives the service one address in front of its tasks, V(dnsrr) tells the addresses of the tasks. V(dnsrr) is
            refused with ports in ingress mode.
        type: str
        choices: [vip, dnsrr]
      publish:
        description:
          - The published ports, exact when given.
          - Two services cannot publish the same port and protocol, unless both do in host mode. More tasks with a port in host
            mode than there are nodes for them are refused.
        type: list
        elements: dict
        suboptions:
          target_port:
            description:
              - The port in the container, or a range such as V(8000-8005).
            type: str
            required: true
          published_port:
            description:
              - The port on the nodes, or a range as long as that of O(services[].publish[].target_port). A range for one target
                port publishes it on each.
              - When it is not given, the swarm chooses one, and that is kept; look for it under RV(ports).
            type: str
          protocol:
            description:
              - The protocol.
            type: str
            choices: [tcp, udp, sctp]
            default: tcp
          mode:
            description:
              - V(ingress) answers on every node, V(host) on the nodes that run a task.
            type: str
            choices: [ingress, host]
            default: ingress
          name:
            description:
              - A name for the port, which the Engine keeps.
            type: str
      update_config:
        description:
          - How tasks are replaced in an update. Not for jobs.
        type: dict
        suboptions:
          parallelism:
            description:
              - How many tasks at a time; 0 means all at once.
            type: int
          delay:
            description:
              - Time between one lot of tasks and the next, such as V(10s).
            type: str
          failure_action:
            description:
              - What the swarm does when too many tasks fail.
            type: str
            choices: [pause, continue, rollback]
          monitor:
            description:
              - How long each task is watched for failure, such as V(10s). V(0s) stands for the swarm's default of five seconds.
            type: str
          max_failure_ratio:
            description:
              - The part of the tasks that may fail, from 0 to 1.
            type: float
          order:
            description:
              - Whether the old task stops first or the new one starts first. V(start-first) is refused for a service with a port
                in host mode, which the old task still holds.
            type: str
            choices: [stop-first, start-first]
      rollback_config:
        description:
          - How tasks are replaced in a rollback. Not for jobs.
        type: dict
        suboptions:
          parallelism:
            description:
              - How many tasks at a time; 0 means all at once.
            type: int
          delay:
            description:
              - Time between one lot of tasks and the next, such as V(10s).
            type: str
          failure_action:
            description:
              - What the swarm does when too many tasks fail.
            type: str
            choices: [pause, continue]
          monitor:
            description:
              - How long each task is watched for failure, such as V(10s). V(0s) stands for the swarm's default of five seconds.
            type: str
          max_failure_ratio:
            description:
              - The part of the tasks that may fail, from 0 to 1.
            type: float
          order:
            description:
              - Whether the old task stops first or the new one starts first. V(start-first) is refused for a service with a port
                in host mode, which the old task still holds.
            type: str
            choices: [stop-first, start-first]
      restart_policy:
        description:
          - What happens when a task ends.
        type: dict
        suboptions:
          condition:
            description:
              - When the task is started again.
            type: str
            choices: [none, on-failure, any]
          delay:
            description:
              - Time before it is started again.
            type: str
          max_attempts:
            description:
              - How often, 0 for ever.
            type: int
          window:
            description:
              - The time in which the attempts are counted.
            type: str
      placement:
        description:
          - Where tasks may run.
        type: dict
        suboptions:
          constraints:
            description:
              - Conditions that a node has to meet, such as V(node.labels.zone == a). Those that no node meets are warned of.
            type: list
            elements: str
          preferences:
            description:
              - Labels over whose values tasks are spread evenly, the first before the second.
            type: list
            elements: dict
            suboptions:
              spread:
                description:
                  - The label, such as V(node.labels.zone).
                type: str
                required: true
          platforms:
            description:
              - Platforms of the nodes that the image runs on.
            type: list
            elements: dict
            suboptions:
              os:
                description:
                  - The operating system, such as V(linux).
                type: str
                required: true
              architecture:
                description:
                  - The architecture, such as V(amd64).
                type: str
                required: true
          replicas_max_per_node:
            description:
              - The most tasks on one node, 0 for no bound. With C(start-first) an update needs a place more than there are tasks.
            type: int
      limits:
        description:
          - The most that a task may use.
        type: dict
        suboptions:
          cpus:
            description:
              - Processors, such as V(0.5) or V(500m), 0 for no bound.
            type: str
          memory:
            description:
              - Memory, such as V(512M), 0 for no bound.
            type: str
          pids:
            description:
              - Processes, 0 for no bound.
            type: int
      reservations:
        description:
          - What a node must have free for a task.
        type: dict
        suboptions:
          cpus:
            description:
              - Processors, such as V(0.5) or V(500m).
            type: str
          memory:
            description:
              - Memory, such as V(512M).
            type: str
          generic_resources:
            description:
              - How many of which resources that the nodes have been given names for, such as V(gpu) with 1; exact when given.
            type: dict
      logging:
        description:
          - Where the output of the tasks goes.
        type: dict
        suboptions:
          driver:
            description:
              - The logging driver.
            type: str
          options:
            description:
              - Its options, exact when given.
            type: dict
"""
