"""Pages without a kernel: their data, and the JavaScript that answers in place of Python."""
