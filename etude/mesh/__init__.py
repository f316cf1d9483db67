"""The chassis of a service: settings, serving, errors, health, telemetry, channels, worker processes."""
