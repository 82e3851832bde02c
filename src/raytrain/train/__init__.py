"""Training: the stream of planned rows, the step, the engine, checkpoints, the Ray Train job."""
