"""How the pictures of callbacks are drawn."""
