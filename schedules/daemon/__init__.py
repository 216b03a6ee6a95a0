"""The daemon: one job per source and stream, each on its schedule, for as long as nobody stops it."""
