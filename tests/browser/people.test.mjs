// People and Identify: from a folder to names on faces.
import assert from 'node:assert/strict';
import { afterEach } from 'node:test';
import { ask, deleteGroups, demo, facesIn } from './support/api.mjs';
import { choose, choosePhoto, drop, endpoint, stage } from './support/browser.mjs';
import { folder, NAMES, portraits, teamFolder } from './support/folders.mjs';
import { redraw } from './support/pictures.mjs';

const scene = stage();
/** Chromium calls a refused photo an error; folders with bad photos provoke it. */
const people = { tab: 'People', refusals: [400] };
afterEach(deleteGroups);

const chooseFolder = (page, path) => choose(page, page.getByRole('button', { name: 'Choose a folder' }), path);
const summary = async (page, label) =>
  Number(await page.getByRole('definition').and(page.locator(`dt:text-is("${label}") + dd`)).innerText());

/** Makes a group without the page, for tests that are about something else. */
async function makeGroup(easel, id, name) {
  await ask('PUT', `persongroups/${id}`, { name, recognitionModel: 'recognition_04' });
  for (const [person, photos] of Object.entries(await portraits(easel, 2))) {
    const { personId } = await ask('POST', `persongroups/${id}/persons`, { name: person });
    for (const photo of photos) await ask('POST', `persongroups/${id}/persons/${personId}/persistedfaces`, photo);
  }
}

async function trained(id) {
  await ask('POST', `persongroups/${id}/train`);
  for (let tries = 0; tries < 100; tries += 1) {
    if ((await ask('GET', `persongroups/${id}/training`)).status === 'succeeded') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail('the training did not end');
}

/** Begins to make a group from a folder of 13 photos and cancels while the fifth is on its way. */
async function stopHalfWay(page, path) {
  await chooseFolder(page, path);
  let added = 0;
  await page.route('**/persistedfaces*', async (route) => {
    added += 1;
    if (added > 4) await new Promise((resolve) => setTimeout(resolve, 3000));
    await route.continue().catch(() => undefined);
  });
  await page.getByRole('button', { name: /Make the group/ }).click();
  await page.getByText('Photo 5 of 13').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
}

scene('a group from a folder, then names on the right faces', people, async (page, easel) => {
  await chooseFolder(page, await teamFolder(easel, 'Our Team'));
  const preview = page.getByRole('form', { name: 'Is this right?' });
  await preview.getByText('4 people, 13 photos').waitFor();
  await preview.getByText('Left out, because it is not a picture: notes.txt').waitFor();
  await preview.getByLabel('Name of the group').fill('Front Desk');
  await preview.getByText('Its id for the API will be front-desk').waitFor();

  // Slow enough that the progress can be seen.
  await page.route('**/persistedfaces*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 120));
    await route.continue();
  });
  await page.getByRole('button', { name: 'Make the group' }).click();
  const bar = page.getByRole('progressbar', { name: 'Progress' });
  const seen = new Set();
  while ((await bar.count()) > 0) {
    const now = await bar.getAttribute('aria-valuenow', { timeout: 500 }).catch(() => null);
    if (now !== null) seen.add(Number(now));
    await page.waitForTimeout(60);
  }
  assert.ok(seen.size >= 4, `the bar moved: ${[...seen]}`);

  await page.getByRole('heading', { name: '“Front Desk” is ready' }).waitFor();
  assert.equal(await summary(page, 'People'), 3);
  assert.equal(await summary(page, 'Photos added'), 9);
  assert.equal(await summary(page, 'Photos skipped'), 4);
  await page.getByText('Ann · hills.jpg: no face found').waitFor();
  await page.getByText('Bea · everybody.jpg: more than one face').waitFor();
  await page.getByText('Cleo · broken.jpg: cannot be read as a picture').waitFor();
  await page.getByText('Without a usable photo, so not in the group: Dora.').waitFor();
  const persons = await ask('GET', 'persongroups/front-desk/persons');
  assert.deepEqual(persons.map(({ name, persistedFaceIds }) => [name, persistedFaceIds.length]).sort(), [
    ['Ann', 3],
    ['Bea', 3],
    ['Cleo', 3],
  ]);

  await page.getByRole('button', { name: 'Identify with this group' }).click();
  await page.getByRole('tab', { name: 'Identify', selected: true }).waitFor();
  assert.equal(await page.getByLabel('Group', { exact: true }).inputValue(), 'front-desk');
  await choosePhoto(page, demo(1));
  await page.getByRole('heading', { name: '3 of 3 faces recognised' }).waitFor();
  // From left to right the boxes carry the names; the API's order is by size.
  const boxes = await Promise.all(
    NAMES.map(async (name) => (await page.getByRole('button', { name: new RegExp(`^Face \\d: ${name}$`) }).boundingBox()).x),
  );
  assert.deepEqual(boxes, [...boxes].sort((a, b) => a - b));
  assert.equal(await page.getByText(/^confidence [01]\.\d\d$/).count(), 3);
});

