"""Recovery of accuracy: least-squares reconstruction and fine-tuning."""
