"""The repositories: rows in, contract messages out. Each is bound to one transaction and one tenant."""
