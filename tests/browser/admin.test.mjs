// The admin page against a server of its own: what it shows is what the server does.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { call, limitedToken, manage, newAccount, trail } from './support/admin.mjs';
import { demo } from './support/api.mjs';
import { endpoint, key, operatorKey, stage } from './support/browser.mjs';

const scene = stage();
const at = `admin#key=${operatorKey}`;
const button = (page, name) => page.getByRole('button', { name, exact: true });
const said = (page, text) => page.getByRole('status').getByText(text).waitFor();

/** Opens a section of the account that is open. */
const turnTo = (page, section) =>
  page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: section, exact: true }).click();

/** Opens a section of an account from the list. */
async function open(page, account, section) {
  await page.getByRole('main').getByRole('button', { name: new RegExp(`^${account} `) }).click();
  await turnTo(page, section);
}

/** Presses the button of the dialog that is open. */
const confirm = (page, name) => page.getByRole('dialog').getByRole('button', { name }).click();

scene('a wrong key is said plainly; the operator’s opens, leaves the address, and is forgotten', { at: 'admin#key=wrong', refusals: [401] }, async (page) => {
  const alert = page.getByRole('alert');
  await alert.getByText('The server does not accept this key or token.').waitFor();
  assert.match(await alert.innerText(), /likeness keys show/);
  assert.equal(page.url(), `${endpoint}/admin`);
  await page.getByLabel('Operator’s key').fill(operatorKey);
  await button(page, 'Open admin').click();
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  assert.equal(await page.evaluate(() => localStorage.length), 0);
  assert.equal(await page.evaluate(() => sessionStorage.getItem('likeness-key')), null, 'the studio does not get it');
  await button(page, 'Forget key').click();
  await page.getByLabel('Operator’s key').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

scene('a token opens the page for what it stands for, and nothing more', { at: 'admin', refusals: [401] }, async (page) => {
  const { keys } = await newAccount('token-holder');
  const answer = await fetch(`${endpoint}/sts/v1.0/issueToken`, { method: 'POST', headers: { 'Ocp-Apim-Subscription-Key': keys.key1 } });
  const token = await answer.text();
  await page.getByLabel('Operator’s key').fill(token.slice(0, -3));
  await button(page, 'Open admin').click();
  await page.getByRole('alert').getByText('The server does not accept this key or token.').waitFor();
  const asked = page.waitForRequest((request) => request.url().endsWith('/admin/v1/me'));
  await page.getByLabel('Operator’s key').fill(token);
  await button(page, 'Open admin').click();
  const headers = await (await asked).allHeaders();
  assert.equal(headers.authorization, `Bearer ${token}`);
  assert.equal(headers['ocp-apim-subscription-key'], undefined);
  await page.getByRole('heading', { level: 1, name: 'token-holder' }).waitFor();
  assert.equal(await page.getByRole('main').getByText('default', { exact: true }).count(), 0);
});

scene('studio and admin link to each other', {}, async (page) => {
  await page.getByRole('link', { name: 'Admin' }).click();
  await page.getByLabel('Operator’s key').waitFor();
  await page.getByRole('link', { name: 'Studio' }).click();
  await page.getByRole('tab', { name: 'Look' }).waitFor();
});

scene('an account is made, its keys are shown once, its resource id is copied', { at, refusals: [400] }, async (page) => {
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: endpoint });
  await button(page, 'New account').click();
  await button(page, 'Create the account').click();
  await page.getByRole('alert').getByText('Give the account a name.').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('no good!');
  await button(page, 'Create the account').click();
  await page.getByRole('alert').getByText('the name must have').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Front-Desk');
  await page.getByText('Further settings').click();
  await page.getByLabel('Location').fill('westeurope');
  await button(page, 'Create the account').click();
  await page.getByRole('heading', { name: 'Account “Front-Desk” is created' }).waitFor();
  await button(page, 'Copy Key 1').click();
  await button(page, 'Copied').or(button(page, 'Copy Key 1')).first().waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal((await call(copied, 'GET', 'persongroups')).status, 200);
  await button(page, 'Open the account').click();
  await button(page, 'Copy Resource id').click();
  await page.getByRole('status').getByText('Copied').waitFor({ state: 'attached' });
  const made = (await manage('GET', 'accounts')).find(({ name }) => name === 'Front-Desk');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), made.resourceId);
  assert.equal(made.location, 'westeurope');
  await page.getByText(`${endpoint}/accounts/front-desk`).waitFor();
  assert.equal(await page.getByText(copied).count(), 0, 'keys are not shown again');
});

