// A photo as the page holds it: bytes that the server reads, and the same picture for the screen.
import { Problem } from './api/problem';
import { sharedTexts } from './texts';

/** Largest file that the Face API takes. */
export const MOST_BYTES = 6 * 1024 * 1024;
/** Longest side after a re-encoding; faces up to this size are detectable. */
const LONGEST_SIDE = 4096;
/** The server decodes at most this many pixels. */
const MOST_PIXELS = 50_000_000;
const QUALITIES = [0.92, 0.85, 0.75, 0.6];

export interface Photo {
  name: string;
  /** What is sent. */
  bytes: Blob;
  /** Object URL of `bytes`, so that boxes fit what is shown. */
  url: string;
  /** The decoded picture, upright. */
  image: HTMLImageElement;
  width: number;
  height: number;
  /** Said when the file was changed on its way. */
  changed?: string;
}

type Format = 'JPEG' | 'PNG' | 'GIF' | 'BMP';

const STARTS: [Format, number[]][] = [
  ['JPEG', [0xff, 0xd8, 0xff]],
  ['PNG', [0x89, 0x50, 0x4e, 0x47]],
  ['GIF', [0x47, 0x49, 0x46, 0x38]],
  ['BMP', [0x42, 0x4d]],
];

/** The format by the first bytes, since names and media types lie; nothing for what the server does not read. */
async function formatOf(file: Blob): Promise<Format | undefined> {
  const start = new Uint8Array(await file.slice(0, 4).arrayBuffer());
  return STARTS.find(([, expected]) => expected.every((byte, position) => start[position] === byte))?.[0];
}

/** Reads a file of the user's. Re-encodes what the server would refuse, if the browser can show it. */
export async function openPhoto(file: File): Promise<Photo> {
  const format = await formatOf(file);
  const photo = await shown(file, file.name);
  const pixels = photo.width * photo.height;
  if (format && file.size <= MOST_BYTES && pixels <= MOST_PIXELS) return photo;
  try {
    const bytes = await asJpeg(photo.image, photo.width, photo.height);
    const smaller = await shown(bytes, file.name);
    const size = { width: smaller.width, height: smaller.height, bytes: bytes.size };
    smaller.changed = format ? sharedTexts.photo.shrunk(file.size, size) : sharedTexts.photo.converted(size);
    return smaller;
  } finally {
    closePhoto(photo);
  }
}

async function shown(bytes: Blob, name: string): Promise<Photo> {
  const url = URL.createObjectURL(bytes);
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    URL.revokeObjectURL(url);
    throw new Problem(sharedTexts.photo.unreadable(name), sharedTexts.photo.unreadableRemedy);
  }
  return { name, bytes, url, image, width: image.naturalWidth, height: image.naturalHeight };
}

async function asJpeg(image: HTMLImageElement, width: number, height: number): Promise<Blob> {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(width, height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d');
  if (!context) throw new Problem(sharedTexts.photo.noCanvas, sharedTexts.photo.unreadableRemedy);
  // JPEG knows no transparency; white is what the server lays under it too.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0, canvas.width, canvas.height);
  for (const quality of QUALITIES) {
    const bytes = await toJpeg(canvas, quality);
    if (bytes.size <= MOST_BYTES) return bytes;
  }
  throw new Problem(sharedTexts.photo.stillTooLarge, sharedTexts.photo.unreadableRemedy);
}

/** The canvas as JPEG bytes. */
export function toJpeg(canvas: HTMLCanvasElement, quality = 0.92): Promise<Blob> {
  return new Promise((resolve, reject) => {
    canvas.toBlob(
      (blob) => (blob ? resolve(blob) : reject(new Problem(sharedTexts.photo.noCanvas, sharedTexts.photo.unreadableRemedy))),
      'image/jpeg',
      quality,
    );
  });
}

/** Lets go of the picture's memory. */
export function closePhoto(photo: Photo | undefined): void {
  if (!photo) return;
  URL.revokeObjectURL(photo.url);
}
