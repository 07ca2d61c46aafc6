import httpx
from flask import Response, current_app, g, jsonify, request
from flask.views import MethodView


def client():
    if "llm" not in g:
        settings = current_app.config
        g.llm = httpx.Client(
            base_url="http://{LLM_HOST}:{LLM_PORT}".format(**settings),
            headers=[("Authorization", "Bearer %s" % settings["LLM_TOKEN"])],
            timeout=settings["LLM_TIMEOUT"],
        )
    return g.llm


def close(_error):
    if (opened := g.pop("llm", None)) is not None:
        opened.close()


def ready():
    answer = client().get("/v1/model")
    return jsonify(model=answer.json().get("id")), answer.status_code


class Completions(MethodView):
    def post(self):
        answer = client().post("/v1/completions", json=request.get_json())
        if answer.status_code == 503:
            url = current_app.config["FALLBACK"] + "/v1/completions"
            answer = httpx.post(url, json=request.get_json())
        return Response(answer.content, answer.status_code, mimetype="application/json")
