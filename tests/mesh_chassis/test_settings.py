import pytest
from pydantic import ValidationError
from pydantic_settings import SettingsConfigDict

from etude.mesh import definition
from etude.mesh.definition import load_definition, load_definitions
from etude.mesh.settings import SHARED, ServiceSettings, is_loopback, split_host_port
from tests.mesh_chassis import echo_service


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="ETUDE_EXAMPLE_")

    secret: str = ""

    def missing_secret(self):
        return None if self.secret else "ETUDE_EXAMPLE_SECRET"


def test_a_service_reads_its_own_prefix(monkeypatch):
    monkeypatch.setenv("ETUDE_EXAMPLE_ADDRESS", "127.0.0.1:1234")
    monkeypatch.setenv("ETUDE_ADDRESS", "127.0.0.1:9")  # an address is never shared
    assert Settings().address == "127.0.0.1:1234"


def test_shared_settings_may_be_given_once_and_the_own_ones_win(monkeypatch):
    monkeypatch.setenv("ETUDE_LOG_LEVEL", "debug")
    assert Settings().log_level == "debug"
    monkeypatch.setenv("ETUDE_EXAMPLE_LOG_LEVEL", "error")
    assert Settings().log_level == "error"
    assert Settings(log_level="warning").log_level == "warning"


def test_what_is_shared_exists():
    assert set(ServiceSettings.model_fields) >= SHARED


def test_an_empty_variable_is_not_set(monkeypatch):
    monkeypatch.setenv("ETUDE_EXAMPLE_METRICS_PORT", "")
    assert Settings().metrics_port is None


def test_every_field_is_described():
    assert all(field.description for field in ServiceSettings.model_fields.values())


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.8.8.8:1", True),
        ("localhost:1", True),
        ("[::1]:1", True),
        ("unix:/run/etude.sock", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("192.168.1.7:1", False),
        ("localhost.example.org:1", False),
    ],
)
def test_loopback_is_told_from_the_rest(address, loopback):
    assert is_loopback(address) is loopback
    if loopback:
        assert Settings(address=address).address == address
    else:
        with pytest.raises(ValidationError, match="ETUDE_EXAMPLE_SECRET is not set"):
            Settings(address=address)
        assert Settings(address=address, secret="s").address == address
        assert ServiceSettings(address=address).address == address  # a stage has no secret to miss


def test_half_of_tls_is_refused(tmp_path):
    with pytest.raises(ValidationError, match="go together"):
        Settings(tls_key=tmp_path / "key.pem")
    with pytest.raises(ValidationError, match="tls_client_ca needs"):
        Settings(tls_client_ca=tmp_path / "ca.pem")


@pytest.mark.parametrize("address", ["nohost", "host:", "host:x", "host:70000"])
def test_an_address_without_a_port_is_told(address):
    with pytest.raises(ValueError, match="host:port"):
        split_host_port(address)


class _EntryPoint:
    def __init__(self, name, value, loaded):
        self.name, self.value, self.loaded = name, value, loaded

    def load(self):
        return self.loaded


def _installed(monkeypatch, *entries):
    monkeypatch.setattr(definition, "entry_points", lambda group: entries if group == "etude.services" else ())


def test_installed_services_are_found_by_name(monkeypatch):
    echo = echo_service.definition()
    _installed(monkeypatch, _EntryPoint("echo", "tests:DEFINITION", echo))
    assert load_definitions() == {"echo": echo}
    assert load_definition("echo") is echo
    with pytest.raises(LookupError, match="'omr' is installed; there are: echo"):
        load_definition("omr")


def test_an_entry_point_that_is_no_service_is_told(monkeypatch):
    _installed(monkeypatch, _EntryPoint("echo", "tests:thing", object()))
    with pytest.raises(TypeError, match="tests:thing"):
        load_definitions()
    _installed(monkeypatch, _EntryPoint("other", "tests:DEFINITION", echo_service.definition()))
    with pytest.raises(TypeError, match="calls itself 'echo'"):
        load_definition("other")
