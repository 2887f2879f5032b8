"""The front door: the command line, the jobs put together, and the demo world."""

__version__ = "0.1.0"
