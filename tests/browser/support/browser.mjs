// A browser for a test file, and pages that are watched: nothing may leave for another host, break the content
// security policy or end up in the console as an error.
import assert from 'node:assert/strict';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { key, need, operatorKey, startServer } from './server.mjs';

export { key, need, operatorKey };
/** Address of this file's server; there once the tests run. */
export let endpoint;

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Flags for a camera that plays a film, without a question to the user. */
export const camera = (film) => [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  `--use-file-for-fake-video-capture=${film}`,
];
/** A camera that the user does not allow. */
export const refusedCamera = ['--use-fake-device-for-media-stream', '--deny-permission-prompts'];

/** Agrees to the notice that stands before a camera. */
export const agree = (page) =>
  page.getByRole('dialog').getByRole('button', { name: 'I agree, start the camera' }).click();

/** Launches a browser on a fresh folder. */
export async function launch(flags = []) {
  const folder = await mkdtemp(join(tmpdir(), 'profile-'));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath: need('LIKENESS_CHROMIUM'),
    args: [...FLAGS, ...flags],
    headless: true,
    viewport: { width: 1280, height: 900 },
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(15_000);
  return context;
}

/** Catches file dialogs from the start: caught only at the press of a button, a dialog may be faster. */
export const interceptDialogs = (page) => page.on('filechooser', () => undefined);

/** Notes what a page must not do. `refusals` lists statuses and network errors that a test provokes. */
function watch(page, refusals) {
  const faults = [];
  const origin = new URL(endpoint).origin;
  page.on('request', (request) => {
    const { protocol, origin: to } = new URL(request.url());
    if (protocol !== 'blob:' && protocol !== 'data:' && to !== origin) faults.push(`request to ${request.url()}`);
  });
  page.on('pageerror', (error) => faults.push(`uncaught: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() !== 'error' && message.type() !== 'warning') return;
    const provoked = refusals.some((status) => message.text().includes(typeof status === 'number' ? `status of ${status} ` : status));
    if (!provoked) faults.push(`console: ${message.text()}`);
  });
  return faults;
}

/**
 * Declares tests that share one browser and one server. `flags` may be a function, for what must be made first.
 * Returns `scene(name, options, steps)`: a test with a page of its own, which is closed and judged at the end.
 */
export function stage(flags = []) {
  const shared = {};
  before(async () => {
    shared.server = await startServer();
    endpoint = shared.server.endpoint;
    shared.context = await launch(typeof flags === 'function' ? await flags() : flags);
    shared.pages = await shared.context.newPage();
  });
  after(async () => {
    await shared.context?.close();
    await shared.server?.stop();
  });
  const scene = (name, options, steps) =>
    test(name, { skip: options.skip ?? false, timeout: 180_000 }, async () => {
      const page = await shared.context.newPage();
      const faults = watch(page, options.refusals ?? []);
      interceptDialogs(page);
      try {
        if (options.before) await options.before(page);
        await page.goto(`${endpoint}/${options.at ?? `#key=${key}`}`);
        if (options.tab) await page.getByRole('tab', { name: options.tab }).click();
        await steps(page, shared.pages);
        assert.deepEqual(faults, [], 'the page kept to itself and said nothing wrong');
      } finally {
        await page.close();
      }
    });
  return scene;
}

/** Gives a photo by the button that opens the file dialog. */
export async function choose(page, button, file) {
  const [dialog] = await Promise.all([page.waitForEvent('filechooser'), button.click()]);
  await dialog.setFiles(file);
}

/** The same on a whole tab with one button. */
export const choosePhoto = (page, file) =>
  choose(page, page.getByRole('tabpanel').getByRole('button', { name: /Choose a photo|Another photo/ }), file);

/** Drops files or folders of the disk on an element, as the system would. */
export async function drop(page, target, paths) {
  const box = await target.boundingBox();
  assert.ok(box, 'the drop target is visible');
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  const at = { x: box.x + box.width / 2, y: box.y + Math.min(box.height / 2, 200), data };
  for (const type of ['dragEnter', 'dragOver', 'drop']) await session.send('Input.dispatchDragEvent', { type, ...at });
  await session.detach();
}

/** Keeps what a page sends: the protocol does not show bodies that are blobs. For `before` of a scene. */
export const keepSent = (page) =>
  page.addInitScript(() => {
    const send = window.fetch;
    window.fetch = (request, ...rest) => {
      window.lastSent = request.clone();
      return send(request, ...rest);
    };
  });

/** The bytes of the last call of a page that was opened with `keepSent`. */
export async function lastSent(page) {
  const base64 = await page.evaluate(async () => {
    const bytes = new Uint8Array(await window.lastSent.arrayBuffer());
    let text = '';
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    return btoa(text);
  });
  return Buffer.from(base64, 'base64');
}
