// The server asked directly, to hold the page against, and the photos that every machine has.
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { endpoint, key, need } from './browser.mjs';

export async function ask(method, path, body) {
  const isPicture = Buffer.isBuffer(body);
  const answer = await fetch(`${endpoint}/face/v1.0/${path}`, {
    method,
    headers: {
      'Ocp-Apim-Subscription-Key': key,
      ...(body === undefined ? {} : { 'Content-Type': isPicture ? 'application/octet-stream' : 'application/json' }),
    },
    ...(body === undefined ? {} : { body: isPicture ? body : JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
}

/** A call of a server as an app server makes it, with a key, or as a device does, with a token. Answers with the status and the body. */
export async function exchange(server, method, path, { body, token, accountKey = key } = {}) {
  const answer = await fetch(`${server}${path}`, {
    method,
    headers: {
      ...(token ? { Authorization: `Bearer ${token}` } : { 'Ocp-Apim-Subscription-Key': accountKey }),
      ...(body ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  return { ok: answer.ok, status: answer.status, body: text ? JSON.parse(text) : undefined };
}

/** The same where it has to go well. Answers with the body. */
export async function call(server, method, path, options) {
  const answer = await exchange(server, method, path, options);
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** Rectangles of the faces in a picture, largest first. */
export async function facesIn(picture) {
  const faces = await ask('POST', 'detect?returnFaceId=false', picture);
  return faces.map((face) => face.faceRectangle);
}

/** A photo of the demo package, 1 to 6: groups of people. */
export function demo(number) {
  const name = `sample${number}.jpg`;
  return { name, mimeType: 'image/jpeg', buffer: readFileSync(join(need('LIKENESS_CACHE'), 'demo', name)) };
}

export const demoPath = (number) => join(need('LIKENESS_CACHE'), 'demo', `sample${number}.jpg`);

/** A portrait of the sample set beside the repository. */
export function portrait(name) {
  return { name, mimeType: 'image/jpeg', buffer: readFileSync(join(need('LIKENESS_FACES'), name)) };
}

/** Says why a test cannot run here, and has it counted; false when it can. */
export function skipWithoutPortraits(name) {
  if (existsSync(join(need('LIKENESS_FACES'), 'labels.csv'))) return false;
  const why = 'the sample photos (../shared/faces) are not beside the repository';
  if (process.env.LIKENESS_SKIPPED) appendFileSync(process.env.LIKENESS_SKIPPED, `${name}: ${why}\n`);
  console.log(`SKIPPED ${name}: ${why}`);
  return why;
}

/** Groups that a test left behind would show up in the next one. */
export async function deleteGroups() {
  for (const { personGroupId } of await ask('GET', 'persongroups')) await ask('DELETE', `persongroups/${personGroupId}`);
}
