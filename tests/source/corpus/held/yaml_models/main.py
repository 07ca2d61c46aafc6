import uvicorn

from router.config import config

if __name__ == "__main__":
    uvicorn.run("router.server:app", host=config.listen.host, port=config.listen.port, log_level="info")