scene('web pages elsewhere may call the account once it lists them', { at: '', refusals: [400] }, async (page) => {
  const { id } = await newAccount('shop');
  const origin = 'https://shop.example.org';
  const preflight = async () => {
    const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' };
    return (await page.request.fetch(`${endpoint}/accounts/shop/face/v1.0/detect`, { method: 'OPTIONS', headers })).headers();
  };
  assert.equal((await preflight())['access-control-allow-origin'], undefined);
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'shop', 'Overview');
  const field = page.getByLabel('Web origins that may call the account');
  assert.equal(await field.inputValue(), '');
  await field.fill('shop.example.org');
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('write each as https://').waitFor();
  await field.fill('HTTPS://Shop.example.org/\nhttp://localhost:5173');
  await button(page, 'Save').click();
  await said(page, 'Saved.');
  assert.equal(await field.inputValue(), `http://localhost:5173\n${origin}`);
  assert.equal((await preflight())['access-control-allow-origin'], origin);
  assert.deepEqual((await manage('GET', `accounts/${id}`)).corsOrigins, ['http://localhost:5173', origin]);
});

scene('a replaced key is refused at once', { at: '', refusals: [401] }, async (page) => {
  const { keys } = await newAccount('keyed');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'keyed', 'Keys');
  assert.equal(await page.getByText(keys.key1).count(), 0);
  await button(page, 'Show the keys').click();
  await page.getByText(keys.key1).waitFor();
  await button(page, 'Replace Key 1').click();
  await page.getByRole('dialog').getByText('stops working as soon as you confirm').waitFor();
  await confirm(page, 'Replace this key');
  await said(page, 'Key 1 is replaced.');
  assert.equal((await call(keys.key1, 'GET', 'persongroups')).status, 401);
  assert.equal((await call(keys.key2, 'GET', 'persongroups')).status, 200);
  assert.equal(await page.getByText(keys.key1).count(), 0);
});

scene('an approval taken back refuses a detect call, one given lets it in', { at: '' }, async (page) => {
  const { keys } = await newAccount('approved', { approvals: { flags: ['Face.Identification'], attributes: [] } });
  const detect = () => call(keys.key1, 'POST', 'detect?returnFaceId=true', demo(1).buffer);
  assert.equal((await detect()).status, 200);
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'approved', 'Approvals');
  const flag = page.getByRole('switch', { name: 'Identification', exact: true });
  assert.equal(await flag.isChecked(), true);
  await flag.uncheck();
  await said(page, 'Identification is no longer approved.');
  assert.equal((await detect()).status, 403);
  await flag.check();
  await said(page, 'Identification is approved.');
  assert.equal((await detect()).status, 200);
});

scene('a switch that the server does not follow goes back, with its reason', { at: '', refusals: [403] }, async (page) => {
  await newAccount('stubborn');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'stubborn', 'Approvals');
  await page.route('**/approvals', (route) =>
    route.fulfill({ status: 403, json: { error: { code: 'Forbidden', message: 'Not today.' } } }),
  );
  await page.getByRole('switch', { name: 'Age' }).press('Space');
  await page.getByRole('alert').getByText('Not today.').waitFor();
  assert.equal(await page.getByRole('switch', { name: 'Age' }).isChecked(), true);
});

