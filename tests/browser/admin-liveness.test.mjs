// The section "Liveness" of the admin page against a server of its own: what it shows of sessions is what happened to
// them, what it closes is refused, what it sets is what people and devices meet.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { manage, newAccount } from './support/admin.mjs';
import { exchange } from './support/api.mjs';
import { choose, endpoint, key, operatorKey, stage } from './support/browser.mjs';
import { fits, judge, SOME } from './support/judge.mjs';

const scene = stage();
const button = (page, name) => page.getByRole('button', { name, exact: true });
const said = (page, text) => page.getByRole('status').getByText(text).waitFor();
const confirm = (page, name) => page.getByRole('dialog').getByRole('button', { name }).click();
const turnTo = (page, part) =>
  page.getByRole('navigation', { name: 'Parts of the section Liveness' }).getByRole('button', { name: part, exact: true }).click();

/** Opens a part of the section of an account by its address. */
async function open(page, account, part) {
  await page.goto(`${endpoint}/admin#key=${operatorKey}`);
  await page.getByRole('main').getByRole('button', { name: new RegExp(`^${account} `) }).click();
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: 'Liveness', exact: true }).click();
  await turnTo(page, part);
}

/** A call of the Face API with a key or a session token; answers with the status and the body. */
const face = (path, body, { key, token, method = 'POST' }) =>
  exchange(endpoint, method, `/face/v1.2/${path}`, { body, token, accountKey: key });
const create = ({ keys }, more = {}) =>
  face('detectLiveness-sessions', { livenessOperationMode: 'PassiveActive', deviceCorrelationId: crypto.randomUUID(), numberOfClientAttemptsAllowed: 3, ...more }, { key: keys.key1 });
async function made(account, more) {
  const { status, body } = await create(account, more);
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}
const start = (token) => face('session/start', {}, { token });
/** One attempt without a frame: it yields no decision for a live person. */
async function attempt(token, outcome = 'completed') {
  const { status, body } = await start(token);
  assert.equal(status, 200, JSON.stringify(body));
  const end = await face('session/attempt/end', { attemptId: body.attemptId, outcome }, { token });
  assert.equal(end.status, 200, JSON.stringify(end.body));
}
const settings = async ({ id }) => (await manage('GET', `accounts/${id}`)).liveness;
/** The notice as people read it. */
const notice = async ({ endpointPath }) => (await fetch(`${endpoint}${endpointPath}/notice?language=en`)).json();

/** The entry of a session in the list, opened. */
async function entry(page, session) {
  const found = page.getByRole('listitem').filter({ has: page.locator('summary', { hasText: session }) });
  await found.locator('summary').click();
  return found;
}

scene('sessions are listed newest first with what happened in each, and are deleted', { at: '' }, async (page) => {
  const account = await newAccount('listed');
  const older = await made(account);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const newer = await made(account, { likeness: { noticeAccepted: true } });
  await attempt(newer.authToken);
  await attempt(newer.authToken, 'canceled');
  await open(page, 'listed', 'Sessions');
  await said(page, '2 sessions');
  const ids = await page.locator('summary .mono').allInnerTexts();
  assert.deepEqual(ids, [newer.sessionId, older.sessionId]);

  const first = await entry(page, newer.sessionId);
  const events = await first.getByRole('list', { name: `What happened in session ${newer.sessionId}` }).getByRole('listitem').allInnerTexts();
  assert.match(events[0], /The session was created: mode PassiveActive/);
  assert.match(events[1], /The app server said that the person had agreed to the notice/);
  assert.match(events[2], /Attempt 1 began/);
  assert.match(events[3], /Attempt 1 (failed: |ended: decision uncertain, assurance none)/);
  assert.match(events[4], /Attempt 2 began/);
  assert.match(events[5], /Attempt 2 was given up/);
  assert.match(events.at(-1), /The server deletes the session/);
  const second = await entry(page, older.sessionId);
  await second.getByText('The session token expires').waitFor();

  await page.getByLabel('Find a session by the beginning of its id').fill(older.sessionId.slice(0, 13).toUpperCase());
  await said(page, '1 session has an id that begins like this.');
  await second.getByRole('button', { name: 'Delete this session…' }).click();
  await page.getByRole('dialog').getByText('your app server can no longer read a result').waitFor();
  await confirm(page, 'Delete permanently');
  await said(page, 'The session is deleted.');
  await said(page, 'No session has an id that begins like this.');
  const gone = await face(`detectLiveness-sessions/${older.sessionId}`, undefined, { key: account.keys.key1, method: 'GET' });
  assert.equal(gone.status, 404);
  // A reload shows the same part again, and what there is now.
  await page.reload();
  await said(page, '1 session');
  await page.getByText(newer.sessionId).waitFor();
});

