"""Settings every service has, read from the environment.

A service subclasses `ServiceSettings` with its own prefix (`ETUDE_OMR_`). Settings that usually are the same for the
whole mesh (`SHARED`) may also be given once with the prefix `ETUDE_`; the service's own prefix wins.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

SHARED = frozenset(
    {
        "log_level",
        "log_format",
        "health_interval_seconds",
        "drain_notice_seconds",
        "drain_seconds",
        "max_connection_age_seconds",
        "tls_certificate",
        "tls_key",
        "tls_client_ca",
    }
)


class ServiceSettings(BaseSettings):
    """What the chassis needs to serve. Frozen; unknown variables are ignored, empty ones count as not set."""

    model_config = SettingsConfigDict(env_prefix="ETUDE_", extra="ignore", frozen=True, env_ignore_empty=True)

    address: str = Field(
        default="127.0.0.1:50051",
        description="Where to listen for gRPC: host:port (port 0 takes a free one) or unix:/path.",
    )
    metrics_port: int | None = Field(
        default=None, ge=0, le=65535, description="Port of Prometheus /metrics; 0: a free one; not set: off."
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address the Prometheus port listens on.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe level that is logged."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="auto: console when standard error is a terminal, JSON lines otherwise."
    )
    health_interval_seconds: float = Field(
        default=5.0, gt=0, description="How often what the service holds (database, files) is looked at for its health."
    )
    drain_notice_seconds: float = Field(
        default=0.0,
        ge=0,
        description="How long a stopping server says NOT_SERVING and still takes calls, so that balancers notice.",
    )
    drain_seconds: float = Field(
        default=20.0, ge=0, description="How long running calls may take to finish before they are cancelled."
    )
    max_connection_age_seconds: float = Field(
        default=600.0,
        gt=0,
        description="Age at which clients are asked to reconnect (running calls go on), so that new replicas get work.",
    )
    tls_certificate: Path | None = Field(default=None, description="PEM certificate chain; with tls_key turns on TLS.")
    tls_key: Path | None = Field(default=None, description="PEM private key of tls_certificate.")
    tls_client_ca: Path | None = Field(
        default=None, description="PEM roots; when set, clients must show a certificate signed by one of them (mTLS)."
    )

    def missing_secret(self) -> str | None:
        """The variable of a secret that has to be configured before the service listens beyond this machine.

        A service that authenticates its callers overrides this. The stages hold no secret and keep None.
        """
        return None

    @model_validator(mode="after")
    def _refuse_exposure_without_secret(self) -> Self:
        if not is_loopback(self.address) and (missing := self.missing_secret()):
            raise ValueError(
                f"refusing to listen on {self.address}: other machines could reach it and {missing} is not set; "
                f"set {missing}, or listen on 127.0.0.1"
            )
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together: set both or neither")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Sources in order of precedence; the variables shared by the mesh come after the service's own."""
        return init_settings, env_settings, dotenv_settings, file_secret_settings, _SharedEnvironment(settings_cls)


class _SharedEnvironment(EnvSettingsSource):
    """The `ETUDE_...` variables of the fields in `SHARED`."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls, env_prefix="ETUDE_")

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[object, str, bool]:
        if field_name not in SHARED:
            return None, field_name, False
        return super().get_field_value(field, field_name)


def is_loopback(address: str) -> bool:
    """True when only this machine can reach `address` (host:port, [v6]:port, unix:/path or unix-abstract:name)."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = split_host_port(address)[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name may resolve to anything


def split_host_port(address: str) -> tuple[str, int]:
    """Host (without brackets) and port of "host:port" or "[v6]:port".

    Raises:
        ValueError: There is no port, or it is not a number from 0 to 65535.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{address!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)
