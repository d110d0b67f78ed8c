"""Who a device is and what it says: things, models, generators. All of it is pure."""
