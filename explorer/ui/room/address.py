"""Where students reach this server, and that as a QR code."""

import os
import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

import segno

LOOPBACK = ("localhost", "127.0.0.1", "::1")

EVERYWHERE = ("0.0.0.0", "::")
"""What is bound where a server listens on all of a machine's addresses."""

LONGEST = 260
"""Characters of a host with its port: a name has 253 at most. Longer ones have no QR code."""


def reachable(scheme: str, host: str, bound: str | None, port: int) -> str | None:
    """Returns the address for students, without a slash at its end; None where only this machine gets in.

    It is EXPLORER_URL where that is set; else the one that the lecturer's own browser used, where others can;
    else that of the bound interface, or of this machine on its network where all are bound.
    """
    named = os.environ.get("EXPLORER_URL", "").strip().rstrip("/")
    if urlsplit(named).scheme in ("http", "https"):
        return named
    if not _loopback(_name(host)):
        return f"{scheme}://{host}"
    if bound and bound not in EVERYWHERE:
        return None if _loopback(bound) else f"{scheme}://{_bracketed(bound)}:{port}"
    own = _own_address()
    return None if own is None else f"{scheme}://{own}:{port}"


def told(scheme: str, bound: str | None, port: int) -> str:
    """Returns what a server that is ready says of its addresses: here, and for others where they can come."""
    here = bound if bound and bound not in EVERYWHERE else "localhost"
    others = reachable(scheme, "", bound, port)
    lines = [f"RNN Explorer: {scheme}://{_bracketed(here)}:{port}"]
    return "\n".join([*lines, f"For others: {others}"] if others else lines)


def _name(host: str) -> str:
    """Returns the name in a Host header, without its port; nothing where it is none, or too long."""
    try:
        return (urlsplit(f"//{host}").hostname or "") if len(host) <= LONGEST else ""
    except ValueError:  # half an address, "[::1"
        return ""


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in ("", *LOOPBACK) or host.endswith(".localhost")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _own_address() -> str | None:
    """This machine's address on its network. Nothing is sent: the kernel only looks up its way out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # TEST-NET-1: an address that nobody has
            own = probe.getsockname()[0]
        except OSError:
            return None
    return None if _loopback(own) else own


def qr(address: str) -> str:
    """Returns the QR code of an address as an SVG in a data URI: black on white, for any theme."""
    return segno.make(address, error="m").svg_data_uri(border=3, dark="#000", light="#fff", scale=8)
