// How a page looks and reads: accessibility at two sizes and in both schemes, narrow windows, pictures for people.
import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

const SIZES = { desktop: { width: 1280, height: 900 }, phone: { width: 390, height: 844 } };
const EVERY = ['desktop light', 'desktop dark', 'phone light', 'phone dark'];
/** For what differs little: both sizes and both schemes are there. */
export const SOME = ['desktop light', 'phone dark'];

/** Scans the page as it is in these sizes and schemes, and photographs it when asked to. */
export async function judge(page, name, views = EVERY) {
  for (const view of views) {
    const [size, colorScheme] = view.split(' ');
    await page.setViewportSize(SIZES[size]);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`)}`);
    assert.deepEqual(told, [], `${name}, ${view}`);
    await photograph(page, `${name}-${size}-${colorScheme}`);
  }
  await page.setViewportSize(SIZES.desktop);
}

async function photograph(page, name) {
  const folder = process.env.LIKENESS_SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** No part of the page is wider than a narrow phone. */
export async function fits(page, name) {
  await page.setViewportSize({ width: 320, height: 640 });
  // The window takes a moment to become narrow.
  await page.waitForFunction(() => innerWidth === 320);
  const { needed, wide } = await page.evaluate(() => ({
    needed: document.scrollingElement.scrollWidth,
    wide: [...document.querySelectorAll('body *')]
      .filter((element) => element.checkVisibility() && element.getBoundingClientRect().right > 321)
      .map((element) => element.outerHTML.slice(0, 160)),
  }));
  assert.ok(needed <= 320, `${name} needs ${needed} pixels: ${wide.slice(0, 4).join('\n')}`);
  await page.setViewportSize(SIZES.desktop);
}
