"""Measurements. `python -m bench` measures the whole mesh; each script measures one thing more closely."""
