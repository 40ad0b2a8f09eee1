"""What stands behind the ports, by system, as the settings name it; bootstrap.py alone puts it together."""
