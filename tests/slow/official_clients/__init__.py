"""Scripts that run a vendor's official client. They run in that client's environment, not in trainwatch's."""
