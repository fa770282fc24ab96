// Look: boxes where the API says, landmarks, and what the page does with photos that are unusual.
import assert from 'node:assert/strict';
import { ask, demo, demoPath, facesIn } from './support/api.mjs';
import { choosePhoto, drop, keepSent, lastSent, stage } from './support/browser.mjs';
import { jpeg, landscape, redraw } from './support/pictures.mjs';

const scene = stage();
const boxes = (page) => page.getByRole('list', { name: 'Faces in the photo' }).getByRole('button');
const MEGABYTE = 1024 * 1024;

scene('as many boxes as faces, and each where the API says', {}, async (page) => {
  const photo = demo(1);
  const expected = await facesIn(photo.buffer);
  assert.ok(expected.length >= 3);
  await choosePhoto(page, photo);
  await page.getByRole('heading', { name: `${expected.length} faces found` }).waitFor();
  assert.equal(await boxes(page).count(), expected.length);
  assert.equal(await page.getByRole('heading', { name: /^Face \d/ }).count(), expected.length);

  const image = page.getByRole('img', { name: 'Your photo sample1.jpg' });
  const [shown, natural] = [await image.boundingBox(), await image.evaluate((i) => [i.naturalWidth, i.naturalHeight])];
  const scale = shown.width / natural[0];
  for (const [position, face] of expected.entries()) {
    const box = await boxes(page).nth(position).boundingBox();
    const drawn = [box.x - shown.x, box.y - shown.y, box.width, box.height];
    const wanted = [face.left, face.top, face.width, face.height].map((value) => value * scale);
    drawn.forEach((value, at) => assert.ok(Math.abs(value - wanted[at]) < 1.5, `${drawn} is not ${wanted}`));
  }
});

scene('a card says what the API measured', {}, async (page) => {
  const photo = demo(1);
  const names = 'headPose,blur,exposure,noise,qualityForRecognition';
  const path = `detect?returnFaceId=false&recognitionModel=recognition_04&returnFaceAttributes=${names}`;
  const [{ faceAttributes: first }] = await ask('POST', path, photo.buffer);
  await choosePhoto(page, photo);
  const card = page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: 'Face 1' }) });
  const said = (await card.innerText()).replaceAll('−', '-');
  assert.ok(said.includes(`Yaw\n${first.headPose.yaw.toFixed(0)}°`), said);
  for (const [label, value] of [['Blur', first.blur], ['Exposure', first.exposure], ['Noise', first.noise]]) {
    const meter = card.getByRole('meter', { name: label });
    assert.equal(Number(await meter.getAttribute('aria-valuenow')), value.value, label);
  }
  assert.match(said, new RegExp(`For recognition: ${first.qualityForRecognition}`, 'i'));
  await page.getByText('the server keeps nothing of this photo').waitFor();
});

scene('cards and boxes light each other up', {}, async (page) => {
  await choosePhoto(page, demo(1));
  const card = page.getByRole('button', { name: 'Face 2: show it on the photo' });
  const box = page.getByRole('button', { name: 'Face 2: show what was measured' });
  const border = () => box.evaluate((element) => getComputedStyle(element).borderTopWidth);
  await card.waitFor();
  assert.equal(await border(), '2px');
  await card.focus();
  assert.equal(await border(), '4px');
  await box.click();
  assert.equal(await card.getAttribute('aria-pressed'), 'true');
  assert.equal(await page.getByRole('button', { pressed: true }).count(), 2, 'the box and its card');
});

scene('landmarks can be shown and hidden', {}, async (page) => {
  await choosePhoto(page, demo(1));
  const points = page.locator('[data-layer=landmarks] circle');
  const toggle = page.getByRole('switch', { name: 'Show landmarks' });
  await boxes(page).first().waitFor();
  assert.equal(await points.count(), 27 * (await boxes(page).count()));
  const [{ faceLandmarks }] = await ask('POST', 'detect?returnFaceId=false&returnFaceLandmarks=true', demo(1).buffer);
  const first = await points.evaluateAll((all) => all.slice(0, 27).map((point) => [point.cx.baseVal.value, point.cy.baseVal.value]));
  Object.values(faceLandmarks).forEach(({ x, y }, at) => {
    assert.ok(Math.hypot(first[at][0] - x, first[at][1] - y) < 0.1, `point ${at} is at ${first[at]}, not ${x}, ${y}`);
  });
  await toggle.click();
  assert.equal(await points.count(), 0);
  await toggle.press('Space');
  assert.ok((await points.count()) > 0);
});

scene('looking for small faces asks the deeper search', {}, async (page) => {
  await choosePhoto(page, demo(2));
  await boxes(page).first().waitFor();
  const [answer] = await Promise.all([
    page.waitForResponse(/detect/),
    page.getByRole('switch', { name: 'Look for small faces' }).click(),
  ]);
  assert.match(answer.url(), /detection_03/);
  const found = await answer.json();
  await page.getByRole('heading', { name: `${found.length} faces found` }).waitFor();
  assert.equal(await page.getByRole('meter', { name: 'Noise' }).count(), 0);
  assert.equal(await page.getByRole('meter', { name: 'Blur' }).count(), found.length);
});

