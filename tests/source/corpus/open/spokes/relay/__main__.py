import uvicorn

from relay.hub import app, config

uvicorn.run(app, host=config["listen"]["host"], port=config["listen"]["port"], log_level="error")
