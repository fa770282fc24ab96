// The public key of a registered device, as people paste it.
const POINT = 65;
/** What stands before the point in a public key of the curve P-256 in DER. */
const BEFORE = '3059301306072a8648ce3d020106082a8648ce3d030107034200';

export const isPrivateKey = (text: string): boolean => /PRIVATE KEY/.test(text);

/** The uncompressed point in base64url; nothing where it is none. The server checks that it lies on the curve. */
export function pointOf(text: string): string | undefined {
  const base64 = text
    .replace(/-----(BEGIN|END) PUBLIC KEY-----/g, '')
    .replace(/\s+/g, '')
    .replace(/=+$/, '')
    .replaceAll('-', '+')
    .replaceAll('_', '/');
  let bytes: string;
  try {
    bytes = atob(base64);
  } catch {
    return undefined;
  }
  const before = [...bytes.slice(0, -POINT)].map((byte) => byte.charCodeAt(0).toString(16).padStart(2, '0')).join('');
  const point = bytes.slice(-POINT);
  if (point.length !== POINT || point.charCodeAt(0) !== 4 || (before !== '' && before !== BEFORE)) return undefined;
  return btoa(point).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}
