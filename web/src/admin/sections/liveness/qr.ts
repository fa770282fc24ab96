// QR codes as one path of an SVG, so that they are sharp at every size of paper.
import encodeQR from 'qr';

/** Modules of white around a code; scanners need them. */
const QUIET = 4;
/** Longer addresses make modules that a phone does not read across a hall. */
export const LONGEST_ADDRESS = 300;

export interface QrCode {
  /** Modules on a side. */
  size: number;
  /** The dark modules, as `d` of a path. */
  path: string;
}

export function qrOf(address: string): QrCode {
  // A sign gets scratches: a quarter of the code may be lost.
  const rows = encodeQR(address, 'raw', { ecc: 'quartile', border: QUIET });
  const path = rows.map((row, y) => runs(row).map(([x, length]) => `M${x} ${y}h${length}v1h-${length}z`).join('')).join('');
  return { size: rows.length, path };
}

/** Where dark modules begin in a row, and how many follow each other. */
function runs(row: boolean[]): [x: number, length: number][] {
  const found: [number, number][] = [];
  row.forEach((isDark, x) => {
    const last = found.at(-1);
    if (!isDark) return;
    if (last && last[0] + last[1] === x) last[1] += 1;
    else found.push([x, 1]);
  });
  return found;
}