scene('photos that are poor references are told of, with the reason', people, async (page, easel) => {
  const { Ann, Bea } = await portraits(easel, 2);
  // Ann's second photo shows a face of some 50 pixels.
  const small = await redraw(easel, Ann[1], { width: 90, height: 90 });
  await chooseFolder(page, await folder('Poor', { 'Ann/1.jpg': Ann[0], 'Ann/far.jpg': small, 'Bea/1.jpg': Bea[0] }));
  await page.getByRole('button', { name: 'Make the group' }).click();
  await page.getByRole('heading', { name: '“Poor” is ready' }).waitFor();
  assert.equal(await summary(page, 'Photos added'), 3);
  await page.getByText('Added, but poor references').waitFor();
  await page.getByText(/^Ann · far\.jpg: the face is small/).waitFor();
  assert.equal(await page.getByText(/^Ann · 1\.jpg/).count(), 0);
  // The server's own count says the same.
  const judged = await fetch(`${endpoint}/metrics`).then((answer) => answer.text());
  assert.match(judged, /likeness_reference_flaws_total\{flaw="small"\} [1-9]/);
});

scene('strangers are unknown', people, async (page, easel) => {
  await makeGroup(easel, 'desk', 'Desk');
  await trained('desk');
  await page.getByRole('tab', { name: 'Identify' }).click();
  await page.getByLabel('Group', { exact: true }).selectOption('Desk');
  const [answer] = await Promise.all([page.waitForResponse(/identify/), choosePhoto(page, demo(3))]);
  const strangers = (await answer.json()).filter(({ candidates }) => candidates.length === 0).length;
  const all = (await facesIn(demo(3).buffer)).length;
  assert.ok(strangers > 0);
  await page.getByRole('heading', { name: `${all - strangers} of ${all} faces recognised` }).waitFor();
  assert.equal(await page.getByRole('button', { name: /^Face \d+: Unknown$/ }).count(), strangers);
  assert.equal(await page.getByRole('heading', { name: 'Unknown' }).count(), strangers);
});

scene('a group that is not trained can be trained from Identify', people, async (page, easel) => {
  await makeGroup(easel, 'fresh', 'Fresh');
  await page.getByRole('tab', { name: 'Identify' }).click();
  await choosePhoto(page, demo(1));
  await page.getByRole('alert').getByText('is not trained').waitFor();
  await page.getByRole('button', { name: 'Train the group now' }).click();
  await page.getByRole('heading', { name: '3 of 3 faces recognised' }).waitFor();
});

