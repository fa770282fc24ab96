// The capture page against a real server: by link, in a frame of another origin, with a token; the chain that it sends;
// the ways in which there is no camera. A film of a face that does not move answers no prompt, so no attempt here may end
// as a live person.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { manage, trail } from './support/admin.mjs';
import { call as callAt, demo } from './support/api.mjs';
import { camera, choose, endpoint, key, launch, refusedCamera, stage } from './support/browser.mjs';
import { film } from './support/film.mjs';
import { fits, judge, SOME } from './support/judge.mjs';

/** One of the people of the first demo photo fills the film. */
const PART = { left: 200, top: 100, width: 1560, height: 1170 };
const filmed = async () => {
  const easel = await launch();
  try {
    return camera(await film(await easel.newPage(), demo(1).buffer, PART, 'capture.y4m'));
  } finally {
    await easel.close();
  }
};
const scene = stage(filmed);

const call = (method, path, options) => callAt(endpoint, method, path, options);
const SESSIONS = '/face/v1.2/detectLiveness-sessions';
const create = (more = {}, sessions = SESSIONS) =>
  call('POST', sessions, {
    body: { livenessOperationMode: 'PassiveActive', deviceCorrelationId: crypto.randomUUID(), numberOfClientAttemptsAllowed: 2, ...more },
  });
/** A session with verify that leaves the reference to the device. */
const createVerify = (more = {}) => create(more, '/face/v1.2/detectLivenessWithVerify-sessions');
const read = (id) => call('GET', `${SESSIONS}/${id}`);
/** A session and its link. */
async function linked(more, made = create) {
  const session = await made(more);
  const { url } = await call('POST', '/api/quicklink', { token: session.authToken });
  assert.match(url, /^\/\?s=[0-9a-f-]{36}$/);
  return { ...session, url };
}

/** Counts how often a page asks for the camera, and notes what it got. */
const counting = (page) =>
  page.addInitScript(() => {
    window.tracks = [];
    window.asked = 0;
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      window.asked += 1;
      const stream = await open(wanted);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
  });
const asked = (page) => page.evaluate(() => window.asked);
const live = (page) => page.evaluate(() => window.tracks.filter((track) => track.readyState === 'live').length);

const button = (page, name) => page.getByRole('button', { name, exact: true });
const heading = (page, name) => page.getByRole('heading', { level: 1, name });
async function agree(page) {
  await button(page, 'Begin').click();
  await button(page, 'Yes, I agree').click();
  await button(page, 'Start the camera').waitFor();
}
/** Whatever the end of an attempt is, it is one of these. */
const ended = (page) => page.locator('h1').filter({ hasText: /Thank you|We |There was|The light|The picture|The time|The connection|Something|Your |That did/u });
const account = async () => (await manage('GET', 'accounts'))[0].id;
const decisions = async () => (await trail(await account(), 'consent')).map((row) => row.detail);

scene('a link leads from words over the notice to the camera, and not earlier', { before: counting }, async (page) => {
  const { url } = await linked();
  await page.goto(endpoint + url);
  await button(page, 'Begin').waitFor();
  await judge(page, 'capture-welcome');
  await fits(page, 'welcome');
  // Whoever only looks, such as the preview of a message, uses nothing up.
  await page.reload();
  const before = (await decisions()).length;
  await button(page, 'Begin').click();
  await heading(page, 'Face recognition is used here').waitFor();
  await judge(page, 'capture-notice');
  await fits(page, 'notice');
  assert.equal((await decisions()).length, before, 'showing is no decision');
  await button(page, 'Yes, I agree').click();
  await button(page, 'Start the camera').waitFor();
  assert.deepEqual((await decisions()).slice(before).map(({ decision }) => decision), ['granted']);
  await judge(page, 'capture-prepare');
  await fits(page, 'prepare');
  assert.equal(await asked(page), 0, 'no camera before it is started');
  // These pages ask for less motion, so light is off unless it is wanted.
  assert.ok(await page.getByRole('switch', { name: 'Without flashing light' }).isChecked());
  await button(page, 'Start the camera').click();
  await page.getByText('Put your face into the oval').waitFor();
  assert.equal(await live(page), 1);
  await judge(page, 'capture-camera', SOME);
  await fits(page, 'camera');
  await page.keyboard.press('Escape');
  await heading(page, 'The check was stopped').waitFor();
  await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
  await judge(page, 'capture-stopped', SOME);
  await fits(page, 'stopped');
});

