"""TLS for gRPC's server, from files that may be renewed while it runs."""

from __future__ import annotations

import grpc
import structlog

from endcap.server.tls import Material, TlsError, TlsFiles, load, stamp

log = structlog.get_logger("endcap.server")


def credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """Credentials that follow the files. Raises TlsError where they are not good now."""
    renewal = Renewal(files)
    return grpc.dynamic_ssl_server_credentials(
        _configuration(load(files)),
        renewal,  # type: ignore[arg-type]  # None means no change, which the stubs do not know
        require_client_authentication=files.client_ca is not None,
    )


class Renewal:
    """Called by gRPC at every new connection: the new configuration, or None where the files are as they were.

    Whoever renews them may write one after the other: as long as they do not fit together the old ones go on.
    """

    def __init__(self, files: TlsFiles) -> None:
        self.files = files
        self.seen = stamp(files)

    def __call__(self) -> grpc.ServerCertificateConfiguration | None:
        seen = stamp(self.files)
        if seen == self.seen:
            return None
        self.seen = seen
        try:
            material = load(self.files)
        except TlsError as error:
            log.warning("renewed certificate not taken, the one before goes on", reason=str(error))
            return None
        log.info("renewed certificate taken", expires=int(material.expires))
        return _configuration(material)


def _configuration(material: Material) -> grpc.ServerCertificateConfiguration:
    pairs = [(material.key, material.certificate)]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=material.client_ca)
