"""
The Azure Functions host for one machine: `python -m local.host [--port 7071] [--root .]`.

It runs `function_app.py` the way the Functions host and its Python worker do, faults included, where Core Tools cannot
be installed. What it does not share with the real one:

- One process: a function that blocks the event loop stalls the host too. In Azure only the worker stalls.
- One bad function stops the start with a sentence. In Azure it leaves an app without functions, or without that one.
- HTTP, queue and timer triggers and queue outputs run; any other trigger is named at the start and left alone.
- A function that outlives `functionTimeout` fails; the real host restarts the worker, so a stuck thread ends there.
- `sys.exit()` in a function fails the call; in the real worker that call hangs.
- A queue is created when a function listens on it; the real host waits until somebody creates it.
- Timers keep their status and their singleton lock in a folder (`--state`), not in a blob container.
- With `--enable-auth` the keys lie in that folder too: one master key and one key for all functions.
- No scale-out, no dynamic concurrency, no telemetry, no extension bundle. Loggers below `azure` start at Warning.
"""
