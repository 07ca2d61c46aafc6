from flask import Flask


def create_app(configuration):
    app = Flask(__name__)
    app.config.from_object(configuration)
    from front import views

    app.add_url_rule("/ready", view_func=views.ready)
    app.add_url_rule("/v1/completions", view_func=views.Completions.as_view("completions"))
    app.teardown_appcontext(views.close)
    return app
