"""The laptop's certificates: a private authority and one server certificate for localhost and 127.0.0.1.

Owns STATE/tls. The authority's key is never written, so nobody can sign anything else with it later.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

NAMES = ("localhost", "127.0.0.1")
_RENEW_BEFORE = timedelta(days=7)


@dataclass(frozen=True)
class Certificates:
    """Where the three PEM files are."""

    authority: Path
    certificate: Path
    key: Path


def ensure_certificates(folder: Path) -> Certificates:
    """Create the certificates, or keep those that are still valid for a week."""
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if not _is_current(files):
        _issue(folder, files)
    return files


def _is_current(files: Certificates) -> bool:
    if not (files.authority.exists() and files.certificate.exists() and files.key.exists()):
        return False
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    return certificate.not_valid_after_utc - _RENEW_BEFORE > datetime.now(UTC)


def _issue(folder: Path, files: Certificates) -> None:
    import trustme

    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Esteira laptop stack")
    issued = authority.issue_cert(*NAMES, not_after=datetime.now(UTC) + timedelta(days=365))
    files.key.touch(mode=0o600)
    files.key.write_bytes(issued.private_key_pem.bytes())
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    files.authority.write_bytes(authority.cert_pem.bytes())
