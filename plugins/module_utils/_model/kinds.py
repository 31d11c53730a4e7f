# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of values that the field tables are made of."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .table import Kind, Unfit

NANOSECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86400 * 10**9}
BYTES = {"": 1, "b": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40}
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d)")
_CPUS = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(m?)")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)


def text(value: Any) -> str:
    """A string; numbers and booleans become what YAML would have shown."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise ValueError("a string, a number or a boolean")


def integer(value: Any) -> int:
    """A whole number of 0 or more."""
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError("a whole number")
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise ValueError("a whole number") from None
    if number < 0:
        raise ValueError("a whole number of 0 or more")
    return number


def boolean(value: Any) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def ratio(value: Any) -> float:
    """A number from 0 to 1."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("a number from 0 to 1") from None
    if not 0 <= number <= 1:
        raise ValueError("a number from 0 to 1")
    return number


def cpus(value: Any) -> int:
    """The Engine's NanoCPUs from a number of processors: "0.5", 2 or, in thousandths of one, "500m".

    An integer is NanoCPUs already: the option is a string, so that what is written never is one. The Engine refuses less than 0.001.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _CPUS.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("a number of processors such as 0.5 or 500m")
    nano = int(Decimal(match.group(1)) * (10**6 if match.group(2) else 10**9))
    if 0 < nano < 10**6:
        raise ValueError("a number of processors of at least 0.001, or 0 for no bound")
    return nano


def memory(value: Any) -> int:
    """A size that the Engine takes for a container's memory: 4 MiB or more, or 0 for no bound. A bare integer is bytes already."""
    number = size(value)
    if 0 < number < 4 * 2**20 and not isinstance(value, int):
        raise ValueError("at least 4M, or 0 for no bound")
    return number


def limit(value: Any) -> int:
    """A whole number, or -1 for no limit."""
    return -1 if str(value).strip() == "-1" else integer(value)


def score(value: Any) -> int:
    """An adjustment of the kernel's badness score, from -1000 to 1000."""
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise ValueError("a whole number from -1000 to 1000") from None
    if isinstance(value, (bool, float)) or not -1000 <= number <= 1000:
        raise ValueError("a whole number from -1000 to 1000")
    return number


def permissions(value: Any) -> int:
    """The bits of a file's mode from "0440" (octal, as people write it in quotes); an integer is the bits already."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        return value
    written = str(value).strip()
    if isinstance(value, int) or not re.fullmatch("0?[0-7]{3,4}", written):
        raise ValueError("a file mode in quotes, such as '0440'")
    return int(written, 8)


def counts(value: Any) -> dict[str, int]:
    """Names with whole numbers of 1 or more."""
    if not isinstance(value, Mapping):
        raise ValueError("names with whole numbers")
    found = {}
    for name, content in value.items():
        try:
            found[str(name)] = integer(content)
        except ValueError as error:
            raise Unfit(str(error), f"[{name}]", content) from None
        if not found[str(name)]:
            raise Unfit("a whole number of 1 or more", f"[{name}]", content)
    return found


def capabilities(value: Any) -> tuple[str, ...]:
    """A set of Linux capabilities in the kernel's names: "net_admin" is CAP_NET_ADMIN. ALL stands for all of them."""
    found = set()
    for index, word in enumerate(words(value)):
        name = word.strip().upper()
        if not re.fullmatch("[A-Z_]+", name):
            raise Unfit("a capability such as NET_ADMIN", f"[{index}]", word)
        found.add(name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}")
    return tuple(sorted(found))


def hosts(value: Any) -> tuple[tuple[str, str], ...]:
    """Pairs of name and address from a mapping of names to an address or a list of them; such pairs stay as they are."""
    if not isinstance(value, Mapping):
        return tuple(sorted(set(value)))
    found = set()
    for name, addresses in value.items():
        for each in (addresses,) if isinstance(addresses, str) else words(addresses):
            try:
                found.add((str(name), address(each)))
            except ValueError as error:
                raise Unfit(str(error), f"[{name}]", each) from None
    return tuple(sorted(found))


