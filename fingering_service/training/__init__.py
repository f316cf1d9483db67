"""How the learned fingering model is made: corpus, features, training, evaluation. Serving imports nothing of it."""