scene('a write that may have been saved is not repeated, a question is', { at: '', refusals: [503] }, async (page) => {
  await newAccount('doubtful');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'doubtful', 'Keys');
  const asked = [];
  await page.route('**/accounts/*/*Key*', async (route) => {
    const call = route.request().url().split('/').at(-1);
    asked.push(call);
    if (call === 'listKeys' && asked.length > 1) return route.continue();
    const error = { code: '503', message: 'The database does not answer.' };
    return route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, json: { error } });
  });
  await button(page, 'Show the keys').click();
  await button(page, 'Replace Key 1').click();
  await confirm(page, 'Replace this key');
  const alert = page.getByRole('alert');
  await alert.getByText('The database does not answer.').waitFor();
  await alert.getByText('The server may have saved the change.').waitFor();
  assert.deepEqual(asked, ['listKeys', 'listKeys', 'regenerateKey']);
});

scene('network rules reject and accept calls, after a warning', { at: '' }, async (page) => {
  const { keys } = await newAccount('fenced');
  const status = async () => (await call(keys.key1, 'GET', 'persongroups')).status;
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'fenced', 'Network');
  await page.getByLabel('Value').fill('203.0.113.0/33');
  await button(page, 'Add').click();
  await page.getByRole('alert').getByText('This is neither an IP address').waitFor();
  await page.getByLabel('Value').fill('203.0.113.0/24');
  await button(page, 'Add').click();
  await page.getByRole('radio', { name: 'Listed addresses and subnets only' }).check();
  await button(page, 'Save').click();
  await page.getByRole('dialog').getByText('will reject programs on this machine').waitFor();
  await confirm(page, 'Save and reject other calls');
  await said(page, 'Saved.');
  assert.equal(await status(), 403);
  await page.getByLabel('Value').fill('127.0.0.1');
  await button(page, 'Add').click();
  await button(page, 'Save').click();
  await confirm(page, 'Save and reject other calls');
  await page.getByText('Not saved yet.').waitFor({ state: 'detached' });
  assert.equal(await status(), 200);
});

scene('network rules that a proxy may undo are marked', { at: '' }, async (page) => {
  await page.route('**/admin/v1/me', async (route) => {
    const answer = await route.fetch();
    return route.fulfill({ response: answer, json: { ...(await answer.json()), proxiesAreUndecided: true } });
  });
  await newAccount('behind');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'behind', 'Network');
  const warning = page.getByText('whether a proxy stands in between');
  assert.equal(await warning.count(), 0, 'without rules in force there is nothing to undo');
  await page.getByRole('radio', { name: 'Listed addresses and subnets only' }).check();
  await button(page, 'Save').click();
  await confirm(page, 'Save and reject other calls');
  await warning.waitFor();
});

scene('a subnet that the settings do not name is refused in words', { at: '', refusals: [400] }, async (page) => {
  await newAccount('subnetted');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'subnetted', 'Network');
  await page.getByLabel('Kind', { exact: true }).selectOption('subnet');
  await page.getByLabel('Value').fill('office');
  await button(page, 'Add').click();
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('office is no address, no range, and no subnet').waitFor();
});

scene('an account is closed with grace and reopened, then destroyed', { at: '' }, async (page) => {
  const { keys } = await newAccount('leaving');
  const status = async () => (await call(keys.key1, 'GET', 'persongroups')).status;
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'leaving', 'Overview');
  await button(page, 'Close the account…').click();
  const dialog = page.getByRole('dialog');
  assert.equal(await dialog.getByRole('button', { name: 'Close this account' }).isDisabled(), true);
  await dialog.getByLabel('Type leaving to confirm').fill('leavin');
  assert.equal(await dialog.getByRole('button', { name: 'Close this account' }).isDisabled(), true);
  await dialog.getByLabel('Type leaving to confirm').fill('leaving');
  await dialog.getByLabel('Grace period in days').fill('3');
  await confirm(page, 'Close this account');
  await page.getByText('This account is closed').waitFor();
  assert.equal(await status(), 401);
  await button(page, 'Reopen').click();
  await said(page, 'The account is open again');
  assert.equal(await status(), 200);
  await button(page, 'Close the account…').click();
  await dialog.getByLabel('Type leaving to confirm').fill('leaving');
  await dialog.getByLabel('Grace period in days').fill('0');
  await confirm(page, 'Destroy this account now');
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  assert.equal((await manage('GET', 'accounts')).some(({ name }) => name === 'leaving'), false);
});

