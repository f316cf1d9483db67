"""From the symbols of pages to a Score; knows nothing of the reader that made the symbols."""
