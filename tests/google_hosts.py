"""A proxy that takes Google's hosts for the embedded cloud: what is sent to https://SERVICE.googleapis.com by way of it arrives there, under its own host.

So a client that can be told a proxy and an authority (gcloud: `proxy/…`, `core/custom_ca_certs_file`) needs no endpoint of ours, and one without an override,
such as that of billing budgets, gets there too. It opens nothing but the port of the cloud it is given.
"""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("googleapis.com", "*.googleapis.com")
CHUNK = 65_536


@dataclass
class GoogleHosts:
    """The proxy in front of the cloud at `rest` (`127.0.0.1:PORT`); `authority` is the file of its authority's certificate."""

    folder: Path
    rest: str
    authority: Path = field(init=False)
    port: int = field(init=False)
    asked: list[str] = field(default_factory=list)
    _listening: socket.socket = field(init=False, repr=False)

    def start(self) -> GoogleHosts:
        self.authority = self.folder / "authority.pem"
        served = self.folder / "served.pem"
        _certify(self.authority, served)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(served)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def stop(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(CHUNK)
        method, target, _ = head.split(b" ", 2)
        host = target.decode().partition(":")[0]
        self.asked.append(host)
        if method != b"CONNECT" or not host.endswith("googleapis.com"):
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            secured = self._context.wrap_socket(client, server_side=True)
        except (OSError, ssl.SSLError):
            return
        name, _, port = self.rest.partition(":")
        cloud = socket.create_connection((name, int(port)))
        threading.Thread(target=_pass_on, args=(cloud, secured), daemon=True).start()
        _pass_on(secured, cloud)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(CHUNK):
            target.sendall(data)
    except OSError:  # one of them has gone
        pass
    finally:
        for each in (source, target):
            each.close()


def _certify(authority: Path, served: Path) -> None:
    """An authority of its own and a certificate of Google's names, valid for a day."""
    signing, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
    now = datetime.datetime.now(datetime.UTC)
    valid = (now - datetime.timedelta(hours=1), now + datetime.timedelta(days=1))

    def begun(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
        return builder.serial_number(x509.random_serial_number()).not_valid_before(valid[0]).not_valid_after(valid[1])

    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    whole = x509.SubjectKeyIdentifier.from_public_key(signing.public_key())
    root = begun(issuer, signing.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    root = root.add_extension(usage, critical=True).add_extension(whole, critical=False)
    names = x509.SubjectAlternativeName([*(x509.DNSName(name) for name in NAMES), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    by = x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key())
    leaf = begun(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAMES[0])]), key.public_key()).add_extension(names, critical=False)
    leaf = leaf.add_extension(by, critical=False)
    pem = serialization.Encoding.PEM
    authority.write_bytes(root.sign(signing, hashes.SHA256()).public_bytes(pem))
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    served.write_bytes(secret + leaf.sign(signing, hashes.SHA256()).public_bytes(pem))
