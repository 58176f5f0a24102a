"""ONNX Runtime: graph export, QDQ int8, sessions, latency."""
