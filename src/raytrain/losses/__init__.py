"""One file a loss; pure torch. Nothing is imported here: the config is read where torch is not."""
