"""
A certificate of localhost, and that of the authority that has signed it.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def makeCertificates(folder: str, host: str = "localhost") -> None:
    """
    Write authority.pem, server.pem and server.key to a folder.
    """
    authorityKey = ec.generate_private_key(ec.SECP256R1())
    serverKey = ec.generate_private_key(ec.SECP256R1())
    authority = _signed("An authority of ours", None, authorityKey, authorityKey, True)
    server = _signed(host, authority, serverKey, authorityKey, False)
    for name, certificate in (("authority", authority), ("server", server)):
        with open(os.path.join(folder, f"{name}.pem"), "wb") as file:
            file.write(certificate.public_bytes(serialization.Encoding.PEM))
    with open(os.path.join(folder, "server.key"), "wb") as file:
        file.write(
            serverKey.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


def _signed(
    name: str,
    issuer: x509.Certificate | None,
    key: ec.EllipticCurvePrivateKey,
    issuerKey: ec.EllipticCurvePrivateKey,
    isAuthority: bool,
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(isAuthority, None), critical=True)
    )
    if not isAuthority:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
    return builder.sign(issuerKey, hashes.SHA256())
