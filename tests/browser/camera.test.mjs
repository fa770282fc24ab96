// The camera: a film in, a photo out; and the ways in which there is none.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { demo, facesIn } from './support/api.mjs';
import { agree, camera, endpoint, keepSent, key, lastSent, launch, refusedCamera, stage } from './support/browser.mjs';
import { film, frames } from './support/film.mjs';
import { differences, redraw } from './support/pictures.mjs';

/** What the film begins with: the three people of the first demo photo at the film's shape. */
const PART = { left: 200, top: 100, width: 1560, height: 1170 };

const scene = stage(async () => {
  const easel = await launch();
  try {
    return camera(await film(await easel.newPage(), demo(1).buffer, PART));
  } finally {
    await easel.close();
  }
});

scene('a photo from the camera gives faces, and is not mirrored', { before: keepSent }, async (page, easel) => {
  await page.getByRole('button', { name: 'Use the camera' }).click();
  await agree(page);
  const preview = page.getByLabel('Live picture of the camera, mirrored');
  await preview.waitFor();
  assert.match(await preview.evaluate((video) => getComputedStyle(video).transform), /^matrix\(-1,/);
  await page.getByRole('button', { name: 'Take photo' }).click();
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
  const sent = await lastSent(page);
  assert.equal((await facesIn(sent)).length, 3);
  // Which frame was taken depends on when the button was pressed.
  const to = [];
  for (const part of frames(PART)) {
    const frame = await redraw(easel, demo(1).buffer, { part, width: 640, height: 480 });
    to.push(await differences(easel, sent, frame));
  }
  const [straight, mirrored] = ['straight', 'mirrored'].map((way) => Math.min(...to.map((one) => one[way])));
  assert.ok(straight * 2 < mirrored, `${straight} to the film, ${mirrored} to its mirror image`);
});

/** How many tracks of the camera are live, counted by wrapping what opens it. */
const counting = async (page) =>
  page.addInitScript(() => {
    window.tracks = [];
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      window.tracks.push(...stream.getTracks());
      return stream;
    };
  });
const live = (page) => page.evaluate(() => window.tracks.filter((track) => track.readyState === 'live').length);

scene('the camera goes off with the photo taken, the tab left, or on cancel', { before: counting }, async (page) => {
  const use = page.getByRole('tabpanel', { name: 'Look' }).getByRole('button', { name: 'Use the camera' });
  const take = page.getByRole('button', { name: 'Take photo' });
  const on = async () => {
    await use.click();
    // One consent is enough for a load of the page.
    if (!(await page.evaluate(() => window.tracks.length))) await agree(page);
    await page.locator('button:enabled', { hasText: 'Take photo' }).waitFor();
    assert.equal(await live(page), 1);
  };
  await on();
  await page.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await live(page), 0);
  await page.waitForFunction(() => document.activeElement?.textContent?.trim() === 'Use the camera');
  await on();
  await page.getByRole('tab', { name: 'Compare' }).click();
  await page.waitForFunction(() => window.tracks.every((track) => track.readyState === 'ended'));
  await page.getByRole('tab', { name: 'Look' }).click();
  await on();
  await take.click();
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
  assert.equal(await live(page), 0);
});

const inUse = (page) =>
  page.addInitScript(() => {
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('busy', 'NotReadableError'));
  });

scene('a camera in use is told, and a photo is the way on', { before: inUse }, async (page) => {
  await page.getByRole('button', { name: 'Use the camera' }).click();
  await agree(page);
  await page.getByRole('alert').getByRole('heading', { name: 'The camera is in use' }).waitFor();
  const [dialog] = await Promise.all([
    page.waitForEvent('filechooser'),
    page.getByRole('button', { name: 'Choose a photo instead' }).click(),
  ]);
  await dialog.setFiles(demo(1));
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
});

/** Opens the studio in a browser of its own and asks for the camera. */
async function withoutCamera(flags, steps) {
  const context = await launch(flags);
  try {
    const page = await context.newPage();
    await page.goto(`${endpoint}/#key=${key}`);
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await agree(page);
    await steps(page);
  } finally {
    await context.close();
  }
}

test('a camera that the user refuses is told, and can be tried again', { timeout: 60_000 }, () =>
  withoutCamera(refusedCamera, async (page) => {
    const title = page.getByRole('alert').getByRole('heading', { name: 'The camera is blocked' });
    await title.waitFor();
    await page.context().grantPermissions(['camera'], { origin: endpoint });
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('button:enabled', { hasText: 'Take photo' }).waitFor();
    assert.equal(await title.count(), 0);
  }),
);

test('a missing camera is told', { timeout: 60_000 }, () =>
  // Without a device of any kind, also on a machine that has one.
  withoutCamera(['--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream=device-count=0'], async (page) => {
    await page.getByRole('alert').getByRole('heading', { name: 'No camera found' }).waitFor();
    await page.getByRole('button', { name: 'Choose a photo instead' }).waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Choose a photo', exact: true }).waitFor();
  }),
);