scene('a refusal starts no camera and is put on record', { before: counting }, async (page) => {
  const { url } = await linked();
  const before = (await decisions()).length;
  await page.goto(endpoint + url);
  await button(page, 'Begin').click();
  await button(page, 'No').click();
  await heading(page, 'All right, no camera').waitFor();
  assert.deepEqual((await decisions()).slice(before).map(({ decision }) => decision), ['refused']);
  assert.equal(await asked(page), 0);
  await judge(page, 'capture-declined', SOME);
});

/** What a page sends and hears on its socket. */
function overheard(page) {
  const all = { sent: [], heard: [] };
  page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => all.sent.push(payload));
    socket.on('framereceived', ({ payload }) => all.heard.push(JSON.parse(payload)));
  });
  return all;
}

scene('frames come in a chain that the server can follow, and a still face is no live person', {}, async (page) => {
  const { url, sessionId } = await linked({ numberOfClientAttemptsAllowed: 1 });
  const { sent, heard } = overheard(page);
  await page.goto(endpoint + url);
  await agree(page);
  await button(page, 'Start the camera').click();
  await ended(page).waitFor({ timeout: 90_000 });

  const said = sent.filter((payload) => typeof payload === 'string').map((payload) => JSON.parse(payload));
  const frames = sent.filter((payload) => typeof payload !== 'string');
  assert.equal(said[0].type, 'hello');
  assert.deepEqual(
    [said[0].withoutLight, said[0].slow, said[0].reference, said[0].camera.width, said[0].camera.height],
    [true, false, false, 640, 480],
  );
  const ready = heard.find(({ type }) => type === 'ready');
  const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest();
  let tail = sha256('likeness-frames-v1', ready.sessionId, Buffer.from(ready.nonce, 'base64url'));
  let last = -Infinity;
  frames.forEach((bytes, at) => {
    tail = sha256(tail, bytes.subarray(0, 14), bytes.subarray(30));
    assert.equal(bytes.readUInt32BE(0), at + 1);
    assert.ok(bytes.readDoubleBE(4) > last, 'time rises');
    last = bytes.readDoubleBE(4);
    assert.deepEqual(bytes.subarray(14, 30), tail.subarray(0, 16));
    assert.deepEqual([...bytes.subarray(30, 32)], [0xff, 0xd8]);
    assert.ok(bytes.length - 30 <= ready.mostFrameBytes);
  });
  assert.ok(frames.length > 10, `${frames.length} frames`);
  const seconds = (last - frames[0].readDoubleBE(4)) / 1000;
  assert.ok((frames.length - 1) / seconds <= ready.framesPerSecond * 1.05, `${frames.length} frames in ${seconds} s`);
  // Every step was answered once, in its order.
  const steps = heard.filter(({ type }) => type === 'step').map(({ step }) => step);
  const shown = said.filter(({ type }) => type === 'shown').map(({ step }) => step);
  assert.deepEqual(shown, steps.slice(0, shown.length));
  const end = said.find(({ type }) => type === 'end');
  if (end) assert.deepEqual([end.count, end.tail], [frames.length, tail.toString('base64url')]);
  assert.ok(!heard.some(({ code }) => code === 'ProtocolBroken'), JSON.stringify(heard.slice(-2)));

  const { status, results } = await read(sessionId);
  assert.ok(['Succeeded', 'Failed'].includes(status), status);
  assert.notEqual(results.attempts[0].result?.livenessDecision, 'realface');
  assert.equal(await page.getByText(/live person/).count(), 0, 'the page tells no decision');
});

const withoutSockets = (page) =>
  page.addInitScript(() => {
    window.WebSocket = class {
      constructor() {
        throw new DOMException('blocked', 'SecurityError');
      }
    };
  });

