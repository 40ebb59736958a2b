"""Whose requests they are."""

import itertools

import schemathesis

_calls = itertools.count(1)


@schemathesis.hook
def before_call(ctx, case, kwargs):
    # Each comes from an address of its own: wrong credentials are tried too, and an address from which too many of
    # those come is held up, which would hide what this is about. The registry believes the header of its proxy.
    call = next(_calls)
    case.headers["X-Forwarded-For"] = f"10.{call >> 16 & 255}.{call >> 8 & 255}.{call & 255}"
