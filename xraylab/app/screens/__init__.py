"""The content of the screens, one module or folder each; ``pages/`` frames them with the shell."""
