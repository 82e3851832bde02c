"""Tracking of training runs. Nothing is imported here: the config is read where no tracker is installed."""