scene('where sockets are blocked, requests bring the same', { before: withoutSockets }, async (page) => {
  const { url, sessionId } = await linked({ numberOfClientAttemptsAllowed: 1 });
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(endpoint + url);
  await agree(page);
  await button(page, 'Start the camera').click();
  await ended(page).waitFor({ timeout: 90_000 });
  assert.equal(asked.filter((path) => path.endsWith('/session/start')).length, 1);
  assert.ok(asked.filter((path) => path.endsWith('/detectLiveness/singleModal')).length > 3);
  const [attempt] = (await read(sessionId)).results.attempts;
  assert.notEqual(attempt.error?.code, 'ProtocolBroken');
  assert.notEqual(attempt.result?.livenessDecision, 'realface');
});

scene('an attempt without an answer says what may help, and another can follow', {}, async (page) => {
  const { url } = await linked();
  await page.goto(endpoint + url);
  await agree(page);
  await button(page, 'Start the camera').click();
  await ended(page).waitFor({ timeout: 90_000 });
  if (await heading(page, 'Thank you').count()) return; // `uncertain` is a decision too.
  await page.getByText('You can try once more.').waitFor();
  await judge(page, 'capture-not-done');
  await fits(page, 'not done');
  await page.getByRole('button', { name: /^Try again/ }).first().click();
  await page.getByText('Put your face into the oval').waitFor();
  await button(page, 'Stop').click();
});

scene('a link works in one browser, and a reload of it goes on', { refusals: [410] }, async (page) => {
  const { url } = await linked();
  await page.goto(endpoint + url);
  await agree(page);
  await page.reload();
  await agree(page);
  // With a camera: without one, that is what is told first.
  const other = await launch(refusedCamera);
  try {
    const second = await other.newPage();
    await second.goto(endpoint + url);
    const begin = button(second, 'Begin');
    const used = heading(second, 'This link was already used');
    await begin.or(used).waitFor();
    if (await begin.count()) await begin.click();
    await used.waitFor();
    await judge(second, 'capture-used', SOME);
    await fits(second, 'used');
  } finally {
    await other.close();
  }
});

scene('a link that is not there, or leads elsewhere, asks for no camera', { before: counting, refusals: [400, 404] }, async (page) => {
  await page.goto(`${endpoint}/?s=${crypto.randomUUID()}`);
  await heading(page, 'This link has expired').waitFor();
  await judge(page, 'capture-gone', SOME);
  const { url } = await linked();
  await page.goto(`${endpoint}${url}&&callbackUrl=${encodeURIComponent('https://elsewhere.example/')}`);
  await heading(page, 'This link is not right').waitFor();
  await judge(page, 'capture-callback', SOME);
  assert.equal(await asked(page), 0);
});

scene('a person is taken back to an address that the account allows, without a result', {}, async (page) => {
  const id = await account();
  const { corsOrigins } = await manage('GET', `accounts/${id}`);
  await manage('PATCH', `accounts/${id}`, { corsOrigins: [endpoint] });
  try {
    const back = `${endpoint}/capture?order=7`;
    const { url } = await linked();
    await page.goto(`${endpoint}${url}&callbackUrl=${encodeURIComponent(back)}`);
    await button(page, 'Begin').click();
    await button(page, 'No').click();
    await button(page, 'Go back').click();
    await page.waitForURL(back);
  } finally {
    await manage('PATCH', `accounts/${id}`, { corsOrigins });
  }
});

scene('a token that is pasted begins a check; a dead one is told', { at: 'capture', refusals: [401, 404] }, async (page) => {
  await button(page, 'Go on').click();
  await page.getByRole('alert').getByText('Paste a token first.').waitFor();
  await judge(page, 'capture-bare', SOME);
  await fits(page, 'bare');
  const { authToken, sessionId } = await create();
  await page.getByLabel('Liveness token').fill(authToken);
  await button(page, 'Go on').click();
  await agree(page);
  await call('DELETE', `${SESSIONS}/${sessionId}`);
  await button(page, 'Start the camera').click();
  await heading(page, 'The time for this check is over').waitFor();
  await judge(page, 'capture-over', SOME);
});

const inUse = (page) =>
  page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('busy', 'NotReadableError'));
  });
scene('a camera in use is told, and can be tried again', { before: inUse }, async (page) => {
  await page.goto(endpoint + (await linked()).url);
  await agree(page);
  await button(page, 'Start the camera').click();
  await heading(page, 'The camera is in use').waitFor();
  await button(page, 'Try again').click();
  await heading(page, 'The camera is in use').waitFor();
  await judge(page, 'capture-in-use', SOME);
});

