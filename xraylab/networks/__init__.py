"""The registry of networks, their builders and their pretrained weights."""
