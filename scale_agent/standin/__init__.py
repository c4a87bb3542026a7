"""A stand-in Rancher to try and test without one. It is not Rancher."""
