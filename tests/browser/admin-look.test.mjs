// How the admin page looks and reads: every section is accessible in both schemes and fits a narrow phone.
import assert from 'node:assert/strict';
import { call, manage, newAccount } from './support/admin.mjs';
import { demo } from './support/api.mjs';
import { endpoint, operatorKey, stage } from './support/browser.mjs';
import { fits, judge, SOME } from './support/judge.mjs';

const scene = stage();
const at = `admin#key=${operatorKey}`;

scene('the way in, the list and the form are accessible and fit 320 pixels', { at: 'admin#key=wrong', refusals: [401] }, async (page) => {
  await page.getByRole('alert').waitFor();
  await judge(page, 'admin-gate', SOME);
  await fits(page, 'gate');
  await newAccount('a-name-that-is-as-long-as-a-name-of-an-account-may-be-in-a-list');
  await page.goto(`${endpoint}/${at}`);
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  await judge(page, 'admin-accounts');
  await fits(page, 'accounts');
  await page.getByRole('button', { name: 'New account' }).click();
  await page.getByText('Further settings').click();
  await judge(page, 'admin-new', SOME);
  await fits(page, 'new');
  await page.getByLabel('Name', { exact: true }).fill('fresh');
  await page.getByRole('button', { name: 'Create the account' }).click();
  await page.getByRole('heading', { name: 'Account “fresh” is created' }).waitFor();
  await judge(page, 'admin-made', SOME);
  await fits(page, 'made');
  await page.goBack();
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  await page.getByRole('button', { name: 'Installation' }).click();
  await page.getByText('newest first').waitFor();
  await judge(page, 'admin-installation', SOME);
  await fits(page, 'installation');
});

/** An account in which there is something to see in every section. */
async function filled() {
  const account = await newAccount('Contoso-Face', { mayIssue: true });
  const { id, keys } = account;
  await manage('PATCH', `accounts/${id}`, {
    network: { defaultAction: 'Allow', rules: [{ address: '203.0.113.0/24' }, { address: '2001:db8::1' }] },
    retention: { faceId: 5400 },
  });
  for (const text of ['Cameras\n\nOld.', 'Cameras at our door\n\nWe look at your face to open the door.\n\nYou may say no.']) {
    await manage('PUT', `accounts/${id}/notices/en`, { text, controller: 'Contoso Ltd', processor: 'Hosting Inc' });
  }
  await manage('PUT', `accounts/${id}/blocked`, { resourceId: account.resourceId.replace('Contoso', 'Other') });
  await call(keys.key1, 'PUT', 'persongroups/door', { name: 'door', recognitionModel: 'recognition_04' });
  await call(keys.key1, 'POST', 'persongroups/door/persons', { name: 'Ada', userData: 'n-1' });
  for (let turn = 0; turn < 3; turn += 1) await call(keys.key1, 'POST', 'detect?returnFaceId=true', demo(1).buffer);
  return account;
}

