"""Where and how to train: decided here, placed and verified on what the platform provides."""
