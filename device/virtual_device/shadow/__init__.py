"""The classic shadow: its documents, its topics, and the settings that it holds."""
