"""TLS for both transports: trust and the client's certificate come from files that the environment names."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress

from worklint.network.ask import Unreachable

VARIABLES = {"ca": "WORKLINT_TLS_CA", "cert": "WORKLINT_TLS_CERT", "key": "WORKLINT_TLS_KEY"}
_AFTER_SHAKE = 1.0
"""Seconds that a source gets to object to a client certificate."""


def context(environment: Mapping[str, str], named: bool = True) -> ssl.SSLContext:
    """Return the settings; ``named``: whether a certificate has to name the host also where the authority is our own.

    Raises:
        Unreachable: if one of the files cannot be used.
    """
    names = {what: environment.get(variable) for what, variable in VARIABLES.items()}
    try:
        made = ssl.create_default_context(cafile=names["ca"])
        if names["cert"]:
            made.load_cert_chain(names["cert"], names["key"])
    except (OSError, ssl.SSLError) as error:
        used = ", ".join(v for w, v in VARIABLES.items() if names[w])
        raise Unreachable(
            f"TLS: a file named by {used or 'the system'} cannot be used: {error.strerror or error}"
        ) from None
    made.check_hostname = named or names["ca"] is None
    return made


def shake_hands(plain: socket.socket, made: ssl.SSLContext, host: str) -> None:
    """Make a TLS connection only to learn why there is none; raises ``OSError`` as the library does.

    TLS 1.3 tells a client that its certificate is refused only when it reads for the first time.
    """
    with made.wrap_socket(plain, server_hostname=host) as secure:
        secure.settimeout(_AFTER_SHAKE)
        with suppress(TimeoutError):
            secure.recv(1)


def problem(error: ssl.SSLError, without: str) -> str:
    """Return what is wrong, to be read after the name of the source; ``without`` is the scheme without TLS."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message.rstrip(".")
        return (
            f"presents a certificate that is not trusted ({said}); {VARIABLES['ca']} has to name a file with the "
            "certificate of the authority that signed it, or with the certificate itself"
        )
    reason = (error.reason or str(error)).lower().replace("_", " ")
    if "alert" in reason or isinstance(error, ssl.SSLEOFError):
        return (
            f"breaks off TLS ({reason}); does it ask for a client certificate that it knows? {VARIABLES['cert']} "
            f"and {VARIABLES['key']} name the files"
        )
    return f"does not speak TLS with us ({reason}); is this a port without TLS ({without})?"
