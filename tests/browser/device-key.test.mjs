// A device that is remembered: the capture page with Chromium's virtual authenticator. A picture turns no head and is no
// person, so this server asks for no turn, and a judge of tests says what its attempts show. Keys are for names, so the
// pages are those of `localhost`.
import assert from 'node:assert/strict';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { call as callAt, demo } from './support/api.mjs';
import { camera, key, launch, need, operatorKey } from './support/browser.mjs';
import { film } from './support/film.mjs';
import { fits, judge } from './support/judge.mjs';
import { startServer } from './support/server.mjs';

const POLICY = '[liveness.policy]\nversion = "still"\n[liveness.policy.turn]\nin_passive = false\n';
const SESSIONS = '/face/v1.2/detectLiveness-sessions';

let server;
let context;
let endpoint;
let verdict;
before(async () => {
  verdict = join(await mkdtemp(join(need('LIKENESS_WORK'), 'judge-')), 'decision');
  await writeFile(verdict, 'realface');
  server = await startServer({ variables: { LIKENESS_TEST_JUDGE: verdict }, more: POLICY });
  endpoint = server.endpoint.replace('127.0.0.1', 'localhost');
  const easel = await launch();
  const scene = await film(await easel.newPage(), demo(1).buffer, await onePerson(), 'key.y4m');
  await easel.close();
  context = await launch(camera(scene));
  await context.addInitScript(litCamera);
});
after(async () => {
  await context?.close();
  await server?.stop();
});

/** One of the people of the first demo photo, as large as before a camera. */
async function onePerson() {
  const answer = await fetch(`${endpoint}/face/v1.0/detect?recognitionModel=recognition_04`, {
    method: 'POST',
    headers: { 'Ocp-Apim-Subscription-Key': key, 'Content-Type': 'application/octet-stream' },
    body: demo(1).buffer,
  });
  const { left, top, width, height } = (await answer.json())[0].faceRectangle;
  const tall = height * 2.2;
  const wide = (tall * 4) / 3;
  const [x, y] = [left + width / 2 - wide / 2, top + height / 2 - tall / 2];
  return { left: Math.round(Math.max(0, x)), top: Math.round(Math.max(0, y)), width: Math.round(wide), height: Math.round(tall) };
}

/** A camera whose picture answers the colours of the page, as a face before a screen does: no turn is asked for in place of light. */
function litCamera() {
  const open = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (!open) return;
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const video = document.createElement('video');
    video.srcObject = await open(wanted);
    await video.play();
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [640, 480];
    const picture = canvas.getContext('2d');
    // One picture of the film, so that nothing but the light changes.
    const still = await createImageBitmap(video);
    setInterval(() => {
      const colour = document.querySelector('dialog')?.style.getPropertyValue('--ground');
      const value = (at) => (/^#[0-9a-f]{6}$/i.test(colour ?? '') ? parseInt(colour.slice(at, at + 2), 16) : 128);
      const light = [1, 3, 5].map((at) => 0.8 * (1 + 0.3 * (value(at) / 255) ** 2.2) ** (1 / 2.2));
      picture.globalCompositeOperation = 'source-over';
      picture.drawImage(still, 0, 0, 640, 480);
      picture.globalCompositeOperation = 'multiply';
      picture.fillStyle = `rgb(${light.map((share) => Math.round(share * 255)).join(' ')})`;
      picture.fillRect(0, 0, 640, 480);
    }, 30);
    return canvas.captureStream(30);
  };
}

const call = (method, path, options) => callAt(endpoint, method, path, options);
const read = (id) => call('GET', `${SESSIONS}/${id}`);
const assurance = async (id) => (await read(id)).results.attempts[0].result.likeness.assurance;
const keys = () => call('POST', '/admin/v1/accounts/default/liveness/keys/find', { body: { userCorrelationId: 'ada' } });
const button = (page, name) => page.getByRole('button', { name, exact: true });

