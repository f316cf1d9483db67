"""The scan reader: from pixels to symbols."""
