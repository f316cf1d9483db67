"""The files that deploy the mesh: valid for the tools that read them, and true to the code."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY

import orchestrator.metrics  # noqa: F401 - registers the metrics
from fingering_service.definition import DEFINITION as FINGERING
from gateway.definition import DEFINITION as GATEWAY
from omr_service.definition import DEFINITION as OMR
from orchestrator.definition import DEFINITION as ORCHESTRATOR
from renderer_service.definition import DEFINITION as RENDERER

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SERVICES = {
    "omr_service": OMR,
    "fingering_service": FINGERING,
    "renderer_service": RENDERER,
    "orchestrator": ORCHESTRATOR,
    "gateway": GATEWAY,
}
SECRETS = ["ETUDE_POSTGRES_PASSWORD", "ETUDE_AUTH_SECRET", "ETUDE_S3_SECRET_KEY", "ETUDE_POSTGRES_OWNER_PASSWORD"]


def tool(name, *arguments, **options):
    command = [Path(sys.executable).parent / name, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, **options)


def kustomized(overlay):
    done = tool("kubectl", "kustomize", DEPLOY / "kubernetes" / "overlays" / overlay)
    assert done.returncode == 0, done.stderr
    return done.stdout


def known_variables():
    """Every environment variable a service's settings read."""
    names = {"OTEL_EXPORTER_OTLP_ENDPOINT"}
    for definition in SERVICES.values():
        settings = definition.settings_class
        prefix = settings.model_config["env_prefix"]
        for field, info in settings.model_fields.items():
            names |= {f"{prefix}{field}".upper(), f"ETUDE_{field}".upper()}
            alias = info.validation_alias
            names |= {str(choice) for choice in getattr(alias, "choices", [alias]) if choice}
    return names


@pytest.mark.parametrize("module", SERVICES)
def test_dockerfiles_are_clean_and_set_what_exists(module):
    dockerfile = ROOT / module / "Dockerfile"
    done = tool("hadolint", dockerfile)
    assert done.returncode == 0, done.stdout
    text = dockerfile.read_text()
    variables = set(re.findall(r"\b(ETUDE_[A-Z_]+)=", text))
    assert variables
    assert variables <= known_variables()
    assert f'["python", "-m", "{module}"]' in text


@pytest.mark.parametrize("overlay", ["small", "production"])
def test_kubernetes_accepts_the_manifests(overlay, tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text(kustomized(overlay))
    done = tool("kubernetes-validate", "--strict", "-k", "1.34", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_kubernetes_sets_variables_and_asks_ports_that_exist():
    documents = [d for d in yaml.safe_load_all(kustomized("production")) if d]
    pods = [d for d in documents if d["kind"] in ("Deployment", "StatefulSet")]
    assert {d["metadata"]["name"] for d in pods} == {definition.name for definition in SERVICES.values()}
    variables = {name for d in documents if d["kind"] == "ConfigMap" for name in d["data"]}
    for pod in pods:
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        variables |= {entry["name"] for entry in container.get("env", ())}
        own = next(d for d in SERVICES.values() if d.name == pod["metadata"]["name"])
        port = int(own.settings_class().address.rpartition(":")[2])
        assert port in [p["containerPort"] for p in container["ports"]]
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert pod["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"]
    assert variables <= known_variables()


def test_compose_is_valid_and_sets_variables_that_exist():
    done = tool(
        "docker-compose",
        "--file",
        DEPLOY / "compose" / "compose.yaml",
        "config",
        "--format",
        "json",
        env=dict.fromkeys([*SECRETS, "ETUDE_GRAFANA_PASSWORD"], "a-secret"),
    )
    assert done.returncode == 0, done.stderr
    services = json.loads(done.stdout)["services"]
    ours = {definition.name for definition in SERVICES.values()}
    assert ours <= set(services)
    variables = {name for service in ours for name in services[service]["environment"]}
    assert variables <= known_variables()
    published = [p for service in services.values() for p in service.get("ports", ())]
    assert all(p["host_ip"] == "127.0.0.1" for p in published)


def test_alerts_and_dashboard_ask_for_metrics_that_exist():
    metrics = {sample.name for family in REGISTRY.collect() for sample in family.samples}
    metrics |= {f"{family.name}{end}" for family in REGISTRY.collect() for end in ("_total", "_bucket", "_count", "")}
    metrics |= {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())
    asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    board = json.loads((DEPLOY / "monitoring" / "grafana" / "etude.json").read_text())
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    without_labels = [re.sub(r"by \([^)]*\)|\{[^}]*\}", "", text) for text in asked]
    named = {name for text in without_labels for name in re.findall(r"\b(?:etude|grpc|process)_[a-z_]+", text)}
    assert len(named) > 8
    assert named <= metrics


@pytest.mark.skipif(shutil.which("promtool") is None, reason="there is no promtool, which comes with Prometheus")
def test_prometheus_takes_its_configuration_and_the_rules():
    configuration = DEPLOY / "monitoring" / "prometheus.yaml"
    done = subprocess.run(["promtool", "check", "config", configuration], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rules found" in done.stdout


def test_every_alert_has_its_place_in_the_runbook():
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    anchors = {re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", runbook, re.M)}
    rules = yaml.safe_load((DEPLOY / "monitoring" / "alerts.yaml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            path, _, anchor = rule["annotations"]["runbook"].partition("#")
            assert path == "docs/runbook.md"
            assert anchor in anchors
