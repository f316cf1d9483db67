"""A served mesh and the real grpcurl, as any developer in any language would meet it."""

import json

import pytest

from tests.e2e.conftest import SERVERS, SHORT, ServedMesh, finished, grpcurl, send

pytestmark = pytest.mark.xdist_group("e2e")

SERVICES = {
    "orchestrator": {
        "etude.job.v1.JobService",
        "etude.job.v1.ArtifactService",
        "etude.job.v1.ModelService",
        "etude.identity.v1.IdentityService",
    },
    "omr": {"etude.stage.v1.OmrService"},
    "fingering": {"etude.stage.v1.FingeringService"},
    "renderer": {"etude.stage.v1.RendererService"},
    "gateway": set(),
}


@pytest.mark.parametrize("server", SERVERS)
def test_reflection_and_health(mesh: ServedMesh, server: str):
    listed = grpcurl(mesh.address(server), "list")
    assert listed.returncode == 0, listed.stderr
    assert SERVICES[server] | {"grpc.health.v1.Health"} <= set(listed.stdout.split())
    for service in {"", *SERVICES[server]}:
        health = grpcurl("-d", json.dumps({"service": service}), mesh.address(server), "grpc.health.v1.Health/Check")
        assert json.loads(health.stdout) == {"status": "SERVING"}, health.stderr


async def test_a_job_and_an_error_by_reflection(mesh: ServedMesh, http):
    job = await finished(http, (await send(http, SHORT, formats="midi"))["job_id"])
    address = mesh.address("orchestrator")
    got = grpcurl("-d", json.dumps({"jobId": job["job_id"]}), address, "etude.job.v1.JobService/GetJob")
    assert got.returncode == 0, got.stderr
    assert json.loads(got.stdout)["job"]["state"] == "JOB_STATE_COMPLETED"
    assert json.loads(got.stdout)["job"]["source"]["filename"] == SHORT.name
    missing = grpcurl("-d", '{"jobId": "none"}', address, "etude.job.v1.JobService/GetJob")
    assert "NotFound" in missing.stderr
    assert "JOB_NOT_FOUND" in missing.stderr
    described = grpcurl(address, "describe", "etude.job.v1.JobService")
    assert (
        "rpc WatchJob ( .etude.job.v1.WatchJobRequest ) returns ( stream .etude.job.v1.WatchJobResponse );"
        in described.stdout
    )
