"""What no workflow has removed: found now and then, and removed by CleanUp."""
