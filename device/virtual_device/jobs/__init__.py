"""AWS IoT Jobs: how one is run and reported, and the operations that one may ask for."""
