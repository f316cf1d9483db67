"""Fixtures that several areas share."""

pytest_plugins = ["tests.support.postgres", "tests.support.s3"]
