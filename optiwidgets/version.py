"""Version of the package: the build, the command line and files that record it read this line."""

__version__ = "0.1.0"
