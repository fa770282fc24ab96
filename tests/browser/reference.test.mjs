// The API reference: lists every call of the description, finds them by words, opens them by keyboard.
import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { endpoint, stage } from './support/browser.mjs';

const scene = stage();

const opened = (page) => page.getByRole('heading', { name: 'Every call of this server' }).waitFor();

scene('the reference lists every call and finds them by words', { at: 'reference' }, async (page) => {
  await opened(page);
  const description = await (await fetch(`${endpoint}/openapi.json`)).json();
  const calls = Object.values(description.paths).flatMap((methods) => Object.keys(methods));
  assert.equal(await page.locator('details').count(), calls.length);
  await page.getByLabel('Find a call').fill('verify');
  await page.getByText('1 call', { exact: true }).waitFor();
  const call = page.locator('details');
  await call.locator('summary').focus();
  await page.keyboard.press('Enter');
  await call.getByText('isIdentical').waitFor();
  assert.match(await call.locator('pre').innerText(), /curl -X POST '.*\/face\/v1\.0\/verify'/);
});

scene('the reference is accessible and fits a phone', { at: 'reference' }, async (page) => {
  await opened(page);
  await page.getByLabel('Find a call').fill('detect');
  await page.locator('summary').first().click();
  for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [390, 'dark'], [320, 'light']]) {
    await page.setViewportSize({ width, height: 844 });
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations } = await new AxeBuilder({ page }).analyze();
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), [], `${width} ${colorScheme}`);
    const needed = await page.evaluate(() => document.scrollingElement.scrollWidth);
    assert.ok(needed <= width, `${needed} pixels at ${width}`);
    const folder = process.env.LIKENESS_SCREENSHOTS;
    if (folder) await page.screenshot({ path: join(folder, `reference-${width}-${colorScheme}.png`), fullPage: true });
  }
});
