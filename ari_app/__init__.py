"""Offhook: a voice agent that lives in the PBX."""

import os

# numpy's BLAS hands out even small products to one thread a core, and waits for all of them: with the engines on the
# same cores, the features of three seconds of speech then take 40 ms instead of 1.5. It reads this when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# llama.cpp's threads wait for one another after every operation, by OpenMP, which lets a waiting one spin on its core
# for milliseconds. Where other programs use the cores too, that keeps both back: on two busy cores a token took 1.4 s.
# After some 0.1 ms, longer than any wait while all threads have cores, it now sleeps: 0.2 s there, as fast elsewhere.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# From 1.29 on, the onnxruntime wheels for Linux write what they run into a database under ~/.cache and send it to
# Microsoft, unless told not to before they are imported. What happens on a PBX stays there.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
