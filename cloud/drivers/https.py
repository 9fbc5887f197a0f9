"""Drivers of TLS: managed certificates and the HTTPS proxy."""

from __future__ import annotations

from typing import Any

from google.cloud import compute_v1

from cloud.connection import Connection
from cloud.drivers import marker
from cloud.drivers.addresses import address_of, url
from cloud.drivers.base import ONCE, ComputeDriver
from cloud.journal import Attempt
from ironwood.resources.https import Certificate, HttpsProxy


def _certificate(connection: Connection, resource: Certificate) -> compute_v1.SslCertificate:
    del connection
    managed = compute_v1.SslCertificateManagedSslCertificate(domains=list(resource.domains))
    return compute_v1.SslCertificate(name=resource.name, description=marker.description(resource.owner), type_="MANAGED", managed=managed)


def _read_certificate(message: compute_v1.SslCertificate, scope: str) -> Certificate:
    return Certificate(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        domains=tuple(message.managed.domains),
        status=message.managed.status,
        domain_status=tuple(sorted(message.managed.domain_status.items())),
        created=message.creation_timestamp,
    )


def _proxy(connection: Connection, resource: HttpsProxy) -> compute_v1.TargetHttpsProxy:
    return compute_v1.TargetHttpsProxy(
        name=resource.name,
        description=marker.description(resource.owner),
        url_map=url(connection.project, resource.url_map),
        ssl_certificates=[url(connection.project, each) for each in resource.certificates],
    )


def _read_proxy(message: compute_v1.TargetHttpsProxy, scope: str) -> HttpsProxy:
    return HttpsProxy(
        name=message.name,
        scope=scope,
        owner=marker.owner_in_text(message.description),
        url_map=address_of(message.url_map),
        certificates=tuple(address_of(each) for each in message.ssl_certificates),
        created=message.creation_timestamp,
    )


class HttpsProxyDriver(ComputeDriver[HttpsProxy]):
    """A proxy's URL map and its certificates are set by calls of their own."""

    def update(self, connection: Connection, attempt: Attempt, before: HttpsProxy, after: HttpsProxy) -> None:
        """Set the certificates, then the URL map."""
        client: Any = connection.client(self.client)
        place = self.place(connection, after)
        if before.certificates != after.certificates:
            certificates = compute_v1.TargetHttpsProxiesSetSslCertificatesRequest(
                ssl_certificates=[url(connection.project, each) for each in after.certificates]
            )
            request = place | {"target_https_proxies_set_ssl_certificates_request_resource": certificates}
            self.write(
                connection,
                attempt,
                f"updating the certificates of {after.address}",
                lambda key: client.set_ssl_certificates_unary(request=request | {"request_id": key}, **ONCE),
            )
        if before.url_map != after.url_map:
            routes = place | {"url_map_reference_resource": compute_v1.UrlMapReference(url_map=url(connection.project, after.url_map))}
            self.write(
                connection,
                attempt,
                f"updating the URL map of {after.address}",
                lambda key: client.set_url_map_unary(request=routes | {"request_id": key}, **ONCE),
            )


CERTIFICATE = ComputeDriver(
    resource=Certificate,
    client=compute_v1.SslCertificatesClient,
    item="ssl_certificate",
    body="ssl_certificate_resource",
    encode=_certificate,
    decode=_read_certificate,
)
HTTPS_PROXY = HttpsProxyDriver(
    resource=HttpsProxy,
    client=compute_v1.TargetHttpsProxiesClient,
    item="target_https_proxy",
    body="target_https_proxy_resource",
    encode=_proxy,
    decode=_read_proxy,
)
