"""The test authority that signs managed certificates: one a state file, readable at ``/_emulator/ca.pem``.

Validity is in this machine's time, which is what a client checks, not in the emulated one.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from emulator.world import World

TAB = "authority"
NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Embedded Google Cloud test authority")])
VALID = timedelta(days=3650)


class Authority:
    """Signs; ``pem`` is its own certificate."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, pem: str) -> None:
        self._key = key
        self.pem = pem
        self._certificate = x509.load_pem_x509_certificate(pem.encode())

    def sign(self, domains: Iterable[str]) -> tuple[str, str]:
        """A new private key and a certificate for the domains (or addresses), both PEM."""
        names = [domain.rstrip(".") for domain in domains]
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])]), key, NAME)
        certificate = (
            builder.add_extension(x509.SubjectAlternativeName([_subject(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _key_pem(key), certificate.public_bytes(serialization.Encoding.PEM).decode()


def of(world: World) -> Authority:
    """The authority of this state, made at first use."""
    row = world.store.get(TAB, "ca")
    if row is None:
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)  # signs certificates and lists
        certificate = (
            _builder(NAME, key, NAME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        row = {"key": _key_pem(key), "pem": certificate.public_bytes(serialization.Encoding.PEM).decode()}
        world.store.put(TAB, "ca", row)
    key_again = serialization.load_pem_private_key(row["key"].encode(), None)
    assert isinstance(key_again, ec.EllipticCurvePrivateKey)
    return Authority(key_again, row["pem"])


def _subject(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _builder(subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + VALID)
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