scene('an id that reached its limit is listed, found and reopened', { at: '', refusals: [404] }, async (page) => {
  const account = await newAccount('counted');
  await open(page, 'counted', 'Settings');
  await page.getByLabel('Failed attempts').fill('1.5');
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('Write whole numbers from 0 to 100.').waitFor();
  await page.getByLabel('Failed attempts').fill('1');
  await button(page, 'Save').click();
  await said(page, 'Saved.');
  assert.deepEqual([(await settings(account)).mostFailures, (await settings(account)).mostSpoofs], [1, 3]);

  await turnTo(page, 'Closed ids');
  await page.getByText('No id is closed.').waitFor();
  await button(page, 'Find').click();
  await page.getByRole('alert').getByText('Write the correlation id first.').waitFor();
  await page.getByLabel('Correlation id').fill('kiosk-7');
  await button(page, 'Find').click();
  await said(page, 'Nothing is known of this id');

  const { authToken } = await made(account, { deviceCorrelationId: 'kiosk-7' });
  await attempt(authToken);
  const refused = await create(account, { deviceCorrelationId: 'kiosk-7' });
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'CorrelationIdClosed']);
  await button(page, 'Find').click();
  await said(page, 'This id is closed: it reached a limit');
  await said(page, '0 × spoofface, 1 × failed');
  await turnTo(page, 'Sessions');
  await turnTo(page, 'Closed ids');
  await page.getByText('closed by the limits').waitFor();
  assert.equal(await page.getByText('kiosk-7').count(), 0, 'the id is kept nowhere');
  await page.getByRole('button', { name: /^Reopen… record / }).click();
  const reopen = page.getByRole('dialog').getByRole('button', { name: 'Reopen the id' });
  assert.equal(await reopen.isDisabled(), true, 'a reason is asked for');
  await page.getByRole('dialog').getByLabel('Reason').fill('Ticket 4711');
  await reopen.click();
  await said(page, 'The id is open again.');
  await page.getByText('No id is closed.').waitFor();
  await made(account, { deviceCorrelationId: 'kiosk-7' });
});