def show_hosts(value: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The mapping that `hosts` reads back."""
    found: dict[str, list[str]] = {}
    for name, each in value:
        found.setdefault(name, []).append(each)
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def read_hosts(value: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Pairs of name and address from lines of hosts(5): an address and its names."""
    lines = [line.split() for line in value]
    return tuple(sorted({(name, line[0]) for line in lines for name in line[1:]}))


def write_hosts(value: Sequence[tuple[str, str]]) -> list[str]:
    """Lines of hosts(5), a name each."""
    return [f"{each} {name}" for name, each in value]


def duration(value: Any) -> int:
    """Nanoseconds from "1h30m", "500ms", or a number of seconds in a string; a bare integer is nanoseconds already."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    written = str(value).strip().lower()
    if written == "0":
        return 0
    parts = _DURATION_PART.findall(written)
    if not parts or "".join(number + unit for number, unit in parts) != written:
        raise ValueError("a duration with its unit, such as 10s, 1m30s or 500ms")
    return int(sum(Decimal(number) * NANOSECONDS[unit] for number, unit in parts))


def show_duration(nanoseconds: int) -> str:
    """The shortest text that `duration` reads back: 5400000000000 is "1h30m"."""
    if nanoseconds == 0:
        return "0s"
    shown, rest = "", nanoseconds
    for unit in ("h", "m", "s", "ms", "us", "ns"):
        count, rest = divmod(rest, NANOSECONDS[unit])
        if count:
            shown += f"{count}{unit}"
    return shown


def size(value: Any) -> int:
    """Bytes from "512M" or "1.5g" (powers of 1024, as the docker CLI means them) or a number of bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("a size such as 512M or 2G")
    return int(Decimal(match.group(1)) * BYTES[match.group(2).lower()])


def show_size(number: int) -> str:
    """The shortest text that `size` reads back: 536870912 is "512M"."""
    for unit in ("t", "g", "m", "k"):
        if number and number % BYTES[unit] == 0:
            return f"{number // BYTES[unit]}{unit.upper()}"
    return str(number)


def labels(value: Any) -> dict[str, str]:
    """Names and values, both strings."""
    if not isinstance(value, Mapping):
        raise ValueError("names with values")
    shown = {}
    for key, content in value.items():
        try:
            shown[str(key)] = text("" if content is None else content)
        except ValueError as error:
            raise Unfit(str(error), f"[{key}]", content) from None
    return shown


def words(value: Any) -> tuple[str, ...]:
    """A list of strings whose order counts."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError("a list of strings")
    return tuple(text(word) for word in value)


def names(value: Any) -> tuple[str, ...]:
    """A set of strings: order and repetition do not count."""
    return tuple(sorted(set(words(value))))


def environment(value: Any) -> tuple[str, ...]:
    """NAME=value strings, sorted by name, from a mapping or from such strings."""
    if isinstance(value, Mapping):
        return tuple(sorted(f"{name}={content}" for name, content in labels(value).items()))
    return names(value)


def show_environment(value: Sequence[str]) -> dict[str, str]:
    """The mapping that `environment` reads back."""
    return {name: content for name, _equals, content in (entry.partition("=") for entry in value)}


def address(value: Any) -> str:
    """An IPv4 or IPv6 address in its canonical form."""
    try:
        return str(ipaddress.ip_address(str(value)))
    except ValueError:
        raise ValueError("an IP address") from None


def subnet(value: Any) -> str:
    """A subnet in CIDR notation without host bits, in its canonical form."""
    written = str(value)
    try:
        if "/" not in written:
            raise ValueError
        interface = ipaddress.ip_interface(written)
    except ValueError:
        raise ValueError("a subnet such as 10.20.1.0/24") from None
    if interface.ip != interface.network.network_address:
        raise ValueError(f"a subnet without host bits, which would be {interface.network}")
    return str(interface.network)


def choice(*choices: str) -> Kind:
    """One of a few words; the Engine keeps the word as it is."""

    def parse(value: Any) -> str:
        if value not in choices:
            raise ValueError("one of " + ", ".join(choices))
        return str(value)

    return Kind("str", parse, choices=choices)


TEXT = Kind("str", text)
INTEGER = Kind("int", integer)
BOOLEAN = Kind("bool", boolean)
# the Engine keeps a float32
RATIO = Kind("float", ratio, same=lambda wanted, found: found is not None and abs(wanted - found) < 1e-6)
CPUS = Kind("str", cpus, lambda nano: f"{Decimal(nano) / 10**9:f}")
DURATION = Kind("str", duration, show_duration)
SIZE = Kind("str", size, show_size)
MEMORY = Kind("str", memory, show_size)
LIMIT = Kind("int", limit)
SCORE = Kind("int", score)
# YAML takes 0440 without quotes for the number 288, which are the bits, too
PERMISSIONS = Kind("raw", permissions, lambda bits: f"{bits:04o}")
COUNTS = Kind("dict", counts, dict)
CAPABILITIES = Kind("list", capabilities, list, capabilities, list, elements="str")
HOSTS = Kind("dict", hosts, show_hosts, read_hosts, write_hosts)
LABELS = Kind("dict", labels, dict, labels)
WORDS = Kind("list", words, list, words, list, elements="str")
NAMES = Kind("list", names, list, names, list, elements="str")
ENVIRONMENT = Kind("dict", environment, show_environment, names, list)
ADDRESSES = Kind("list", lambda value: tuple(address(item) for item in words(value)), list, words, list, elements="str")
SUBNETS = Kind("list", lambda value: tuple(subnet(item) for item in words(value)), list, words, list, elements="str")
