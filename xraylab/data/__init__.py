"""Sources to catalog, split and pixel store; teaching phantoms."""