scene('retention is shortened, never lengthened, and taken back', { at: '' }, async (page) => {
  const { id } = await newAccount('brief');
  const life = async () => (await manage('GET', `accounts/${id}`)).retention.faceId;
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'brief', 'Retention');
  await page.getByLabel('Face id: hours').fill('25');
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('Face id: choose between 1 minute and 24 hours.').waitFor();
  await page.getByLabel('Face id: hours').fill('1');
  await page.getByLabel('Face id: minutes').fill('30');
  await button(page, 'Save').click();
  await said(page, 'Saved.');
  assert.equal((await life()).seconds, 5400);
  await page.getByRole('cell', { name: '1 hour 30 minutes' }).waitFor();
  await button(page, 'Face id: reset to the maximum').click();
  await button(page, 'Save').click();
  await said(page, 'Saved.');
  assert.deepEqual(await life(), { seconds: 86400, longest: 86400, shortest: 60, isSet: false });
  // An audit log has no end unless it is given one, in days.
  const log = page.getByLabel('Audit log: days');
  assert.equal(await log.inputValue(), '');
  await log.fill('29');
  await button(page, 'Save').click();
  await page.getByRole('alert').getByText('Audit log: choose between 30 days and no end.').waitFor();
  await log.fill('365');
  await button(page, 'Save').click();
  await page.getByRole('cell', { name: '365 days' }).waitFor();
  assert.equal((await manage('GET', `accounts/${id}`)).retention.auditLog.seconds, 365 * 86400);
});

scene('the encryption key moves to a provider, is disabled and enabled; providers are rotated', { at: '' }, async (page) => {
  const { id, keys } = await newAccount('held', { tier: 'S0' });
  const status = async () => (await call(keys.key1, 'GET', 'persongroups')).status;
  const held = () => manage('GET', `accounts/${id}/encryption`);
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'held', 'Encryption key');
  await page.getByText('needs the tier E0 or no limits. This account has S0.').waitFor();
  await manage('PATCH', `accounts/${id}`, { tier: 'E0' });
  await page.goto(`${endpoint}/${at}`);
  await page.reload();
  await open(page, 'held', 'Encryption key');
  await page.getByLabel('Provider', { exact: true }).selectOption('acme');
  await button(page, 'Give the key to this provider…').click();
  await page.getByRole('dialog').getByText('If that provider loses its key, the data is lost.').waitFor();
  await confirm(page, 'Give it the key');
  await said(page, 'The key is held by “acme” now.');
  assert.deepEqual([(await held()).provider, await status()], ['acme', 200]);
  await button(page, 'Disable the key…').click();
  await confirm(page, 'Disable the key');
  await said(page, 'The key is disabled.');
  await page.getByText('the data of this account cannot be used').waitFor();
  assert.equal(await status(), 403);
  await button(page, 'Enable the key').click();
  await said(page, 'The key is enabled.');
  assert.equal(await status(), 200);
  await button(page, '← All accounts').click();
  await button(page, 'Installation').click();
  await page.getByRole('row', { name: /^held acme/ }).waitFor();
  await button(page, 'Rotate the key of acme').click();
  await confirm(page, 'Rotate the key');
  await said(page, '“acme” has version 2; 1 key is wrapped with it.');
  assert.deepEqual([(await held()).version, await status()], [2, 200]);
});

