"""From an address to a door; secrets come from the environment and from nowhere else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from worklint.enterprise import Address, parse_address
from worklint.network.ask import Door, NetworkError

USER, PASSWORD, TOKEN, HEADERS = "WORKLINT_USER", "WORKLINT_PASSWORD", "WORKLINT_TOKEN", "WORKLINT_HEADERS"
"""Environment variables for HTTP: basic authentication, or a bearer token; further headers, one a line."""


def address_of(text: str) -> Address:
    """Read an address; besides the form of the project file, ``dicom://CALLING@CALLED@host:port``.

    Raises:
        ValueError: with a message that never repeats the address.
    """
    both = re.fullmatch(r"(dicoms?://)([^@/?:]+)@([^@/?]+@[^?]*)", text, re.IGNORECASE)
    return parse_address(f"{both[1]}{both[3].rstrip('/')}?calling={both[2]}" if both else text)


@dataclass(frozen=True, slots=True)
class Login:
    """The header that proves who asks, and the names of the variables that it comes from (or would come from)."""

    headers: Mapping[str, str]
    variables: tuple[str, ...] = ()


def _more_headers(environment: Mapping[str, str]) -> dict[str, str]:
    out = {}
    for number, line in enumerate(environment.get(HEADERS, "").splitlines(), 1):
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon or not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or not re.fullmatch(r"[ -~\t]*", value):
            raise NetworkError(f"{HEADERS}: line {number} is no header; write NAME: VALUE, one a line")
        out[name] = value.strip()
    return out


def in_the_clear(address: Address, environment: Mapping[str, str], auth: Mapping[str, str] | None = None) -> bool:
    """Tell if a secret would travel unencrypted to another machine.

    Raises:
        NetworkError: as ``login_from``.
    """
    if (
        address.transport != "dicomweb"
        or address.scheme == "https"
        or address.host in ("localhost", "::1", "127.0.0.1")
    ):
        return False
    return bool(login_from(environment, auth).headers)


def login_from(environment: Mapping[str, str], auth: Mapping[str, str] | None = None) -> Login:
    """Return what authenticates us; ``auth`` names the variables (``bearer``, ``user``, ``password``).

    Raises:
        NetworkError: if a token cannot stand in a header, or a further header is none; they are not repeated.
    """
    import base64

    more = _more_headers(environment)

    own = {k: v.lstrip("$") for k, v in (auth or {}).items()}
    names = {"bearer": TOKEN, "user": USER, "password": PASSWORD, **own}
    # What the project file names is what counts; else a token goes before a name and a password.
    bearer = "bearer" in own or "user" not in own
    token = environment.get(names["bearer"], "").strip() if bearer else ""
    if token:
        if not re.fullmatch("[!-~]+", token):
            raise NetworkError(
                f"{names['bearer']} holds no token: blanks, line breaks or letters with accents are in it"
            )
        return Login({**more, "Authorization": f"Bearer {token}"}, (names["bearer"],))
    user = environment.get(names["user"])
    if user and own.keys() != {"bearer"}:
        pair = f"{user}:{environment.get(names['password'], '')}".encode()
        header = "Basic " + base64.b64encode(pair).decode("ascii")
        return Login({**more, "Authorization": header}, (f"{names['user']} and {names['password']}",))
    wanted = [names[k] for k in ("bearer", "user", "password") if k in own]
    return Login(more, (" and ".join(wanted),) if wanted else ())


def open_door(
    address: Address, timeout: float, environment: Mapping[str, str], auth: Mapping[str, str] | None = None
) -> Door:
    """Return the door that an address leads to; nothing is sent yet.

    Raises:
        NetworkError: if a package that is needed is not installed, or a credential cannot be sent.
    """
    if address.transport == "dimse":
        from worklint.network.dimse import DimseDoor

        return DimseDoor(address, timeout, environment)
    from worklint.network.web import WebDoor

    login = login_from(environment, auth)
    return WebDoor(address, timeout, login.headers, environment, login.variables)
