"""The provisioning workflow: one module per state, named after it."""