scene('a role of an unknown issuer is refused in words', { at: '', refusals: [400] }, async (page) => {
  await newAccount('roles');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'roles', 'Roles');
  await button(page, 'Assign the role').click();
  await page.getByRole('alert').getByText('Fill in the issuer and the value.').waitFor();
  await page.getByLabel('Issuer').fill('https://nobody.example');
  await page.getByLabel('Value of the claim in the token').fill('somebody');
  await button(page, 'Assign the role').click();
  await page.getByRole('alert').getByText('the issuer is none of those').waitFor();
});

scene('a notice gets versions, is previewed, and is what people read', { at: '' }, async (page) => {
  const { keys } = await newAccount('noticed');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'noticed', 'Notices');
  const save = button(page, 'Save as a new version');
  await save.click();
  await page.getByRole('alert').getByText('Fill in the language').waitFor();
  await page.getByLabel('Text').fill('Kamera am Eingang\n\nWir sehen Ihr Gesicht an.');
  await page.getByLabel('Language').fill('de');
  await page.getByLabel('Who is responsible').fill('Tür GmbH');
  await page.getByLabel('Who computes').fill('Wirt AG');
  await page.getByText('Saving creates version 1.').waitFor();
  await save.click();
  await said(page, 'Version 1 in de is in force.');
  await page.getByLabel('Text').fill('Kamera am Eingang\n\nWir sehen Sie an.');
  await save.click();
  await said(page, 'Version 2 in de is in force.');
  const answer = await fetch(`${endpoint}/notice?language=de-AT`, { headers: { 'Ocp-Apim-Subscription-Key': keys.key1 } });
  const { version, text } = await answer.json();
  assert.deepEqual([version, text], [2, 'Kamera am Eingang\n\nWir sehen Sie an.']);
});

scene('the audit log is shown newest first, filtered, verified and downloaded', { at: '' }, async (page) => {
  const { id } = await newAccount('trailed');
  for (let turn = 0; turn < 70; turn += 1) {
    await manage('PATCH', `accounts/${id}`, { location: turn % 2 ? 'westeurope' : 'local2' });
  }
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'trailed', 'Audit log');
  const rows = page.getByRole('region', { name: 'Audit log, as a table' }).getByRole('row');
  const all = await manage('GET', `accounts/${id}/audit?top=1000`);
  const last = all.at(-1).sequence;
  await page.getByText(`Rows ${last - 49} to ${last}, newest first`).waitFor();
  assert.match(await rows.nth(1).innerText(), new RegExp(`^${last}\\b`));
  await button(page, 'Older').click();
  await page.getByText(`newest first`).filter({ hasText: 'Rows 1 to' }).or(page.getByText(`Rows ${Math.max(1, last - 99)} to`)).first().waitFor();
  await page.getByLabel('Action').fill('create_account');
  await button(page, 'Filter').click();
  await page.getByText('1 row matches, newest first').waitFor();
  await button(page, 'Verify the audit log').click();
  await page.getByText(`The audit log is intact: ${last} rows.`).waitFor();
  await page.getByText(all.at(-1).hash).first().waitFor();
  const [download] = await Promise.all([page.waitForEvent('download'), button(page, 'Download the audit log').click()]);
  assert.equal(download.suggestedFilename(), 'trailed-audit.ndjson');
  const lines = (await readFile(await download.path(), 'utf8')).trim().split('\n');
  assert.equal(lines.length, last);
  assert.equal(JSON.parse(lines.at(-1)).hash, all.at(-1).hash);
});