const inApp = (page) => page.addInitScript(() => Object.defineProperty(navigator, 'mediaDevices', { value: undefined }));
scene('a browser inside an app gets the address to open elsewhere, and the link is not used', { before: inApp }, async (page, pages) => {
  const { url } = await linked();
  await page.goto(endpoint + url);
  await heading(page, 'This app cannot use the camera').waitFor();
  assert.equal(await page.getByLabel('Address of this page').inputValue(), endpoint + url);
  await judge(page, 'capture-in-app', SOME);
  await fits(page, 'in app');
  const elsewhere = await pages.context().newPage();
  await elsewhere.goto(endpoint + url);
  await agree(elsewhere);
  await elsewhere.close();
});

/** Opens a link in a browser of its own. */
async function elsewhere(flags, steps) {
  const context = await launch(flags);
  try {
    const page = await context.newPage();
    await page.goto(endpoint + (await linked()).url);
    await steps(page);
  } finally {
    await context.close();
  }
}

test('a camera that the person refuses is told, and can be allowed', { timeout: 60_000 }, () =>
  elsewhere(refusedCamera, async (page) => {
    await agree(page);
    await button(page, 'Start the camera').click();
    await heading(page, 'The camera is blocked').waitFor();
    await judge(page, 'capture-refused', SOME);
    await page.context().grantPermissions(['camera'], { origin: endpoint });
    await button(page, 'Try again').click();
    await page.getByText('Put your face into the oval').waitFor();
  }),
);

test('a missing camera is told before the link is used', { timeout: 60_000 }, () =>
  elsewhere(['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=device-count=0'], async (page) => {
    await heading(page, 'No camera found').waitFor();
    await page.getByLabel('Address of this page').waitFor();
    await judge(page, 'capture-missing', SOME);
  }),
);

scene('a session that leaves the reference to the person asks for a photo, and says what is wrong with it', { before: counting }, async (page) => {
  const { url } = await linked({}, createVerify);
  const { sent } = overheard(page);
  await page.goto(endpoint + url);
  await agree(page);
  assert.ok(await button(page, 'Start the camera').isDisabled(), 'nothing to compare with');
  await choose(page, button(page, 'Choose a photo'), { name: 'a.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture') });
  await page.getByText('It cannot be read').waitFor();
  assert.ok(await button(page, 'Start the camera').isDisabled());
  // A photo of several people.
  await choose(page, button(page, 'Choose a photo'), demo(1));
  await page.getByAltText('The photo that you chose').waitFor();
  await judge(page, 'capture-reference');
  await fits(page, 'reference');
  await button(page, 'Start the camera').click();
  await heading(page, 'The reference photo cannot be used').waitFor({ timeout: 60_000 });
  assert.equal(JSON.parse(sent[0]).reference, true);
  assert.equal(await live(page), 0);
  await button(page, 'Try again').click();
  await button(page, 'Choose a photo').waitFor();
  assert.ok(await button(page, 'Start the camera').isDisabled());
});

scene('a recording is kept only of whoever says so', {}, async (page) => {
  const { url } = await linked();
  const { sent } = overheard(page);
  // As where the operator keeps recordings and the app server asked for one.
  await page.route('**/api/quicklink/about*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), recording: true } });
  });
  await page.goto(endpoint + url);
  await agree(page);
  const yes = page.getByRole('switch', { name: 'Yes, keep a recording of me' });
  assert.ok(!(await yes.isChecked()), 'nobody agrees by doing nothing');
  await judge(page, 'capture-recording');
  await fits(page, 'recording');
  for (const agrees of [false, true]) {
    if (agrees) await yes.click();
    await button(page, 'Start the camera').click();
    await page.getByText('Put your face into the oval').waitFor();
    await page.keyboard.press('Escape');
    await heading(page, 'The check was stopped').waitFor();
    if (!agrees) await button(page, 'Try again').click();
  }
  const hellos = sent.filter((payload) => typeof payload === 'string').map((payload) => JSON.parse(payload));
  assert.deepEqual(hellos.filter(({ type }) => type === 'hello').map(({ recording }) => recording), [false, true]);
});

