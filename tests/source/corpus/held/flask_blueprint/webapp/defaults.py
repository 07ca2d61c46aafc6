TABBY_URL = "http://localhost:5000"
TABBY_KEY = None
KOBOLD_URL = "http://localhost:5001"
TIMEOUT = 120
