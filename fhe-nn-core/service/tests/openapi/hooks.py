"""Bodies of the service are bytes of kinds of its own, which schemathesis has to be told."""

import schemathesis


@schemathesis.serializer(
    "application/vnd.fhe-nn.evaluation-key", "application/vnd.fhe-nn.requests"
)
def as_bytes(_context, value):
    value = getattr(value, "data", value)
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.deserializer(
    "application/vnd.fhe-nn.description", "application/vnd.fhe-nn.replies"
)
def as_text(_context, response):
    return response.content.decode("latin-1")