scene('every section is accessible and fits 320 pixels', { at: '' }, async (page) => {
  const { id } = await filled();
  await page.goto(`${endpoint}/${at}`);
  await page.getByRole('button', { name: /^Contoso-Face / }).click();
  const report = (path, answer) => page.route(path, (route) => route.fulfill({ json: answer }));
  const days = [...Array(12).keys()].map((back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10));
  await report(
    '**/usage?*',
    days.flatMap((day, back) => [
      { day, operation: 'detect', calls: 40 + ((back * 37) % 60), billed: 40 },
      { day, operation: 'identify', calls: 20 + ((back * 23) % 30), billed: 20 },
      { day, operation: 'verify', calls: (back * 7) % 12, billed: 4 },
    ]),
  );
  const client = `/subscriptions/${id}/resourceGroups/likeness/providers/Microsoft.CognitiveServices/accounts/kiosk`;
  await report('**/tokens/report?*', {
    days: days.slice(0, 5).map((day, back) => ({ client, flag: 'Face.Identification', day, issued: 3 + back, issueRefused: back % 2, used: 10, useRefused: 1 })),
    events: [{ at: `${days[0]}T10:00:00Z`, action: 'issue_limited_access_token', refused: false, token: id, target: client, flags: ['Face.Identification'], expires: 0, requestId: id }],
  });
  const steps = {
    Overview: async () => page.getByText('How programs identify').waitFor(),
    Keys: async () => {
      await page.getByRole('button', { name: 'Show the keys' }).click();
      await page.getByRole('button', { name: 'Copy Key 2' }).waitFor();
    },
    Approvals: async () => page.getByRole('switch').first().waitFor(),
    Network: async () => page.getByText('203.0.113.0/24', { exact: true }).waitFor(),
    Roles: async () => page.getByText('No role is assigned.').waitFor(),
    Retention: async () => page.getByRole('cell', { name: '1 hour 30 minutes' }).waitFor(),
    'Encryption key': async () => page.getByRole('button', { name: 'Disable the key…' }).waitFor(),
    'Vendor and clients': async () => page.getByRole('img', { name: /Tokens by day/ }).waitFor(),
    Notices: async () => page.getByText('Version 2 is in force.').waitFor(),
    Usage: async () => page.getByRole('img', { name: /Calls by day/ }).waitFor(),
    'Audit log': async () => {
      await page.getByRole('button', { name: 'Verify the audit log' }).click();
      await page.getByText('The audit log is intact').waitFor();
    },
    'Person data': async () => {
      await page.getByLabel('Name', { exact: true }).fill('Ada');
      await page.getByRole('button', { name: 'Find the data' }).click();
      await page.getByRole('heading', { name: 'Data found in 1 place' }).waitFor();
    },
  };
  for (const [section, ready] of Object.entries(steps)) {
    await page.getByRole('navigation', { name: 'Sections' }).getByRole('button', { name: section, exact: true }).click();
    await ready();
    await judge(page, `admin-${section.toLowerCase().replaceAll(' ', '-')}`, SOME);
    await fits(page, section);
  }
});

scene('dialogs are accessible and fit 320 pixels', { at: '' }, async (page) => {
  await newAccount('dialogs');
  await page.goto(`${endpoint}/${at}`);
  await page.getByRole('button', { name: /^dialogs / }).click();
  await page.getByRole('button', { name: 'Close the account…' }).click();
  await page.getByLabel('Grace period in days').fill('0');
  await page.getByText('Nobody can restore it').waitFor();
  await judge(page, 'admin-close', SOME);
  await fits(page, 'close');
});

scene('the keyboard alone reaches and changes what there is', { at: '' }, async (page) => {
  const { id } = await newAccount('keyboard');
  await page.goto(`${endpoint}/${at}`);
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
  const active = () =>
    page.evaluate(() => {
      const element = document.activeElement;
      return (element.getAttribute('aria-label') ?? element.labels?.[0]?.textContent ?? element.textContent).trim();
    });
  const tabTo = async (wanted) => {
    for (let presses = 0; presses < 60; presses += 1) {
      await page.keyboard.press('Tab');
      if ((await active()).startsWith(wanted)) return;
    }
    assert.fail(`Tab does not reach ${wanted}`);
  };
  await tabTo('keyboard');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'keyboard' }).waitFor();
  await tabTo('Approvals');
  await page.keyboard.press('Enter');
  await tabTo('Smile');
  await page.keyboard.press('Space');
  await page.getByText('Smile is no longer approved.').waitFor();
  assert.equal(await active(), 'Smile', 'the focus stays');
  assert.equal((await manage('GET', `accounts/${id}`)).approvals.attributes.includes('smile'), false);
  await page.evaluate(() => document.activeElement.blur());
  await tabTo('Network');
  await page.keyboard.press('Enter');
  await tabTo('Value');
  await page.keyboard.type('203.0.113.7');
  await page.keyboard.press('Enter');
  await tabTo('Save');
  await page.keyboard.press('Enter');
  await page.getByText('Saved.').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Accounts', exact: true }).waitFor();
});
