"""Device-side metrics of AWS IoT Device Defender."""
