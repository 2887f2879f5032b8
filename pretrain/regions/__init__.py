"""What lies where in an image? Detectors behind one interface, and their answers on disk."""