scene('an id is closed by hand with a reason, and reopened where it was found', { at: '', refusals: [404] }, async (page) => {
  const account = await newAccount('closing');
  const user = { deviceCorrelationId: 'd', userCorrelationId: 'user-1' };
  await open(page, 'closing', 'Closed ids');
  await page.getByLabel('Kind').selectOption('user');
  await page.getByLabel('Correlation id').fill('user-1');
  await button(page, 'Close this id…').click();
  await page.getByRole('dialog').getByText('Attempts that are running go on.').waitFor();
  await page.getByRole('dialog').getByLabel('Reason').fill('Reported by the front desk');
  await page.keyboard.press('Enter');
  await said(page, 'The id is closed.');
  await said(page, 'This id is closed: somebody closed it');
  await page.getByRole('listitem').getByText('Reason: Reported by the front desk').waitFor();
  assert.equal((await create(account, user)).status, 403);
  assert.equal((await create(account, { ...user, userCorrelationId: 'user-2' })).status, 200);
  await page.getByRole('status').getByRole('button', { name: 'Reopen…' }).click();
  await page.getByRole('dialog').getByLabel('Reason').fill('It was a mistake');
  await confirm(page, 'Reopen the id');
  await said(page, 'The id is open again.');
  assert.equal(await page.getByText('This id is closed').count(), 0, 'what was found no longer holds');
  assert.equal((await create(account, user)).status, 200);

  // Somebody else was faster.
  await manage('POST', `accounts/${account.id}/liveness/correlations/close`, { of: 'user', id: 'user-1', reason: 'again' });
  await turnTo(page, 'Sessions');
  await turnTo(page, 'Closed ids');
  const { record } = await manage('POST', `accounts/${account.id}/liveness/correlations/find`, { of: 'user', id: 'user-1' });
  await button(page, `Reopen… record ${record}`).click();
  await manage('POST', `accounts/${account.id}/liveness/correlations/reopen`, { record, reason: 'first' });
  await page.getByRole('dialog').getByLabel('Reason').fill('second');
  await confirm(page, 'Reopen the id');
  await said(page, 'somebody else reopened it');
  await page.getByText('No id is closed.').waitFor();
});

scene('abuse monitoring says what it means first; the notice says so from then on', { at: '', refusals: [403] }, async (page) => {
  const account = await newAccount('watched');
  const before = await notice(account);
  await open(page, 'watched', 'Settings');
  const monitoring = page.getByRole('switch', { name: 'Monitor sessions for abuse' });
  await monitoring.press('Space');
  await page.getByRole('dialog').getByText('A template of every session is kept for 48 hours, sealed').waitFor();
  assert.equal(await page.locator('input[role=switch]').first().isChecked(), false, 'until it is confirmed');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  assert.equal(await monitoring.isChecked(), false);
  assert.equal((await settings(account)).abuseMonitoring, false);
  await monitoring.press('Space');
  await confirm(page, 'Switch on');
  await said(page, 'Abuse monitoring is on.');
  assert.equal(await monitoring.isChecked(), true);
  const after = await notice(account);
  assert.notEqual(after.digest, before.digest);
  assert.match(after.text, /template/);
  await monitoring.press('Space');
  await page.getByRole('dialog').getByText('deletes the templates').waitFor();
  await confirm(page, 'Switch off and delete');
  await said(page, 'Abuse monitoring is off.');
  assert.equal((await notice(account)).digest, before.digest);

  const reads = page.getByRole('switch', { name: 'Face Recognizer may read session images' });
  await reads.press('Space');
  await said(page, 'Face Recognizer may read session images.');
  assert.equal((await settings(account)).recognizerReadsImages, true);
  await page.route('**/admin/v1/accounts/*', (route) =>
    route.request().method() === 'PATCH' ? route.fulfill({ status: 403, json: { error: { code: 'Forbidden', message: 'Not today.' } } }) : route.continue(),
  );
  await reads.press('Space');
  await page.getByRole('alert').getByText('Not today.').waitFor();
  assert.equal(await reads.isChecked(), true, 'the switch shows what the server says');
});

