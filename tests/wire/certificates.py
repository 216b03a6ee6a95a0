"""An authority made for one test, what it signs, and the certificate of a service principal."""

import datetime as dt
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs the certificates of local servers. A client trusts it by its file."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    file: Path

    def serving(self, names: Sequence[str], folder: Path) -> ssl.SSLContext:
        """What a server of these names shows its callers."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = _begun(names[0], key, self.certificate.subject).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False
        )
        signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        signed = made.add_extension(signer, critical=False).sign(self.key, hashes.SHA256())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_written(folder / "server.pem", key, signed))
        return context


def authority(folder: Path) -> Authority:
    """A new authority; its certificate is written into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("an authority of one test")
    signs = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        _begun("an authority of one test", key, name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(signs, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "authority.pem"
    file.write_bytes(made.public_bytes(Encoding.PEM))
    return Authority(key, made, file)


def service_principal(file: Path, password: str = "") -> x509.Certificate:
    """The certificate of a service principal, written into a file together with its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    made = _begun("miner", key, _name("miner")).sign(key, hashes.SHA256())
    _written(file, key, made, BestAvailableEncryption(password.encode()) if password else NoEncryption())
    return made


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _begun(name: str, key: Key, issuer: x509.Name) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
    )


def _written(
    file: Path, key: Key, made: x509.Certificate, encryption: KeySerializationEncryption | None = None
) -> Path:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption or NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file
