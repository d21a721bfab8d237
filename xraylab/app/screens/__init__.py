"""The screens' contents, one module each; ``pages/`` frames them with the shell."""