scene('what people see on the capture page is set, previewed and theirs', { at: '' }, async (page) => {
  const account = await newAccount('branded');
  await open(page, 'branded', 'Capture page');
  await page.getByLabel('Name', { exact: true }).fill('Contoso Bank');
  await page.getByLabel('Colour', { exact: true }).fill('blue');
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('Write a colour as #').waitFor();
  await page.getByLabel('Colour', { exact: true }).fill('#0a5c8f');
  await choose(page, button(page, 'Choose a logo…'), { name: 'logo.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') });
  await page.getByRole('alert').getByText('not a picture that the browser can read').waitFor();
  // A large drawing is made smaller in the browser.
  const drawn = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="2000" height="400"><circle cx="900" cy="200" r="190" fill="#0a5c8f"/></svg>');
  await choose(page, button(page, 'Choose a logo…'), { name: 'logo.svg', mimeType: 'image/svg+xml', buffer: drawn });
  await said(page, 'is chosen.');
  await page.getByLabel('What it is').fill('Call the help desk, extension 12');
  await page.getByLabel('Address, if it is a page').fill('http://help.example');
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('begins with https://').waitFor();
  await page.getByLabel('Address, if it is a page').fill('https://help.example/desk');
  await page.getByText('Contoso Bank asks for a short check with your camera').waitFor();
  await button(page, 'Save').click();
  await said(page, 'Saved.');
  const { branding, alternative } = await settings(account);
  assert.deepEqual([branding.name, branding.colour], ['Contoso Bank', '#0a5c8f']);
  const png = Buffer.from(branding.logo, 'base64');
  assert.equal(png.readUInt32BE(16), 480, 'as wide as three times its room');
  assert.deepEqual(alternative, { text: 'Call the help desk, extension 12', url: 'https://help.example/desk' });

  const { authToken } = await made(account);
  const about = await (await fetch(`${endpoint}/api/quicklink/about`, { headers: { Authorization: `Bearer ${authToken}` } })).json();
  assert.equal(about.branding.name, 'Contoso Bank');
  assert.ok(about.branding.logo === `data:image/png;base64,${branding.logo}`, 'the page shows the logo that was saved');
  await button(page, 'Remove the logo').click();
  await page.getByLabel('What it is').fill('');
  await page.getByLabel('Address, if it is a page').fill('');
  await button(page, 'Save').click();
  await said(page, 'Saved.');
  const now = await settings(account);
  assert.deepEqual([now.branding.logo, now.branding.name, now.alternative], [null, 'Contoso Bank', null]);
});

scene('devices have network rules of their own, or follow the account’s', { at: '' }, async (page) => {
  const account = await newAccount('fenced-devices');
  await open(page, 'fenced-devices', 'Devices');
  await page.getByRole('radio', { name: 'As the account’s network rules say' }).waitFor();
  assert.equal(await page.getByRole('radio', { name: 'As the account’s network rules say' }).isChecked(), true);
  await page.getByRole('radio', { name: 'Listed addresses and subnets only' }).check();
  await page.getByLabel('Value').fill('203.0.113.0/24');
  await button(page, 'Add').click();
  await button(page, 'Save').click();
  await page.getByRole('dialog').getByText('Only 1 rule allows devices.').waitFor();
  await confirm(page, 'Save and reject other calls');
  await said(page, 'Saved.');
  assert.deepEqual((await settings(account)).devices, { defaultAction: 'Deny', rules: [{ address: '203.0.113.0/24' }] });
  const { authToken } = await made(account);
  assert.equal((await start(authToken)).status, 403);
  await page.getByRole('radio', { name: 'As the account’s network rules say' }).check();
  await button(page, 'Save').click();
  await page.getByText('Not saved yet.').waitFor({ state: 'detached' });
  assert.equal((await settings(account)).devices, null);
  assert.equal((await start(authToken)).status, 200);
});

scene('devices are registered by their public keys and removed', { at: '' }, async (page) => {
  const account = await newAccount('mounted');
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64url');
  await open(page, 'mounted', 'Devices');
  await page.getByText('No device is registered.').waitFor();
  const add = async (device, text) => {
    await page.getByLabel('Id of the device').fill(device);
    await page.getByLabel('Public key (P-256)').fill(text);
    await button(page, 'Register the device').click();
  };
  await add('a door', point);
  await page.getByRole('alert').getByText('without blanks').waitFor();
  await add('door-1', point.slice(4));
  await page.getByRole('alert').getByText('not a public key of the curve P-256').waitFor();
  await add('door-1', privateKey.export({ format: 'pem', type: 'pkcs8' }));
  await page.getByRole('alert').getByText('This is a private key.').waitFor();
  await add('door-1', point);
  await said(page, '“door-1” is registered.');
  await add('door-2', publicKey.export({ format: 'pem', type: 'spki' }));
  await said(page, '“door-2” is registered.');
  await add('door-2', point);
  await page.getByRole('alert').getByText('“door-2” is registered already.').waitFor();
  assert.deepEqual((await settings(account)).captureDevices, ['door-1', 'door-2'].map((id) => ({ id, publicKey: point })));
  await button(page, 'Remove door-1').click();
  await page.getByRole('dialog').getByText('Its signatures no longer count.').waitFor();
  await confirm(page, 'Remove the device');
  await said(page, '“door-1” is removed.');
  assert.deepEqual((await settings(account)).captureDevices.map(({ id }) => id), ['door-2']);
});

