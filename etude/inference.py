"""ONNX Runtime, which is kept from telling its maker what runs here.

Its official builds write an identifier of the machine to disk and send what models are loaded and how fast they run to
Microsoft, unless told not to before they are loaded. Whose pages are read here is nobody's business: import it from
here, never directly. Whoever wants it set `ORT_DISABLE_TELEMETRY=0`.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime  # the variable is read when it is loaded

__all__ = ["onnxruntime"]
