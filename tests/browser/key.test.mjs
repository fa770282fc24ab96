// The way in: the key from the printed address, typed, wrong, forgotten.
import assert from 'node:assert/strict';
import { demo } from './support/api.mjs';
import { choosePhoto, endpoint, key, stage } from './support/browser.mjs';

const scene = stage();
const field = (page) => page.getByLabel('Subscription key', { exact: true });

scene('the key in the printed address opens the studio and leaves the address bar', {}, async (page) => {
  await page.getByRole('tab', { name: 'Look' }).waitFor();
  assert.equal(page.url().includes(key), false, page.url());
  assert.equal(await page.evaluate(() => history.length), 2, 'the address with the key is not in the history either');
  await page.reload();
  await page.getByRole('tab', { name: 'Look' }).waitFor();
});

scene('a wrong key is said plainly, with what to do', { at: '#key=not-a-key', refusals: [401] }, async (page) => {
  const alert = page.getByRole('alert');
  await alert.getByText('The server does not accept this key.').waitFor();
  assert.match(await alert.innerText(), /likeness keys show/);
  assert.equal(page.url(), `${endpoint}/`);
  assert.equal(await page.getByRole('tab').count(), 0);
});

scene('a typed key opens the studio, and is gone when forgotten', { at: '', refusals: [401] }, async (page) => {
  await page.getByRole('button', { name: 'Open the studio' }).click();
  await page.getByRole('alert').getByText('Enter a key first.').waitFor();
  await field(page).fill('wrong');
  assert.equal(await field(page).getAttribute('type'), 'password');
  await page.getByRole('button', { name: 'Show the key' }).click();
  assert.equal(await field(page).getAttribute('type'), 'text');
  await field(page).press('Enter');
  await page.getByRole('alert').getByText('The server does not accept this key.').waitFor();
  await field(page).fill(`  ${key} `);
  await field(page).press('Enter');
  await page.getByRole('tab', { name: 'Look' }).waitFor();
  await page.getByRole('button', { name: 'Forget key' }).click();
  await field(page).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length + localStorage.length), 0);
  await page.reload();
  await field(page).waitFor();
});

scene('a key in a later address replaces the one in use', { refusals: [401] }, async (page) => {
  await page.getByRole('tab', { name: 'Look' }).waitFor();
  await page.evaluate(() => (location.hash = '#key=another'));
  await page.getByRole('alert').getByText('The server does not accept this key.').waitFor();
  await page.evaluate((right) => (location.hash = `#key=${right}`), key);
  await page.getByRole('tab', { name: 'Look' }).waitFor();
  assert.equal(page.url().includes(key), false);
  await page.getByRole('button', { name: 'Forget key' }).click();
  await field(page).waitFor();
  assert.equal(await page.getByRole('alert').count(), 0);
});

scene('a key that is withdrawn meanwhile leads back to the way in', { refusals: [401] }, async (page) => {
  const error = { code: '401', message: 'Access denied.' };
  await page.route('**/detect?*', (route) => route.fulfill({ status: 401, json: { error } }));
  await choosePhoto(page, demo(1));
  await page.getByRole('alert').getByText('The server does not accept this key.').waitFor();
  await field(page).waitFor();
});

scene('the tab in the address survives a reload and arrow keys move between tabs', {}, async (page) => {
  await page.getByRole('tab', { name: 'Look' }).click();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.evaluate(() => document.activeElement?.textContent?.trim()), 'People');
  assert.equal(new URL(page.url()).hash, '#people');
  await page.reload();
  await page.getByRole('tab', { name: 'People', selected: true }).waitFor();
  await page.getByRole('heading', { name: 'Groups on this server' }).waitFor();
});
