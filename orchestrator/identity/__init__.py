"""Who calls: users, passwords, tokens, API keys, and what proves them."""
