"""Both sides make the same certificate from the secret, and trust no other."""

from __future__ import annotations

import base64
import os
import re
import socket
import ssl
import subprocess
import sys
import threading

import pytest
from cryptography import x509

from rios_flows import rioserrors
from rios_flows.workers.network.certificates import (
    client_context,
    new_authkey,
    pems,
    server_context,
)

PRINT = (
    "import sys; from rios_flows.workers.network.certificates import pems; print(pems(sys.argv[1]))"
)


def shake(server: ssl.SSLContext, client: ssl.SSLContext) -> tuple[object, object]:
    """Return what either side got: the other's message, or its error."""
    left, right = socket.socketpair()
    found: dict[str, object] = {}

    def side(name: str, context: ssl.SSLContext, stream: socket.socket) -> None:
        stream.settimeout(10)
        try:
            with context.wrap_socket(stream, server_side=name == "server") as shaken:
                shaken.sendall(name.encode())
                found[name] = shaken.recv(10)
        except OSError as error:
            found[name] = error
        finally:
            stream.close()

    thread = threading.Thread(target=side, args=("server", server, left))
    thread.start()
    side("client", client, right)
    thread.join(10)
    return found["server"], found["client"]


def test_a_key_is_32_random_bytes_that_fit_between_commas() -> None:
    keys = {new_authkey() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", key)
        assert len(base64.urlsafe_b64decode(key + "=")) == 32


def test_the_same_bytes_from_the_same_key_in_another_process() -> None:
    key = new_authkey()
    command = [sys.executable, "-c", PRINT, key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == repr(pems(key)), done.stderr
    assert pems(new_authkey()) != pems(key)


def test_no_clock_is_too_wrong() -> None:
    certificate = x509.load_pem_x509_certificate(pems(new_authkey())[0])
    assert certificate.not_valid_before_utc.year == 1970
    assert certificate.not_valid_after_utc.year == 9999


def test_both_with_the_key_come_together() -> None:
    key = new_authkey()
    assert shake(server_context(key), client_context(key)) == (b"client", b"server")


def test_a_worker_refuses_a_main_process_without_the_key() -> None:
    _, client = shake(server_context(new_authkey()), client_context(new_authkey()))
    assert isinstance(client, ssl.SSLCertVerificationError)


def test_the_main_process_refuses_a_worker_that_trusts_anyone() -> None:
    # it has a certificate, and does not care about the server's
    key, other = new_authkey(), client_context(new_authkey())
    other.verify_mode = ssl.CERT_NONE
    server, _ = shake(server_context(key), other)
    assert isinstance(server, ssl.SSLError)
    assert server.reason == "CERTIFICATE_VERIFY_FAILED"


def test_the_main_process_refuses_a_worker_without_a_certificate() -> None:
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname, bare.verify_mode = False, ssl.CERT_NONE
    server, _ = shake(server_context(new_authkey()), bare)
    assert isinstance(server, ssl.SSLError)
    assert server.reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE"


def test_nothing_older_than_tls_1_3() -> None:
    key = new_authkey()
    old = client_context(key)
    old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_2
    server, client = shake(server_context(key), old)
    assert isinstance(server, ssl.SSLError)
    assert isinstance(client, ssl.SSLError)


def test_the_private_key_stays_nowhere() -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    server_context(new_authkey())
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("key", ["", "a", "x" * 42, "x" * 44, "ä" * 43, "x" * 42 + ","])
def test_what_is_no_key_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(rioserrors.ParameterError, match=f"of {len(key)} characters") as caught:
        client_context(key)
    assert len(key) < 2 or key not in str(caught.value)
