"""The peers of `likeness bench --peers`, in a process that answers one question a line.

The bench asks in JSON on standard input and gets JSON on standard output, so that its rounds and ours can take turns.
Every answer holds the milliseconds of each run: CPU time of the process where one thread works (`cpu`), wall time where
several do (`wall`). Loading and warming up is never counted.
"""

import json
import os
import sys
import time

# One thread, before anything reads these.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = os.environ.get("LIKENESS_PEER_THREADS", "1")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy  # noqa: E402

loaded = {}


def once(key, load):
    """What `load` gave the first time."""
    if key not in loaded:
        loaded[key] = load()
    return loaded[key]


def timed(clock, runs, work):
    times = []
    for _ in range(runs):
        begun = clock()
        work()
        times.append((clock() - begun) * 1000)
    return times


def hello(_):
    import cv2
    import dlib
    import faiss
    import onnxruntime
    from importlib.metadata import version

    return {
        "versions": {
            "python": sys.version.split()[0],
            "numpy": numpy.__version__,
            "onnxruntime": onnxruntime.__version__,
            "opencv": cv2.__version__,
            "dlib": dlib.__version__,
            "face_recognition": version("face_recognition"),
            "faiss": faiss.__version__,
        }
    }


def network(asked):
    """One network with ONNX Runtime on one thread."""

    def load():
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(asked["file"], options, providers=["CPUExecutionProvider"])
        # A detector takes frames of any size.
        shape = asked["shape"]
        # The same ramp that the bench feeds to its own copy.
        count = int(numpy.prod(shape))
        ramp = (numpy.arange(count, dtype=numpy.float32) % 251) / 251
        feed = {session.get_inputs()[0].name: ramp.reshape(shape)}
        session.run(None, feed)
        return session, feed

    session, feed = once(("network", asked["file"]), load)
    return {"cpu": timed(time.process_time, asked["runs"], lambda: session.run(None, feed))}


def decode(asked):
    """A JPEG to pixels with libjpeg-turbo, as OpenCV carries it."""
    import cv2

    cv2.setNumThreads(1)
    data = once(("bytes", asked["file"]), lambda: numpy.fromfile(asked["file"], dtype=numpy.uint8))
    if cv2.imdecode(data, cv2.IMREAD_COLOR) is None:
        raise ValueError("OpenCV cannot read the picture")
    return {"cpu": timed(time.process_time, asked["runs"], lambda: cv2.imdecode(data, cv2.IMREAD_COLOR))}


def face_recognition(asked):
    """Find all faces and describe each, with the package's defaults or with upsampling off."""
    import face_recognition as peer

    picture = once(("picture", asked["file"]), lambda: peer.load_image_file(asked["file"]))

    def work():
        places = peer.face_locations(picture, number_of_times_to_upsample=asked["upsample"])
        found = peer.face_encodings(picture, places)
        loaded["faces"] = len(found)

    return {"cpu": timed(time.process_time, asked["runs"], work), "faces": loaded.get("faces")}


def faiss_flat(asked):
    """Exact search by Euclidean distance over a file of float32 rows."""
    import faiss

    def load():
        rows = numpy.fromfile(asked["rows"], dtype=numpy.float32).reshape(-1, asked["dimension"])
        index = faiss.IndexFlatL2(asked["dimension"])
        index.add(rows)
        probes = numpy.fromfile(asked["probes"], dtype=numpy.float32).reshape(-1, asked["dimension"])
        index.search(probes[:1], asked["k"])
        return index, probes

    # One index in memory at a time: a million rows take half a gigabyte.
    key = ("faiss", asked["rows"], asked["size"])
    if key not in loaded:
        for other in [other for other in loaded if other[0] == "faiss"]:
            del loaded[other]
    index, probes = once(key, load)
    faiss.omp_set_num_threads(asked["threads"])
    nearest, state = [], {"turn": asked.get("turn", 0)}

    def work():
        if asked["together"]:
            index.search(probes, asked["k"])
            return
        at = state["turn"] % len(probes)
        state["turn"] += 1
        _, found = index.search(probes[at : at + 1], asked["k"])
        nearest.append(int(found[0][0]))

    return {"wall": timed(time.perf_counter, asked["runs"], work), "nearest": nearest}


QUESTIONS = {
    "hello": hello,
    "network": network,
    "decode": decode,
    "face_recognition": face_recognition,
    "faiss": faiss_flat,
}


def main():
    # Libraries print to standard output; what is ours goes to a copy of it, the rest to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = QUESTIONS[asked["do"]](asked)
        except Exception as error:  # The bench tells it and goes on without the peer.
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
