"""`make bench`: speed and memory side by side with a raw lower bound in the same run. Ratios count, not seconds."""
