"""What every part of Étude imports: the generated contract, the chassis of a service, the IR library, the client."""

from importlib.metadata import version as _installed_version

__version__ = _installed_version("etude")
