"""What one sees: data as tables, JSON and text, and progress, at the terminal and in a pipe."""
