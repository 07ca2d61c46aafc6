from fastapi import FastAPI

from app.clients import lifespan
from app.config import get_settings
from app.routes import router

app = FastAPI(title=get_settings().app_name, lifespan=lifespan)
app.include_router(router)
