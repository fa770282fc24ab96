// Makes golden.json: what TensorFlow.js itself computes with the networks of the default pack.
//
//   node reference.mjs PACKAGES TFJS [PACK]
//
//   PACKAGES  node_modules with the packages that models/package.json pins
//   TFJS      node_modules with @tensorflow/tfjs (the committed numbers: 4.22.0)
//   PACK      an installed default pack; its ONNX files are then run with the onnxruntime-node of PACKAGES
//             and every number of every output is compared, the worst difference printed
//
// The input is a fixed pseudo-random picture in [0, 1), channels last: the networks' own normalisation is not
// part of the ONNX files and so not of the comparison. Outputs of more than 256 numbers are thinned evenly.

import fs from 'node:fs';
import path from 'node:path';
import Module, { createRequire } from 'node:module';

const [packages, tfjs, pack] = process.argv.slice(2).map((folder) => path.resolve(folder));
const require = createRequire(import.meta.url);
// face-api asks for the native build of TensorFlow.js; the plain one computes the same.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  if (request === '@tensorflow/tfjs-node') return resolve.call(this, path.join(tfjs, '@tensorflow/tfjs'), ...rest);
  return resolve.call(this, request, ...rest);
};
const tf = require(path.join(tfjs, '@tensorflow/tfjs'));
const faceapi = require(path.join(packages, '@vladmandic/face-api/dist/face-api.node.js'));

/** The fixed picture: the upper 24 bits of a linear congruential generator (Numerical Recipes' constants). */
function picture(count) {
  const values = new Float32Array(count);
  let state = 12345;
  for (let at = 0; at < count; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[at] = (state >>> 8) / 16777216;
  }
  return values;
}

const bytes = (file) => {
  const data = fs.readFileSync(path.join(packages, file));
  return data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
};

/** A network of the human package: TensorFlow.js loads and runs the graph as it stands. */
async function graphModel(name, side, channels) {
  const json = JSON.parse(fs.readFileSync(path.join(packages, `@vladmandic/human/models/${name}.json`)));
  const model = await tf.loadGraphModel({
    load: async () => ({
      ...json,
      weightSpecs: json.weightsManifest[0].weights,
      weightData: bytes(`@vladmandic/human/models/${name}.bin`),
    }),
  });
  const nodes = json.modelTopology.node.map((node) => node.name);
  const names = nodes.filter((node) => /^Identity(_\d+)?$/.test(node)).sort();
  const input = tf.tensor4d(picture(side * side * channels), [1, side, side, channels]);
  const outputs = [model.execute(input, names)].flat();
  return Object.fromEntries(names.map((output, at) => [output, outputs[at]]));
}

/** A network of the face-api package, fed past its own loading of pictures. */
function faceApiNet(net, file, side) {
  const manifest = JSON.parse(fs.readFileSync(path.join(packages, `@vladmandic/face-api/model/${file}-weights_manifest.json`)));
  net.loadFromWeightMap(tf.io.decodeWeights(bytes(`@vladmandic/face-api/model/${file}.bin`), manifest[0].weights));
  // The network will subtract this mean and divide by 255, so that its first layer sees the fixed picture.
  const mean = [122.782, 117.001, 104.298];
  const input = tf.tensor4d(picture(side * side * 3).map((x, at) => x * 255 + mean[at % 3]), [1, side, side, 3]);
  class Fixed extends faceapi.NetInput {
    toBatchTensor() { return input; }
  }
  return (net.runNet ?? net.forwardInput).call(net, new Fixed([]));
}

await tf.setBackend('cpu');
await tf.ready();
const age = faceApiNet(new faceapi.AgeGenderNet(), 'age_gender_model', 112).age.reshape([1, 1]);
const embedding = faceApiNet(new faceapi.FaceRecognitionNet(), 'face_recognition_model', 150);
const networks = {
  'blazeface.onnx': { side: 256, channels: 3, outputs: await graphModel('blazeface', 256, 3) },
  'facemesh.onnx': { side: 192, channels: 3, outputs: await graphModel('facemesh', 192, 3) },
  'iris.onnx': { side: 64, channels: 3, outputs: await graphModel('iris', 64, 3) },
  'face_recognition.onnx': { side: 150, channels: 3, outputs: { embedding } },
  'emotion.onnx': { side: 64, channels: 1, outputs: await graphModel('emotion', 64, 1) },
  'age.onnx': { side: 112, channels: 3, outputs: { age } },
};

const golden = {};
for (const [file, { side, channels, outputs }] of Object.entries(networks)) {
  const entries = Object.entries(outputs).map(([name, tensor]) => {
    const all = tensor.dataSync();
    const every = Math.ceil(all.length / 256);
    const values = Array.from(all).filter((_, at) => at % every === 0).map((x) => Number(x.toPrecision(7)));
    return [name, { shape: tensor.shape, every, values }];
  });
  golden[file] = { input: [1, channels, side, side], outputs: Object.fromEntries(entries) };
  if (pack) {
    const ort = require(path.join(packages, 'onnxruntime-node'));
    const session = await ort.InferenceSession.create(path.join(pack, file));
    const input = tf.tensor4d(picture(side * side * channels), [1, side, side, channels]).transpose([0, 3, 1, 2]);
    const results = await session.run({ input: new ort.Tensor('float32', input.dataSync(), [1, channels, side, side]) });
    for (const [name, tensor] of Object.entries(outputs)) {
      const expected = tensor.dataSync();
      const found = results[name].data;
      if (String(results[name].dims) !== String(tensor.shape)) throw new Error(`${file} ${name}: shape ${results[name].dims}`);
      const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const worst = expected.reduce((most, x, at) => Math.max(most, Math.abs(x - found[at])), 0);
      console.log(`${file} ${name}: ${expected.length} numbers up to ${largest.toPrecision(3)}, worst difference ${worst.toPrecision(2)}`);
    }
  }
}
const lines = JSON.stringify(golden).replace(/"(\w+\.onnx)"/g, '\n"$1"').replace(/\],"every"/g, '],\n"every"');
fs.writeFileSync(new URL('golden.json', import.meta.url), `${lines}\n`);
