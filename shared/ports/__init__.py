"""
Ports: everything that the use cases ask of the outside, a family to a file.

Promises that hold for all of them: a call has a timeout; what is busy, throttled or unreachable raises TryLater; a
write that lost a race raises Changed; no secret stands in any exception's text.
"""
