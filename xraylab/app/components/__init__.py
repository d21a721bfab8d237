"""What the browser draws by itself: components that move without asking the server."""
