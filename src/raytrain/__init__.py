"""Train, tune and evaluate multilingual dense retrievers on a Ray cluster."""
