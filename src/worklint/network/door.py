"""From an address to a door; secrets come from the environment and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping

from worklint.enterprise import Address, parse_address
from worklint.network.ask import Door

USER, PASSWORD, TOKEN = "WORKLINT_USER", "WORKLINT_PASSWORD", "WORKLINT_TOKEN"
"""Environment variables for HTTP: basic authentication, or a bearer token."""


def address_of(text: str) -> Address:
    """Read an address; besides the form of the project file, ``dicom://CALLING@CALLED@host:port``.

    Raises:
        ValueError: with a message that never repeats the address.
    """
    both = re.fullmatch(r"(dicoms?://)([^@/?:]+)@([^@/?]+@[^?]*)", text, re.IGNORECASE)
    return parse_address(f"{both[1]}{both[3].rstrip('/')}?calling={both[2]}" if both else text)


def headers_from(environment: Mapping[str, str], auth: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the headers of authentication; ``auth`` names the variables (``bearer``, ``user``, ``password``)."""
    import base64

    names = {"bearer": TOKEN, "user": USER, "password": PASSWORD, **{k: v.lstrip("$") for k, v in (auth or {}).items()}}
    token = environment.get(names["bearer"])
    if token:
        return {"Authorization": f"Bearer {token}"}
    user = environment.get(names["user"])
    if user:
        pair = f"{user}:{environment.get(names['password'], '')}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode("ascii")}
    return {}


def open_door(
    address: Address, timeout: float, environment: Mapping[str, str], auth: Mapping[str, str] | None = None
) -> Door:
    """Return the door that an address leads to; nothing is sent yet.

    Raises:
        NetworkError: if a package that is needed is not installed.
    """
    if address.transport == "dimse":
        from worklint.network.dimse import DimseDoor

        return DimseDoor(address, timeout, environment)
    from worklint.network.web import WebDoor

    return WebDoor(address, timeout, headers_from(environment, auth), environment)
