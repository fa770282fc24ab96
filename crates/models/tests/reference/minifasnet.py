"""Makes minifasnet.json: what the two MiniFASNet checkpoints compute, by plain numpy.

    python minifasnet.py CHECKPOINTS [PACK]

    CHECKPOINTS  folder with the two .pth files
    PACK         folder with the two ONNX files of the installed pack; they are then run with the onnxruntime
                 package and compared

It shares nothing with the Rust converter: Python's own pickle reads the file, every layer runs as it stands in
the paper and the authors' repository, and no batch normalisation is folded.
"""

import collections
import io
import json
import pathlib
import pickle
import struct
import sys

import numpy as np

FILES = {
    "minifasnet_v2.onnx": "2.7_80x80_MiniFASNetV2.pth",
    "minifasnet_v1se.onnx": "4_0_0_80x80_MiniFASNetV1SE.pth",
}


def checkpoint(path):
    """Name to array, from a PyTorch file of the kind before version 1.6."""
    data = io.BytesIO(path.read_bytes())
    places = {}

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) == ("collections", "OrderedDict"):
                return collections.OrderedDict
            if name == "_rebuild_tensor_v2":
                return lambda storage, offset, size, stride, *_: (storage, offset, size)
            return name

        def persistent_load(self, saved):
            _, kind, key, _, _, _ = saved
            places[key] = kind
            return key

    for _ in range(3):
        Unpickler(data).load()
    tensors = Unpickler(data).load()
    storages = {}
    for key in Unpickler(data).load():
        (count,) = struct.unpack("<q", data.read(8))
        dtype = {"FloatStorage": "<f4", "LongStorage": "<i8"}[places[key]]
        storages[key] = np.frombuffer(data.read(count * np.dtype(dtype).itemsize), dtype)
    return {
        name.removeprefix("module."): storages[key][offset : offset + int(np.prod(size))].reshape(size).astype(np.float64)
        for name, (key, offset, size) in tensors.items()
    }


class Net:
    def __init__(self, weights):
        self.w = weights

    def conv(self, name, x, stride=1, padding=0, groups=1):
        w = self.w[f"{name}.weight"]
        out, inner, height, width = w.shape
        x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (height, width), (1, 2))[:, ::stride, ::stride]
        if groups == 1:
            return np.einsum("cyxhw,ochw->oyx", windows, w, optimize=True)
        assert groups == out and inner == 1
        return np.einsum("cyxhw,chw->cyx", windows, w[:, 0], optimize=True)

    def norm(self, name, x):
        w = self.w
        shape = (-1,) + (1,) * (x.ndim - 1)
        mean, variance = w[f"{name}.running_mean"].reshape(shape), w[f"{name}.running_var"].reshape(shape)
        return (x - mean) / np.sqrt(variance + 1e-5) * w[f"{name}.weight"].reshape(shape) + w[f"{name}.bias"].reshape(shape)

    def unit(self, name, x, **how):
        x = self.norm(f"{name}.bn", self.conv(f"{name}.conv", x, **how))
        return np.where(x > 0, x, x * self.w[f"{name}.prelu.weight"].reshape(-1, 1, 1))

    def block(self, name, x, stride):
        x = self.unit(f"{name}.conv", x)
        x = self.unit(f"{name}.conv_dw", x, stride=stride, padding=1, groups=x.shape[0])
        return self.norm(f"{name}.project.bn", self.conv(f"{name}.project.conv", x))

    def run(self, name, x, blocks):
        for at in range(blocks):
            y = self.block(f"{name}.model.{at}", x, 1)
            se = f"{name}.model.{at}.se_module"
            if f"{se}.fc1.weight" in self.w:
                s = y.mean((1, 2), keepdims=True)
                s = np.maximum(self.norm(f"{se}.bn1", self.conv(f"{se}.fc1", s)), 0)
                s = self.norm(f"{se}.bn2", self.conv(f"{se}.fc2", s))
                y = y / (1 + np.exp(-s))
            x = x + y
        return x

    def __call__(self, x):
        x = self.unit("conv1", x, stride=2, padding=1)
        x = self.unit("conv2_dw", x, padding=1, groups=x.shape[0])
        x = self.run("conv_3", self.block("conv_23", x, 2), 4)
        x = self.run("conv_4", self.block("conv_34", x, 2), 6)
        x = self.run("conv_5", self.block("conv_45", x, 2), 2)
        x = self.unit("conv_6_sep", x)
        x = self.norm("conv_6_dw.bn", self.conv("conv_6_dw.conv", x, groups=x.shape[0])).reshape(-1)
        x = self.w["prob.weight"] @ self.norm("bn", self.w["linear.weight"] @ x)
        e = np.exp(x - x.max())
        return e / e.sum()


def picture():
    """The picture of reference.mjs, 0 to 255, channels first."""
    values = np.empty(80 * 80 * 3)
    state = 12345
    for at in range(values.size):
        state = (state * 1664525 + 1013904223) & 0xFFFFFFFF
        values[at] = (state >> 8) / 16777216
    return (values.astype(np.float32) * np.float32(255)).reshape(80, 80, 3).transpose(2, 0, 1)


def main():
    folder = pathlib.Path(sys.argv[1])
    golden = {}
    for name, source in FILES.items():
        net = Net(checkpoint(folder / source))
        x = picture()
        expected = net(x.astype(np.float64))
        golden[name] = {
            "input": [1, 3, 80, 80],
            "gain": 255,
            "outputs": {"probabilities": {"shape": [1, 3], "every": 1, "values": [float(f"{v:.7g}") for v in expected]}},
        }
        print(name, expected)
        if len(sys.argv) > 2:
            import onnxruntime

            session = onnxruntime.InferenceSession(str(pathlib.Path(sys.argv[2]) / name))
            (found,) = session.run(["probabilities"], {"input": np.ascontiguousarray(x[None])})
            print("  worst difference", np.abs(found[0] - expected).max())
    pathlib.Path(__file__).with_name("minifasnet.json").write_text(json.dumps(golden) + "\n")


main()
