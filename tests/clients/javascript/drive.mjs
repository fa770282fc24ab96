// Drives a running Likeness with the official JavaScript client, @azure-rest/ai-vision-face.
//
// Only endpoint and key differ from what a user of the cloud service writes. Arguments: endpoint, key, folder with the
// six group photos sample1.jpg .. sample6.jpg. Ends with a line `N passed, N failed` and a matching exit code.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import createFaceClient, { isUnexpected, getLongRunningPoller } from "@azure-rest/ai-vision-face";
import { AzureKeyCredential } from "@azure/core-auth";

const [endpoint, key, photos] = process.argv.slice(2);
const client = createFaceClient(endpoint, new AzureKeyCredential(key));
const models = { detectionModel: "detection_01", recognitionModel: "recognition_04" };

const photo = (number) => readFileSync(join(photos, `sample${number}.jpg`));

function good(response, status = "200") {
  assert.equal(response.status, status, JSON.stringify(response.body));
  assert.ok(!isUnexpected(response));
  return response.body;
}

function refused(response, status, code) {
  assert.equal(response.status, status, JSON.stringify(response.body));
  assert.equal(response.body.error.code, code);
  assert.equal(response.headers["x-ms-error-code"], code);
}

async function detect(number, more = {}) {
  const response = await client.path("/detect").post({
    contentType: "application/octet-stream",
    queryParameters: { ...models, returnFaceId: true, ...more },
    body: photo(number),
  });
  return good(response);
}

const target = ({ faceRectangle: r }) => [r.left, r.top, r.width, r.height];

