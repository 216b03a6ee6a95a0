"""The demo: a whole estate mined into one folder, and what is to be seen there."""

from schedules.demo.job import Demo, demo

__all__ = ["Demo", "demo"]