scene('a photo that is dropped or pasted is looked at', {}, async (page) => {
  const expected = await facesIn(demo(3).buffer);
  await drop(page, page.getByRole('main'), [demoPath(3)]);
  await page.getByRole('heading', { name: `${expected.length} faces found` }).waitFor();

  const other = await facesIn(demo(1).buffer);
  await page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([bytes], 'pasted.jpg', { type: 'image/jpeg' }));
    window.dispatchEvent(new ClipboardEvent('paste', { clipboardData }));
  }, demo(1).buffer.toString('base64'));
  await page.getByRole('img', { name: 'Your photo pasted.jpg' }).waitFor();
  await page.getByRole('heading', { name: `${other.length} faces found` }).waitFor();
});

scene('a photo without a face gets a helpful message', {}, async (page, easel) => {
  await choosePhoto(page, jpeg('hills.jpg', await landscape(easel)));
  await page.getByRole('heading', { name: 'No face found in this photo' }).waitFor();
  await page.getByText('The server finds faces from 36 pixels in size').waitFor();
  assert.equal(await boxes(page).count(), 0);
});

scene('what is not a picture is refused in words', {}, async (page) => {
  const file = { name: 'letter.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture '.repeat(300)) };
  await choosePhoto(page, file);
  const alert = page.getByRole('alert');
  await alert.getByText('“letter.jpg” is not a picture that this browser can show.').waitFor();
  await choosePhoto(page, demo(1));
  await boxes(page).first().waitFor();
  assert.equal(await alert.count(), 0, 'the message goes when a photo comes');
});

scene('a damaged picture shows the reason that the server gives', { refusals: [400] }, async (page) => {
  const half = demo(1).buffer.subarray(0, 60_000);
  await choosePhoto(page, jpeg('half.jpg', half));
  await page.getByRole('alert').getByText(/The picture cannot be decoded|not a picture that this browser/).waitFor();
});

scene('a photo above 6 MB is made smaller, and that is said', { before: keepSent }, async (page, easel) => {
  const buffer = await redraw(easel, demo(1).buffer, { width: 2400, height: 1600, type: 'image/png', noise: 90 });
  assert.ok(buffer.length > 6 * MEGABYTE, `${buffer.length} bytes are enough`);
  await choosePhoto(page, { name: 'large.png', mimeType: 'image/png', buffer });
  await boxes(page).first().waitFor();
  const sent = await lastSent(page);
  assert.ok(sent.length < 6 * MEGABYTE && sent.subarray(0, 2).equals(Buffer.from([0xff, 0xd8])), 'a smaller JPEG');
  await page.getByText(/larger than the server takes .* 2400 × 1600 pixels/).waitFor();
  assert.equal(await boxes(page).count(), (await facesIn(sent)).length);
  assert.ok((await boxes(page).count()) >= 3);
});

scene('WebP is converted and accepted', {}, async (page, easel) => {
  const buffer = await redraw(easel, demo(1).buffer, { width: 1920, height: 1280, type: 'image/webp' });
  assert.equal(buffer.subarray(8, 12).toString(), 'WEBP');
  await choosePhoto(page, { name: 'photo.webp', mimeType: 'image/webp', buffer });
  await page.getByText(/does not read this format/).waitFor();
  await page.getByRole('heading', { name: `${(await facesIn(demo(1).buffer)).length} faces found` }).waitFor();
});

scene('a busy server is waited for, visibly', { refusals: [429] }, async (page) => {
  let refused = 0;
  await page.route('**/detect?*', async (route) => {
    if (refused >= 2) return route.continue();
    refused += 1;
    const error = { code: '429', message: 'Every worker is busy.' };
    await route.fulfill({ status: 429, headers: { 'Retry-After': '1' }, json: { error } });
  });
  await choosePhoto(page, demo(1));
  await page.getByText('The server is busy. Trying again in 1 second…').waitFor();
  await boxes(page).first().waitFor();
  assert.equal(refused, 2);
  assert.equal(await page.getByText('The server is busy').count(), 0);
});

scene('a server that fails is said, and trying again helps', { refusals: [502] }, async (page) => {
  await choosePhoto(page, demo(1));
  await boxes(page).first().waitFor();
  await page.route('**/detect?*', (route) => route.fulfill({ status: 502, body: 'gateway' }), { times: 1 });
  await page.getByRole('switch', { name: 'Look for small faces' }).click();
  await page.getByRole('alert').getByText('The server answered with status 502').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await boxes(page).first().waitFor();
});

scene('a server that cannot be reached is said, and trying again helps', { refusals: ['net::ERR_FAILED'] }, async (page) => {
  await page.route('**/detect?*', (route) => route.abort(), { times: 1 });
  await choosePhoto(page, demo(1));
  await page.getByRole('alert').getByText('The server cannot be reached.').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: '3 faces found' }).waitFor();
});