test('another site frames the page and hears how it went, but no decision', { timeout: 120_000 }, async () => {
  const site = createServer((_, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><title>Shop</title><script src="${endpoint}/likeness-capture.js"></script>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  // Another host name is another origin.
  const origin = `http://localhost:${site.address().port}`;
  const id = await account();
  const { corsOrigins } = await manage('GET', `accounts/${id}`);
  const context = await launch(await filmed());
  try {
    const page = await context.newPage();
    await page.goto(origin);
    const open = (token) =>
      page.evaluate(
        ({ endpoint, token }) => {
          window.told = [];
          for (const name of ['started', 'ended', 'canceled', 'failed']) {
            addEventListener(`likeness-${name}`, ({ detail }) => window.told.push([name, detail]));
          }
          document.body.innerHTML = `<likeness-capture endpoint="${endpoint}" token="${token}" language="en"></likeness-capture>`;
        },
        { endpoint, token },
      );
    const frame = page.frameLocator('iframe');
    const { authToken } = await create();

    // A site that the account does not list gets no page.
    await open(authToken);
    await page.waitForTimeout(1_500);
    assert.equal(await button(frame, 'Begin').count(), 0);

    await manage('PATCH', `accounts/${id}`, { corsOrigins: [origin] });
    await page.reload();
    await open(authToken);
    await agree(frame);
    await button(frame, 'Start the camera').click();
    await frame.getByText('Put your face into the oval').waitFor();
    // The light must fill the window, so the frame does.
    const box = await page.locator('iframe').boundingBox();
    assert.deepEqual([box.x, box.y, box.width, box.height], [0, 0, 1280, 900]);
    assert.deepEqual(await page.evaluate(() => window.told), [['started', null]]);
    await button(frame, 'Stop').click();
    await button(frame, 'Leave').click();
    await page.waitForFunction(() => window.told.length === 2);
    assert.deepEqual(await page.evaluate(() => window.told[1]), ['canceled', null]);
    assert.ok((await page.locator('iframe').boundingBox()).height < 900);
    assert.ok(!(await page.locator('iframe').getAttribute('src')).includes(authToken), 'no token in an address');

    // What a session leaves to the client the site may bring: the ids and the photo to compare with.
    const later = await createVerify({ deviceCorrelationId: null, deviceCorrelationIdSetInClient: true, userCorrelationIdSetInClient: true });
    const { sent } = overheard(page);
    await page.evaluate(
      ({ endpoint, token, bytes }) => {
        const check = document.createElement('likeness-capture');
        const attributes = { endpoint, token, language: 'en', 'device-correlation-id': 'door 7', 'user-correlation-id': 'ada' };
        for (const [name, value] of Object.entries(attributes)) check.setAttribute(name, value);
        check.reference = new Blob([Uint8Array.from(bytes)], { type: 'image/jpeg' });
        document.body.replaceChildren(check);
      },
      { endpoint, token: later.authToken, bytes: [...demo(1).buffer] },
    );
    await agree(frame);
    await button(frame, 'Start the camera').click();
    await frame.getByRole('heading', { name: 'The reference photo cannot be used' }).waitFor({ timeout: 60_000 });
    const { reference, deviceCorrelationId, userCorrelationId } = JSON.parse(sent[0]);
    assert.deepEqual([reference, deviceCorrelationId, userCorrelationId], [true, 'door 7', 'ada']);
  } finally {
    await manage('PATCH', `accounts/${id}`, { corsOrigins });
    await context.close();
    site.close();
  }
});

scene('the studio runs a session on oneself, explains it and deletes it', { tab: 'Liveness' }, async (page) => {
  await button(page, 'Check me').click();
  await button(page, 'Yes, I agree').click();
  await button(page, 'Start the camera').click();
  const session = page.getByRole('region', { name: 'Session' });
  const attempt = session.getByRole('heading', { name: 'Attempt 1' });
  await attempt.waitFor({ timeout: 90_000 });
  assert.equal(await session.getByText('A live person').count(), 0);
  await judge(page, 'studio-liveness', SOME);
  await fits(page, 'Liveness');
  const id = await session.locator('code').first().textContent();
  await button(page, 'Delete the session').click();
  await page.getByText('The session is deleted.').waitFor();
  const gone = await fetch(`${endpoint}${SESSIONS}/${id}`, { headers: { 'Ocp-Apim-Subscription-Key': key } });
  assert.equal(gone.status, 404);
});
