"""Atlas entities for Microsoft Purview: how they are named, built, batched, written to files and posted."""
