"""Settings of the gateway."""

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import SettingsConfigDict

from etude.mesh.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Settings of the gateway, from the environment with the prefix ETUDE_GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="ETUDE_GATEWAY_", populate_by_name=True)

    address: str = "127.0.0.1:50054"
    """Where gRPC health and reflection answer."""

    http_address: str = "127.0.0.1:8080"
    """Where HTTP answers, host:port; port 0 takes a free one."""

    orchestrator_target: str = Field(
        default="127.0.0.1:50050", validation_alias=AliasChoices("orchestrator_target", "ETUDE_ORCHESTRATOR_TARGET")
    )
    """The orchestrator, in gRPC's form."""

    omr_target: str = Field(default="", validation_alias=AliasChoices("omr_target", "ETUDE_OMR_TARGET"))
    fingering_target: str = Field(
        default="", validation_alias=AliasChoices("fingering_target", "ETUDE_FINGERING_TARGET")
    )
    renderer_target: str = Field(default="", validation_alias=AliasChoices("renderer_target", "ETUDE_RENDERER_TARGET"))
    """The stages, for /readyz only; a stage without a target is left to the orchestrator's own readiness."""

    max_upload_bytes: int = Field(default=100 * 1024 * 1024, gt=0)
    """Largest document in bytes."""

    call_timeout_s: float = Field(default=30.0, gt=0)
    """Longest wait for an ordinary call to the orchestrator."""

    upload_timeout_s: float = Field(default=300.0, gt=0)
    """Longest time for handing a document on, and for a download."""

    heartbeat_s: float = Field(default=15.0, ge=1.0)
    """Longest silence of an event stream."""

    rate_limit_per_minute: int = Field(default=6000, ge=0)
    """Requests to the API per minute and user, an address having five times as many; 0 for no limit."""

    login_rate_limit_per_minute: int = Field(default=30, ge=0)
    """Requests to register, log in and refresh per minute and address; 0 for no limit."""

    valkey_url: SecretStr = SecretStr("")
    """Valkey or Redis that gateways share their counts in, redis://, rediss:// or unix://; empty: each for itself."""

    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API from a browser, as a JSON list; ["*"] for all of them."""

    trusted_proxies: str = "127.0.0.1"
    """Addresses, with commas, whose X-Forwarded-For and X-Forwarded-Proto are believed."""
