// How the page looks and reads: accessibility of every tab, empty and filled, in both schemes and at two sizes; narrow
// windows; the keyboard alone. With LIKENESS_SCREENSHOTS also pictures, for people to look at.
import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { deleteGroups, demo } from './support/api.mjs';
import { choose, choosePhoto, endpoint, key, stage } from './support/browser.mjs';
import { portraits, teamFolder } from './support/folders.mjs';
import { fits, judge, SOME } from './support/judge.mjs';
import { jpeg, landscape } from './support/pictures.mjs';

const scene = stage();
afterEach(deleteGroups);

const TABS = ['Look', 'Compare', 'People', 'Identify', 'Liveness'];

scene('the way in is accessible and fits 320 pixels', { at: '#key=wrong', refusals: [401] }, async (page) => {
  await page.getByRole('alert').waitFor();
  await judge(page, 'key');
  await fits(page, 'key');
});

scene('empty tabs are accessible and fit 320 pixels', {}, async (page) => {
  for (const tab of TABS) {
    await page.getByRole('tab', { name: tab }).click();
    if (tab === 'People') await page.getByText('No group yet.').waitFor();
    if (tab === 'Identify') await page.getByText('There is no group yet').waitFor();
    await judge(page, `empty-${tab.toLowerCase()}`, SOME);
    await fits(page, tab);
  }
});

scene('a filled Look is accessible and fits 320 pixels', {}, async (page) => {
  await choosePhoto(page, demo(1));
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
  await judge(page, 'look');
  await fits(page, 'Look');
});

scene('Look with trouble is accessible', {}, async (page, easel) => {
  await choosePhoto(page, jpeg('hills.jpg', await landscape(easel)));
  await page.getByRole('heading', { name: 'No face found in this photo' }).waitFor();
  await judge(page, 'look-none', SOME);
  await choosePhoto(page, { name: 'x.txt', mimeType: 'text/plain', buffer: Buffer.from('nothing') });
  await page.getByRole('alert').waitFor();
  await judge(page, 'look-trouble', SOME);
});

scene('a filled Compare is accessible and fits 320 pixels', { tab: 'Compare' }, async (page, easel) => {
  const { Ann } = await portraits(easel, 1);
  for (const [name, photo] of [['First photo', demo(1)], ['Second photo', jpeg('Ann.jpg', Ann[0])]]) {
    const side = page.getByRole('region', { name });
    await choose(page, side.getByRole('button', { name: 'Choose a photo' }), photo);
    await side.getByRole('img').waitFor();
  }
  await page.getByRole('region', { name: 'Result' }).waitFor();
  await page.getByRole('radio', { name: 'Face 2' }).check();
  await page.getByRole('heading', { name: 'Probably different people' }).waitFor();
  await judge(page, 'compare-different', SOME);
  // Ann is one of the three; whichever number she has, the last one tried is hers.
  for (const face of [1, 2, 3]) {
    await page.getByRole('radio', { name: `Face ${face}` }).check();
    await page.getByRole('region', { name: 'Result' }).waitFor();
    if (await page.getByRole('heading', { name: 'Likely the same person' }).count()) break;
  }
  await judge(page, 'compare');
  await fits(page, 'Compare');
});

scene('filled People and Identify are accessible and fit 320 pixels', { tab: 'People', refusals: [400] }, async (page, easel) => {
  const chooseFolder = (path) => choose(page, page.getByRole('button', { name: 'Choose a folder' }), path);
  await chooseFolder(await teamFolder(easel, 'Front Desk'));
  await page.getByRole('form', { name: 'Is this right?' }).waitFor();
  await judge(page, 'people-preview', SOME);
  await fits(page, 'preview');
  await page.route('**/persistedfaces*', async (route) => {
    await page.evaluate(() => new Promise((resolve) => (window.goOn ? resolve() : (window.release = resolve))));
    await route.continue();
  });
  await page.getByRole('button', { name: /Make the group/ }).click();
  await page.getByRole('progressbar').waitFor();
  await judge(page, 'people-progress', SOME);
  await page.evaluate(() => {
    window.goOn = true;
    window.release();
  });
  await page.getByRole('heading', { name: '“Front Desk” is ready' }).waitFor();
  await page.getByRole('button', { name: 'Show the people of Front Desk' }).click();
  await page.getByText('Cleo · 3 photos').waitFor();
  await judge(page, 'people');
  await fits(page, 'People');
  await page.getByRole('button', { name: 'Delete Front Desk' }).click();
  await page.getByText('will be deleted from the server permanently').waitFor();
  await judge(page, 'people-delete', SOME);
  await fits(page, 'delete');
  await page.keyboard.press('Escape');

  await page.getByRole('button', { name: 'Identify with this group' }).click();
  await choosePhoto(page, demo(1));
  await page.getByRole('heading', { name: '3 of 3 faces recognised' }).waitFor();
  await judge(page, 'identify');
  await fits(page, 'Identify');
  await choosePhoto(page, demo(3));
  await page.getByRole('heading', { name: 'Unknown' }).first().waitFor();
  await judge(page, 'identify-strangers', SOME);
});

scene('a walk through with the keyboard alone', { at: '' }, async (page) => {
  const active = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      return element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent.trim() ?? element.textContent.trim();
    });
  /** Presses Tab until the focus is there; every stop must show where it is. */
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 40; presses += 1) {
      await page.keyboard.press('Tab');
      if ((await active()) === wanted) {
        const shown = await page.evaluate(() => {
          const element = document.activeElement;
          const ring = (target) => getComputedStyle(target).outlineStyle !== 'none';
          return ring(element) || (element.nextElementSibling !== null && ring(element.nextElementSibling));
        });
        assert.ok(shown, `${wanted} shows its focus`);
        return;
      }
    }
    assert.fail(`Tab does not reach ${wanted}`);
  };
  await tabTo('Skip to content');
  await tabTo('Subscription key');
  await page.keyboard.type(key);
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'Look' }).waitFor();
  await tabTo('Look');
  await tabTo('Choose a photo');
  const [dialog] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await dialog.setFiles(demo(1));
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
  await tabTo('Face 1: show what was measured');
  await page.keyboard.press('Enter');
  assert.equal(await page.getByRole('button', { name: 'Face 1: show it on the photo', pressed: true }).count(), 1);
  await tabTo('Show landmarks');
  await page.keyboard.press('Space');
  assert.equal(await page.locator('[data-layer=landmarks]').count(), 0);
  await tabTo('Face 3: show it on the photo');
  await page.evaluate(() => document.activeElement.blur());
  await tabTo('Look');
  await page.keyboard.press('End');
  await page.getByRole('tab', { name: 'Liveness', selected: true }).waitFor();
  assert.equal(new URL(page.url()).origin, new URL(endpoint).origin);
});

scene('reduced motion stops what moves', {}, async (page) => {
  await page.route('**/detect?*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 800));
    await route.continue();
  });
  await choosePhoto(page, demo(1));
  const turning = page.locator('[aria-busy=true] [role=status] svg');
  await turning.waitFor();
  const animation = () => turning.evaluate((element) => getComputedStyle(element).animationName);
  assert.equal(await animation(), 'none');
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.notEqual(await animation(), 'none');
});
