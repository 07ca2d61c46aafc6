import os

TABBY_HOST = os.environ.get("TABBY_HOST", "127.0.0.1")
TABBY_PORT = int(os.environ.get("TABBY_PORT", 5000))
MLX_PORT = int(os.environ.get("MLX_PORT", 8086))

BACKEND_URLS = {
    "tabby": f"http://{TABBY_HOST}:{TABBY_PORT}",
    "mlx": f"http://127.0.0.1:{MLX_PORT}",
}
