"""What a person sees: results as tables and sentences, progress bars, errors with their mend."""
