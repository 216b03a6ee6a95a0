"""The only code that writes outward: Purview, files of its request bodies, CSV."""