scene('usage counts calls by day and operation', { at: '' }, async (page) => {
  const { keys } = await newAccount('used');
  for (let turn = 0; turn < 3; turn += 1) await call(keys.key1, 'POST', 'detect?returnFaceId=false', demo(1).buffer);
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'used', 'Usage');
  // Counters are written every few seconds.
  for (let tries = 0; tries < 20 && (await page.getByRole('cell', { name: '3', exact: true }).count()) === 0; tries += 1) {
    await page.waitForTimeout(1000);
    await button(page, 'Show').click();
    await page.getByText('Counting calls…').waitFor({ state: 'detached' });
  }
  await page.getByRole('img', { name: /^Calls by day \(UTC\): .* 3/ }).waitFor();
});

/** Opens the page as a reader in India would, half an hour beside most zones. */
const inIndia = async (page) => {
  const session = await page.context().newCDPSession(page);
  await session.send('Emulation.setTimezoneOverride', { timezoneId: 'Asia/Kolkata' });
};

scene('moments are in local time with the offset, days are those of UTC', { at: '', before: inIndia }, async (page) => {
  const { id, createdAt } = await newAccount('timed');
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'timed', 'Overview');
  const created = page.locator('time');
  assert.equal(await created.getAttribute('datetime'), createdAt);
  assert.match(await created.innerText(), / UTC\+05:30$/);
  await button(page, 'Close the account…').click();
  await page.getByRole('dialog').getByText(/reopen the account until about .* UTC\+05:30/).waitFor();
  await page.keyboard.press('Escape');

  await turnTo(page, 'Audit log');
  await page.getByText(/^.*Times are in your time zone \(Asia\/\w+, now UTC\+05:30\)/).waitFor();
  const local = (moment) => new Date(moment + 5.5 * 3_600_000).toISOString().slice(0, 16);
  await page.getByLabel('From (local time)').fill(local(Date.parse(createdAt)));
  await button(page, 'Filter').click();
  const all = await manage('GET', `accounts/${id}/audit?top=1000`);
  await page.getByText(`${all.length} row${all.length === 1 ? ' matches' : 's match'}, newest first`).waitFor();
  await page.getByLabel('To (local time)').fill(local(Date.parse(createdAt) - 60_000));
  await button(page, 'Filter').click();
  await page.getByText('No row matches.').waitFor();

  const today = () => new Date().toISOString().slice(0, 10);
  const before = today();
  await turnTo(page, 'Usage');
  const last = await page.getByLabel('To day (UTC)').inputValue();
  assert.ok(before <= last && last <= today(), last);
});

scene('a person is shown and erased wherever they are', { at: '' }, async (page) => {
  const { id, keys } = await newAccount('remembered');
  for (const group of ['one', 'two']) {
    await call(keys.key1, 'PUT', `persongroups/${group}`, { name: group, recognitionModel: 'recognition_04' });
    for (const name of ['Ada', 'Bob']) await call(keys.key1, 'POST', `persongroups/${group}/persons`, { name, userData: `n-${name}` });
  }
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'remembered', 'Person data');
  await button(page, 'Find the data').click();
  await page.getByRole('alert').getByText('Fill in at least one of the three fields.').waitFor();
  await page.getByLabel('Name', { exact: true }).fill('Ada');
  await button(page, 'Find the data').click();
  await page.getByRole('heading', { name: 'Data found in 2 places' }).waitFor();
  await button(page, 'Erase all of this data…').click();
  await confirm(page, 'Erase permanently');
  await page.getByText('Data erased in 2 places:').waitFor();
  await page.getByRole('cell', { name: 'person group two' }).waitFor();
  for (const group of ['one', 'two']) {
    const { body } = await call(keys.key1, 'GET', `persongroups/${group}/persons`);
    assert.deepEqual(body.map(({ name }) => name), ['Bob']);
  }
  assert.equal((await trail(id, 'erase_person')).length, 1);
});

