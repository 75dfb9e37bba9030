"""Mutual TLS 1.3 between main process and workers, from one secret that both know.

Secret and certificate live as long as one run. Both sides make the same private key and the same
certificate from the secret, and trust nothing else.
"""

from __future__ import annotations

import base64
import hmac
import os
import secrets
import ssl
from datetime import datetime

from rios_flows import rioserrors

_SECRET_BYTES = 32
_NAME = "rios_flows"

#: A wrong clock on a node must keep no worker out: valid from the first second to the last.
_FIRST, _LAST = datetime(1970, 1, 1), datetime(9999, 12, 31, 23, 59, 59)


def new_authkey() -> str:
    """Return a new secret: 43 characters, without a comma or a blank."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def server_context(authkey: str) -> ssl.SSLContext:
    """Return what the main process shakes hands with."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, authkey)
    # nobody comes back with a ticket, and so nothing is sent before the first message
    context.num_tickets = 0
    return context


def client_context(authkey: str) -> ssl.SSLContext:
    """Return what a worker shakes hands with."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, authkey)


def _context(protocol: int, authkey: str) -> ssl.SSLContext:
    certificate, key = pems(authkey)
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # a host's name says nothing here: only one certificate is trusted, and who has its key is one
    # of us, by whatever name or address a node may reach it
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    # the certificate is trusted itself, not as an authority that could vouch for others
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate.decode())
    # OpenSSL takes the key from a file only; this one is in memory, and nobody else's
    with open(os.memfd_create(_NAME, os.MFD_CLOEXEC), "wb") as file:
        file.write(certificate + key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context


def pems(authkey: str) -> tuple[bytes, bytes]:
    """Return certificate and private key, always the same ones for a secret."""
    # only runs with workers elsewhere need these, and importing them takes a while
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = hmac.digest(_decoded(authkey), b"rios_flows workers: Ed25519 key", "sha256")
    key = Ed25519PrivateKey.from_private_bytes(seed)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _NAME)])
    certificate = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(_FIRST)
        .not_valid_after(_LAST)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        # Ed25519 signs without chance: the same bytes on both sides
        .sign(key, None)
    )
    pem = serialization.Encoding.PEM
    return certificate.public_bytes(pem), key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _decoded(authkey: str) -> bytes:
    try:
        secret = base64.b64decode(f"{authkey}=", altchars=b"-_", validate=True)
    except ValueError:
        secret = b""
    if len(secret) != _SECRET_BYTES:
        # never the key itself, which would be a secret in a log
        raise rioserrors.ParameterError(
            f"The authkey of {len(authkey)} characters is none of ours, which have 43 out of "
            "A-Z, a-z, 0-9, - and _. Take the whole address as the main process gives it."
        )
    return secret
