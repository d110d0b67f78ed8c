"""Hosts: devices whose task runs many others, each on a seat (docs/hosts.md)."""
