// Consent: no camera before it, a way on without it, and a record of what was decided.
import assert from 'node:assert/strict';
import { manage, trail } from './support/admin.mjs';
import { demo } from './support/api.mjs';
import { agree, camera, launch, stage } from './support/browser.mjs';
import { film } from './support/film.mjs';
import { fits, judge } from './support/judge.mjs';

const scene = stage(async () => {
  const easel = await launch();
  try {
    return camera(await film(await easel.newPage(), demo(1).buffer, { left: 200, top: 100, width: 1560, height: 1170 }));
  } finally {
    await easel.close();
  }
});

/** Counts how often a page asks for the camera. */
const counting = (page) =>
  page.addInitScript(() => {
    window.asked = 0;
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = (wanted) => {
      window.asked += 1;
      return open(wanted);
    };
  });
const asked = (page) => page.evaluate(() => window.asked);
const use = (page, tab = 'Look') =>
  page.getByRole('tabpanel', { name: tab }).getByRole('button', { name: 'Use the camera' }).first().click();
const ready = (page) => page.locator('button:enabled', { hasText: 'Take photo' }).waitFor();
const account = async () => (await manage('GET', 'accounts'))[0].id;
const decisions = async () => (await trail(await account(), 'consent')).map((row) => row.detail);

scene('no camera starts before consent, which is asked for once and put on record', { before: counting }, async (page) => {
  const before = (await decisions()).length;
  await use(page);
  const dialog = page.getByRole('dialog', { name: 'Face recognition is used here' });
  await dialog.getByText('What is kept:').waitFor();
  await page.waitForTimeout(300);
  assert.equal(await asked(page), 0);
  assert.equal((await decisions()).length, before, 'showing is no decision');
  await agree(page);
  await ready(page);
  assert.equal(await asked(page), 1);
  const [made, ...more] = (await decisions()).slice(before);
  assert.deepEqual(more, []);
  assert.equal(made.decision, 'granted');
  assert.equal(made.version, 0);
  assert.match(made.digest, /^[0-9a-f]{32}$/);
  assert.equal(made.language, 'en');
  assert.match(made.session, /^[0-9a-f-]{36}$/);

  await page.getByRole('button', { name: 'Cancel' }).click();
  await use(page);
  await ready(page);
  assert.equal(await asked(page), 2);
  await page.getByRole('tab', { name: 'Compare' }).click();
  await use(page, 'Compare');
  await ready(page);
  assert.equal((await decisions()).length, before + 1, 'one consent is enough for a load of the page');

  // Taken back: the camera is off, and whoever is there now is asked.
  await page.getByRole('button', { name: 'Withdraw consent and stop the camera' }).click();
  await page.locator('video').waitFor({ state: 'detached' });
  await use(page, 'Compare');
  await dialog.waitFor();
  assert.equal(await asked(page), 3);
  const [, withdrawn] = (await decisions()).slice(before);
  assert.deepEqual([withdrawn.decision, withdrawn.session], ['withdrawn', made.session]);
  await agree(page);
  await ready(page);
  const [, , again] = (await decisions()).slice(before);
  assert.equal(again.decision, 'granted');
  assert.notEqual(again.session, made.session, 'whoever comes next is another visitor');

  // Another load is another visit.
  await page.reload();
  await page.getByRole('tab', { name: 'Look' }).click();
  await use(page);
  await dialog.waitFor();
  assert.equal(await asked(page), 0);
});

scene('a refusal leads to a photo and is put on record', { before: counting }, async (page) => {
  const before = (await decisions()).length;
  await use(page);
  const [chooser] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'No, use a photo instead' }).click(),
  ]);
  await chooser.setFiles(demo(1));
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
  assert.equal(await asked(page), 0);
  assert.deepEqual((await decisions()).slice(before).map(({ decision }) => decision), ['refused']);
});

scene('closing the notice starts nothing and decides nothing', { before: counting }, async (page) => {
  const before = (await decisions()).length;
  await use(page);
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'Use the camera');
  assert.equal(await asked(page), 0);
  assert.equal((await decisions()).length, before);
});

scene('a decision that cannot be put on record starts nothing', { before: counting, refusals: [500] }, async (page) => {
  await page.route('**/notice/decision', (route) =>
    route.fulfill({ status: 500, json: { error: { code: 'InternalServerError', message: 'It broke.' } } }),
  );
  await use(page);
  await agree(page);
  await page.getByRole('alert').getByText('It broke.').waitFor();
  assert.equal(await asked(page), 0);
  await page.unroute('**/notice/decision');
  await agree(page);
  await ready(page);
});

scene('a notice that does not come starts nothing, and a photo is the way on', { before: counting, refusals: [500] }, async (page) => {
  await page.route('**/notice?*', (route) => route.fulfill({ status: 500, json: {} }));
  await use(page);
  await page.getByRole('alert').waitFor();
  await page.getByRole('button', { name: 'Choose a photo instead' }).waitFor();
  assert.equal(await asked(page), 0);
  await page.unroute('**/notice?*');
  await page.getByRole('button', { name: 'Try again' }).click();
  await agree(page);
  await ready(page);
});

scene('a newer notice is asked about again, in the account’s own words', { before: counting }, async (page) => {
  await use(page);
  await agree(page);
  await ready(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  const id = await account();
  const text = 'A camera at our door\n\nWe look at your face.\n\nYou may say no.';
  // The first own text is newer than the one that stood for it; a changed one is newer still.
  const put = (words) => manage('PUT', `accounts/${id}/notices/en`, { text: words, controller: 'Door Ltd', processor: 'Host Inc' });
  await put('A first text\n\nOld.');
  await use(page);
  await page.getByRole('dialog', { name: 'A first text' }).waitFor();
  await agree(page);
  await ready(page);
  await page.getByRole('button', { name: 'Cancel' }).click();
  await put(text);
  await use(page);
  const dialog = page.getByRole('dialog', { name: 'A camera at our door' });
  await dialog.getByText('You may say no.').waitFor();
  await dialog.getByText('Door Ltd').waitFor();
  await dialog.getByText('version 2, en').waitFor();
  assert.equal(await asked(page), 2);
  await judge(page, 'consent');
  await fits(page, 'consent');
  await agree(page);
  await ready(page);
  assert.equal((await decisions()).at(-1).version, 2);
  // Whatever the notice says by now, everything that was agreed to is taken back.
  await page.getByRole('button', { name: 'Withdraw consent and stop the camera' }).click();
  await page.locator('video').waitFor({ state: 'detached' });
  const noted = async () => (await decisions()).filter(({ decision }) => decision === 'withdrawn');
  const begun = Date.now();
  while (new Set((await noted()).slice(-3).map(({ version }) => version)).size < 3) {
    assert.ok(Date.now() - begun < 10_000, JSON.stringify(await noted()));
    await page.waitForTimeout(100);
  }
});
