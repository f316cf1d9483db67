"""Fixtures that several areas share, and how hypothesis behaves on machines that are slow for a while."""

from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.postgres", "tests.support.s3"]

settings.register_profile("etude", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("etude")
