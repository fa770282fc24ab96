// A logo as the server stores it: a PNG of at most 48 KB, in base64.
const LARGEST = 48 * 1024;
/** Three times the room that it has on the capture page, for sharp screens. */
const ROOM = { width: 480, height: 132 };
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The file is no picture that this browser reads. */
export class UnreadableLogo extends Error {}
/** It stays too large however small it is drawn. */
export class LargeLogo extends Error {}

export async function readLogo(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (bytes.length <= LARGEST && PNG.every((byte, place) => bytes[place] === byte)) {
    // A picture that the browser cannot show is none for anybody else.
    await imageOf(file);
    return base64(bytes);
  }
  const image = await imageOf(file);
  for (const share of [1, 0.66, 0.33]) {
    const drawn = await draw(image, share);
    if (drawn.length <= LARGEST) return base64(drawn);
  }
  throw new LargeLogo();
}

async function imageOf(file: File): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await image.decode();
    return image;
  } catch {
    throw new UnreadableLogo();
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

async function draw(image: HTMLImageElement, share: number): Promise<Uint8Array> {
  // A drawing without a size of its own gets one.
  const width = image.naturalWidth || ROOM.width;
  const height = image.naturalHeight || ROOM.height;
  const scale = Math.min(1, ROOM.width / width, ROOM.height / height) * share;
  const canvas = document.createElement('canvas');
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new UnreadableLogo();
  return new Uint8Array(await blob.arrayBuffer());
}

const base64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

/** The bytes of a logo in base64, as people say it. */
export const sizeOf = (logo: string): string => `${Math.max(1, Math.round((logo.length * 3) / 4 / 1024))} KB`;
