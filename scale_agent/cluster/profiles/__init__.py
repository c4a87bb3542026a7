"""The profile's format: its fields as data, read and described by the same tables; inheritance; what it comes to."""
