// Folders of photos of the people in the demo photos, as a user would have them.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { demo, facesIn } from './api.mjs';
import { need } from './browser.mjs';
import { landscape, portraitOf } from './pictures.mjs';

/** The people of the first demo photo, from left to right. */
export const NAMES = ['Ann', 'Bea', 'Cleo'];

/** Several portraits of each of them: `{ Ann: [bytes, ...], ... }`. */
export async function portraits(page, each = 3) {
  const photo = demo(1).buffer;
  const faces = (await facesIn(photo)).sort((a, b) => a.left - b.left);
  const people = {};
  for (const [position, name] of NAMES.entries()) {
    people[name] = [];
    for (let number = 0; number < each; number += 1) {
      const shape = { margin: 0.35 + 0.07 * number, size: 300 - 20 * number };
      people[name].push(await portraitOf(page, photo, faces[position], shape));
    }
  }
  return people;
}

/** Writes a folder, given as `{ 'Ann/1.jpg': bytes }`, and returns its path. */
export async function folder(name, files) {
  const root = join(need('LIKENESS_WORK'), `${Date.now()}-${Math.random().toString(36).slice(2)}`, name);
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
  }
  return root;
}

/** One subfolder for each person, with files among them that cannot be used. */
export async function teamFolder(page, name) {
  const files = {};
  for (const [person, photos] of Object.entries(await portraits(page))) {
    photos.forEach((photo, number) => (files[`${person}/${number + 1}.jpg`] = photo));
  }
  files['Ann/hills.jpg'] = await landscape(page);
  files['Bea/everybody.jpg'] = demo(1).buffer;
  files['Cleo/broken.jpg'] = Buffer.from('not a picture at all '.repeat(100));
  files['Cleo/notes.txt'] = Buffer.from('a note');
  files['.DS_Store'] = Buffer.from('litter');
  files['Dora/hills.jpg'] = await landscape(page);
  return folder(name, files);
}
