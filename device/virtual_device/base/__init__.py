"""The ground: JSON, errors, logs, timers and threads. Knows no device."""
