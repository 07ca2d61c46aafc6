from front import create_app

app = create_app("front.config.Production")

if __name__ == "__main__":
    app.run("127.0.0.1", 9206)
