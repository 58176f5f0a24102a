"""Networks: the model zoo, tracing, BatchNorm folding, channel removal, training."""
