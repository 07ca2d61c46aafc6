import litellm

from .deployments import DEPLOYMENTS, FALLBACKS

litellm.drop_params = True
litellm.telemetry = False


async def complete(alias: str, messages: list, **options):
    last = None
    for name in [alias, *FALLBACKS.get(alias, [])]:
        deployment = DEPLOYMENTS[name]
        try:
            return await litellm.acompletion(
                messages=messages, num_retries=0, **deployment, **options
            )
        except litellm.exceptions.APIError as exc:
            last = exc
        except litellm.exceptions.AuthenticationError as exc:
            last = exc
    raise last