/** An account with a notice in two languages, one of them from right to left. */
async function noticed(name) {
  const account = await newAccount(name);
  for (const [language, text] of [['en', 'Cameras at our door\n\nYou may say no.'], ['ar', 'كاميرات عند بابنا\n\nيمكنك أن ترفض.']]) {
    await manage('PUT', `accounts/${account.id}/notices/${language}`, { text, controller: 'Contoso Ltd', processor: 'Hosting Inc' });
  }
  return account;
}

scene('the door sign has a page for each language, a code, and prints nothing else', { at: '' }, async (page) => {
  const account = await noticed('signed');
  await manage('PATCH', `accounts/${account.id}`, { liveness: { abuseMonitoring: true, alternative: { text: 'Ring the bell' } } });
  await page.addInitScript(() => {
    window.printed = 0;
    window.print = () => (window.printed += 1);
  });
  await open(page, 'signed', 'Door sign');
  const english = page.getByRole('article', { name: 'Door sign in en' });
  await english.getByRole('heading', { name: 'Cameras at our door' }).waitFor();
  await english.getByText(/template/).waitFor();
  await english.getByText('Ring the bell').waitFor();
  assert.equal(await page.getByRole('article').count(), 2);
  const arabic = page.getByRole('article', { name: 'Door sign in ar' });
  assert.equal(await arabic.getByRole('heading').evaluate((heading) => getComputedStyle(heading).direction), 'rtl');
  assert.equal(await page.getByRole('img', { name: /^QR code/ }).count(), 0);

  const address = page.getByLabel('Address for the QR code');
  await address.fill('door.example');
  await page.getByText('Write an address that begins with https://').waitFor();
  assert.equal(await button(page, 'Print…').isDisabled(), true);
  await address.fill('https://faces.example/?s=0b1c9d6e-6a2b-4a57-9a1f-1f0f3c9f7d11');
  await page.getByText('It works once, so it is of no use on a sign.').waitFor();
  await address.fill('https://door.example/check-in');
  await page.getByLabel('Words below the code').fill('Scan me');
  await english.getByRole('img', { name: 'QR code of https://door.example/check-in' }).waitFor();
  await english.getByText('Scan me').waitFor();
  await button(page, 'Print…').click();
  assert.equal(await page.evaluate(() => window.printed), 1);

  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  assert.equal(await english.isVisible(), true);
  for (const hidden of [page.getByRole('navigation').first(), address, page.locator('header').first(), page.locator('h1')]) {
    assert.equal(await hidden.isVisible(), false);
  }
  assert.equal(await english.evaluate((sheet) => getComputedStyle(sheet).backgroundColor), 'rgb(255, 255, 255)');
  await page.emulateMedia({ media: 'screen', colorScheme: 'light' });
});

scene('an account without a text of its own prints the standard one', { at: '' }, async (page) => {
  await newAccount('plain');
  await open(page, 'plain', 'Door sign');
  await page.getByText('This account has no text of its own.').waitFor();
  await page.getByRole('article', { name: 'Door sign in en' }).waitFor();
  await page.getByRole('article', { name: 'Door sign in de' }).waitFor();
});

