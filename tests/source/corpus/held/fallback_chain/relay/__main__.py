from relay.main import run

run()
