import aiohttp
from aiohttp import web

SESSION = web.AppKey("session", aiohttp.ClientSession)
STATE = web.AppKey("state", dict)
