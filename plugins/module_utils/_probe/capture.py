# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A capture of the underlay: ESP and clear VXLAN, counted while the traffic runs."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections import Counter
from collections import Counter as Counts
from collections.abc import Iterable, Sequence

from .._model.errors import SwarmError
from .._plan.judgement import Seen
from . import packets
from .exchange import Listener

# linux/if_ether.h, linux/if_packet.h, asm-generic/socket.h; the socket module does not name them all
ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
SO_ATTACH_FILTER = 26
SO_RCVBUFFORCE = 33
SOL_PACKET = 263
PACKET_STATISTICS = 6
BUFFER_BYTES = 8 * 1024 * 1024
FRAMES_A_TURN = 256

# linux/bpf_common.h
LOAD_BYTE, LOAD_HALF, LOAD_HALF_BEHIND, LOAD_HEADER_LENGTH = 0x30, 0x28, 0x48, 0xB1
JUMP_EQUAL, JUMP_SET, RETURN = 0x15, 0x45, 0x06
# linux/filter.h: SKF_AD_OFF + SKF_AD_PROTOCOL
ETHERTYPE = 0xFFFFF000
Instruction = tuple[int, int, int, int]


class Capture(Listener):
    """Open from the moment it is made; `counts` has what was seen, `lost` the frames that the kernel could not keep.

    Bound to the interfaces by which VTEPs are reached, and to none that carries them, so that a packet is counted once. Cooked sockets
    (SOCK_DGRAM) begin at the network header on every kind of interface.
    """

    def __init__(self, interfaces: Iterable[str], data_path_port: int) -> None:
        """Raises SwarmError when an interface cannot be listened to."""
        self.counts: Counts[Seen] = Counter()
        self._port = data_path_port
        self._sockets: list[socket.socket] = []
        for interface in sorted(set(interfaces)):
            try:
                self._sockets.append(_listen(interface, data_path_port))
            except OSError as error:
                raise SwarmError(f"cannot capture on interface {interface}: {error.strerror}; root is needed, set `become: true`") from None

    def sockets(self) -> Sequence[socket.socket]:
        return self._sockets

    def drain(self, ready: socket.socket) -> None:
        for _frame in range(FRAMES_A_TURN):
            try:
                content, origin = ready.recvfrom(packets.SNAP_LENGTH)
            except BlockingIOError:
                return
            except OSError:
                # the interface went down; what was missed shows as packets that were not seen
                return
            packet = packets.parse(origin[1], content, self._port)
            if packet is not None:
                self.counts[Seen(origin[2] == PACKET_OUTGOING, packet.source, packet.destination, packet.vni)] += 1

    def close(self) -> int:
        """End the capture. Gives the number of frames that the kernel dropped for want of room."""
        lost = 0
        for each in self._sockets:
            _received, dropped = struct.unpack("II", each.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            lost += dropped
            each.close()
        return lost


def _listen(interface: str, data_path_port: int) -> socket.socket:
    # protocol 0: nothing comes before the filter is in place and the socket bound
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    try:
        opened.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        _attach(opened, program(data_path_port))
        opened.bind((interface, ETH_P_ALL))
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _attach(opened: socket.socket, instructions: Sequence[Instruction]) -> None:
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    kept = ctypes.create_string_buffer(code, len(code))
    opened.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HL", len(instructions), ctypes.addressof(kept)))


def program(data_path_port: int) -> tuple[Instruction, ...]:
    """The filter in the kernel (classic BPF): ESP, UDP to the data path port, and what still wears a VLAN tag.

    On a busy node only these few frames are worth being copied. Offsets are from the network header.
    """
    return (
        (LOAD_HALF, 0, 0, ETHERTYPE),
        (JUMP_EQUAL, 3, 0, packets.ETH_P_IP),
        (JUMP_EQUAL, 10, 0, packets.ETH_P_IPV6),
        (JUMP_EQUAL, 15, 0, packets.ETH_P_8021Q),
        (JUMP_EQUAL, 14, 13, packets.ETH_P_8021AD),
        # 5: IPv4
        (LOAD_BYTE, 0, 0, 9),
        (JUMP_EQUAL, 12, 0, packets.PROTOCOL_ESP),
        (JUMP_EQUAL, 0, 10, packets.PROTOCOL_UDP),
        (LOAD_HALF, 0, 0, 6),
        (JUMP_SET, 8, 0, 0x1FFF),
        (LOAD_HEADER_LENGTH, 0, 0, 0),
        (LOAD_HALF_BEHIND, 0, 0, 2),
        (JUMP_EQUAL, 6, 5, data_path_port),
        # 13: IPv6
        (LOAD_BYTE, 0, 0, 6),
        (JUMP_EQUAL, 4, 0, packets.PROTOCOL_ESP),
        (JUMP_EQUAL, 0, 2, packets.PROTOCOL_UDP),
        (LOAD_HALF, 0, 0, packets.IPV6_HEADER + 2),
        (JUMP_EQUAL, 1, 0, data_path_port),
        # 18: leave it, 19: take its beginning
        (RETURN, 0, 0, 0),
        (RETURN, 0, 0, packets.SNAP_LENGTH),
    )
