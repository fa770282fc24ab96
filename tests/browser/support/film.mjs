// A film for Chromium's fake camera: a photo under a slow pan that ends where it began, as raw 4:2:0 (`.y4m`).
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { need } from './browser.mjs';

const WIDTH = 640;
const HEIGHT = 480;
const FRAMES = 10;

/** What each frame of a film shows of the photo. `part` is what the first does. */
export const frames = (part) =>
  Array.from({ length: FRAMES }, (_, number) => {
    const turn = (2 * Math.PI * number) / FRAMES;
    const zoom = 1 + 0.02 * (1 - Math.cos(turn));
    const left = part.left + part.width * 0.01 * Math.sin(turn);
    return { left, top: part.top, width: part.width / zoom, height: part.height / zoom };
  });

/** Writes the film of a photo and returns its path. `part` is what the first frame shows. */
export async function film(page, photo, part, name = 'camera.y4m') {
  const chunks = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`)];
  for (const frame of frames(part)) {
    chunks.push(Buffer.from('FRAME\n'), planes(await pixels(page, photo, frame)));
  }
  const path = join(need('LIKENESS_WORK'), name);
  await writeFile(path, Buffer.concat(chunks));
  return path;
}

/** Writes a film of pictures that have its size already, shown over and over. */
export async function filmOf(page, pictures, name) {
  const chunks = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`)];
  for (const picture of pictures) {
    chunks.push(Buffer.from('FRAME\n'), planes(await pixels(page, picture, { left: 0, top: 0, width: WIDTH, height: HEIGHT })));
  }
  const path = join(need('LIKENESS_WORK'), name);
  await writeFile(path, Buffer.concat(chunks));
  return path;
}

/** RGBA of a part of a photo at the size of the film. */
async function pixels(page, photo, part) {
  const base64 = await page.evaluate(
    async ({ photo, part, width, height }) => {
      const image = new Image();
      image.src = `data:image/jpeg;base64,${photo}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext('2d');
      context.drawImage(image, part.left, part.top, part.width, part.height, 0, 0, width, height);
      const { data } = context.getImageData(0, 0, width, height);
      let text = '';
      for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
      return btoa(text);
    },
    { photo: photo.toString('base64'), part, width: WIDTH, height: HEIGHT },
  );
  return Buffer.from(base64, 'base64');
}

/** Luma for every pixel, the two chroma planes for every four: BT.601 with the full range that `C420jpeg` means. */
function planes(rgba) {
  const luma = Buffer.alloc(WIDTH * HEIGHT);
  const blue = Buffer.alloc((WIDTH * HEIGHT) / 4);
  const red = Buffer.alloc((WIDTH * HEIGHT) / 4);
  const byte = (value) => Math.max(0, Math.min(255, Math.round(value)));
  for (let y = 0; y < HEIGHT; y += 1) {
    for (let x = 0; x < WIDTH; x += 1) {
      const at = (y * WIDTH + x) * 4;
      const [r, g, b] = [rgba[at], rgba[at + 1], rgba[at + 2]];
      luma[y * WIDTH + x] = byte(0.299 * r + 0.587 * g + 0.114 * b);
      if (x % 2 === 0 && y % 2 === 0) {
        const half = (y / 2) * (WIDTH / 2) + x / 2;
        blue[half] = byte(128 - 0.168736 * r - 0.331264 * g + 0.5 * b);
        red[half] = byte(128 + 0.5 * r - 0.418688 * g - 0.081312 * b);
      }
    }
  }
  return Buffer.concat([luma, blue, red]);
}