scene('a key of an account sees the settings and changes none of them', { at: `admin#key=${key}` }, async (page) => {
  await page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: 'Liveness', exact: true }).click();
  await page.getByText('Only a contributor or owner of the account').waitFor();
  await turnTo(page, 'Settings');
  await page.getByText('You can read this section.').waitFor();
  assert.equal(await page.getByRole('switch').first().isDisabled(), true);
  assert.equal(await button(page, 'Save').count(), 0);
  await turnTo(page, 'Devices');
  assert.equal(await button(page, 'Register the device').count(), 0);
});

scene('every part is accessible and fits 320 pixels', { at: '' }, async (page) => {
  const account = await noticed('seen');
  const session = await made(account, { likeness: { noticeAccepted: true } });
  await attempt(session.authToken);
  await made(account);
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x, y } = publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('base64url');
  await manage('PATCH', `accounts/${account.id}`, {
    liveness: {
      branding: { name: 'Contoso', colour: '#0a5c8f' },
      alternative: { text: 'Ring the bell', url: 'https://contoso.example/another-way-in-with-a-long-address' },
      devices: { defaultAction: 'Allow', rules: [{ address: '2001:db8:85a3::8a2e:370:0/112' }] },
      captureDevices: [{ id: 'front-door', publicKey: point }],
    },
  });
  await manage('POST', `accounts/${account.id}/liveness/correlations/close`, { of: 'device', id: 'kiosk', reason: 'Reported by the front desk' });
  await open(page, 'seen', 'Sessions');
  const steps = {
    Sessions: async () => (await entry(page, session.sessionId)).getByText('Attempt 1 began').waitFor(),
    'Closed ids': async () => {
      await page.getByText('closed by hand').waitFor();
      await page.getByLabel('Correlation id').fill('kiosk');
      await button(page, 'Find').click();
      await said(page, 'This id is closed');
    },
    Settings: async () => page.getByRole('switch').first().waitFor(),
    'Capture page': async () => page.getByText('Contoso asks for a short check').waitFor(),
    Devices: async () => page.getByText('front-door').waitFor(),
    'Door sign': async () => {
      await page.getByLabel('Address for the QR code').fill('https://contoso.example/check-in');
      await page.getByRole('img', { name: /^QR code/ }).first().waitFor();
    },
  };
  for (const [part, ready] of Object.entries(steps)) {
    await turnTo(page, part);
    await ready();
    await judge(page, `admin-liveness-${part.toLowerCase().replaceAll(' ', '-')}`, SOME);
    await fits(page, part);
  }
  await turnTo(page, 'Settings');
  await page.getByRole('switch', { name: 'Monitor sessions for abuse' }).press('Space');
  await page.getByRole('dialog').waitFor();
  await judge(page, 'admin-liveness-monitoring', SOME);
  await fits(page, 'monitoring');
  await page.keyboard.press('Escape');
  await turnTo(page, 'Closed ids');
  await page.getByRole('button', { name: /^Reopen… record / }).first().click();
  await page.getByRole('dialog').waitFor();
  await judge(page, 'admin-liveness-reopen', SOME);
  await fits(page, 'reopen');
});

scene('what was done is in the audit log, and no correlation id is', { at: '' }, async (page) => {
  const account = await newAccount('audited');
  const id = `device-${crypto.randomUUID()}`;
  await open(page, 'audited', 'Closed ids');
  await page.getByLabel('Correlation id').fill(id);
  await button(page, 'Close this id…').click();
  await page.getByRole('dialog').getByLabel('Reason').fill('Reported');
  await confirm(page, 'Close the id');
  await said(page, 'The id is closed.');
  const rows = await manage('GET', `accounts/${account.id}/audit?top=1000`);
  assert.equal(JSON.stringify(rows).includes(id), false);
  assert.ok(rows.some(({ detail }) => detail?.closed === 'device' && detail?.by === 'hand'), JSON.stringify(rows));
});
