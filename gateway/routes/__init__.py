"""The routes of the HTTP face, a module per noun."""
