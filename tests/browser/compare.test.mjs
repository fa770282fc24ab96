// Compare: verdict, number and scale agree with the server; picking one of several faces.
import assert from 'node:assert/strict';
import { ask, demo, facesIn, portrait, skipWithoutPortraits } from './support/api.mjs';
import { choose, stage } from './support/browser.mjs';
import { jpeg, landscape, portraitOf } from './support/pictures.mjs';

const scene = stage();

const side = (page, name) => page.getByRole('region', { name });
const give = (page, name, photo) =>
  choose(page, side(page, name).getByRole('button', { name: /Choose a photo|Another photo/ }), photo);
const result = (page) => page.getByRole('region', { name: 'Result' });

/** Gives both photos and returns the server's answer once the page shows a result. */
async function compare(page, first, second) {
  await give(page, 'First photo', first);
  await side(page, 'First photo').getByRole('button', { name: 'Compare face 1' }).waitFor();
  const [answer] = await Promise.all([page.waitForResponse(/verify/), give(page, 'Second photo', second)]);
  await result(page).waitFor();
  return answer.json();
}

async function shows(page, { confidence }, verdict) {
  const number = confidence.toFixed(2);
  await result(page).getByRole('heading', { name: verdict }).waitFor();
  assert.equal(await page.locator('[data-confidence]').innerText(), number);
  await result(page).getByRole('img', { name: `Confidence ${number} on a scale` }).waitFor();
  assert.equal(await result(page).getByRole('img', { name: /^The face from the (first|second) photo$/ }).count(), 2);
}

scene('the same person in two pictures', { tab: 'Compare' }, async (page, easel) => {
  const [face] = await facesIn(demo(1).buffer);
  const near = await portraitOf(easel, demo(1).buffer, face, { margin: 0.4, size: 300 });
  const far = await portraitOf(easel, demo(1).buffer, face, { margin: 0.6, size: 200 });
  const answer = await compare(page, jpeg('near.jpg', near), jpeg('far.jpg', far));
  assert.ok(answer.isIdentical && answer.confidence > 0.6, JSON.stringify(answer));
  await shows(page, answer, 'Likely the same person');
  await page.getByText('It is not a probability').waitFor();
  await page.getByText('What the score says').click();
  await page.getByText('It is not a probability').waitFor({ state: 'hidden' });
});

scene('different people', { tab: 'Compare' }, async (page, easel) => {
  const faces = await facesIn(demo(1).buffer);
  const [one, other] = faces.sort((a, b) => a.left - b.left);
  const first = jpeg('one.jpg', await portraitOf(easel, demo(1).buffer, one));
  const second = jpeg('other.jpg', await portraitOf(easel, demo(1).buffer, other));
  const answer = await compare(page, first, second);
  assert.ok(!answer.isIdentical && answer.confidence < 0.4, JSON.stringify(answer));
  await shows(page, answer, 'Probably different people');
});

scene('near the mark it is too close to call', { tab: 'Compare' }, async (page) => {
  await page.route('**/verify', (route) => route.fulfill({ json: { isIdentical: true, confidence: 0.53 } }));
  await compare(page, demo(1), demo(2));
  await shows(page, { confidence: 0.53 }, 'Too close to call');
  await result(page).getByText('the answer is “same person”, but another photo could change it').waitFor();
});

scene('one of several faces is picked', { tab: 'Compare' }, async (page, easel) => {
  const faces = await facesIn(demo(1).buffer);
  const wanted = faces.length - 1;
  const alone = await portraitOf(easel, demo(1).buffer, faces[wanted]);
  const before = await compare(page, demo(1), jpeg('alone.jpg', alone));
  const group = side(page, 'First photo').getByRole('group', { name: `${faces.length} faces in this photo` });
  assert.equal(await group.getByRole('radio').count(), faces.length);
  assert.equal(await group.getByRole('radio', { name: 'Face 1' }).isChecked(), true, 'the largest is the default');
  assert.equal(before.isIdentical, false);
  const [after] = await Promise.all([
    page.waitForResponse(/verify/),
    group.getByRole('radio', { name: `Face ${wanted + 1}` }).check(),
  ]);
  const answer = await after.json();
  assert.equal(answer.isIdentical, true);
  await shows(page, answer, 'Likely the same person');
  // The box on the photo picks too.
  await side(page, 'First photo').getByRole('button', { name: 'Compare face 1' }).click();
  await result(page).getByRole('heading', { name: 'Probably different people' }).waitFor();
});

scene('faces live a minute and no longer', { tab: 'Compare' }, async (page) => {
  const [request] = await Promise.all([page.waitForRequest(/detect/), give(page, 'First photo', demo(1))]);
  assert.match(request.url(), /faceIdTimeToLive=60(&|$)/);
});

scene('a photo without a face keeps the other side', { tab: 'Compare' }, async (page, easel) => {
  await give(page, 'First photo', demo(1));
  await page.getByText('Add the other photo').waitFor();
  await give(page, 'Second photo', jpeg('hills.jpg', await landscape(easel)));
  await side(page, 'Second photo').getByRole('alert').getByText('No face found in this photo.').waitFor();
  assert.equal(await result(page).count(), 0);
  await give(page, 'Second photo', demo(1));
  await result(page).getByRole('heading', { name: 'Likely the same person' }).waitFor();
});

const portraits = 'portraits of one person taken at different times';
scene(portraits, { tab: 'Compare', skip: skipWithoutPortraits(portraits) }, async (page) => {
  const [first, second] = [portrait('Family1-Dad1.jpg'), portrait('Family1-Dad2.jpg')];
  const ids = await Promise.all(
    [first, second].map(async ({ buffer }) => (await ask('POST', 'detect?faceIdTimeToLive=60', buffer))[0].faceId),
  );
  const direct = await ask('POST', 'verify', { faceId1: ids[0], faceId2: ids[1] });
  const answer = await compare(page, first, second);
  assert.deepEqual(answer, direct, 'the page gets what a client gets');
  assert.equal(answer.isIdentical, true);
  await shows(page, answer, answer.confidence < 0.6 ? 'Too close to call' : 'Likely the same person');
  await give(page, 'Second photo', portrait('Family1-Mom1.jpg'));
  await result(page).getByRole('heading', { name: 'Probably different people' }).waitFor();
});