scene('clients are blocked, tokens reported and revoked', { at: '' }, async (page) => {
  const vendor = await newAccount('vendor', { mayIssue: true });
  const client = await newAccount('client', { approvals: { flags: [], attributes: [] } });
  await page.goto(`${endpoint}/${at}`);
  await open(page, 'vendor', 'Vendor and clients');
  await page.getByText('No token was issued or used in this period.').waitFor();

  const token = await limitedToken(vendor.keys.key1, client.resourceId, ['Face.Identification']);
  const detect = () =>
    call(client.keys.key1, 'POST', 'detect?returnFaceId=true', demo(1).buffer, { LimitedAccessToken: `Bearer ${token}` });
  assert.equal((await detect()).status, 200);
  await page.getByRole('switch', { name: 'Show single events' }).check();
  await button(page, 'Show').click();
  await page.getByRole('img', { name: 'Tokens by day (UTC): issued 1, issue refused 0, used 1, use refused 0' }).waitFor();
  const { jti } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
  await button(page, `Revoke token ${jti}`).first().click();
  await said(page, `Token ${jti} is revoked.`);
  assert.equal((await detect()).status, 401);

  await page.getByLabel('Resource id of the client').fill('client');
  await button(page, 'Block').click();
  await page.getByRole('alert').getByText('Copy the full resource id').waitFor();
  await page.getByLabel('Resource id of the client').fill(client.resourceId);
  await button(page, 'Block').click();
  await said(page, 'client is blocked.');
  assert.deepEqual((await manage('GET', `accounts/${vendor.id}`)).vendor.blocked, [client.resourceId]);
  await button(page, `Unblock ${client.resourceId}`).click();
  await said(page, 'client is no longer blocked.');
  await button(page, 'Revoke all tokens issued so far…').click();
  await confirm(page, 'Revoke all');
  await said(page, 'Every token issued before now is revoked.');
  await page.getByRole('switch', { name: 'May issue limited access tokens' }).uncheck();
  await said(page, 'The account may no longer issue tokens');
  assert.equal((await manage('GET', `accounts/${vendor.id}`)).vendor.mayIssue, false);
});

scene('what holds for all accounts is seen and changed in one place', { at: '' }, async (page) => {
  const client = await newAccount('outlaw');
  await page.goto(`${endpoint}/${at}`);
  await button(page, 'Installation').click();
  // Nobody is enrolled, or whoever an earlier scene enrolled is told of: the page says what the server says.
  const held = await manage('GET', 'recognisers');
  if (held.length === 0) await page.getByText('No face is enrolled.').waitFor();
  else await page.getByRole('cell', { name: held[0].pack, exact: true }).first().waitFor();
  await page.getByLabel('Resource id of the client').fill(client.resourceId);
  await button(page, 'Block').click();
  await said(page, 'outlaw is blocked.');
  assert.deepEqual(await manage('GET', 'blocked'), [client.resourceId]);
  await button(page, `Unblock ${client.resourceId}`).click();
  await said(page, 'outlaw is no longer blocked.');
  await button(page, 'Create a new signing key').click();
  await said(page, 'Tokens are signed with the new key');
  await button(page, 'The old key has leaked…').click();
  await confirm(page, 'Invalidate all tokens');
  await said(page, 'All tokens signed before are invalid.');
  const published = await (await fetch(`${endpoint}/.well-known/jwks.json`)).json();
  assert.equal(published.keys.length, 1);
});

scene('a key of an account shows that account alone, and what it may not change', { at: `admin#key=${key}` }, async (page) => {
  await newAccount('unseen');
  const [own] = await manage('GET', 'accounts');
  await page.getByRole('heading', { level: 1, name: own.name }).waitFor();
  await page.reload();
  await page.getByRole('heading', { level: 1, name: own.name }).waitFor();
  const sections = page.getByRole('navigation', { name: 'Sections' });
  assert.equal(await sections.getByRole('button', { name: 'Keys' }).count(), 0);
  assert.equal(await page.getByText('unseen').count(), 0);
  await sections.getByRole('button', { name: 'Approvals' }).click();
  await page.getByText('To change it, open the page with the operator’s key.').waitFor();
  assert.equal(await page.getByRole('switch').first().isDisabled(), true);
});
