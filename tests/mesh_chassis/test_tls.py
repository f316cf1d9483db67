"""TLS and mutual TLS by settings, with certificates made for the test."""

import asyncio
import shutil
import subprocess

import pytest

from etude.mesh.channels import ChannelSettings, open_channel
from etude.mesh.health import check_health

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates and is absent")


@pytest.fixture
def certificates(tmp_path):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new_key, "-subj", "/CN=ca", "-keyout", "ca.key", "-out", "ca.pem")
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1")
    for name in ("server", "client"):
        openssl("req", *new_key, "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        signed_by = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
        openssl("x509", "-req", "-in", f"{name}.csr", *signed_by, "-out", f"{name}.pem")
    return tmp_path


async def _healthy(address, **settings):
    async with open_channel(address, settings=ChannelSettings(**settings)) as channel:
        return await check_health(channel, timeout_s=5.0)


async def test_tls(serve, certificates):
    served = await serve(tls_certificate=certificates / "server.pem", tls_key=certificates / "server.key")
    address = served.handle.address
    assert await _healthy(address, tls_ca=certificates / "ca.pem")
    assert not await _healthy(address)
    assert not await _healthy(address, tls=True)  # not signed by anyone the system knows


async def test_mutual_tls(serve, certificates):
    served = await serve(
        tls_certificate=certificates / "server.pem",
        tls_key=certificates / "server.key",
        tls_client_ca=certificates / "ca.pem",
    )
    own = {"tls_certificate": certificates / "client.pem", "tls_key": certificates / "client.key"}
    with_and_without = await asyncio.gather(
        _healthy(served.handle.address, tls_ca=certificates / "ca.pem", **own),
        _healthy(served.handle.address, tls_ca=certificates / "ca.pem"),
    )
    assert with_and_without == [True, False]
