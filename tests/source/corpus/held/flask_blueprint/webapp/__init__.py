from flask import Flask

from .api import bp
from .extensions import backends


def create_app(overrides=None):
    app = Flask(__name__)
    app.config.from_object("webapp.defaults")
    app.config.from_prefixed_env("ROUTER")
    if overrides:
        app.config.update(overrides)
    backends.init_app(app)
    app.register_blueprint(bp)
    return app