const cases = {
  async detect() {
    const counts = [];
    for (const number of [1, 2, 3, 4, 5, 6]) counts.push((await detect(number, { returnFaceId: false })).length);
    assert.deepEqual(counts, [3, 3, 3, 4, 5, 4]);
    const faces = await detect(1, {
      returnFaceLandmarks: true,
      returnFaceAttributes: ["headPose", "blur", "glasses", "qualityForRecognition"],
      returnRecognitionModel: true,
    });
    const [face] = faces;
    assert.equal(face.recognitionModel, "recognition_04");
    assert.equal(Object.keys(face.faceLandmarks).length, 27);
    assert.ok(face.faceLandmarks.eyeLeftOuter.x < face.faceLandmarks.eyeRightOuter.x);
    assert.deepEqual(Object.keys(face.faceAttributes).sort(), ["blur", "glasses", "headPose", "qualityForRecognition"]);
    // Nobody in this photo wears glasses.
    assert.deepEqual(faces.map((one) => one.faceAttributes.glasses), ["noGlasses", "noGlasses", "noGlasses"]);
  },

  async verify() {
    const [first, second] = await detect(1);
    const [again] = await detect(1);
    const ask = (a, b) => client.path("/verify").post({ body: { faceId1: a.faceId, faceId2: b.faceId } });
    const same = good(await ask(first, again));
    assert.ok(same.isIdentical && same.confidence > 0.9);
    const other = good(await ask(first, second));
    assert.ok(!other.isIdentical && other.confidence < 0.5);
    refused(await ask({ faceId: randomUUID() }, first), "404", "FaceNotFound");
  },

  async findSimilarAndGroup() {
    const first = await detect(5);
    const again = await detect(5);
    const ids = again.map((face) => face.faceId);
    const found = good(await client.path("/findsimilars").post({ body: { faceId: first[0].faceId, faceIds: ids } }));
    assert.deepEqual(found.map((hit) => hit.faceId), [ids[0]]);
    const grouped = good(await client.path("/group").post({ body: { faceIds: [...first.map((f) => f.faceId), ...ids] } }));
    assert.equal(grouped.groups.length, 5);
    assert.deepEqual(grouped.messyGroup, []);
  },

  async faceList() {
    const id = `js-${randomUUID()}`;
    const list = client.path("/facelists/{faceListId}", id);
    good(await list.put({ body: { name: "small list", recognitionModel: "recognition_04" } }));
    try {
      const [face] = await detect(2);
      refused(await client.path("/findsimilars").post({ body: { faceId: face.faceId, faceListId: id } }), "400", "FaceListNotReady");
      const added = good(await client.path("/facelists/{faceListId}/persistedfaces", id).post({
        contentType: "application/octet-stream",
        queryParameters: { targetFace: target(face), userData: "first" },
        body: photo(2),
      }));
      const shown = good(await list.get({ queryParameters: { returnRecognitionModel: true } }));
      assert.deepEqual(shown.persistedFaces, [{ persistedFaceId: added.persistedFaceId, userData: "first" }]);
      const found = good(await client.path("/findsimilars").post({ body: { faceId: face.faceId, faceListId: id } }));
      assert.deepEqual(found.map((hit) => hit.persistedFaceId), [added.persistedFaceId]);
    } finally {
      good(await list.delete());
    }
    refused(await list.get(), "404", "FaceListNotFound");
  },

  async largePersonGroup() {
    const id = `js-${randomUUID()}`;
    const group = client.path("/largepersongroups/{largePersonGroupId}", id);
    good(await group.put({ body: { name: "a group", userData: "x", recognitionModel: "recognition_04" } }));
    try {
      const faces = await detect(6);
      const persons = [];
      for (const [number, face] of faces.entries()) {
        const person = good(await client.path("/largepersongroups/{largePersonGroupId}/persons", id).post({ body: { name: `p${number}` } }));
        persons.push(person.personId);
        good(await client.path("/largepersongroups/{largePersonGroupId}/persons/{personId}/persistedfaces", id, person.personId).post({
          contentType: "application/octet-stream",
          queryParameters: { targetFace: target(face), detectionModel: "detection_01" },
          body: photo(6),
        }));
      }
      const started = await client.path("/largepersongroups/{largePersonGroupId}/train", id).post();
      const poller = await getLongRunningPoller(client, started, { intervalInMs: 100 });
      await poller.pollUntilDone();
      const answers = good(await client.path("/identify").post({
        body: { faceIds: faces.map((face) => face.faceId), largePersonGroupId: id },
      }));
      assert.deepEqual(answers.map((answer) => answer.candidates.map((c) => c.personId)), persons.map((p) => [p]));
      const verdict = good(await client.path("/verify").post({
        body: { faceId: faces[0].faceId, personId: persons[0], largePersonGroupId: id },
      }));
      assert.ok(verdict.isIdentical);
    } finally {
      good(await group.delete());
    }
  },

  // Every operation that the client exposes, sessions excepted: they are not there yet.
  async everyOperation() {
    const used = new Set();
    const at = (path, ...ids) => {
      const resource = client.path(path, ...ids);
      const call = (method) => async (options, status) => {
        const body = good(await resource[method](options), status);
        used.add(`${method.toUpperCase()} ${path}`);
        return body;
      };
      return Object.fromEntries(["get", "put", "post", "patch", "delete"].map((method) => [method, call(method)]));
    };
    const add = (face, more = {}) => ({
      contentType: "application/octet-stream",
      queryParameters: { targetFace: target(face), detectionModel: "detection_01", ...more },
      body: photo(2),
    });
    const faces = await detect(2);
    const model = { recognitionModel: "recognition_04" };
    const id = `js-${randomUUID()}`;

    const trained = async (resource) => {
      await at(`${resource}/train`, id).post(undefined, "202");
      for (let turn = 0; turn < 100; turn += 1) {
        const { status } = await at(`${resource}/training`, id).get();
        if (status === "succeeded") return;
        assert.ok(["notStarted", "running"].includes(status), status);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.fail("the training did not end");
    };

    for (const kind of ["facelists/{faceListId}", "largefacelists/{largeFaceListId}"]) {
      const [collection, parameter] = [`/${kind.split("/")[0]}`, kind.slice(kind.indexOf("{") + 1, -1)];
      const list = at(`/${kind}`, id);
      await list.put({ body: { name: "list", ...model } });
      await list.patch({ body: { name: "renamed", userData: "u" } });
      assert.ok((await at(collection).get()).some((entry) => entry[parameter] === id && entry.name === "renamed"));
      const { persistedFaceId } = await at(`/${kind}/persistedfaces`, id).post(add(faces[0]));
      assert.equal((await list.get()).name, "renamed");
      if (parameter === "largeFaceListId") {
        const one = at(`/${kind}/persistedfaces/{persistedFaceId}`, id, persistedFaceId);
        await one.patch({ body: { userData: "mine" } });
        assert.equal((await one.get()).userData, "mine");
        assert.deepEqual((await at(`/${kind}/persistedfaces`, id).get()).map((face) => face.persistedFaceId), [persistedFaceId]);
        await trained(`/${kind}`);
      }
      const found = await at("/findsimilars").post({ body: { faceId: faces[0].faceId, [parameter]: id } });
      assert.deepEqual(found.map((hit) => hit.persistedFaceId), [persistedFaceId]);
      await at(`/${kind}/persistedfaces/{persistedFaceId}`, id, persistedFaceId).delete();
      await list.delete();
    }

    for (const kind of ["persongroups/{personGroupId}", "largepersongroups/{largePersonGroupId}"]) {
      const [collection, parameter] = [`/${kind.split("/")[0]}`, kind.slice(kind.indexOf("{") + 1, -1)];
      const group = at(`/${kind}`, id);
      await group.put({ body: { name: "group", ...model } });
      await group.patch({ body: { userData: "u" } });
      assert.ok((await at(collection).get()).some((entry) => entry[parameter] === id && entry.userData === "u"));
      assert.equal((await group.get({ queryParameters: { returnRecognitionModel: true } })).recognitionModel, "recognition_04");
      const { personId } = await at(`/${kind}/persons`, id).post({ body: { name: "Ada" } });
      const person = at(`/${kind}/persons/{personId}`, id, personId);
      const kept = `/${kind}/persons/{personId}/persistedfaces`;
      const { persistedFaceId } = await at(kept, id, personId).post(add(faces[1], { userData: "first" }));
      const face = at(`${kept}/{persistedFaceId}`, id, personId, persistedFaceId);
      await face.patch({ body: { userData: "second" } });
      assert.equal((await face.get()).userData, "second");
      await person.patch({ body: { name: "Ada Lovelace" } });
      assert.deepEqual((await person.get()).persistedFaceIds, [persistedFaceId]);
      assert.deepEqual((await at(`/${kind}/persons`, id).get()).map((entry) => entry.name), ["Ada Lovelace"]);
      await trained(`/${kind}`);
      const scope = { [parameter]: id };
      const [answer] = await at("/identify").post({ body: { faceIds: [faces[1].faceId], ...scope } });
      assert.deepEqual(answer.candidates.map((candidate) => candidate.personId), [personId]);
      assert.ok((await at("/verify").post({ body: { faceId: faces[1].faceId, personId, ...scope } })).isIdentical);
      await face.delete();
      await person.delete();
      await group.delete();
    }

    const methods = {
      "": ["GET"], "/{id}": ["PUT", "GET", "PATCH", "DELETE"], "/{id}/train": ["POST"], "/{id}/training": ["GET"],
      "/{id}/persistedfaces": ["POST", "GET"], "/{id}/persistedfaces/{persistedFaceId}": ["GET", "PATCH", "DELETE"],
      "/{id}/persons": ["POST", "GET"], "/{id}/persons/{personId}": ["GET", "PATCH", "DELETE"],
      "/{id}/persons/{personId}/persistedfaces": ["POST"],
      "/{id}/persons/{personId}/persistedfaces/{persistedFaceId}": ["GET", "PATCH", "DELETE"],
    };
    const small = new Set(["GET /{id}/persistedfaces", "GET /{id}/persistedfaces/{persistedFaceId}", "PATCH /{id}/persistedfaces/{persistedFaceId}"]);
    for (const [kind, holds] of [
      ["facelists/{faceListId}", "persistedfaces"], ["largefacelists/{largeFaceListId}", "persistedfaces"],
      ["persongroups/{personGroupId}", "persons"], ["largepersongroups/{largePersonGroupId}", "persons"],
    ]) {
      const [collection, parameter] = kind.split("/");
      for (const [path, wanted] of Object.entries(methods)) {
        const other = holds === "persons" ? "/{id}/persistedfaces" : "/{id}/persons";
        if (path.startsWith(other) || (collection === "facelists" && path.includes("/train"))) continue;
        for (const method of wanted) {
          if (collection === "facelists" && small.has(`${method} ${path}`)) continue;
          const told = `${method} /${collection}${path.replace("{id}", parameter)}`;
          assert.ok(used.has(told), `${told} was not driven`);
        }
      }
    }
  },

  async livenessSessions() {
    const asked = { livenessOperationMode: "PassiveActive", deviceCorrelationId: randomUUID(), authTokenTimeToLiveInSeconds: 60 };
    const made = good(await client.path("/detectLiveness-sessions").post({ body: asked }));
    assert.equal(made.authToken.split(".").length, 3);
    const one = client.path("/detectLiveness-sessions/{sessionId}", made.sessionId);
    const told = good(await one.get());
    assert.deepEqual([told.sessionId, told.status, told.results.attempts], [made.sessionId, "NotStarted", []]);
    assert.equal((await one.delete()).status, "204");
    refused(await one.get(), "404", "SessionNotFound");
    const bad = { livenessOperationMode: "Passive", deviceCorrelationIdSetInClient: false };
    refused(await client.path("/detectLiveness-sessions").post({ body: bad }), "400", "InvalidDeviceCorrelationId");
  },

  async livenessWithVerifySessions() {
    // The picture arrives, and a group is no reference.
    const body = [
      { name: "livenessOperationMode", body: "Passive" },
      { name: "deviceCorrelationId", body: randomUUID() },
      { name: "returnVerifyImageHash", body: true },
      { name: "verifyImage", body: photo(1), filename: "a.jpg" },
    ];
    const path = "/detectLivenessWithVerify-sessions";
    const group = await client.path(path).post({ contentType: "multipart/form-data", body });
    refused(group, "400", "InvalidImage");
    assert.match(group.body.error.message, /more than 1 face/);
    // Without one the device brings it.
    const made = good(await client.path(path).post({ contentType: "multipart/form-data", body: body.slice(0, 3) }));
    assert.deepEqual(made.results.verifyReferences, []);
    const one = client.path("/detectLivenessWithVerify-sessions/{sessionId}", made.sessionId);
    assert.equal(good(await one.get()).status, "NotStarted");
    assert.equal((await one.delete()).status, "204");
    refused(await one.get(), "404", "SessionNotFound");
    refused(await client.path("/sessionImages/{sessionImageId}", "x".repeat(43)).get(), "404", "SessionImageNotFound");
  },

  async wrongKey() {
    const stranger = createFaceClient(endpoint, new AzureKeyCredential("wrong"));
    refused(await stranger.path("/facelists").get(), "401", "401");
  },
};

let failed = 0;
for (const [name, run] of Object.entries(cases)) {
  try {
    await run();
    console.log(`ok      javascript ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  javascript ${name}`);
    console.error(error);
  }
}
console.log(`${Object.keys(cases).length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
