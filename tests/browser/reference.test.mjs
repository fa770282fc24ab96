// The API reference: lists every call of the description, finds them by words, opens them by keyboard.
import assert from 'node:assert/strict';
import { endpoint, stage } from './support/browser.mjs';
import { fits, judge } from './support/judge.mjs';

const scene = stage();

const opened = (page) => page.getByLabel('Find a call').waitFor();
const callsOf = async (file) => {
  const description = await (await fetch(`${endpoint}/${file}`)).json();
  return Object.values(description.paths).flatMap((methods) => Object.keys(methods)).length;
};

scene('the reference lists every call and finds them by words', { at: 'reference' }, async (page) => {
  await opened(page);
  assert.equal(await page.locator('details').count(), await callsOf('openapi.json'));
  await page.getByLabel('Find a call').fill('verify whether');
  await page.getByText('1 call', { exact: true }).waitFor();
  const call = page.locator('details');
  await call.locator('summary').focus();
  await page.keyboard.press('Enter');
  await call.getByText('isIdentical').waitFor();
  assert.match(await call.locator('pre').innerText(), /curl -X POST '.*\/face\/v1\.0\/verify'/);
});

scene('the reference tells of management too, at an address of its own', { at: 'reference' }, async (page) => {
  await opened(page);
  const calls = await callsOf('openapi-admin.json');
  await page.getByRole('link', { name: 'Management' }).click();
  await page.getByText(`${calls} calls`, { exact: true }).waitFor();
  assert.match(page.url(), /\?api=management$/);
  await page.reload();
  await page.getByLabel('Find a call').fill('issueLimitedAccessToken');
  await page.getByText('1 call', { exact: true }).waitFor();
  const call = page.locator('details', { hasText: '/sts/v1.0/issueLimitedAccessToken' });
  await call.locator('summary').click();
  await call.getByText('targetAzureResourceId').waitFor();
  await page.goBack();
  await page.getByText(`${await callsOf('openapi.json')} calls`, { exact: true }).waitFor();
});

scene('a description that does not come is said, and trying again helps', { at: '', refusals: ['net::ERR_FAILED'] }, async (page) => {
  await page.route('**/openapi.json', (route) => route.abort(), { times: 1 });
  await page.goto(`${endpoint}/reference`);
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await opened(page);
});

scene('only the studio may ask for a camera', { at: '' }, async (page) => {
  for (const [address, may] of [['', true], ['reference', false], ['admin', false]]) {
    await page.goto(`${endpoint}/${address}`);
    assert.equal(await page.evaluate(() => document.featurePolicy.allowsFeature('camera')), may, `/${address}`);
  }
});

scene('the reference is accessible and fits a phone', { at: 'reference' }, async (page) => {
  for (const [name, api, words] of [['face', 'Face API', 'detect'], ['management', 'Management', 'network']]) {
    await page.getByRole('link', { name: api }).click();
    await opened(page);
    await page.getByLabel('Find a call').fill(words);
    await page.locator('summary').first().click();
    await judge(page, `reference-${name}`);
    await fits(page, `reference-${name}`);
  }
});
