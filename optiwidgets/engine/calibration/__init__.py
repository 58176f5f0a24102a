"""Statistics of layer inputs and outputs on the calibration images."""
