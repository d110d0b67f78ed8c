"""The certificate of a device that is there: its successor, made from a request of the device's own."""
