from quart import Quart, make_response, request

from .hosts import HOSTS, next_host
from .transport import forward_request

app = Quart(__name__)


@app.route("/health")
async def health():
    return {"hosts": HOSTS}


@app.route("/v1/completions", methods=["POST"])
async def completions():
    data = await request.get_json()
    generator = forward_request(f"{next_host()}/v1/completions", data)
    response = await make_response(generator)
    response.timeout = None
    return response