/** A check of the person, up to its end. */
async function check(page, likeness = {}) {
  const session = await call('POST', SESSIONS, {
    body: {
      livenessOperationMode: 'Passive',
      deviceCorrelationId: crypto.randomUUID(),
      userCorrelationId: 'ada',
      likeness: { noticeAccepted: true, ...likeness },
    },
  });
  const { url } = await call('POST', '/api/quicklink', { token: session.authToken });
  await page.goto(endpoint + url);
  await button(page, 'Begin').click();
  await page.getByRole('switch', { name: 'Without flashing light' }).uncheck();
  await button(page, 'Start the camera').click();
  // The camera has no heading; whatever comes after it has one.
  await page.getByRole('dialog').waitFor();
  await page.getByRole('dialog').waitFor({ state: 'hidden', timeout: 80_000 });
  assert.equal(await page.locator('h1').innerText(), 'Thank you', JSON.stringify((await read(session.sessionId)).results));
  return session.sessionId;
}

test('a device is remembered where the person wants it, and confirms later checks', { timeout: 240_000 }, async () => {
  const page = await context.newPage();
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  const devtools = await context.newCDPSession(page);
  await devtools.send('WebAuthn.enable');
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });

  // Nothing is offered where the app server did not ask.
  await check(page);
  assert.equal(await button(page, 'Remember this device').count(), 0);

  const first = await check(page, { enrolKey: true });
  await button(page, 'Remember this device').waitFor();
  await judge(page, 'capture-remember');
  await fits(page, 'remember');
  assert.deepEqual((await read(first)).likeness, { keyEnrolled: false }, 'nobody is remembered who did not say so');
  await button(page, 'Remember this device').click();
  await page.getByText('If the check was successful, this device is remembered.').waitFor();
  assert.deepEqual((await read(first)).likeness, { keyEnrolled: true });
  const [enrolled] = await keys();
  assert.equal(enrolled.ofThisDevice, true);
  assert.equal(await assurance(first), 'L0', 'a key raises later checks');

  assert.equal(await assurance(await check(page)), 'L1');
  // A device that has signed is remembered already.
  await check(page, { enrolKey: true });
  assert.equal(await button(page, 'Remember this device').count(), 0);

  // Somebody who cannot confirm goes on without.
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  assert.equal(await assurance(await check(page)), 'L0');

  // What showed no live person enrols nothing, and the page says the same.
  await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  await devtools.send('WebAuthn.clearCredentials', { authenticatorId });
  await writeFile(verdict, '');
  const last = await check(page, { enrolKey: true });
  await button(page, 'Remember this device').click();
  await page.getByText('If the check was successful, this device is remembered.').waitFor();
  assert.deepEqual((await read(last)).likeness, { keyEnrolled: false });
  assert.equal((await keys()).length, 1);

  // Whoever manages the account finds the keys of a person and removes them.
  const sections = (name) => page.getByRole('navigation', { name });
  await page.goto(`${endpoint}/admin#key=${operatorKey}`);
  await page.getByRole('main').getByRole('button', { name: /^default / }).click();
  await sections('Sections').getByRole('button', { name: 'Liveness', exact: true }).click();
  await sections('Parts of the section Liveness').getByRole('button', { name: 'Device keys', exact: true }).click();
  await page.getByText('Of one device').waitFor();
  await page.getByLabel('User correlation id').fill('bob');
  await button(page, 'Find').click();
  await page.getByText('There is no key.').waitFor();
  await page.getByLabel('User correlation id').fill('ada');
  await button(page, 'Find').click();
  await page.getByText('Of one device').waitFor();
  await judge(page, 'admin-device-keys');
  await fits(page, 'device keys');
  await button(page, 'Remove all keys of this person…').click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove permanently' }).click();
  await page.getByText('There is no key.').waitFor();
  assert.deepEqual(await keys(), []);
  assert.deepEqual(faults, []);
  await page.close();
});
