"""Pages without a kernel: state of widgets as JSON, JavaScript in place of their Python."""