scene('a dropped folder of flat files is understood by their names', people, async (page, easel) => {
  const { Ann, Bea } = await portraits(easel, 2);
  const files = { 'Ann 1.jpg': Ann[0], 'Ann_2.jpg': Ann[1], 'Family1-Dad1.jpg': Bea[0], 'Family1-Dad (2).jpg': Bea[1] };
  const target = page.getByRole('group', { name: 'Drop a folder of photos' });
  await drop(page, target, [await folder('Gäste & Co', files)]);
  const list = page.getByRole('list', { name: 'People' });
  await list.waitFor();
  assert.deepEqual(await list.getByRole('listitem').allInnerTexts(), ['Ann\n2 photos', 'Family1-Dad\n2 photos']);
  assert.equal(await page.getByLabel('Name of the group').inputValue(), 'Gäste & Co');
  await page.getByText(/^Its id for the API will be ga-?ste-co$/).waitFor();
  await page.getByLabel('Name of the group').fill('');
  await page.getByRole('button', { name: /Make the group/ }).click();
  await page.getByRole('alert').getByText('Give the group a name.').waitFor();
});

scene('a folder without photos is refused in words', people, async (page) => {
  await chooseFolder(page, await folder('Papers', { 'a.txt': Buffer.from('text'), 'b/c.pdf': Buffer.from('%PDF') }));
  await page.getByRole('alert').getByText('The folder contains no photo.').waitFor();
});

scene('an import that is cancelled half way can be cleaned up', people, async (page, easel) => {
  await stopHalfWay(page, await teamFolder(easel, 'Half'));
  await page.getByRole('heading', { name: 'Stopped' }).waitFor();
  await page.getByText('The group “Half” exists on the server with 1 person and 3 photos.').waitFor();
  assert.equal((await ask('GET', 'persongroups')).length, 1);
  await page.getByRole('button', { name: 'Delete the half-made group' }).click();
  await page.getByText('No group yet.').waitFor();
  assert.deepEqual(await ask('GET', 'persongroups'), []);
});

scene('a stopped import can be trained with what is there', people, async (page, easel) => {
  await stopHalfWay(page, await teamFolder(easel, 'Part'));
  await page.getByRole('button', { name: 'Train with the photos added so far' }).click();
  await page.getByRole('heading', { name: '“Part” is ready' }).waitFor();
  assert.equal((await ask('GET', 'persongroups/part/training')).status, 'succeeded');
});

scene('a failure says what exists', { ...people, refusals: [400, 500] }, async (page, easel) => {
  await chooseFolder(page, await teamFolder(easel, 'Broken'));
  const error = { code: 'InternalServerError', message: 'Something went wrong on our side.' };
  await page.route('**/persistedfaces*', (route) => route.fulfill({ status: 500, json: { error } }));
  await page.getByRole('button', { name: /Make the group/ }).click();
  await page.getByRole('heading', { name: 'This did not work' }).waitFor();
  await page.getByRole('alert').getByText('Something went wrong on our side.').waitFor();
  await page.getByText('exists on the server with 0 people and 0 photos').waitFor();
  await page.getByRole('button', { name: 'Delete the half-made group' }).waitFor();
});

scene('a group is shown, and deleted only after a question', people, async (page, easel) => {
  await makeGroup(easel, 'old', 'Old friends');
  await page.reload();
  await page.getByRole('button', { name: 'Show the people of Old friends' }).click();
  await page.getByText('Cleo · 2 photos').waitFor();
  const remove = page.getByRole('button', { name: 'Delete Old friends' });
  await remove.click();
  const dialog = page.getByRole('dialog', { name: 'Delete “Old friends”?' });
  await dialog.getByText('3 people with 6 photos will be deleted from the server permanently').waitFor();
  await page.keyboard.press('Escape');
  assert.equal(await dialog.count(), 0);
  assert.equal((await ask('GET', 'persongroups')).length, 1);
  await remove.click();
  await dialog.getByRole('button', { name: 'Delete permanently' }).click();
  await page.getByText('“Old friends” is deleted.').waitFor();
  assert.deepEqual(await ask('GET', 'persongroups'), []);
});

scene('without a group Identify leads to People', { tab: 'Identify' }, async (page) => {
  await page.getByRole('button', { name: 'Make a group' }).click();
  await page.getByRole('tab', { name: 'People', selected: true }).waitFor();
});
